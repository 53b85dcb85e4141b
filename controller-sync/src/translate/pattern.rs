//! Whether paths are regular expressions. Compiling one takes hundreds of microseconds, and the same few stand in thousands of
//! Ingresses, so the verdicts are remembered.

use ingora_config::{InvalidPattern, PathPattern, PathValue};
use std::cell::RefCell;
use std::collections::HashMap;

/// The most verdicts that are remembered; when there are more, all are forgotten.
const MAX_REMEMBERED: usize = 4096;

type Verdicts = HashMap<PathValue, Option<InvalidPattern>>;

thread_local! {
    /// A verdict depends on the path alone, so that it does not matter who asked first.
    static VERDICTS: RefCell<Verdicts> = RefCell::default();
}

/// Why a path is no regular expression of ours; `None` when it is one.
pub(super) fn not_a_regex(path: &PathValue) -> Option<InvalidPattern> {
    if PathPattern::is_plain(path.as_str()) {
        return None;
    }
    VERDICTS.with_borrow_mut(|verdicts| {
        if let Some(verdict) = verdicts.get(path) {
            return verdict.clone();
        }
        if verdicts.len() >= MAX_REMEMBERED {
            verdicts.clear();
        }
        let verdict = PathPattern::new(path).err();
        verdicts.insert(path.clone(), verdict.clone());
        verdict
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_the_same_the_second_time_and_after_all_were_forgotten() {
        let path = |text: &str| PathValue::new(text).unwrap();
        for _ in 0..2 {
            assert_eq!(not_a_regex(&path("/something(/|$)(.*)")), None);
            assert_eq!(not_a_regex(&path("/a(?=b)")), Some(InvalidPattern::LookAround));
        }
        for number in 0..=MAX_REMEMBERED {
            assert_eq!(not_a_regex(&path(&format!("/{number}."))), None);
        }
        assert_eq!(not_a_regex(&path("/a(?=b)")), Some(InvalidPattern::LookAround));
        assert!(VERDICTS.with_borrow(Verdicts::len) <= MAX_REMEMBERED);
    }
}
