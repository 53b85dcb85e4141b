//! The composition root: reads from top to bottom as the life of the process.
//!
//! ```text
//!   main thread      signals, drain
//!   control thread   sync client (socket) ──▶ Live, admin port
//!   core threads     accept ──▶ front ──▶ proxy, each with its own runtime and upstream pool
//! ```

use crate::args::{Args, LogFormat, Runtime};
use crate::drain::{Drain, Phase};
use crate::filters::basic_auth::logins::Logins;
use crate::filters::external_auth::{Asker, Verdicts};
use crate::front::accept::{self, BindError};
use crate::front::{Front, tls::Tls};
use crate::live::Live;
use crate::mirror::Mirrors;
use crate::proxy::{Gateway, PublicPorts};
use crate::telemetry::Telemetry;
use crate::upstream::carried::Carried;
use crate::{admin, sync};
use anyhow::{Context as _, Result};
use pingora::connectors::TransportConnector;
use pingora::server::configuration::ServerConf;
use pingora_proxy::http_proxy;
use socket2::Socket;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// File descriptors that are no client connections: listeners, the socket, logs, connections to upstreams in the pool.
const RESERVED_FILES: u64 = 1024;

/// Starts the log.
///
/// # Errors
/// When `--log-level` is not understood.
pub fn logging(args: &Args) -> Result<()> {
    // The engine reports each failed request as an error; the access log says it better and once.
    let quiet = "pingora=off,pingora_core=off,pingora_proxy=off,pingora_pool=off";
    let filter = tracing_subscriber::EnvFilter::builder()
        .parse(format!("{quiet},{}", args.log_level))
        .with_context(|| format!("--log-level {:?} is not understood", args.log_level))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => log.init(),
    }
    Ok(())
}

/// Serves until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// When a port cannot be bound or a thread cannot be started.
pub fn run(args: &Args) -> Result<()> {
    let threads = if args.threads == 0 { thread::available_parallelism()?.get() } else { args.threads };
    let drain = Drain::new(connection_limit(args.max_connections));
    let telemetry = Telemetry::start(args.log_format, Arc::clone(&drain));
    let live = Live::new().context("cannot make a default certificate")?;
    let serving = Arc::new(AtomicBool::new(false));

    let (http, http_sockets) = accept::bind(args.http_bind, threads, args.reuse_port)?;
    let (https, https_sockets) = accept::bind(args.https_bind, threads, args.reuse_port)?;
    let admin = std::net::TcpListener::bind(args.admin_bind)
        .map_err(|error| BindError::new(args.admin_bind, error))?;
    tracing::info!(%http, %https, admin = %admin.local_addr()?, threads, "ports are free; waiting for configuration");

    let ready = {
        let (drain, serving) = (Arc::clone(&drain), Arc::clone(&serving));
        move || serving.load(Ordering::Acquire) && drain.phase() == Phase::Serving
    };
    control(args, &live, &telemetry, admin, ready)?;

    let verdicts = Arc::<Verdicts>::default();
    let logins = Logins::new(threads, telemetry.metrics().passwords_verified.clone());
    let front = |live: &Arc<Live>| front(args, live, &drain, &telemetry, &logins, &verdicts);
    let tls = Tls::new(Arc::clone(&live)).context("cannot set up TLS")?;
    let main = Builder::new_current_thread().enable_all().build()?;
    let mut stop = main.block_on(async { Stop::new() })?;
    let configured = main.block_on(async {
        tokio::select! {
            () = live.configured() => true,
            () = stop.requested() => false,
        }
    });
    if !configured {
        return Ok(());
    }
    let sockets = http_sockets.into_iter().zip(https_sockets).collect();
    start_cores(args.runtime, threads, sockets, &tls, || front(&live))?;
    serving.store(true, Ordering::Release);
    tracing::info!(%http, %https, "serving");

    main.block_on(async {
        stop.requested().await;
        leave(args, &live, &drain, &mut stop).await;
    });
    telemetry.flush();
    Ok(())
}

/// Half of the files a process may open: a proxied request holds two.
fn connection_limit(wanted: usize) -> usize {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let possible =
        usize::try_from(files.saturating_sub(RESERVED_FILES.min(files / 4)) / 2).unwrap_or(usize::MAX);
    match wanted {
        0 => possible.min(1_000_000),
        wanted if wanted > possible => {
            tracing::warn!(wanted, possible, "--max-connections is more than the limit of open files allows");
            possible
        }
        wanted => wanted,
    }
}

/// The thread for everything that is not traffic, so that no scrape and no update delays a request.
fn control(
    args: &Args,
    live: &Arc<Live>,
    telemetry: &Arc<Telemetry>,
    admin: std::net::TcpListener,
    ready: impl Fn() -> bool + Send + Sync + 'static,
) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (socket, live, telemetry) = (args.socket.clone(), Arc::clone(live), Arc::clone(telemetry));
    thread::Builder::new().name("control".into()).spawn(move || {
        runtime.block_on(async {
            let admin = admin::serve(admin, Arc::clone(&live), telemetry, ready);
            tokio::join!(follow(socket, live), admin);
        });
    })?;
    Ok(())
}

/// Follows controller-sync. A panic there would be a defect of ours; it must end neither the admin port nor updates.
async fn follow(socket: PathBuf, live: Arc<Live>) {
    while let Err(error) = tokio::spawn(sync::run(socket.clone(), Arc::clone(&live))).await {
        tracing::error!(%error, "following controller-sync failed, which is a defect of Ingora; starting over");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// One core's engine and what its connections need.
fn front(
    args: &Args,
    live: &Arc<Live>,
    drain: &Arc<Drain>,
    telemetry: &Arc<Telemetry>,
    logins: &Arc<Logins>,
    verdicts: &Arc<Verdicts>,
) -> Arc<Front> {
    // The settings are there: nothing is served before they are. The engine's pool cannot change its size later.
    let idle = live.table().settings().proxy.upstream_keepalive_connections.max(1);
    let upstream_keepalive_pool_size = usize::try_from(idle).unwrap_or(usize::MAX);
    let conf = Arc::new(ServerConf { upstream_keepalive_pool_size, ..ServerConf::default() });
    let busy = drain.core();
    let gateway = Gateway {
        busy: Arc::clone(&busy),
        live: Arc::clone(live),
        telemetry: Arc::clone(telemetry),
        logins: Arc::clone(logins),
        ports: PublicPorts { http: args.http_port.to_string(), https: args.https_port.to_string() },
        health_check_path: args.health_check_path.as_str().into(),
        connector: TransportConnector::new(None),
        carried: Carried::default(),
        mirrors: Mirrors::new(telemetry.metrics().copies.clone()),
        external_auth: Asker::new(Arc::clone(verdicts)),
    };
    let proxy = http_proxy(&conf, gateway);
    Arc::new(Front {
        live: Arc::clone(live),
        proxy: Arc::new(proxy),
        drain: Arc::clone(drain),
        busy,
        telemetry: Arc::clone(telemetry),
        client_header_timeout: args.client_header_timeout.map(Duration::from_secs),
    })
}

/// Starts listening: one pair of sockets per thread, either on runtimes of their own or on a shared one.
fn start_cores(
    kind: Runtime,
    threads: usize,
    sockets: Vec<(Socket, Socket)>,
    tls: &Tls,
    front: impl Fn() -> Arc<Front>,
) -> Result<()> {
    if kind == Runtime::Shared {
        let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let front = front();
        let guard = runtime.enter();
        for pair in sockets {
            runtime.spawn(core(Arc::clone(&front), listeners(pair)?, tls.clone()));
        }
        drop(guard);
        thread::Builder::new()
            .name("shared".into())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
        return Ok(());
    }
    for (index, pair) in sockets.into_iter().enumerate() {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let guard = runtime.enter();
        let core = core(front(), listeners(pair)?, tls.clone());
        drop(guard);
        thread::Builder::new().name(format!("core-{index}")).spawn(move || {
            runtime.block_on(async {
                core.await;
                // For the requests in flight; the main thread ends the process.
                std::future::pending::<()>().await;
            });
        })?;
    }
    Ok(())
}

type Listeners = (tokio::net::TcpListener, tokio::net::TcpListener);

fn listeners((http, https): (Socket, Socket)) -> std::io::Result<Listeners> {
    Ok((accept::listen(http)?, accept::listen(https)?))
}

async fn core(front: Arc<Front>, (http, https): Listeners, tls: Tls) {
    tokio::join!(accept::accept(Arc::clone(&front), http, None), accept::accept(front, https, Some(tls)));
}

/// SIGTERM and SIGINT.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Lame duck, then closing; a second signal ends it at once.
async fn leave(args: &Args, live: &Live, drain: &Drain, stop: &mut Stop) {
    let drained = async {
        tracing::info!(
            seconds = args.lame_duck,
            connections = drain.connections(),
            "lame duck: not ready, still serving"
        );
        drain.start_lame_duck();
        tokio::time::sleep(Duration::from_secs(args.lame_duck)).await;
        tracing::info!(
            requests = drain.in_flight(),
            "closing: no new connections, finishing requests in flight"
        );
        drain.start_closing();
        let wanted = live.table().settings().worker_shutdown_timeout.map(u64::from);
        let patience = Duration::from_secs(wanted.unwrap_or(args.drain_timeout));
        tokio::time::timeout(patience, drain.idle()).await
    };
    tokio::select! {
        result = drained => match result {
            Ok(()) => tracing::info!("every request is answered"),
            Err(_) => tracing::warn!(requests = drain.in_flight(), "drain timeout: requests are cut"),
        },
        () = stop.requested() => tracing::warn!(requests = drain.in_flight(), "second signal: leaving at once"),
    }
}
