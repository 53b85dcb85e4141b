//! Hosts: which Ingress decides about the certificate of a host, and which certificate that is; which further names the host
//! has, and what else holds for all of it.
//!
//! The oldest Ingress of the host that has a tls section decides, even when that leads to the default certificate: a
//! younger Ingress can neither repair nor take over what an older one serves (ingress-nginx).

use super::compile::Compiled;
use super::problems::{Owner, Problems};
use super::published::Published;
use super::rank::Rank;
use super::secrets::Secrets;
use cover::Covers;
use further_names::{FurtherNames, Wish};
use ingora_config::{Host, Key, NamespacedName, Problem, Reason, Resource, VirtualHost};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

mod cover;
mod further_names;
mod wishes;

#[derive(Default)]
pub(super) struct Hosts {
    hosts: HashMap<Host, State>,
    /// The hosts in regex mode.
    regex: HashSet<Host>,
    further_names: FurtherNames,
    /// Hosts to settle, each with the Ingresses that came (`Some`) or went (`None`).
    touched: BTreeMap<Host, BTreeMap<NamespacedName, Option<Arc<Compiled>>>>,
}

#[derive(Default)]
struct State {
    /// How many Ingresses name the host.
    ingresses: usize,
    /// Those of them with a tls section, the oldest first.
    with_tls: BTreeMap<Rank, Arc<Compiled>>,
    /// Those of them whose annotations ask for something that concerns the host, the oldest first.
    with_wishes: BTreeMap<Rank, Arc<Compiled>>,
    /// The names that the host claims besides its own.
    further_names: BTreeSet<(Host, Wish)>,
    /// Who decides, and the certificate that is served: what the problems of the others name.
    decided: Option<(NamespacedName, Option<NamespacedName>)>,
}

impl Hosts {
    pub(super) fn add(&mut self, ingress: &Arc<Compiled>) {
        for host in &ingress.hosts {
            let state = self.hosts.entry(host.clone()).or_default();
            state.ingresses += 1;
            if ingress.tls.is_some() {
                state.with_tls.insert(ingress.rank.clone(), ingress.clone());
            }
            if ingress.wishes.concern_the_host() {
                state.with_wishes.insert(ingress.rank.clone(), ingress.clone());
            }
            let touched = self.touched.entry(host.clone()).or_default();
            touched.insert(ingress.id().clone(), Some(ingress.clone()));
        }
    }

    pub(super) fn remove(&mut self, ingress: &Arc<Compiled>) {
        for host in &ingress.hosts {
            if let Some(state) = self.hosts.get_mut(host) {
                state.ingresses = state.ingresses.saturating_sub(1);
                state.with_tls.remove(&ingress.rank);
                state.with_wishes.remove(&ingress.rank);
            }
            self.touched.entry(host.clone()).or_default().insert(ingress.id().clone(), None);
        }
    }

    /// A Secret of this Ingress changed: the hosts that it decides about must be settled again.
    pub(super) fn touch(&mut self, ingress: &Compiled) {
        for host in &ingress.hosts {
            let decides = |state: &State| {
                state.with_tls.first_key_value().is_some_and(|(_, first)| first.id() == ingress.id())
            };
            if self.hosts.get(host).is_some_and(decides) {
                self.touched.entry(host.clone()).or_default();
            }
        }
    }

    /// The host went into or out of regex mode.
    pub(super) fn set_regex(&mut self, host: &Host, regex: bool) {
        if regex {
            self.regex.insert(host.clone());
        } else {
            self.regex.remove(host);
        }
        self.touched.entry(host.clone()).or_default();
    }

    /// Decides every host that was touched.
    pub(super) fn settle(
        &mut self,
        secrets: &mut Secrets,
        published: &mut Published,
        problems: &mut Problems,
    ) {
        let mut covers = Covers::default();
        for (host, changed) in std::mem::take(&mut self.touched) {
            for (id, _) in changed.iter().filter(|(_, ingress)| ingress.is_none()) {
                problems.set(Owner::Tls(host.clone(), id.clone()), Vec::new());
                problems.set(Owner::Host(host.clone(), id.clone()), Vec::new());
            }
            self.further_names.host_changed(&host);
            let Some(state) = self.hosts.get_mut(&host) else { continue };
            if state.ingresses == 0 {
                secrets.switch(state.certificate(), None);
                state.claim_names(BTreeSet::new(), None, &mut self.further_names, problems);
                self.hosts.remove(&host);
                published.remove(Key::VirtualHost(host));
                continue;
            }
            let certificate = state.decide(&host, &changed, secrets, &mut covers, problems);
            let tls = !state.with_tls.is_empty();
            for ingress in changed.values().flatten() {
                problems.set(Owner::Host(host.clone(), ingress.id().clone()), Vec::new());
            }
            state.wish_for_names(&host, certificate.as_ref(), &mut self.further_names, problems);
            let app_root = state.app_root();
            let auth_tls = state.auth_tls().map(Box::new);
            let ciphers = state.ciphers().map(Box::new);
            let regex = self.regex.contains(&host);
            let virtual_host = VirtualHost {
                tls,
                regex,
                app_root,
                auth_tls,
                ciphers,
                ..VirtualHost::new(host, certificate)
            };
            published.set(Arc::new(Resource::VirtualHost(virtual_host)));
        }
        self.further_names.settle(&self.hosts, secrets, published, problems);
    }
}

impl State {
    fn certificate(&self) -> Option<&NamespacedName> {
        self.decided.as_ref().and_then(|(_, certificate)| certificate.as_ref())
    }

    /// Chooses the certificate of the host, and tells each Ingress what it has to know about that. A decision that stays
    /// costs nothing for the Ingresses that stay.
    fn decide(
        &mut self,
        host: &Host,
        changed: &BTreeMap<NamespacedName, Option<Arc<Compiled>>>,
        secrets: &mut Secrets,
        covers: &mut Covers,
        problems: &mut Problems,
    ) -> Option<NamespacedName> {
        let decider = self.with_tls.values().next().cloned();
        let choice = decider.as_ref().map(|ingress| choose(ingress, host, secrets, covers));
        let (certificate, own_problems) = choice.unwrap_or_default();
        secrets.switch(self.certificate(), certificate.as_ref());

        let decided = decider.as_ref().map(|ingress| (ingress.id().clone(), certificate.clone()));
        let same = self.decided == decided;
        self.decided = decided;
        // Those that changed may have lost their tls section; the others only hear of a new decision.
        let others = self.with_tls.values().filter(|_| !same);
        for other in changed.values().flatten().chain(others) {
            let conflict = conflict(other, host, self.decided.as_ref());
            problems.set(Owner::Tls(host.clone(), other.id().clone()), conflict.into_iter().collect());
        }
        if let Some(decider) = decider {
            problems.set(Owner::Tls(host.clone(), decider.id().clone()), own_problems);
        }
        certificate
    }
}

/// The certificate that an Ingress means for a host, and what is wrong with its choice.
fn choose(
    ingress: &Arc<Compiled>,
    host: &Host,
    secrets: &Secrets,
    covers: &mut Covers,
) -> (Option<NamespacedName>, Vec<Problem>) {
    let Some(tls) = &ingress.tls else { return (None, Vec::new()) };
    let listed = tls.entry_of(host);
    if let Some((_, entry)) = listed
        && entry.secret.is_none()
    {
        return (None, Vec::new());
    }
    let named = listed.and_then(|(index, entry)| Some((index, entry.secret.clone()?)));
    let found = named.or_else(|| {
        covers.find(ingress, host, secrets).or_else(|| {
            // A tls entry without hosts is meant for this one too, and does not fit.
            tls.secret_for_all().map(|(index, id)| (index, id.clone()))
        })
    });
    let Some((index, id)) = found else { return (None, nothing_fits(ingress, host, secrets, covers)) };
    let field = super::tls::field(index);
    let problem = secrets.problem(&ingress.subject, &field, &id);
    let super::certificate::State::Usable(usable) = secrets.state(&id) else {
        return (None, problem.into_iter().collect());
    };
    if usable.names.cover(host) {
        return (Some(id), problem.into_iter().collect());
    }
    let (message, hint) = match host {
        Host::CatchAll => (
            "a rule without a host is served with the default certificate".to_owned(),
            "name the host, or set --default-ssl-certificate",
        ),
        host => (
            format!("the certificate of Secret {id} is not for {host}; the default certificate is served"),
            "have the certificate issued for this host",
        ),
    };
    (None, vec![ingress.subject.error(Reason::CertificateMismatch, field, message, hint)])
}

/// Why a host that no tls entry lists gets the default certificate: one of the Secrets that cannot be used may have been
/// for it, else the section says nothing about it. A rule without a host is not expected to have one.
fn nothing_fits(
    ingress: &Arc<Compiled>,
    host: &Host,
    secrets: &Secrets,
    covers: &mut Covers,
) -> Vec<Problem> {
    if *host == Host::CatchAll {
        return Vec::new();
    }
    let unusable = covers.unusable(ingress, secrets);
    let problem =
        |(index, id): &(usize, _)| secrets.problem(&ingress.subject, &super::tls::field(*index), id);
    let problems: Vec<Problem> = unusable.iter().filter_map(problem).collect();
    if !problems.is_empty() {
        return problems;
    }
    vec![ingress.subject.warning(
        Reason::CertificateMismatch,
        "spec.tls",
        format!("no tls entry is for {host}; the default certificate is served"),
        "list the host in spec.tls, or leave it so if nobody uses HTTPS there",
    )]
}

/// The problem of an Ingress that names another Secret for a host than the one that decides.
fn conflict(
    ingress: &Arc<Compiled>,
    host: &Host,
    decided: Option<&(NamespacedName, Option<NamespacedName>)>,
) -> Option<Problem> {
    let (decider, certificate) = decided?;
    let (index, entry) = ingress.tls.as_ref()?.entry_of(host)?;
    let own = entry.secret.as_ref()?;
    if decider == ingress.id() || certificate.as_ref() == Some(own) {
        return None;
    }
    let served = match certificate {
        Some(certificate) => format!("that of Secret {certificate}"),
        None => "the default one".to_owned(),
    };
    Some(ingress.subject.warning(
        Reason::CertificateConflict,
        super::tls::field(index),
        format!("Ingress {decider} decides the certificate of host {host}, which is {served}"),
        "name the same Secret in both Ingresses; the oldest Ingress with a tls section decides",
    ))
}
