//! The picture of a side-by-side: a bar for each contender and scenario, as long as its CPU time per request is in relation to
//! Ingora's, so that a handshake and a small request fit into one picture. One grey is readable on light and dark pages.

use super::table::{digits, grouped};
use crate::bench::contender::Contender;
use crate::bench::side_by_side::{Results, Scenario};
use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
/// Where bars begin, below the title.
const LEFT: f64 = 120.0;
const TOP: f64 = 60.0;
/// How thick a bar is.
const BAR: f64 = 15.0;
/// Bars longer than so many times Ingora's are cut; their number tells.
const LONGEST: f64 = 5.0;

/// The picture, for the largest number of routes.
#[must_use]
pub fn side_by_side(results: &Results) -> String {
    let routes = results.routes().last().copied().unwrap_or(0);
    let contenders = results.contenders();
    let scenarios: Vec<Scenario> =
        results.scenarios().into_iter().filter(|scenario| *scenario != Scenario::Paced).collect();
    let longest = scenarios
        .iter()
        .flat_map(|scenario| contenders.iter().map(|who| ratio(results, routes, *scenario, *who)))
        .fold(1.0, f64::max);
    let unit = (WIDTH - LEFT - 10.0) / longest;
    let mut body = String::new();
    let mut y = TOP;
    for scenario in scenarios {
        let _ =
            writeln!(body, r#"<text x="10" y="{:.0}" class="group">{}</text>"#, y + 13.0, scenario.title());
        y += 20.0;
        for contender in &contenders {
            let Some(cpu) = results.cpu(routes, scenario, *contender) else { continue };
            bar(&mut body, *contender, y, ratio(results, routes, scenario, *contender) * unit, cpu.median);
            y += BAR + 2.0;
        }
        y += 10.0;
    }
    page(&grouped(routes as u64), LEFT + unit, y, &body)
}

/// How long a bar is, in times of Ingora's; 1 where Ingora did not take part.
fn ratio(results: &Results, routes: usize, scenario: Scenario, contender: Contender) -> f64 {
    let ratio = results.ratio(routes, scenario, contender, Contender::Ingora);
    ratio.map_or(1.0, |spread| spread.median).min(LONGEST)
}

fn bar(body: &mut String, contender: Contender, y: f64, length: f64, cpu: f64) {
    let (name, baseline, value) = (contender.title(), y + 12.0, digits(cpu));
    let (right, inside, fill) = (LEFT - 8.0, LEFT + 6.0, colour(contender));
    let _ = writeln!(
        body,
        r#"<text x="{right}" y="{baseline:.0}" class="name">{name}</text><rect x="{LEFT}" y="{y:.0}" width="{length:.1}" height="{BAR}" rx="2" fill="{fill}"/><text x="{inside}" y="{baseline:.0}" class="value">{value}</text>"#
    );
}

fn colour(contender: Contender) -> &'static str {
    match contender {
        Contender::Ingora => "#e5532d",
        Contender::BarePingora => "#f0a58f",
        Contender::Nginx => "#3f9a5f",
        Contender::Haproxy => "#4b82d6",
        Contender::Envoy => "#9a63c7",
    }
}

/// Title, style and the dashed line at Ingora's length, around the bars.
fn page(routes: &str, one: f64, bottom: f64, body: &str) -> String {
    let height = bottom + 4.0;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" role="img" aria-label="CPU time per request, side by side">
<style>
text {{ font: 12px system-ui, sans-serif; fill: #6e7781; }}
.value {{ fill: #10131a; }}
.title {{ font-size: 16px; font-weight: 600; }}
.group {{ font-weight: 600; }}
.name {{ text-anchor: end; }}
line {{ stroke: #8b949e; stroke-dasharray: 3 3; }}
</style>
<text x="10" y="24" class="title">CPU time per request with {routes} routes, less is better</text>
<text x="10" y="44">Length: in relation to Ingora, the dashed line. Numbers: microseconds.</text>
{body}<line x1="{one:.1}" y1="{TOP}" x2="{one:.1}" y2="{bottom:.0}"/>
</svg>
"##
    )
}
