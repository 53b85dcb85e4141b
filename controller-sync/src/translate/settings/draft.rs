//! Settings while the keys of a ConfigMap are read, one after the other.

use super::global_auth::GlobalAuthDraft;
use crate::translate::gates::Gates;
use crate::translate::replacement;
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::Settings;
use ingora_config::settings::{LogEscape, LogFormat, LogPart};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// The most items of a list.
const MAX_ITEMS: usize = 4096;

/// What the keys read so far say. Keys that only together say something stand beside the settings until all are read.
#[derive(Default)]
pub(in crate::translate) struct Draft {
    pub(in crate::translate) settings: Settings,
    pub(in crate::translate) gates: Gates,
    /// What is wrong with items of the list just read; its other items count.
    pub(super) spoiled: Vec<Invalid>,
    pub(super) disable_access_log: bool,
    pub(super) disable_http_access_log: bool,
    pub(super) log_format: Option<Vec<LogPart>>,
    pub(super) escape_json: bool,
    pub(super) escape_none: bool,
    pub(super) global_auth: GlobalAuthDraft,
    /// Names of ConfigMaps, as written.
    pub(super) add_headers: Option<String>,
    pub(super) proxy_set_headers: Option<String>,
}

/// Puts a value in its place.
pub(super) fn set<T>(place: &mut T, value: Parsed<T>) -> Parsed<()> {
    *place = value?;
    Ok(())
}

impl Draft {
    /// The items of a list that can be used; the others are noted.
    pub(super) fn list<T>(&mut self, text: &str, item: impl FnMut(&str) -> Parsed<T>) -> Vec<T> {
        let list = value::list(text, MAX_ITEMS, item);
        self.spoiled.extend(list.invalid);
        list.items
    }

    /// A list of those who are let in. When none of its items can be used it lets in nobody, not everybody.
    pub(super) fn allowed(&mut self, text: &str) -> Vec<IpNet> {
        let items = self.list(text, value::network);
        if items.is_empty() && !self.spoiled.is_empty() {
            return NOBODY.to_vec();
        }
        items
    }

    /// Puts the two sides of `proxy-redirect` together once both are there.
    pub(super) fn redirect(&mut self) -> Parsed<()> {
        let (Some(from), Some(to)) = &self.gates.proxy_redirect else { return Ok(()) };
        set(&mut self.settings.proxy_redirect, replacement::redirect(from, to).map(replacement::unless_off))
    }

    /// Puts together what several keys say.
    pub(super) fn finish(&mut self) {
        let log = &mut self.settings.access_log;
        log.enabled = !(self.disable_access_log || self.disable_http_access_log);
        let escape = match (self.escape_none, self.escape_json) {
            (true, _) => LogEscape::None,
            (false, true) => LogEscape::Json,
            (false, false) => LogEscape::Default,
        };
        log.format = self.log_format.take().map(|parts| LogFormat { escape, parts });
        self.settings.global_auth = std::mem::take(&mut self.global_auth).finish();
    }
}

/// An address that no client has (RFC 1122 section 3.2.1.3).
const NOBODY: [IpNet; 1] = [IpNet::new_assert(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 32)];
