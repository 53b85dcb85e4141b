//! How long the cluster source waits for what.

use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

/// The clocks of the cluster source. Tests turn them faster; nobody else needs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long the API server may take to begin an answer.
    pub answer: Duration,
    /// The longest pause within a list.
    pub pause: Duration,
    /// How long a watch is asked to last. The API server sends a bookmark before it ends it, so that a quiet watch and a
    /// dead connection differ.
    pub watch: Duration,
    /// How much later than that a watch counts as dead.
    pub grace: Duration,
    /// The pause after a first failure; it doubles with each further one.
    pub shortest_backoff: Duration,
    /// The longest pause between two tries, but for what the API server itself asks for.
    pub longest_backoff: Duration,
    /// After an outage of this length everything is listed anew: the API server may have come back from a backup.
    pub outage: Duration,
    /// How long after a list that lost suspiciously much a second one is asked for.
    pub confirm: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(20),
            pause: Duration::from_secs(20),
            watch: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            shortest_backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(10),
            outage: Duration::from_secs(30),
            confirm: Duration::from_secs(3),
        }
    }
}

/// The longest wait that an API server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// A pause that grows with every failure.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Something worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure, a random one of up to half of it less, so that many watches do not come back
    /// at once.
    pub(super) fn next(&mut self, timing: &Timing, asked: Option<Duration>) -> Duration {
        let grown = timing.shortest_backoff.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let own = grown.min(timing.longest_backoff);
        let own = own - own.mul_f64(random() / 2.0);
        match asked {
            // Later, but never earlier than asked.
            Some(asked) => own.max(asked.min(MAX_RETRY_AFTER)).saturating_add(own / 4),
            None => own,
        }
    }
}

/// From 0 to 1. The seeds of hash maps are random enough for a pause.
fn random() -> f64 {
    let bits = std::collections::hash_map::RandomState::new().build_hasher().finish() >> 40;
    // 24 bits fit in any float.
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(1_u32 << 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_anew_after_success() {
        let timing = Timing::default();
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..40).map(|_| backoff.next(&timing, None)).collect();
        assert!(pauses[0] <= timing.shortest_backoff);
        assert!(pauses[39] > timing.longest_backoff / 3);
        assert!(pauses.iter().all(|pause| *pause <= timing.longest_backoff));
        assert!(pauses[20..].iter().any(|pause| *pause != pauses[20]), "pauses are jittered");
        backoff.reset();
        assert!(backoff.next(&timing, None) <= timing.shortest_backoff);
    }

    #[test]
    fn the_api_servers_own_wish_is_a_lower_bound_within_reason() {
        let timing = Timing::default();
        let asked = Duration::from_secs(7);
        assert!(Backoff::default().next(&timing, Some(asked)) >= asked);
        let forever = Duration::from_secs(1_000_000);
        assert!(Backoff::default().next(&timing, Some(forever)) < Duration::from_secs(90));
    }
}
