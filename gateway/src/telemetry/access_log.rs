//! The access log: one line per request, written off the request path.
//!
//! ```text
//!   thread ──▶ its own buffer ─┐
//!   thread ──▶ its own buffer ─┼─ swapped every 100 ms, or when large ──▶ writer thread ──▶ sink
//!   thread ──▶ its own buffer ─┘
//! ```
//!
//! A thread shares its buffer with nobody but the writer, which holds it no longer than a swap of two pointers. When the
//! sink stalls, buffers fill up to a bound, and lines beyond that are dropped and counted. Nobody ever waits for the
//! sink but the writer.

mod custom;
mod escape;
mod line;
mod record;
mod stamp;

#[cfg(test)]
mod tests;

pub use line::route_fields;
pub use record::Record;

use crate::args::LogFormat;
use ingora_config::settings::LogFormat as Custom;
use prometheus_client::metrics::counter::Counter;
use stamp::Stamp;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// How long a line may stay in its buffer.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// A buffer this large is written at once, in bytes.
const LARGE: usize = 64 * 1024;
/// A buffer this large takes no more lines, in bytes.
const FULL: usize = 1024 * 1024;
/// Threads beyond this many share buffers.
const BUFFERS: usize = 64;
/// How long the writer rests when a sink that does not block cannot take more.
const REST: Duration = Duration::from_millis(5);

/// Takes records from any thread and writes them to one sink.
#[derive(Debug)]
pub struct AccessLog {
    shared: Arc<Shared>,
    /// `None` when the writer could not be started.
    writer: Option<Thread>,
}

#[derive(Debug)]
struct Shared {
    format: LogFormat,
    buffers: Box<[Mutex<Buffer>]>,
    dropped: Counter,
    rounds: Mutex<Rounds>,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    lines: u64,
    stamp: Stamp,
    /// For `$time_local`.
    local: Stamp,
}

/// Whole passes over all buffers.
#[derive(Debug, Default)]
struct Rounds {
    wanted: u64,
    done: u64,
    stop: bool,
}

impl AccessLog {
    /// Writes to standard output.
    pub fn stdout(format: LogFormat, dropped: Counter) -> Self {
        // Not through std's own buffer: lines come in large pieces already.
        match io::stdout().as_fd().try_clone_to_owned() {
            Ok(stdout) => Self::start(format, Box::new(File::from(stdout)), dropped),
            Err(error) => {
                tracing::error!(%error, "no access log: standard output cannot be used");
                Self::new(format, dropped)
            }
        }
    }

    /// Writes to `sink`; what it does not take is counted in `dropped`.
    pub fn start(format: LogFormat, sink: Box<dyn Write + Send>, dropped: Counter) -> Self {
        let mut log = Self::new(format, dropped);
        let shared = Arc::clone(&log.shared);
        match thread::Builder::new().name("access-log".into()).spawn(move || shared.write_to(sink)) {
            Ok(writer) => log.writer = Some(writer.thread().clone()),
            Err(error) => tracing::error!(%error, "no access log: its thread cannot be started"),
        }
        log
    }

    fn new(format: LogFormat, dropped: Counter) -> Self {
        let buffers = (0..BUFFERS).map(|_| Mutex::default()).collect();
        let shared = Shared { format, buffers, dropped, rounds: Mutex::default(), written: Condvar::new() };
        Self { shared: Arc::new(shared), writer: None }
    }

    /// Takes one line, in the form of `log-format-upstream` where there is one. Never waits; allocates only while buffers grow to their usual size.
    pub fn record(&self, record: &Record<'_>, custom: Option<&Custom>) {
        let mut buffer = lock(&self.shared.buffers[this_thread() % BUFFERS]);
        let before = buffer.bytes.len();
        if before >= FULL {
            self.shared.dropped.inc();
            return;
        }
        let Buffer { bytes, lines, stamp, local } = &mut *buffer;
        match custom {
            Some(format) => line::write_custom(bytes, local, format, record),
            None => line::write(bytes, stamp, self.shared.format, record),
        }
        *lines += 1;
        let crossed = before < LARGE && bytes.len() >= LARGE;
        drop(buffer);
        if let (true, Some(writer)) = (crossed, &self.writer) {
            writer.unpark();
        }
    }

    /// Waits until everything recorded before is written, or until `limit` is over.
    pub fn flush(&self, limit: Duration) {
        let Some(writer) = &self.writer else { return };
        let mut rounds = lock(&self.shared.rounds);
        // One pass may be under way and past this thread's buffer already.
        rounds.wanted = rounds.wanted.max(rounds.done + 2);
        let wanted = rounds.wanted;
        writer.unpark();
        let waited = self.shared.written.wait_timeout_while(rounds, limit, |rounds| rounds.done < wanted);
        drop(waited);
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        lock(&self.shared.rounds).stop = true;
        if let Some(writer) = &self.writer {
            writer.unpark();
        }
    }
}

impl Shared {
    /// The writer thread.
    fn write_to(&self, mut sink: Box<dyn Write + Send>) {
        let mut spare = Vec::new();
        loop {
            let (stop, urgent) = {
                let rounds = lock(&self.rounds);
                (rounds.stop, rounds.done < rounds.wanted)
            };
            if !stop && !urgent {
                thread::park_timeout(FLUSH_EVERY);
            }
            for buffer in &self.buffers {
                let lines = {
                    let mut buffer = lock(buffer);
                    std::mem::swap(&mut buffer.bytes, &mut spare);
                    std::mem::take(&mut buffer.lines)
                };
                if !spare.is_empty() && write_all(&mut sink, &spare).is_err() {
                    self.dropped.inc_by(lines);
                }
                spare.clear();
                // After a stall: give the memory back.
                spare.shrink_to(2 * LARGE);
            }
            lock(&self.rounds).done += 1;
            self.written.notify_all();
            if stop {
                return;
            }
        }
    }
}

/// As [`Write::write_all`], but patient with a sink that somebody else made non-blocking.
fn write_all(sink: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match sink.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(REST),
            Err(error) => return Err(error),
        }
    }
    sink.flush()
}

/// A number of this thread's own.
fn this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.with(|number| *number)
}

/// No code that holds these locks can leave them half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
