//! `spec.tls` of one Ingress, indexed for the question which certificate it means for a host.

use super::compile::Found;
use super::quote::quoted;
use super::reference::resolve;
use crate::object::ingress::IngressTls;
use ingora_config::{Host, NamespacedName, Reason};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct TlsSection {
    entries: Vec<TlsEntry>,
    /// The first entry that lists a host.
    by_host: HashMap<Host, usize>,
    /// Every Secret once, in the order of the entries, with the entry.
    secrets: Vec<(NamespacedName, usize)>,
}

#[derive(Debug)]
pub(super) struct TlsEntry {
    /// The Secret; `None` is the default certificate.
    pub(super) secret: Option<NamespacedName>,
    /// Whether it lists no host and so means all that its certificate covers.
    pub(super) for_all: bool,
}

impl TlsSection {
    /// Reads the section; `None` when there is none.
    pub(super) fn read(tls: &[IngressTls], namespace: &str, found: &mut Found<'_>) -> Option<Self> {
        if tls.is_empty() {
            return None;
        }
        let mut section = Self::default();
        let mut seen = HashMap::new();
        for (index, entry) in tls.iter().enumerate() {
            let secret = secret(entry, index, namespace, found);
            if let Some(secret) = &secret {
                seen.entry(secret.clone()).or_insert_with(|| section.secrets.push((secret.clone(), index)));
            }
            for (host_index, text) in entry.hosts.iter().enumerate() {
                match Host::parse(text) {
                    Ok(host) if host != Host::CatchAll => {
                        section.by_host.entry(host).or_insert(index);
                    }
                    _ => found.error(
                        Reason::InvalidHost,
                        format!("spec.tls[{index}].hosts[{host_index}]"),
                        format!("{} is not a host", quoted(text)),
                        "write a DNS name such as www.example.com or *.example.com, without a port",
                    ),
                }
            }
            section.entries.push(TlsEntry { secret, for_all: entry.hosts.is_empty() });
        }
        Some(section)
    }

    /// The first entry that lists the host.
    pub(super) fn entry_of(&self, host: &Host) -> Option<(usize, &TlsEntry)> {
        self.by_host.get(host).and_then(|index| Some((*index, self.entries.get(*index)?)))
    }

    /// Every Secret once, with its first entry.
    pub(super) fn secrets(&self) -> &[(NamespacedName, usize)] {
        &self.secrets
    }

    /// The Secret of the first entry that lists no host.
    pub(super) fn secret_for_all(&self) -> Option<(usize, &NamespacedName)> {
        let mut entries = self.entries.iter().enumerate();
        entries
            .find_map(|(index, entry)| entry.secret.as_ref().filter(|_| entry.for_all).map(|id| (index, id)))
    }
}

fn secret(
    entry: &IngressTls,
    index: usize,
    namespace: &str,
    found: &mut Found<'_>,
) -> Option<NamespacedName> {
    let name = entry.secret_name.as_deref().filter(|name| !name.is_empty())?;
    match resolve(namespace, name) {
        Ok(id) => Some(id),
        Err(why) => {
            found.error(
                Reason::SecretNotFound,
                field(index),
                format!("{} {why}; the default certificate is served", quoted(name)),
                "name a TLS Secret of the Ingress' own namespace",
            );
            None
        }
    }
}

/// The field that names the Secret of an entry.
pub(super) fn field(index: usize) -> String {
    format!("spec.tls[{index}].secretName")
}
