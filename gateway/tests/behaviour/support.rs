//! What the behaviour tests share: both real programs, backends that record, and clients that can be rude.
//!
//! ```text
//!   test ──▶ Edge (temp dir, free ports) ──▶ ingora sync ──socket──▶ ingora-gateway
//!    │                                                                   │
//!    ├── http1 / tls / http2 (clients) ─────────────────────────────────▶│
//!    └── load (clients that never stop)                                  ▼
//!                                              Backend (records every byte) · Echo (ingora-echo)
//! ```

pub(crate) mod authority;
pub(crate) mod backend;
pub(crate) mod browser;
pub(crate) mod certificates;
pub(crate) mod dns;
pub(crate) mod echo;
pub(crate) mod edge;
pub(crate) mod grpc;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod load;
pub(crate) mod login;
pub(crate) mod manifest;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod settings;
pub(crate) mod tls;
pub(crate) mod tls_backend;
pub(crate) mod upstream_authority;

use std::time::{Duration, Instant};

/// How long a test waits for what must happen soon: generous, because CI machines are slow and busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Polls until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    started.elapsed()
}
