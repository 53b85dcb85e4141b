//! The client against a server made here, which speaks the wire as controller-sync does, or does not.

use super::*;
use crate::table::Found;
use ingora_config::wire::{FromGateway, FromSync, MAX_FRAME_BYTES, PREFACE_BYTES, Preface, decode, encode};
use ingora_config::{
    Backend, Host, Key, NamespacedName, PathKind, PathMatch, PathValue, Resource, Route, RouteKey,
    VirtualHost,
};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(20);

/// A gateway's client, and the socket it connects to.
struct Setting {
    live: Arc<Live>,
    listener: UnixListener,
    client: JoinHandle<()>,
    directory: TempDir,
}

impl Drop for Setting {
    fn drop(&mut self) {
        self.client.abort();
    }
}

impl Setting {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("sync.sock")).unwrap();
        let live = Live::new().unwrap();
        let client = tokio::spawn(run(directory.path().join("sync.sock"), Arc::clone(&live)));
        Self { live, listener, client, directory }
    }

    /// The next connection, before any preface.
    async fn accept(&self) -> Peer {
        Peer(timeout(LONG, self.listener.accept()).await.expect("the client connects").unwrap().0)
    }

    /// The next connection, after both prefaces.
    async fn connected(&self) -> Peer {
        let mut peer = self.accept().await;
        let mut preface = [0; PREFACE_BYTES];
        peer.0.read_exact(&mut preface).await.unwrap();
        assert_eq!(Preface::check(&preface), Ok(Preface::ours()));
        peer.0.write_all(&Preface::ours().encode()).await.unwrap();
        peer
    }

    fn serves(&self, host: &str) -> bool {
        matches!(self.live.table().find(host, "/"), Found::Route(_))
    }
}

/// The other side's end of a connection.
struct Peer(UnixStream);

impl Peer {
    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).await.unwrap();
        self.0.write_all(bytes).await.unwrap();
    }

    async fn send(&mut self, messages: impl IntoIterator<Item = FromSync>) {
        for message in messages {
            self.send_bytes(&encode(&message).unwrap()).await;
        }
    }

    async fn acknowledged(&mut self) -> (u64, Vec<String>) {
        let read = async {
            let mut length = [0; 4];
            self.0.read_exact(&mut length).await.unwrap();
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            self.0.read_exact(&mut frame).await.unwrap();
            decode::<FromGateway>(&frame).unwrap()
        };
        let FromGateway::Ack { revision, refused } = timeout(LONG, read).await.expect("an acknowledgement");
        (revision, refused)
    }

    /// Waits until the client hangs up.
    async fn cut(&mut self) {
        let mut rest = Vec::new();
        // A reset is as good as an end.
        let _ = timeout(LONG, self.0.read_to_end(&mut rest)).await.expect("the client hangs up");
    }
}

fn key(host: &str) -> RouteKey {
    let path = PathMatch { kind: PathKind::Prefix, value: PathValue::new("/").unwrap() };
    RouteKey { host: Host::parse(host).unwrap(), path }
}

fn host(host: &str) -> [FromSync; 2] {
    let ingress = NamespacedName::new("shop", "web");
    let route = Route::new(key(host), ingress, Backend::NotFound);
    let host = VirtualHost::new(Host::parse(host).unwrap(), None);
    [Resource::Route(route), Resource::VirtualHost(host)].map(|resource| FromSync::Upsert(Box::new(resource)))
}

async fn send_full(peer: &mut Peer, revision: u64, hosts: &[&str]) {
    peer.send([FromSync::Begin]).await;
    for name in hosts {
        peer.send(host(name)).await;
    }
    peer.send([FromSync::Commit { revision }]).await;
    assert_eq!(peer.acknowledged().await, (revision, vec![]));
}

#[tokio::test]
async fn a_full_state_and_differences_are_served_and_acknowledged() {
    let setting = Setting::new();
    let mut peer = setting.connected().await;
    send_full(&mut peer, 1, &["a.test"]).await;
    setting.live.configured().await;
    assert!(setting.serves("a.test") && !setting.serves("b.test"));
    peer.send(host("b.test")).await;
    peer.send([FromSync::Remove(Key::Route(key("a.test"))), FromSync::Commit { revision: 2 }]).await;
    assert_eq!(peer.acknowledged().await, (2, vec![]));
    assert!(!setting.serves("a.test") && setting.serves("b.test"));
}

#[tokio::test]
async fn nothing_of_a_batch_is_served_before_its_commit() {
    let setting = Setting::new();
    let mut peer = setting.connected().await;
    send_full(&mut peer, 1, &["a.test"]).await;
    peer.send([FromSync::Begin]).await;
    peer.send(host("b.test")).await;
    drop(peer);
    let mut peer = setting.connected().await;
    assert!(setting.serves("a.test") && !setting.serves("b.test"));
    send_full(&mut peer, 1, &["b.test"]).await;
    assert!(!setting.serves("a.test") && setting.serves("b.test"));
}

#[tokio::test]
async fn after_a_restart_of_the_other_side_what_did_not_change_stays_the_same_value() {
    let setting = Setting::new();
    let mut peer = setting.connected().await;
    send_full(&mut peer, 70, &["a.test", "b.test"]).await;
    let before = setting.live.table().route(&key("a.test")).cloned().unwrap();
    drop(peer);
    let mut peer = setting.connected().await;
    assert!(setting.serves("b.test"), "served while nobody is there");
    send_full(&mut peer, 1, &["a.test", "c.test"]).await;
    let after = setting.live.table().route(&key("a.test")).cloned().unwrap();
    assert!(Arc::ptr_eq(&before, &after));
    assert!(!setting.serves("b.test") && setting.serves("c.test"));
    assert_eq!(setting.live.revision(), Some(1));
}

#[tokio::test]
async fn a_peer_of_another_version_is_refused_until_one_fits() {
    let setting = Setting::new();
    for _ in 0..3 {
        let mut peer = setting.accept().await;
        peer.0.write_all(&Preface { protocol: 999, release: "9.9.9".into() }.encode()).await.unwrap();
        peer.cut().await;
    }
    assert!(!setting.live.ready());
    let mut peer = setting.connected().await;
    send_full(&mut peer, 1, &["a.test"]).await;
}

#[tokio::test]
async fn a_peer_that_says_its_version_and_hangs_up_is_understood() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sync.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let preface = Preface { protocol: 999, release: "9.9.9".into() }.encode();
    let peer = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(&preface).await.unwrap();
        }
    });
    for _ in 0..50 {
        let Err(error) = Connection::open(&path).await else { panic!("it must not fit") };
        assert!(matches!(error, SyncError::Preface(PrefaceError::Version { theirs: 999, .. })), "{error}");
    }
    peer.abort();
}

#[tokio::test]
async fn whatever_is_out_of_order_cuts_the_connection_and_changes_nothing() {
    let setting = Setting::new();
    let mut peer = setting.connected().await;
    send_full(&mut peer, 1, &["a.test"]).await;
    // Not a message, in a difference.
    peer.send_bytes(&[0xFF; 8]).await;
    peer.cut().await;
    // A difference before a full state.
    let mut peer = setting.connected().await;
    peer.send([FromSync::Commit { revision: 2 }]).await;
    peer.cut().await;
    // A frame that is larger than any.
    let mut peer = setting.connected().await;
    peer.0.write_all(&(MAX_FRAME_BYTES as u32 + 1).to_be_bytes()).await.unwrap();
    peer.cut().await;
    assert_eq!(setting.live.revision(), Some(1));
    assert!(setting.serves("a.test"));
    let mut peer = setting.connected().await;
    send_full(&mut peer, 3, &["a.test"]).await;
}

#[tokio::test]
async fn what_cannot_be_read_of_a_full_state_is_told_and_the_rest_is_served() {
    let setting = Setting::new();
    let mut peer = setting.connected().await;
    peer.send([FromSync::Begin]).await;
    peer.send_bytes(&[0xFF; 8]).await;
    peer.send(host("a.test")).await;
    peer.send([FromSync::Commit { revision: 5 }]).await;
    let (revision, refused) = peer.acknowledged().await;
    assert_eq!((revision, refused.len()), (5, 1));
    assert!(setting.serves("a.test"));
}

#[tokio::test]
async fn a_socket_that_vanishes_and_comes_back_is_found_again() {
    let mut setting = Setting::new();
    let mut peer = setting.connected().await;
    send_full(&mut peer, 1, &["a.test"]).await;
    let path = setting.directory.path().join("sync.sock");
    std::fs::remove_file(&path).unwrap();
    drop(peer);
    setting.listener = UnixListener::bind(&path).unwrap();
    let mut peer = setting.connected().await;
    send_full(&mut peer, 1, &["b.test"]).await;
    assert!(setting.serves("b.test"));
}
