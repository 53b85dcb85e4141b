//! What the annotations of a host's Ingresses ask for the host as a whole: `app-root`, `server-alias`, `from-to-www-redirect`,
//! `auth-tls-*`, `ssl-ciphers`.
//! The oldest Ingress that asks decides; a younger one that asks for something else is told.

use super::State;
use super::further_names::{Claim, FurtherNames, Kind, Wish, with_or_without_www};
use crate::translate::compile::Compiled;
use crate::translate::problems::{Owner, Problems};
use ingora_config::{AuthTls, Host, HostCiphers, NamespacedName, Problem, Reason};
use std::collections::BTreeSet;
use std::sync::Arc;

impl State {
    /// `app-root` of the oldest Ingress that has one.
    pub(super) fn app_root(&self) -> Option<String> {
        self.with_wishes.values().find_map(|ingress| ingress.wishes.app_root.clone())
    }

    /// `auth-tls-*` of the oldest Ingress that has them, all from the same: a younger one neither weakens what an older one asks
    /// nor mends what is broken there.
    pub(super) fn auth_tls(&self) -> Option<AuthTls> {
        self.with_wishes.values().find_map(|ingress| ingress.wishes.auth_tls.clone())
    }

    /// `ssl-ciphers` and `ssl-prefer-server-ciphers`, each of the oldest Ingress that has it.
    pub(super) fn ciphers(&self) -> Option<HostCiphers> {
        let all = || self.with_wishes.values().map(|ingress| &ingress.wishes.ciphers);
        let list = all().find_map(|ciphers| ciphers.list.clone());
        let prefer_server = all().find_map(|ciphers| ciphers.prefer_server);
        let ciphers = HostCiphers { list, prefer_server };
        (ciphers != HostCiphers::default()).then_some(ciphers)
    }

    /// Claims the further names of the host, gives back those it no longer wants, and tells the Ingresses that are not heard.
    pub(super) fn wish_for_names(
        &mut self,
        host: &Host,
        certificate: Option<&NamespacedName>,
        names: &mut FurtherNames,
        problems: &mut Problems,
    ) {
        let mut wanted = BTreeSet::new();
        let oldest = |asks: fn(&Compiled) -> bool| self.with_wishes.values().find(|ingress| asks(ingress));
        if let Some(ingress) = oldest(|ingress| !ingress.wishes.aliases.is_empty()) {
            let wish = wish(Kind::Alias, ingress, host);
            wanted.extend(ingress.wishes.aliases.iter().map(|alias| (alias.clone(), wish.clone())));
        }
        if let Host::Exact(name) = host
            && let Some(ingress) = oldest(|ingress| ingress.wishes.from_to_www)
            && let Some(other) = with_or_without_www(name)
        {
            wanted.insert((Host::Exact(other), wish(Kind::Www, ingress, host)));
        }
        for ingress in self.with_wishes.values() {
            let unheard = self.unheard(host, ingress);
            problems.set(Owner::Host(host.clone(), ingress.id().clone()), unheard);
        }
        self.claim_names(wanted, certificate, names, problems);
    }

    /// Claims these names with the host's certificate, and gives back the others.
    pub(super) fn claim_names(
        &mut self,
        wanted: BTreeSet<(Host, Wish)>,
        certificate: Option<&NamespacedName>,
        names: &mut FurtherNames,
        problems: &mut Problems,
    ) {
        for (name, wish) in self.further_names.difference(&wanted) {
            names.withdraw(name, wish, problems);
        }
        for (name, wish) in &wanted {
            let Some(ingress) = self.with_wishes.get(&wish.rank) else { continue };
            let claim = Claim {
                ingress: Arc::clone(ingress),
                certificate: certificate.cloned(),
                tls: !self.with_tls.is_empty(),
            };
            names.claim(name, wish.clone(), claim);
        }
        self.further_names = wanted;
    }

    /// What an Ingress asks of the host in vain.
    fn unheard(&self, host: &Host, ingress: &Arc<Compiled>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut conflict = |annotation: &str, by: &Compiled| {
            problems.push(ingress.subject.warning(
                Reason::AnnotationConflict,
                ingress.wishes.field(annotation),
                format!("Ingress {} decides the {annotation} of host {host}; this one is not used", by.id()),
                "write the same in both Ingresses, or in one; the oldest that has one decides",
            ));
        };
        let wishes = &ingress.wishes;
        let others = || self.with_wishes.values().take_while(|other| other.rank < ingress.rank);
        if wishes.app_root.is_some()
            && let Some(first) = others().find(|other| other.wishes.app_root.is_some())
            && first.wishes.app_root != wishes.app_root
        {
            conflict("app-root", first);
        }
        if !wishes.aliases.is_empty()
            && let Some(first) = others().find(|other| !other.wishes.aliases.is_empty())
            && first.wishes.aliases != wishes.aliases
        {
            conflict("server-alias", first);
        }
        if wishes.auth_tls.is_some()
            && let Some(first) = others().find(|other| other.wishes.auth_tls.is_some())
            && first.wishes.auth_tls != wishes.auth_tls
        {
            conflict("auth-tls-secret", first);
        }
        if wishes.ciphers.list.is_some()
            && let Some(first) = others().find(|other| other.wishes.ciphers.list.is_some())
            && first.wishes.ciphers.list != wishes.ciphers.list
        {
            conflict("ssl-ciphers", first);
        }
        if wishes.ciphers.prefer_server.is_some()
            && let Some(first) = others().find(|other| other.wishes.ciphers.prefer_server.is_some())
            && first.wishes.ciphers.prefer_server != wishes.ciphers.prefer_server
        {
            conflict("ssl-prefer-server-ciphers", first);
        }
        if wishes.from_to_www && !matches!(host, Host::Exact(_)) {
            problems.push(ingress.subject.warning(
                Reason::AnnotationInvalid,
                wishes.field("from-to-www-redirect"),
                format!(
                    "host {host} is no single name, so there is none with or without www. to redirect from"
                ),
                "name the host in a rule of its own",
            ));
        }
        problems
    }
}

fn wish(kind: Kind, ingress: &Compiled, host: &Host) -> Wish {
    Wish { kind, rank: ingress.rank.clone(), host: host.clone() }
}
