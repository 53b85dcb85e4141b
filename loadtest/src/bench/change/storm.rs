//! Latencies under load while many files a second change, and while none does: rounds of both, one after the other, so that
//! whatever else the machine does hits both.

use super::super::load::connection::get;
use super::super::load::paced;
use super::super::progress::say;
use super::super::statistics::{Latencies, Spread};
use super::super::{Failure, Result};
use super::Plan;
use super::edge::{Edge, Ground};
use super::folder::{Folder, Kind, Side};
use serde::Serialize;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How many hosts the clients ask in turn; changes hit all of them, sooner or later.
const HOSTS: usize = 1000;

/// Before the first round: connections of the gateway to the backends, and whatever else is made once.
const WARM_UP: Duration = Duration::from_secs(1);

/// One stretch of load.
#[derive(Clone, Debug, Serialize)]
pub struct Stretch {
    /// How long answers took, milliseconds from the time for which a request was planned.
    pub latencies: Latencies,
    /// Requests that were answered with another status than 200, or not at all.
    pub failed: usize,
    /// What happened to one of them.
    pub first_failure: Option<String>,
    /// Changes that were written meanwhile.
    pub changes: usize,
    /// CPU time of sync, share of a core.
    pub sync_cpu: f64,
    /// CPU time of the gateway, share of a core.
    pub gateway_cpu: f64,
}

/// One after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// Without changes.
    pub quiet: Stretch,
    /// With changes.
    pub changing: Stretch,
}

/// All rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Storm {
    /// How many routes there are.
    pub routes: usize,
    /// Requests per second.
    pub rate: u32,
    /// Connections of the clients.
    pub connections: usize,
    /// Changes per second that were asked for.
    pub changes: u32,
    /// How long each stretch was, seconds.
    pub seconds: usize,
    /// The rounds.
    pub rounds: Vec<Round>,
}

impl Storm {
    /// The p99 with changes over that without, of each round.
    #[must_use]
    pub fn ratio(&self) -> Option<Spread> {
        let of = |stretch: fn(&Round) -> &Stretch| -> Vec<f64> {
            self.rounds.iter().map(|round| stretch(round).latencies.p99).collect()
        };
        Spread::of_ratios(&of(|round| &round.changing), &of(|round| &round.quiet))
    }

    /// All stretches.
    fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        self.rounds.iter().flat_map(|round| [&round.quiet, &round.changing])
    }

    /// How many requests failed in all rounds.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.stretches().map(|stretch| stretch.failed).sum()
    }

    /// Ends well when no request failed.
    ///
    /// # Errors
    /// When one did, with what happened to it.
    pub fn judge(&self) -> Result<()> {
        let failed = self.failed();
        let why = self.stretches().find_map(|stretch| stretch.first_failure.as_deref());
        match failed {
            0 => Ok(()),
            _ => Err(Failure::said(format!(
                "{failed} requests failed, one with: {}",
                why.unwrap_or("no answer")
            ))),
        }
    }
}

/// Measures.
///
/// # Errors
/// When a program fails or a file cannot be written. Failed requests are results.
pub fn measure(plan: &Plan, programs: &Path) -> Result<Storm> {
    let routes = plan.storm_routes;
    say(format_args!(
        "change: {routes} routes: {} requests and {} changes per second",
        plan.rate, plan.changes
    ));
    let ground = Ground::prepare(plan, programs, routes)?;
    let (home, folder) = (ground.home.path(), &ground.folder);
    let edge = Edge::start(plan, programs, folder, home)?;
    let load = load(plan, &edge, folder);
    let _ = paced::run(&paced::Plan { duration: WARM_UP, ..load.clone() });
    let mut changes = Changes { folder, made: 0 };
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds.get() {
        let quiet = stretch(&edge, &load, || Ok(0))?;
        let changing = stretch_with_changes(plan, &edge, &load, &mut changes)?;
        let (before, with) = (quiet.latencies.p99, changing.latencies.p99);
        let failed = quiet.failed + changing.failed;
        say(format_args!(
            "change: round {number}: p99 {before:.2} ms, with changes {with:.2} ms; {failed} failed"
        ));
        rounds.push(Round { quiet, changing });
    }
    let Plan { rate, connections, changes, .. } = *plan;
    Ok(Storm { routes, rate, connections, changes, seconds: plan.seconds.get(), rounds })
}

fn load(plan: &Plan, edge: &Edge, folder: &Folder) -> paced::Plan {
    paced::Plan {
        address: edge.http,
        rate: plan.rate,
        connections: plan.connections,
        duration: Duration::from_secs(plan.seconds.get() as u64),
        requests: (0..HOSTS.min(folder.sites())).map(|number| get(&folder.host(number), "/")).collect(),
    }
}

/// Loads while `changing`, which answers how many changes it made, runs.
fn stretch(edge: &Edge, load: &paced::Plan, changing: impl FnOnce() -> Result<usize>) -> Result<Stretch> {
    let (before, begin) = (edge.cpu()?, Instant::now());
    let (outcome, changes) = thread::scope(|scope| {
        let loading = scope.spawn(|| paced::run(load));
        let changes = changing();
        (loading.join().unwrap_or_default(), changes)
    });
    let (after, wall) = (edge.cpu()?, begin.elapsed());
    let share =
        |program: usize| (after[program].saturating_sub(before[program])).as_secs_f64() / wall.as_secs_f64();
    Ok(Stretch {
        latencies: Latencies::of(outcome.latencies),
        failed: outcome.failed,
        first_failure: outcome.first_failure,
        changes: changes?,
        sync_cpu: share(0),
        gateway_cpu: share(1),
    })
}

fn stretch_with_changes(
    plan: &Plan,
    edge: &Edge,
    load: &paced::Plan,
    changes: &mut Changes<'_>,
) -> Result<Stretch> {
    let count = plan.changes as usize * plan.seconds.get();
    stretch(edge, load, || {
        let begin = Instant::now();
        for number in 0..count {
            let due = Duration::from_secs_f64(number as f64 / f64::from(plan.changes));
            thread::sleep(due.saturating_sub(begin.elapsed()));
            changes.next()?;
        }
        Ok(count)
    })
}

/// A mix without end: an Ingress edited and edited back, one that comes and goes, an endpoint that moves and moves back.
struct Changes<'a> {
    folder: &'a Folder,
    made: usize,
}

impl Changes<'_> {
    fn next(&mut self) -> Result<()> {
        let (number, kind) = (self.made / 6, Kind::ALL[self.made / 2 % 3]);
        let side = if self.made.is_multiple_of(2) { Side::Green } else { Side::Blue };
        self.made += 1;
        self.folder.change(kind, number, side).map(drop)
    }
}
