//! Name resolution against a DNS server of the test's own, over real UDP.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ingora_controller_sync::dns::{Answer, Names};
use ingora_controller_sync::metrics::Metrics;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;

/// What the server knows: name → TTL in seconds and addresses. Names it does not know do not exist.
type Zone = Arc<Mutex<BTreeMap<String, (u32, Vec<IpAddr>)>>>;

struct Server {
    address: SocketAddr,
    zone: Zone,
    /// The names asked for, in order.
    asked: Arc<Mutex<Vec<String>>>,
}

async fn serve() -> Server {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (zone, asked) = (Zone::default(), Arc::new(Mutex::new(Vec::new())));
    let (zone_, asked_) = (Arc::clone(&zone), Arc::clone(&asked));
    tokio::spawn(async move {
        let mut query = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut query).await {
            let (name, kind, end) = question(&query[..length]);
            asked_.lock().unwrap().push(name.clone());
            let known = zone_.lock().unwrap().get(&name).cloned();
            let answer = response(&query[..end], kind, known);
            socket.send_to(&answer, peer).await.unwrap();
        }
    });
    Server { address, zone, asked }
}

/// The name, the type and the end of the only question (RFC 1035, section 4.1.2).
fn question(query: &[u8]) -> (String, u16, usize) {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_lowercase());
        at += 1 + length;
    }
    (labels.join("."), u16::from_be_bytes([query[at + 1], query[at + 2]]), at + 5)
}

/// Header and question again, then the addresses of the asked type (RFC 1035, section 4.1).
fn response(query: &[u8], kind: u16, known: Option<(u32, Vec<IpAddr>)>) -> Vec<u8> {
    let mut answer = query.to_vec();
    let exists = known.is_some();
    let (ttl, addresses) = known.unwrap_or_default();
    let addresses: Vec<_> =
        addresses.into_iter().filter(|address| address.is_ipv4() == (kind == TYPE_A)).collect();
    let addresses = if matches!(kind, TYPE_A | TYPE_AAAA) { addresses } else { Vec::new() };
    answer[2..4].copy_from_slice(&[0x85, if exists { 0x80 } else { 0x83 }]);
    answer[4..12].copy_from_slice(&[0, 1, 0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    for address in addresses {
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&kind.to_be_bytes());
        answer.extend_from_slice(&[0, 1]);
        answer.extend_from_slice(&ttl.to_be_bytes());
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        answer.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
        answer.extend_from_slice(&bytes);
    }
    answer
}

impl Server {
    fn set(&self, name: &str, ttl: u32, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.zone.lock().unwrap().insert(name.into(), (ttl, addresses));
    }

    fn times_asked(&self, name: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == name).count()
    }

    fn names(&self) -> (Names, mpsc::Receiver<Answer>, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::default());
        let (names, answers) = Names::new(&[self.address], Arc::clone(&metrics));
        (names, answers, metrics)
    }
}

fn set_of(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn next(answers: &mut mpsc::Receiver<Answer>) -> Answer {
    tokio::time::timeout(Duration::from_secs(20), answers.recv()).await.expect("an answer comes").unwrap()
}

fn addresses(list: &[&str]) -> Result<Vec<IpAddr>, String> {
    Ok(list.iter().map(|address| address.parse().unwrap()).collect())
}

#[tokio::test]
async fn both_families_are_found_and_a_short_ttl_is_asked_for_again() {
    let server = serve().await;
    server.set("db.example.com", 1, &["192.0.2.7", "2001:db8::7", "192.0.2.1"]);
    let (mut names, mut answers, _) = server.names();
    names.set(&set_of(&["db.example.com."]));
    assert!(!names.all_answered());
    let answer = next(&mut answers).await;
    assert_eq!(answer.addresses, addresses(&["192.0.2.1", "192.0.2.7", "2001:db8::7"]));
    names.answered(&answer.name);
    assert!(names.all_answered());
    server.set("db.example.com", 1, &["192.0.2.8"]);
    let begin = Instant::now();
    assert_eq!(next(&mut answers).await.addresses, addresses(&["192.0.2.8"]));
    assert!(begin.elapsed() < Duration::from_secs(5), "the TTL is a second");
}

#[tokio::test]
async fn an_answer_holds_for_its_ttl_and_an_unused_name_is_not_asked_for() {
    let server = serve().await;
    server.set("long.example.com", 600, &["192.0.2.1"]);
    server.set("short.example.com", 1, &["192.0.2.2"]);
    server.set("gone.example.com", 1, &["192.0.2.3"]);
    let (mut names, mut answers, _) = server.names();
    names.set(&set_of(&["long.example.com.", "short.example.com.", "gone.example.com."]));
    for _ in 0..3 {
        next(&mut answers).await;
    }
    names.set(&set_of(&["long.example.com.", "short.example.com."]));
    let (long, gone) = (server.times_asked("long.example.com"), server.times_asked("gone.example.com"));
    // The short one, asked again and again, is the clock.
    let clock = server.times_asked("short.example.com");
    let wait = async {
        while server.times_asked("short.example.com") < clock + 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the short one is asked for again");
    assert_eq!(server.times_asked("long.example.com"), long);
    assert_eq!(server.times_asked("gone.example.com"), gone);
}

#[tokio::test]
async fn failures_are_told_once_counted_and_overcome() {
    let server = serve().await;
    let (mut names, mut answers, metrics) = server.names();
    names.set(&set_of(&["new.example.com."]));
    assert_eq!(next(&mut answers).await.addresses, Err("there is no such name".into()));
    server.set("new.example.com", 60, &["192.0.2.1"]);
    assert_eq!(next(&mut answers).await.addresses, addresses(&["192.0.2.1"]));
    assert!(metrics.dns_failures.get() >= 1);
}

#[tokio::test]
async fn nonsense_is_answered_and_not_asked_for() {
    let server = serve().await;
    let (mut names, mut answers, _) = server.names();
    let long = "a".repeat(64) + ".example.com.";
    names.set(&set_of(&["a..b.", &long, ""]));
    for _ in 0..3 {
        assert!(next(&mut answers).await.addresses.is_err());
    }
}
