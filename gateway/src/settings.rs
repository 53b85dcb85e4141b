//! Settings as requests use them: whatever can be worked out beforehand is, when they are published.
//!
//! What nobody set costs a request a look at an empty list at most.

use crate::client_address;
use crate::filters::source_range;
use http::header::{HeaderName, HeaderValue};
use ingora_config::Settings;
use ingora_config::settings::{AccessLog, HeaderLine, Hsts, LogFormat, UrlPattern};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use regex::Regex;

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
    /// Who may ask at all; `None` when the settings leave that to the routes.
    pub source_range: Option<source_range::Defaults>,
}

/// A header that is set, or removed where it has no value.
pub type SetHeader = (HeaderName, Option<HeaderValue>);

/// The access log.
#[derive(Debug)]
pub struct LogSettings {
    enabled: bool,
    default_backend: bool,
    skip_texts: Box<[String]>,
    skip_expressions: Box<[Regex]>,
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
            source_range: source_range::Defaults::new(&settings.source_range),
        }
    }

    /// Sets `add-headers` on an answer.
    ///
    /// # Errors
    /// When the header map is full.
    pub fn add_to(&self, response: &mut ResponseHeader) -> Result<()> {
        for (name, value) in &self.add_headers {
            match value {
                Some(value) => response.insert_header(name, value)?,
                None => drop(response.remove_header(name)),
            }
        }
        Ok(())
    }

    /// Sets `proxy-set-headers` on a request to an upstream.
    ///
    /// # Errors
    /// When the header map is full.
    pub fn set_on(&self, request: &mut RequestHeader) -> Result<()> {
        for (name, value) in &self.proxy_set_headers {
            match value {
                Some(value) => request.insert_header(name, value)?,
                None => drop(request.remove_header(name)),
            }
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

fn lines(lines: &[HeaderLine]) -> Box<[SetHeader]> {
    let compile = |line: &HeaderLine| {
        let name = HeaderName::try_from(line.name()).ok()?;
        let value = match line.value() {
            "" => None,
            value => Some(HeaderValue::try_from(value).ok()?),
        };
        Some((name, value))
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
        let texts = settings.skip_urls.iter().filter_map(|pattern| match pattern {
            UrlPattern::Exact(text) => Some(text.clone()),
            UrlPattern::Regex { .. } => None,
        });
        Self {
            enabled: settings.enabled,
            default_backend: settings.default_backend,
            skip_texts: texts.collect(),
            skip_expressions: settings.skip_urls.iter().filter_map(UrlPattern::compiled).collect(),
            format: settings.format.clone(),
        }
    }

    /// Whether a request for this target, query included, is logged; `unrouted` is one that no rule took.
    pub fn wants(&self, target: &str, unrouted: bool) -> bool {
        self.enabled
            && (self.default_backend || !unrouted)
            && !self.skip_texts.iter().any(|text| text.eq_ignore_ascii_case(target))
            && !self.skip_expressions.iter().any(|expression| expression.is_match(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            UrlPattern::Exact("/healthz".into()),
            UrlPattern::regex("^/static/".into(), false).unwrap(),
            UrlPattern::regex("\\.ICO$".into(), true).unwrap(),
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
