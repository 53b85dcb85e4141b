//! The report of a fixed set of samples.

use super::{svg, table};
use crate::bench::contender::Contender;
use crate::bench::machine::Machine;
use crate::bench::side_by_side::{Footprint, Results, Sample, Scenario};
use std::collections::BTreeMap;

fn sample(round: usize, scenario: Scenario, contender: Contender, cpu: f64) -> Sample {
    let paced = scenario == Scenario::Paced;
    let mut parts = BTreeMap::from([("gateway".to_owned(), cpu * 1000.0)]);
    if contender == Contender::Ingora {
        parts = BTreeMap::from([("gateway".to_owned(), cpu * 990.0), ("sync".to_owned(), cpu * 10.0)]);
    }
    Sample {
        routes: 10_000,
        scenario,
        contender,
        round,
        requests: 1000,
        errors: 0,
        seconds: 1.0,
        cpu: parts,
        logged: if contender == Contender::Ingora { 490_000 } else { 0 },
        p50: paced.then_some(0.25),
        p99: paced.then_some(1.0 + round as f64),
    }
}

fn results() -> Results {
    let mut samples = Vec::new();
    // The second round was slower for everybody by half: no ratio moves.
    for (round, slow) in [(0, 1.0), (1, 1.5), (2, 1.0)] {
        for (scenario, ingora, floor, envoy) in
            [(Scenario::Http1Small, 22.0, 20.0, 33.0), (Scenario::Paced, 30.0, 25.0, 300.0)]
        {
            samples.push(sample(round, scenario, Contender::Ingora, ingora * slow));
            samples.push(sample(round, scenario, Contender::BarePingora, floor * slow));
            samples.push(sample(round, scenario, Contender::Envoy, envoy * slow));
        }
    }
    let machine = Machine {
        day: "2026-01-02".into(),
        processor: "A CPU".into(),
        cores: 2,
        memory: 24 << 30,
        kernel: "6.1".into(),
    };
    Results {
        machine,
        versions: vec![("Ingora".into(), "0.1.0".into()), ("wrk".into(), "4.1.0".into())],
        seconds: 2,
        rounds: 3,
        rate: 2_000,
        samples,
        footprints: vec![Footprint {
            routes: 10_000,
            contender: Contender::Ingora,
            resident: BTreeMap::from([("gateway".to_owned(), 61 << 20), ("sync".to_owned(), 147 << 20)]),
            start_seconds: 4.51,
        }],
    }
}

#[test]
fn tables_tell_medians_ratios_and_goals() {
    let text = table::side_by_side(&results());
    for line in [
        "Taken on 2026-01-02: 2 cores of A CPU, 24 GB, Linux 6.1 (`make bench`, 3 rounds of 2 s for each figure). Versions: \
         Ingora 0.1.0, wrk 4.1.0.",
        "| | Ingora | bare Pingora | Envoy |",
        "| HTTP/1.1, 1 kB | 22.0 | 20.0 | 33.0 |",
        "| HTTP/1.1, 1 kB | 1.00 (1.00…1.00) | 0.91 (0.91…0.91) | 1.50 (1.50…1.50) |",
        "| HTTP/1.1, 1 kB | 45,454 | 50,000 | 30,303 |",
        "| CPU of Ingora / bare Pingora | at most 1.10 | 1.10 (1.10…1.10) | reached |",
        "| CPU of Envoy / Ingora | at least 2 | 1.50 (1.50…1.50) | missed |",
        "| p99, 10,000 routes | 2.00 (1.00…3.00) | 2.00 (1.00…3.00) | 2.00 (1.00…3.00) |",
        "| memory, 10,000 routes | 208 (gateway 61, sync 147) |  |  |",
        "| start, 10,000 routes | 4.5 s |  |  |",
        "18,000 requests were answered, 0 failed. Of Ingora's CPU, 1.00 % was `ingora sync`; it is included. Bytes of access \
         log per request: Ingora 490.",
    ] {
        assert!(text.contains(line), "{line}\n\n{text}");
    }
    assert!(!text.contains("nginx /"), "nginx did not take part: {text}");
}

#[test]
fn failures_are_told_with_who_failed() {
    let mut results = results();
    results.samples[2].errors = 7;
    let text = table::side_by_side(&results);
    assert!(text.contains("18,000 requests were answered, 7 failed (7 of Envoy)."), "{text}");
}

#[test]
fn what_goes_into_the_json_comes_out_of_it() {
    let results = results();
    let json = serde_json::to_string(&results).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&json).unwrap(), results);
}

#[test]
fn the_picture_has_a_bar_for_each_figure_in_relation_to_ingora() {
    let picture = svg::side_by_side(&results());
    assert_eq!(picture.matches("<rect ").count(), 3, "{picture}");
    let length = |after: &str| -> f64 {
        let bar = picture.split_once(after).unwrap().1.split_once("width=\"").unwrap().1;
        bar.split('"').next().unwrap().parse().unwrap()
    };
    assert!((length(">Envoy<") / length(">Ingora<") - 1.5).abs() < 0.01, "{picture}");
    assert!(picture.contains("with 10,000 routes"));
}
