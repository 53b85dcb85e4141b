//! How soon a change is answered: one at a time, from the rename of the file to the first changed answer that one client sees.

use super::super::Result;
use super::super::statistics::Latencies;
use super::edge::Edge;
use super::folder::{Folder, Kind, Side};
use std::thread;
use std::time::{Duration, Instant};

/// Times `count` changes of a kind (rounded up to an even number: there and back).
///
/// # Errors
/// When a program fails or a change does not arrive.
pub fn measure(edge: &Edge, folder: &Folder, kind: Kind, count: usize) -> Result<Latencies> {
    let mut client = edge.client();
    let mut times = Vec::with_capacity(count);
    for number in 0..count.next_multiple_of(2) {
        // Another pause each time, so that no timer of the programs keeps step with it.
        thread::sleep(Duration::from_millis(30 + (number * 7 % 40) as u64));
        let written;
        if kind == Kind::New {
            written = Instant::now();
            let host = folder.change(kind, number, Side::Green)?;
            client.wait(&host, Side::Green)?;
            times.push(written.elapsed());
            // Not timed: a file that vanishes is believed to be gone a tenth of a second later, on purpose.
            folder.change(kind, number, Side::Blue)?;
            client.wait_gone(&host)?;
        } else {
            let side = if number % 2 == 0 { Side::Green } else { Side::Blue };
            written = Instant::now();
            let host = folder.change(kind, number / 2, side)?;
            client.wait(&host, side)?;
            times.push(written.elapsed());
        }
    }
    Ok(Latencies::of(times))
}
