//! Numbers that are spread evenly from the first one on: what weights are decided by.
//!
//! The n-th number is the fraction of `n × step`, where `step` is irrational as far as 64 bits can tell. If the step is
//! *badly approximable* (the quotients of its continued fraction are small), then any stretch of the sequence is spread
//! almost perfectly, and so is every second, every tenth, every hundredth of its numbers: a client that asks in any rhythm
//! gets the same share. Chance needs a hundred times as many requests to be as exact; counting to ten and starting over
//! would give one of ten clients that take turns all of the canary.
//!
//! Each draw has a step of its own, so that two routes that are asked in lockstep do not decide alike.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// One sequence, shared by all cores. A number `x` stands for `x / 2^64`.
#[derive(Debug)]
pub struct Draw {
    step: u64,
    next: AtomicU64,
}

impl Draw {
    /// A sequence like no other.
    pub fn random() -> Self {
        let random = RandomState::new();
        Self::new(random.hash_one(0_u8), random.hash_one(1_u8))
    }

    /// The sequence of a seed.
    pub fn new(seed: u64, start: u64) -> Self {
        Self { step: step(seed), next: AtomicU64::new(start) }
    }

    /// The next number. No two callers get the same one.
    pub fn next(&self) -> u64 {
        self.next.fetch_add(self.step, Ordering::Relaxed)
    }
}

/// A number whose continued fraction has no quotients but 1 and 2: those are the bits of the seed.
fn step(seed: u64) -> u64 {
    let (mut p, mut q) = ((1_u128, 0_u128), (0_u128, 1_u128));
    for bit in 0.. {
        let quotient = 1 + u128::from(seed.rotate_right(bit % 64) & 1);
        // The convergents: the last two, and from them the next.
        p = (p.1, p.0 + quotient * p.1);
        q = (q.1, q.0 + quotient * q.1);
        if q.1 >> 61 != 0 {
            break;
        }
    }
    // Below 1, so that it fits; odd, so that it takes 2^64 draws to come back.
    u64::try_from((p.1 << 64) / q.1).unwrap_or(u64::MAX) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds() -> impl Iterator<Item = u64> {
        (0..100_u64).map(|seed| seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed).chain([0, u64::MAX])
    }

    fn below(percent: u64) -> u64 {
        u64::MAX / 100 * percent
    }

    /// How far the number of hits of a stretch is from what it should be, at its worst.
    fn worst(draw: &Draw, percent: u64, every: usize) -> f64 {
        let (mut hits, mut worst) = (0_u32, 0_f64);
        for count in 1..=10_000 {
            hits += u32::from(draw.next() < below(percent));
            (1..every).for_each(|_| _ = draw.next());
            worst = worst.max((f64::from(hits) - f64::from(count) * percent as f64 / 100.0).abs());
        }
        worst
    }

    #[test]
    fn every_prefix_is_nearly_exact_whatever_the_seed_and_the_share() {
        for seed in seeds() {
            for percent in [1, 10, 33, 50, 90] {
                let worst = worst(&Draw::new(seed, seed.rotate_left(17)), percent, 1);
                assert!(worst < 8.0, "{seed:#x}: {percent} % is off by {worst} requests");
            }
        }
    }

    #[test]
    fn clients_that_take_turns_get_the_same_share() {
        for seed in seeds().step_by(20) {
            for turns in [2, 3, 4, 5, 7, 8, 10, 16] {
                let worst = worst(&Draw::new(seed, 0), 10, turns);
                assert!(worst < 100.0, "{seed:#x}: one of {turns} clients is off by {worst} of 1,000");
            }
        }
    }

    #[test]
    fn two_routes_in_lockstep_decide_apart() {
        let draws: Vec<_> = seeds().take(20).map(|seed| Draw::new(seed, seed)).collect();
        for pair in draws.windows(2) {
            let both = (0..100_000).filter(|_| (pair[0].next() < below(10)) & (pair[1].next() < below(10)));
            let both = both.count();
            assert!((800..1_200).contains(&both), "{both} of 100,000 instead of 1,000");
        }
    }

    #[test]
    fn all_cores_share_one_sequence() {
        let draw = Draw::new(7, 7);
        let hits: usize = std::thread::scope(|scope| {
            let thread = || (0..10_000).filter(|_| draw.next() < below(10)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(thread)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!((3_992..=4_008).contains(&hits), "{hits} of 40,000");
    }
}
