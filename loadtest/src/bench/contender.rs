//! Who is compared: each contender in its native way, with the same routes, headers, certificate, log and cores.
//!
//! ```text
//!   Contender ── find() ──▶ its program, or why it cannot take part
//!       │ start(Setup: routes, backend, certificate, ports)
//!       ▼
//!   Running: its processes on the contender's core ── cpu(), memory(), per part
//! ```

pub mod bare_pingora;
pub mod envoy;
pub mod haproxy;
pub mod ingora;
pub mod nginx;
pub mod programs;

pub use programs::Programs;

use super::certificate::Certificate;
use super::process::Process;
use super::site::{self, Ports, Size};
use super::{Doing as _, Result, probe};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a contender may take to start: 10,000 TLS servers take nginx seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who is compared, in the order of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Contender {
    /// Both programs of Ingora, with log and metrics.
    Ingora,
    /// The floor: Pingora alone, without routes, log, metrics or headers.
    BarePingora,
    /// nginx with the headers and the log of ingress-nginx.
    Nginx,
    /// HAProxy with the same.
    Haproxy,
    /// Envoy with the same, and its metrics.
    Envoy,
}

impl Contender {
    /// As tables and pictures say it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ingora => "Ingora",
            Self::BarePingora => "bare Pingora",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
        }
    }

    /// Writes its configuration into `setup.folder`, starts it on `cores`, and waits until the last route answers over
    /// HTTP and HTTPS.
    ///
    /// # Errors
    /// When it does not start, or does not answer in time.
    pub fn start(self, programs: &Programs, setup: &Setup<'_>, cores: &str) -> Result<Running> {
        let program = programs.find(self)?;
        std::fs::create_dir_all(setup.folder)
            .doing(|| format!("cannot create {}", setup.folder.display()))?;
        let parts = match self {
            Self::Ingora => ingora::prepare(&program, setup)?,
            Self::BarePingora => bare_pingora::prepare(&program, setup),
            Self::Nginx => nginx::prepare(&program, setup)?,
            Self::Haproxy => haproxy::prepare(&program, setup)?,
            Self::Envoy => envoy::prepare(&program, setup)?,
        };
        let mut running = Running {
            contender: self,
            ports: setup.ports,
            parts: Vec::new(),
            access_log: setup.access_log(),
        };
        for Part { name, command, log } in parts {
            running.parts.push((name, Process::start(name, command, cores, &log)?));
        }
        running.wait(&site::host(setup.routes.saturating_sub(1)), setup.target)?;
        Ok(running)
    }
}

/// What a contender is to serve, and where.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Where its files go.
    pub folder: &'a Path,
    /// How many hosts with one route each.
    pub routes: usize,
    /// Where all of them lead.
    pub backend: SocketAddr,
    /// What to ask for to see that it serves.
    pub target: &'a str,
    /// What it shows to TLS clients.
    pub certificate: &'a Certificate,
    /// Where it listens.
    pub ports: Ports,
    /// How many files it may open; HAProxy insists on knowing.
    pub open_files: u64,
}

impl Setup<'_> {
    /// Writes a file into the folder and answers where it is.
    fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, content).doing(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Where the access log goes, whoever writes it.
    pub fn access_log(&self) -> PathBuf {
        self.folder.join("access.log")
    }
}

/// One process of a contender, to be started.
#[derive(Debug)]
struct Part {
    name: &'static str,
    command: Command,
    log: PathBuf,
}

/// A contender that serves. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// Who it is.
    pub contender: Contender,
    /// Where it listens.
    pub ports: Ports,
    parts: Vec<(&'static str, Process)>,
    access_log: PathBuf,
}

impl Running {
    fn wait(&mut self, host: &str, target: &str) -> Result<()> {
        let (http, https) = (self.ports.http_address(), self.ports.https_address());
        let Some((_, first)) = self.parts.first_mut() else { return Ok(()) };
        let small = Size::Small.bytes();
        first.wait_until("it answers over HTTP", PATIENCE, || {
            probe::get(http, host, target).is_ok_and(|answer| answer.is(small))
        })?;
        first.wait_until("it answers over HTTPS", PATIENCE, || {
            probe::get_tls(https, host, target).is_ok_and(|answer| answer.is(small))
        })?;
        Ok(())
    }

    /// The CPU time of each of its processes so far.
    ///
    /// # Errors
    /// When one has ended.
    pub fn cpu(&self) -> Result<BTreeMap<String, Duration>> {
        self.parts.iter().map(|(name, process)| Ok(((*name).to_owned(), process.cpu()?))).collect()
    }

    /// The resident bytes of each of its processes; memory that is shared counts in each.
    ///
    /// # Errors
    /// When one has ended.
    pub fn memory(&self) -> Result<BTreeMap<String, u64>> {
        self.parts
            .iter()
            .map(|(name, process)| Ok(((*name).to_owned(), process.memory()?.resident)))
            .collect()
    }

    /// About how many bytes stand in its access log since it was emptied; 0 where it writes none. Counted in blocks: who does
    /// not append goes on where it was, and leaves a hole before that.
    pub fn logged(&self) -> u64 {
        std::fs::metadata(&self.access_log).map_or(0, |metadata| metadata.blocks() * 512)
    }

    /// Empties its access log, so that a long bench does not fill the disk.
    pub fn empty_log(&self) {
        if let Ok(log) = std::fs::File::options().write(true).open(&self.access_log) {
            // Nothing depends on it but the disk.
            let _ = log.set_len(0);
        }
    }
}
