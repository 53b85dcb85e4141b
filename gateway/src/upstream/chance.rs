//! Numbers by chance, cheap and without a lock. Nothing that must stay secret hangs on them.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    // Never 0, from which there would be no way on.
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u8) | 1);
}

/// Any number (xorshift with a multiplication behind it, after Marsaglia and Vigna).
pub(super) fn number() -> u64 {
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    })
}

/// A number below `bound`; 0 for a bound of 0.
pub(super) fn below(bound: usize) -> usize {
    let wide = u128::from(number()) * bound as u128;
    usize::try_from(wide >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_place_is_as_likely_as_any_other() {
        let mut counts = [0_u32; 7];
        (0..70_000).for_each(|_| counts[super::below(7)] += 1);
        assert!(counts.iter().all(|count| (9_400..10_600).contains(count)), "{counts:?}");
        assert_eq!(super::below(0), 0);
    }
}
