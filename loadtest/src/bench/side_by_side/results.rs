//! What was measured, as it goes into the JSON: samples, and what is made of them.

use super::Scenario;
use crate::bench::contender::Contender;
use crate::bench::load::Outcome;
use crate::bench::machine::Machine;
use crate::bench::statistics::{Spread, percentile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One run of one scenario against one contender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// How many routes it served.
    pub routes: usize,
    /// What was asked for.
    pub scenario: Scenario,
    /// Of whom.
    pub contender: Contender,
    /// In which round, from 0.
    pub round: usize,
    /// Requests answered with 2xx.
    pub requests: u64,
    /// Requests answered otherwise or not at all.
    pub errors: u64,
    /// How long the load took.
    pub seconds: f64,
    /// CPU time per part meanwhile, microseconds.
    pub cpu: BTreeMap<String, f64>,
    /// Bytes that went into the access log.
    pub logged: u64,
    /// Median latency at a kept rate, milliseconds.
    pub p50: Option<f64>,
    /// 99th percentile, milliseconds.
    pub p99: Option<f64>,
}

impl Sample {
    /// From what the load saw and what the kernel counted.
    #[must_use]
    pub fn new(
        routes: usize,
        (scenario, contender): (Scenario, Contender),
        round: usize,
        outcome: &Outcome,
        cpu: BTreeMap<String, f64>,
        logged: u64,
    ) -> Self {
        let at = |share| {
            (!outcome.latencies.is_empty()).then(|| percentile(&outcome.latencies, share).as_secs_f64() * 1e3)
        };
        Self {
            routes,
            scenario,
            contender,
            round,
            requests: outcome.requests,
            errors: outcome.errors,
            seconds: outcome.seconds,
            cpu,
            logged,
            p50: at(0.5),
            p99: at(0.99),
        }
    }

    /// CPU time of all parts per request, microseconds.
    #[must_use]
    pub fn per_request(&self) -> f64 {
        self.cpu.values().sum::<f64>() / self.requests.max(1) as f64
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (routes, scenario, contender) = (self.routes, self.scenario.title(), self.contender.title());
        write!(f, "{routes} routes, {scenario}, {contender}: {:.1} µs per request", self.per_request())?;
        if let (Some(p50), Some(p99)) = (self.p50, self.p99) {
            write!(f, ", p50 {p50:.2} ms, p99 {p99:.2} ms")?;
        }
        match self.errors {
            0 => Ok(()),
            errors => write!(f, ", {errors} FAILED"),
        }
    }
}

/// What a contender holds after all its load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// How many routes it served.
    pub routes: usize,
    /// Who.
    pub contender: Contender,
    /// Resident bytes per part.
    pub resident: BTreeMap<String, u64>,
    /// From its start to the first answer of its last route, over HTTP and HTTPS.
    pub start_seconds: f64,
}

/// Everything of one side-by-side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Where.
    pub machine: Machine,
    /// Names and versions of everything that took part.
    pub versions: Vec<(String, String)>,
    /// Seconds of each run.
    pub seconds: u64,
    /// Rounds.
    pub rounds: u16,
    /// Requests per second of the scenario that keeps a rate.
    pub rate: u32,
    /// All runs.
    pub samples: Vec<Sample>,
    /// All contenders after their runs.
    pub footprints: Vec<Footprint>,
}

impl Results {
    /// The contenders that took part, in the order of tables.
    #[must_use]
    pub fn contenders(&self) -> Vec<Contender> {
        distinct(self.samples.iter().map(|sample| sample.contender))
    }

    /// The numbers of routes, smallest first.
    #[must_use]
    pub fn routes(&self) -> Vec<usize> {
        distinct(self.samples.iter().map(|sample| sample.routes))
    }

    /// The scenarios, in the order of tables.
    #[must_use]
    pub fn scenarios(&self) -> Vec<Scenario> {
        distinct(self.samples.iter().map(|sample| sample.scenario))
    }

    /// One figure of each round, in the order of rounds.
    #[must_use]
    pub fn figures(
        &self,
        routes: usize,
        scenario: Scenario,
        contender: Contender,
        figure: impl Fn(&Sample) -> Option<f64>,
    ) -> Vec<f64> {
        let mut samples: Vec<&Sample> = self
            .samples
            .iter()
            .filter(|s| s.routes == routes && s.scenario == scenario && s.contender == contender)
            .collect();
        samples.sort_by_key(|sample| sample.round);
        samples.into_iter().filter_map(figure).collect()
    }

    /// CPU time per request, microseconds.
    #[must_use]
    pub fn cpu(&self, routes: usize, scenario: Scenario, contender: Contender) -> Option<Spread> {
        Spread::of(self.figures(routes, scenario, contender, |sample| Some(sample.per_request())))
    }

    /// How many times the CPU of `other` per request `contender` needs, round by round.
    #[must_use]
    pub fn ratio(
        &self,
        routes: usize,
        scenario: Scenario,
        contender: Contender,
        other: Contender,
    ) -> Option<Spread> {
        let of = |who| self.figures(routes, scenario, who, |sample| Some(sample.per_request()));
        Spread::of_ratios(&of(contender), &of(other))
    }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<std::collections::BTreeSet<T>>().into_iter().collect()
}
