//! `ingora-bench`: measures Ingora, and others beside it. See [`ingora_loadtest::bench`].

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use ingora_loadtest::bench::{change, idle, process, side_by_side};
use tokio::signal::unix::{SignalKind, signal};

/// Measures what Ingora costs. Progress goes to standard error, results into files.
///
/// Programs under test run on one core, load and backends on another; nothing but 127.0.0.1 is loaded, and every run is
/// bounded in time. For numbers worth quoting leave the machine alone meanwhile.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// What a change costs: propagation, CPU, memory per route, start-up, and the latency of others meanwhile.
    Change(change::Plan),
    /// Ingora beside nginx, HAProxy, Envoy and bare Pingora: CPU per request, latency at equal load, memory.
    SideBySide(side_by_side::Plan),
    /// What idle keep-alive connections cost: memory for each.
    Idle(idle::Plan),
}

impl Bench {
    fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Change(plan) => change::run(plan)?,
            Self::SideBySide(plan) => side_by_side::run(plan)?,
            Self::Idle(plan) => idle::run(plan)?,
        }
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let Arguments { bench } = Arguments::parse();
    end_all_when_interrupted()?;
    bench.run()
}

/// Programs under test are not in the terminal's process group: Ctrl-C would leave them running.
fn end_all_when_interrupted() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime for signals does not start")?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        process::end_all();
        std::process::exit(130);
    })?;
    Ok(())
}
