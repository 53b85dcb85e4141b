//! The publisher against gateways that speak the wire, well or badly.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ingora_config::wire::{self, FromGateway, FromSync, PREFACE_BYTES, Preface};
use ingora_config::{
    Backend, Host, Key, NamespacedName, PathKind, PathMatch, PathValue, Resource, Route, RouteKey,
};
use ingora_controller_sync::metrics::Metrics;
use ingora_controller_sync::publish::{Limits, Publisher, Socket, Standing};
use ingora_controller_sync::translate::Change;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

struct Server {
    publisher: Publisher,
    metrics: Arc<Metrics>,
    path: PathBuf,
    _socket: Socket,
    _dir: TempDir,
}

fn serve(limits: Limits) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sync.sock");
    let metrics = Arc::new(Metrics::default());
    let (publisher, socket) = Publisher::bind(&path, limits, Arc::clone(&metrics)).unwrap();
    Server { publisher, metrics, path, _socket: socket, _dir: dir }
}

impl Server {
    fn publish(&self, changes: Vec<Change>) -> u64 {
        self.publisher.publish(changes, Instant::now())
    }

    async fn until(&self, what: &str, holds: impl Fn(&Standing) -> bool) {
        let wait = async {
            while !holds(&self.publisher.standing()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(waited.is_ok(), "{what} does not happen: {:?}", self.publisher.standing());
    }
}

/// A gateway: the table it holds and the last revision.
struct Gateway {
    stream: UnixStream,
    table: BTreeMap<Key, Resource>,
    full_states: usize,
}

impl Gateway {
    async fn connect(server: &Server) -> Self {
        let mut gateway = Self::raw(server).await;
        gateway.stream.write_all(&Preface::ours().encode()).await.unwrap();
        let mut preface = [0; PREFACE_BYTES];
        gateway.stream.read_exact(&mut preface).await.unwrap();
        Preface::check(&preface).unwrap();
        gateway
    }

    async fn raw(server: &Server) -> Self {
        let stream = UnixStream::connect(&server.path).await.unwrap();
        Self { stream, table: BTreeMap::new(), full_states: 0 }
    }

    /// Takes messages up to and including a commit.
    async fn revision(&mut self) -> u64 {
        let take = async {
            loop {
                let length = self.stream.read_u32().await.expect("the connection holds");
                let mut payload = vec![0; length as usize];
                self.stream.read_exact(&mut payload).await.unwrap();
                match wire::decode(&payload).unwrap() {
                    FromSync::Begin => {
                        self.full_states += 1;
                        self.table.clear();
                    }
                    FromSync::Upsert(resource) => drop(self.table.insert(resource.key(), *resource)),
                    FromSync::Remove(key) => drop(self.table.remove(&key)),
                    FromSync::Commit { revision } => return revision,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), take).await.expect("a commit comes")
    }

    async fn send(&mut self, payload: &[u8]) {
        self.stream.write_u32(u32::try_from(payload.len()).unwrap()).await.unwrap();
        self.stream.write_all(payload).await.unwrap();
    }

    async fn ack(&mut self, revision: u64) {
        self.send(&wire::encode(&FromGateway::Ack { revision, refused: vec![] }).unwrap()).await;
    }

    /// Reads up to the end of the connection.
    async fn until_cut(&mut self) {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(20), self.stream.read_to_end(&mut rest)).await;
        let _reset_or_closed = end.expect("the connection ends");
    }
}

fn route(number: usize, service: &str) -> Resource {
    Resource::Route(Route::new(
        RouteKey {
            host: Host::parse(&format!("host{number}.example")).unwrap(),
            path: PathMatch { kind: PathKind::Prefix, value: PathValue::new("/").unwrap() },
        },
        NamespacedName::new("default", service),
        Backend::NotFound,
    ))
}

fn upsert(number: usize, service: &str) -> Change {
    Change::Upsert(Arc::new(route(number, service)))
}

#[tokio::test]
async fn a_gateway_gets_the_full_state_and_then_differences() {
    let server = serve(Limits::default());
    let mut early = Gateway::connect(&server).await;
    assert_eq!(server.publish(vec![upsert(1, "a"), upsert(2, "a")]), 1);
    assert_eq!(early.revision().await, 1);
    assert_eq!((early.table.len(), early.full_states), (2, 1));
    server.publish(vec![upsert(1, "b"), Change::Remove(route(2, "").key()), upsert(3, "b")]);
    assert_eq!(early.revision().await, 2);
    let mut late = Gateway::connect(&server).await;
    assert_eq!(late.revision().await, 2);
    for gateway in [&early, &late] {
        assert_eq!(gateway.full_states, 1, "a difference is not a full state");
        assert_eq!(gateway.table.values().cloned().collect::<Vec<_>>(), [route(1, "b"), route(3, "b")]);
    }
}

#[tokio::test]
async fn an_empty_state_is_told_too() {
    let server = serve(Limits::default());
    server.publish(vec![]);
    let mut gateway = Gateway::connect(&server).await;
    assert_eq!((gateway.revision().await, gateway.full_states, gateway.table.len()), (1, 1, 0));
}

#[tokio::test]
async fn acknowledgements_say_where_each_gateway_stands() {
    let server = serve(Limits::default());
    server.publish(vec![upsert(1, "a")]);
    let mut gateways = [Gateway::connect(&server).await, Gateway::connect(&server).await];
    for gateway in &mut gateways {
        gateway.revision().await;
    }
    server.until("both wait", |s| s.gateways.iter().filter(|g| g.behind.is_some()).count() == 2).await;
    for gateway in &mut gateways {
        gateway.ack(1).await;
    }
    server.until("both serve", |s| s.gateways.iter().all(|g| g.acked == 1 && g.behind.is_none())).await;
    assert!(
        server.metrics.text().contains("ingora_sync_change_to_ack_seconds_count 0"),
        "a full state is no change"
    );
    server.publish(vec![upsert(1, "b")]);
    server.publish(vec![upsert(1, "c")]);
    gateways[0].ack(3).await;
    server.until("one is ahead", |s| s.gateways[0].acked == 3 && s.gateways[1].behind.is_some()).await;
    let text = server.metrics.text();
    assert!(text.contains("ingora_sync_change_to_ack_seconds_count 2"), "{text}");
    assert!(text.contains("ingora_sync_gateways 2"), "{text}");
    assert!(text.contains("ingora_sync_revision 3"), "{text}");
    drop(gateways);
    server.until("both are gone", |s| s.gateways.is_empty()).await;
    assert!(server.metrics.text().contains("ingora_sync_gateways_cut_total 0"));
}

#[tokio::test]
async fn peers_that_do_not_speak_the_protocol_are_cut() {
    let server = serve(Limits { preface: Duration::from_millis(50), ..Limits::default() });
    server.publish(vec![]);
    let mut other_version = Gateway::raw(&server).await;
    let preface = Preface { protocol: 999, release: "9.9.9".into() };
    other_version.stream.write_all(&preface.encode()).await.unwrap();
    // It hears ours before it is cut, and so can say the same sentence.
    let mut ours = [0; PREFACE_BYTES];
    other_version.stream.read_exact(&mut ours).await.unwrap();
    assert_eq!(Preface::check(&ours), Ok(Preface::ours()));
    other_version.until_cut().await;
    let mut silent = Gateway::raw(&server).await;
    silent.until_cut().await;
    for nonsense in [vec![0xff; 16], vec![0; 65 * 1024], vec![]] {
        let mut gateway = Gateway::connect(&server).await;
        gateway.revision().await;
        gateway.stream.write_u32(u32::try_from(nonsense.len()).unwrap()).await.unwrap();
        // The cut may come while the rest is still on its way.
        let _ = gateway.stream.write_all(&nonsense).await;
        gateway.until_cut().await;
    }
    let mut liar = Gateway::connect(&server).await;
    liar.revision().await;
    liar.ack(7).await;
    liar.until_cut().await;
    server.until("all are gone", |s| s.gateways.is_empty()).await;
    let text = server.metrics.text();
    assert!(text.contains("ingora_sync_gateways_cut_total 6"), "{text}");
}

#[tokio::test]
async fn an_acknowledgement_before_anything_was_sent_is_refused() {
    let server = serve(Limits::default());
    let mut gateway = Gateway::connect(&server).await;
    gateway.ack(1).await;
    gateway.until_cut().await;
    server.publish(vec![]);
    assert!(server.publisher.standing().gateways.is_empty());
}

#[tokio::test]
async fn a_gateway_that_takes_nothing_is_cut_and_gets_a_full_state_when_it_comes_back() {
    let server = serve(Limits { stall: Duration::from_secs(2), ..Limits::default() });
    let changes = |service: &str| (0..20_000).map(|number| upsert(number, service)).collect();
    server.publish(changes("a"));
    let stuck = Gateway::connect(&server).await;
    let mut healthy = Gateway::connect(&server).await;
    assert_eq!(healthy.revision().await, 1);
    server.until("the stuck one is cut", |s| s.gateways.len() == 1).await;
    drop(stuck);
    let mut back = Gateway::connect(&server).await;
    assert_eq!((back.revision().await, back.full_states, back.table.len()), (1, 1, 20_000));
}

#[tokio::test]
async fn a_gateway_whose_queue_overflows_is_cut_and_nobody_else_notices() {
    let server = serve(Limits { queue: 8, ..Limits::default() });
    server.publish((0..5_000).map(|number| upsert(number, "a")).collect());
    let mut stuck = Gateway::connect(&server).await;
    server.until("it has joined", |s| s.gateways.len() == 1).await;
    let mut healthy = Gateway::connect(&server).await;
    healthy.revision().await;
    for number in 0..50 {
        let revision = server.publish(vec![upsert(number, "b")]);
        assert_eq!(healthy.revision().await, revision);
    }
    server.until("the stuck one is cut", |s| s.gateways.len() == 1).await;
    stuck.until_cut().await;
    assert_eq!((healthy.full_states, healthy.table.len()), (1, 5_000));
}

#[tokio::test]
async fn differences_during_a_full_state_are_neither_lost_nor_early() {
    let server = serve(Limits::default());
    server.publish((0..5_000).map(|number| upsert(number, "a")).collect());
    let mut gateway = Gateway::connect(&server).await;
    server.until("it has joined", |s| s.gateways.len() == 1).await;
    for number in 0..100 {
        server.publish(vec![upsert(number, "b")]);
    }
    assert_eq!(gateway.revision().await, 1);
    assert_eq!(
        gateway.table[&route(0, "").key()],
        route(0, "a"),
        "the full state is the one of its revision"
    );
    while gateway.revision().await < 101 {}
    assert_eq!(gateway.full_states, 1);
    assert_eq!(gateway.table[&route(99, "").key()], route(99, "b"));
}
