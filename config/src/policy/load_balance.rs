//! `load-balance`, `upstream-hash-by`, `service-upstream`: which endpoint of its Service gets a request of the route.
//!
//! They belong to the route, not to the Service: two Ingresses may use one Service in different ways.

use crate::Template;
use serde::{Deserialize, Serialize};

/// The largest `upstream-hash-by-subset-size`.
pub const MAX_SUBSET: u8 = 32;

/// How a route chooses among endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LoadBalance {
    /// `load-balance`; `None` is as the ConfigMap says.
    pub algorithm: Option<Algorithm>,
    /// `upstream-hash-by`: goes before the algorithm.
    pub hash_by: Option<HashBy>,
    /// `service-upstream`: the Service's own address gets every request; `None` is as the ConfigMap says.
    pub service_upstream: Option<bool>,
}

/// How requests without a key are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// One endpoint after the other.
    #[default]
    RoundRobin,
    /// Of two endpoints drawn by chance the one that answered faster of late and has less to do.
    Ewma,
}

/// `upstream-hash-by`: requests with the same key get the same endpoint, for as long as it is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HashBy {
    /// The key. Where it comes to nothing, the algorithm decides.
    pub key: Template,
    /// How many endpoints share the requests of a key: 1, or with `upstream-hash-by-subset` up to [`MAX_SUBSET`].
    pub subset: u8,
}
