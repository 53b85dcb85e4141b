//! Who descends from whom, and what they hold, from `/proc`.

use super::Memory;
use std::collections::HashMap;
use std::fs;

/// The processes that descend from `root`, itself not included. Those that end meanwhile may be missing.
pub(super) fn descendants(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in processes() {
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        let more = children.remove(pid).unwrap_or_default();
        found.extend(more);
        next += 1;
    }
    found
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent(pid: u32) -> Option<u32> {
    // The second field is the program's name in brackets and may hold anything; the parent is the second one behind it.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// What one process holds; `None` when it has ended.
pub(super) fn memory(pid: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // One that has ended and was not waited for has no such line.
    let resident = kilobytes(&status, "VmRSS:")?;
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    Some(Memory { resident, proportional: kilobytes(&rollup, "Pss:").unwrap_or(0) })
}

/// The bytes of a line such as `VmRSS:     1234 kB`.
fn kilobytes(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let text = "Name:\tx\nVmRSS:\t   1792 kB\nPss_Dirty: 5 kB\nPss:  358 kB\n";
        assert_eq!(kilobytes(text, "VmRSS:"), Some(1_835_008));
        assert_eq!(kilobytes(text, "Pss:"), Some(366_592));
        assert_eq!(kilobytes(text, "Swap:"), None);
    }

    #[test]
    fn a_process_has_a_parent_and_is_its_descendant() {
        let own = std::process::id();
        let above = parent(own).unwrap();
        assert!(descendants(above).contains(&own));
        assert!(!descendants(own).contains(&above));
    }
}
