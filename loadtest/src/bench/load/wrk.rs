//! wrk: as many HTTP/1.1 requests as its connections carry, plain or over TLS with keep-alive. The script beside this file
//! turns over the hosts and prints one line for [`parse`].

use super::Outcome;
use crate::bench::{Doing as _, Failure, Result, site};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRIPT: &str = include_str!("wrk.lua");

/// What wrk is to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// wrk itself.
    pub program: &'a Path,
    /// Where its script may be written.
    pub folder: &'a Path,
    /// Where to.
    pub address: SocketAddr,
    /// Over TLS. Only one host is asked for then, as browsers do on one connection.
    pub tls: bool,
    /// What to ask for.
    pub target: &'a str,
    /// Out of how many hosts those that are asked for are taken, evenly.
    pub routes: usize,
    /// Connections.
    pub connections: usize,
    /// For how long.
    pub seconds: u64,
}

/// Hosts that are turned over at most.
const MAX_HOSTS: usize = 1_000;

/// Runs it.
///
/// # Errors
/// When it does not run to its end.
pub fn run(plan: &Plan<'_>) -> Result<Outcome> {
    let output = command(plan)?.output().doing(|| "cannot start wrk".to_owned())?;
    let said = String::from_utf8_lossy(&output.stdout);
    parse(&said).ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        Failure::said(format!("wrk did not run to its end; it said: {}{}", said.trim(), errors.trim()))
    })
}

fn command(plan: &Plan<'_>) -> Result<Command> {
    let script: PathBuf = plan.folder.join("wrk.lua");
    std::fs::write(&script, SCRIPT).doing(|| format!("cannot write {}", script.display()))?;
    let hosts = if plan.tls { 1 } else { plan.routes.clamp(1, MAX_HOSTS) };
    let scheme = if plan.tls { "https" } else { "http" };
    let mut command = Command::new(plan.program);
    command.args(["-t", "1", "--timeout", "10s"]);
    command.arg("-c").arg(plan.connections.to_string()).arg("-d").arg(format!("{}s", plan.seconds));
    command.arg("-s").arg(script);
    command.arg(format!("{scheme}://{}:{}{}", site::host(0), plan.address.port(), plan.target));
    command.env("BENCH_ADDRESS", plan.address.ip().to_string()).env("BENCH_DOMAIN", site::DOMAIN);
    command.env("BENCH_HOSTS", hosts.to_string()).env("BENCH_STEP", (plan.routes / hosts).max(1).to_string());
    Ok(command)
}

/// Reads the line that the script prints: requests, microseconds, bytes, errors.
pub fn parse(said: &str) -> Option<Outcome> {
    let line = said.lines().find_map(|line| line.strip_prefix("bench "))?;
    let numbers: Vec<u64> =
        line.split(' ').map(|word| word.split_once('=')?.1.parse().ok()).collect::<Option<_>>()?;
    let [requests, microseconds, bytes, errors] = numbers[..] else { return None };
    Some(Outcome { requests, errors, seconds: microseconds as f64 / 1e6, bytes, latencies: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_read_wherever_it_stands() {
        let said = "Running 2s test @ http://host-0.bench.example:1/1k\n  1 threads and 64 connections\n\
                    42 requests in 2.00s, 1.00MB read\nbench requests=42 microseconds=2000100 bytes=1048576 errors=1\n";
        let outcome = parse(said).unwrap();
        assert_eq!((outcome.requests, outcome.errors, outcome.bytes), (42, 1, 1_048_576));
        assert!((outcome.seconds - 2.0001).abs() < 1e-9);
    }

    #[test]
    fn anything_else_is_not_a_result() {
        for said in ["", "unable to connect to 127.0.0.1:1 Connection refused", "bench requests=1 bytes=2"] {
            assert!(parse(said).is_none(), "{said}");
        }
    }
}
