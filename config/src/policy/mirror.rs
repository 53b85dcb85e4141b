//! `mirror-target`, `mirror-host`, `mirror-request-body`: a copy of each request for somebody else, whose answer nobody sees.

use crate::Template;
use serde::{Deserialize, Serialize};

/// Where copies go, and what is in them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mirror {
    /// Whether the target is spoken to over TLS.
    pub tls: bool,
    /// The target's name or address, as written and without brackets. No client has a say in it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What stands behind the port: path and query, empty for `/`.
    pub target: Template,
    /// The value of `Host`: `mirror-host`, else the host and port of the target as written.
    pub host_header: Template,
    /// `mirror-request-body`: whether the body is copied.
    pub body: bool,
    /// Whether the target may be the gateway's own machine: never in a cluster, where that would reach the gateway's own ports.
    pub loopback: bool,
}
