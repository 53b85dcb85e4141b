//! `ingora-bench side-by-side` and `idle`, for a moment, with the programs that stand beside this test and whatever contenders
//! are installed: that they measure at all and write everything down, whatever the numbers are.

use std::path::Path;
use std::process::{Command, Output};

/// Everything on one core: a machine may have no more.
fn bench(arguments: &[&str], home: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ingora-bench"))
        .args(arguments)
        .args(["--cores", "0", "--load-cores", "0"])
        .args([Path::new("--results"), &home.join("results"), Path::new("--page"), &home.join("page.md")])
        .output()
        .expect("it runs")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn everybody_who_is_installed_is_measured_and_written_down() {
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(home.path().join("page.md"), "# Kept\n\n<!-- side-by-side -->\n<!-- /side-by-side -->\n")
        .expect("the page is written");
    // What needs neither wrk nor h2load: a client of our own.
    let arguments = "side-by-side --rounds 1 --seconds 1 --routes 10 --rate 100 --scenario paced";
    let output = bench(&arguments.split(' ').collect::<Vec<_>>(), home.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&read(&home.path().join("results/side-by-side.json"))).expect("they are JSON");
    let samples = json["samples"].as_array().expect("there are samples");
    for contender in ["ingora", "bare_pingora"] {
        let sample = samples
            .iter()
            .find(|sample| sample["contender"] == contender)
            .unwrap_or_else(|| panic!("{contender} was not measured: {said}"));
        assert_eq!((&sample["requests"], &sample["errors"]), (&100.into(), &0.into()), "{sample}");
        let cpu = sample["cpu"].as_object().expect("by part").values();
        assert!(cpu.filter_map(serde_json::Value::as_f64).sum::<f64>() > 0.0, "{sample}");
    }
    let page = read(&home.path().join("page.md"));
    assert!(page.starts_with("# Kept\n") && page.contains("| p99, 10 routes |"), "{page}");
    assert!(read(&home.path().join("page/side-by-side.svg")).contains("</svg>"), "{said}");
}

#[test]
fn idle_connections_are_held_and_their_memory_is_told() {
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(home.path().join("page.md"), "<!-- idle -->\n<!-- /idle -->\n")
        .expect("the page is written");
    let arguments = "idle --only ingora --connections 300 --tls-connections 50";
    let output = bench(&arguments.split(' ').collect::<Vec<_>>(), home.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&read(&home.path().join("results/idle.json"))).expect("they are JSON");
    let idle = json["idle"].as_array().expect("there are measurements");
    assert_eq!(idle.len(), 2, "{json}");
    for one in idle {
        assert!(one["before"].as_u64() > Some(1 << 20), "{one}");
    }
    assert!(read(&home.path().join("page.md")).contains("| Ingora, HTTPS | 50 |"), "{said}");
}

#[test]
fn what_cannot_be_measured_is_said_in_one_sentence() {
    let home = tempfile::tempdir().expect("a temporary folder");
    for (arguments, want) in [
        ("side-by-side --only ingora --programs /nowhere", "/nowhere/ingora is missing"),
        ("side-by-side --only envoy --envoy /nowhere", "--envoy names /nowhere"),
        ("side-by-side --routes 0", "0 is not in 1..="),
        ("side-by-side --scenario no-such", "invalid value 'no-such'"),
    ] {
        let output = bench(&arguments.split(' ').collect::<Vec<_>>(), home.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(want), "{arguments}: {said}");
    }
}
