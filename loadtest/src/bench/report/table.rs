//! The tables of a side-by-side, in Markdown.

use crate::bench::contender::Contender;
use crate::bench::side_by_side::{Results, Sample, Scenario};
use crate::bench::statistics::Spread;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The whole section.
#[must_use]
pub fn side_by_side(results: &Results) -> String {
    let mut text = introduction(results);
    goals(results, &mut text);
    for routes in results.routes() {
        let _ = writeln!(text, "### {} routes\n", grouped(routes as u64));
        table(results, &mut text, "CPU time per request, µs", |scenario, contender| {
            results.cpu(routes, scenario, contender).map(|spread| digits(spread.median))
        });
        let title = "Times the CPU of Ingora: median of the rounds (smallest…largest)";
        table(results, &mut text, title, |scenario, contender| {
            results.ratio(routes, scenario, contender, Contender::Ingora).map(|spread| spread.to_string())
        });
        table(results, &mut text, "Requests per CPU second", |scenario, contender| {
            results.cpu(routes, scenario, contender).map(|spread| grouped((1e6 / spread.median) as u64))
        });
    }
    latencies(results, &mut text);
    memory(results, &mut text);
    text.push_str(&asides(results));
    text
}

/// The machine, the versions, the command, the picture.
fn introduction(results: &Results) -> String {
    let versions: Vec<String> =
        results.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "{} (`make bench`, {} rounds of {} s for each figure). Versions: {}.\n\n\
         ![CPU time per request, side by side](benchmarks/side-by-side.svg)\n\n",
        results.machine,
        results.rounds,
        results.seconds,
        versions.join(", "),
    )
}

/// The goals that are ratios, at the largest number of routes; those whose contenders took part.
fn goals(results: &Results, text: &mut String) {
    let Some(routes) = results.routes().last().copied() else { return };
    let row = |what: &str, goal: &str, one, other, holds: fn(f64) -> bool| {
        let measured = results.ratio(routes, Scenario::Http1Small, one, other)?;
        let verdict = if holds(measured.median) { "reached" } else { "missed" };
        Some(format!("| {what} | {goal} | {measured} | {verdict} |\n"))
    };
    let rows: Vec<String> = [
        row("CPU of Ingora / bare Pingora", "at most 1.10", Contender::Ingora, Contender::BarePingora, |r| {
            r <= 1.1
        }),
        row("CPU of nginx / Ingora", "more than 1", Contender::Nginx, Contender::Ingora, |r| r > 1.0),
        row("CPU of Envoy / Ingora", "at least 2", Contender::Envoy, Contender::Ingora, |r| r >= 2.0),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !rows.is_empty() {
        let (title, routes, rows) = (Scenario::Http1Small.title(), grouped(routes as u64), rows.concat());
        let _ = writeln!(
            text,
            "{title}, {routes} routes, against the goals:\n\n| what | goal | measured | |\n| --- | --- | --- | --- |\n{rows}"
        );
    }
}

/// One table: scenarios down, contenders across.
fn table(
    results: &Results,
    text: &mut String,
    title: &str,
    cell: impl Fn(Scenario, Contender) -> Option<String>,
) {
    let _ = writeln!(text, "{title}:\n");
    header(results, text);
    for scenario in results.scenarios() {
        let _ = write!(text, "| {} |", scenario.title());
        for contender in results.contenders() {
            let _ = write!(text, " {} |", cell(scenario, contender).unwrap_or_default());
        }
        text.push('\n');
    }
    text.push('\n');
}

fn header(results: &Results, text: &mut String) {
    text.push_str("| |");
    for contender in results.contenders() {
        let _ = write!(text, " {} |", contender.title());
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(results.contenders().len()));
    text.push('\n');
}

/// Latencies at equal load.
fn latencies(results: &Results, text: &mut String) {
    if !results.scenarios().contains(&Scenario::Paced) {
        return;
    }
    let _ = writeln!(
        text,
        "### Latency at equal load\n\nHTTP/1.1, 1 kB, {} requests per second for everybody, counted from the time a request \
         was planned for; milliseconds, median of the rounds (smallest…largest):\n",
        grouped(u64::from(results.rate))
    );
    header(results, text);
    type Figure = fn(&Sample) -> Option<f64>;
    let figures: [(&str, Figure); 2] = [("p50", |sample| sample.p50), ("p99", |sample| sample.p99)];
    for routes in results.routes() {
        for (name, figure) in figures {
            let _ = write!(text, "| {name}, {} routes |", grouped(routes as u64));
            for contender in results.contenders() {
                let spread = Spread::of(results.figures(routes, Scenario::Paced, contender, figure));
                let _ = write!(text, " {} |", spread.map(|spread| spread.to_string()).unwrap_or_default());
            }
            text.push('\n');
        }
    }
    text.push('\n');
}

/// Memory after the load, and how long starting took.
fn memory(results: &Results, text: &mut String) {
    text.push_str(
        "### Memory and start\n\nResident after all of the above, MiB; and from the start of the processes to the first answers of \
         the last route, over HTTP and HTTPS, with the other contenders idle beside it:\n\n",
    );
    header(results, text);
    for routes in results.routes() {
        let (mut memory, mut start) = (String::new(), String::new());
        for contender in results.contenders() {
            let print = results.footprints.iter().find(|f| f.routes == routes && f.contender == contender);
            let _ = write!(memory, " {} |", print.map(|print| parts(&print.resident)).unwrap_or_default());
            let _ = write!(
                start,
                " {} |",
                print.map(|p| format!("{:.1} s", p.start_seconds)).unwrap_or_default()
            );
        }
        let routes = grouped(routes as u64);
        let _ = writeln!(text, "| memory, {routes} routes |{memory}\n| start, {routes} routes |{start}");
    }
    text.push('\n');
}

/// The sum, and of what, where there are several processes.
fn parts(resident: &BTreeMap<String, u64>) -> String {
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let sum = mebibytes(resident.values().sum());
    if resident.len() < 2 {
        return sum.to_string();
    }
    let parts: Vec<String> =
        resident.iter().map(|(name, bytes)| format!("{name} {}", mebibytes(*bytes))).collect();
    format!("{sum} ({})", parts.join(", "))
}

/// Failures, and the share of `ingora sync`, which does not take part in requests.
fn asides(results: &Results) -> String {
    let sum = |of: fn(&Sample) -> u64| -> u64 { results.samples.iter().map(of).sum() };
    let (requests, errors) = (sum(|sample| sample.requests), sum(|sample| sample.errors));
    let mut text = format!("{} requests were answered, {} failed", grouped(requests), grouped(errors));
    let ours = |contender: Contender| results.samples.iter().filter(move |s| s.contender == contender);
    for contender in results.contenders() {
        let errors: u64 = ours(contender).map(|sample| sample.errors).sum();
        if errors > 0 {
            let _ = write!(text, " ({} of {})", grouped(errors), contender.title());
        }
    }
    text.push('.');
    let both: f64 = ours(Contender::Ingora).map(|sample| sample.cpu.values().sum::<f64>()).sum();
    let sync: f64 = ours(Contender::Ingora).filter_map(|sample| sample.cpu.get("sync")).sum();
    if both > 0.0 {
        let _ =
            write!(text, " Of Ingora's CPU, {:.2} % was `ingora sync`; it is included.", 100.0 * sync / both);
    }
    let logs: Vec<String> = results
        .contenders()
        .into_iter()
        .filter_map(|who| {
            let logged: u64 = ours(who).map(|sample| sample.logged).sum();
            let requests: u64 = ours(who).map(|sample| sample.requests).sum();
            (logged > 0).then(|| format!("{} {}", who.title(), logged / requests.max(1)))
        })
        .collect();
    if !logs.is_empty() {
        let _ = write!(text, " Bytes of access log per request: {}.", logs.join(", "));
    }
    text.push('\n');
    text
}

/// A number with as many digits as count.
#[must_use]
pub fn digits(value: f64) -> String {
    if value >= 100.0 { grouped(value.round() as u64) } else { format!("{value:.1}") }
}

/// 12345 as 12,345.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
