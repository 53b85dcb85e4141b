//! h2load: HTTP/2 over TLS, some connections with some requests at a time each.

use super::Outcome;
use crate::bench::{Doing as _, Failure, Result, site};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// What h2load is to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// h2load itself.
    pub program: &'a Path,
    /// Where to.
    pub address: SocketAddr,
    /// What to ask for.
    pub target: &'a str,
    /// Connections.
    pub connections: usize,
    /// Requests at a time on each.
    pub streams: usize,
    /// For how long.
    pub seconds: u64,
}

/// Runs it.
///
/// # Errors
/// When it does not run to its end, or another protocol than HTTP/2 was agreed on.
pub fn run(plan: &Plan<'_>) -> Result<Outcome> {
    let mut command = Command::new(plan.program);
    command.args(["-t", "1", "--warm-up-time=0", "-D", &plan.seconds.to_string()]);
    command.arg("-c").arg(plan.connections.to_string()).arg("-m").arg(plan.streams.to_string());
    command.arg(format!("--connect-to={}", plan.address));
    // Without it the authority has the port, which not everybody leaves out when hosts are compared.
    command.arg(format!("--header=:authority: {}", site::host(0)));
    command.arg(format!("https://{}:{}{}", site::host(0), plan.address.port(), plan.target));
    let output = command.output().doing(|| "cannot start h2load".to_owned())?;
    let said = String::from_utf8_lossy(&output.stdout);
    parse(&said, plan.seconds as f64)
        .ok_or_else(|| Failure::said(format!("h2load did not run to its end; it said: {}", said.trim())))
}

/// Reads what h2load prints at its end. In its timed mode the requests that are under way at the end are neither done
/// nor failed.
pub fn parse(said: &str, seconds: f64) -> Option<Outcome> {
    if !said.contains("Application protocol: h2\n") {
        return None;
    }
    let requests = counts(said, "requests: ")?;
    let statuses = counts(said, "status codes: ")?;
    let of =
        |counts: &[(u64, &str)], name: &str| counts.iter().find(|(_, n)| *n == name).map(|(count, _)| *count);
    let done = of(&requests, "done")?;
    let failed = of(&requests, "failed")? + of(&requests, "errored")? + of(&requests, "timeout")?;
    let good = of(&statuses, "2xx")?;
    let other = ["3xx", "4xx", "5xx"].iter().filter_map(|name| of(&statuses, name)).sum::<u64>();
    let bytes = said.lines().find(|line| line.starts_with("traffic: "))?;
    let bytes = bytes.split('(').filter_map(|part| part.split(')').next()?.parse().ok()).next_back()?;
    Some(Outcome { requests: done.min(good), errors: failed + other, seconds, bytes, latencies: Vec::new() })
}

/// The `12 name` pairs of a line such as `requests: 12 total, 3 done`.
fn counts<'a>(said: &'a str, label: &str) -> Option<Vec<(u64, &'a str)>> {
    let line = said.lines().find_map(|line| line.strip_prefix(label))?;
    line.split(", ")
        .map(|pair| {
            let (count, name) = pair.split_once(' ')?;
            Some((count.parse().ok()?, name.trim()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "starting benchmark...\n\
        TLS Protocol: TLSv1.3\n\
        Application protocol: h2\n\
        Main benchmark duration is over for thread #0. Stopping all clients.\n\n\
        finished in 2.00s, 1234.50 req/s, 1.22MB/s\n\
        requests: 2469 total, 2533 started, 2469 done, 2460 succeeded, 3 failed, 1 errored, 2 timeout\n\
        status codes: 2460 2xx, 0 3xx, 4 4xx, 5 5xx\n\
        traffic: 2.44MB (2557884) total, 57.93KB (59321) headers (space savings 87.70%), 2.35MB (2469000) data\n";

    #[test]
    fn requests_and_everything_that_is_not_2xx_are_counted() {
        let outcome = parse(SAID, 2.0).unwrap();
        assert_eq!((outcome.requests, outcome.errors, outcome.bytes), (2460, 15, 2_469_000));
    }

    #[test]
    fn another_protocol_or_half_an_answer_is_not_a_result() {
        assert!(parse(&SAID.replace("protocol: h2\n", "protocol: http/1.1\n"), 2.0).is_none());
        assert!(parse(SAID.split_once("traffic").unwrap().0, 2.0).is_none());
        assert!(parse("", 2.0).is_none());
    }
}
