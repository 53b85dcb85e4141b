//! The access log: what is logged, and in which form.

use serde::{Deserialize, Serialize};

/// The access log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccessLog {
    /// `disable-access-log`, `disable-http-access-log`: the opposite of either.
    pub enabled: bool,
    /// `enable-access-log-for-default-backend`: log requests that no rule takes.
    pub default_backend: bool,
    /// `skip-access-log-urls`: requests whose target is one of these are not logged.
    pub skip_urls: Vec<MapPattern>,
    /// `log-format-upstream`; `None` is the form of the gateway's flag `--log-format`.
    pub format: Option<LogFormat>,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self { enabled: true, default_backend: true, skip_urls: Vec::new(), format: None }
    }
}

/// The most patterns of `skip-access-log-urls`.
pub const MAX_URL_PATTERNS: usize = 256;
/// The longest regular expression of one, in bytes.
pub const MAX_REGEX_BYTES: usize = 1024;
/// The largest compiled regular expression, in bytes.
const MAX_COMPILED_BYTES: usize = 256 * 1024;

/// A text that a list of the ConfigMap names, as nginx' `map` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "LooseMapPattern")]
pub enum MapPattern {
    /// The whole text, whatever its case.
    Exact(String),
    /// A regular expression that is found in the text.
    Regex {
        /// The expression.
        pattern: String,
        /// Whether case does not count.
        ignore_case: bool,
    },
}

#[derive(Deserialize)]
enum LooseMapPattern {
    Exact(String),
    Regex { pattern: String, ignore_case: bool },
}

impl TryFrom<LooseMapPattern> for MapPattern {
    type Error = regex::Error;

    fn try_from(loose: LooseMapPattern) -> Result<Self, Self::Error> {
        match loose {
            LooseMapPattern::Exact(text) => Ok(Self::Exact(text)),
            LooseMapPattern::Regex { pattern, ignore_case } => Self::regex(pattern, ignore_case),
        }
    }
}

impl MapPattern {
    /// A regular expression that compiles, within bounds.
    ///
    /// # Errors
    /// When it does not.
    pub fn regex(pattern: String, ignore_case: bool) -> Result<Self, regex::Error> {
        if pattern.len() > MAX_REGEX_BYTES {
            return Err(regex::Error::CompiledTooBig(MAX_REGEX_BYTES));
        }
        compile(&pattern, ignore_case)?;
        Ok(Self::Regex { pattern, ignore_case })
    }

    /// The compiled expression; `None` for a text.
    pub fn compiled(&self) -> Option<regex::Regex> {
        match self {
            Self::Exact(_) => None,
            Self::Regex { pattern, ignore_case } => compile(pattern, *ignore_case).ok(),
        }
    }
}

fn compile(pattern: &str, ignore_case: bool) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).case_insensitive(ignore_case).size_limit(MAX_COMPILED_BYTES).build()
}

/// `log-format-upstream`, read once: a line is its parts, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogFormat {
    /// How variables are written.
    pub escape: LogEscape,
    /// The parts.
    pub parts: Vec<LogPart>,
}

/// How the text of a variable is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogEscape {
    /// As nginx does without a word about it: `\xHH`; nothing is `-`.
    #[default]
    Default,
    /// `log-format-escape-json`: as in a JSON string; nothing is nothing.
    Json,
    /// `log-format-escape-none`: as it is, but for control characters; nothing is nothing.
    None,
}

/// A part of a log line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogPart {
    /// Written as it is.
    Text(String),
    /// Something of the request.
    Variable(LogVariable),
    /// A header of the request, in lower case: `$http_NAME`.
    RequestHeader(String),
    /// A header of the answer, in lower case: `$sent_http_NAME`, `$upstream_http_NAME`.
    ResponseHeader(String),
}

macro_rules! variables {
    ($($variant:ident: $($name:literal)|+ = $what:literal,)+) => {
        /// Something of a request that a log line can show, by the nginx variable it stands for. None shows a query.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum LogVariable {
            $(#[doc = concat!($("`$", $name, "` ",)+ ": ", $what, ".")] $variant,)+
        }

        impl LogVariable {
            /// Names, without `$`, and meanings of all variables.
            pub const ALL: &[(Self, &[&str], &str)] = &[$((Self::$variant, &[$($name),+], $what),)+];

            /// The variable of this name, without `$`.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, names, _)| names.contains(&name)).map(|(variable, _, _)| *variable)
            }
        }
    };
}

variables! {
    RemoteAddr: "remote_addr" | "the_real_ip" = "the client's address",
    RemoteUser: "remote_user" = "who has logged in with a password; empty when nobody has, and for a wrong password",
    TimeLocal: "time_local" = "21/Nov/2026:10:41:02 +0000",
    TimeIso8601: "time_iso8601" = "2026-11-21T10:41:02+00:00",
    Msec: "msec" = "seconds since 1970, with milliseconds",
    Request: "request" = "method, path without its query, protocol",
    RequestMethod: "request_method" = "the method",
    RequestUri: "request_uri" | "uri" = "the path as sent, without its query",
    Scheme: "scheme" | "pass_access_scheme" = "http or https",
    Https: "https" = "on over TLS, else empty",
    Host: "host" | "http_host" | "best_http_host" | "server_name" = "the host without its port",
    ServerProtocol: "server_protocol" = "HTTP/1.0, HTTP/1.1 or HTTP/2.0",
    Status: "status" = "the status of the answer",
    BodyBytesSent: "body_bytes_sent" | "bytes_sent" = "bytes of the answer's body",
    RequestLength: "request_length" = "bytes of the request's body",
    RequestTime: "request_time" = "seconds with milliseconds, from the end of the request's header to the end of the answer",
    ProxyUpstreamName: "proxy_upstream_name" = "namespace-service-port",
    ProxyAlternativeUpstreamName: "proxy_alternative_upstream_name" = "always empty",
    UpstreamAddr: "upstream_addr" = "address and port of the endpoint of the last try",
    UpstreamStatus: "upstream_status" = "the status of the upstream's answer",
    UpstreamResponseLength: "upstream_response_length" = "bytes of the upstream's body",
    UpstreamResponseTime: "upstream_response_time" = "seconds from the start of the last try to the end of the answer",
    UpstreamConnectTime: "upstream_connect_time" = "seconds until the last try had its connection",
    UpstreamHeaderTime: "upstream_header_time" = "seconds from the start of the last try to the upstream's header",
    RequestId: "req_id" | "request_id" = "the request's ID",
    Namespace: "namespace" = "the namespace of the Ingress",
    IngressName: "ingress_name" = "the name of the Ingress",
    ServiceName: "service_name" = "the name of the Service",
    ServicePort: "service_port" = "the port of the Service",
    LocationPath: "location_path" = "the path of the rule",
    Hostname: "hostname" = "the name of the gateway's pod",
    Pid: "pid" = "the gateway's process",
}
