//! `ingora sync` as a process, with a gateway that speaks the wire: from an edited file to a commit.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ingora_config::wire::{self, FromGateway, FromSync, PREFACE_BYTES, Preface};
use ingora_config::{Key, Resource};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

struct Sync {
    child: Child,
    dir: TempDir,
    health: SocketAddr,
    log: mpsc::Receiver<serde_json::Value>,
}

impl Drop for Sync {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sync {
    fn start(dir: TempDir) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ingora"));
        command.arg("sync").arg("--manifests").arg(dir.path().join("manifests"));
        command.arg("--socket").arg(dir.path().join("sync.sock"));
        command.args(["--healthz-port", "0", "--log-format", "json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut sync = Self { child, dir, health: SocketAddr::from(([127, 0, 0, 1], 0)), log };
        let line = sync.until_log(|line| line["message"] == "health port");
        sync.health = line["address"].as_str().unwrap().parse().unwrap();
        sync
    }

    fn until_log(&self, holds: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE).expect("the line comes");
            if holds(&line) {
                return line;
            }
        }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.health).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn until_ready(&self, ready: bool) {
        let deadline = Instant::now() + PATIENCE;
        while (self.get("/readyz").0 == 200) != ready {
            assert!(Instant::now() < deadline, "ready does not become {ready}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(&mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("sync.sock")
    }
}

/// A gateway that acknowledges everything at once.
struct Gateway {
    stream: UnixStream,
    table: BTreeMap<Key, Resource>,
}

impl Gateway {
    fn connect(socket: &Path) -> Self {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&Preface::ours().encode()).unwrap();
        let mut preface = [0; PREFACE_BYTES];
        stream.read_exact(&mut preface).unwrap();
        Preface::check(&preface).unwrap();
        Self { stream, table: BTreeMap::new() }
    }

    /// Takes one revision without acknowledging it.
    fn take(&mut self) -> u64 {
        loop {
            let mut length = [0; 4];
            self.stream.read_exact(&mut length).unwrap();
            let mut payload = vec![0; u32::from_be_bytes(length) as usize];
            self.stream.read_exact(&mut payload).unwrap();
            match wire::decode(&payload).unwrap() {
                FromSync::Begin => self.table.clear(),
                FromSync::Upsert(resource) => drop(self.table.insert(resource.key(), *resource)),
                FromSync::Remove(key) => drop(self.table.remove(&key)),
                FromSync::Commit { revision } => return revision,
            }
        }
    }

    fn ack(&mut self, revision: u64) {
        let payload = wire::encode(&FromGateway::Ack { revision, refused: vec![] }).unwrap();
        self.stream.write_all(&u32::try_from(payload.len()).unwrap().to_be_bytes()).unwrap();
        self.stream.write_all(&payload).unwrap();
    }

    fn revision(&mut self) -> u64 {
        let revision = self.take();
        self.ack(revision);
        revision
    }

    fn until_host(&mut self, host: &str) {
        let there = |table: &BTreeMap<Key, Resource>| {
            table.keys().any(|key| matches!(key, Key::VirtualHost(name) if name.to_string() == host))
        };
        while !there(&self.table) {
            self.revision();
        }
    }
}

fn ingress(name: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}}}\nspec:\n  ingressClassName: ingora\n  \
         rules:\n  - host: {host}\n    http:\n      paths:\n      - {{path: /, pathType: Prefix, backend: {{service: \
         {{name: web, port: {{number: 80}}}}}}}}\n"
    )
}

fn directory() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let manifests = dir.path().join("manifests");
    fs::create_dir(&manifests).unwrap();
    (dir, manifests)
}

#[test]
fn an_edited_file_reaches_the_gateway_and_readiness_follows_it() {
    let (dir, manifests) = directory();
    fs::write(manifests.join("a.yaml"), ingress("a", "one.example")).unwrap();
    let sync = Sync::start(dir);
    sync.until_ready(true);
    assert_eq!(sync.get("/healthz").0, 200);
    assert_eq!(sync.get("/nothing").0, 404);
    let mut gateway = Gateway::connect(&sync.socket());
    gateway.until_host("one.example");
    fs::write(manifests.join("a.yaml"), ingress("a", "two.example")).unwrap();
    let revision = gateway.take();
    // Not acknowledged for more than a second.
    sync.until_ready(false);
    assert!(sync.get("/readyz").1.contains("1 of 1 gateways"));
    gateway.ack(revision);
    sync.until_ready(true);
    gateway.until_host("two.example");
    let (_, metrics) = sync.get("/metrics");
    for line in [
        "ingora_sync_gateways 1",
        "ingora_sync_objects{kind=\"Ingress\"} 1",
        "ingora_sync_change_to_ack_seconds_count 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
}

#[test]
fn a_problem_is_logged_once_counted_and_logged_when_it_is_solved() {
    let (dir, manifests) = directory();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1, labels: \
        {kubernetes.io/service-name: web}}\naddressType: IPv4\nendpoints: [{addresses: [127.0.0.1]}]\nports: [{port: 9000}]\n";
    fs::write(manifests.join("s.yaml"), format!("{service}---\n{slice}")).unwrap();
    fs::write(manifests.join("a.yaml"), "a: [").unwrap();
    let sync = Sync::start(dir);
    let line = sync.until_log(|line| line["reason"] == "FileUnreadable");
    assert_eq!(line["level"], "ERROR");
    assert!(line["location"].as_str().unwrap().contains("a.yaml:1"), "{line}");
    assert!(
        sync.get("/metrics")
            .1
            .contains("ingora_sync_problems{reason=\"FileUnreadable\",severity=\"error\"} 1")
    );
    fs::write(manifests.join("a.yaml"), ingress("a", "one.example")).unwrap();
    let line = sync.until_log(|line| line["reason"] == "FileUnreadable");
    assert!(line["message"].as_str().unwrap().starts_with("solved"), "{line}");
    assert!(
        sync.get("/metrics")
            .1
            .contains("ingora_sync_problems{reason=\"FileUnreadable\",severity=\"error\"} 0")
    );
}

#[test]
fn a_second_controller_on_the_same_socket_is_refused() {
    let (dir, manifests) = directory();
    fs::write(manifests.join("a.yaml"), ingress("a", "one.example")).unwrap();
    let sync = Sync::start(dir);
    let mut gateway = Gateway::connect(&sync.socket());
    gateway.until_host("one.example");
    let output = Command::new(env!("CARGO_BIN_EXE_ingora"))
        .arg("sync")
        .arg("--manifests")
        .arg(&manifests)
        .arg("--socket")
        .arg(sync.socket())
        .args(["--healthz-port", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("another ingora sync already serves"), "{error}");
    // The first one goes on.
    fs::write(manifests.join("a.yaml"), ingress("a", "two.example")).unwrap();
    gateway.until_host("two.example");
}

#[test]
fn a_signal_ends_it_cleanly_and_a_kill_leaves_nothing_in_the_way() {
    let (dir, _) = directory();
    let mut sync = Sync::start(dir);
    sync.until_ready(true);
    assert_eq!(sync.end("-TERM").code(), Some(0));
    assert!(!sync.socket().exists(), "the socket goes with the process");
    let (dir, manifests) = directory();
    fs::write(manifests.join("a.yaml"), ingress("a", "one.example")).unwrap();
    let mut sync = Sync::start(dir);
    sync.end("-KILL");
    assert!(sync.socket().exists());
    let dir = std::mem::replace(&mut sync.dir, tempfile::tempdir().unwrap());
    let sync = Sync::start(dir);
    Gateway::connect(&sync.socket()).until_host("one.example");
}

#[test]
fn five_thousand_hosts_are_told_and_one_edit_takes_less_than_a_tenth_of_a_second() {
    let (dir, manifests) = directory();
    for number in 0..5000 {
        let text = ingress(&format!("i{number}"), &format!("h{number}.example"));
        fs::write(manifests.join(format!("{number}.yaml")), text).unwrap();
    }
    let begin = Instant::now();
    let sync = Sync::start(dir);
    sync.until_ready(true);
    println!("5000 files: ready after {:?}", begin.elapsed());
    let begin = Instant::now();
    let mut gateway = Gateway::connect(&sync.socket());
    gateway.until_host("h4999.example");
    println!("full state of {} resources after {:?}", gateway.table.len(), begin.elapsed());
    let mut times: Vec<_> = (0..20)
        .map(|round| {
            let host = format!("round{round}.example");
            let begin = Instant::now();
            fs::write(manifests.join("2500.yaml"), ingress("i2500", &host)).unwrap();
            gateway.until_host(&host);
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("one edit at the gateway after {:?} (median), {:?} (worst)", times[10], times[19]);
    assert!(times[10] < Duration::from_millis(100), "{times:?}");
}

#[test]
fn a_storm_of_rewrites_is_gathered_and_never_shows_a_host_missing() {
    let (dir, manifests) = directory();
    for number in 0..200 {
        let text = ingress(&format!("i{number}"), &format!("h{number}.example"));
        fs::write(manifests.join(format!("{number}.yaml")), text).unwrap();
    }
    let sync = Sync::start(dir);
    let mut gateway = Gateway::connect(&sync.socket());
    gateway.until_host("h199.example");
    let hosts =
        |gateway: &Gateway| gateway.table.keys().filter(|key| matches!(key, Key::VirtualHost(_))).count();
    let (stop, stopped) = mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut writes = 0_usize;
        while stopped.try_recv().is_err() {
            let number = writes % 200;
            // In place, as the shell does it: truncated first, written then. The path changes, the host stays.
            let text = ingress(&format!("i{number}"), &format!("h{number}.example"))
                .replace("path: /,", &format!("path: /{writes},"));
            fs::write(manifests.join(format!("{number}.yaml")), text).unwrap();
            writes += 1;
        }
        writes
    });
    let begin = Instant::now();
    let mut publications = 0_u32;
    while begin.elapsed() < Duration::from_secs(2) {
        gateway.revision();
        publications += 1;
        assert_eq!(hosts(&gateway), 200, "a host is missing at publication {publications}");
    }
    let elapsed = begin.elapsed();
    stop.send(()).unwrap();
    let writes = writer.join().unwrap();
    println!("{writes} writes, {publications} publications in {elapsed:?}");
    assert!(
        u128::from(publications) <= elapsed.as_millis() / 10 + 2,
        "{publications} publications in {elapsed:?}"
    );
    assert!(publications >= 10, "a storm starves the gateway: {publications} publications");
}
