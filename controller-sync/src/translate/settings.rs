//! Gateway-wide settings: flags, and the ConfigMap that `--configmap` names, key by key.
//!
//! ```text
//!   ConfigMap ──key by key──▶ Draft ──▶ Settings (one resource), Gates (for annotations)
//!      │  rows of the groups below       ▲
//!      └─ add-headers, proxy-set-headers ─┴─ further ConfigMaps (settings/headers_from.rs)
//! ```
//!
//! A key that is unknown or whose value is bad is a problem of the ConfigMap, has its default, and keeps no other key from
//! taking effect. Each group of keys is one file with one table; `settings/page.rs` writes them down for users.

use super::annotations::snippet;
use super::problems::{Owner, Problems, Subject};
use super::quote::quoted;
use super::value::{self, Invalid};
use crate::store::Store;
use draft::Draft;
use ingora_config::{NamespacedName, Problem, Reason, Settings};
use key::{Effect, Row};
use std::collections::BTreeSet;

mod access_log;
mod answers;
mod block;
mod client;
mod client_address;
mod draft;
mod gates;
mod global_auth;
mod headers;
pub(super) mod headers_from;
mod hsts;
mod key;
mod limits;
mod log_format;
mod map_pattern;
pub(super) mod page;
mod process;
mod proxy;
mod redirect;
mod snippets;
mod source_range;
mod streams;
mod tls;
pub(super) mod tls_value;
mod tracing;

pub(super) use headers_from::{FRAMING, MAX_HEADERS, MAX_VALUE_BYTES as MAX_HEADER_BYTES};

/// All keys, by group and in the order of the documentation.
const GROUPS: &[(&str, &[Row])] = &[
    ("Upstreams", proxy::ROWS),
    ("Clients", client::ROWS),
    ("Who the client is", client_address::ROWS),
    ("TLS", tls::ROWS),
    ("Strict-Transport-Security", hsts::ROWS),
    ("Redirects", redirect::ROWS),
    ("Headers", headers::ROWS),
    ("Limits", limits::ROWS),
    ("Access", source_range::ROWS),
    ("Clients that are blocked", block::ROWS),
    ("Authentication", global_auth::ROWS),
    ("Access log", access_log::ROWS),
    ("What tenants may write", gates::ROWS),
    ("Answers", answers::ROWS),
    ("The process", process::ROWS),
    ("TCP and UDP", streams::ROWS),
    ("Traces and places", tracing::ROWS),
    ("Snippets and modules of nginx", snippets::ROWS),
];

/// Unknown keys that are told one by one; a ConfigMap with more of them is another one than was meant.
const UNKNOWN_TOLD: usize = 32;

fn rows() -> impl Iterator<Item = &'static Row> {
    GROUPS.iter().flat_map(|(_, rows)| rows.iter())
}

/// What the ConfigMaps say, and which they are.
pub(super) struct Read {
    pub(super) settings: Settings,
    pub(super) gates: super::gates::Gates,
    /// The ConfigMaps that were looked for, whether they exist or not.
    pub(super) sources: BTreeSet<NamespacedName>,
}

/// Reads the ConfigMap of `--configmap`; without the flag every key has its default.
pub(super) fn read(store: &Store, problems: &mut Problems) -> Read {
    let mut found = Vec::new();
    let mut sources = BTreeSet::new();
    let mut draft = Draft::default();
    if let Some(id) = &store.options().configmap {
        sources.insert(id.clone());
        match store.config_map(id) {
            Some((map, location)) => {
                let subject = Subject::new("ConfigMap", id, location);
                let mut reading = Reading { subject: &subject, found: &mut found, ignored: Vec::new() };
                reading.keys(map.data.iter().map(|(key, value)| (key.as_str(), value.as_str())), &mut draft);
                draft.finish();
                headers_from::read(&mut draft, &subject, id, store, &mut sources, &mut found);
            }
            None => {
                let message = format!("ConfigMap {id} does not exist; every key has its default");
                let hint = "create it, or correct --configmap";
                found.push(Subject::new("ConfigMap", id, None).warning(
                    Reason::ConfigMapNotFound,
                    "",
                    message,
                    hint,
                ));
            }
        }
    }
    problems.set(Owner::Settings, found);
    Read { settings: draft.settings, gates: draft.gates, sources }
}

/// The keys of one ConfigMap on their way into a draft.
struct Reading<'a> {
    subject: &'a Subject,
    found: &'a mut Vec<Problem>,
    /// Keys that mean nothing here.
    ignored: Vec<&'static str>,
}

impl Reading<'_> {
    fn keys<'k>(&mut self, data: impl Iterator<Item = (&'k str, &'k str)>, draft: &mut Draft) {
        let mut unknown = 0;
        for (key, value) in data {
            match rows().find(|row| row.key == key) {
                // As it stands in many a chart: nobody filled it in.
                Some(_) if value.trim().is_empty() => {}
                Some(row) => self.key(row, value, draft),
                None => {
                    unknown += 1;
                    if unknown <= UNKNOWN_TOLD {
                        self.unknown(key);
                    }
                }
            }
        }
        if unknown > UNKNOWN_TOLD {
            let message = format!("{} more keys are unknown; they are ignored", unknown - UNKNOWN_TOLD);
            let hint = "see whether --configmap names the ConfigMap that was meant";
            self.found.push(self.subject.warning(Reason::SettingUnknown, "data", message, hint));
        }
        if !self.ignored.is_empty() {
            let message = format!("these keys mean nothing outside of nginx: {}", self.ignored.join(", "));
            self.found.push(self.subject.info(
                Reason::SettingIgnored,
                "data",
                message,
                "they may be removed",
            ));
        }
    }

    fn key(&mut self, row: &'static Row, value: &str, draft: &mut Draft) {
        let field = || format!("data[{}]", quoted(row.key));
        let asks = !is_default(row, value);
        match row.effect {
            Effect::Live(take) | Effect::NewConnections(take) | Effect::Start(take) => {
                if let Err(Invalid { message, hint }) = take(draft, value) {
                    let rest = match row.default {
                        _ if std::mem::take(&mut draft.global_auth.closes) => {
                            "routes that global-auth-url should protect answer 503".to_owned()
                        }
                        "" => "it is as if the key were not there".to_owned(),
                        default if default.len() > 64 => "the default holds".to_owned(),
                        default => format!("the default holds: {default}"),
                    };
                    let message = format!("{message}; {rest}");
                    self.found.push(self.subject.error(Reason::SettingInvalid, field(), message, &hint));
                }
                for Invalid { message, hint } in
                    std::mem::take(&mut draft.spoiled).into_iter().take(UNKNOWN_TOLD)
                {
                    let message = format!("{message}; the other items hold");
                    self.found.push(self.subject.error(Reason::SettingInvalid, field(), message, &hint));
                }
            }
            Effect::Ignored(_) | Effect::Dead if asks => self.ignored.push(row.key),
            Effect::NotYet(instead) if asks => {
                let message = format!("Ingora does not act on this key yet: {instead}");
                let hint = "remove it if the gateway is right without it";
                self.found.push(self.subject.warning(Reason::SettingUnsupported, field(), message, hint));
            }
            Effect::Unprotected(why) if asks => {
                let message = format!("Ingora does not act on this key: {why}");
                let hint = "remove it if the gateway may serve without it";
                self.found.push(self.subject.error(Reason::SettingUnsupported, field(), message, hint));
            }
            Effect::Refused(why, instead) => {
                let message = format!("{why}; the key is ignored");
                let advice = row.key.ends_with("-snippet").then(|| snippet::advice(value)).flatten();
                let instead = advice.as_deref().unwrap_or(instead);
                self.found.push(self.subject.error(Reason::SettingUnsupported, field(), message, instead));
            }
            Effect::Ignored(_) | Effect::Dead | Effect::NotYet(_) | Effect::Unprotected(_) => {}
        }
    }

    fn unknown(&mut self, key: &str) {
        let near = value::nearest(key, rows().map(|row| row.key));
        let hint = match near {
            Some(near) => format!("did you mean {near}?"),
            None => "correct its name, or remove it".to_owned(),
        };
        let message = "there is no such key; it is ignored".to_owned();
        let field = format!("data[{}]", quoted(key));
        self.found.push(self.subject.warning(Reason::SettingUnknown, field, message, &hint));
    }
}

/// Whether a value says what holds without it.
fn is_default(row: &Row, value: &str) -> bool {
    let truth = |text: &str| if row.form == key::BOOL { value::boolean(text).ok() } else { None };
    value.trim() == row.default || truth(value).is_some_and(|value| truth(row.default) == Some(value))
}

#[cfg(test)]
mod tests;
