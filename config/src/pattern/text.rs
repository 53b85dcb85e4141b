//! Regular expressions over texts of requests and answers that are no paths: nginx' `~` and `~*`.

use super::{
    Groups, InvalidPattern, MAX_CACHE_BYTES, MAX_COMPILED_BYTES, parse, refused, with_literal_braces,
};
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// A regular expression behind `~`, or `~*` for one that ignores the case of ASCII letters. Found anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TextPattern(Box<str>);

impl TextPattern {
    /// Checks a pattern with its `~` or `~*`; one without either is read as if it had `~*`.
    ///
    /// # Errors
    /// When it is no regular expression, or is too large.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        let text = if text.starts_with('~') { text.into() } else { format!("~*{text}").into() };
        let pattern = Self(text);
        pattern.compile()?;
        Ok(pattern)
    }

    /// With its `~` or `~*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes it ready to match.
    ///
    /// # Errors
    /// Never for a value that exists; the caller decides what to do all the same.
    pub fn compile(&self) -> Result<Regex, InvalidPattern> {
        let (text, any_case) = match self.0.strip_prefix("~*") {
            Some(text) => (text, true),
            None => (self.0.trim_start_matches('~'), false),
        };
        let text = with_literal_braces(text);
        parse(&text)?;
        let mut builder = RegexBuilder::new(&text);
        builder.case_insensitive(any_case).unicode(false);
        builder.size_limit(MAX_COMPILED_BYTES).dfa_size_limit(MAX_CACHE_BYTES);
        builder.build().map_err(refused)
    }
}

impl<'t> Groups<'t> {
    /// The groups of the first match of a compiled [`TextPattern`] in a text; `None` when it does not match.
    pub fn find(pattern: &Regex, text: &'t [u8]) -> Option<Self> {
        let mut locations = pattern.capture_locations();
        pattern.captures_read(&mut locations, text)?;
        Some(Self { path: text, locations: Some(locations) })
    }
}

impl TryFrom<String> for TextPattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<TextPattern> for String {
    fn from(pattern: TextPattern) -> Self {
        pattern.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_says_whether_case_counts() {
        let matches = |pattern: &str, text: &str| {
            TextPattern::new(pattern).unwrap().compile().unwrap().is_match(text.as_bytes())
        };
        assert!(matches("~/Api", "x/Api") && !matches("~/Api", "/api"));
        assert!(matches("~*/Api", "/api") && matches("/Api", "/api"));
        assert!(TextPattern::new("~(").is_err() && TextPattern::new("~a{9999}{9999}").is_err());
    }

    #[test]
    fn groups_are_those_of_the_first_match() {
        let pattern = TextPattern::new("~^/([a-z]+)/(x)?").unwrap().compile().unwrap();
        let groups = Groups::find(&pattern, b"/shop/y").unwrap();
        assert_eq!((groups.get(1), groups.get(2)), (b"shop".as_slice(), b"".as_slice()));
        assert!(Groups::find(&pattern, b"shop").is_none());
    }
}
