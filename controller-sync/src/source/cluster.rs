//! The cluster source: a Kubernetes API server, listed once and then watched.

pub mod client;
