//! `affinity`, `session-cookie-*`: clients stay with their endpoint. `affinity-canary-behavior` is a canary's own.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::policy::{Affinity, AffinityMode, SessionCookie};

const ROUTE: Support =
    Support::Differs("belongs to the routes of the Ingress, not to every route of the same Service");
const PATH: Support = Support::Differs(
    "without it the cookie's path is the rule's, and of a regular expression what comes before the expression",
);
const FEATURE: &str = "affinity";
const DEFAULT_NAME: &str = "INGRESSCOOKIE";

const fn row(name: &'static str, risk: Risk, support: Support) -> Row {
    Row::new(name, FEATURE, Scope::Ingress, risk, OnBad::Ignore, support)
}

pub(super) const ROWS: &[Row] = &[
    row("affinity", Risk::Low, ROUTE),
    row("affinity-mode", Risk::Medium, Support::Full),
    row("session-cookie-name", Risk::Medium, Support::Full),
    row("session-cookie-secure", Risk::Low, Support::Full),
    row("session-cookie-path", Risk::Medium, PATH),
    row("session-cookie-domain", Risk::Medium, Support::Full),
    row("session-cookie-samesite", Risk::Low, Support::Full),
    row("session-cookie-conditional-samesite-none", Risk::Low, Support::Full),
    row("session-cookie-expires", Risk::Medium, Support::Full),
    row("session-cookie-max-age", Risk::Medium, Support::Full),
    row("session-cookie-change-on-failure", Risk::Low, Support::Full),
];

const MODES: [(&str, AffinityMode); 2] =
    [("balanced", AffinityMode::Balanced), ("persistent", AffinityMode::Persistent)];
const SAME_SITE: [(&str, ()); 3] = [("none", ()), ("lax", ()), ("strict", ())];
/// The longest text of a cookie's attributes, in bytes: browsers drop longer ones (RFC 6265bis section 5.6).
const MAX_TEXT: usize = 1024;

/// What the annotations ask for; `None` without `affinity`.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Affinity> {
    let wanted = reader.parse(FEATURE, |text| value::word(text, &[("cookie", ())])).is_some();
    let affinity = Affinity {
        mode: reader.parse("affinity-mode", |text| value::word(text, &MODES)).unwrap_or_default(),
        change_on_failure: reader.bool("session-cookie-change-on-failure").unwrap_or(false),
        cookie: cookie(reader),
    };
    if wanted {
        return Some(affinity);
    }
    if reader.text(FEATURE).is_none() {
        tell_without_effect(reader);
    }
    None
}

fn cookie(reader: &mut Reader<'_, '_>) -> SessionCookie {
    let basic = |text: &str| checked(text, charset::basic);
    let url = |text: &str| checked(text, |byte| charset::basic(byte) || b",?&=".contains(&byte));
    SessionCookie {
        name: reader.parse("session-cookie-name", basic).unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        secure: reader.bool("session-cookie-secure").unwrap_or(false),
        path: reader.parse("session-cookie-path", url),
        domain: reader.parse("session-cookie-domain", basic),
        // Browsers mind no case; the conditional None does, and so it is kept.
        same_site: reader.parse("session-cookie-samesite", |text| {
            value::word(text, &SAME_SITE).map(|()| text.trim().to_owned())
        }),
        conditional_same_site_none: reader.bool("session-cookie-conditional-samesite-none").unwrap_or(false),
        expires: reader.int("session-cookie-expires"),
        max_age: reader.int("session-cookie-max-age"),
    }
}

fn checked(text: &str, allowed: impl Fn(u8) -> bool) -> Parsed<String> {
    charset::check(text, allowed)?;
    if text.len() > MAX_TEXT {
        return Err(Invalid::new(text, &format!("is longer than {MAX_TEXT} bytes"), "shorten it"));
    }
    Ok(text.to_owned())
}

fn tell_without_effect(reader: &mut Reader<'_, '_>) {
    let idle = ROWS.iter().map(|row| row.name).find(|name| reader.text(name).is_some());
    if let Some(name) = idle {
        let message = "without affinity there are no sessions, and it does nothing".to_owned();
        reader.warn(name, message, "set affinity to cookie, or remove it");
    }
}
