//! Headers that pass, and that are made.

use serde::{Deserialize, Serialize};

/// Headers that pass, and that are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Headers {
    /// `generate-request-id`: give each request without an X-Request-ID one.
    pub generate_request_id: bool,
    /// `allow-backend-server-header`: let the upstream's `Server` header pass.
    pub allow_backend_server_header: bool,
}

impl Default for Headers {
    fn default() -> Self {
        Self { generate_request_id: true, allow_backend_server_header: false }
    }
}
