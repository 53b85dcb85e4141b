//! Whether an endpoint answers, as seen by the requests that it got (passive health; ingress-nginx has none).
//!
//! ```text
//!             a few failures in a row                     its time is over: one request tries it
//!   healthy ──────────────────────────▶ out for 1, 2, 4 … 16 s ──────────────────────▶ out, for longer
//!      ▲                                        │                                          │
//!      └────────────────────────────────────────┴───────── any answer, at once ────────────┘
//! ```
//!
//! A failure is a connection that is refused or breaks, a timeout, or a 5xx that `proxy-next-upstream` names. At most half of
//! a group is out, see [`super::Group`]. One word of state and no lock: of a healthy endpoint a request reads it and writes
//! nothing.

use super::clock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Failures in a row that send an endpoint out.
const FAILURES: u64 = 3;
/// The first pause, in milliseconds; each further one is twice as long.
const FIRST_PAUSE: u64 = 1_000;
/// The longest pause.
const LONGEST_PAUSE: u64 = 16_000;
/// So long after its return an endpoint counts as one that never was out.
const FORGET: u64 = 60_000;
/// Requests that cannot be repeated try an endpoint only so long after its time is over: where nobody else asks.
const GRACE: u64 = 10_000;
/// Where the time stands in the state.
const TIME: u32 = 16;

/// Whether a request may be the one that tries an endpoint that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probing {
    /// It failed elsewhere already.
    Never,
    /// It cannot be repeated: only when no other came for long.
    LongDue,
    /// If it fails, it can be repeated elsewhere.
    Due,
}

/// The record of one endpoint.
#[derive(Debug, Default)]
pub struct Health {
    /// Failures in a row, and above [`TIME`] bits until when it is out: 0 is not at all.
    state: AtomicU64,
    /// How often it was out of late, and above [`TIME`] bits when that ended. Only those who send it out look here.
    history: AtomicU64,
}

impl Health {
    /// Whether it is out.
    pub fn is_out(&self) -> bool {
        self.state.load(Relaxed) >> TIME != 0
    }

    /// Failures in a row.
    pub fn failures(&self) -> u64 {
        self.state.load(Relaxed) & ((1 << TIME) - 1)
    }

    /// How long it is still out; zero when it is due to be tried, `None` when it is not out.
    pub fn out_for(&self) -> Option<Duration> {
        let until = self.state.load(Relaxed) >> TIME;
        (until != 0).then(|| Duration::from_millis(until.saturating_sub(clock::millis())))
    }

    /// Whether a request may go there. Of those that ask when its time is over one gets a yes; it must go.
    pub fn usable(&self, probing: Probing) -> bool {
        let state = self.state.load(Relaxed);
        state >> TIME == 0 || self.is_mine_to_probe(state, probing)
    }

    #[cold]
    fn is_mine_to_probe(&self, state: u64, probing: Probing) -> bool {
        let grace = match probing {
            Probing::Never => return false,
            Probing::LongDue => GRACE,
            Probing::Due => 0,
        };
        let now = clock::millis();
        if now < (state >> TIME) + grace {
            return false;
        }
        // Out for longer from now on, unless this request brings it back.
        let (pause, history) = self.next_pause(now);
        let mine = self.state.compare_exchange(state, (now + pause) << TIME, Relaxed, Relaxed).is_ok();
        if mine {
            self.history.store(history, Relaxed);
        }
        mine
    }

    /// Notes an answer; `true` when that ends its time out.
    pub fn succeeded(&self) -> bool {
        self.state.load(Relaxed) != 0 && self.state.swap(0, Relaxed) >> TIME != 0 && self.is_back()
    }

    #[cold]
    fn is_back(&self) -> bool {
        // The try that succeeded was counted beforehand.
        let less = |history: u64| (history & 15 > 0).then(|| history - 1);
        let _ = self.history.fetch_update(Relaxed, Relaxed, less);
        true
    }

    /// Notes a failure; for how long it is out, when it was not before. `may` says whether another one may be out.
    #[cold]
    pub fn failed(&self, may: impl FnOnce() -> bool) -> Option<Duration> {
        let now = clock::millis();
        let state = self.state.load(Relaxed);
        let until = state >> TIME;
        if until > now {
            // Requests that were on their way when it was sent out.
            return None;
        }
        if until == 0 && (state + 1 < FAILURES || !may()) {
            let count = state.saturating_add(1).min(FAILURES);
            // A lost race loses a count.
            let _ = self.state.compare_exchange(state, count, Relaxed, Relaxed);
            return None;
        }
        let (pause, history) = self.next_pause(now);
        self.state.compare_exchange(state, (now + pause) << TIME, Relaxed, Relaxed).ok()?;
        self.history.store(history, Relaxed);
        (until == 0).then(|| Duration::from_millis(pause))
    }

    /// How long it is out now, and the history with it.
    fn next_pause(&self, now: u64) -> (u64, u64) {
        let history = self.history.load(Relaxed);
        let forgotten = now > (history >> TIME) + FORGET;
        let times = if forgotten { 0 } else { history & 15 };
        let pause = (FIRST_PAUSE << times).min(LONGEST_PAUSE);
        (pause, ((now + pause) << TIME) | (times + 1).min(15))
    }

    /// Ends its time out, so that the next request may try it.
    #[cfg(test)]
    pub(super) fn make_due(&self) {
        let now = clock::millis();
        let _ = self.state.fetch_update(Relaxed, Relaxed, |state| (state >> TIME != 0).then_some(now << TIME));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out() -> Health {
        let health = Health::default();
        (0..FAILURES).for_each(|_| _ = health.failed(|| true));
        assert!(health.is_out());
        health
    }

    #[test]
    fn three_failures_in_a_row_send_it_out_and_an_answer_between_them_does_not() {
        let health = Health::default();
        for _ in 0..5 {
            assert_eq!((health.failed(|| true), health.failed(|| true)), (None, None));
            assert!(!health.succeeded() && health.usable(Probing::Never));
        }
        health.failed(|| true);
        health.failed(|| true);
        assert_eq!(health.failed(|| true), Some(Duration::from_secs(1)));
        assert!(!health.usable(Probing::Due), "its time has only begun");
        assert_eq!(health.failed(|| true), None, "requests on their way change nothing");
    }

    #[test]
    fn where_no_other_may_be_out_it_stays() {
        let health = Health::default();
        (0..100).for_each(|_| assert_eq!(health.failed(|| false), None));
        assert!(health.usable(Probing::Never));
        assert!(health.failed(|| true).is_some(), "as soon as it may");
    }

    #[test]
    fn one_request_tries_it_and_its_answer_brings_it_back() {
        let health = out();
        health.make_due();
        assert!(!health.usable(Probing::Never) && !health.usable(Probing::LongDue));
        let takers: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| usize::from(health.usable(Probing::Due)))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(takers, 1);
        assert!(health.is_out(), "for the others");
        assert!(health.succeeded() && !health.is_out() && !health.succeeded());
    }

    #[test]
    fn each_time_out_is_longer_up_to_a_bound() {
        let health = out();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            health.make_due();
            assert!(health.usable(Probing::Due));
            pauses.push(health.out_for().unwrap().as_millis().div_ceil(1000));
        }
        assert_eq!(pauses, [2, 4, 8, 16, 16, 16, 16]);
        // One that comes back and fails again at once is not trusted more than before.
        assert!(health.succeeded());
        assert_eq!(
            (1..=FAILURES).filter_map(|_| health.failed(|| true)).next(),
            Some(Duration::from_secs(16))
        );
    }
}
