//! The one backend of all contenders: an nginx that answers 1 kB and 100 kB from memory and never ends a connection. Where
//! nginx is missing, `ingora-echo` takes its place: enough for trying out, too slow for numbers.

use super::contender::Programs;
use super::process::Process;
use super::site::Size;
use super::{Doing as _, Failure, Result, probe};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running backend.
#[derive(Debug)]
pub struct Backend {
    /// Where it listens.
    pub address: SocketAddr,
    process: Process,
    echo: bool,
}

impl Backend {
    /// Starts it on `cores`, with its files in `folder`, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(programs: &Programs, folder: &Path, cores: &str) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .doing(|| "no port is free".to_owned())?;
        std::fs::create_dir_all(folder).doing(|| format!("cannot create {}", folder.display()))?;
        let (command, echo) = match programs.find(super::contender::Contender::Nginx) {
            Ok(nginx) => (nginx_command(&nginx, folder, address)?, false),
            Err(_) => {
                let mut command = Command::new(programs.our("ingora-echo")?);
                command.arg("--listen").arg(address.to_string());
                (command, true)
            }
        };
        let process = Process::start("the backend", command, cores, &folder.join("output.log"))?;
        let mut backend = Self { address, process, echo };
        for size in [Size::Small, Size::Large] {
            let target = backend.target(size);
            backend.process.wait_until("it answers", PATIENCE, || {
                probe::get(address, "backend", target).is_ok_and(|answer| answer.is(size.bytes()))
            })?;
        }
        Ok(backend)
    }

    /// What to ask for to get an answer of that size.
    pub fn target(&self, size: Size) -> &'static str {
        match (size, self.echo) {
            (Size::Small, false) => "/1k",
            (Size::Large, false) => "/100k",
            (Size::Small, true) => "/?size=1000",
            (Size::Large, true) => "/?size=100000",
        }
    }

    /// What it is, for the report.
    pub fn title(&self) -> &'static str {
        if self.echo { "ingora-echo" } else { "nginx" }
    }
}

fn nginx_command(nginx: &Path, folder: &Path, address: SocketAddr) -> Result<Command> {
    let file = folder.join("nginx.conf");
    for (path, content) in [
        (file.clone(), configuration(folder, address)),
        (folder.join("100k"), "x".repeat(Size::Large.bytes())),
    ] {
        std::fs::write(&path, content).doing(|| format!("cannot write {}", path.display()))?;
    }
    if !folder.is_absolute() {
        return Err(Failure::said(format!("{} is not an absolute path", folder.display())));
    }
    let mut command = Command::new(nginx);
    command.arg("-p").arg(folder).arg("-c").arg(file).arg("-e").arg(folder.join("error.log"));
    Ok(command)
}

/// The small answer is part of the configuration, the large one a file that stays open.
fn configuration(folder: &Path, address: SocketAddr) -> String {
    let (folder, small) = (folder.display(), "x".repeat(Size::Small.bytes()));
    format!(
        r#"daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 65536;
user root;
events {{ multi_accept on; worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_timeout 1h; keepalive_requests 1000000000;
  sendfile on; tcp_nopush on; tcp_nodelay on;
  open_file_cache max=10 inactive=1h; open_file_cache_valid 1h;
  server {{
    listen {address} backlog=4096;
    default_type text/plain;
    location = /1k {{ return 200 "{small}"; }}
    location = /100k {{ root {folder}; etag off; }}
  }}
}}
"#
    )
}
