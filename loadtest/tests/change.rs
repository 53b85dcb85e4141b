//! `ingora-bench change`, for a moment, with the programs that stand beside this test: that it measures at all, whatever the
//! numbers are.

use std::path::Path;
use std::process::Command;

#[test]
fn every_kind_of_change_is_measured_and_written_down() {
    let bench = Path::new(env!("CARGO_BIN_EXE_ingora-bench"));
    let home = tempfile::tempdir().expect("a temporary folder");
    let (page, out) = (home.path().join("page.md"), home.path().join("results/change.json"));
    std::fs::write(&page, "# Kept\n\n<!-- change -->\n<!-- /change -->\n").expect("the page is written");
    let output = Command::new(bench)
        // Everything on one core: a machine may have no more.
        .args(["change", "--cores", "0", "--load-cores", "0", "--routes", "4", "--storm-routes", "4"])
        .args(["--edits", "2", "--batches", "2", "--starts", "1", "--rounds", "1", "--seconds", "1"])
        .args(["--rate", "100", "--connections", "2", "--changes", "20"])
        .args([Path::new("--docs"), &page, Path::new("--out"), &out])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let page = std::fs::read_to_string(page).expect("the page is there");
    assert!(page.starts_with("# Kept\n") && page.contains("| failed | 0 | 0 |"), "{page}");
    let json = std::fs::read(out).expect("there are results");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("they are JSON");
    let size = &json["sizes"][0];
    assert!(size["start"]["median"].as_f64() > Some(0.0), "{json}");
    assert!(size["memory"]["gateway"]["resident"].as_u64() > Some(1 << 20), "{json}");
    for kind in 0..3 {
        assert_eq!(size["changes"][kind]["propagation"]["count"], 2, "{json}");
    }
    assert_eq!(json["storm"]["rounds"][0]["changing"]["changes"], 20, "{json}");
}

#[test]
fn what_cannot_be_measured_is_said_in_one_sentence() {
    let bench = env!("CARGO_BIN_EXE_ingora-bench");
    for (arguments, want) in [
        (vec!["--routes", "1"], "1 routes cannot be measured"),
        (vec!["--edits", "0"], "--edits must be at least 1"),
        (vec!["--programs", "/nowhere"], "/nowhere has no ingora: run make build"),
        (vec!["--cluster", "/nowhere"], "cannot read /nowhere"),
    ] {
        let output = Command::new(bench).arg("change").args(&arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(want), "{arguments:?}: {said}");
    }
}
