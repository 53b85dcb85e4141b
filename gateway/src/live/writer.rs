//! The one writer: turns resources into the next generation.

use super::{Batch, Change};
use crate::auth_tls::Authorities;
use crate::certificate::{Certificates, LoadedCertificate, Slot, Store};
use crate::filters::Filters;
use crate::filters::basic_auth::users;
use crate::filters::canary::{Canaries, Patterns};
use crate::filters::error_pages::ErrorPages;
use crate::filters::external_auth::ExternalAuth;
use crate::filters::load_balance;
use crate::filters::rate_limit::slots::Slots;
use crate::host_tls::Handshakes;
use crate::table::route::default_backend;
use crate::table::{CompiledRoute, RouteTable};
use crate::telemetry::{RouteStatistics, access_log};
use crate::upstream::groups::Groups;
use crate::upstream::proxy_ssl::Secrets;
use crate::upstream::{Group, Transport};
use ingora_config::settings::GlobalAuth;
use ingora_config::{
    Backend, Host, Key, Policy, Resource, Route, RouteKey, Settings, UpstreamId, VirtualHost,
};
use std::collections::HashSet;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Writer {
    /// The next table; differs from the published one only while a batch is applied.
    table: RouteTable,
    table_changed: bool,
    groups: Groups,
    patterns: Patterns,
    certificates: Store,
    authorities: Authorities,
    handshakes: Handshakes,
    statistics: Arc<RouteStatistics>,
    /// What is known of limited clients: outlives every route.
    slots: Arc<Slots>,
    /// Of `proxy-ssl-secret`.
    proxy_ssl: Secrets,
    users: users::Slots,
    /// What nearly all routes ask for: nothing. They arrive with a policy each and share this one.
    plain: Arc<Policy>,
}

impl Writer {
    pub(super) fn new(own: Arc<LoadedCertificate>, statistics: Arc<RouteStatistics>) -> Self {
        Self {
            table: RouteTable::default(),
            table_changed: true,
            groups: Groups::default(),
            patterns: Patterns::default(),
            certificates: Store::new(own),
            authorities: Authorities::default(),
            handshakes: Handshakes::default(),
            statistics,
            slots: Arc::default(),
            proxy_ssl: Secrets::default(),
            users: users::Slots::default(),
            plain: Arc::default(),
        }
    }

    /// Works a batch in; answers what cannot be used.
    pub(super) fn take(&mut self, batch: Batch) -> Vec<String> {
        let mut refused = Vec::new();
        let mut sent = HashSet::new();
        for change in batch.changes {
            match change {
                Change::Upsert(resource) => {
                    if batch.full {
                        sent.insert(resource.key());
                    }
                    refused.extend(self.upsert(*resource));
                }
                Change::Remove(key) => {
                    sent.remove(&key);
                    self.remove(&key);
                }
            }
        }
        if batch.full {
            self.keep_only(&sent);
        }
        refused
    }

    /// Before the table is swapped: what it refers to.
    pub(super) fn publish_first(&mut self) {
        self.groups.publish();
    }

    /// After the table was swapped: what it no longer refers to.
    pub(super) fn publish_last(&mut self) {
        self.groups.retire();
        self.users.retire();
    }

    pub(super) fn table(&mut self) -> Option<RouteTable> {
        std::mem::take(&mut self.table_changed).then(|| self.table.clone())
    }

    pub(super) fn certificates(&mut self) -> Option<Certificates> {
        self.certificates.publish()
    }

    pub(super) fn groups(&self) -> Vec<Arc<Group>> {
        self.groups.all().cloned().collect()
    }

    pub(super) fn slots(&self) -> Vec<Arc<Slot>> {
        self.certificates.all().cloned().collect()
    }

    fn upsert(&mut self, resource: Resource) -> Option<String> {
        match resource {
            Resource::Settings(settings) => self.set_settings(*settings),
            Resource::VirtualHost(host) => self.set_virtual_host(host),
            Resource::Route(route) => self.set_route(route),
            Resource::Upstream(upstream) => self.groups.set_upstream(upstream),
            Resource::Endpoints(endpoints) => self.groups.set_endpoints(endpoints),
            Resource::Users(users) => self.users.set(users),
            Resource::Certificate(certificate) => {
                let result = self.certificates.set(&certificate);
                return result.err().map(|error| format!("Secret {}: {error}", certificate.secret));
            }
            Resource::Authority(authority) => {
                let secret = authority.secret.clone();
                let result = self.authorities.set(authority);
                return result
                    .err()
                    .map(|error| format!("Secret {secret}: its authorities cannot be used: {error}"));
            }
            Resource::ProxySslSecret(secret) => {
                let result = self.proxy_ssl.set(&secret);
                return result.err().map(|error| format!("Secret {}: {error}", secret.secret));
            }
        }
        None
    }

    fn remove(&mut self, key: &Key) {
        match key {
            Key::Settings => self.set_settings(Settings::default()),
            Key::VirtualHost(host) => self.remove_virtual_host(host),
            Key::Route(key) => self.remove_route(key),
            Key::Upstream(id) => self.groups.remove_upstream(id),
            Key::Endpoints(id) => self.groups.remove_endpoints(id),
            Key::Certificate(secret) => self.certificates.remove(secret),
            Key::Authority(secret) => self.authorities.remove(secret),
            Key::ProxySslSecret(secret) => self.proxy_ssl.remove(secret),
            Key::Users(id) => self.users.remove(id),
        }
    }

    fn set_settings(&mut self, settings: Settings) {
        if **self.table.settings() == settings {
            return;
        }
        let before = self.table.settings().default_backend.clone();
        let default = if before == settings.default_backend {
            self.table.default_backend().cloned()
        } else {
            settings.default_backend.clone().map(|id| self.compile(default_backend(id), None))
        };
        self.certificates.set_default(settings.default_certificate.as_ref());
        let changed = before != settings.default_backend;
        let asked_before = asked_by_all(self.table.settings()).and_then(|auth| auth.upstream().cloned());
        let asked = asked_by_all(&settings).map(|auth| {
            let group = auth.upstream().map(|id| self.groups.acquire(id));
            Arc::new(ExternalAuth::compile(auth, group))
        });
        self.table.set_settings(settings, default, asked);
        self.table_changed = true;
        if let (true, Some(before)) = (changed, before) {
            self.groups.release(&before);
        }
        if let Some(before) = asked_before {
            self.groups.release(&before);
        }
    }

    fn set_virtual_host(&mut self, host: VirtualHost) {
        self.certificates.set_host(&host.host, host.certificate.as_ref());
        let known = self.table.host_table(&host.host).and_then(|table| table.virtual_host());
        if known != Some(&host) {
            let name = host.host.clone();
            let asked = self.handshakes.of(&host, &mut self.authorities);
            self.table.set_virtual_host(&name, Some(host), asked);
            self.table_changed = true;
        }
    }

    fn remove_virtual_host(&mut self, host: &Host) {
        self.certificates.set_host(host, None);
        if self.table.host_table(host).is_some() {
            self.table.set_virtual_host(host, None, None);
            self.table_changed = true;
        }
    }

    fn set_route(&mut self, mut route: Route) {
        let before = self.table.route(&route.key).cloned();
        if before.as_ref().is_some_and(|before| before.route == route) {
            return;
        }
        if route.policy.is_plain() {
            route.policy = Arc::clone(&self.plain);
        }
        let key = route.key.clone();
        let compiled = self.compile(route, before.as_deref());
        self.table.set_route(&key, Some(compiled));
        self.table_changed = true;
        self.release(before.as_deref());
    }

    fn remove_route(&mut self, key: &RouteKey) {
        if let Some(before) = self.table.route(key).cloned() {
            self.table.set_route(key, None);
            self.table_changed = true;
            self.release(Some(&before));
        }
    }

    /// Prepares a route that takes the place of `before`: what depends on the key alone is taken over.
    fn compile(&mut self, route: Route, before: Option<&CompiledRoute>) -> Arc<CompiledRoute> {
        let group = match &route.backend {
            Backend::Upstream(id) => Some(self.groups.acquire(id)),
            Backend::NotFound => None,
        };
        if let Some(group) = &group {
            let policy = &route.policy;
            load_balance::prepare(group, policy.load_balance.as_deref(), policy.affinity.as_deref());
        }
        let stats = self.statistics.of(&route);
        let asked = asked_by(&route).map(|id| self.groups.acquire(id));
        let copied = copied_to(&route).map(|id| self.groups.acquire(id));
        let filters = Filters::compile(&route, &self.slots, &mut self.users, asked, copied);
        let transport = Transport::compile(&route.policy, &mut self.proxy_ssl);
        let service_port = match &route.backend {
            Backend::Upstream(id) => id.port.to_string().into(),
            Backend::NotFound => Box::default(),
        };
        let service = match &route.backend {
            Backend::Upstream(id) => id.service.as_str(),
            Backend::NotFound => "",
        };
        let upstream = group.as_ref().map_or("", |group| group.name());
        let log_fields = access_log::route_fields(&route.ingress, service, upstream);
        let earlier = before.and_then(|before| before.canaries.as_deref());
        let canaries = Canaries::compile(&route, earlier, &mut self.patterns, |canary| {
            let stats = self.statistics.of_canary(&route, &canary.upstream);
            let (group, rule) = (self.groups.acquire(&canary.upstream), &canary.rule);
            let sessions = load_balance::sessions_of_canary(&route, rule.sticky);
            load_balance::prepare(&group, rule.load_balance.as_deref(), sessions);
            (group, stats)
        });
        let error_pages = route.policy.error_pages.as_ref().map(|pages| {
            let group = pages.backend.as_ref().map(|id| self.groups.acquire(id));
            Box::new(ErrorPages::compile(pages, group))
        });
        let pattern = before.map(|before| before.pattern.clone()).unwrap_or_default();
        Arc::new(CompiledRoute {
            route,
            group,
            canaries,
            error_pages,
            filters,
            transport,
            service_port,
            log_fields,
            stats,
            pattern,
        })
    }

    fn release(&mut self, route: Option<&CompiledRoute>) {
        let Some(route) = route.map(|route| &route.route) else { return };
        if let Backend::Upstream(id) = &route.backend {
            self.groups.release(id);
        }
        if let Some(id) = route.policy.error_pages.as_ref().and_then(|pages| pages.backend.as_ref()) {
            self.groups.release(id);
        }
        for id in [asked_by(route), copied_to(route)].into_iter().flatten() {
            self.groups.release(id);
        }
        route.canaries.iter().for_each(|canary| self.groups.release(&canary.upstream));
        if let Some(basic_auth) = route.policy.basic_auth.as_ref().filter(|_| !route.policy.denied) {
            self.users.release(&basic_auth.users);
        }
    }

    fn keep_only(&mut self, sent: &HashSet<Key>) {
        let gone: Vec<Key> = self.keys().into_iter().filter(|key| !sent.contains(key)).collect();
        for key in gone {
            self.remove(&key);
        }
    }

    /// The keys of everything that is there.
    fn keys(&self) -> Vec<Key> {
        let mut keys = vec![Key::Settings];
        for table in self.table.hosts() {
            keys.extend(table.virtual_host().map(|host| Key::VirtualHost(host.host.clone())));
            keys.extend(table.routes().map(|route| Key::Route(route.route.key.clone())));
        }
        for (id, upstream, endpoints) in self.groups.keys() {
            keys.extend(upstream.then(|| Key::Upstream(id.clone())));
            keys.extend(endpoints.then(|| Key::Endpoints(id.clone())));
        }
        keys.extend(self.certificates.keys().map(|secret| Key::Certificate(secret.clone())));
        keys.extend(self.authorities.keys().map(|secret| Key::Authority(secret.clone())));
        keys.extend(self.proxy_ssl.keys().map(|secret| Key::ProxySslSecret(secret.clone())));
        keys.extend(self.users.keys().map(|id| Key::Users(id.clone())));
        keys
    }
}

/// The service that a route wants asked, where that is one Service or host.
fn asked_by(route: &Route) -> Option<&UpstreamId> {
    route.policy.external_auth.as_ref()?.upstream()
}

/// Who gets copies of a route's requests.
fn copied_to(route: &Route) -> Option<&UpstreamId> {
    Some(&route.policy.mirror.as_ref()?.upstream)
}

/// Who is asked about every route that says nothing else.
fn asked_by_all(settings: &Settings) -> Option<&ingora_config::policy::ExternalAuth> {
    match &settings.global_auth {
        GlobalAuth::Ask(auth) => Some(auth),
        GlobalAuth::None | GlobalAuth::Broken => None,
    }
}
