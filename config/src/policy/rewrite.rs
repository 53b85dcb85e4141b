//! `rewrite-target` and `x-forwarded-prefix`: another path for the upstream.

use serde::{Deserialize, Serialize};

/// What the upstream sees instead of the path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rewrite {
    /// `rewrite-target`: replaces the whole path; `$1` to `$9` stand for the groups of the rule's path. Starts with `/`.
    pub target: String,
    /// `x-forwarded-prefix`: the value of X-Forwarded-Prefix, `$1` to `$9` as above; `None` sends none.
    pub forwarded_prefix: Option<String>,
}
