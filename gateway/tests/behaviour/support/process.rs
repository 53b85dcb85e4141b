//! A program under test: its output goes to a file, it never outlives its test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// One running program.
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `name` of the workspace with `arguments`; standard output and error are appended to `log`.
    pub(crate) fn start(name: &'static str, arguments: &[String], log: &Path) -> Self {
        Self::start_at(&binary(name), name, arguments, log)
    }

    /// The same for a program that stands anywhere.
    pub(crate) fn start_at(path: &Path, name: &'static str, arguments: &[String], log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(path)
            .args(arguments)
            .env_remove("RUST_LOG")
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name, child, log: log.to_owned() }
    }

    /// Everything the program, and those before it with the same log, printed so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends a signal such as `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let command = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success(), "{command}");
    }

    /// How it ended, if it did.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ends it as the kernel would: no warning, no cleanup.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes (Linux: `VmRSS`).
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Processor time it has used, in user and kernel mode (Linux: `utime` and `stime`, in ticks of 10 ms).
    #[allow(dead_code, reason = "for the cluster tests, which share this file")]
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // The second field is the program's name in brackets and may hold spaces; what is counted stands behind it.
        let fields = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2);
        Duration::from_millis(fields.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("--- the last lines of {} ---", self.name);
            lines[lines.len().saturating_sub(40)..].iter().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// Names a folder of other programs: those of the release build, for tests that print what they measure. Absolute.
const PROGRAMS: &str = "INGORA_PROGRAMS";

/// A program of the workspace; cargo puts test binaries into a folder below that of the programs.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let beside = || test.parent().and_then(Path::parent).unwrap().to_owned();
    let path = std::env::var_os(PROGRAMS).map_or_else(beside, PathBuf::from).join(name);
    assert!(path.exists(), "{} does not exist; run cargo build --workspace first", path.display());
    path
}
