//! The side-by-side: the same load for every contender, in rounds that interleave them, on the same cores.
//!
//! ```text
//!   for each number of routes: start all contenders on the contender's core, they idle
//!     for each round, for each scenario, for each contender (another first each time):
//!        cpu before ─▶ load ─▶ cpu after            ─▶ Sample
//!     memory of all                                  ─▶ Footprint
//! ```

pub mod plan;
pub mod results;
pub mod scenario;

pub use plan::Plan;
pub use results::{Footprint, Results, Sample};
pub use scenario::Scenario;

use super::backend::Backend;
use super::certificate::Certificate;
use super::contender::{Contender, Programs, Running, Setup};
use super::machine::Machine;
use super::progress::say;
use super::site::{self, Ports, Size};
use super::{Doing as _, Failure, Result, probe, process, report, system};
use scenario::{Load, Tools};
use std::path::Path;
use std::time::Instant;

/// Requests before the first run, over HTTP and as many over HTTPS.
const WARM: usize = 100;
/// How often a run is repeated in which nothing was answered.
const TRIES: usize = 10;

/// Measures and writes the results.
///
/// # Errors
/// When something that is needed is missing, or a contender fails.
pub fn run(plan: &Plan) -> Result<()> {
    let open_files = system::raise_open_files();
    process::move_to(&plan.place.load_cores())?;
    let programs = plan.place.programs()?;
    let tools = Tools::find();
    let contenders = plan.place.contenders(&programs)?;
    let scenarios = plan.scenarios(&tools)?;
    let home = tempfile::Builder::new()
        .prefix("ingora-bench")
        .tempdir()
        .doing(|| "no temporary folder".to_owned())?;
    let certificate = Certificate::make(home.path())?;
    let backend = Backend::start(&programs, &home.path().join("backend"), &plan.place.load_cores())?;
    let mut results = Results {
        machine: Machine::here(),
        versions: versions(&programs, &contenders, &tools, &backend),
        seconds: plan.seconds,
        rounds: plan.rounds,
        rate: plan.rate,
        samples: Vec::new(),
        footprints: Vec::new(),
    };
    let all = plan.routes.len() * usize::from(plan.rounds) * scenarios.len() * contenders.len();
    say(format_args!(
        "{all} runs of {} s, about {} minutes",
        plan.seconds,
        plan.minutes(all, contenders.len())
    ));
    let mut bench = Bench { plan, tools, scenarios, backend, home: home.path(), done: 0, all };
    for routes in &plan.routes {
        let mut running = Vec::new();
        for contender in &contenders {
            let folder = home.path().join(format!("{contender:?}-{routes}"));
            let setup = Setup {
                folder: &folder,
                routes: *routes,
                backend: bench.backend.address,
                target: bench.backend.target(Size::Small),
                certificate: &certificate,
                ports: Ports::free().doing(|| "no ports are free".to_owned())?,
                open_files,
            };
            let begin = Instant::now();
            running.push((contender.start(&programs, &setup, &plan.place.cores)?, begin.elapsed()));
            say(format_args!("{} serves {routes} routes after {:.1?}", contender.title(), begin.elapsed()));
        }
        let contenders: Vec<&Running> = running.iter().map(|(running, _)| running).collect();
        bench.rounds(*routes, &contenders, &mut results)?;
        for (running, start) in &running {
            results.footprints.push(Footprint {
                routes: *routes,
                contender: running.contender,
                resident: running.memory()?,
                start_seconds: start.as_secs_f64(),
            });
        }
    }
    report::side_by_side(plan, &results)
}

struct Bench<'a> {
    plan: &'a Plan,
    tools: Tools,
    scenarios: Vec<Scenario>,
    backend: Backend,
    home: &'a Path,
    done: usize,
    all: usize,
}

impl Bench<'_> {
    fn rounds(&mut self, routes: usize, contenders: &[&Running], results: &mut Results) -> Result<()> {
        for running in contenders {
            self.warm(routes, running)?;
        }
        for round in 0..usize::from(self.plan.rounds) {
            for (number, scenario) in self.scenarios.clone().into_iter().enumerate() {
                for turn in 0..contenders.len() {
                    // Another one is first each time, so that nobody always follows the same neighbour.
                    let running = contenders[(turn + round + number) % contenders.len()];
                    let sample = self.sample(scenario, routes, round, running)?;
                    self.done += 1;
                    say(format_args!("{}/{} {sample}", self.done, self.all));
                    results.samples.push(sample);
                }
            }
        }
        Ok(())
    }

    /// Not counted: what is touched or made for the first time.
    fn warm(&self, routes: usize, running: &Running) -> Result<()> {
        let target = self.backend.target(Size::Small);
        let hosts = (0..WARM).map(|number| site::host(number * routes / WARM));
        for host in hosts {
            let plain = probe::get(running.ports.http_address(), &host, target);
            plain
                .and_then(|_| probe::get_tls(running.ports.https_address(), &host, target))
                .doing(|| format!("{} does not answer for {host}", running.contender.title()))?;
        }
        Ok(())
    }

    fn load(
        &self,
        scenario: Scenario,
        routes: usize,
        running: &Running,
        seconds: u64,
    ) -> Result<super::load::Outcome> {
        scenario.run(&Load {
            tools: &self.tools,
            folder: self.home,
            ports: running.ports,
            target: self.backend.target(scenario.size()),
            routes,
            seconds,
            rate: self.plan.rate,
        })
    }

    /// One run; another one, when nothing was answered: on a busy machine a second may pass before the first answer.
    fn sample(&self, scenario: Scenario, routes: usize, round: usize, running: &Running) -> Result<Sample> {
        for _ in 0..TRIES {
            running.empty_log();
            let before = running.cpu()?;
            let outcome = self.load(scenario, routes, running, self.plan.seconds)?;
            let after = running.cpu()?;
            if outcome.requests == 0 {
                let (who, what) = (running.contender.title(), scenario.title());
                say(format_args!("{who} answered nothing of {what}, {} failed; again", outcome.errors));
                continue;
            }
            let cpu = after
                .iter()
                .map(|(part, after)| {
                    let spent = after.saturating_sub(before.get(part).copied().unwrap_or_default());
                    (part.clone(), spent.as_secs_f64() * 1e6)
                })
                .collect();
            let of = (scenario, running.contender);
            return Ok(Sample::new(routes, of, round, &outcome, cpu, running.logged()));
        }
        Err(Failure::said(format!(
            "{} answered no request of {} with {routes} routes, {TRIES} times",
            running.contender.title(),
            scenario.title()
        )))
    }
}

fn versions(
    programs: &Programs,
    contenders: &[Contender],
    tools: &Tools,
    backend: &Backend,
) -> Vec<(String, String)> {
    let mut versions: Vec<(String, String)> = contenders
        .iter()
        .filter_map(|contender| Some((contender.title().to_owned(), programs.version(*contender).ok()?)))
        .collect();
    versions.extend(tools.versions());
    versions.push(("backend".to_owned(), backend.title().to_owned()));
    versions
}
