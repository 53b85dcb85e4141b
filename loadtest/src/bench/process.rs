//! A program under test: pinned to its cores, in a process group of its own, which ends with its owner.
//!
//! ```text
//!   Process ── taskset -c CORES PROGRAM ──▶ log file
//!      │            └─ workers, and theirs
//!      ├─ cpu()     of all of these, from the CPU clocks of the kernel: nanoseconds, threads that ended included
//!      ├─ memory()  resident, and proportional: what processes share is divided among them
//!      └─ drop      ends the group; `end_all` does it for all groups when the bench is interrupted
//! ```

mod family;

use super::{Doing as _, Failure, Result};
use nix::sys::signal::{Signal, killpg};
use nix::time::ClockId;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// From one look at a condition to the next.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How many lines of its log are shown when a program ended by itself.
const LAST_LINES: usize = 10;

/// The process groups that were started and have not ended.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends everything that [`Process::start`] started: for a bench that is interrupted, whose values are not dropped.
pub fn end_all() {
    groups().iter().for_each(|group| end(*group));
}

/// Moves this process, and what it starts from now on, to `cores`: whoever loads must not be where the programs under
/// test are.
///
/// # Errors
/// When taskset is missing or there are no such cores.
pub fn move_to(cores: &str) -> Result<()> {
    let own = std::process::id().to_string();
    let output = Command::new("taskset").args(["-acp", cores, &own]).output();
    let output = output.doing(|| "cannot run taskset (of util-linux)".into())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::said(format!("cannot run on cores {cores}: {}", said.trim())))
}

fn end(group: i32) {
    // An error means that it has ended already.
    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
}

/// The memory of a program and of its descendants, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// What is resident, added up: memory that several processes share counts once for each of them.
    pub resident: u64,
    /// The same with shared memory divided among those who share it; 0 where the kernel does not tell.
    pub proportional: u64,
}

/// One running program, with its descendants.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` on `cores` (a list as of `taskset -c`: `0`, `0-1`, `0,2`). What it prints is appended to `log`;
    /// `name` is what messages call it.
    ///
    /// # Errors
    /// When the log cannot be written, or the program or taskset is missing.
    pub fn start(name: &str, command: Command, cores: &str, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log);
        let output = output.doing(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone().doing(|| format!("cannot write {}", log.display()))?;
        let child = pinned(&command, cores)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .doing(|| format!("cannot start {name} with taskset (of util-linux)"))?;
        groups().insert(child.id().cast_signed());
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// The process id. `taskset` becomes the program that it starts, so this is the program's own.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The CPU time that it and its descendants have used so far, in user and kernel mode. A descendant that has ended
    /// counts no more; threads that have ended do.
    ///
    /// # Errors
    /// When the program has ended.
    pub fn cpu(&self) -> Result<Duration> {
        let of = |pid: u32| -> Option<Duration> {
            let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid.cast_signed())).ok()?;
            clock.now().ok().map(Duration::from)
        };
        let own = of(self.id()).ok_or_else(|| self.ended())?;
        Ok(own + family::descendants(self.id()).into_iter().filter_map(of).sum::<Duration>())
    }

    /// The memory of it and its descendants now.
    ///
    /// # Errors
    /// When the program has ended.
    pub fn memory(&self) -> Result<Memory> {
        let mut sum = family::memory(self.id()).ok_or_else(|| self.ended())?;
        for memory in family::descendants(self.id()).into_iter().filter_map(family::memory) {
            sum.resident += memory.resident;
            sum.proportional += memory.proportional;
        }
        Ok(sum)
    }

    /// Asks `condition` every two milliseconds until it holds; answers how long that took.
    ///
    /// # Errors
    /// When it does not hold within `patience`, or the program ends meanwhile.
    pub fn wait_until(
        &mut self,
        description: &str,
        patience: Duration,
        mut condition: impl FnMut() -> bool,
    ) -> Result<Duration> {
        let begin = Instant::now();
        loop {
            if condition() {
                return Ok(begin.elapsed());
            }
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return Err(self.ended());
            }
            if begin.elapsed() > patience {
                return Err(Failure::said(format!(
                    "{}: waited {patience:?} in vain until {description}; its log ends with:\n{}",
                    self.name,
                    self.last_words()
                )));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Everything it printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn ended(&self) -> Failure {
        Failure::said(format!("{} ended by itself; its log ends with:\n{}", self.name, self.last_words()))
    }

    fn last_words(&self) -> String {
        let printed = self.printed();
        let lines: Vec<&str> = printed.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = self.child.id().cast_signed();
        // Under the lock, so that `end_all` cannot hit a group that was given the same number later.
        let mut groups = groups();
        end(group);
        let _ = self.child.wait();
        groups.remove(&group);
    }
}

/// The same command, started by taskset.
fn pinned(command: &Command, cores: &str) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", cores]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        pinned.current_dir(folder);
    }
    pinned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Process, tempfile::TempDir) {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("WORD", "heard");
        (Process::start("a shell", command, "0", &home.path().join("log")).unwrap(), home)
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn what_descendants_compute_and_hold_counts() {
        let (mut busy, home) = shell("(while :; do :; done) & echo $WORD; wait");
        let clock = Instant::now();
        busy.wait_until("it says so", PATIENCE, || {
            !std::fs::read(home.path().join("log")).unwrap().is_empty()
        })
        .unwrap();
        assert_eq!(busy.printed(), "heard\n");
        let id = busy.id();
        let burnt = |busy: &mut Process| {
            // The shell itself only waits.
            let (own, all) = (family::memory(id).unwrap(), busy.memory().unwrap());
            assert!(all.resident > own.resident && own.resident > 0);
            busy.cpu().unwrap()
        };
        let first = burnt(&mut busy);
        while burnt(&mut busy) < first + Duration::from_millis(30) {
            assert!(clock.elapsed() < PATIENCE);
        }
        assert!(busy.cpu().unwrap() <= clock.elapsed(), "one core cannot compute more");
    }

    #[test]
    fn everything_ends_when_it_is_dropped() {
        let (mut process, home) = shell("(sleep 600 & echo $!; wait) & wait");
        let log = home.path().join("log");
        process
            .wait_until("it has a grandchild", PATIENCE, || !std::fs::read(&log).unwrap().is_empty())
            .unwrap();
        let grandchild: u32 = process.printed().trim().parse().unwrap();
        assert!(family::memory(grandchild).is_some());
        drop(process);
        let begin = Instant::now();
        while family::memory(grandchild).is_some() {
            assert!(begin.elapsed() < PATIENCE, "{grandchild} lives");
        }
    }

    #[test]
    fn a_program_that_ends_is_noticed_with_its_last_words() {
        let (mut process, _home) = shell("echo no such thing; exit 3");
        let said = process.wait_until("never", PATIENCE, || false).unwrap_err().to_string();
        assert_eq!(said, "a shell ended by itself; its log ends with:\nno such thing");
        assert!(process.memory().is_err());
    }

    #[test]
    fn patience_ends() {
        let (mut process, _home) = shell("sleep 600");
        let said =
            process.wait_until("it flies", Duration::from_millis(5), || false).unwrap_err().to_string();
        assert!(said.starts_with("a shell: waited 5ms in vain until it flies"), "{said}");
    }
}
