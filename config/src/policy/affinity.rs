//! `affinity`, `session-cookie-*`: a client stays with the endpoint that served it first.

use serde::{Deserialize, Serialize};

/// Sessions of a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Affinity {
    /// `affinity-mode`.
    pub mode: AffinityMode,
    /// `session-cookie-change-on-failure`: a client whose endpoint fails gets another one, and another cookie. Without it
    /// the client stays, and its tries go to the endpoint that failed.
    pub change_on_failure: bool,
    /// The cookie.
    pub cookie: SessionCookie,
}

/// What a session's cookie says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AffinityMode {
    /// A place on the ring of endpoints: when endpoints come, some sessions move to them.
    #[default]
    Balanced,
    /// An endpoint: a session moves when that is gone, and only then.
    Persistent,
}

/// The cookie of a session. Every text consists of characters that end neither an attribute nor a header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionCookie {
    /// `session-cookie-name`.
    pub name: String,
    /// `session-cookie-secure`; `false` is as the request came.
    pub secure: bool,
    /// `session-cookie-path`; `None` is the path of the route.
    pub path: Option<String>,
    /// `session-cookie-domain`.
    pub domain: Option<String>,
    /// `session-cookie-samesite`, as written.
    pub same_site: Option<String>,
    /// `session-cookie-conditional-samesite-none`: browsers that misread `None` are not told it.
    pub conditional_same_site_none: bool,
    /// `session-cookie-expires`, seconds from now; may be negative.
    pub expires: Option<i64>,
    /// `session-cookie-max-age`, seconds.
    pub max_age: Option<i64>,
}
