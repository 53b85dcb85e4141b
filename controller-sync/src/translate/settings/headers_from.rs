//! `add-headers` and `proxy-set-headers`: headers that stand in a ConfigMap of their own.

use super::draft::Draft;
use crate::store::Store;
use crate::translate::problems::Subject;
use crate::translate::quote::quoted;
use crate::translate::reference::{BadReference, resolve};
use ingora_config::settings::{HeaderLine, InvalidHeader};
use ingora_config::{NamespacedName, Problem, Reason};
use std::collections::BTreeSet;

/// The most headers of one ConfigMap, and the longest value in bytes.
pub(in crate::translate) const MAX_HEADERS: usize = 64;
pub(in crate::translate) const MAX_VALUE_BYTES: usize = 4096;

/// What decides about where a message ends and what its connection is: not for anybody to set.
pub(in crate::translate) const FRAMING: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Reads the ConfigMaps that the draft names, for a ConfigMap `owner`.
pub(super) fn read(
    draft: &mut Draft,
    subject: &Subject,
    owner: &NamespacedName,
    store: &Store,
    sources: &mut BTreeSet<NamespacedName>,
    found: &mut Vec<Problem>,
) {
    let mut lines = |key: &str, name: Option<String>| {
        name.map(|name| named(key, &name, subject, owner, store, sources, found)).unwrap_or_default()
    };
    draft.settings.headers.add_headers = lines("add-headers", draft.add_headers.take());
    draft.settings.headers.proxy_set_headers = lines("proxy-set-headers", draft.proxy_set_headers.take());
}

fn named(
    key: &str,
    name: &str,
    subject: &Subject,
    owner: &NamespacedName,
    store: &Store,
    sources: &mut BTreeSet<NamespacedName>,
    found: &mut Vec<Problem>,
) -> Vec<HeaderLine> {
    let field = format!("data[{}]", quoted(key));
    let id = match resolve(&owner.namespace, name) {
        Ok(id) => id,
        Err(error) => {
            let hint = match error {
                BadReference::NotAName => "write namespace/name of a ConfigMap".to_owned(),
                BadReference::OtherNamespace => {
                    format!("put that ConfigMap into namespace {}", owner.namespace)
                }
            };
            let message = format!("{} {error}; no header is set", quoted(name));
            found.push(subject.error(Reason::SettingInvalid, field, message, &hint));
            return Vec::new();
        }
    };
    sources.insert(id.clone());
    let Some((map, location)) = store.config_map(&id) else {
        let message = format!("ConfigMap {id} does not exist; no header is set");
        found.push(subject.error(
            Reason::ConfigMapNotFound,
            field,
            message,
            "create it, or correct the name",
        ));
        return Vec::new();
    };
    let subject = Subject::new("ConfigMap", &id, location);
    let mut lines = Vec::new();
    for (name, value) in &map.data {
        if lines.len() == MAX_HEADERS {
            let message = format!("it has more than {MAX_HEADERS} headers; the others are not set");
            found.push(subject.error(Reason::SettingInvalid, "data", message, "shorten it"));
            break;
        }
        match line(name, value.trim()) {
            Ok(line) => lines.push(line),
            Err((message, hint)) => {
                let message = format!("{message}; the header is not set");
                found.push(subject.error(
                    Reason::SettingInvalid,
                    format!("data[{}]", quoted(name)),
                    message,
                    hint,
                ));
            }
        }
    }
    lines
}

fn line(name: &str, value: &str) -> Result<HeaderLine, (String, &'static str)> {
    if FRAMING.iter().any(|framing| framing.eq_ignore_ascii_case(name)) {
        return Err((format!("{} is set by the gateway alone", quoted(name)), "remove it"));
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err((format!("the value is longer than {MAX_VALUE_BYTES} bytes"), "shorten it"));
    }
    HeaderLine::new(name, value).map_err(|error| {
        let hint = match error {
            InvalidHeader::Template(_) => "use the variables of docs/annotations/upstream_vhost.md",
            InvalidHeader::Name | InvalidHeader::Value => "correct it",
        };
        (error.to_string(), hint)
    })
}
