//! Compiled `canary-by-header-pattern`s, each once however many routes use it.

use ingora_config::policy::header_pattern;
use regex::bytes::Regex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The patterns in use.
#[derive(Debug, Default)]
pub struct Patterns {
    known: HashMap<Box<str>, Weak<Regex>>,
    /// From how many on those that nobody uses are swept out.
    sweep_at: usize,
}

impl Patterns {
    /// The compiled pattern; `None` for one that translation would not have let through.
    pub fn of(&mut self, text: &str) -> Option<Arc<Regex>> {
        if let Some(regex) = self.known.get(text).and_then(Weak::upgrade) {
            return Some(regex);
        }
        let regex = Arc::new(header_pattern(text).ok()?);
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, regex| regex.strong_count() > 0);
            self.sweep_at = self.known.len() * 2 + 16;
        }
        self.known.insert(text.into(), Arc::downgrade(&regex));
        Some(regex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_compiled_once_and_forgotten_after_its_last_route() {
        let mut patterns = Patterns::default();
        let first = patterns.of("a+").unwrap();
        assert!(Arc::ptr_eq(&first, &patterns.of("a+").unwrap()));
        assert!(patterns.of("(").is_none());
        for index in 0..1000 {
            patterns.of(&format!("b{index}")).unwrap();
        }
        assert!(patterns.known.len() < 100 && Arc::ptr_eq(&first, &patterns.of("a+").unwrap()));
    }
}
