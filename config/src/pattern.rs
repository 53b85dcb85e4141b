//! Regular expressions that users write as paths and as aliases of hosts: one reading for both halves.
//!
//! ```text
//!   rule path  /api(/|$)(.*)    ──▶  literal start "/api", then  ^/api(/|$)(.*)
//!   alias      ~^shop\d+\.test$ ──▶  ^shop\d+\.test$
//! ```
//!
//! As in ingress-nginx they ignore the case of ASCII letters, work on bytes, and a path is anchored at its start and open at
//! its end. The engine takes linear time; what it cannot do in linear time (look-around, back-references) is refused. A
//! pattern is bounded before it is used: see [`MAX_COMPILED_BYTES`].

mod text;

pub use text::TextPattern;

use crate::PathValue;
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};
use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{Ast, ErrorKind, LiteralKind};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// How large a pattern may be when it is compiled, in bytes: hundreds of times what ordinary paths need, and little enough that
/// its product with the length of the longest request path is a matter of milliseconds at worst.
pub const MAX_COMPILED_BYTES: usize = 64 * 1024;

/// How much each thread remembers of a pattern's states, in bytes; what does not fit is worked out again.
const MAX_CACHE_BYTES: usize = 128 * 1024;

/// The path of a rule on a host in regex mode.
#[derive(Clone, Debug)]
pub struct PathPattern {
    /// What every match starts with, whatever the case.
    start: Box<[u8]>,
    /// The whole, anchored; `None` when the start is all there is.
    anchored: Option<Regex>,
    /// The whole, found anywhere, where that can match differently: an alternation that no group encloses is anchored in its
    /// first branch alone, and rewriting searches without an anchor (ingress-nginx).
    search: Option<Regex>,
}

impl PathPattern {
    /// Whether a path has no character that means something in a regular expression; such a path is always valid.
    pub fn is_plain(path: &str) -> bool {
        !path.bytes().any(|byte| br"\.+*?()|[]{}^$".contains(&byte))
    }

    /// Reads a path as a regular expression.
    ///
    /// # Errors
    /// When it is none, or is too large.
    pub fn new(path: &PathValue) -> Result<Self, InvalidPattern> {
        let text = with_literal_braces(path.as_str());
        if Self::is_plain(&text) {
            return Ok(Self::literal(path));
        }
        let ast = parse(&text)?;
        let (start, whole) = literal_start(&ast);
        if whole {
            return Ok(Self { start, anchored: None, search: None });
        }
        let search = match ast {
            Ast::Alternation(_) => Some(compile(&text)?),
            _ => None,
        };
        Ok(Self { start, anchored: Some(compile(&format!("^{text}"))?), search })
    }

    /// Takes a path as it is written: for one that is no regular expression.
    pub fn literal(path: &PathValue) -> Self {
        Self { start: path.as_str().as_bytes().into(), anchored: None, search: None }
    }

    /// Whether a decoded, normalised path is taken.
    pub fn is_match(&self, path: &[u8]) -> bool {
        let start = path.get(..self.start.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(&self.start))
            && self.anchored.as_ref().is_none_or(|regex| regex.is_match(path))
    }

    /// The groups of the first match in a path.
    pub fn groups<'p>(&self, path: &'p [u8]) -> Groups<'p> {
        let locations = self.search.as_ref().or(self.anchored.as_ref()).and_then(|regex| {
            let mut locations = regex.capture_locations();
            regex.captures_read(&mut locations, path).map(|_| locations)
        });
        Groups { path, locations }
    }
}

/// What the groups of a [`PathPattern`] matched.
#[derive(Clone, Debug)]
pub struct Groups<'p> {
    path: &'p [u8],
    locations: Option<CaptureLocations>,
}

impl<'p> Groups<'p> {
    /// What a group matched; nothing when there is no such group or it took no part.
    pub fn get(&self, group: u8) -> &'p [u8] {
        let found = self.locations.as_ref().and_then(|locations| locations.get(group.into()));
        found.map_or(b"", |(start, end)| &self.path[start..end])
    }
}

/// A regular expression over host names, as a `server-alias` has it behind `~`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern(Box<str>);

impl HostPattern {
    /// Checks a pattern, without its `~`.
    ///
    /// # Errors
    /// When it is no regular expression, or is too large.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        let pattern = Self(text.into());
        pattern.compile()?;
        Ok(pattern)
    }

    /// As written, without its `~`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes it ready to match.
    ///
    /// # Errors
    /// Never for a value that exists; the caller decides what to do all the same.
    pub fn compile(&self) -> Result<Regex, InvalidPattern> {
        let text = with_literal_braces(&self.0);
        parse(&text)?;
        compile(&text)
    }
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.0.into()
    }
}

/// Why a text is no regular expression of ours; each is a clause about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// `(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`.
    #[error("uses look-around, which cannot be matched in linear time")]
    LookAround,
    /// `\1`.
    #[error("uses a back-reference, which cannot be matched in linear time")]
    BackReference,
    /// Larger than [`MAX_COMPILED_BYTES`] when it is compiled.
    #[error("is too large for a regular expression; lower the numbers in its repetitions")]
    TooLarge,
    /// Anything else, in the words of the parser.
    #[error("is not a regular expression: {0}")]
    Syntax(Clause),
}

/// Words of the parser, bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause(String);

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn syntax(what: &impl ToString) -> InvalidPattern {
    let what = what.to_string();
    // A parser that quotes the pattern does so over several lines; the last one says what is wrong.
    let last = what.lines().last().unwrap_or_default().trim_start_matches("error: ");
    InvalidPattern::Syntax(Clause(last.chars().filter(|char| !char.is_control()).take(120).collect()))
}

/// Reads a text as a regular expression, and tells apart why it is none.
pub(crate) fn parse(text: &str) -> Result<Ast, InvalidPattern> {
    Parser::new().parse(text).map_err(|error| match error.kind() {
        ErrorKind::UnsupportedLookAround => InvalidPattern::LookAround,
        ErrorKind::UnsupportedBackreference => InvalidPattern::BackReference,
        kind => syntax(kind),
    })
}

/// The one way in which patterns of paths and hosts are compiled.
fn compile(text: &str) -> Result<Regex, InvalidPattern> {
    let mut builder = RegexBuilder::new(text);
    builder.case_insensitive(true).unicode(false);
    builder.size_limit(MAX_COMPILED_BYTES).dfa_size_limit(MAX_CACHE_BYTES);
    builder.build().map_err(refused)
}

/// Why a text that can be parsed cannot be compiled.
pub(crate) fn refused(error: regex::Error) -> InvalidPattern {
    match error {
        regex::Error::CompiledTooBig(_) => InvalidPattern::TooLarge,
        error => syntax(&error),
    }
}

/// The characters that every match starts with, and whether there is nothing else.
fn literal_start(ast: &Ast) -> (Box<[u8]>, bool) {
    let items = match ast {
        Ast::Concat(concat) => concat.asts.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut start = String::new();
    for item in items {
        match item {
            Ast::Literal(literal)
                if matches!(
                    literal.kind,
                    LiteralKind::Verbatim | LiteralKind::Meta | LiteralKind::Superfluous
                ) =>
            {
                start.push(literal.c);
            }
            _ => return (start.into_bytes().into(), false),
        }
    }
    (start.into_bytes().into(), true)
}

/// PCRE takes a brace that starts no repetition as it is: `/users/{id}` is a valid, if strange, path.
fn with_literal_braces(text: &str) -> Cow<'_, str> {
    if !text.contains('{') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    let mut previous = '\0';
    while let Some(char) = rest.chars().next() {
        let length = match char {
            // `\{`, and `\x{…}` and `\p{…}` with their brace.
            '\\' => match rest.as_bytes() {
                [_, b'x' | b'u' | b'U' | b'p' | b'P', b'{', ..] => 3,
                _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            },
            _ => char.len_utf8(),
        };
        if char == '{' && (matches!(previous, '\0' | '(' | '|') || !is_repetition(rest)) {
            out.push('\\');
        }
        out.push_str(&rest[..length]);
        previous = char;
        rest = &rest[length..];
    }
    Cow::Owned(out)
}

/// Whether a text starts with `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text[1..].split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests;
