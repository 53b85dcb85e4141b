//! The binary `ingora-gateway`.

use clap::Parser;
use ingora_gateway::{app, args::Args};
use mimalloc::MiMalloc;
use std::process::ExitCode;

/// The engine allocates some ninety times per request; see `docs/decisions/0006-allocator.md`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = app::logging(&args) {
        eprintln_error(&error);
        return ExitCode::from(2);
    }
    match app::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// One sentence for whoever started it; the log may go elsewhere.
#[allow(clippy::print_stderr, reason = "the process ends here and this is its last word")]
fn eprintln_error(error: &anyhow::Error) {
    eprintln!("ingora-gateway: {error:#}");
}
