//! Settings as requests use them: whatever can be worked out beforehand is, when they are published.
//!
//! What nobody set costs a request a look at an empty list at most.

use crate::client_address;
use crate::filters::block::Block;
use crate::filters::compression::Compression;
use crate::filters::proxy_cookie::ProxyCookie;
use crate::filters::proxy_redirect::ProxyRedirect;
use crate::filters::source_range;
use crate::proxy::Context;
use crate::template::Scope;
use crate::texts::Texts;
use http::header::{HeaderName, HeaderValue};
use ingora_config::settings::{AccessLog, HeaderLine, HeaderText, Hsts, LogFormat};
use ingora_config::{Settings, Template};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};

/// The settings of one generation, worked out.
#[derive(Debug)]
pub struct CompiledSettings {
    /// `Strict-Transport-Security`; `None` sends none.
    pub hsts: Option<HeaderValue>,
    /// `hide-headers`.
    pub hide_headers: Box<[HeaderName]>,
    /// `add-headers`; without a value the header is removed.
    pub add_headers: Box<[SetHeader]>,
    /// `proxy-set-headers`, alike.
    pub proxy_set_headers: Box<[SetHeader]>,
    /// The access log.
    pub log: LogSettings,
    /// Who a client is.
    pub client_address: client_address::Rule,
    /// Who is refused by what it says of itself; `None` is nobody.
    pub block: Option<Block>,
    /// Who may ask at all; `None` when the settings leave that to the routes.
    pub source_range: Option<source_range::Defaults>,
    /// What becomes of the cookies of upstreams.
    pub proxy_cookie: ProxyCookie,
    /// What becomes of their redirects.
    pub proxy_redirect: Option<ProxyRedirect>,
    /// Compression; `None` when it is off.
    pub compression: Option<Compression>,
}

/// A header that is set.
#[derive(Debug)]
pub struct SetHeader {
    name: HeaderName,
    value: SetTo,
}

/// What a header is set to.
#[derive(Debug)]
enum SetTo {
    /// It is removed.
    Nothing,
    /// The same for every message.
    Fixed(HeaderValue),
    /// Worked out for each.
    Template(Template),
}

impl SetHeader {
    /// The value; `None` removes the header. Without a route nothing can be worked out.
    fn value(&self, scope: Option<Scope<'_>>) -> Option<HeaderValue> {
        match &self.value {
            SetTo::Nothing => None,
            SetTo::Fixed(value) => Some(value.clone()),
            // As in nginx, an empty header is none.
            SetTo::Template(template) => scope?.header(template).ok().filter(|value| !value.is_empty()),
        }
    }

    /// Sets it on an answer.
    ///
    /// # Errors
    /// When the header map is full.
    pub fn set_on_answer(&self, response: &mut ResponseHeader, scope: Option<Scope<'_>>) -> Result<()> {
        match self.value(scope) {
            Some(value) => response.insert_header(&self.name, value),
            None => {
                response.remove_header(&self.name);
                Ok(())
            }
        }
    }

    fn set_on_request(&self, request: &mut RequestHeader, value: Option<HeaderValue>) -> Result<()> {
        match value {
            Some(value) => request.insert_header(&self.name, value),
            None => {
                request.remove_header(&self.name);
                Ok(())
            }
        }
    }
}

/// The access log.
#[derive(Debug)]
pub struct LogSettings {
    enabled: bool,
    default_backend: bool,
    skip_urls: Texts,
    /// `log-format-upstream`; `None` is the format of the flag.
    pub format: Option<LogFormat>,
}

impl Default for CompiledSettings {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}

impl CompiledSettings {
    /// Works them out.
    pub fn new(settings: &Settings) -> Self {
        let headers = &settings.headers;
        let hide = headers.hide_headers.iter().filter_map(|name| HeaderName::try_from(name.as_str()).ok());
        Self {
            hsts: hsts(&settings.hsts),
            hide_headers: hide.collect(),
            add_headers: lines(&headers.add_headers),
            proxy_set_headers: lines(&headers.proxy_set_headers),
            log: LogSettings::new(&settings.access_log),
            client_address: client_address::Rule::new(&settings.client_address),
            block: Block::compile(&settings.block),
            source_range: source_range::Defaults::new(&settings.source_range),
            proxy_cookie: ProxyCookie::compile(&settings.proxy_cookie),
            proxy_redirect: settings.proxy_redirect.as_ref().map(ProxyRedirect::compile),
            compression: Compression::compile(&settings.compression),
        }
    }

    /// Sets `add-headers` on an answer; variables need a `scope`.
    ///
    /// # Errors
    /// When the header map is full.
    pub fn add_to(&self, response: &mut ResponseHeader, scope: Option<Scope<'_>>) -> Result<()> {
        self.add_headers.iter().try_for_each(|line| line.set_on_answer(response, scope))
    }

    /// Sets `proxy-set-headers` on a request to an upstream; `client` is the request as it came.
    ///
    /// # Errors
    /// When the header map is full.
    pub fn set_on(&self, client: &RequestHeader, request: &mut RequestHeader, ctx: &Context) -> Result<()> {
        for line in &self.proxy_set_headers {
            line.set_on_request(request, line.value(Scope::of(client, ctx)))?;
        }
        Ok(())
    }
}

/// RFC 6797 section 6.1.
fn hsts(settings: &Hsts) -> Option<HeaderValue> {
    let subdomains = if settings.include_subdomains { "; includeSubDomains" } else { "" };
    let preload = if settings.preload { "; preload" } else { "" };
    let value = format!("max-age={}{subdomains}{preload}", settings.max_age);
    settings.enabled.then(|| HeaderValue::try_from(value).expect("digits and fixed words are a header value"))
}

/// Works out what can be worked out of headers beforehand.
pub fn lines(lines: &[HeaderLine]) -> Box<[SetHeader]> {
    let compile = |line: &HeaderLine| {
        let name = HeaderName::try_from(line.name()).ok()?;
        let value = match line.value() {
            HeaderText::Fixed(text) if text.is_empty() => SetTo::Nothing,
            HeaderText::Fixed(text) => SetTo::Fixed(HeaderValue::try_from(text).ok()?),
            HeaderText::Template(template) => SetTo::Template(template.clone()),
        };
        Some(SetHeader { name, value })
    };
    lines.iter().filter_map(compile).collect()
}

impl Default for LogSettings {
    fn default() -> Self {
        Self::new(&AccessLog::default())
    }
}

impl LogSettings {
    fn new(settings: &AccessLog) -> Self {
        Self {
            enabled: settings.enabled,
            default_backend: settings.default_backend,
            skip_urls: Texts::compile(&settings.skip_urls),
            format: settings.format.clone(),
        }
    }

    /// Whether a request for this target, query included, is logged; `unrouted` is one that no rule took.
    pub fn wants(&self, target: &str, unrouted: bool) -> bool {
        self.enabled && (self.default_backend || !unrouted) && !self.skip_urls.have(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingora_config::settings::MapPattern;

    #[test]
    fn nothing_is_worked_out_for_what_nobody_set() {
        let settings = CompiledSettings::default();
        assert_eq!(settings.hsts.unwrap(), "max-age=31536000; includeSubDomains");
        assert!(settings.hide_headers.is_empty() && settings.add_headers.is_empty());
        assert!(settings.log.wants("/", true) && settings.log.format.is_none());
    }

    #[test]
    fn what_is_skipped_is_a_whole_text_or_an_expression() {
        let skip_urls = vec![
            MapPattern::Exact("/healthz".into()),
            MapPattern::regex("^/static/".into(), false).unwrap(),
            MapPattern::regex("\\.ICO$".into(), true).unwrap(),
        ];
        let settings = Settings {
            access_log: AccessLog { skip_urls, default_backend: false, ..AccessLog::default() },
            ..Settings::default()
        };
        let log = CompiledSettings::new(&settings).log;
        for target in ["/healthz", "/HEALTHZ", "/static/x", "/favicon.ico"] {
            assert!(!log.wants(target, false), "{target}");
        }
        for target in ["/healthz?x", "/STATIC/x", "/"] {
            assert!(log.wants(target, false), "{target}");
        }
        assert!(!log.wants("/", true));
    }
}
