//! What load scenarios, examples and tests of Ingora share. It knows nothing of Ingora itself.
//!
//! - [`echo`]: the backend `ingora-echo`, which answers with what it received and its own name.

pub mod echo;
