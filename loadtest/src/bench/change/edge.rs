//! The two programs on a folder of manifests, and the two backends that their answers tell apart.

use super::super::load::connection::{Answer, Connection, get};
use super::super::process::Process;
use super::super::{Doing as _, Failure, Result};
use super::Plan;
use super::folder::{Folder, Side};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a start may take.
const START: Duration = Duration::from_secs(300);

/// How long a change may take. None does; a bench that waits for ever tells nothing.
const CHANGE: Duration = Duration::from_secs(30);

/// The pause of the client that waits for a change, so that it does not take the core it waits for.
const PAUSE: Duration = Duration::from_micros(100);

/// A port of loopback that was free a moment ago.
fn free() -> Result<SocketAddr> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.doing(|| "no port is free".into())
}

/// Whether a health port says that its program is ready.
fn ready(port: SocketAddr) -> bool {
    Connection::to(port).ask(&get("health", "/readyz")).is_ok_and(|answer| answer.status == 200)
}

/// The blue and the green backend.
#[derive(Debug)]
pub struct Backends {
    /// Their ports, blue first.
    pub ports: [u16; 2],
    // Held so that they live.
    _programs: [Process; 2],
}

impl Backends {
    /// Starts both; `home` gets their logs.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(plan: &Plan, programs: &Path, home: &Path) -> Result<Self> {
        let start = |name: &str| {
            let address = free()?;
            let mut command = Command::new(programs.join("ingora-echo"));
            command.args(["--name", name, "--listen", &address.to_string()]);
            let mut program = Process::start(name, command, &plan.load_cores, &home.join(name))?;
            program
                .wait_until("it answers", START, || Connection::to(address).ask(&get(name, "/")).is_ok())?;
            Ok::<_, Failure>((address.port(), program))
        };
        let (blue, green) = (start("blue")?, start("green")?);
        Ok(Self { ports: [blue.0, green.0], _programs: [blue.1, green.1] })
    }
}

/// What an [`Edge`] stands on: manifests in a temporary folder, and the backends they name.
#[derive(Debug)]
pub struct Ground {
    // Held so that they live, and ended before their folder goes.
    _backends: Backends,
    /// The manifests.
    pub folder: Folder,
    /// Where they are, and where programs leave their logs and sockets.
    pub home: TempDir,
}

impl Ground {
    /// Starts the backends and writes `routes` manifests.
    ///
    /// # Errors
    /// When a file cannot be written or a backend does not start.
    pub fn prepare(plan: &Plan, programs: &Path, routes: usize) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("ingora-bench.").tempdir();
        let home = home.doing(|| "cannot make a temporary folder".into())?;
        let manifests = home.path().join("manifests");
        std::fs::create_dir(&manifests).doing(|| format!("cannot make {}", manifests.display()))?;
        let backends = Backends::start(plan, programs, home.path())?;
        let folder = Folder::fill(&manifests, routes, backends.ports)?;
        Ok(Self { _backends: backends, folder, home })
    }
}

/// Both programs under test, ready.
#[derive(Debug)]
pub struct Edge {
    /// `ingora sync`.
    pub sync: Process,
    /// `ingora-gateway`.
    pub gateway: Process,
    /// Where the gateway listens for HTTP.
    pub http: SocketAddr,
    /// From the start of the first program until both said that they are ready.
    pub start: Duration,
    /// The CPU time of sync and gateway until then.
    pub start_cpu: [Duration; 2],
}

impl Edge {
    /// Starts both at once and waits until both say that they are ready.
    ///
    /// # Errors
    /// When one does not start or does not become ready, or does not serve the last site then.
    pub fn start(plan: &Plan, programs: &Path, folder: &Folder, home: &Path) -> Result<Self> {
        let (http, https, admin, health) = (free()?, free()?, free()?, free()?);
        let socket = home.join("sync.sock");
        let mut command = Command::new(programs.join("ingora"));
        command.arg("sync").arg("--manifests").arg(folder.path()).arg("--socket").arg(&socket);
        command.args(["--healthz-port", &health.port().to_string()]);
        let begin = Instant::now();
        let mut sync = Process::start("ingora sync", command, &plan.cores, &home.join("sync.log"))?;
        let mut command = Command::new(programs.join("ingora-gateway"));
        command.arg("--socket").arg(&socket).args(["--threads", &plan.threads.to_string()]);
        for (flag, address) in [("--http-bind", http), ("--https-bind", https), ("--admin-bind", admin)] {
            command.args([flag, &address.to_string()]);
        }
        let mut gateway = Process::start("ingora-gateway", command, &plan.cores, &home.join("gateway.log"))?;
        sync.wait_until("it is ready", START, || ready(health))?;
        gateway.wait_until("it is ready", START, || ready(admin))?;
        let start = begin.elapsed();
        let start_cpu = [sync.cpu()?, gateway.cpu()?];
        let edge = Self { sync, gateway, http, start, start_cpu };
        let last = format!("site-{}.test", folder.sites() - 1);
        let mut client = edge.client();
        if !client.sees(&last, Side::Blue)? {
            return Err(Failure::said(format!("both programs are ready and do not serve {last}")));
        }
        Ok(edge)
    }

    /// The CPU time of sync and gateway so far.
    ///
    /// # Errors
    /// When one has ended.
    pub fn cpu(&self) -> Result<[Duration; 2]> {
        Ok([self.sync.cpu()?, self.gateway.cpu()?])
    }

    /// A client with one connection.
    #[must_use]
    pub fn client(&self) -> Client {
        Client { connection: Connection::to(self.http) }
    }
}

/// One client that asks again and again.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Whether `side` answers for `host` now.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn sees(&mut self, host: &str, side: Side) -> Result<bool> {
        let Answer { status, body } = self.answer(&get(host, "/"))?;
        Ok(status == 200 && holds(body, side.mark()))
    }

    /// Asks until `side` answers for `host`.
    ///
    /// # Errors
    /// When there is no answer, or another one for 30 s.
    pub fn wait(&mut self, host: &str, side: Side) -> Result<()> {
        self.until(host, |status, body| status == 200 && holds(body, side.mark()))
    }

    /// Asks until nobody answers for `host`.
    ///
    /// # Errors
    /// When there is no answer, or another one for 30 s.
    pub fn wait_gone(&mut self, host: &str) -> Result<()> {
        self.until(host, |status, _| status == 404)
    }

    fn until(&mut self, host: &str, changed: impl Fn(u16, &[u8]) -> bool) -> Result<()> {
        let request = get(host, "/");
        let begin = Instant::now();
        loop {
            let Answer { status, body } = self.answer(&request)?;
            if changed(status, body) {
                return Ok(());
            }
            if begin.elapsed() > CHANGE {
                return Err(Failure::said(format!(
                    "{host} does not change within {CHANGE:?}: still {status}"
                )));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn answer(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.connection.ask(request).doing(|| "the gateway does not answer".into())
    }
}

fn holds(body: &[u8], mark: &[u8]) -> bool {
    body.windows(mark.len()).any(|piece| piece == mark)
}
