//! Clients. Each is bounded in time and tells failures apart from latencies.
//!
//! - [`connection`]: one HTTP/1.1 connection that sends prepared bytes and reads answers
//! - [`paced`]: many of them at a fixed rate, whatever the other side does
//! - [`wrk`], [`h2load`]: as much as HTTP/1.1 and HTTP/2 connections carry
//! - [`handshakes`]: a new TLS connection for each request

pub mod connection;
pub mod h2load;
pub mod handshakes;
pub mod paced;
pub mod wrk;

use std::time::Duration;

/// What came of a load, whoever made it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Requests that were answered with 2xx.
    pub requests: u64,
    /// Those that were answered otherwise or not at all.
    pub errors: u64,
    /// How long it took.
    pub seconds: f64,
    /// Bytes received; of bodies only or with heads, as the client counts.
    pub bytes: u64,
    /// Latencies, shortest first, from clients that keep a rate; others have none.
    pub latencies: Vec<Duration>,
}
