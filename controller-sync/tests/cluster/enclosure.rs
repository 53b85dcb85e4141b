//! The namespaces in which the tests run: a network of their own (EndpointSlices refuse loopback addresses, so
//! 10.99.0.0/16 is put on `lo`, and nothing can reach any other network), processes of their own (whatever a test started
//! ends with the run, also when the run is killed), and a file system in memory for what they write.
//!
//! ```text
//!   outer: this program, one thread ──pipe──▶ sh (process 1 of the namespace)
//!                                              ├── the tests: this program again
//!                                              └── cat: the pipe ends when outer does, for whatever reason
//! ```

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;

/// Names the folder of the run; its presence says that we are inside.
const HOME: &str = "INGORA_CLUSTER_HOME";

/// Set to `true` in CI: a skipped test would go unnoticed.
const CI: &str = "CI";

const UNSHARE: [&str; 7] =
    ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Process 1: when it ends, the kernel ends every process of the namespace.
const FIRST_PROCESS: &str = r#"
set -e
ip link set lo up
ip addr add 10.99.0.0/16 dev lo
mount -t tmpfs tmpfs "$INGORA_CLUSTER_HOME"
exec 3<&0
"$@" &
tests=$!
{ cat <&3 >/dev/null; kill -9 "$tests"; } &
wait "$tests"
"#;

/// Whether this process is the one inside.
pub(crate) fn inside() -> bool {
    std::env::var_os(HOME).is_some()
}

/// The folder of the run, in memory.
pub(crate) fn home() -> PathBuf {
    std::env::var_os(HOME).expect("only the process inside asks").into()
}

/// Whether a machine that cannot run the tests is an error.
pub(crate) fn required() -> bool {
    std::env::var_os(CI).is_some_and(|value| value == "true")
}

/// The folder with the servers' programs.
pub(crate) fn servers() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| built(&["--where"])).clone()
}

/// The folder with Helm and what checks the chart.
pub(crate) fn tools() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| built(&["--where", "tools"])).clone()
}

fn built(arguments: &[&str]) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/servers/build");
    let output = Command::new(&script).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// Whether the tests can run on this machine; else why not.
pub(crate) fn possible() -> Result<(), String> {
    let (servers, tools) = (servers(), tools());
    let servers =
        ["etcd", "kubectl", "kube-apiserver", "kube-controller-manager"].map(|name| servers.join(name));
    let tools = ["helm", "helm-docs", "kubeconform"].map(|name| tools.join(name));
    if let Some(missing) = servers.iter().chain(&tools).find(|program| !program.exists()) {
        return Err(format!(
            "{} does not exist; controller-sync/tests/cluster/servers/build makes it (it needs Go)",
            missing.display()
        ));
    }
    let probe = "ip link set lo up && ip addr add 10.99.0.0/16 dev lo";
    match Command::new("unshare").args(UNSHARE).args(["sh", "-c", probe]).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "no network namespace can be made here: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        )),
        Err(error) => Err(format!("unshare (of util-linux) cannot be run: {error}")),
    }
}

/// Runs this program again inside, and ends as that ends.
pub(crate) fn run() -> ExitCode {
    let home = tempfile::TempDir::new().unwrap();
    let mut inner = Command::new("unshare")
        .args(UNSHARE)
        .args(["sh", "-c", FIRST_PROCESS, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(std::env::args_os().skip(1))
        .env(HOME, home.path())
        .env("TMPDIR", home.path())
        // Held open as long as this process lives.
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = inner.stdin.take();
    let status = inner.wait().unwrap();
    drop(pipe);
    if let Some(signal) = status.signal() {
        eprintln!("error: the tests were ended by signal {signal}");
    }
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
