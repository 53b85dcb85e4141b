//! Names of `server-alias` that are neither exact nor of one label: looked at after the hosts of rules and before rules without
//! a host, so that no alias takes what a rule names.
//!
//! ```text
//!   a.b.example.com ─▶ *.b.example.com ─▶ *.example.com ─▶ *.com      (the longest first, as in nginx)
//!                   ─▶ ~patterns, by the host they belong to, then by their text (the order of ingress-nginx)
//! ```

use super::host::HostTable;
use super::map::Map;
use ahash::RandomState;
use ingora_config::{Host, HostRole};
use regex::bytes::Regex;
use std::sync::Arc;

/// The aliases of all hosts. Costs a look-up nothing while there are none.
#[derive(Clone, Debug, Default)]
pub(super) struct Aliases {
    subdomains: Map<HostTable>,
    patterns: Arc<Vec<Pattern>>,
}

#[derive(Clone, Debug)]
struct Pattern {
    regex: Regex,
    host: Arc<HostTable>,
}

impl Aliases {
    pub(super) fn find(&self, state: &RandomState, name: &str) -> Option<&Arc<HostTable>> {
        if !self.subdomains.is_empty()
            && let Some(host) = self.below(state, name)
        {
            return Some(host);
        }
        let taken = |pattern: &&Pattern| pattern.regex.is_match(name.as_bytes());
        self.patterns.iter().find(taken).map(|pattern| &pattern.host)
    }

    fn below(&self, state: &RandomState, name: &str) -> Option<&Arc<HostTable>> {
        let mut rest = name;
        // A name of 255 bytes has at most 127 labels.
        while let Some((label, parent)) = rest.split_once('.') {
            if label.is_empty() {
                return None;
            }
            let found = self.subdomains.get(state.hash_one(parent), parent);
            if found.is_some() {
                return found;
            }
            rest = parent;
        }
        None
    }

    pub(super) fn get(&self, state: &RandomState, host: &Host) -> Option<&Arc<HostTable>> {
        match host {
            Host::Subdomains(name) => self.subdomains.get(state.hash_one(name.as_str()), name.as_str()),
            _ => self.patterns.iter().map(|pattern| &pattern.host).find(|table| table.host() == host),
        }
    }

    /// Puts a host's table in the place of the one before; an empty one goes.
    pub(super) fn set(&mut self, state: &RandomState, table: Arc<HostTable>) {
        match table.host() {
            Host::Subdomains(name) => {
                let (hash, name) = (state.hash_one(name.as_str()), name.as_str());
                if table.is_empty() {
                    self.subdomains.remove(hash, name);
                } else {
                    self.subdomains.insert(hash, Arc::clone(&table));
                }
            }
            Host::Pattern(pattern) => {
                let patterns = Arc::make_mut(&mut self.patterns);
                patterns.retain(|known| known.host.host() != table.host());
                // A value that exists compiles.
                let Ok(regex) = pattern.compile() else { return };
                if !table.is_empty() {
                    let at = patterns.partition_point(|known| order(&known.host) <= order(&table));
                    patterns.insert(at, Pattern { regex, host: Arc::clone(&table) });
                }
            }
            _ => {}
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<HostTable>> {
        self.subdomains.iter().chain(self.patterns.iter().map(|pattern| &pattern.host))
    }
}

fn order(table: &HostTable) -> (Option<&Host>, &Host) {
    let of = table.virtual_host().and_then(|host| match &host.role {
        HostRole::AliasOf(of) => Some(of),
        _ => None,
    });
    (of, table.host())
}
