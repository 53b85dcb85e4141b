//! What `ingora-bench` measures. Every program under test is a process of its own, pinned to its cores; what it costs is
//! read from the kernel, so that nothing has to be built into it.
//!
//! ```text
//!   core 0                                  core 1
//!   process: the programs under test ◀───── load: clients (paced, wrk, h2load, handshakes)
//!   (contender: Ingora, nginx, …) ────────▶ backend: one for all of them
//!       │ cpu(), memory()                     │ latencies, failures
//!       └──────────────┬──────────────────────┘
//!                      ▼
//!   change, side_by_side, idle ──▶ statistics (medians, percentiles, ratios) ──▶ report: JSON, a section of
//!                                                                  docs/benchmarks.md, a picture
//! ```

pub mod backend;
pub mod certificate;
pub mod change;
pub mod contender;
pub mod failure;
pub mod idle;
pub mod load;
pub mod machine;
pub mod probe;
pub mod process;
pub mod progress;
pub mod report;
pub mod section;
pub mod side_by_side;
pub mod site;
pub mod statistics;
pub mod system;

pub use failure::{Doing, Failure, Result};
