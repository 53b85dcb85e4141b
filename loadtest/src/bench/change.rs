//! What a change costs, as `make bench-change` measures it: for growing numbers of routes, one file each, how soon a change
//! is answered, what it and each route take, how long a start takes; then latencies while a hundred files a second change.
//!
//! ```text
//!   folder ──rename──▶ ingora sync ──▶ ingora-gateway ◀──ask── one client: how long until the answer changes
//!   (manifests)              └────┬────┘   │  ▲
//!   edge: both programs ──────────┘        ▼  └── storm: paced clients, with and without changes
//!                              blue and green: two backends, told apart by their answers
//! ```
//!
//! - [`folder`]: the manifests and every way they change
//! - [`edge`]: the two programs and the two backends
//! - [`growth`]: one number of routes: start, memory, and of each kind of change
//!   - [`propagation`]: how soon it is answered
//!   - [`cost`]: what CPU time it takes
//! - [`storm`]: latencies under load with and without changes
//! - [`cluster`]: what the cluster tests measured against a real API server
//! - [`report`]: the JSON and the section of the page

pub mod cluster;
pub mod cost;
pub mod edge;
pub mod folder;
pub mod growth;
pub mod propagation;
pub mod report;
pub mod storm;

use super::machine::Machine;
use super::progress::say;
use super::{Doing as _, Failure, Result, process, section};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The most routes: each is a file, and `ingora sync` reads 100,000 at most.
const MAX_ROUTES: usize = 90_000;

/// What `ingora-bench change` is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Plan {
    /// Numbers of routes, each with its own host, Service and EndpointSlice, in a file of its own
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', default_value = "10,1000,5000,50000")]
    pub routes: Vec<usize>,

    /// Changes of each kind whose way to the first changed answer is timed
    #[arg(long, value_name = "COUNT", default_value = "200")]
    pub edits: usize,

    /// Batches of 20 changes of each kind whose CPU time is counted; rounded up to an even number, the median counts
    #[arg(long, value_name = "COUNT", default_value = "8")]
    pub batches: usize,

    /// How often each number of routes is started; the median counts
    #[arg(long, value_name = "COUNT", default_value = "3")]
    pub starts: NonZeroUsize,

    /// Rounds of load, each once with and once without changes
    #[arg(long, value_name = "COUNT", default_value = "7")]
    pub rounds: NonZeroUsize,

    /// Seconds of load each time
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    pub seconds: NonZeroUsize,

    /// Requests per second of that load
    #[arg(long, value_name = "RATE", default_value = "2000")]
    pub rate: u32,

    /// Connections of that load
    #[arg(long, value_name = "COUNT", default_value = "16")]
    pub connections: usize,

    /// Changes per second during that load
    #[arg(long, value_name = "RATE", default_value = "100")]
    pub changes: u32,

    /// Routes during that load
    #[arg(long, value_name = "COUNT", default_value = "5000")]
    pub storm_routes: usize,

    /// The folder of ingora, ingora-gateway and ingora-echo [default: that of this program]
    #[arg(long, value_name = "FOLDER")]
    pub programs: Option<PathBuf>,

    /// The cores of both programs under test, as of `taskset -c`
    #[arg(long, value_name = "CORES", default_value = "0")]
    pub cores: String,

    /// The cores of clients, backends and whoever writes files; on a machine with one core say 0
    #[arg(long, value_name = "CORES", default_value = "1")]
    pub load_cores: String,

    /// Threads of the gateway that serve requests
    #[arg(long, value_name = "COUNT", default_value = "1")]
    pub threads: NonZeroUsize,

    /// What the cluster tests wrote because of INGORA_CLUSTER_RESULTS; becomes part of the results
    #[arg(long, value_name = "FILE")]
    pub cluster: Option<PathBuf>,

    /// Where all results go, as JSON
    #[arg(long, value_name = "FILE", default_value = "target/bench/change.json")]
    pub out: PathBuf,

    /// The page whose section between <!-- change --> and <!-- /change --> is written anew, such as docs/benchmarks.md
    /// [default: the section goes to standard error]
    #[arg(long, value_name = "FILE")]
    pub docs: Option<PathBuf>,
}

impl Plan {
    fn check(&self) -> Result<()> {
        let wrong = |routes: &usize| !(4..=MAX_ROUTES).contains(routes);
        if let Some(routes) = self.routes.iter().chain([&self.storm_routes]).find(|routes| wrong(routes)) {
            return Err(Failure::said(format!("{routes} routes cannot be measured, only 4 to {MAX_ROUTES}")));
        }
        let zero =
            [("--edits", self.edits == 0), ("--rate", self.rate == 0), ("--changes", self.changes == 0)];
        match zero.into_iter().find(|(_, zero)| *zero) {
            Some((flag, _)) => Err(Failure::said(format!("{flag} must be at least 1"))),
            None => Ok(()),
        }
    }

    /// The folder of the programs under test.
    fn programs(&self) -> Result<PathBuf> {
        let own = || std::env::current_exe().ok().and_then(|own| own.parent().map(PathBuf::from));
        let folder = self.programs.clone().or_else(own).unwrap_or_default();
        for name in ["ingora", "ingora-gateway", "ingora-echo"] {
            if !folder.join(name).is_file() {
                let folder = folder.display();
                return Err(Failure::said(format!(
                    "{folder} has no {name}: run make build, or name the folder with --programs"
                )));
            }
        }
        Ok(folder)
    }

    /// About how long it takes, seconds.
    fn seconds(&self) -> usize {
        // Pauses are what takes time: 50 ms before a change, 110 more for a file that goes again.
        let growth = |routes: &usize| {
            self.starts.get() * (1 + routes / 2500) + self.edits * 27 / 100 + self.batches * 2 + 4
        };
        self.routes.iter().map(growth).sum::<usize>() + self.rounds.get() * 2 * (self.seconds.get() + 1) + 5
    }
}

/// Measures and writes the results.
///
/// # Errors
/// When something that is needed is missing, a program under test fails, or a request fails while nothing may.
pub fn run(plan: &Plan) -> Result<()> {
    plan.check()?;
    let programs = plan.programs()?;
    let cluster = plan.cluster.as_deref().map(cluster::read).transpose()?.unwrap_or_default();
    process::move_to(&plan.load_cores)?;
    say(format_args!("change: this takes about {} minutes", plan.seconds().div_ceil(60)));
    let mut sizes = Vec::new();
    for routes in &plan.routes {
        sizes.push(growth::measure(plan, &programs, *routes)?);
    }
    let storm = storm::measure(plan, &programs)?;
    let results = report::Results { machine: Machine::here(), sizes, storm, cluster };
    write(plan, &results)?;
    // Written first, so that it can be looked at.
    results.storm.judge()
}

fn write(plan: &Plan, results: &report::Results) -> Result<()> {
    if let Some(folder) = plan.out.parent() {
        std::fs::create_dir_all(folder).doing(|| format!("cannot make {}", folder.display()))?;
    }
    let out = plan.out.display();
    std::fs::write(&plan.out, results.json()).doing(|| format!("cannot write {out}"))?;
    say(format_args!("change: all results are in {out}"));
    let text = results.markdown();
    match &plan.docs {
        None => say(format_args!("change: the section for a page:\n\n{text}")),
        Some(page) => {
            section::write(page, "change", &text)?;
            say(format_args!("change: the section in {} is written anew", page.display()));
        }
    }
    Ok(())
}
