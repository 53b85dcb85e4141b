//! `proxy-redirect-from`, `proxy-redirect-to`: where upstreams redirect to, as clients should see it.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::replacement;
use ingora_config::policy::Replacing;

const FROM: &str = "proxy-redirect-from";
const TO: &str = "proxy-redirect-to";
const PATTERNS: Support = Support::Differs("regular expressions are matched in linear time");

pub(super) const ROWS: &[Row] = &[
    Row::new(FROM, "proxy_redirect", Scope::Location, Risk::Medium, OnBad::Ignore, PATTERNS),
    Row::new(TO, "proxy_redirect", Scope::Location, Risk::Medium, OnBad::Ignore, PATTERNS),
];

/// What the annotations ask for; where one of them is missing, the ConfigMap's counts. `None` without both.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Replacing> {
    let (from, to) = (text(reader, FROM), text(reader, TO));
    let given = if from.is_some() { FROM } else { TO };
    if from.is_none() && to.is_none() {
        return None;
    }
    let (usual_from, usual_to) = &reader.gates().proxy_redirect;
    let side = |own: Option<String>, usual: &Option<String>| own.or_else(|| usual.clone());
    let (from, to) = (side(from, usual_from), side(to, usual_to));
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) if matches!(&*from, "off" | "default") => (from, String::new()),
        (from, _) => {
            let missing = if from.is_some() { TO } else { FROM };
            let message = format!("{missing} is not there; nothing is replaced");
            reader.warn(given, message, "set both annotations, or none");
            return Some(Replacing::Off);
        }
    };
    match replacement::redirect(&from, &to) {
        Ok(replacing) => Some(replacing),
        Err(invalid) => {
            reader.bad(given, &invalid.message, &invalid.hint);
            None
        }
    }
}

fn text(reader: &mut Reader<'_, '_>, name: &str) -> Option<String> {
    reader.parse(name, |text| charset::check(text, charset::url).map(|()| text.to_owned()))
}
