//! What `ingora-bench` measures. Every program under test is a process of its own, pinned to its cores; what it costs is
//! read from the kernel, so that nothing has to be built into it.
//!
//! ```text
//!   core 0                                  core 1
//!   process: the programs under test ◀───── load: clients (paced, the connection of one client)
//!       │ cpu(), memory()                     │ latencies, failures
//!       └──────────────┬──────────────────────┘
//!                      ▼
//!   change ──▶ statistics (medians, percentiles, ratios) ──▶ JSON and a section of docs/benchmarks.md
//! ```

pub mod change;
pub mod failure;
pub mod load;
pub mod machine;
pub mod process;
pub mod progress;
pub mod section;
pub mod statistics;

pub use failure::{Doing, Failure, Result};
