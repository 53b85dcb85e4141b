//! `enable-cors` and `cors-*`: Cross-Origin Resource Sharing (the Fetch standard), in ingress-nginx' manner.

use serde::{Deserialize, Serialize};

/// What browsers are told. Values are valid header values, as written by the user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cors {
    /// `cors-allow-origin`.
    pub origins: AllowedOrigins,
    /// `cors-allow-methods`.
    pub allow_methods: String,
    /// `cors-allow-headers`.
    pub allow_headers: String,
    /// `cors-allow-credentials`.
    pub allow_credentials: bool,
    /// `cors-expose-headers`.
    pub expose_headers: Option<String>,
    /// `cors-max-age`, seconds.
    pub max_age: i64,
}

/// Which origins are answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AllowedOrigins {
    /// `*`.
    Any,
    /// One of these, compared without regard to case.
    Listed(Vec<CorsOrigin>),
}

/// One allowed origin, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CorsOrigin {
    /// The whole origin, such as `https://shop.example:8443` or `null`.
    Exact(String),
    /// `scheme://*.parent[:port]`: exactly one label before `parent`.
    Wildcard {
        /// With `://`, such as `https://`.
        scheme: String,
        /// With the dot in front and the port behind, such as `.example.com:8443`.
        suffix: String,
    },
}
