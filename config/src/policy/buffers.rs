//! `proxy-body-size`, `client-body-buffer-size`, `proxy-request-buffering`: the bodies of requests to one Ingress. The
//! defaults stand in [`crate::settings::Proxy`].

use serde::{Deserialize, Serialize};

/// `None` is as the ConfigMap says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Buffers {
    /// `proxy-body-size`, bytes of a request's body; 0 is unlimited.
    pub body_size: Option<u64>,
    /// `client-body-buffer-size`, bytes.
    pub body_buffer_size: Option<u64>,
    /// `proxy-request-buffering`: a body that fits into the buffer is received before an endpoint is bothered.
    pub request_buffering: Option<bool>,
}
