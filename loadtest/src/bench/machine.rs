//! The machine: what it is, for the report, and what a bench asks of it.

use super::{Doing as _, Failure, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;

/// What a reader needs to know of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub cpu: String,
    /// How many of them the system has.
    pub cores: usize,
    /// Memory, bytes.
    pub memory: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The day of the measurement, UTC.
    pub date: String,
}

impl Machine {
    /// This one, today.
    #[must_use]
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, label: &str| -> Option<String> {
            let line = text.lines().find_map(|line| line.strip_prefix(label))?;
            Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
        };
        let memory = after(&read("/proc/meminfo"), "MemTotal")
            .and_then(|line| line.split(' ').next()?.parse::<u64>().ok())
            .unwrap_or(0);
        Self {
            cpu: after(&read("/proc/cpuinfo"), "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: cores(),
            memory: memory * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            date: said(Path::new("date"), &["-u", "+%F"]).trim().to_owned(),
        }
    }
}

/// How many processors the system has.
#[must_use]
pub fn cores() -> usize {
    let list = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    list.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

/// Pins this process, and every process that it starts without other wishes, to `cores` (a list as of `taskset -c`).
///
/// # Errors
/// When taskset is missing or there are no such cores.
pub fn pin_to(cores: &str) -> Result<()> {
    let output = Command::new("taskset")
        .args(["-a", "-c", "-p", cores, &std::process::id().to_string()])
        .output()
        .doing(|| "cannot start taskset: apt-get install -y util-linux".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::said(format!("cannot run on the cores {cores}: {}", errors.trim())))
}

/// Allows as many open files as the system lets us, at most 65,536; answers how many.
pub fn raise_open_files() -> u64 {
    const WANTED: u64 = 65_536;
    // Raising the hard limit takes a privilege; without it the soft limit goes up to it.
    let _ = rlimit::Resource::NOFILE
        .set(WANTED, WANTED)
        .or_else(|_| rlimit::increase_nofile_limit(WANTED).map(drop));
    rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
}

/// The first thing that looks like a version in what the program says of itself.
#[must_use]
pub fn version_of(program: &Path, flag: &str) -> String {
    version_in(&said(program, &[flag])).unwrap_or_else(|| "unknown".to_owned())
}

fn said(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| {
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
        },
    )
}

/// The first word with two dots in it that begins with a digit, whatever separates words.
fn version_in(said: &str) -> Option<String> {
    said.split(|c: char| c.is_whitespace() || c == '/' || c == ',')
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.matches('.').count() >= 2)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (said, version) in [
            ("nginx version: nginx/1.22.1\n", "1.22.1"),
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", "2.6.12-1+deb12u4"),
            ("\nenvoy  version: 79ad1bc/1.40.0/Clean/RELEASE/BoringSSL\n", "1.40.0"),
            ("wrk debian/4.1.0-3+b2 [epoll] Copyright", "4.1.0-3+b2"),
            ("ingora-gateway 0.1.0", "0.1.0"),
        ] {
            assert_eq!(version_in(said).as_deref(), Some(version));
        }
        assert_eq!(version_in("no such thing"), None);
    }

    #[test]
    fn this_machine_is_described() {
        let machine = Machine::here();
        assert!(machine.cores > 0 && machine.memory > 0, "{machine:?}");
        assert!(machine.date.starts_with("20") && !machine.kernel.is_empty(), "{machine:?}");
    }
}
