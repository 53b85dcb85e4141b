//! `make run`, as a newcomer types it, and every line it prints.

use crate::support::ports::free_port;
use crate::support::until;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The running quickstart on free ports and a copy of its folder.
struct Quickstart {
    process: Child,
    manifests: PathBuf,
    home: TempDir,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart")
}

impl Quickstart {
    /// Starts it; `spoil` may damage the copy of the manifests, `http_port` is where the gateway is to listen.
    fn start(http_port: u16, spoil: impl FnOnce(&Path)) -> Self {
        let home = TempDir::new().unwrap();
        let manifests = home.path().join("manifests");
        fs::create_dir(&manifests).unwrap();
        let echo = [free_port(), free_port(), free_port()];
        for entry in fs::read_dir(folder()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let mut text = fs::read_to_string(&path).unwrap();
                for (at, port) in echo.iter().enumerate() {
                    text = text.replace(&format!("port: {}", 9001 + at), &format!("port: {port}"));
                }
                fs::write(manifests.join(path.file_name().unwrap()), text).unwrap();
            }
        }
        spoil(&manifests);
        let output = fs::File::create(home.path().join("output")).unwrap();
        // A shell that started these tests in the background ignores SIGINT, and its children would inherit that.
        let mut command = Command::new("env");
        command
            .arg("--default-signal=INT")
            .arg(folder().join("run.sh"))
            .env("QUICKSTART_MANIFESTS", &manifests)
            .env("QUICKSTART_ECHO_PORTS", echo.map(|port| port.to_string()).join(" "))
            .env("QUICKSTART_BIN", Path::new(env!("CARGO_BIN_EXE_ingora-gateway")).parent().unwrap())
            .env("QUICKSTART_HTTP_PORT", http_port.to_string());
        for name in ["QUICKSTART_HTTPS_PORT", "QUICKSTART_ADMIN_PORT", "QUICKSTART_SYNC_PORT"] {
            command.env(name, free_port().to_string());
        }
        let process =
            command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        Self { process, manifests, home }
    }

    fn output(&self) -> String {
        fs::read_to_string(self.home.path().join("output")).unwrap()
    }

    fn signal(&self, signal: &str) {
        Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.process.id())]).status().unwrap();
    }

    #[track_caller]
    fn wait_failed(&mut self) -> String {
        until("it ends with an error", || {
            self.process.try_wait().unwrap().is_some_and(|status| status.code() == Some(1))
        });
        self.output()
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        // TERM, so that the script ends its children; KILL would leave them.
        self.signal("TERM");
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- what it printed ---\n{}", self.output());
        }
    }
}

fn shell(line: &str) -> String {
    let output = Command::new("bash").args(["-c", line]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_line_it_prints_works_and_an_edited_file_is_followed() {
    let mut quickstart = Quickstart::start(free_port(), |_| {});
    until("it says what to try", || quickstart.output().contains("Ctrl-C ends everything"));
    let output = quickstart.output();
    let lines: Vec<_> = output.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    assert!(lines.len() >= 10, "{output}");
    for line in &lines {
        let want = line.rsplit(" # ").next().unwrap().split(':').next().unwrap();
        let answer = shell(&format!("{line} 2>&1"));
        let right = match want {
            "404" => answer.starts_with("HTTP/1.1 404"),
            "101" => answer.contains("HTTP/1.1 101"),
            "ready" => !answer.contains("503"),
            "JSON" => answer.contains("shop.example.test"),
            "Prometheus" => answer.contains("# TYPE"),
            name => answer.contains(&format!("\"name\": \"{name}\"")),
        };
        assert!(right, "{line}\nwants {want}, got\n{answer}");
    }
    let shop = quickstart.manifests.join("shop.yaml");
    let edited = fs::read_to_string(&shop).unwrap().replace("name: shop, port", "name: chat, port");
    fs::write(shop, edited).unwrap();
    until("the edit is live", || shell(lines[0]).contains("\"name\": \"chat\""));

    quickstart.signal("INT");
    let mut status = None;
    until("Ctrl-C ends it", || {
        status = quickstart.process.try_wait().unwrap();
        status.is_some()
    });
    assert!(status.unwrap().success(), "{status:?}");
    until("nobody listens any more", || shell(lines[0]).is_empty());
}

#[test]
fn a_taken_port_is_one_clear_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = Quickstart::start(port, |_| {}).wait_failed();
    let last = output.lines().last().unwrap();
    assert!(last.starts_with(&format!("error: port {port} is taken by another process; ")), "{output}");
}

#[test]
fn a_broken_file_is_one_clear_sentence() {
    let mut quickstart = Quickstart::start(free_port(), |manifests| {
        fs::write(manifests.join("shop.yaml"), "kind: Ingress\n  oops: [").unwrap();
    });
    let output = quickstart.wait_failed();
    assert!(output.contains("shop.yaml"), "{output}");
    assert!(output.lines().last().unwrap().starts_with("error: the manifests in "), "{output}");
}
