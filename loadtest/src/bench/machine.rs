//! The machine on which numbers were taken: without it they say nothing.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::process::Command;

/// What is told about the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The day, such as `2026-11-21` (UTC).
    pub day: String,
    /// The processor's name.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// Memory, bytes.
    pub memory: u64,
    /// The release of the kernel.
    pub kernel: String,
}

impl Machine {
    /// This one, now; what cannot be found out is `unknown`.
    #[must_use]
    pub fn here() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let or_unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
        let processors = read("/proc/cpuinfo");
        let memory = read("/proc/meminfo");
        let day = Command::new("date").args(["-u", "+%F"]).output();
        Self {
            day: or_unknown(
                day.map(|day| String::from_utf8_lossy(&day.stdout).into_owned()).unwrap_or_default().trim(),
            ),
            processor: or_unknown(value(&processors, "model name")),
            cores: processors.lines().filter(|line| line.starts_with("processor")).count(),
            memory: value(&memory, "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024,
            kernel: or_unknown(read("/proc/sys/kernel/osrelease").trim()),
        }
    }
}

/// The value of the first line `label : value`.
fn value<'a>(text: &'a str, label: &str) -> &'a str {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(name, _)| name.trim() == label).map_or("", |(_, value)| value.trim())
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, processor, cores, memory, kernel } = self;
        let gigabytes = memory.div_ceil(1 << 30);
        write!(f, "Taken on {day}: {cores} cores of {processor}, {gigabytes} GB, Linux {kernel}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_about_this_machine() {
        let machine = Machine::here();
        assert!(machine.memory > 1 << 20 && machine.cores > 0, "{machine:?}");
        assert!(!machine.to_string().contains("Linux unknown"), "{machine}");
    }

    #[test]
    fn values_stand_behind_a_colon() {
        assert_eq!(value("processor\t: 0\nmodel name\t: A: B\n", "model name"), "A: B");
        assert_eq!(value("MemTotal:       24 kB\n", "MemTotal"), "24 kB");
        assert_eq!(value("", "MemTotal"), "");
    }
}
