//! What the cluster tests share. Clients, backends, load and the pair under test are those of the behaviour tests.
//!
//! ```text
//!   Site (one per test) ──▶ Api ─────────────────▶ Cluster: etcd, kube-apiserver, kube-controller-manager
//!    │                                                ▲
//!    └── Edge: ingora sync ──(Proxy, when faults)─────┘        audit: what the server refused
//! ```

// A test binary cannot depend on another one; the files are shared instead, and each side uses a part of them.
macro_rules! shared {
    ($($name:ident: $path:literal),* $(,)?) => {$(
        #[allow(dead_code, reason = "shared with the behaviour tests, which use the rest")]
        #[path = $path]
        pub(crate) mod $name;
    )*};
}

shared! {
    authority: "../../../gateway/tests/behaviour/support/authority.rs",
    backend: "../../../gateway/tests/behaviour/support/backend.rs",
    certificates: "../../../gateway/tests/behaviour/support/certificates.rs",
    edge: "../../../gateway/tests/behaviour/support/edge.rs",
    http1: "../../../gateway/tests/behaviour/support/http1.rs",
    load: "../../../gateway/tests/behaviour/support/load.rs",
    manifest: "../../../gateway/tests/behaviour/support/manifest.rs",
    ports: "../../../gateway/tests/behaviour/support/ports.rs",
    process: "../../../gateway/tests/behaviour/support/process.rs",
    tls: "../../../gateway/tests/behaviour/support/tls.rs",
}

pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod chart;
pub(crate) mod cluster;
pub(crate) mod object;
pub(crate) mod pod;
pub(crate) mod proxy;
pub(crate) mod role;
pub(crate) mod site;
pub(crate) mod trial;
pub(crate) mod watch;

use std::time::{Duration, Instant};

/// How long a test waits for what must happen soon: generous, because a whole cluster shares two cores with the tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

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

/// What an environment variable asks for, or `otherwise`.
pub(crate) fn number(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")),
        Err(_) => otherwise,
    }
}
