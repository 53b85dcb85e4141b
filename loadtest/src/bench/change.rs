//! What a change costs.

use super::Result;

/// What `ingora-bench change` is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Plan {}

/// Measures and writes the results.
///
/// # Errors
/// When something that is needed is missing, or a program under test fails.
pub fn run(_plan: &Plan) -> Result<()> {
    Ok(())
}
