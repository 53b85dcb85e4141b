//! What `ingora-bench side-by-side` is asked for.

use super::Scenario;
use super::scenario::Tools;
use crate::bench::contender::{Contender, Programs};
use crate::bench::progress::say;
use crate::bench::{Failure, Result, system};
use clap::ValueEnum as _;
use std::path::PathBuf;

/// What is common to benches that start contenders.
#[derive(Clone, Debug, clap::Args)]
pub struct Place {
    /// The contenders, all that are installed by default: a comma list.
    #[arg(long, value_delimiter = ',', value_name = "CONTENDER")]
    pub only: Vec<Contender>,

    /// The core on which the contenders run, each with one worker thread, as of `taskset -c`.
    #[arg(long, default_value = "0")]
    pub cores: String,

    /// The cores of load and backend, as of `taskset -c` [default: all others]
    #[arg(long)]
    pub load_cores: Option<String>,

    /// The folder with Ingora's programs and bare-pingora [default: that of ingora-bench].
    #[arg(long, value_name = "FOLDER")]
    pub programs: Option<PathBuf>,

    /// Envoy, when it is not on the PATH.
    #[arg(long, env = "ENVOY", value_name = "FILE")]
    pub envoy: Option<PathBuf>,

    /// The folder for raw results.
    #[arg(long, default_value = "target/bench", value_name = "FOLDER")]
    pub results: PathBuf,

    /// The page whose generated section is written anew, such as docs/benchmarks.md, with a picture in the folder of its
    /// name. Without it everything goes to the results only.
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
}

impl Place {
    /// Where the programs are.
    ///
    /// # Errors
    /// When the system does not say where this one is.
    pub fn programs(&self) -> Result<Programs> {
        Programs::new(self.programs.clone(), self.envoy.clone())
    }

    /// The cores of load and backend.
    pub fn load_cores(&self) -> String {
        self.load_cores.clone().unwrap_or_else(|| match system::cores() {
            1 => "0".to_owned(),
            2 => "1".to_owned(),
            cores => format!("1-{}", cores - 1),
        })
    }

    /// Those that were asked for, all of which must be there, or all that are there.
    ///
    /// # Errors
    /// When one that was asked for is not there, or none is.
    pub fn contenders(&self, programs: &Programs) -> Result<Vec<Contender>> {
        if !self.only.is_empty() {
            return self.only.iter().map(|one| programs.find(*one).map(|_| *one)).collect();
        }
        let there = |contender: &Contender| match programs.find(*contender) {
            Ok(_) => true,
            Err(why) => {
                say(format_args!("without {}: {why}", contender.title()));
                false
            }
        };
        let found: Vec<Contender> = Contender::value_variants().iter().copied().filter(there).collect();
        if found.is_empty() { Err(Failure::said("no contender is there")) } else { Ok(found) }
    }
}

/// What the side-by-side is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Plan {
    /// Who and where.
    #[command(flatten)]
    pub place: Place,

    /// How often everything is measured; medians and spreads are over these.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,

    /// Seconds of each run.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,

    /// Numbers of routes, each a host of its own: a comma list.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 10_000], value_name = "NUMBER",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=50_000))]
    pub routes: Vec<usize>,

    /// The scenarios, all that can run here by default: a comma list.
    #[arg(long, value_delimiter = ',', value_name = "SCENARIO")]
    pub scenario: Vec<Scenario>,

    /// Requests per second of the scenario `paced`.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
}

impl Plan {
    /// Those that were asked for, all of which must be possible, or all that are.
    ///
    /// # Errors
    /// When a tool is missing for one that was asked for.
    pub fn scenarios(&self, tools: &Tools) -> Result<Vec<Scenario>> {
        if !self.scenario.is_empty() {
            return self.scenario.iter().map(|one| one.check(tools).map(|()| *one)).collect();
        }
        let possible = |scenario: &Scenario| match scenario.check(tools) {
            Ok(()) => true,
            Err(why) => {
                say(format_args!("without {}: {why}", scenario.title()));
                false
            }
        };
        Ok(Scenario::value_variants().iter().copied().filter(possible).collect())
    }

    /// About how many minutes so many runs take, starts included.
    pub fn minutes(&self, runs: usize, contenders: usize) -> u64 {
        let starts = self.routes.iter().map(|routes| 1 + *routes as u64 / 4_000).sum::<u64>();
        let milliseconds = runs as u64 * (self.seconds * 1_000 + 250) + contenders as u64 * starts * 2_000;
        milliseconds.div_ceil(60_000)
    }
}
