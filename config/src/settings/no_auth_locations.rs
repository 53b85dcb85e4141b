//! Paths without authentication.

use serde::{Deserialize, Serialize};

/// `no-auth-locations`: a route whose path in its Ingress begins with one of these asks for no credentials, whatever its
/// annotations say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NoAuthLocations(pub Vec<String>);

impl NoAuthLocations {
    /// Whether the routes of this path ask for no credentials.
    pub fn covers(&self, path: &str) -> bool {
        self.0.iter().any(|prefix| path.starts_with(prefix.as_str()))
    }
}

impl Default for NoAuthLocations {
    fn default() -> Self {
        Self(vec!["/.well-known/acme-challenge".to_owned()])
    }
}
