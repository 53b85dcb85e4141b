//! `denylist-source-range` and `allowlist-source-range`: who may ask.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Which clients are let in; each list replaces the ConfigMap's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceRange {
    /// `denylist-source-range`, asked first.
    pub denylist: Option<Vec<IpNet>>,
    /// `allowlist-source-range`; everybody else gets 403.
    pub allowlist: Option<Vec<IpNet>>,
}
