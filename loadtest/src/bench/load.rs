//! Clients. Each is bounded in time and tells failures apart from latencies.
//!
//! - [`connection`]: one HTTP/1.1 connection that sends prepared bytes and reads answers
//! - [`paced`]: many of them at a fixed rate, whatever the other side does

pub mod connection;
pub mod paced;
