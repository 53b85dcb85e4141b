//! `ingora-echo` for one test.

use super::ports::free_port;
use super::process::Program;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use tempfile::TempDir;

/// Runs until dropped.
pub(crate) struct Echo {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _program: Program,
    _home: TempDir,
}

impl Echo {
    /// Starts one that answers with `name`.
    pub(crate) fn start(name: &str) -> Self {
        let home = TempDir::new().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let arguments = ["--listen", &address.to_string(), "--name", name].map(str::to_owned);
        let program = Program::start("ingora-echo", &arguments, &home.path().join("echo.log"));
        super::until("ingora-echo listens", || TcpStream::connect(address).is_ok());
        Self { address, _program: program, _home: home }
    }
}
