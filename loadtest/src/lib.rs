//! What load scenarios, benches, examples and tests of Ingora share. It knows nothing of Ingora itself.
//!
//! - [`echo`]: the backend `ingora-echo`, which answers with what it received and its own name.
//! - [`bench`](mod@bench): what `ingora-bench` measures, with programs started as anybody would start them.

pub mod bench;
pub mod echo;
