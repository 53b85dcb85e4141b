//! The addresses behind ExternalName Services.
//!
//! One task per name in use: it asks, sends what is new, sleeps for as long as the answer holds, and asks again.
//! Search domains, servers and time limits are those of `/etc/resolv.conf`, as for every other program of the Pod.

use crate::metrics::Metrics;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::read_system_conf;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// An answer holds for its TTL, within these.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(3600);

/// After failures it is asked again at once after the first second, then ever more rarely up to this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// How many names are asked for at the same time.
const AT_ONCE: usize = 32;

/// The most addresses taken from one answer.
const MAX_ADDRESSES: usize = 256;

/// What is known of one name: its addresses, sorted, or one sentence why there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name as it was asked for.
    pub name: String,
    /// Its addresses.
    pub addresses: Result<Vec<IpAddr>, String>,
}

/// The names in use, each with its task.
pub struct Names {
    asker: Arc<Asker>,
    tasks: BTreeMap<String, JoinHandle<()>>,
    unanswered: BTreeSet<String>,
}

struct Asker {
    /// `Err` is why nothing can be resolved at all.
    resolver: Result<TokioResolver, String>,
    answers: mpsc::Sender<Answer>,
    turn: Semaphore,
    metrics: Arc<Metrics>,
}

impl Names {
    /// Asks `servers`, or those of the system when there are none. The receiver gets an answer for each name once,
    /// then whenever it changes. Where the system's configuration cannot be read, that is the answer.
    pub fn new(servers: &[SocketAddr], metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Answer>) {
        let (answers, receiver) = mpsc::channel(64);
        let asker = Asker { resolver: resolver(servers), answers, turn: Semaphore::new(AT_ONCE), metrics };
        (Self { asker: Arc::new(asker), tasks: BTreeMap::new(), unanswered: BTreeSet::new() }, receiver)
    }

    /// These names are in use now, and no others.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn set(&mut self, names: &BTreeSet<String>) {
        self.tasks.retain(|name, task| {
            let used = names.contains(name);
            if !used {
                task.abort();
            }
            used
        });
        self.unanswered.retain(|name| names.contains(name));
        for name in names {
            if !self.tasks.contains_key(name) {
                let task = Arc::clone(&self.asker).keep_asking(name.clone());
                self.tasks.insert(name.clone(), tokio::spawn(task));
                self.unanswered.insert(name.clone());
            }
        }
    }

    /// Notes that there was an answer.
    pub fn answered(&mut self, name: &str) {
        self.unanswered.remove(name);
    }

    /// Whether every name in use had an answer, good or bad.
    pub fn all_answered(&self) -> bool {
        self.unanswered.is_empty()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.tasks.values().for_each(JoinHandle::abort);
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, String> {
    let system = read_system_conf();
    let (config, mut options) = match (system, servers) {
        (Ok(system), []) => system,
        (Err(error), []) => return Err(format!("/etc/resolv.conf cannot be used: {}", sentence(&error))),
        (system, servers) => {
            let (config, options) =
                system.unwrap_or_else(|_| (ResolverConfig::default(), ResolverOpts::default()));
            let (domain, search, _) = config.into_parts();
            let servers = servers.iter().map(|server| name_server(*server)).collect();
            (ResolverConfig::from_parts(domain, search, servers), options)
        }
    };
    // The tasks keep what they know for its TTL; a second memory would only make it older.
    options.cache_size = 0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build().map_err(|error| sentence(&error))
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

impl Asker {
    async fn keep_asking(self: Arc<Self>, name: String) {
        let mut told = None;
        let mut backoff = SHORTEST;
        loop {
            let (addresses, pause) = match self.ask(&name).await {
                Ok((addresses, ttl)) => {
                    backoff = SHORTEST;
                    (Ok(addresses), ttl.clamp(SHORTEST, LONGEST))
                }
                Err(why) => {
                    self.metrics.dns_failures.inc();
                    let pause = backoff;
                    backoff = (backoff * 2).min(LONGEST_BACKOFF);
                    (Err(why), pause)
                }
            };
            if told.as_ref() != Some(&addresses) {
                told = Some(addresses.clone());
                if self.answers.send(Answer { name: name.clone(), addresses }).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask(&self, name: &str) -> Result<(Vec<IpAddr>, Duration), String> {
        let resolver = self.resolver.as_ref().map_err(Clone::clone)?;
        // The semaphore is never closed; without a turn the question would still be right.
        let _turn = self.turn.acquire().await;
        let found = resolver.lookup_ip(name).await.map_err(|error| sentence(&error))?;
        let ttl = found.as_lookup().answers().iter().map(|record| record.ttl).min().unwrap_or_default();
        let mut addresses: Vec<_> = found.iter().collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(MAX_ADDRESSES);
        if addresses.is_empty() {
            return Err("the name has no address".into());
        }
        Ok((addresses, Duration::from_secs(ttl.into())))
    }
}

fn sentence(error: &NetError) -> String {
    match error {
        error if error.is_nx_domain() => "there is no such name".into(),
        error if error.is_no_records_found() => "the name has no address".into(),
        NetError::Timeout => "no DNS server answers in time".into(),
        NetError::NoConnections => "no DNS server can be reached".into(),
        error => error.to_string().chars().filter(|c| !c.is_control()).take(200).collect(),
    }
}
