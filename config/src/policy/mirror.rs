//! `mirror-target`, `mirror-host`, `mirror-request-body`: a copy of each request for somebody else, whose answer nobody sees.

use crate::{Template, UpstreamId};
use serde::{Deserialize, Serialize};

/// Where copies go, and what is in them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mirror {
    /// Whether the target is spoken to over TLS.
    pub tls: bool,
    /// The Service port or the host outside of the cluster that gets the copies. No client has a say in it.
    pub upstream: UpstreamId,
    /// The target's name or address as the URL has it: with TLS the server name.
    pub host: String,
    /// What stands behind the port: path and query, empty for `/`.
    pub target: Template,
    /// The value of `Host`: `mirror-host`, else the host and port of the target as written.
    pub host_header: Template,
    /// `mirror-request-body`: whether the body is copied.
    pub body: bool,
}
