//! `auth-url` and its kin: another service decides about each request before the upstream sees it.

use crate::settings::{HeaderLine, InvalidHeader};
use crate::{Template, UpstreamId};
use serde::{Deserialize, Serialize};

/// The most headers that are taken over from an answer, or set on the question.
pub const MAX_AUTH_HEADERS: usize = 64;

/// What an Ingress says about external authentication. Without a word of it the ConfigMap's holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExternalAuthChoice {
    /// `enable-global-auth: "false"` and no `auth-url`.
    Nobody,
    /// `auth-url`.
    Ask(Box<ExternalAuth>),
}

impl ExternalAuthChoice {
    /// The Service port or host that is asked; `None` when that is nobody, or whoever serves the client's host.
    pub fn upstream(&self) -> Option<&UpstreamId> {
        match self {
            Self::Ask(auth) => auth.upstream(),
            Self::Nobody => None,
        }
    }
}

/// Who is asked about a request, how, and what becomes of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExternalAuth {
    /// `auth-url`: who.
    pub service: AuthService,
    /// `auth-url`: path and query of the question.
    pub target: Template,
    /// `auth-method`; `None` is GET, and sends two headers fewer.
    pub method: Option<AuthMethod>,
    /// `auth-signin` with the parameter that says where to come back to: where a client goes instead of getting a 401.
    pub signin: Option<Template>,
    /// `auth-response-headers`, in lower case: headers of the answer for the upstream, in place of the client's own.
    pub response_headers: Vec<String>,
    /// `auth-request-redirect`: X-Auth-Request-Redirect of the question; `None` is the client's target.
    pub request_redirect: Option<String>,
    /// `auth-proxy-set-headers`: further headers of the question.
    pub set_headers: Vec<AuthHeader>,
    /// `auth-cache-key`, `auth-cache-duration`.
    pub cache: Option<AuthCache>,
    /// `auth-always-set-cookie`: cookies of the answer reach the client whatever the status.
    pub always_set_cookie: bool,
    /// `auth-keepalive-timeout`, seconds that a connection without a question is kept; 0 keeps none.
    pub keepalive_timeout: u32,
}

impl ExternalAuth {
    /// The Service port or host that is asked; `None` when it is whoever serves the client's host.
    pub fn upstream(&self) -> Option<&UpstreamId> {
        match &self.service {
            AuthService::Upstream { id, .. } => Some(id),
            AuthService::ClientHost => None,
        }
    }
}

/// Who is asked. Never a name that a client could make up: a client chooses among the hosts of the table at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuthService {
    /// `$host` in place of a host: the route that serves the path of the question on the host the client asked for.
    ClientHost,
    /// A Service port of the cluster, or a host outside of it.
    Upstream {
        /// Which.
        id: UpstreamId,
        /// The host as the URL has it: the question's `Host`, and with TLS the server name.
        host: String,
        /// `https`.
        tls: bool,
    },
}

/// Methods of questions (CVE-2026-1580: a closed set).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are what they are called")]
pub enum AuthMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Trace,
}

impl AuthMethod {
    /// As it stands in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
        }
    }
}

/// How long answers hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuthCache {
    /// `auth-cache-key`: requests of one route and host for which this is the same text get the same answer.
    pub key: Template,
    /// `auth-cache-duration`: seconds by status, the first that fits counts.
    pub durations: Vec<AuthDuration>,
}

/// How long answers of one status hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuthDuration {
    /// The status; `None` is every one.
    pub status: Option<u16>,
    /// Seconds; 0 is not at all.
    pub seconds: u32,
}

/// A header of the question whose value may have variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(String, Template)", into = "(String, Template)")]
pub struct AuthHeader {
    name: String,
    value: Template,
}

impl AuthHeader {
    /// A header; an empty value removes it.
    ///
    /// # Errors
    /// When the name is none.
    pub fn new(name: &str, value: Template) -> Result<Self, InvalidHeader> {
        let line = HeaderLine::new(name, "")?;
        Ok(Self { name: line.name().to_owned(), value })
    }

    /// The name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    pub fn value(&self) -> &Template {
        &self.value
    }
}

impl TryFrom<(String, Template)> for AuthHeader {
    type Error = InvalidHeader;

    fn try_from((name, value): (String, Template)) -> Result<Self, Self::Error> {
        Self::new(&name, value)
    }
}

impl From<AuthHeader> for (String, Template) {
    fn from(header: AuthHeader) -> Self {
        (header.name, header.value)
    }
}
