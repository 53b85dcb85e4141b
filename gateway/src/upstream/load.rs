//! How busy and how fast an endpoint is, for `load-balance: ewma`: a peak-sensitive moving average of the time to the
//! answer's header, and the requests in flight.
//!
//! The average falls slowly and rises at once, so that an endpoint that begins to stall is noticed with its first slow
//! answer. With time it is forgotten (a factor of e in `DECAY`): whoever was slow is tried again.

use super::{Target, clock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// In milliseconds; the 10 s of ingress-nginx.
const DECAY: f32 = 10_000.0;

/// The record of one endpoint. Racing updates may lose one another; no average minds.
#[derive(Debug, Default)]
pub struct Load {
    in_flight: AtomicU32,
    /// Microseconds as `f32`, above the time of the last answer in milliseconds.
    average: AtomicU64,
}

impl Load {
    /// Requests in flight, of those that are counted.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// The average, faded up to now, in microseconds.
    pub fn average(&self) -> f32 {
        let (average, age) = self.read();
        average * fade(age)
    }

    /// What another request would have to wait, by comparison.
    pub(super) fn cost(&self) -> f32 {
        self.average().max(1.0) * (self.in_flight() + 1) as f32
    }

    /// Notes how long an answer, or waiting for one in vain, took.
    pub fn observe(&self, time: Duration) {
        let (average, age) = self.read();
        let time = time.as_secs_f32() * 1e6;
        let kept = fade(age);
        self.write(if time > average { time } else { average * kept + time * (1.0 - kept) });
    }

    /// Begins where others are: one that never answered would get every request.
    pub(super) fn begin_at(&self, average: f32) {
        self.write(average);
    }

    fn read(&self) -> (f32, u32) {
        let word = self.average.load(Relaxed);
        (f32::from_bits((word >> 32) as u32), (clock::millis() as u32).wrapping_sub(word as u32))
    }

    fn write(&self, average: f32) {
        let word = (u64::from(average.to_bits()) << 32) | u64::from(clock::millis() as u32);
        self.average.store(word, Relaxed);
    }
}

/// What is left of an average of this age, in milliseconds.
fn fade(age: u32) -> f32 {
    (-(age as f32) / DECAY).exp()
}

/// Counts a request as in flight at an endpoint for as long as it lives.
#[derive(Debug)]
pub struct Busy(Arc<Target>);

impl Busy {
    /// Counts it.
    pub fn new(target: &Arc<Target>) -> Self {
        target.load.in_flight.fetch_add(1, Relaxed);
        Self(Arc::clone(target))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.load.in_flight.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_rises_at_once_and_falls_slowly() {
        let load = Load::default();
        load.observe(Duration::from_millis(10));
        let near = |value: f32, want: f32| (value - want).abs() < want * 0.05;
        assert!(near(load.average(), 10_000.0), "{}", load.average());
        load.observe(Duration::from_secs(1));
        assert!(near(load.average(), 1_000_000.0), "{}", load.average());
        (0..100).for_each(|_| load.observe(Duration::from_millis(10)));
        assert!(load.average() > 900_000.0, "no time has passed: {}", load.average());
        assert!(near(fade(10_000), (-1.0_f32).exp()) && fade(100_000) < 0.001);
    }
}
