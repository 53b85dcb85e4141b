//! `custom-headers`: headers of answers, from a ConfigMap.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::object::ConfigMap;
use crate::translate::quote::quoted;
use crate::translate::settings::{FRAMING, MAX_HEADER_BYTES, MAX_HEADERS};
use ingora_config::Reason;
use ingora_config::policy::CustomHeaders;
use ingora_config::settings::HeaderLine;

const NAME: &str = "custom-headers";

pub(super) const ROWS: &[Row] =
    &[Row::new(NAME, "custom_headers", Scope::Location, Risk::Medium, OnBad::Deny, Support::Full)];

/// What the annotation asks for; `None` without it.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<CustomHeaders> {
    let text = reader.text(NAME)?;
    let (id, map) = match reader.config_map(&text) {
        Ok(found) => found,
        Err(error) => {
            let hint = "write the name of a ConfigMap of the Ingress' own namespace";
            reader.bad(NAME, &format!("{} {error}", quoted(&text)), hint);
            return None;
        }
    };
    let Some(map) = map else {
        let what = format!("ConfigMap {id} does not exist");
        reader.deny(Reason::ConfigMapNotFound, NAME, &what, "create it, or correct the name");
        return None;
    };
    match lines(map, &reader.gates().allowed_response_headers) {
        Ok(lines) => Some(CustomHeaders { lines }),
        Err((what, hint)) => {
            reader.bad(NAME, &format!("ConfigMap {id}: {what}"), hint);
            None
        }
    }
}

/// One bad header makes all of them bad, as in ingress-nginx.
fn lines(map: &ConfigMap, allowed: &[String]) -> Result<Vec<HeaderLine>, (String, &'static str)> {
    if map.data.len() > MAX_HEADERS {
        return Err((format!("it has more than {MAX_HEADERS} headers"), "shorten it"));
    }
    map.data.iter().map(|(name, value)| line(name, value.trim(), allowed)).collect()
}

fn line(name: &str, value: &str, allowed: &[String]) -> Result<HeaderLine, (String, &'static str)> {
    if FRAMING.iter().any(|framing| framing.eq_ignore_ascii_case(name)) {
        return Err((format!("{} is set by the gateway alone", quoted(name)), "remove it"));
    }
    if !allowed.iter().any(|allowed| allowed == name) {
        let hint = "ask whoever runs the gateway to list it there, in the same letters";
        return Err((format!("{} is not in global-allowed-response-headers", quoted(name)), hint));
    }
    if value.len() > MAX_HEADER_BYTES {
        let what = format!("the value of {} is longer than {MAX_HEADER_BYTES} bytes", quoted(name));
        return Err((what, "shorten it"));
    }
    HeaderLine::fixed(name, value).map_err(|error| (format!("{}: {error}", quoted(name)), "correct it"))
}
