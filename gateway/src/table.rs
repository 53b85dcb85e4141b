//! The route table: what every request is looked up in.
//!
//! ```text
//!   host ──▶ exact name ─▶ *.parent (one label) ─▶ aliases::Aliases ─▶ rules without a host
//!                 └──────────────┴─────────────────────┴─────────────────┴──▶ host::HostTable ──▶ path, or regex
//! ```
//!
//! A table never changes once it is published: [`crate::live`] makes the next generation from it, which shares all that
//! did not change. A request keeps the one it started with.

pub mod aliases;
pub mod host;
pub(crate) mod key;
pub mod map;
pub mod path;
pub mod regex;
pub mod route;

#[cfg(test)]
mod tests;

pub use host::HostTable;
pub use route::CompiledRoute;

use crate::filters::external_auth::ExternalAuth;
use crate::host_tls::HostTls;
use crate::settings::CompiledSettings;
use ahash::RandomState;
use aliases::Aliases;
use host::FoundPath;
use ingora_config::{Host, HostName, HostRole, RouteKey, Settings, VirtualHost};
use map::Map;
use std::sync::Arc;

/// One generation of hosts, routes and settings. Cloning it costs a few reference counts.
#[derive(Clone, Debug)]
pub struct RouteTable {
    settings: Arc<Settings>,
    compiled: Arc<CompiledSettings>,
    /// Keyed with a secret of this process: hosts and paths come from strangers.
    state: RandomState,
    exact: Map<HostTable>,
    wildcard: Map<HostTable>,
    aliases: Aliases,
    catch_all: Option<Arc<HostTable>>,
    /// How many wildcard hosts have TLS: without any, nobody needs to ask for one.
    tls_wildcards: usize,
    /// How many hosts ask something of handshakes or client certificates: without any, nobody needs to look.
    host_tls: usize,
    /// How many routes take the TLS of their host unopened.
    passthroughs: usize,
    default_backend: Option<Arc<CompiledRoute>>,
    global_auth: Option<Arc<ExternalAuth>>,
}

/// What the table has for a request.
#[derive(Clone, Copy, Debug)]
pub enum Found<'t> {
    /// A rule of an Ingress.
    Route(&'t Arc<CompiledRoute>),
    /// Only the path with a slash at its end has a rule, this one: 301 there, as in nginx.
    AddSlash(&'t Arc<CompiledRoute>),
    /// `app-root`: the root of the host is at this path of the same host.
    AppRoot(&'t str),
    /// `from-to-www-redirect`: everything of the host is at another one.
    OtherHost(&'t HostName),
    /// No host or no path matches, and there is a default backend.
    DefaultBackend(&'t Arc<CompiledRoute>),
    /// No host or no path matches.
    Nothing,
}

impl Default for RouteTable {
    fn default() -> Self {
        Self {
            settings: Arc::default(),
            compiled: Arc::default(),
            state: RandomState::new(),
            exact: Map::default(),
            wildcard: Map::default(),
            aliases: Aliases::default(),
            catch_all: None,
            tls_wildcards: 0,
            host_tls: 0,
            passthroughs: 0,
            default_backend: None,
            global_auth: None,
        }
    }
}

impl RouteTable {
    /// The settings of this generation.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The same, worked out.
    pub fn compiled(&self) -> &CompiledSettings {
        &self.compiled
    }

    /// Whether a name is a host of some rule, by itself or by its wildcard. It is in lower case.
    pub fn serves(&self, name: &str) -> bool {
        self.named_host(name).is_some()
    }

    /// Looks a request up. `host` is in lower case, without port and trailing dot; `path` is what
    /// [`crate::request_path::normalise`] returned.
    pub fn find(&self, host: &str, path: &str) -> Found<'_> {
        self.find_in(self.host(host), path)
    }

    /// The second half of a look-up, for those who need what [`RouteTable::host`] said as well.
    pub fn find_in<'t>(&'t self, host: Option<&'t HostTable>, path: &str) -> Found<'t> {
        let found = match host {
            Some(host) if host.is_plain() => host.find(&self.state, path),
            Some(host) => match self.find_special(host, path) {
                Ok(found) => found,
                Err(found) => return found,
            },
            None => FoundPath::Nothing,
        };
        match found {
            FoundPath::Route(route) => Found::Route(route),
            FoundPath::AddSlash(route) => Found::AddSlash(route),
            FoundPath::Nothing => self.default_backend.as_ref().map_or(Found::Nothing, Found::DefaultBackend),
        }
    }

    /// Looks a path up on a host of which something special is asked, which hosts without it must not pay for.
    #[cold]
    fn find_special<'t>(&'t self, host: &'t HostTable, path: &str) -> Result<FoundPath<'t>, Found<'t>> {
        let named = host.virtual_host();
        let host = match named.map(|host| &host.role) {
            None | Some(HostRole::Routes) => host,
            Some(HostRole::RedirectTo(other)) => return Err(Found::OtherHost(other)),
            // The host of an alias is always that of a rule, and never an alias itself.
            Some(HostRole::AliasOf(of)) => match self.host_table(of).filter(|host| host.is_served()) {
                Some(host) => host,
                None => return Ok(FoundPath::Nothing),
            },
        };
        match host.virtual_host().and_then(|host| host.app_root.as_deref()) {
            Some(location) if path == "/" => Err(Found::AppRoot(location)),
            _ => Ok(host.regexes().map_or_else(|| host.find(&self.state, path), |paths| paths.find(path))),
        }
    }

    /// Whether a certificate is configured for a host, which is what `ssl-redirect` asks: by an Ingress of that name, else by
    /// one of the wildcard above it, even where the name has Ingresses of its own without TLS (ingress-nginx). Rules
    /// without a host configure none. `host` is what [`RouteTable::host`] has for the name.
    pub fn has_certificate(&self, host: Option<&HostTable>, name: &str) -> bool {
        match host {
            Some(host) if matches!(host.host(), Host::CatchAll) => false,
            Some(host) if host.tls() => true,
            Some(host) if self.tls_wildcards > 0 && matches!(host.host(), Host::Exact(_)) => {
                let parent = name.split_once('.').map(|(_, parent)| parent);
                let wildcard =
                    parent.and_then(|parent| self.wildcard.get(self.state.hash_one(parent), parent));
                wildcard.is_some_and(|wildcard| wildcard.tls())
            }
            _ => false,
        }
    }

    /// Whether handshakes differ by the name they are for.
    pub fn asks_by_name(&self) -> bool {
        self.host_tls > 0 || self.passthroughs > 0
    }

    /// The route that takes the TLS of a name unopened, if one does: that of the path `/`.
    pub fn passthrough(&self, name: &str) -> Option<&Arc<CompiledRoute>> {
        if self.passthroughs == 0 {
            return None;
        }
        let host = self.host(name)?;
        let host = match host.virtual_host().map(|host| &host.role) {
            Some(HostRole::AliasOf(of)) => self.host_table(of).filter(|host| host.is_served())?,
            _ => host,
        };
        host.root().filter(|route| route.takes_tls())
    }

    /// What a host asks of handshakes and client certificates; an alias asks what its host asks.
    pub fn host_tls<'t>(&'t self, host: Option<&'t HostTable>) -> Option<&'t Arc<HostTls>> {
        if self.host_tls == 0 {
            return None;
        }
        let host = host?;
        match host.virtual_host().map(|host| &host.role) {
            Some(HostRole::AliasOf(of)) => self.host_table(of).filter(|host| host.is_served())?.asked(),
            _ => host.asked(),
        }
    }

    /// The host whose rules decide about a name. It decides alone: a path that an exact host lacks is not looked for under
    /// the wildcard.
    pub fn host(&self, name: &str) -> Option<&HostTable> {
        let any = || self.catch_all.as_deref().filter(|host| host.is_served());
        self.named_host(name).or_else(any)
    }

    fn named_host(&self, name: &str) -> Option<&HostTable> {
        let served = |host: &&Arc<HostTable>| host.is_served();
        let exact = self.exact.get(self.state.hash_one(name), name).filter(served);
        let wildcard = || match name.split_once('.') {
            Some((label, parent)) if !label.is_empty() && !self.wildcard.is_empty() => {
                self.wildcard.get(self.state.hash_one(parent), parent).filter(served)
            }
            _ => None,
        };
        let alias = || self.aliases.find(&self.state, name);
        exact.or_else(wildcard).or_else(alias).map(|host| &**host)
    }

    /// The route of `--default-backend-service`.
    pub fn default_backend(&self) -> Option<&Arc<CompiledRoute>> {
        self.default_backend.as_ref()
    }

    /// Who is asked about requests of routes that say nothing else (`global-auth-url`).
    pub fn global_auth(&self) -> Option<&ExternalAuth> {
        self.global_auth.as_deref()
    }

    /// All hosts, in no particular order.
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<HostTable>> {
        self.exact
            .iter()
            .chain(self.wildcard.iter())
            .chain(self.aliases.iter())
            .chain(self.catch_all.as_ref())
    }

    /// The table of exactly this host.
    pub fn host_table(&self, host: &Host) -> Option<&Arc<HostTable>> {
        match host {
            Host::Exact(name) => self.exact.get(self.state.hash_one(name.as_str()), name.as_str()),
            Host::Wildcard(name) => self.wildcard.get(self.state.hash_one(name.as_str()), name.as_str()),
            Host::Subdomains(_) | Host::Pattern(_) => self.aliases.get(&self.state, host),
            Host::CatchAll => self.catch_all.as_ref(),
        }
    }

    /// The route with exactly this key.
    pub fn route(&self, key: &RouteKey) -> Option<&Arc<CompiledRoute>> {
        self.host_table(&key.host)?.get(&self.state, &key.path)
    }

    pub(crate) fn set_settings(
        &mut self,
        settings: Settings,
        default_backend: Option<Arc<CompiledRoute>>,
        global_auth: Option<Arc<ExternalAuth>>,
    ) {
        self.global_auth = global_auth;
        self.compiled = Arc::new(CompiledSettings::new(&settings));
        self.settings = Arc::new(settings);
        self.default_backend = default_backend;
    }

    pub(crate) fn set_virtual_host(
        &mut self,
        host: &Host,
        virtual_host: Option<VirtualHost>,
        asked: Option<Arc<HostTls>>,
    ) {
        let before = self.host_table(host).is_some_and(|table| table.asked().is_some());
        self.host_tls = self.host_tls + usize::from(asked.is_some()) - usize::from(before);
        if matches!(host, Host::Wildcard(_)) {
            let before = self.host_table(host).is_some_and(|table| table.tls());
            let after = virtual_host.as_ref().is_some_and(|host| host.tls);
            self.tls_wildcards = self.tls_wildcards + usize::from(after) - usize::from(before);
        }
        self.change(host, |table, _| table.set_virtual_host(virtual_host, asked));
    }

    pub(crate) fn set_route(&mut self, key: &RouteKey, route: Option<Arc<CompiledRoute>>) {
        let takes =
            |route: Option<&Arc<CompiledRoute>>| usize::from(route.is_some_and(|route| route.takes_tls()));
        self.passthroughs = self.passthroughs + takes(route.as_ref()) - takes(self.route(key));
        self.change(&key.host, |table, state| table.set(state, &key.path, route));
    }

    /// Changes the table of a host, which comes into being and vanishes with what it holds.
    fn change(&mut self, host: &Host, change: impl FnOnce(&mut HostTable, &RandomState)) {
        let state = self.state.clone();
        let (map, name) = match host {
            Host::Subdomains(_) | Host::Pattern(_) => {
                let mut table = self.aliases.get(&state, host).cloned();
                let table = table.get_or_insert_with(|| Arc::new(HostTable::new(host.clone())));
                change(Arc::make_mut(table), &state);
                return self.aliases.set(&state, Arc::clone(table));
            }
            Host::Exact(name) => (&mut self.exact, name.as_str()),
            Host::Wildcard(name) => (&mut self.wildcard, name.as_str()),
            Host::CatchAll => {
                let table = self.catch_all.get_or_insert_with(|| Arc::new(HostTable::new(Host::CatchAll)));
                change(Arc::make_mut(table), &state);
                self.catch_all.take_if(|table| table.is_empty());
                return;
            }
        };
        let hash = state.hash_one(name);
        if map.get(hash, name).is_none() {
            map.insert(hash, Arc::new(HostTable::new(host.clone())));
        }
        let Some(table) = map.get_mut(hash, name) else { return };
        change(Arc::make_mut(table), &state);
        if table.is_empty() {
            map.remove(hash, name);
        }
    }
}
