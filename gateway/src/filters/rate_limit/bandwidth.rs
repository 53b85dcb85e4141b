//! `limit-rate`, `limit-rate-after`: how fast one answer goes to its client.
//!
//! Whoever sends an answer rests as long as [`Pace::delay`] says (`crate::front::outgoing`, and the engine for HTTP/2);
//! nobody else waits with it.

use ingora_config::policy::RateLimit;
use ingora_config::settings::Limits;
use std::time::{Duration, Instant};

/// The unit of both annotations, in bytes.
const KILOBYTE: u64 = 1024;

/// How far an answer with a limit has come.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bytes a second.
    rate: u64,
    /// Bytes that go at once: `limit-rate-after`, and what the first second allows, as in nginx.
    free: u64,
    sent: u64,
    started: Instant,
}

impl Pace {
    /// The pace of an answer that starts now; `None` without a limit. What annotations do not say, the settings do.
    pub fn new(limit: Option<&RateLimit>, settings: &Limits) -> Option<Self> {
        let rate = limit.and_then(|limit| limit.rate).unwrap_or(settings.limit_rate).saturating_mul(KILOBYTE);
        let after = limit.and_then(|limit| limit.rate_after).unwrap_or(settings.limit_rate_after);
        let free = after.saturating_mul(KILOBYTE).saturating_add(rate);
        (rate > 0).then(|| Self { rate, free, sent: 0, started: Instant::now() })
    }

    /// How long `bytes` more must wait.
    pub fn delay(&mut self, bytes: usize, now: Instant) -> Option<Duration> {
        self.sent = self.sent.saturating_add(bytes as u64);
        let beyond = u128::from(self.sent.saturating_sub(self.free));
        let due = u64::try_from(beyond * 1_000_000_000 / u128::from(self.rate)).unwrap_or(u64::MAX);
        let wait = Duration::from_nanos(due).saturating_sub(now.saturating_duration_since(self.started));
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(rate: Option<u64>, rate_after: Option<u64>) -> RateLimit {
        RateLimit { rate, rate_after, ..RateLimit::default() }
    }

    #[test]
    fn an_answer_of_ten_seconds_worth_takes_nine() {
        let mut pace = Pace::new(Some(&limit(Some(10), None)), &Limits::default()).unwrap();
        let start = pace.started;
        let mut now = start;
        for _ in 0..100 {
            now += pace.delay(1024, now).unwrap_or_default();
        }
        assert_eq!(now - start, Duration::from_secs(9), "the first second's worth goes at once");
    }

    #[test]
    fn what_goes_before_is_free_and_a_slow_upstream_waits_for_nothing() {
        let mut pace = Pace::new(Some(&limit(Some(1), Some(99))), &Limits::default()).unwrap();
        let start = pace.started;
        assert_eq!(pace.delay(100 * 1024, start), None);
        assert_eq!(pace.delay(1024, start), Some(Duration::from_secs(1)));
        assert_eq!(pace.delay(1024, start + Duration::from_secs(2)), None);
    }

    #[test]
    fn annotations_win_over_settings_and_zero_is_no_limit() {
        let settings = Limits { limit_rate: 5, ..Limits::default() };
        let rate = |limit: Option<&RateLimit>, settings: &Limits| {
            Pace::new(limit, settings).map(|pace| pace.rate / KILOBYTE)
        };
        assert_eq!(rate(None, &settings), Some(5));
        assert_eq!(rate(Some(&limit(None, None)), &settings), Some(5));
        assert_eq!(rate(Some(&limit(Some(7), None)), &settings), Some(7));
        assert_eq!(rate(Some(&limit(Some(0), None)), &settings), None);
        assert_eq!(rate(None, &Limits::default()), None);
        assert!(Pace::new(Some(&limit(Some(u64::MAX), Some(u64::MAX))), &settings).is_some());
    }
}
