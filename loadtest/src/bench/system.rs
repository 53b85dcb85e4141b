//! What benches ask of the system: cores, open files, versions of programs.

use std::path::Path;
use std::process::Command;

/// How many processors the system has.
#[must_use]
pub fn cores() -> usize {
    let list = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    list.lines().filter(|line| line.starts_with("processor")).count().max(1)
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
}
