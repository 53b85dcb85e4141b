//! Names that hosts have besides their own: those of `server-alias`, and the one with or without `www.` that
//! `from-to-www-redirect` adds.
//!
//! ```text
//!   host ──its deciding Ingress──▶ claims on names ──▶ a real host of that name?  nobody gets it
//!                                                 └──▶ else aliases before redirects, the oldest first
//! ```
//!
//! A name is decided again when a claim on it changes, and when a rule with that host comes or goes: what a tenant serves
//! under a host of its own is nobody's to take by an alias.

use super::State;
use crate::translate::certificate;
use crate::translate::compile::Compiled;
use crate::translate::problems::{Owner, Problems};
use crate::translate::published::Published;
use crate::translate::rank::Rank;
use crate::translate::secrets::Secrets;
use ingora_config::{Host, HostName, HostRole, Key, NamespacedName, Problem, Reason, Resource, VirtualHost};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Default)]
pub(super) struct FurtherNames {
    names: HashMap<Host, Name>,
    touched: BTreeSet<Host>,
}

#[derive(Default)]
struct Name {
    /// Who wants it, the winner first.
    claims: BTreeMap<Wish, Claim>,
    /// Whether it is published, and with which certificate.
    published: Option<Option<NamespacedName>>,
}

/// Why, by whom, and for which host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wish {
    pub(super) kind: Kind,
    pub(super) rank: Rank,
    pub(super) host: Host,
}

/// An alias is written out, the other name is implied; who writes it out gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Alias,
    Www,
}

impl Kind {
    fn annotation(self) -> &'static str {
        match self {
            Self::Alias => "server-alias",
            Self::Www => "from-to-www-redirect",
        }
    }
}

/// What goes with a wish.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) ingress: Arc<Compiled>,
    /// Of the host that wants the name.
    pub(super) certificate: Option<NamespacedName>,
    pub(super) tls: bool,
}

impl FurtherNames {
    pub(super) fn claim(&mut self, name: &Host, wish: Wish, claim: Claim) {
        self.names.entry(name.clone()).or_default().claims.insert(wish, claim);
        self.touched.insert(name.clone());
    }

    pub(super) fn withdraw(&mut self, name: &Host, wish: &Wish, problems: &mut Problems) {
        if let Some(held) = self.names.get_mut(name) {
            held.claims.remove(wish);
            self.touched.insert(name.clone());
        }
        problems.set(owner(name, wish), Vec::new());
    }

    /// A rule with this host came or went.
    pub(super) fn host_changed(&mut self, host: &Host) {
        let subdomains = match host {
            Host::Wildcard(parent) => Some(Host::Subdomains(parent.clone())),
            _ => None,
        };
        for name in [Some(host.clone()), subdomains].into_iter().flatten() {
            if self.names.contains_key(&name) {
                self.touched.insert(name);
            }
        }
    }

    pub(super) fn settle(
        &mut self,
        hosts: &HashMap<Host, State>,
        secrets: &mut Secrets,
        published: &mut Published,
        problems: &mut Problems,
    ) {
        for name in std::mem::take(&mut self.touched) {
            let Some(held) = self.names.get_mut(&name) else { continue };
            let rule = rule_of(&name);
            let taken = hosts.contains_key(&rule);
            let winner = held.claims.iter().next().filter(|_| !taken);
            let new = winner.and_then(|(wish, claim)| virtual_host(&name, wish, claim, secrets));
            let certificate = new.as_ref().map(|host| host.certificate.clone());
            secrets.switch(
                held.published.as_ref().and_then(Option::as_ref),
                certificate.as_ref().and_then(Option::as_ref),
            );
            match new {
                Some(host) => published.set(Arc::new(Resource::VirtualHost(host))),
                // Under its own name the rule's host is published already.
                None if taken && rule == name => {}
                None => published.remove(Key::VirtualHost(name.clone())),
            }
            held.published = certificate;
            let winner = winner.map(|(wish, _)| wish.clone());
            for (wish, claim) in &held.claims {
                problems
                    .set(owner(&name, wish), lost(&name, wish, claim, winner.as_ref()).into_iter().collect());
            }
            if held.claims.is_empty() {
                self.names.remove(&name);
            }
        }
    }
}

fn owner(name: &Host, wish: &Wish) -> Owner {
    Owner::FurtherName(name.clone(), wish.host.clone(), wish.rank.id.clone())
}

/// The host that a rule would have to name to serve the same.
fn rule_of(name: &Host) -> Host {
    match name {
        Host::Subdomains(parent) => Host::Wildcard(parent.clone()),
        name => name.clone(),
    }
}

/// The other one of `example.com` and `www.example.com`.
pub(super) fn with_or_without_www(host: &HostName) -> Option<HostName> {
    let name = host.as_str();
    match name.strip_prefix("www.") {
        Some(bare) => HostName::new(bare).ok(),
        None => HostName::new(&format!("www.{name}")).ok(),
    }
}

fn virtual_host(name: &Host, wish: &Wish, claim: &Claim, secrets: &Secrets) -> Option<VirtualHost> {
    let covers = |id: &&NamespacedName| match secrets.state(id) {
        certificate::State::Usable(usable) => usable.names.cover(name),
        _ => false,
    };
    let certificate = claim.certificate.as_ref().filter(covers).cloned();
    let role = match (wish.kind, &wish.host) {
        (Kind::Alias, host) => HostRole::AliasOf(host.clone()),
        (Kind::Www, Host::Exact(host)) => HostRole::RedirectTo(host.clone()),
        (Kind::Www, _) => return None,
    };
    let tls = claim.tls && certificate.is_some();
    Some(VirtualHost { role, tls, ..VirtualHost::new(name.clone(), certificate) })
}

/// Why a claim on a name came to nothing.
fn lost(name: &Host, wish: &Wish, claim: &Claim, winner: Option<&Wish>) -> Option<Problem> {
    let subject = &claim.ingress.subject;
    let what = match wish.kind {
        Kind::Alias => format!("the alias {name} of host {}", wish.host),
        Kind::Www => format!("the redirect from {name} to {}", wish.host),
    };
    let (why, hint) = match winner {
        Some(winner) if winner == wish => return None,
        Some(winner) => (
            format!("Ingress {} has the name for host {}", winner.rank.id, winner.host),
            "the oldest Ingress gets the name; remove it from one of them",
        ),
        None => (
            "rules of an Ingress have that host".to_owned(),
            "a host that rules name is served by them; remove the annotation, or the rules",
        ),
    };
    let field = claim.ingress.wishes.field(wish.kind.annotation());
    Some(subject.warning(Reason::AnnotationConflict, field, format!("{what} is not served: {why}"), hint))
}
