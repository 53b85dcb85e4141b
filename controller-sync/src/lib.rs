//! The controller of Ingora: Kubernetes objects in, resources for the gateway out.
//!
//! ```text
//!   source ──Object──▶ store ──dirty──▶ translate ──Change──▶ publish ──unix socket──▶ gateway
//!      └─problems─┐      ▲ dns              └──▶ problems
//!                 └──────┴── run.rs, the loop ──────┴──▶ problem_log ──▶ log, metrics ──▶ health port
//! ```
//!
//! `args` is the command line; `check` is the same pipeline without the loop.

pub mod args;
pub mod check;
pub mod dns;
pub mod health;
pub mod metrics;
pub mod object;
pub mod problem_log;
pub mod publish;
pub mod run;
pub mod source;
pub mod store;
pub mod translate;
