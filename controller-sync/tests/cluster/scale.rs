//! Five thousand Ingresses, five thousand Services, twenty thousand endpoints: memory, time until ready, what a change
//! costs and how long it takes, and what a hundred endpoint changes a second cost.
//!
//! The bounds hold for slow, busy machines and for builds without optimisation; the numbers are printed. Those to quote come
//! from `make bench-change`: `INGORA_PROGRAMS` names the folder of the release programs there, and `INGORA_CLUSTER_RESULTS`
//! the file to which each test adds a line of JSON (`loadtest/src/bench/change/cluster.rs` reads it).
//! `INGORA_CLUSTER_CHURN_SECONDS` makes the churn longer, `INGORA_CLUSTER_SITES` changes the number of Ingresses.

use crate::support::api::Api;
use crate::support::backend::Backend;
use crate::support::cluster::Cluster;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{documents, ingress, service, slice};
use crate::support::object;
use crate::support::process::Program;
use crate::support::site::Site;
use crate::support::trial::trials;
use crate::support::{PATIENCE, number};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

trials! {
    alone:
        many_objects_are_ready_soon_and_take_little_memory,
        an_ingress_is_live_at_once_among_many,
        endpoint_changes_are_live_at_once_among_many,
        a_hundred_endpoint_changes_a_second_cost_little;
}

const WRITERS: usize = 8;
const CHANGES: usize = 120;

/// What sync may take, in bytes: with 5,000 Ingresses or fewer, and for each beyond.
const MEMORY: u64 = 150_000_000;
const MEMORY_OF_ONE: u64 = 30_000;

fn may_take() -> u64 {
    MEMORY.max(MEMORY_OF_ONE * sites() as u64)
}

/// Adds a line to the results, where somebody asked for them.
fn record(what: &str, figures: Value) {
    let Some(file) = std::env::var_os("INGORA_CLUSTER_RESULTS") else { return };
    let line = json!({ "routes": sites(), "what": what, "figures": figures });
    let mut file = File::options().create(true).append(true).open(file).unwrap();
    writeln!(file, "{line}").unwrap();
}

fn mebibytes(program: &Program) -> u64 {
    program.resident_bytes() >> 20
}

/// A cluster of its own, filled once for all tests of this module.
struct Big {
    site: Site<'static>,
    blue: Backend,
    green: Backend,
}

fn big() -> &'static Big {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static BIG: OnceLock<Big> = OnceLock::new();
    BIG.get_or_init(|| {
        let begin = Instant::now();
        let site = Site::in_cluster(CLUSTER.get_or_init(Cluster::start), "big");
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (site, admin) = (&site, site.cluster.admin.another());
                scope.spawn(move || (writer..sites()).step_by(WRITERS).for_each(|at| fill(site, &admin, at)));
            }
        });
        let (blue, green) = (site.backend("blue"), site.backend("green"));
        site.apply(service("web", &[blue.address]));
        eprintln!("    {} Ingresses, Services and EndpointSlices written in {:?}", sites(), begin.elapsed());
        Big { site, blue, green }
    })
}

fn sites() -> usize {
    number("INGORA_CLUSTER_SITES", 5000) as usize
}

fn name(at: usize) -> String {
    format!("site-{at}")
}

/// Four addresses where nobody lives.
fn addresses(at: usize, round: usize) -> Vec<SocketAddr> {
    let byte = |value: usize| u8::try_from(value % 250 + 1).unwrap();
    (0..4)
        .map(|last| {
            (Ipv4Addr::new(10, 100 + byte(round) % 100, byte(at / 250), byte(at * 4 + last)), 8080).into()
        })
        .collect()
}

fn fill(site: &Site<'_>, admin: &Api, at: usize) {
    let name = name(at);
    let text = documents([
        service(&name, &addresses(at, 0)),
        ingress(&name).path(&format!("{name}.test"), "Prefix", "/", &name).text(),
    ]);
    for object in site.objects(&text) {
        admin.create(&object);
    }
}

/// Starts both programs and waits until they are ready; how long that took. Statuses are not written: at the rate that
/// spares the API server that would go on through all tests here.
fn start(big: &Big) -> (Edge, Duration) {
    let begin = Instant::now();
    let edge = big.site.plan().sync(&["--update-status=false"]).start();
    (edge, begin.elapsed())
}

fn many_objects_are_ready_soon_and_take_little_memory() {
    let (edge, ready) = start(big());
    // Ready means that the last one is served, too.
    let last = format!("{}.test", name(sites() - 1));
    assert!(edge.admin("/config").text().contains(&last), "{last}");
    let (resident, gateway) = (mebibytes(&edge.sync), mebibytes(&edge.gateway));
    let busy = edge.sync.processor_time();
    eprintln!(
        "    ready after {ready:?}; sync takes {resident} MiB and has computed {busy:?}; gateway {gateway} MiB"
    );
    record(
        "ready",
        json!({
            "ready_s": ready.as_secs_f64(),
            "sync_cpu_s": busy.as_secs_f64(),
            "sync_mib": resident,
            "gateway_mib": gateway,
        }),
    );
    assert!(edge.sync.resident_bytes() < may_take(), "sync takes {resident} MiB");
    assert!(
        ready < Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 10 }),
        "ready after {ready:?}"
    );
}

/// One client that keeps its connection as long as the gateway does.
struct Client {
    address: SocketAddr,
    kept: Option<Connection<TcpStream>>,
}

impl Client {
    fn of(edge: &Edge) -> Self {
        Self { address: edge.http, kept: None }
    }

    /// Keeps asking until `live` says so.
    fn wait_live(&mut self, host: &str, live: impl Fn(u16, &str) -> bool) {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let mut connection = self.kept.take().unwrap_or_else(|| Connection::open(self.address).unwrap());
            let answer = connection.get(host, "/").unwrap();
            if answer.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
                self.kept = Some(connection);
            }
            if live(answer.status, &answer.text()) {
                return;
            }
            thread::sleep(Duration::from_micros(100));
        }
        panic!("{host} is not live after {PATIENCE:?}");
    }
}

/// The pause before the next change: another one each time, so that no timer of the programs keeps step with it.
fn pause(at: usize) {
    thread::sleep(Duration::from_millis(20 + (at * 7 % 40) as u64));
}

fn judge(name: &str, what: &str, mut times: Vec<Duration>) {
    times.sort();
    let of = |share: usize| times[(times.len() - 1) * share / 100];
    let milliseconds = |share| of(share).as_secs_f64() * 1e3;
    record(
        name,
        json!({ "p50_ms": milliseconds(50), "p99_ms": milliseconds(99), "longest_ms": milliseconds(100) }),
    );
    eprintln!(
        "    {what}, {} changes: p50 {:?}, p90 {:?}, p99 {:?}, longest {:?}",
        times.len(),
        of(50),
        of(90),
        of(99),
        of(100)
    );
    // Ten times what is aimed at (10 and 50 ms): this machine has other work as well.
    assert!(of(50) < Duration::from_millis(100) && of(99) < Duration::from_millis(1000), "{what}");
}

fn an_ingress_is_live_at_once_among_many() {
    let big = big();
    let (edge, _) = start(big);
    let mut client = Client::of(&edge);
    let admin = &big.site.cluster.admin;
    let times = (0..CHANGES).map(|at| {
        let host = format!("new-{at}.test");
        let object = big.site.objects(&ingress("new").path(&host, "Prefix", "/", "web").text()).remove(0);
        pause(at);
        admin.apply(&object);
        let answered = Instant::now();
        client.wait_live(&host, |status, _| status == 200);
        answered.elapsed()
    });
    let times = times.collect();
    admin.delete(&big.site.ingress_path("new"));
    judge("ingress", "from the API's answer to the first 200", times);
}

fn endpoint_changes_are_live_at_once_among_many() {
    let big = big();
    big.site.apply(ingress("moving").path("moving.test", "Prefix", "/", "web").text());
    let (edge, _) = start(big);
    let mut client = Client::of(&edge);
    let sides = [(&big.green, "green"), (&big.blue, "blue")];
    let times = (0..CHANGES).map(|at| {
        let (backend, body) = sides[at % 2];
        let text = slice("web", "1", &[backend.address], "{ ready: true }");
        let object = big.site.objects(&text).remove(0);
        pause(at);
        big.site.cluster.admin.apply(&object);
        let answered = Instant::now();
        client.wait_live("moving.test", |_, text| text == body);
        answered.elapsed()
    });
    judge("endpoints", "from the API's answer to the first answer of the new endpoint", times.collect());
}

fn churn() -> Duration {
    Duration::from_secs(number("INGORA_CLUSTER_CHURN_SECONDS", 10))
}

fn a_hundred_endpoint_changes_a_second_cost_little() {
    const PER_SECOND: usize = 100;
    let big = big();
    let (edge, _) = start(big);
    let before = (edge.sync.processor_time(), edge.gateway.processor_time());
    let begin = Instant::now();
    let changes = churn().as_secs() as usize * PER_SECOND;
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (site, admin) = (&big.site, big.site.cluster.admin.another());
            scope.spawn(move || {
                for change in (writer..changes).step_by(WRITERS) {
                    let due = Duration::from_secs(1) / PER_SECOND as u32 * change as u32;
                    thread::sleep(due.saturating_sub(begin.elapsed()));
                    move_pods(site, &admin, change * 31 % sites(), 1 + change / sites());
                }
            });
        }
    });
    let wall = begin.elapsed();
    let share = |used: Duration| used.as_secs_f64() / wall.as_secs_f64() * 100.0;
    let used = (edge.sync.processor_time() - before.0, edge.gateway.processor_time() - before.1);
    let (sync, resident) = (share(used.0), mebibytes(&edge.sync));
    eprintln!(
        "    {changes} endpoint changes in {wall:?}: sync takes {sync:.1} % of a core and {resident} MiB, the gateway {:.1} %",
        share(used.1)
    );
    let each = |used: Duration| used.as_secs_f64() * 1e6 / changes as f64;
    record("churn", json!({ "sync_us": each(used.0), "gateway_us": each(used.1), "sync_mib": resident }));
    assert!(edge.sync.resident_bytes() < may_take(), "{resident} MiB");
    assert!(sync < if cfg!(debug_assertions) { 60.0 } else { 20.0 }, "{sync} %");
}

fn move_pods(site: &Site<'_>, admin: &Api, at: usize, round: usize) {
    let text = slice(&name(at), "1", &addresses(at, round), "{ ready: true }");
    let object = site.objects(&text).remove(0);
    let patch: Value = json!({ "endpoints": object["endpoints"] });
    admin.merge(&object::path(&object), &patch);
}
