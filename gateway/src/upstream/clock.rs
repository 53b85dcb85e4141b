//! The time that endpoints' records are kept in: milliseconds since this process looked first.

use std::sync::LazyLock;
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now, never 0.
pub(super) fn millis() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX / 2) + 1
}
