//! `global-auth-*`: another service decides about requests of every route.

use crate::policy::ExternalAuth;
use serde::{Deserialize, Serialize};

/// External authentication for every route that has none of its own and does not opt out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GlobalAuth {
    /// There is no `global-auth-url`.
    #[default]
    None,
    /// A key cannot be used: these routes answer 503, because nobody else keeps strangers out.
    Broken,
    /// Asks.
    Ask(Box<ExternalAuth>),
}
