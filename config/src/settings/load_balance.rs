//! What holds for routes whose Ingress says nothing about it: the defaults of the annotations of the same names.

use crate::policy::Algorithm;
use serde::{Deserialize, Serialize};

/// How routes choose among endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LoadBalanceDefaults {
    /// `load-balance`.
    pub load_balance: Algorithm,
    /// `service-upstream`: requests go to the address of the Service instead of its endpoints.
    pub service_upstream: bool,
}
