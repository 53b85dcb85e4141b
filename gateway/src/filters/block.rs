//! `block-user-agents`, `block-referers`: clients that are refused by what they say of themselves, whatever they ask for.

use crate::answer::Answer;
use crate::reason::Reason;
use crate::texts::Texts;
use http::HeaderMap;
use http::header::{HeaderName, REFERER, USER_AGENT};
use ingora_config::settings;

/// The lists of the ConfigMap.
#[derive(Debug)]
pub struct Block {
    user_agents: Texts,
    referers: Texts,
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
        if is_on(&self.user_agents, headers, &USER_AGENT) || is_on(&self.referers, headers, &REFERER) {
            return Err(Answer::page(Reason::Blocked));
        }
        Ok(())
    }
}

/// A header that is missing is an empty text, as in nginx; of several the first counts.
fn is_on(list: &Texts, headers: &HeaderMap, name: &HeaderName) -> bool {
    let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    list.have(value.as_deref().unwrap_or_default())
}
