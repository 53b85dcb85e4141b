//! The controller of Ingora: Kubernetes objects in, resources for the gateway out.
//!
//! ```text
//!   source ──Object──▶ store ──dirty──▶ translate ──Change──▶ publish ──unix socket──▶ gateway
//!      └─problems─┐      ▲ dns              └──▶ problems
//!                 └──────┴── run.rs, the loop ──────┴──▶ problem_log ──▶ log, metrics ──▶ health port
//!                                   └──▶ outputs ──▶ status, events (while leader says so) ──▶ API server
//! ```
//!
//! `args` is the command line; `check` is the same pipeline without the loop.

pub mod args;
pub mod check;
pub mod dns;
pub mod events;
#[cfg(test)]
mod fake_api;
pub mod health;
mod jitter;
pub mod leader;
pub mod metrics;
pub mod object;
pub mod outputs;
pub mod problem_log;
pub mod publish;
mod rate;
pub mod replica;
pub mod run;
pub mod source;
pub mod status;
pub mod store;
pub mod translate;
