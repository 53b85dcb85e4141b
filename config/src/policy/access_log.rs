//! `enable-access-log`, `enable-rewrite-log`: what the access log says of one Ingress.

use serde::{Deserialize, Serialize};

/// What the access log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccessLog {
    /// `enable-access-log`: `false` writes no line, whatever the ConfigMap says.
    pub enabled: bool,
    /// `enable-rewrite-log`: the line says to which path the request was rewritten.
    pub rewrites: bool,
}
