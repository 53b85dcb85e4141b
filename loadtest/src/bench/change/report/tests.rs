use super::super::growth::{Both, Change};
use super::*;
use crate::bench::process::Memory;
use crate::bench::statistics::Latencies;

fn once(value: f64) -> Option<Spread> {
    Spread::of([value])
}

fn latencies(p50: f64) -> Latencies {
    Latencies { count: 200, p50, p99: p50 * 2.0, longest: p50 * 3.0 }
}

fn size(routes: usize) -> Size {
    let memory = |bytes| Memory { resident: bytes, proportional: 0 };
    let memory = Both { sync: memory((20 << 20) + routes as u64 * 2048), gateway: memory(20 << 20) };
    let cpu = Both { sync: once(400.4), gateway: None };
    Size {
        routes,
        start: once(0.5),
        start_cpu: Both { sync: once(0.25), gateway: once(0.125) },
        memory,
        memory_after: memory,
        idle: Both { sync: 0.0, gateway: 0.0 },
        changes: vec![Change { kind: "an edited Ingress", propagation: latencies(3.0), cpu }],
    }
}

fn stretch(p50: f64, failed: usize) -> Stretch {
    Stretch {
        latencies: latencies(p50),
        failed,
        first_failure: (failed > 0).then(|| "status 503".into()),
        changes: 0,
        sync_cpu: 0.05,
        gateway_cpu: 0.1,
    }
}

fn results(failed: usize) -> Results {
    let rounds = vec![
        Round { quiet: stretch(1.0, 0), changing: stretch(1.5, failed) },
        Round { quiet: stretch(2.0, 0), changing: stretch(4.0, 0) },
    ];
    let line = |what: &str, name: &str| Line {
        routes: 5000,
        what: what.into(),
        figures: [(name.to_owned(), 1.25)].into(),
    };
    Results {
        machine: Machine {
            day: "2026-11-21".into(),
            processor: "an abacus".into(),
            cores: 2,
            memory: 24 << 30,
            kernel: "6.18".into(),
        },
        sizes: vec![size(10), size(50_000)],
        storm: Storm { routes: 5000, rate: 2000, connections: 16, changes: 100, seconds: 5, rounds },
        cluster: vec![line("ready", "ready_s"), line("ingress", "p50_ms")],
    }
}

#[test]
fn the_section_tells_what_was_measured_and_a_dash_what_was_not() {
    let text = results(0).markdown();
    for line in [
        "Taken on 2026-11-21: 2 cores of an abacus, 24 GB, Linux 6.18. ",
        "| routes, each in a file with its Service and EndpointSlice | 10 | 50,000 |\n| --- | --- | --- |\n",
        "| for each further route: controller-sync | – | 2.0 KiB |\n| gateway | – | 0.0 KiB |\n",
        "until the first changed answer, p50 / p99 | 3.0 / 6.0 ms | 3.0 / 6.0 ms |\n",
        "| CPU time of one: controller-sync | 400 µs | 400 µs |\n| gateway | – | – |\n",
        "| p50 | 1.50 (1.00…2.00) ms | 2.75 (1.50…4.00) ms |\n",
        "| requests | 400 | 400 |\n| failed | 0 | 0 |\n",
        "p99 with changes over p99 without, per round: 1.75 (1.50…2.00).",
        "until the gateway is ready | 1.25 s |\n",
        // One of the two figures is missing.
        "until the first 200, p50 / p99 | – |\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn without_a_cluster_there_is_no_section_about_it() {
    let results = Results { cluster: Vec::new(), ..results(0) };
    assert!(!results.markdown().contains("API server"));
}

#[test]
fn a_failed_request_is_told_and_fails_the_bench() {
    assert!(results(0).storm.judge().is_ok());
    let results = results(3);
    assert!(results.markdown().contains("| failed | 0 | 3 |"));
    let said = results.storm.judge().unwrap_err().to_string();
    assert_eq!(said, "3 requests failed, one with: status 503");
}

#[test]
fn the_json_has_all_of_it() {
    let json: serde_json::Value = serde_json::from_str(&results(0).json()).unwrap();
    assert_eq!(json["sizes"][1]["changes"][0]["propagation"]["p99"], 6.0);
    assert_eq!(json["storm"]["rounds"][0]["changing"]["latencies"]["p50"], 1.5);
}

#[test]
fn thousands_are_set_apart() {
    assert_eq!(
        [0, 999, 1000, 50_000, 1_234_567].map(thousands),
        ["0", "999", "1,000", "50,000", "1,234,567"]
    );
}
