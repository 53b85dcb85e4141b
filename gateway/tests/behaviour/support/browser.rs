//! Chromium, headless and with nothing of its own: a new profile for each page, and every name is this machine.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long one page may take, start of the browser included.
const PATIENCE: Duration = Duration::from_secs(90);

/// The program; `None` where there is none, which the test's output says. In CI that is an error.
pub(crate) fn find() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::env::split_paths(&folders)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)));
    let found = programs.into_iter().find(|program| program.is_file());
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "there is no Chromium, and CI must not skip it"
        );
        eprintln!("skipped: there is no Chromium; on Debian or Ubuntu: apt-get install -y chromium");
    }
    found
}

/// Opens a page, lets its scripts end, and answers the document as it is then.
pub(crate) fn open(program: &PathBuf, url: &str) -> String {
    let profile = TempDir::new().unwrap();
    let output = profile.path().join("document.html");
    let mut child = Command::new(program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--ignore-certificate-errors",
            "--host-resolver-rules=MAP * 127.0.0.1",
            "--virtual-time-budget=20000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
        .arg(url)
        .env("HOME", profile.path())
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&output).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let started = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return std::fs::read_to_string(&output).unwrap();
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the browser does not come to an end with {url}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
