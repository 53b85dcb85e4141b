//! A text of an upstream's answer that is replaced: `proxy_redirect`, `proxy_cookie_domain` and `proxy_cookie_path` of nginx.

use crate::pattern::TextPattern;
use crate::template::MAX_TEMPLATE_BYTES;
use crate::{InvalidPattern, Template};
use serde::{Deserialize, Serialize};

/// What is replaced, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(Wanted, Template)", into = "(Wanted, Template)")]
pub struct Replacement {
    from: Wanted,
    to: Template,
}

/// What is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wanted {
    /// This text.
    Text(String),
    /// The whole, where the pattern is found in it.
    Pattern(TextPattern),
}

impl Replacement {
    /// Reads both sides. `from` is a text, or behind `~` (`~*`: without regard to case) a regular expression, whose groups
    /// `$1` to `$9` of `to` stand for.
    ///
    /// # Errors
    /// When one side cannot be read.
    pub fn new(from: &str, to: &str) -> Result<Self, InvalidReplacement> {
        if from.is_empty() {
            return Err(InvalidReplacement::Empty);
        }
        if from.len() > MAX_TEMPLATE_BYTES {
            return Err(InvalidReplacement::TooLong);
        }
        let wanted = match from.strip_prefix('~') {
            Some(_) => Wanted::Pattern(TextPattern::new(from)?),
            None if from.contains('$') => return Err(InvalidReplacement::Variable),
            None => Wanted::Text(from.to_owned()),
        };
        Self::try_from((wanted, Template::parse(to)?))
    }

    /// What is replaced.
    pub fn from(&self) -> &Wanted {
        &self.from
    }

    /// By what.
    pub fn to(&self) -> &Template {
        &self.to
    }
}

impl TryFrom<(Wanted, Template)> for Replacement {
    type Error = InvalidReplacement;

    fn try_from((from, to): (Wanted, Template)) -> Result<Self, Self::Error> {
        if matches!(from, Wanted::Text(_)) && to.has_groups() {
            return Err(InvalidReplacement::Group);
        }
        Ok(Self { from, to })
    }
}

impl From<Replacement> for (Wanted, Template) {
    fn from(replacement: Replacement) -> Self {
        (replacement.from, replacement.to)
    }
}

/// Why two texts are no replacement; each is a clause about the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReplacement {
    /// Nothing would be replaced.
    #[error("names nothing that is to be replaced")]
    Empty,
    /// Longer than a template.
    #[error("is longer than 2048 bytes")]
    TooLong,
    /// `$` in what is replaced.
    #[error(
        "has a variable in what is to be replaced, where Ingora takes fixed text or ~ and a regular expression"
    )]
    Variable,
    /// A group without a regular expression.
    #[error("has a group, which only a regular expression behind ~ can fill")]
    Group,
    /// The regular expression.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// What comes in its place.
    #[error(transparent)]
    Template(#[from] crate::template::InvalidTemplate),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_text_or_a_pattern_and_only_patterns_have_groups() {
        let text = Replacement::new("http://a/", "https://$host/").unwrap();
        assert_eq!(text.from(), &Wanted::Text("http://a/".into()));
        let pattern = Replacement::new("~*^/(.*)$", "/app/$1").unwrap();
        assert!(matches!(pattern.from(), Wanted::Pattern(_)));
        for replacement in [text, pattern] {
            let bytes = postcard::to_stdvec(&replacement).unwrap();
            assert_eq!(postcard::from_bytes::<Replacement>(&bytes).unwrap(), replacement);
        }
        assert_eq!(Replacement::new("/", "/$1"), Err(InvalidReplacement::Group));
        assert_eq!(Replacement::new("", "/"), Err(InvalidReplacement::Empty));
        assert_eq!(Replacement::new("$host", "/"), Err(InvalidReplacement::Variable));
        assert!(matches!(Replacement::new("~(", "/"), Err(InvalidReplacement::Pattern(_))));
        assert!(matches!(Replacement::new("/", "$nothing"), Err(InvalidReplacement::Template(_))));
    }
}
