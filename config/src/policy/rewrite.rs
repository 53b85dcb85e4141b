//! `rewrite-target` and `x-forwarded-prefix`: another path for the upstream.

use crate::Template;
use serde::{Deserialize, Serialize};

/// What the upstream sees instead of the path. A route whose own path is the target is not rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rewrite {
    /// `rewrite-target`: replaces the whole path; `$1` to `$9` stand for the groups of the rule's path. Starts with `/`, with
    /// `$`, or, which makes it a redirect, with `http://` or `https://`.
    pub target: Template,
    /// `x-forwarded-prefix`: the value of X-Forwarded-Prefix, `$1` to `$9` as above; `None` sends none.
    pub forwarded_prefix: Option<Template>,
}

impl Rewrite {
    /// Whether requests are redirected to the target (302) instead of being sent to the upstream, as nginx does when the
    /// replacement starts with a scheme.
    pub fn redirects(&self) -> bool {
        let target = self.target.as_str();
        target.starts_with("http://") || target.starts_with("https://")
    }

    /// Whether a route with this path is rewritten: a target that is the path itself does nothing (ingress-nginx).
    pub fn applies_to(&self, path: &str) -> bool {
        self.target.as_str() != path
    }
}
