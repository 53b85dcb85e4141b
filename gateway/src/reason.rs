//! Why the gateway itself answered, in one place: reason → status, metric label, log field.
//!
//! Whatever is not proxied ends in exactly one of these; `proxied` answers carry no reason.

use http::StatusCode;

/// Why the gateway answered a request itself, or cut it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The request is malformed or its framing is ambiguous (RFC 9112 section 11).
    BadRequest,
    /// A transfer coding other than `chunked` (RFC 9112 section 6.1).
    UnknownTransferCoding,
    /// The header did not arrive in time.
    HeaderTimeout,
    /// The request line is too long.
    UriTooLong,
    /// The header is too large or has too many lines.
    HeaderTooLarge,
    /// A method that is not served: CONNECT, TRACE.
    MethodNotAllowed,
    /// `Expect` with anything but `100-continue`.
    ExpectationFailed,
    /// A health check of a load balancer.
    HealthCheck,
    /// No host or path matches.
    NoRoute,
    /// A rule whose backend is not a Service.
    BackendUnsupported,
    /// A path that lacks its final slash.
    AddSlash,
    /// `app-root`: the root of the host is elsewhere.
    AppRoot,
    /// An annotation that should protect the route is broken.
    Denied,
    /// A CORS preflight request, answered for the upstream.
    Preflight,
    /// `permanent-redirect`, `temporal-redirect`, `from-to-www-redirect`.
    Redirect,
    /// `ssl-redirect`, `force-ssl-redirect`.
    HttpsRedirect,
    /// More requests than `limit-rps` or `limit-rpm` allow.
    RateLimited,
    /// More requests at the same time than `limit-connections` allows.
    ConnectionLimited,
    /// The authorities of the host's client certificates (`auth-tls-secret`) are missing.
    AuthorityMissing,
    /// The host demands a client certificate, and there is none.
    CertificateMissing,
    /// The client's certificate is not valid.
    CertificateInvalid,
    /// `auth-tls-match-cn`: the client's certificate is somebody else's.
    CertificateForbidden,
    /// The connection was opened for another host, which asks for other client certificates (RFC 9110 section 15.5.20).
    MisdirectedRequest,
    /// No user of basic authentication, or the wrong password.
    Unauthorized,
    /// Too many passwords wait to be verified.
    LoginsOverloaded,
    /// The client says of itself what is refused: `block-user-agents`, `block-referers`.
    Blocked,
    /// The client is on a deny list, or not on the allow list.
    SourceForbidden,
    /// `auth-url`: the service says that the client must identify itself.
    ExternalAuthUnauthorized,
    /// `auth-url`: the service forbids the request.
    ExternalAuthForbidden,
    /// `auth-url`: the service gave no answer that counts.
    ExternalAuthFailed,
    /// `auth-signin`: the client is sent to where it can identify itself.
    SignIn,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The upstream has no endpoint.
    NoEndpoints,
    /// No endpoint could be connected to.
    ConnectFailed,
    /// No endpoint could be connected to in time.
    ConnectTimeout,
    /// The upstream did not answer in time.
    UpstreamTimeout,
    /// The upstream broke the connection or sent something that is not HTTP.
    UpstreamBroken,
    /// The upstream is not who `proxy-ssl-verify` says, or its TLS is not what it must be. Nothing was sent to it.
    UpstreamUntrusted,
    /// More connections or requests than the gateway takes.
    Overloaded,
    /// The client left before the answer was complete; status 499, which only the log sees.
    ClientClosed,
    /// A fault of our own.
    Internal,
}

impl Reason {
    /// All reasons, for tables and metrics.
    pub const ALL: [Self; 42] = [
        Self::BadRequest,
        Self::UnknownTransferCoding,
        Self::HeaderTimeout,
        Self::UriTooLong,
        Self::HeaderTooLarge,
        Self::MethodNotAllowed,
        Self::ExpectationFailed,
        Self::HealthCheck,
        Self::NoRoute,
        Self::BackendUnsupported,
        Self::AddSlash,
        Self::AppRoot,
        Self::Denied,
        Self::Preflight,
        Self::Redirect,
        Self::HttpsRedirect,
        Self::RateLimited,
        Self::ConnectionLimited,
        Self::AuthorityMissing,
        Self::CertificateMissing,
        Self::CertificateInvalid,
        Self::CertificateForbidden,
        Self::MisdirectedRequest,
        Self::Unauthorized,
        Self::LoginsOverloaded,
        Self::Blocked,
        Self::SourceForbidden,
        Self::ExternalAuthUnauthorized,
        Self::ExternalAuthForbidden,
        Self::ExternalAuthFailed,
        Self::SignIn,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::NoEndpoints,
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::UpstreamTimeout,
        Self::UpstreamBroken,
        Self::UpstreamUntrusted,
        Self::Overloaded,
        Self::ClientClosed,
        Self::Internal,
    ];

    /// The status the client gets. 499 is never sent.
    pub const fn status(self) -> u16 {
        match self {
            Self::HealthCheck => 200,
            Self::Preflight => 204,
            Self::AddSlash => 301,
            Self::AppRoot | Self::Redirect | Self::SignIn => 302,
            Self::HttpsRedirect => 308,
            Self::BadRequest | Self::CertificateMissing | Self::CertificateInvalid => 400,
            Self::MisdirectedRequest => 421,
            Self::Unauthorized | Self::ExternalAuthUnauthorized => 401,
            Self::Blocked
            | Self::SourceForbidden
            | Self::ExternalAuthForbidden
            | Self::AuthorityMissing
            | Self::CertificateForbidden => 403,
            Self::NoRoute | Self::BackendUnsupported => 404,
            Self::MethodNotAllowed => 405,
            Self::HeaderTimeout | Self::BodyTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::UriTooLong => 414,
            Self::ExpectationFailed => 417,
            Self::HeaderTooLarge => 431,
            Self::ClientClosed => 499,
            Self::Internal | Self::ExternalAuthFailed => 500,
            Self::UnknownTransferCoding => 501,
            Self::ConnectFailed | Self::UpstreamBroken | Self::UpstreamUntrusted => 502,
            Self::NoEndpoints
            | Self::Overloaded
            | Self::LoginsOverloaded
            | Self::Denied
            | Self::RateLimited
            | Self::ConnectionLimited => 503,
            Self::ConnectTimeout | Self::UpstreamTimeout => 504,
        }
    }

    /// The metric label and the log field.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::UnknownTransferCoding => "unknown_transfer_coding",
            Self::HeaderTimeout => "header_timeout",
            Self::UriTooLong => "uri_too_long",
            Self::HeaderTooLarge => "header_too_large",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ExpectationFailed => "expectation_failed",
            Self::HealthCheck => "health_check",
            Self::NoRoute => "no_route",
            Self::BackendUnsupported => "backend_unsupported",
            Self::AddSlash => "add_slash",
            Self::AppRoot => "app_root",
            Self::Denied => "denied",
            Self::Preflight => "preflight",
            Self::Redirect => "redirect",
            Self::HttpsRedirect => "https_redirect",
            Self::RateLimited => "rate_limited",
            Self::ConnectionLimited => "connection_limited",
            Self::AuthorityMissing => "authority_missing",
            Self::CertificateMissing => "certificate_missing",
            Self::CertificateInvalid => "certificate_invalid",
            Self::CertificateForbidden => "certificate_forbidden",
            Self::MisdirectedRequest => "misdirected_request",
            Self::Unauthorized => "unauthorized",
            Self::LoginsOverloaded => "logins_overloaded",
            Self::Blocked => "blocked",
            Self::SourceForbidden => "source_forbidden",
            Self::ExternalAuthUnauthorized => "external_auth_unauthorized",
            Self::ExternalAuthForbidden => "external_auth_forbidden",
            Self::ExternalAuthFailed => "external_auth_failed",
            Self::SignIn => "sign_in",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::NoEndpoints => "no_endpoints",
            Self::ConnectFailed => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamBroken => "upstream_broken",
            Self::UpstreamUntrusted => "upstream_untrusted",
            Self::Overloaded => "overloaded",
            Self::ClientClosed => "client_closed",
            Self::Internal => "internal",
        }
    }
}

/// The sentence of a page, by status, in nginx' words where nginx has them.
pub fn phrase(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        302 => "Found",
        401 => "Authorization Required",
        408 => "Request Time-out",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        431 => "Request Header Or Cookie Too Large",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        status => StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Error"),
    }
}
