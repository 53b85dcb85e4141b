//! The pair under test: `ingora sync` on a temporary folder of manifests and `ingora-gateway`, on free ports.

use super::http1::{self, Response};
use super::manifest::CLASS;
use super::ports::free_port;
use super::process::Program;
use super::until;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What an [`Edge`] is started with.
#[derive(Default)]
pub(crate) struct Plan {
    files: Vec<(String, String)>,
    source: Option<Vec<String>>,
    sync: Vec<String>,
    gateway: Vec<String>,
}

impl Plan {
    /// A file of the manifests folder, there before the start.
    pub(crate) fn file(mut self, name: &str, text: impl Into<String>) -> Self {
        self.files.push((name.to_owned(), text.into()));
        self
    }

    /// Arguments that name another source than the folder of manifests.
    #[allow(dead_code, reason = "for the cluster tests, which share this file")]
    pub(crate) fn source(mut self, arguments: Vec<String>) -> Self {
        self.source = Some(arguments);
        self
    }

    /// Further arguments of `ingora sync`.
    pub(crate) fn sync(mut self, arguments: &[&str]) -> Self {
        self.sync.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Further arguments of `ingora-gateway`.
    pub(crate) fn gateway(mut self, arguments: &[&str]) -> Self {
        self.gateway.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Starts both programs and waits until the gateway is ready.
    pub(crate) fn start(self) -> Edge {
        let edge = self.start_unready();
        edge.wait_ready();
        edge
    }

    /// Starts both programs and does not wait.
    pub(crate) fn start_unready(self) -> Edge {
        let home = TempDir::new().unwrap();
        let manifests = home.path().join("manifests");
        std::fs::create_dir(&manifests).unwrap();
        std::fs::write(manifests.join("class.yaml"), CLASS).unwrap();
        for (name, text) in &self.files {
            std::fs::write(manifests.join(name), text).unwrap();
        }
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (http, https, admin) = (local(free_port()), local(free_port()), local(free_port()));
        let socket = home.path().join("sync.sock").display().to_string();
        let sync_port = free_port();
        let folder = || vec!["--manifests".to_owned(), manifests.display().to_string()];
        let sync_arguments = [
            ["sync", "--socket", &socket, "--healthz-port", &sync_port.to_string()]
                .map(str::to_owned)
                .to_vec(),
            self.source.unwrap_or_else(folder),
            self.sync,
        ]
        .concat();
        let mut gateway_arguments = vec!["--socket".to_owned(), socket];
        for (flag, address) in [("--http-bind", http), ("--https-bind", https), ("--admin-bind", admin)] {
            gateway_arguments.extend([flag.to_owned(), address.to_string()]);
        }
        let defaults = [["--threads", "2"], ["--lame-duck", "0"], ["--log-format", "json"]];
        for [flag, value] in defaults {
            if !self.gateway.iter().any(|argument| argument == flag) {
                gateway_arguments.extend([flag.to_owned(), value.to_owned()]);
            }
        }
        gateway_arguments.extend(self.gateway);
        let sync = Program::start("ingora", &sync_arguments, &home.path().join("sync.log"));
        let gateway = Program::start("ingora-gateway", &gateway_arguments, &home.path().join("gateway.log"));
        Edge {
            sync,
            gateway,
            sync_arguments,
            gateway_arguments,
            manifests,
            http,
            https,
            admin,
            sync_port,
            home,
        }
    }
}

/// Both programs, running.
pub(crate) struct Edge {
    /// `ingora sync`.
    pub(crate) sync: Program,
    /// `ingora-gateway`.
    pub(crate) gateway: Program,
    sync_arguments: Vec<String>,
    gateway_arguments: Vec<String>,
    /// The folder that sync watches.
    pub(crate) manifests: PathBuf,
    /// Where the gateway listens for HTTP.
    pub(crate) http: SocketAddr,
    /// Where the gateway listens for HTTPS.
    pub(crate) https: SocketAddr,
    /// The gateway's admin port.
    pub(crate) admin: SocketAddr,
    /// The port of sync's own `/healthz`.
    pub(crate) sync_port: u16,
    // Dropped last: the programs' logs live in it.
    home: TempDir,
}

impl Edge {
    /// Nothing but the IngressClass.
    pub(crate) fn plan() -> Plan {
        Plan::default()
    }

    /// Started with one file.
    pub(crate) fn with(text: impl Into<String>) -> Self {
        Self::plan().file("site.yaml", text).start()
    }

    /// Waits until the gateway says that it is ready.
    #[track_caller]
    pub(crate) fn wait_ready(&self) {
        until("the gateway is ready", || {
            http1::get(self.admin, "admin", "/readyz").is_ok_and(|answer| answer.status == 200)
        });
    }

    /// Writes a manifest as an editor does: beside, then renamed over.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<str>) {
        let beside = self.manifests.join(format!(".{name}.swp"));
        std::fs::write(&beside, text.as_ref()).unwrap();
        std::fs::rename(beside, self.manifests.join(name)).unwrap();
    }

    /// Removes a manifest.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.manifests.join(name)).unwrap();
    }

    /// One GET over HTTP.
    #[track_caller]
    pub(crate) fn get(&self, host: &str, target: &str) -> Response {
        http1::get(self.http, host, target).unwrap_or_else(|error| panic!("GET {target} of {host}: {error}"))
    }

    /// The body of one GET, or the status when it is not 200: short to compare in tables.
    #[track_caller]
    pub(crate) fn ask(&self, host: &str, target: &str) -> String {
        let answer = self.get(host, target);
        if answer.status == 200 { answer.text() } else { answer.status.to_string() }
    }

    /// Waits until [`Edge::ask`] says `want`.
    #[track_caller]
    pub(crate) fn until_ask(&self, host: &str, target: &str, want: &str) {
        until(&format!("{host}{target} answers {want}"), || self.ask(host, target) == want);
    }

    /// One GET on the admin port.
    #[track_caller]
    pub(crate) fn admin(&self, path: &str) -> Response {
        http1::get(self.admin, "admin", path)
            .unwrap_or_else(|error| panic!("GET {path} of the admin port: {error}"))
    }

    /// The access log so far: the JSON lines that have a status.
    pub(crate) fn access_log(&self) -> Vec<serde_json::Value> {
        let lines = self.gateway.log();
        let parsed = lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        parsed.filter(|line| line.get("status").is_some()).collect()
    }

    /// Waits for the access log line of a request, found by its path.
    #[track_caller]
    pub(crate) fn logged(&self, path: &str) -> serde_json::Value {
        let mut found = None;
        until(&format!("a log line for {path}"), || {
            found = self.access_log().into_iter().find(|line| line["path"] == path);
            found.is_some()
        });
        found.unwrap()
    }

    /// Starts sync again after it was killed.
    pub(crate) fn start_sync(&mut self) {
        self.sync = Program::start("ingora", &self.sync_arguments, &self.home.path().join("sync.log"));
    }

    /// Starts the gateway again after it was killed.
    pub(crate) fn start_gateway(&mut self) {
        let log = self.home.path().join("gateway.log");
        self.gateway = Program::start("ingora-gateway", &self.gateway_arguments, &log);
    }

    /// A folder of the test's own, removed with the edge.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }
}
