//! The results: everything as JSON, and what matters as a section of `docs/benchmarks.md`.

use super::super::machine::Machine;
use super::super::statistics::Spread;
use super::cluster::{self, Line, figure};
use super::growth::Size;
use super::storm::{Round, Storm, Stretch};
use serde::Serialize;
use std::fmt::Write as _;

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// Where.
    pub machine: Machine,
    /// Each number of routes, in the order in which they were asked for.
    pub sizes: Vec<Size>,
    /// Under load.
    pub storm: Storm,
    /// From a real API server; empty when that was not measured.
    pub cluster: Vec<Line>,
}

impl Results {
    /// All of it.
    #[must_use]
    pub fn json(&self) -> String {
        // Structs of strings and numbers always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The section, without headings above the third level.
    #[must_use]
    pub fn markdown(&self) -> String {
        let edits = self
            .sizes
            .first()
            .and_then(|size| size.changes.first())
            .map_or(0, |change| change.propagation.count);
        let mut text = format!(
            "{}. Both programs on one core, files, clients and backends on another: `make bench-change`.\n",
            self.machine
        );
        let _ = write!(
            text,
            "\n### From a folder: {edits} changes of each kind, one at a time\n\n{}",
            self.growth()
        );
        let _ = write!(text, "\n### Under load, with and without changes\n\n{}", self.storm());
        if !self.cluster.is_empty() {
            let _ = write!(text, "\n### From a real API server\n\n{}", self.api_server());
        }
        text
    }

    fn growth(&self) -> String {
        let mut table = Table::of(
            "routes, each in a file with its Service and EndpointSlice",
            self.sizes.iter().map(|size| size.routes),
        );
        let mut row =
            |label: &str, cell: &dyn Fn(&Size) -> String| table.row(label, self.sizes.iter().map(cell));
        row("both programs started, until both are ready", &|size| seconds(size.start));
        row("CPU time until then: controller-sync", &|size| seconds(size.start_cpu.sync));
        row("gateway", &|size| seconds(size.start_cpu.gateway));
        row("resident: controller-sync", &|size| mebibytes(size.memory.sync.resident));
        row("gateway", &|size| mebibytes(size.memory.gateway.resident));
        row("for each further route: controller-sync", &|size| {
            self.per_route(size, |size| size.memory.sync.resident)
        });
        row("gateway", &|size| self.per_route(size, |size| size.memory.gateway.resident));
        for at in 0..self.sizes.first().map_or(0, |size| size.changes.len()) {
            let kind = self.sizes[0].changes[at].kind;
            row(&format!("{kind}: file renamed, until the first changed answer, p50 / p99"), &|size| {
                let latencies = &size.changes[at].propagation;
                format!("{:.1} / {:.1} ms", latencies.p50, latencies.p99)
            });
            row("CPU time of one: controller-sync", &|size| microseconds(size.changes[at].cpu.sync));
            row("gateway", &|size| microseconds(size.changes[at].cpu.gateway));
        }
        table.text
    }

    /// What a route takes beyond the smallest number of routes.
    fn per_route(&self, size: &Size, of: fn(&Size) -> u64) -> String {
        let Some(least) =
            self.sizes.iter().min_by_key(|size| size.routes).filter(|least| least.routes < size.routes)
        else {
            return "–".into();
        };
        let bytes = of(size).saturating_sub(of(least)) as f64 / (size.routes - least.routes) as f64;
        format!("{:.1} KiB", bytes / 1024.0)
    }

    fn storm(&self) -> String {
        let Storm { routes, rate, connections, changes, seconds, rounds } = &self.storm;
        let mut text = format!(
            "{} routes, {} requests per second on {connections} connections, latencies from the time for which a request was \
             planned; {} rounds of {seconds} s without and {seconds} s with {changes} changes per second (Ingresses edited, endpoints \
             moved, Ingresses coming and going, a file each). Medians of the rounds, and the smallest and largest.\n\n",
            thousands(*routes),
            thousands(*rate as usize),
            rounds.len(),
        );
        let mut table = Table::new("", ["without changes".to_owned(), "with changes".to_owned()]);
        let mut row = |label: &str, cell: &dyn Fn(fn(&Round) -> &Stretch) -> String| {
            table.row(label, [cell(|round| &round.quiet), cell(|round| &round.changing)].into_iter());
        };
        let spread = |of: fn(&Round) -> &Stretch, figure: fn(&Stretch) -> f64| {
            Spread::of(rounds.iter().map(|round| figure(of(round))))
        };
        row("p50", &|of| milliseconds(spread(of, |stretch| stretch.latencies.p50)));
        row("p99", &|of| milliseconds(spread(of, |stretch| stretch.latencies.p99)));
        row("longest", &|of| milliseconds(spread(of, |stretch| stretch.latencies.longest)));
        row("requests", &|of| thousands(rounds.iter().map(|round| of(round).latencies.count).sum()));
        row("failed", &|of| rounds.iter().map(|round| of(round).failed).sum::<usize>().to_string());
        row("CPU, controller-sync", &|of| percent(spread(of, |stretch| stretch.sync_cpu)));
        row("CPU, gateway", &|of| percent(spread(of, |stretch| stretch.gateway_cpu)));
        text += &table.text;
        if let Some(ratio) = self.storm.ratio() {
            let _ = writeln!(text, "\np99 with changes over p99 without, per round: {ratio}.");
        }
        text
    }

    fn api_server(&self) -> String {
        let sizes = cluster::sizes(&self.cluster);
        let mut table = Table::of("Ingresses, each with a Service and four endpoints", sizes.iter().copied());
        let mut row = |label: &str, what: &str, digits: usize, names: &[&str], unit: &str| {
            table.row(
                label,
                sizes.iter().map(|routes| {
                    let figures = names.iter().map(|name| {
                        figure(&self.cluster, *routes, what, name).map(|figure| format!("{figure:.digits$}"))
                    });
                    figures
                        .collect::<Option<Vec<_>>>()
                        .map_or("–".into(), |figures| format!("{} {unit}", figures.join(" / ")))
                }),
            );
        };
        row("both programs started, until the gateway is ready", "ready", 2, &["ready_s"], "s");
        row("CPU time of controller-sync until then", "ready", 2, &["sync_cpu_s"], "s");
        row("resident: controller-sync / gateway", "ready", 0, &["sync_mib", "gateway_mib"], "MiB");
        row(
            "an edited Ingress: the API's answer, until the first 200, p50 / p99",
            "ingress",
            1,
            &["p50_ms", "p99_ms"],
            "ms",
        );
        row(
            "a moved endpoint: the API's answer, until its first answer, p50 / p99",
            "endpoints",
            1,
            &["p50_ms", "p99_ms"],
            "ms",
        );
        row(
            "CPU time of one of 100 endpoint changes a second: controller-sync / gateway",
            "churn",
            0,
            &["sync_us", "gateway_us"],
            "µs",
        );
        table.text
    }
}

/// A table of Markdown, whose first column says what the others hold.
struct Table {
    text: String,
}

impl Table {
    fn of(label: &str, sizes: impl Iterator<Item = usize>) -> Self {
        Self::new(label, sizes.map(thousands))
    }

    fn new(label: &str, columns: impl IntoIterator<Item = String>) -> Self {
        let columns: Vec<String> = columns.into_iter().collect();
        let text =
            format!("| {label} | {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len() + 1));
        Self { text }
    }

    fn row(&mut self, label: &str, cells: impl Iterator<Item = String>) {
        let _ = writeln!(self.text, "| {label} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

fn or_dash(spread: Option<Spread>, text: impl FnOnce(Spread) -> String) -> String {
    spread.map_or_else(|| "–".into(), text)
}

fn seconds(spread: Option<Spread>) -> String {
    or_dash(spread, |spread| format!("{:.2} s", spread.median))
}

fn microseconds(spread: Option<Spread>) -> String {
    or_dash(spread, |spread| format!("{:.0} µs", spread.median))
}

fn milliseconds(spread: Option<Spread>) -> String {
    or_dash(spread, |spread| format!("{spread} ms"))
}

fn percent(spread: Option<Spread>) -> String {
    or_dash(spread, |spread| format!("{:.1} % of a core", spread.median * 100.0))
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / 1_048_576.0)
}

/// `50000` as `50,000`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
