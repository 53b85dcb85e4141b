//! How many requests each connection to an upstream has carried (`upstream-keepalive-requests`).
//!
//! The engine's connections have no place for a number of ours. Open connections have different file descriptors, though, which
//! are small numbers: a table by descriptor needs no lock, and one that is used anew starts from one.

use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Descriptors of one block. Blocks are made when they are needed.
const BLOCK: usize = 1024;
/// The most blocks: a process that has more than a million files open is not limited.
const BLOCKS: usize = 1024;

/// The numbers by descriptor.
pub struct Carried {
    blocks: Box<[OnceLock<Box<[AtomicU32]>>]>,
}

impl Carried {
    /// Counts a request that a connection is about to carry; `reused` when it is not its first. Answers how many that makes.
    pub fn count(&self, descriptor: RawFd, reused: bool) -> u32 {
        let at = usize::try_from(descriptor).unwrap_or(usize::MAX);
        let Some(block) = self.blocks.get(at / BLOCK) else { return 1 };
        let block = block.get_or_init(|| (0..BLOCK).map(|_| AtomicU32::new(0)).collect());
        let number = &block[at % BLOCK];
        if !reused {
            number.store(1, Ordering::Relaxed);
            return 1;
        }
        number.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }
}

impl Default for Carried {
    fn default() -> Self {
        Self { blocks: (0..BLOCKS).map(|_| OnceLock::new()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_from_one_and_a_new_one_with_its_descriptor_anew() {
        let carried = Carried::default();
        assert_eq!([false, true, true].map(|reused| carried.count(7, reused)), [1, 2, 3]);
        assert_eq!(carried.count(1031, false), 1, "another one in another block");
        assert_eq!(carried.count(7, true), 4);
        assert_eq!(carried.count(7, false), 1);
        for odd in [-1, i32::MAX] {
            assert_eq!(carried.count(odd, true), 1, "beyond the table nothing is limited");
        }
    }
}
