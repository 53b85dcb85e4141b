//! Clients that are refused by what they say of themselves.

use super::MapPattern;
use serde::{Deserialize, Serialize};

/// Clients that are refused by what they say of themselves, whatever they ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Block {
    /// `block-user-agents`: the header User-Agent.
    pub user_agents: Vec<MapPattern>,
    /// `block-referers`: the header Referer.
    pub referers: Vec<MapPattern>,
}
