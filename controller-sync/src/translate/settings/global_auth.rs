//! External authentication for every location that has none of its own, and locations that need no credentials.

use super::draft::set;
use super::key::Effect::Live;
use super::key::{BOOL, Row, TEXT};
use crate::translate::annotations::KEEPALIVE;
use crate::translate::external_auth;
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::Template;
use ingora_config::policy::{AuthCache, AuthDuration, AuthMethod, AuthService, ExternalAuth};
use ingora_config::settings::GlobalAuth;

const CLOSES: &str =
    "With a value that cannot be used, routes without authentication of their own answer 503.";

pub(super) const ROWS: &[Row] = &[
    Row::new("global-auth-url", TEXT, "", Live(|d, v| d.global_auth.url(v))).note(CLOSES),
    Row::new(
        "global-auth-method",
        TEXT,
        "",
        Live(|d, v| d.global_auth.closing(v, external_auth::method, |auth| &mut auth.method)),
    )
    .note(CLOSES),
    Row::new("global-auth-signin", TEXT, "", Live(|d, v| d.global_auth.signin(v))),
    Row::new(
        "global-auth-signin-redirect-param",
        TEXT,
        "rd",
        Live(|d, v| {
            set(&mut d.global_auth.redirect_param, external_auth::redirect_param(v.trim()).map(Some))
        }),
    ),
    Row::new(
        "global-auth-response-headers",
        TEXT,
        "",
        Live(|d, v| {
            d.global_auth.closing(v, external_auth::response_headers, |auth| &mut auth.response_headers)
        }),
    )
    .note(CLOSES),
    Row::new(
        "global-auth-request-redirect",
        TEXT,
        "",
        Live(|d, v| {
            set(&mut d.global_auth.request_redirect, external_auth::request_redirect(v.trim()).map(Some))
        }),
    ),
    Row::new(
        "global-auth-cache-key",
        TEXT,
        "",
        Live(|d, v| set(&mut d.global_auth.cache_key, external_auth::cache_key(v.trim()).map(Some))),
    ),
    Row::new(
        "global-auth-cache-duration",
        TEXT,
        external_auth::DURATIONS,
        Live(|d, v| d.global_auth.closing(v, external_auth::durations, |auth| &mut auth.durations)),
    )
    .note(CLOSES),
    Row::new(
        "global-auth-always-set-cookie",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.global_auth.always_set_cookie, value::boolean(v))),
    ),
    Row::new(
        "no-auth-locations",
        "list of paths",
        "/.well-known/acme-challenge",
        Live(|d, v| {
            d.settings.no_auth_locations.0 = d.list(v, path);
            Ok(())
        }),
    )
    .note("Prefixes, as text, of the paths of rules: those ask for no credentials of any kind."),
];

/// The `global-auth-*` keys read so far.
#[derive(Default)]
pub(in crate::translate) struct GlobalAuthDraft {
    /// Whether somebody is to be asked, whoever that is.
    wanted: bool,
    /// A key without which nobody knows what its author wants kept out.
    broken: bool,
    /// The key just read is such a one, and its problem says so.
    pub(super) closes: bool,
    service: Option<(AuthService, Template)>,
    method: Option<AuthMethod>,
    signin: Option<String>,
    redirect_param: Option<String>,
    response_headers: Option<Vec<String>>,
    request_redirect: Option<String>,
    cache_key: Option<Template>,
    durations: Option<Vec<AuthDuration>>,
    always_set_cookie: bool,
}

impl GlobalAuthDraft {
    fn url(&mut self, text: &str) -> Parsed<()> {
        self.wanted = true;
        self.closing(text, |text| external_auth::url(text, None), |auth| &mut auth.service)
    }

    /// Takes a key that must not be ignored.
    fn closing<T>(
        &mut self,
        text: &str,
        parse: impl FnOnce(&str) -> Parsed<T>,
        place: impl FnOnce(&mut Self) -> &mut Option<T>,
    ) -> Parsed<()> {
        match parse(text.trim()) {
            Ok(value) => *place(self) = Some(value),
            Err(invalid) => {
                (self.broken, self.closes) = (true, true);
                return Err(invalid);
            }
        }
        Ok(())
    }

    fn signin(&mut self, text: &str) -> Parsed<()> {
        external_auth::signin(text.trim(), external_auth::REDIRECT_PARAM)?;
        self.signin = Some(text.trim().to_owned());
        Ok(())
    }

    /// Puts together what the keys say.
    pub(super) fn finish(self) -> GlobalAuth {
        let Some((service, target)) = self.service.filter(|_| !self.broken) else {
            return if self.wanted { GlobalAuth::Broken } else { GlobalAuth::None };
        };
        let param = self.redirect_param.as_deref().unwrap_or(external_auth::REDIRECT_PARAM);
        let durations = self.durations.or_else(|| external_auth::durations(external_auth::DURATIONS).ok());
        GlobalAuth::Ask(Box::new(ExternalAuth {
            service,
            target,
            method: self.method,
            signin: self.signin.and_then(|text| external_auth::signin(&text, param).ok()),
            response_headers: self.response_headers.unwrap_or_default(),
            request_redirect: self.request_redirect,
            set_headers: Vec::new(),
            cache: self.cache_key.zip(durations).map(|(key, durations)| AuthCache { key, durations }),
            always_set_cookie: self.always_set_cookie,
            keepalive_timeout: KEEPALIVE,
        }))
    }
}

/// The longest beginning of a path, in bytes.
const MAX_PATH_BYTES: usize = 1024;

/// What a path begins with.
fn path(text: &str) -> Parsed<String> {
    if !text.starts_with('/') || text.len() > MAX_PATH_BYTES {
        return Err(Invalid::new(text, "is no beginning of a path", "write a path such as /public"));
    }
    Ok(text.to_owned())
}
