//! Every k6 scenario, for a moment, against a real edge: `loadtest/run` with the programs that stand beside this test.
//!
//! k6 is built from its pinned Go module once (two minutes). Without Go the test says so and passes; with `CI=true` that is
//! an error.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCENARIOS: [&str; 9] =
    ["smoke", "ramp", "tls_handshakes", "http2", "websocket", "canary", "rate_limit", "soak", "churn"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Ports that were free a moment ago; nothing else on this machine is likely to take them.
fn free_ports<const N: usize>() -> [String; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("loopback has free ports"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").port().to_string())
}

/// The folder of the programs: that of this test without `deps`.
fn programs() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    test.ancestors().nth(2).expect("it stands in target/debug/deps").to_owned()
}

#[test]
fn every_scenario_runs_and_its_thresholds_hold() {
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    if std::env::var_os("K6").is_none() && Command::new("go").arg("version").output().is_err() {
        assert!(!ci, "Go is not installed: CI must not skip this");
        println!("Go is not installed, so that k6 cannot be built; nothing was tested");
        return;
    }
    let results = tempfile::tempdir().expect("a temporary folder");
    let [http, https, admin, sync, one, two, three] = free_ports();
    let output = Command::new(here().join("run"))
        .args(SCENARIOS)
        .envs([("SECONDS_EACH", "2"), ("RATE", "50"), ("VUS", "2")])
        .env("RESULTS", results.path().join("load"))
        .env("QUICKSTART_BIN", programs())
        .env("QUICKSTART_HTTP_PORT", http)
        .env("QUICKSTART_HTTPS_PORT", https)
        .env("QUICKSTART_ADMIN_PORT", admin)
        .env("QUICKSTART_SYNC_PORT", sync)
        .env("QUICKSTART_ECHO_PORTS", format!("{one} {two} {three}"))
        .output()
        .expect("bash runs it");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report = std::fs::read_to_string(results.path().join("load/report.html")).expect("there is a report");
    for scenario in SCENARIOS {
        assert!(report.contains(&format!("<td>{scenario}</td><td>ok</td>")), "{scenario}: {said}");
    }
}

#[test]
fn the_readme_names_every_scenario() {
    let readme = std::fs::read_to_string(here().join("README.md")).expect("there is a README");
    let mut files: Vec<String> = std::fs::read_dir(here().join("k6"))
        .expect("there are scenarios")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".js")?.to_owned()))
        .filter(|name| name != "edge")
        .collect();
    files.sort_unstable();
    let mut named = SCENARIOS.map(str::to_owned);
    named.sort_unstable();
    assert_eq!(files, named, "this test runs them all");
    for name in files {
        assert!(readme.contains(&format!("| `{name}` |")), "README.md does not speak of {name}");
    }
}
