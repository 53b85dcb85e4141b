//! A token bucket on tokio's clock.

use std::time::Duration;
use tokio::time::Instant;

/// So many at once, and so many per second later on.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, tokens: burst, at: Instant::now() }
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&mut self) -> bool {
        self.take_above(0.0)
    }

    /// Takes a token if that leaves at least `rest`.
    pub(crate) fn take_above(&mut self, rest: f64) -> bool {
        self.fill();
        // Sums of fractions miss whole numbers by a little.
        let enough = self.tokens >= 1.0 + rest - 1e-6;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    /// When the next token is there.
    pub(crate) fn ready_at(&mut self) -> Instant {
        self.fill();
        let missing = (1.0 - self.tokens).max(0.0);
        // A millisecond more, since the clock of timers is that coarse.
        self.at
            + Duration::from_secs_f64(missing / self.per_second)
            + Duration::from_millis(u64::from(missing > 0.0))
    }

    /// Whether nothing was taken for so long that it could as well be new.
    pub(crate) fn is_full(&mut self) -> bool {
        self.fill();
        self.tokens >= self.burst
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + since * self.per_second).min(self.burst);
        self.at = now;
    }
}
