//! One number of routes: how long a start takes, what both programs hold, how soon a change is answered and what it costs.

use super::super::Result;
use super::super::process::Memory;
use super::super::progress::say;
use super::super::statistics::{Latencies, Spread};
use super::cost::Idle;
use super::edge::{Edge, Ground};
use super::folder::Kind;
use super::{Plan, cost, propagation};
use serde::Serialize;
use std::path::Path;

/// What both programs use or hold.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Both<T> {
    /// `ingora sync`.
    pub sync: T,
    /// `ingora-gateway`.
    pub gateway: T,
}

/// What changes of one kind take.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Which kind, as tables say it.
    pub kind: &'static str,
    /// From the rename of the file until the first changed answer, milliseconds.
    pub propagation: Latencies,
    /// CPU time per change, microseconds, without what idle programs use; nobody asks meanwhile.
    pub cpu: Both<Option<Spread>>,
}

/// All about one number of routes.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// How many routes.
    pub routes: usize,
    /// From the start of both programs until both say that they are ready, seconds.
    pub start: Option<Spread>,
    /// CPU time until then, seconds.
    pub start_cpu: Both<Option<Spread>>,
    /// When ready.
    pub memory: Both<Memory>,
    /// The same after all changes.
    pub memory_after: Both<Memory>,
    /// CPU time of idle programs, microseconds per second.
    pub idle: Both<f64>,
    /// Each kind of change.
    pub changes: Vec<Change>,
}

/// Measures with `routes` routes.
///
/// # Errors
/// When a program fails or a change does not arrive.
pub fn measure(plan: &Plan, programs: &Path, routes: usize) -> Result<Size> {
    say(format_args!("change: {routes} routes: writing files"));
    let ground = Ground::prepare(plan, programs, routes)?;
    let (home, folder) = (ground.home.path(), &ground.folder);
    let mut starts = Vec::new();
    for _ in 1..plan.starts.get() {
        starts.push(started(&Edge::start(plan, programs, folder, home)?));
    }
    let edge = Edge::start(plan, programs, folder, home)?;
    starts.push(started(&edge));
    let memory = memory(&edge)?;
    let said = |at: usize| starts.iter().map(|start| start[at]).collect::<Vec<_>>();
    say(format_args!(
        "change: {routes} routes: ready after {:.2?} s; timing {} changes of each kind",
        said(0),
        plan.edits
    ));
    let mut changes = Vec::new();
    let idle = Idle::of(&edge)?;
    for kind in Kind::ALL {
        let propagation = propagation::measure(&edge, folder, kind, plan.edits)?;
        let cpu = cost::measure(&edge, folder, kind, plan.batches, &idle)?;
        say(format_args!(
            "change: {routes} routes: {}: p50 {:.1} ms, p99 {:.1} ms",
            kind.words(),
            propagation.p50,
            propagation.p99
        ));
        changes.push(Change { kind: kind.words(), propagation, cpu });
    }
    let spread = |at: usize| Spread::of(said(at));
    Ok(Size {
        routes,
        start: spread(0),
        start_cpu: Both { sync: spread(1), gateway: spread(2) },
        memory,
        memory_after: self::memory(&edge)?,
        idle: Both { sync: idle.per_second(0), gateway: idle.per_second(1) },
        changes,
    })
}

/// Seconds: until ready, CPU of sync, CPU of the gateway.
fn started(edge: &Edge) -> [f64; 3] {
    [edge.start, edge.start_cpu[0], edge.start_cpu[1]].map(|time| time.as_secs_f64())
}

fn memory(edge: &Edge) -> Result<Both<Memory>> {
    Ok(Both { sync: edge.sync.memory()?, gateway: edge.gateway.memory()? })
}
