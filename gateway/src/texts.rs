//! Lists of texts and expressions in the syntax of nginx' `map`, ready to be compared with.

use ingora_config::settings::MapPattern;
use regex::Regex;

/// One such list.
#[derive(Debug)]
pub struct Texts {
    whole: Box<[String]>,
    expressions: Box<[Regex]>,
}

impl Texts {
    /// Compiles it.
    pub fn compile(list: &[MapPattern]) -> Self {
        let whole = list.iter().filter_map(|pattern| match pattern {
            MapPattern::Exact(text) => Some(text.clone()),
            MapPattern::Regex { .. } => None,
        });
        Self { whole: whole.collect(), expressions: list.iter().filter_map(MapPattern::compiled).collect() }
    }

    /// Whether a text is on it: as a whole, whatever its case, or because an expression is found in it.
    pub fn have(&self, value: &str) -> bool {
        self.whole.iter().any(|text| text.eq_ignore_ascii_case(value))
            || self.expressions.iter().any(|expression| expression.is_match(value))
    }
}
