//! Who may ask at all: holds for every route without an annotation of its own.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Who may ask at all: holds for every route without an annotation of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceRangeDefaults {
    /// `denylist-source-range`.
    pub denylist: Vec<IpNet>,
    /// `whitelist-source-range`; empty is everybody.
    pub allowlist: Vec<IpNet>,
}

impl Default for SourceRangeDefaults {
    fn default() -> Self {
        Self { denylist: Vec::new(), allowlist: Vec::new() }
    }
}
