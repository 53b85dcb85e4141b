//! `ingora`: reads the command line, runs the command, turns errors into one sentence and an exit code.

use clap::Parser as _;
use ingora_controller_sync::args::check::{CheckArguments, OutputFormat};
use ingora_controller_sync::args::sync::{SyncArguments, TwoSources};
use ingora_controller_sync::args::{Arguments, Command, LogFormat};
use ingora_controller_sync::run::{Controller, RunError};
use std::io::{self, Write as _};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The input or the command line cannot be used, as for clap.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Sync(arguments) => match sync(&arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) if is_usage(&error) => complain(&error, UNUSABLE),
            Err(error) => complain(&error, 1),
        },
        Command::Check(arguments) => check(&arguments),
    }
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<TwoSources>() || error.downcast_ref::<RunError>().is_some_and(RunError::is_usage)
}

fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    // Every error is one whole sentence, so its causes are not repeated. When standard error is closed there is nobody
    // to tell.
    let _ = writeln!(io::stderr().lock(), "ingora: {error}");
    ExitCode::from(code)
}

fn sync(arguments: &SyncArguments) -> anyhow::Result<()> {
    let config = arguments.config()?;
    log_to_stdout(arguments.log_format, arguments.verbose);
    // Two threads: one for the loop, one for what may wait. The work per change is small.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let controller = Controller::start(config).await?;
        if let Some(address) = controller.health_address() {
            tracing::info!(%address, "health port");
        }
        controller.run(asked_to_end(interrupt, terminate)).await?;
        tracing::info!("ended");
        Ok(())
    })
}

async fn asked_to_end(mut interrupt: Signal, mut terminate: Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn log_to_stdout(format: LogFormat, verbose: u8) {
    let filter = match verbose {
        // kube complains of everything that fails, and may quote what it did not understand; our own source says what
        // matters.
        0 => "info,kube_client=off,hickory_resolver=error,hickory_net=error,hickory_proto=error",
        1 => "info,kube_client=off,ingora_controller_sync=debug",
        _ => "debug,kube_client=off,ingora_controller_sync=trace",
    };
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_target(false);
    match format {
        LogFormat::Text => builder.with_ansi(io::IsTerminal::is_terminal(&io::stdout())).init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).init(),
    }
}

fn check(arguments: &CheckArguments) -> ExitCode {
    let report = match arguments.report() {
        Ok(report) => report,
        Err(error) => return complain(&error.into(), UNUSABLE),
    };
    let text = match arguments.output {
        OutputFormat::Text if arguments.annotations || arguments.from_cluster => report.to_migration_text(),
        OutputFormat::Text => report.to_text(),
        OutputFormat::Json => report.to_json(),
    };
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        // `ingora check … | head` is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&anyhow::anyhow!("standard output: {error}"), UNUSABLE)
        }
        _ => ExitCode::from(u8::from(report.has_errors())),
    }
}
