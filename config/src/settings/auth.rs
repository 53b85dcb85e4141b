//! Who may ask at all: what the ConfigMap says about credentials.

use crate::policy::ExternalAuth;
use serde::{Deserialize, Serialize};

/// Defaults for routes whose annotations say nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuthDefaults {
    /// `no-auth-locations`: rules whose path starts with one of these ask for no credentials of any kind.
    pub no_auth_locations: Vec<String>,
    /// `global-auth-*`.
    pub external: GlobalAuth,
}

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

impl Default for AuthDefaults {
    fn default() -> Self {
        let no_auth_locations = vec!["/.well-known/acme-challenge".to_owned()];
        Self { no_auth_locations, external: GlobalAuth::None }
    }
}

impl AuthDefaults {
    /// Whether the rules of this path ask for no credentials.
    pub fn exempts(&self, path: &str) -> bool {
        self.no_auth_locations.iter().any(|prefix| !prefix.is_empty() && path.starts_with(prefix.as_str()))
    }
}
