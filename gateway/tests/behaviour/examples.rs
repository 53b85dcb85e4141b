//! Every folder of `examples/` is served, and every curl line of its README.md does what stands behind it.
//!
//! A line reads `curl … # 302; location: https://shop…; !x-powered-by`: a number is the status, a text must be in what curl
//! prints (whatever the case), and one with `!` must not. `flags` beside the README holds flags of `ingora sync`.

use crate::support::echo::Echo;
use crate::support::edge::{Edge, Plan};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The quickstart has a test of its own.
const OTHERS: [&str; 1] = ["quickstart"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

#[test]
fn every_example_does_what_its_readme_says() {
    let echoes = ["shop", "api", "chat"].map(Echo::start);
    let placed = |text: String| {
        let port = |number| format!("port: {number}");
        let echoes = echoes.iter().enumerate();
        echoes
            .fold(text, |text, (at, echo)| text.replace(&port(9001 + at), &port(echo.address.port().into())))
    };
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir() && !OTHERS.iter().any(|name| path.ends_with(name)));
    folders.sort();
    let failures: Vec<String> = folders.iter().flat_map(|folder| failures(folder, &placed)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// What an example does differently from what its README says.
fn failures(folder: &Path, placed: &dyn Fn(String) -> String) -> Vec<String> {
    let readme = fs::read_to_string(folder.join("README.md"))
        .unwrap_or_else(|error| panic!("{} has no README.md: {error}", folder.display()));
    let lines: Vec<&str> = readme.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    assert!(!lines.is_empty(), "{} shows no curl line", folder.display());
    let edge = start(folder, placed);
    let run = |line: &&str| {
        let (command, wants) = line.rsplit_once(" # ")?;
        let output = shell(&edge, command);
        let right = wants.split(';').map(str::trim).all(|want| is_met(want, &output));
        (!right).then(|| format!("{}: {line}\nprinted\n{output}", folder.display()))
    };
    lines.iter().filter_map(run).collect()
}

/// With the ports of the quickstart's backends `placed` where they really are.
fn start(folder: &Path, placed: &dyn Fn(String) -> String) -> Edge {
    let services = fs::read_to_string(root().join("quickstart/services.yaml")).unwrap();
    let mut plan = Plan::default().file("services.yaml", placed(services));
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            plan = plan.file(&name, placed(fs::read_to_string(&path).unwrap()));
        }
    }
    let flags = fs::read_to_string(folder.join("flags")).unwrap_or_default();
    plan.sync(&flags.split_whitespace().collect::<Vec<_>>()).start()
}

fn shell(edge: &Edge, command: &str) -> String {
    let command = command
        .replace("127.0.0.1:8080", &edge.http.to_string())
        .replace("127.0.0.1:8443", &edge.https.to_string())
        .replace(":8443:", &format!(":{}:", edge.https.port()))
        .replace(":8080:", &format!(":{}:", edge.http.port()))
        .replace(":8443/", &format!(":{}/", edge.https.port()));
    let command = format!("{command} 2>&1");
    let output = Command::new("bash").args(["-c", &command]).current_dir(root().join("..")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // What the answers say of ports is that of the README.
    text.replace(&edge.http.to_string(), "127.0.0.1:8080").replace(&edge.https.to_string(), "127.0.0.1:8443")
}

fn is_met(want: &str, output: &str) -> bool {
    let lower = output.to_ascii_lowercase();
    if let Some(unwanted) = want.strip_prefix('!') {
        return !lower.contains(&unwanted.to_ascii_lowercase());
    }
    if want.len() == 3 && want.bytes().all(|byte| byte.is_ascii_digit()) {
        return lower.contains(&format!("http/1.1 {want}")) || lower.contains(&format!("http/2 {want}"));
    }
    lower.contains(&want.to_ascii_lowercase())
}
