//! `proxy-cookie-domain`, `proxy-cookie-path`: what upstreams say of where their cookies belong, as clients should see it.

use crate::Replacement;
use serde::{Deserialize, Serialize};

/// What becomes of the attributes of each `Set-Cookie` of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProxyCookie {
    /// `proxy-cookie-domain`: the attribute Domain, compared as a whole and without regard to case.
    pub domain: Option<Replacing>,
    /// `proxy-cookie-path`: the attribute Path, whose start is compared.
    pub path: Option<Replacing>,
}

/// What an annotation or a key says of a replacement; where it is `None`, it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Replacing {
    /// `off`.
    Off,
    /// This one.
    By(Replacement),
}

impl Replacing {
    /// The replacement, where there is one.
    pub fn replacement(&self) -> Option<&Replacement> {
        match self {
            Self::Off => None,
            Self::By(replacement) => Some(replacement),
        }
    }
}
