//! Replacements in what upstreams answer: what `proxy_redirect` and `proxy_cookie` share.

use crate::template::Scope;
use ingora_config::pattern::Groups;
use ingora_config::{InvalidPattern, Replacement, Template, Wanted};
use regex::bytes::Regex;

/// A replacement, ready for requests.
#[derive(Debug)]
pub(super) struct Compiled {
    from: From,
    to: Template,
}

#[derive(Debug)]
enum From {
    Text(Box<[u8]>),
    Pattern(Regex),
}

impl Compiled {
    /// Prepares a replacement.
    ///
    /// # Errors
    /// When its pattern is none, which no value that exists has.
    pub(super) fn new(replacement: &Replacement) -> Result<Self, InvalidPattern> {
        let from = match replacement.from() {
            Wanted::Text(text) => From::Text(text.as_bytes().into()),
            Wanted::Pattern(pattern) => From::Pattern(pattern.compile()?),
        };
        Ok(Self { from, to: replacement.to().clone() })
    }

    /// A value whose start is replaced; `None` when it has another one. A pattern replaces the whole.
    pub(super) fn start(&self, value: &[u8], scope: Scope<'_>) -> Option<Vec<u8>> {
        match &self.from {
            From::Text(from) => {
                let rest = value.strip_prefix(&**from)?;
                let mut new = scope.render(&self.to).ok()?;
                new.extend_from_slice(rest);
                Some(new)
            }
            From::Pattern(pattern) => self.matched(pattern, value, scope),
        }
    }

    /// A domain that is replaced as a whole, whatever its case; a dot at a start does not count (nginx).
    pub(super) fn domain(&self, value: &[u8], scope: Scope<'_>) -> Option<Vec<u8>> {
        let bare = |name| <[u8]>::strip_prefix(name, b".").unwrap_or(name);
        match &self.from {
            From::Text(from) if bare(from).eq_ignore_ascii_case(bare(value)) => scope.render(&self.to).ok(),
            From::Text(_) => None,
            From::Pattern(pattern) => self.matched(pattern, bare(value), scope),
        }
    }

    fn matched(&self, pattern: &Regex, value: &[u8], scope: Scope<'_>) -> Option<Vec<u8>> {
        let groups = Groups::find(pattern, value)?;
        Scope { groups: Some(&groups), ..scope }.render(&self.to).ok()
    }
}
