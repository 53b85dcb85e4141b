//! What an idle keep-alive connection costs: memory before, thousands of connections with one request each, memory after.
//!
//! Each contender is started for this alone, asked a little so that everything that is made once is there, and then filled.
//! The connections are looked at again after the measurement: one that was closed meanwhile fails the bench.

use super::backend::Backend;
use super::certificate::Certificate;
use super::contender::{Contender, Running, Setup};
use super::machine::Machine;
use super::progress::say;
use super::report::table::grouped;
use super::side_by_side::plan::Place;
use super::site::{self, Ports, Size};
use super::{Doing as _, Failure, Result, probe, process, report, system};
use openssl::ssl::SslStream;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What `ingora-bench idle` is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Plan {
    /// Who and where.
    #[command(flatten)]
    pub place: Place,

    /// Connections over plain HTTP/1.1.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub connections: u32,

    /// Connections over HTTPS, HTTP/1.1; the client needs much more memory for each than for a plain one.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub tls_connections: u32,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Idle {
    /// Of whom.
    pub contender: Contender,
    /// Over TLS.
    pub tls: bool,
    /// How many connections.
    pub connections: u32,
    /// Resident bytes before.
    pub before: u64,
    /// Resident bytes with the connections.
    pub after: u64,
}

impl Idle {
    /// Bytes for each connection.
    #[must_use]
    pub fn each(&self) -> f64 {
        (self.after as f64 - self.before as f64) / f64::from(self.connections.max(1))
    }
}

/// Everything of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Where.
    pub machine: Machine,
    /// All measurements.
    pub idle: Vec<Idle>,
}

/// Routes that the contenders serve.
const ROUTES: usize = 10;
/// Requests before the first look at the memory.
const WARM: usize = 200;
/// Threads that open connections.
const THREADS: usize = 16;

/// Measures and writes the results.
///
/// # Errors
/// When a contender does not start, or does not keep the connections.
pub fn run(plan: &Plan) -> Result<()> {
    let open_files = system::raise_open_files();
    let most = most(open_files);
    let cores = plan.place.load_cores();
    process::move_to(&cores)?;
    let programs = plan.place.programs()?;
    let home = tempfile::Builder::new()
        .prefix("ingora-bench")
        .tempdir()
        .doing(|| "no temporary folder".to_owned())?;
    let certificate = Certificate::make(home.path())?;
    let backend = Backend::start(&programs, &home.path().join("backend"), &cores)?;
    let mut results = Results { machine: Machine::here(), idle: Vec::new() };
    for contender in plan.place.contenders(&programs)? {
        for (tls, connections) in [(false, plan.connections), (true, plan.tls_connections)] {
            let folder = home.path().join(format!("{contender:?}-{tls}"));
            if connections > most {
                say(format_args!(
                    "only {most} connections: no more than {open_files} files may be open here"
                ));
            }
            let connections = connections.min(most);
            let setup = Setup {
                folder: &folder,
                routes: ROUTES,
                backend: backend.address,
                target: backend.target(Size::Small),
                certificate: &certificate,
                ports: Ports::free().doing(|| "no ports are free".to_owned())?,
                open_files,
            };
            let running = contender.start(&programs, &setup, &plan.place.cores)?;
            let idle = measure(&running, setup.target, tls, connections)?;
            let (kind, name) = (if tls { "HTTPS" } else { "HTTP" }, contender.title());
            say(format_args!(
                "{name}: {connections} idle {kind} connections, {:.1} kB each",
                idle.each() / 1e3
            ));
            results.idle.push(idle);
        }
    }
    report::write(&plan.place, "idle", &results, &table(&results), None)
}

/// How many connections every contender takes: each may need one to the upstream, and they keep some files for themselves.
fn most(open_files: u64) -> u32 {
    u32::try_from(open_files.saturating_sub(1_200) / 2).unwrap_or(u32::MAX).max(1)
}

fn measure(running: &Running, target: &str, tls: bool, connections: u32) -> Result<Idle> {
    for number in 0..WARM {
        open(running, target, tls, number)
            .doing(|| format!("{} does not answer", running.contender.title()))?;
    }
    let before = settled(running)?;
    let held = open_all(running, target, tls, connections)
        .doing(|| format!("{} does not take {connections} connections", running.contender.title()))?;
    let after = settled(running)?;
    let closed = held.iter().filter(|held| held.closed()).count();
    if closed > 0 {
        return Err(Failure::said(format!(
            "{} closed {closed} of {connections} idle connections",
            running.contender.title()
        )));
    }
    Ok(Idle { contender: running.contender, tls, connections, before, after })
}

/// An open connection.
enum Held {
    Plain(TcpStream),
    Tls(SslStream<TcpStream>),
}

impl Held {
    fn closed(&self) -> bool {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref(),
        };
        if stream.set_nonblocking(true).is_err() {
            return true;
        }
        // Tickets may lie there unread: anything but the end and an error is an open connection.
        match stream.peek(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

fn open(running: &Running, target: &str, tls: bool, number: usize) -> io::Result<Held> {
    let host = site::host(number % ROUTES);
    let (held, answer) = if tls {
        let mut stream = probe::connect_tls(probe::connect(running.ports.https_address())?, &host)?;
        let answer = probe::ask(&mut stream, &host, target, false)?;
        (Held::Tls(stream), answer)
    } else {
        let mut stream = probe::connect(running.ports.http_address())?;
        let answer = probe::ask(&mut stream, &host, target, false)?;
        (Held::Plain(stream), answer)
    };
    if answer.is(Size::Small.bytes()) {
        Ok(held)
    } else {
        Err(io::Error::other(format!("status {}", answer.status)))
    }
}

fn open_all(running: &Running, target: &str, tls: bool, connections: u32) -> io::Result<Vec<Held>> {
    let connections = connections as usize;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| {
                scope.spawn(move || -> io::Result<Vec<Held>> {
                    (first..connections)
                        .step_by(THREADS)
                        .map(|number| open(running, target, tls, number))
                        .collect()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(connections);
        for thread in threads {
            all.extend(thread.join().map_err(|_| io::Error::other("a thread ended early"))??);
        }
        Ok(all)
    })
}

/// The resident bytes of all parts, once they have not changed for half a second; after five seconds whatever they are.
fn settled(running: &Running) -> Result<u64> {
    let begin = Instant::now();
    let now = || -> Result<u64> { Ok(running.memory()?.values().sum()) };
    let (mut last, mut since) = (now()?, Instant::now());
    while since.elapsed() < Duration::from_millis(500) && begin.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(50));
        let current = now()?;
        if current != last {
            (last, since) = (current, Instant::now());
        }
    }
    Ok(last)
}

/// The section of the page.
#[must_use]
pub fn table(results: &Results) -> String {
    let mut text = format!(
        "{} (`make bench`). Each connection made one request and stays open; resident memory of \
         all processes of the contender.\n\n| | connections | before, MiB | with them, MiB | kB for each |\n| --- | --- | --- | --- | --- |\n",
        results.machine
    );
    for idle in &results.idle {
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let _ = writeln!(
            text,
            "| {}, {} | {} | {:.1} | {:.1} | {:.1} |",
            idle.contender.title(),
            if idle.tls { "HTTPS" } else { "HTTP" },
            grouped(u64::from(idle.connections)),
            mebibytes(idle.before),
            mebibytes(idle.after),
            idle.each() / 1e3
        );
    }
    text
}
