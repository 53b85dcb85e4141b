//! What CPU time a change takes in both programs, while nobody asks: clocks of the kernel before and after a batch of
//! changes, without what idle programs use in that time.

use super::super::Result;
use super::super::progress::say;
use super::super::statistics::Spread;
use super::edge::Edge;
use super::folder::{Folder, Kind, Side};
use super::growth::Both;
use std::thread;
use std::time::{Duration, Instant};

/// From one change to the next: twice the time for which sync gathers, so that each is sent on its own, the dearest way.
const PACE: Duration = Duration::from_millis(20);

/// From the last change to the second look at the clocks: far longer than a change takes.
const SETTLE: Duration = Duration::from_millis(100);

/// Changes in a batch; on fewer sites, one for each.
const BATCH: usize = 20;

/// CPU time of sync and of the gateway.
type Used = [Duration; 2];

fn used(edge: &Edge, work: impl FnOnce() -> Result<()>) -> Result<Used> {
    let before = edge.cpu()?;
    work()?;
    let after = edge.cpu()?;
    Ok([after[0].saturating_sub(before[0]), after[1].saturating_sub(before[1])])
}

/// What idle programs use.
#[derive(Clone, Debug)]
pub struct Idle {
    share: [f64; 2],
}

impl Idle {
    /// Watches for a second and a half, in which sync looks at nothing.
    ///
    /// # Errors
    /// When a program has ended.
    pub fn of(edge: &Edge) -> Result<Self> {
        const WINDOW: Duration = Duration::from_millis(300);
        let mut samples = [Vec::new(), Vec::new()];
        for _ in 0..5 {
            let used = used(edge, || {
                thread::sleep(WINDOW);
                Ok(())
            })?;
            let shares = used.map(|used| used.as_secs_f64() / WINDOW.as_secs_f64());
            samples.iter_mut().zip(shares).for_each(|(samples, share)| samples.push(share));
        }
        Ok(Self { share: samples.map(|samples| Spread::of(samples).map_or(0.0, |spread| spread.median)) })
    }

    /// Of sync (0) or the gateway (1), microseconds per second.
    #[must_use]
    pub fn per_second(&self, program: usize) -> f64 {
        self.share[program] * 1e6
    }
}

/// Microseconds per change of a kind; the median of some batches, so that a look of sync at all files, every half minute,
/// falls out. A batch whose last change was not served when the clocks were read does not count.
///
/// # Errors
/// When a program fails or a change does not arrive.
pub fn measure(
    edge: &Edge,
    folder: &Folder,
    kind: Kind,
    batches: usize,
    idle: &Idle,
) -> Result<Both<Option<Spread>>> {
    let size = BATCH.min(folder.sites());
    let mut samples = [Vec::new(), Vec::new()];
    for batch in 0..batches.next_multiple_of(2) {
        let Some((used, wall)) = one(edge, folder, kind, batch, size)? else {
            say(format_args!("change: a change took more than {SETTLE:?}; its batch does not count"));
            continue;
        };
        for ((samples, used), idle) in samples.iter_mut().zip(used).zip(idle.share) {
            samples.push((used.as_secs_f64() - idle * wall.as_secs_f64()).max(0.0) / size as f64 * 1e6);
        }
    }
    let [sync, gateway] = samples.map(Spread::of);
    Ok(Both { sync, gateway })
}

/// One batch, there or back, and how long it was; what is new goes again, uncounted.
fn one(
    edge: &Edge,
    folder: &Folder,
    kind: Kind,
    batch: usize,
    size: usize,
) -> Result<Option<(Used, Duration)>> {
    let new = kind == Kind::New;
    let side = if new || batch.is_multiple_of(2) { Side::Green } else { Side::Blue };
    let first = if new { batch } else { batch / 2 } * size;
    let mut host = String::new();
    let begin = Instant::now();
    let used = used(edge, || {
        for number in first..first + size {
            host = folder.change(kind, number, side)?;
            thread::sleep(PACE);
        }
        thread::sleep(SETTLE);
        Ok(())
    })?;
    let wall = begin.elapsed();
    let mut client = edge.client();
    let counts = client.sees(&host, side)?;
    client.wait(&host, side)?;
    if new {
        for number in first..first + size {
            folder.change(kind, number, Side::Blue)?;
        }
        client.wait_gone(&host)?;
    }
    Ok(counts.then_some((used, wall)))
}
