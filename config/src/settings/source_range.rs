//! Who may ask at all: holds for every route without an annotation of its own.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Who may ask at all: holds for every route without an annotation of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceRangeDefaults {
    /// `denylist-source-range`.
    pub denylist: Vec<IpNet>,
    /// `whitelist-source-range`; empty is everybody.
    pub allowlist: Vec<IpNet>,
    /// `block-cidrs`: nobody of these, whatever a route says.
    pub block: Vec<IpNet>,
}
