//! Medians, percentiles and spreads of samples. No means: one interruption of the machine would move them.

use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// The median of rounds, and how far they lay apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
}

impl Spread {
    /// Of samples in any order; `None` without any.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        Some(Self { median: median(&samples)?, min: *samples.first()?, max: *samples.last()? })
    }

    /// Of the ratios of what was measured in the same round: `ours[i] / theirs[i]`. What the machine did otherwise in
    /// that round hit both, so these lie closer together than the samples. Rounds where `theirs` is 0 are left out.
    #[must_use]
    pub fn of_ratios(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        Self::of(
            ours.iter().zip(theirs).filter(|(_, theirs)| **theirs != 0.0).map(|(ours, theirs)| ours / theirs),
        )
    }
}

impl fmt::Display for Spread {
    /// `1.08 (1.05…1.12)`; a precision (`{:.1}`) other than two digits is respected.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} ({:.digits$}…{:.digits$})", self.median, self.min, self.max)
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted[sorted.len() / 2 - 1] + upper) / 2.0 })
}

/// The smallest sample that at least `share` (0 to 1) of all samples do not exceed; zero without samples.
#[must_use]
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// What is told of many latencies, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latencies {
    /// How many there were.
    pub count: usize,
    /// Half of them are not above this.
    pub p50: f64,
    /// 99 of a hundred are not above this.
    pub p99: f64,
    /// The longest.
    pub longest: f64,
}

impl Latencies {
    /// Of samples in any order.
    #[must_use]
    pub fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let at = |share| percentile(&samples, share).as_secs_f64() * 1e3;
        Self { count: samples.len(), p50: at(0.5), p99: at(0.99), longest: at(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).map(|spread| spread.median), Some(2.0));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let spread = Spread::of_ratios(&[2.0, 40.0, 7.0], &[1.0, 20.0, 0.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, min: 2.0, max: 2.0 });
        assert_eq!(spread.to_string(), "2.00 (2.00…2.00)");
        assert_eq!(format!("{spread:.1}"), "2.0 (2.0…2.0)");
    }

    #[test]
    fn percentiles_are_samples_that_were_seen() {
        let hundred: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        for (share, want) in [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)] {
            assert_eq!(percentile(&hundred, share), Duration::from_millis(want), "{share}");
        }
        assert_eq!(percentile(&[], 0.99), Duration::ZERO);
    }

    #[test]
    fn latencies_need_no_order() {
        let told = Latencies::of([3, 1, 2].map(Duration::from_millis).to_vec());
        assert_eq!(told, Latencies { count: 3, p50: 2.0, p99: 3.0, longest: 3.0 });
    }
}
