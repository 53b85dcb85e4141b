//! `block-user-agents`, `block-referers`: clients that are refused by what they say of themselves, whatever they ask for.

use crate::answer::Answer;
use crate::reason::Reason;
use http::HeaderMap;
use http::header::{HeaderName, REFERER, USER_AGENT};
use ingora_config::settings::{self, TextPattern};
use regex::Regex;

/// The lists of the ConfigMap.
#[derive(Debug)]
pub struct Block {
    user_agents: Texts,
    referers: Texts,
}

#[derive(Debug)]
struct Texts {
    whole: Box<[String]>,
    expressions: Box<[Regex]>,
}

impl Block {
    /// Compiles them; `None` when nobody is on them.
    pub fn compile(lists: &settings::Block) -> Option<Self> {
        let any = !(lists.user_agents.is_empty() && lists.referers.is_empty());
        any.then(|| Self {
            user_agents: Texts::compile(&lists.user_agents),
            referers: Texts::compile(&lists.referers),
        })
    }

    /// Whether the client may ask.
    ///
    /// # Errors
    /// The refusal.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Answer> {
        if self.user_agents.have(headers, &USER_AGENT) || self.referers.have(headers, &REFERER) {
            return Err(Answer::page(Reason::Blocked));
        }
        Ok(())
    }
}

impl Texts {
    fn compile(list: &[TextPattern]) -> Self {
        let whole = list.iter().filter_map(|pattern| match pattern {
            TextPattern::Exact(text) => Some(text.clone()),
            TextPattern::Regex { .. } => None,
        });
        Self { whole: whole.collect(), expressions: list.iter().filter_map(TextPattern::compiled).collect() }
    }

    /// A header that is missing is an empty text, as in nginx; of several the first counts.
    fn have(&self, headers: &HeaderMap, name: &HeaderName) -> bool {
        let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let value = value.as_deref().unwrap_or_default();
        self.whole.iter().any(|text| text.eq_ignore_ascii_case(value))
            || self.expressions.iter().any(|expression| expression.is_match(value))
    }
}
