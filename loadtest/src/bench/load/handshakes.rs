//! A new TLS connection for each request: TCP, a full handshake, one request, the end.

use super::Outcome;
use crate::bench::{probe, site};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Where to.
    pub address: SocketAddr,
    /// What to ask for, and how long the answer's body must be.
    pub target: &'a str,
    /// The length of the body, bytes.
    pub bytes: usize,
    /// Connections at a time, each with a thread of its own.
    pub connections: usize,
    /// For how long new connections are begun; each thread makes at least one.
    pub duration: Duration,
}

/// A thread that failed so often gives up: the other side is gone.
const MAX_ERRORS: u64 = 100;

/// Does it, and waits for the end.
pub fn run(plan: &Plan<'_>) -> Outcome {
    let begin = Instant::now();
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..plan.connections.max(1)).map(|_| scope.spawn(|| one(plan, begin))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut all = Outcome { seconds: begin.elapsed().as_secs_f64(), ..Outcome::default() };
    for outcome in outcomes {
        all.requests += outcome.requests;
        all.errors += outcome.errors;
        all.bytes += outcome.bytes;
    }
    all
}

fn one(plan: &Plan<'_>, begin: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let host = site::host(0);
    loop {
        match probe::get_tls(plan.address, &host, plan.target) {
            Ok(answer) if answer.is(plan.bytes) => {
                outcome.requests += 1;
                outcome.bytes += answer.body.len() as u64;
            }
            Ok(_) | Err(_) => outcome.errors += 1,
        }
        if begin.elapsed() >= plan.duration || outcome.errors >= MAX_ERRORS {
            return outcome;
        }
    }
}
