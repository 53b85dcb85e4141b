//! The real `ingora` binary: flags, exit codes, sentences.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const INGRESS: &str = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec:\n  \
    ingressClassName: nginx\n  rules:\n  - host: www.example.com\n    http:\n      paths:\n      \
    - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}\n";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";

fn ingora(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingora"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("INGORA_")) {
        command.env_remove(name);
    }
    command.args(arguments).output().unwrap()
}

fn check_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ingora"))
        .args(["check", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn write(dir: &Path, name: &str, content: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn help_names_every_flag_its_variable_and_its_default() {
    let help = ingora(&["sync", "--help"]);
    assert!(help.status.success());
    let help = text(&help.stdout);
    for flag in [
        "manifests",
        "socket",
        "controller-class",
        "ingress-class",
        "watch-ingress-without-class",
        "watch-namespace",
        "watch-namespace-selector",
        "kubeconfig",
        "apiserver-host",
        "default-ssl-certificate",
        "default-backend-service",
        "annotations-prefix",
        "disable-catch-all",
        "enable-ssl-passthrough",
        "healthz-port",
        "healthz-host",
        "dns-server",
        "publish-service",
        "publish-status-address",
        "report-node-internal-ip-address",
        "update-status",
        "update-status-on-shutdown",
        "status-update-rate",
        "status-update-interval",
        "election-id",
        "election-ttl",
        "election-namespace",
        "disable-leader-election",
        "disable-sync-events",
        "log-format",
    ] {
        assert!(help.contains(&format!("--{flag}")), "--{flag} is missing");
        let variable = format!("INGORA_{}", flag.to_uppercase().replace('-', "_"));
        assert!(help.contains(&variable), "{variable} is missing");
    }
    for default in [
        "/run/ingora/sync.sock",
        "ingora.io/ingress-controller",
        "nginx.ingress.kubernetes.io",
        "10255",
        "ingora-leader",
        "30s",
    ] {
        assert!(help.contains(default), "{default} is missing");
    }
    assert!(text(&ingora(&["--version"]).stdout).starts_with("ingora "));
}

#[test]
fn defaults_in_the_help_are_the_defaults_in_the_code() {
    let defaults = ingora_controller_sync::store::Options::default();
    let help = ingora(&["check", "--help"]);
    // Long lines are wrapped.
    let help = text(&help.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for default in [defaults.controller_class, defaults.ingress_class, defaults.annotations_prefix] {
        assert!(help.contains(&format!("[default: {default}]")), "{default}");
    }
}

#[test]
fn check_exits_with_0_1_and_2() {
    let dir = tempfile::tempdir().unwrap();
    let good = write(dir.path(), "good.yaml", &format!("{INGRESS}---\n{SERVICE}"));
    let bad = write(dir.path(), "bad.yaml", "a: [\n");
    let output = ingora(&["check", &good]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = ingora(&["check", &bad]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).contains("bad.yaml"), "{output:?}");
    let output = ingora(&["check", "/nonexistent/x.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), "ingora: /nonexistent/x.yaml: it does not exist\n");
    assert_eq!(ingora(&["check"]).status.code(), Some(2));
    assert_eq!(ingora(&["check", "--no-such-flag", &good]).status.code(), Some(2));
    assert_eq!(ingora(&["check", "-", &good]).status.code(), Some(2));
}

#[test]
fn check_reads_directories_and_standard_input_and_writes_json() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "ingress.yaml", INGRESS);
    write(dir.path(), "broken.yaml", "a: 1\nb: [\n");
    let output = ingora(&["check", "--output", "json", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let problems = report["problems"].as_array().unwrap();
    let file = problems.iter().find(|problem| problem["reason"] == "FileUnreadable").unwrap();
    assert_eq!(file["object"]["kind"], "File");
    assert!(file["location"]["line"].as_u64().unwrap() >= 2, "{file}");
    assert!(problems.iter().any(|problem| problem["reason"] == "ServiceNotFound"), "{report}");
    let output = check_input(&["--output", "json"], format!("{INGRESS}---\n{SERVICE}").as_bytes());
    assert_eq!((output.status.code(), &json(&output)["problems"]), (Some(0), &serde_json::json!([])));
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [{"kind": "Ingress"}]});
    let output = check_input(&["--output", "json"], list.to_string().as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(&output)["problems"][0]["reason"], "ObjectInvalid");
}

#[test]
fn check_takes_every_class_unless_one_is_named() {
    let served = |arguments: &[&str]| {
        let arguments = [&["--output", "json"], arguments].concat();
        json(&check_input(&arguments, format!("{INGRESS}---\n{SERVICE}").as_bytes()))["summary"]["served"]
            .clone()
    };
    assert_eq!(served(&[]), 1);
    assert_eq!(served(&["--ingress-class", "nginx"]), 1);
    assert_eq!(served(&["--ingress-class", "other"]), 0);
}

#[test]
fn odd_input_never_ends_in_a_panic() {
    let deep = "[".repeat(100_000);
    let inputs: [&[u8]; 8] =
        [b"", b"\0\0\0", b"\xff\xfe", b"{", b"- - - -\n", b"? {a: b}\n: c\n", deep.as_bytes(), b"&a [*a]\n"];
    for input in inputs {
        let output = check_input(&[], input);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{input:?}: {output:?}");
        assert!(!text(&output.stderr).contains("panicked"), "{output:?}");
    }
}

#[test]
fn sync_says_in_one_sentence_why_it_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let manifests = write(dir.path(), "a.yaml", INGRESS);
    let socket = dir.path().join("sync.sock");
    let socket = socket.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let file = write(dir.path(), "not-a-socket", "");
    let free = ["--socket", socket, "--healthz-port", "0"];
    let with = |arguments: &[&str]| -> Vec<String> {
        let free = free.chunks(2).filter(|flag| !arguments.contains(&flag[0])).flatten();
        ["sync"].iter().chain(arguments).chain(free).map(ToString::to_string).collect()
    };
    let kubeconfig = write(dir.path(), "kubeconfig", "contexts: []\n");
    let cases: [(i32, Vec<String>, &str); 10] = [
        (2, with(&[]), "name a kubeconfig with --kubeconfig"),
        (2, with(&["--apiserver-host", "10.0.0.1:6443"]), "is not a URL"),
        (2, with(&["--manifests", &manifests, "--apiserver-host", "https://10.0.0.1"]), "exclude each other"),
        (2, with(&["--manifests", &manifests, "--watch-namespace-selector", "a=b"]), "exclude each other"),
        (1, with(&["--kubeconfig", "/nonexistent"]), "/nonexistent cannot be used"),
        (1, with(&["--kubeconfig", &kubeconfig]), "current context"),
        (1, with(&["--manifests", "/nonexistent"]), "/nonexistent"),
        (1, with(&["--manifests", &manifests, "--healthz-port", &port]), "--healthz-port"),
        (1, with(&["--manifests", &manifests, "--socket", &file]), "is not a socket"),
        (1, with(&["--manifests", &manifests, "--socket", "/proc/x/y.sock"]), "--socket"),
    ];
    for (code, arguments, sentence) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ingora"));
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("INGORA_") || name.starts_with("KUBE"))
        {
            command.env_remove(name);
        }
        let output = command.args(&arguments).env("HOME", dir.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let error = text(&output.stderr);
        assert!(error.starts_with("ingora: ") && error.contains(sentence), "{output:?}");
        assert_eq!(error.lines().count(), 1, "{output:?}");
    }
}
