//! Hosts: what an Ingress rule may name and what a request's authority is looked up against.

use crate::NamespacedName;
use crate::auth_tls::AuthTls;
use crate::pattern::HostPattern;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A DNS name in lower case, without port and without trailing dot (RFC 1123, at most 253 bytes, labels of 1 to 63
/// letters, digits, `-` or `_`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(Box<str>);

impl HostName {
    /// Checks and lower-cases a DNS name; one trailing dot is dropped.
    ///
    /// # Errors
    /// When the text is not a DNS name.
    pub fn new(text: &str) -> Result<Self, InvalidHost> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(InvalidHost(text.chars().take(260).collect()));
        }
        Ok(Self(name.to_ascii_lowercase().into()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostName {
    type Error = InvalidHost;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Neither a DNS name nor `*.` and a DNS name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host: expected a DNS name such as www.example.com or *.example.com")]
pub struct InvalidHost(String);

/// What a rule's `host` says, in the order in which a request's authority is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Host {
    /// Exactly this name.
    Exact(HostName),
    /// `*.` and this name: exactly one more label (Kubernetes Ingress, "hostname wildcards").
    Wildcard(HostName),
    /// `*.` and this name as a `server-alias`: one or more labels before it, as in nginx' `server_name`. No rule can name it.
    Subdomains(HostName),
    /// `~` and a regular expression as a `server-alias`. No rule can name it.
    Pattern(HostPattern),
    /// A rule without a host: every authority that nothing else matches.
    CatchAll,
}

impl Host {
    /// Reads a rule's `host`; the empty string is the catch-all.
    ///
    /// # Errors
    /// When the text is neither a DNS name nor `*.` and one.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        if text.is_empty() {
            return Ok(Self::CatchAll);
        }
        match text.strip_prefix("*.") {
            Some(parent) => {
                HostName::new(parent).map(Self::Wildcard).map_err(|_| InvalidHost(text.to_owned()))
            }
            None => HostName::new(text).map(Self::Exact),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(parent) | Self::Subdomains(parent) => write!(f, "*.{parent}"),
            Self::Pattern(pattern) => write!(f, "~{}", pattern.as_str()),
            Self::CatchAll => f.write_str("*"),
        }
    }
}

/// What belongs to a host as a whole, whichever Ingress its routes come from. A host without a [`VirtualHost`] has
/// no routes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VirtualHost {
    /// The host.
    pub host: Host,
    /// The Secret whose certificate answers for this host; `None` is the default certificate.
    pub certificate: Option<NamespacedName>,
    /// What requests for the host are answered with.
    pub role: HostRole,
    /// `ssl-redirect` applies: an Ingress of the host, or the wildcard above it, has a tls section.
    pub tls: bool,
    /// Every path of the host is a regular expression (`use-regex`, `rewrite-target`): compared without regard to
    /// case from the start of the request's path, the longest first.
    pub regex: bool,
    /// `app-root`: the path where requests for exactly `/` are redirected, visible ASCII that starts with `/`.
    pub app_root: Option<String>,
    /// `auth-tls-*`: client certificates.
    pub auth_tls: Option<Box<AuthTls>>,
    /// `ssl-ciphers`, `ssl-prefer-server-ciphers`; `None` is as the settings say.
    pub ciphers: Option<Box<HostCiphers>>,
}

/// What a host says of the ciphers of its handshakes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostCiphers {
    /// `ssl-ciphers`: what TLS 1.2 may use, as an OpenSSL cipher list.
    pub list: Option<String>,
    /// `ssl-prefer-server-ciphers`.
    pub prefer_server: Option<bool>,
}

impl VirtualHost {
    /// A host of which nothing special is asked.
    pub fn new(host: Host, certificate: Option<NamespacedName>) -> Self {
        Self {
            host,
            certificate,
            role: HostRole::Routes,
            tls: false,
            regex: false,
            app_root: None,
            auth_tls: None,
            ciphers: None,
        }
    }
}

/// What a host does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostRole {
    /// Serves the routes of its own name.
    #[default]
    Routes,
    /// `server-alias`: serves the routes of another host.
    AliasOf(Host),
    /// `from-to-www-redirect`: redirects every request to another host.
    RedirectTo(HostName),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_exact_wildcard_or_catch_all() {
        assert_eq!(Host::parse("Www.Example.COM.").unwrap().to_string(), "www.example.com");
        assert!(matches!(Host::parse("*.example.com"), Ok(Host::Wildcard(_))));
        assert_eq!(Host::parse(""), Ok(Host::CatchAll));
        for text in ["a..b", "*", "*.", "a.*.b", "a:80", "ä.example", "-a.example", "a b", &"a".repeat(64)] {
            assert!(Host::parse(text).is_err(), "{text:?} must be refused");
        }
    }
}
