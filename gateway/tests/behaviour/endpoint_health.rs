//! Endpoints that do not answer: what clients notice of them, and how few requests they get.

use crate::support::backend::{Backend, refusing_address};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::load::Load;
use crate::support::manifest::{bare_service, documents, ingress, slice};
use crate::support::settings::plan;
use crate::support::until;
use serde_json::Value;
use std::io::{Error, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const READY: &str = "{ ready: true }";
const CLIENTS: usize = 8;
/// Answers per stage.
const ENOUGH: usize = 4000;

const SETTINGS: [(&str, &str); 2] =
    [("proxy-read-timeout", "1"), ("proxy-next-upstream", "error timeout http_502")];

fn site(addresses: &[SocketAddr]) -> String {
    let slices =
        addresses.iter().enumerate().map(|(at, address)| slice("web", &at.to_string(), &[*address], READY));
    let web = ingress("web").path("a.test", "Prefix", "/", "web").text();
    documents([bare_service("web"), web].into_iter().chain(slices))
}

/// How the bad endpoint is bad.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Mood {
    Well,
    Silent,
    Answers502,
}

/// An endpoint whose mood changes.
fn moody(address: SocketAddr, mood: &Arc<AtomicU8>) -> Backend {
    let mood = Arc::clone(mood);
    Backend::listen(address, move |_, stream| match mood.load(Ordering::SeqCst) {
        mood if mood == Mood::Silent as u8 => {
            // Until the gateway gives up.
            let _ = stream.read(&mut [0]);
            Err(Error::other("gave up"))
        }
        mood if mood == Mood::Answers502 as u8 => {
            stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad")
        }
        _ => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    })
}

/// What the admin port says of an endpoint.
fn endpoint(edge: &Edge, address: SocketAddr) -> Value {
    let dump: Value = serde_json::from_slice(&edge.admin("/config").body).unwrap();
    let endpoints = dump["upstreams"][0]["endpoints"].as_array().unwrap().clone();
    endpoints.into_iter().find(|endpoint| endpoint["address"] == address.to_string()).unwrap()
}

fn is_out(edge: &Edge, address: SocketAddr) -> bool {
    endpoint(edge, address).get("left_out_for").is_some()
}

/// What is known of the requests so far.
struct Watch {
    edge: Edge,
    bad: SocketAddr,
    /// Requests that were answered.
    answered: usize,
}

impl Watch {
    /// The log lines of all requests so far.
    fn lines(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        until("every request is logged", || {
            lines = self.edge.access_log();
            lines.len() == self.answered
        });
        lines
    }

    /// Clients ask until the endpoint is left out, and then for long: none sees an error, and few tries go to it.
    fn stage(&mut self, what: &str) {
        let before = self.lines().len();
        let load = Load::start(self.edge.http, "a.test", "/", CLIENTS);
        until(&format!("{what}: the bad one is left out"), || is_out(&self.edge, self.bad));
        load.wait_for(ENOUGH);
        let account = load.finish();
        assert_eq!(account.failures, [], "{what}: of {}", account.answered);
        self.answered += account.answered;
        let lines = self.lines().split_off(before);
        let all = lines.iter().map(|line| line["tries"].as_u64().unwrap()).sum::<u64>();
        let failed = all - lines.len() as u64;
        println!("{what}: {failed} of {all} tries failed, {} requests", lines.len());
        assert!(failed >= 3 && failed * 100 < all, "{what}: {failed} of {all} tries failed");
    }

    /// Clients ask until the endpoint serves again.
    fn recovery(&mut self) {
        let load = Load::start(self.edge.http, "a.test", "/", 1);
        until("it is tried again and serves", || !is_out(&self.edge, self.bad));
        let account = load.finish();
        assert_eq!(account.failures, []);
        self.answered += account.answered;
    }
}

#[test]
fn an_endpoint_that_refuses_then_hangs_then_answers_502_costs_no_client_an_error() {
    let (one, two, bad) = (Backend::named("one"), Backend::named("two"), refusing_address());
    let edge = plan(site(&[one.address, two.address, bad]), &SETTINGS).start();
    let mut watch = Watch { edge, bad, answered: 0 };
    watch.stage("refuses");
    let mood = Arc::new(AtomicU8::new(Mood::Well as u8));
    let _backend = moody(bad, &mood);
    watch.recovery();
    for (next, what) in [(Mood::Silent, "hangs"), (Mood::Answers502, "answers 502")] {
        mood.store(next as u8, Ordering::SeqCst);
        watch.stage(what);
        mood.store(Mood::Well as u8, Ordering::SeqCst);
        watch.recovery();
    }
    let metrics = watch.edge.admin("/metrics").text();
    for line in ["endpoint_ejections_total", "endpoints_left_out"] {
        let count = if line == "endpoints_left_out" { 0 } else { 3 };
        let line = format!("ingora_gateway_{line}{{upstream=\"test-web-80\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} is missing in\n{metrics}");
    }
    until("the log says it", || {
        let log = watch.edge.gateway.log();
        log.contains("is left out") && log.contains("answers again")
    });
}

#[test]
fn statuses_that_are_not_named_say_nothing_about_an_endpoint() {
    let address = refusing_address();
    let mood = Arc::new(AtomicU8::new(Mood::Answers502 as u8));
    let (well, _bad) = (Backend::named("one"), moody(address, &mood));
    let edge = plan(site(&[well.address, address]), &[]).start();
    let statuses: Vec<_> = (0..20).map(|_| edge.get("a.test", "/").status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 502).count(),
        10,
        "as it answers, so it is passed on"
    );
    assert!(!is_out(&edge, address));
}

#[test]
fn a_request_that_cannot_be_repeated_is_never_the_one_that_tries() {
    let address = refusing_address();
    let one = Backend::named("one");
    let edge = plan(site(&[one.address, address]), &SETTINGS).start();
    until("the bad one is left out", || {
        edge.ask("a.test", "/");
        is_out(&edge, address)
    });
    let mood = Arc::new(AtomicU8::new(Mood::Answers502 as u8));
    let bad = moody(address, &mood);
    let due = || endpoint(&edge, address)["left_out_for"] == 0.0;
    until("it is due", due);
    let mut connection = Connection::open(edge.http).unwrap();
    for _ in 0..20 {
        connection.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        assert_eq!(connection.response().unwrap().status, 200);
    }
    assert_eq!(bad.received().len(), 0);
    assert_eq!(edge.ask("a.test", "/"), "one", "a GET tries it, and is answered by another one");
    assert_eq!(bad.received().len(), 1);
}
