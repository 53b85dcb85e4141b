//! `backend-protocol`: what the endpoints speak.

use serde::{Deserialize, Serialize};

/// What the endpoints of a route speak, whatever their Service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BackendProtocol {
    /// HTTP/1.1 in clear text.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
    /// [`Self::Https`] for requests that came over TLS, [`Self::Http`] for the others.
    AutoHttp,
    /// HTTP/2 in clear text with prior knowledge.
    Grpc,
    /// HTTP/2 over TLS.
    Grpcs,
}

impl BackendProtocol {
    /// Whether any request goes over TLS.
    pub fn may_be_tls(self) -> bool {
        matches!(self, Self::Https | Self::AutoHttp | Self::Grpcs)
    }
}
