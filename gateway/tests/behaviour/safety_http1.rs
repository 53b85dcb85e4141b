//! Malformed HTTP/1: whatever two parties could read in two ways is refused, the connection closed, and nothing of it
//! forwarded (RFC 9112 section 11.2). The cases stand in `corpus`.

mod corpus;

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{self, Connection};
use crate::support::manifest::site;
use corpus::Case;
use std::time::{Duration, Instant};

/// What an attacker would want to be answered on the same connection.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// Sends a case and describes everything that is not as it must be.
fn complaint(edge: &Edge, backend: &Backend, case: &Case) -> Option<String> {
    backend.received().clear();
    let mut connection = Connection::open(edge.http).unwrap();
    // The gateway may answer and close before it has everything.
    let _ = connection.send(&case.bytes);
    let _ = connection.send(SMUGGLED);
    let answer = match connection.response() {
        Ok(answer) => answer,
        Err(error) => return Some(format!("no answer: {error}")),
    };
    let mut complaints = Vec::new();
    if !case.statuses.contains(&answer.status) {
        complaints.push(format!("answered {}", answer.status));
    }
    if !connection.is_closed() {
        complaints.push("the connection stays open".to_owned());
    }
    for received in backend.received().iter() {
        complaints.push(format!("forwarded {:?}", received.head.first));
    }
    (!complaints.is_empty()).then(|| format!("want {:?}, but {}", case.statuses, complaints.join(", ")))
}

#[track_caller]
fn assert_refused(cases: &[Case]) {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let complaints: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            complaint(&edge, &backend, case).map(|complaint| format!("{}: {complaint}", case.name))
        })
        .collect();
    assert!(
        complaints.is_empty(),
        "{} of {} cases:\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
    assert_eq!(edge.ask("a.test", "/"), "web", "the gateway serves on");
}

#[test]
fn ambiguous_framing_is_refused() {
    assert_refused(&corpus::framing());
}

#[test]
fn hosts_that_are_missing_doubtful_or_contradictory_are_refused() {
    assert_refused(&corpus::hosts());
}

#[test]
fn request_lines_that_are_not_http_are_refused() {
    assert_refused(&corpus::request_lines());
}

#[test]
fn malformed_header_lines_are_refused() {
    assert_refused(&corpus::header_lines());
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    assert_refused(&corpus::limits());
}

#[test]
fn malformed_chunks_are_refused() {
    assert_refused(&corpus::chunks());
}

#[test]
fn what_looks_odd_but_is_correct_is_served() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    for case in corpus::correct() {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(&case.bytes).unwrap();
        let answer = connection.response().unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(answer.status, 200, "{}", case.name);
        assert_eq!(
            connection.get("a.test", "/").unwrap().status,
            200,
            "{}: the connection is in step",
            case.name
        );
    }
}

#[test]
fn absolute_form_is_served_when_it_agrees_and_forwarded_in_origin_form() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET http://A.test/path?q=1 HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    assert_eq!(backend.last().target(), "/path?q=1");
    assert_eq!(backend.last().head.all("host").len(), 1);
}

#[test]
fn a_header_that_drips_is_cut() {
    let edge = Edge::plan().gateway(&["--client-header-timeout", "1"]).start();
    let drip = |first: &str| {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(first).unwrap();
        let started = Instant::now();
        // A line every 100 ms: each read is quick, only the total is long.
        connection.stream().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        while started.elapsed() < Duration::from_secs(15) {
            if connection.send("X-Drip: 1\r\n").is_err() {
                return started.elapsed();
            }
            match connection.response() {
                Ok(answer) => {
                    assert_eq!(answer.status, 408);
                    return started.elapsed();
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return started.elapsed(),
            }
        }
        panic!("the client still drips after 15 s");
    };
    let took = drip("GET / HTTP/1.1\r\nHost: a.test\r\n");
    assert!(took < Duration::from_secs(5), "cut after {took:?}");
    assert_eq!(http1::get(edge.http, "a.test", "/").unwrap().status, 404);

    // The same behind a request that was fine.
    let mut connection = Connection::open(edge.http).unwrap();
    connection.get("a.test", "/").unwrap();
    connection.send("GET / HTTP/1.1\r\nHo").unwrap();
    let started = Instant::now();
    assert!(connection.response().map_or(true, |answer| answer.status == 408));
    assert!(started.elapsed() < Duration::from_secs(5), "cut after {:?}", started.elapsed());
}

#[test]
fn a_client_that_says_nothing_is_cut_and_costs_no_line() {
    let edge = Edge::plan().gateway(&["--client-header-timeout", "1"]).start();
    for address in [edge.http, edge.https] {
        let mut silent = Connection::open(address).unwrap();
        let started = Instant::now();
        let _ = silent.some();
        assert!(started.elapsed() < Duration::from_secs(10), "{address}: cut after {:?}", started.elapsed());
    }
}
