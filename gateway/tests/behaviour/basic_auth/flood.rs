//! A flood of logins: 200 different wrong passwords a second against bcrypt of cost 12. Those who do not log in and those who
//! have logged in must not notice; those who want to log in must still get their turn.
//!
//! `INGORA_LOGIN_FLOOD_SECONDS=10` makes it as long as the promise says; the numbers are printed (`-- --nocapture`).

use super::{basic, of, secret, users};
use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{documents, service};
use crate::support::until;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// `correct horse` with cost 12.
const HASH: &str = "$2y$12$abcdefghijklmnopqrstuuFDJRuYeKkCzo3Wy7h8SxhBSHBAHiPK2";
/// Noise of a machine that does other things too. A password that is verified where requests are served shows all the same: it
/// takes three times as long.
const FLOOR: Duration = Duration::from_millis(100);
/// The same where the test is asked for by name, on a quiet machine.
const QUIET_FLOOR: Duration = Duration::from_millis(5);

/// How long each measurement lasts, and which difference does not count.
fn scale() -> (Duration, Duration) {
    match std::env::var("INGORA_LOGIN_FLOOD_SECONDS").ok().and_then(|text| text.parse().ok()) {
        Some(seconds) => (Duration::from_secs(seconds), QUIET_FLOOR),
        None => (Duration::from_secs(3), FLOOR),
    }
}

/// How long each of a number of requests takes, one every 5 ms.
fn measure(address: SocketAddr, request: &str, period: Duration) -> Vec<Duration> {
    let mut connection = Connection::open(address).unwrap();
    let begin = Instant::now();
    let mut times = Vec::new();
    while begin.elapsed() < period {
        let next = begin + Duration::from_millis(5) * u32::try_from(times.len()).unwrap();
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let started = Instant::now();
        connection.send(request).unwrap();
        let answer = connection.response().unwrap();
        assert_eq!(answer.status, 200, "{request}");
        times.push(started.elapsed());
        if answer.header("connection") == Some("close") {
            // It had its share of requests.
            connection = Connection::open(address).unwrap();
        }
    }
    times.sort_unstable();
    times
}

fn p99(times: &[Duration]) -> Duration {
    times[times.len() * 99 / 100]
}

/// What became of the logins so far.
#[derive(Default)]
struct Counts {
    refused: AtomicUsize,
    shed: AtomicUsize,
}

/// 200 logins a second, each with a password of its own, until told to stop.
async fn flood(address: SocketAddr, counts: &Arc<Counts>, stop: &AtomicBool) {
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    let mut logins = JoinSet::new();
    while !stop.load(Ordering::SeqCst) {
        tick.tick().await;
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 198.51.100.66\r\nConnection: close\r\n\
             Authorization: {}\r\n\r\n",
            basic("ann", &format!("wrong {}", logins.len()))
        );
        let counts = Arc::clone(counts);
        logins.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            let text = String::from_utf8_lossy(&answer);
            match &answer[..12] {
                b"HTTP/1.1 401" => counts.refused.fetch_add(1, Ordering::SeqCst),
                b"HTTP/1.1 503" if text.contains("retry-after: 5\r\n") => {
                    counts.shed.fetch_add(1, Ordering::SeqCst)
                }
                _ => panic!("{text}"),
            };
        });
    }
    while let Some(login) = logins.join_next().await {
        login.unwrap();
    }
}

fn start_flood(address: SocketAddr, counts: Arc<Counts>, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(flood(address, &counts, &stop));
    })
}

/// The times of requests without a password and of a user who has logged in, side by side.
fn pair(address: SocketAddr, proved: &str, period: Duration) -> [Duration; 2] {
    let proved = proved.to_owned();
    let proved = thread::spawn(move || measure(address, &proved, period));
    let open = measure(address, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n", period);
    [p99(&open), p99(&proved.join().unwrap())]
}

#[test]
fn a_flood_of_logins_slows_nobody_down_and_newcomers_get_their_turn() {
    let backend = Backend::named("web");
    let edge = Edge::configured(
        documents([
            service("web", &[backend.address]),
            secret("users", &[("auth", &format!("ann:{HASH}\nbob:{HASH}\ncat:{HASH}\ndora:{HASH}"))]),
            of("a", &users("users")),
            of("open", &[]),
        ]),
        &[("use-forwarded-headers", "true")],
    );
    let address = edge.http;
    let (period, floor) = scale();
    let right = |user: &str| format!("Authorization: {}\r\n", basic(user, "correct horse"));
    let proved = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", right("ann"));
    until("ann is in", || super::login(&edge, "a.test", "ann", "correct horse") == 200);
    // Of a machine that does other things meanwhile nobody can say much: one round of three must be quiet enough.
    let quiet = ["bob", "cat", "dora"].into_iter().any(|newcomer| {
        let idle = pair(address, &proved, period);
        let (counts, stop) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
        let flood = start_flood(address, Arc::clone(&counts), Arc::clone(&stop));
        until("logins are turned away", || counts.shed.load(Ordering::SeqCst) > 0);
        let busy = pair(address, &proved, period);
        let lines = format!("X-Forwarded-For: 192.0.2.1\r\n{}", right(newcomer));
        let started = Instant::now();
        until("a newcomer is in", || super::get(address, "a.test", "/", &lines).status == 200);
        let newcomer = started.elapsed();
        stop.store(true, Ordering::SeqCst);
        flood.join().unwrap();
        println!(
            "p99 of requests without a password {:?} idle, {:?} in the flood; of a user who is in {:?} and {:?}; {} times 401, \
             {} times 503; a newcomer is in after {newcomer:?}",
            idle[0],
            busy[0],
            idle[1],
            busy[1],
            counts.refused.load(Ordering::SeqCst),
            counts.shed.load(Ordering::SeqCst)
        );
        idle.iter().zip(&busy).all(|(idle, busy)| *busy < (*idle * 2).max(floor))
    });
    assert!(quiet, "in three rounds the flood slowed others down");
}
