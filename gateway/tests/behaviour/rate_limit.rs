//! How much one client may ask of one Ingress: requests in a time, requests at a time, bytes in a time.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{self, Connection};
use crate::support::http2;
use crate::support::manifest::{Ingress, documents, ingress, service, site};
use crate::support::until;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

fn limited(name: &str, annotations: &[(&str, &str)]) -> Ingress {
    let site = ingress(name).path(&format!("{name}.test"), "Prefix", "/", "web");
    annotations.iter().fold(site, |site, (annotation, value)| {
        site.annotation(&format!("nginx.ingress.kubernetes.io/{annotation}"), value)
    })
}

fn edge(backend: &Backend, sites: impl IntoIterator<Item = Ingress>) -> Edge {
    let sites = sites.into_iter().map(|site| site.text());
    Edge::with(documents([service("web", &[backend.address])].into_iter().chain(sites)))
}

/// Asks `count` times on one connection, as fast as it goes; answers the statuses, and how long it took.
fn burst(address: SocketAddr, host: &str, count: usize, lines: &str) -> (Vec<u16>, Duration) {
    let mut connection = Connection::open(address).unwrap();
    let started = Instant::now();
    let statuses = (0..count).map(|_| {
        connection.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")).unwrap();
        connection.response().unwrap().status
    });
    (statuses.collect(), started.elapsed())
}

/// `passed` requests passed at once, and one more each `interval` of the time that the burst took.
#[track_caller]
fn assert_passed((statuses, took): &(Vec<u16>, Duration), at_once: usize, interval: Duration) {
    let passed = statuses.iter().filter(|status| **status == 200).count();
    let later = usize::try_from(took.as_nanos() / interval.as_nanos()).unwrap();
    assert!((at_once..=at_once + later).contains(&passed), "{passed} passed, {at_once} and {later} may");
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses[..at_once].iter().all(|status| *status == 200), "the first ones pass");
}

#[test]
fn five_times_the_rate_and_one_more_pass_at_once() {
    let backend = Backend::named("web");
    let edge = edge(
        &backend,
        [
            limited("second", &[("limit-rps", "5")]),
            limited("minute", &[("limit-rpm", "6")]),
            limited("both", &[("limit-rps", "50"), ("limit-rpm", "3")]),
            limited("double", &[("limit-rps", "5"), ("limit-burst-multiplier", "2")]),
            limited("odd", &[("limit-rps", "2"), ("limit-burst-multiplier", "many")]),
            limited("free", &[("limit-rps", "0"), ("limit-rpm", "0"), ("limit-connections", "0")]),
        ],
    );
    let ask = |host: &str, count| burst(edge.http, host, count, "");
    assert_passed(&ask("second.test", 60), 26, Duration::from_millis(200));
    assert_passed(&ask("minute.test", 60), 31, Duration::from_secs(10));
    assert_passed(&ask("both.test", 60), 16, Duration::from_secs(20));
    assert_passed(&ask("double.test", 60), 11, Duration::from_millis(200));
    assert_passed(&ask("odd.test", 60), 11, Duration::from_millis(500));
    assert_passed(&ask("free.test", 60), 60, Duration::from_secs(1));
    until("the refusals are logged", || {
        edge.access_log().iter().any(|line| line["host"] == "second.test" && line["reason"] == "rate_limited")
    });
}

#[test]
fn all_threads_and_connections_together_are_limited_as_one() {
    let backend = Backend::named("web");
    let edge = edge(&backend, [limited("shop", &[("limit-rps", "10")])]);
    // Four connections, 25 requests a second each, for five seconds.
    let started = Instant::now();
    let connections: Vec<_> = (0..4)
        .map(|offset| {
            let address = edge.http;
            thread::spawn(move || {
                let mut connection = Connection::open(address).unwrap();
                let mut passed = 0;
                for turn in 0..125 {
                    let due = started + Duration::from_millis(turn * 40 + offset * 10);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    passed += usize::from(connection.get("shop.test", "/").unwrap().status == 200);
                }
                passed
            })
        })
        .collect();
    let passed: usize = connections.into_iter().map(|connection| connection.join().unwrap()).sum();
    let expected = 51.0 + 10.0 * started.elapsed().as_secs_f64();
    let error = (passed as f64 - expected).abs() / expected;
    assert!(error <= 0.02, "{passed} passed, {expected:.1} should");
}

#[test]
fn an_ingress_is_one_zone_and_another_one_another() {
    let backend = Backend::named("web");
    let first = limited("first", &[("limit-rpm", "2")]).path("other.test", "Prefix", "/x", "web");
    let edge = edge(&backend, [first, limited("second", &[("limit-rpm", "2")])]);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(edge.get("first.test", "/").status);
        statuses.push(edge.get("other.test", "/x").status);
    }
    assert_eq!(statuses, [[200; 11].as_slice(), &[503]].concat());
    assert_eq!(edge.get("second.test", "/").status, 200);
}

#[test]
fn publishing_anew_forgives_nobody_and_new_limits_hold_at_once() {
    let backend = Backend::named("web");
    let strict = limited("shop", &[("limit-rpm", "1"), ("limit-burst-multiplier", "1")]);
    let edge = edge(&backend, [strict.clone()]);
    assert_eq!(burst(edge.http, "shop.test", 4, "").0, [200, 200, 503, 503]);
    let service = service("web", &[backend.address]);
    edge.write(
        "site.yaml",
        documents([service.clone(), strict.path("new.test", "Prefix", "/", "web").text()]),
    );
    // The route exists when it stops being a 404, and what was known of the client is known to it.
    until("the new host is served", || edge.get("new.test", "/").status != 404);
    assert_eq!([edge.get("new.test", "/").status, edge.get("shop.test", "/").status], [503, 503]);
    let wide = limited("shop", &[("limit-rps", "1000")]);
    edge.write("site.yaml", documents([service, wide.text()]));
    edge.until_ask("shop.test", "/", "web");
    assert_passed(&burst(edge.http, "shop.test", 50, ""), 50, Duration::from_secs(1));
}

#[test]
fn clients_are_told_apart_and_some_are_exempt() {
    let backend = Backend::named("web");
    let limits = [("limit-rpm", "1"), ("limit-burst-multiplier", "1"), ("limit-allowlist", "10.0.0.0/8")];
    let site = documents([service("web", &[backend.address]), limited("a", &limits).text()]);
    let keys =
        [("use-forwarded-headers", "true"), ("limit-req-status-code", "429"), ("limit-ipv6-prefix", "64")];
    let edge = Edge::configured(site, &keys);
    let ask =
        |client: &str, count| burst(edge.http, "a.test", count, &format!("X-Forwarded-For: {client}\r\n")).0;
    assert_eq!(ask("192.0.2.1", 4), [200, 200, 429, 429]);
    assert_eq!(ask("192.0.2.2", 3), [200, 200, 429]);
    assert_eq!(ask("10.1.1.1", 20), [200; 20]);
    assert_eq!(ask("2001:db8::1", 2), [200, 200]);
    assert_eq!(ask("2001:db8::2", 1), [429], "the same /64");
    assert_eq!(ask("2001:db8:0:1::1", 1), [200], "another one");
}

/// A backend that answers when it is told to.
fn waiting() -> (Backend, impl Fn() + Clone) {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let waited = Arc::clone(&gate);
    let backend = Backend::start(move |_, stream| {
        let open = waited.0.lock().unwrap();
        drop(waited.1.wait_while(open, |open| !*open).unwrap());
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    });
    let open = move || {
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
    };
    (backend, open)
}

#[test]
fn eight_of_twenty_requests_at_a_time_pass() {
    let (backend, open) = waiting();
    let edge = edge(&backend, [limited("shop", &[("limit-connections", "8")])]);
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let address = edge.http;
            thread::spawn(move || http1::get(address, "shop.test", "/slow").unwrap().status)
        })
        .collect();
    let refused = || edge.access_log().iter().filter(|line| line["reason"] == "connection_limited").count();
    until("twelve are refused while eight wait", || refused() == 12 && backend.received().len() == 8);
    open();
    let mut statuses: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 8].as_slice(), &[503; 12]].concat());
    edge.until_ask("shop.test", "/", "ok");
}

/// Resolves when the backend got that many requests.
async fn forwarded(backend: &Backend, count: usize) {
    while backend.received().len() < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn streams_of_http2_count_one_each_and_a_cancelled_one_no_longer() {
    let (backend, open) = waiting();
    let edge = edge(&backend, [limited("shop", &[("limit-connections", "2")])]);
    http2::run(async {
        let client = http2::connect(edge.https, "shop.test").await;
        let ask = || async {
            let mut send = client.send.clone().ready().await.unwrap();
            let head = http2::request(http::Method::GET, "shop.test", "/").body(()).unwrap();
            send.send_request(head, true).unwrap()
        };
        let ((first, _), (second, _)) = (ask().await, ask().await);
        forwarded(&backend, 2).await;
        assert_eq!(http2::read(ask().await.0).await.unwrap().status, 503);
        drop(first);
        // Its end takes a moment to arrive, and to let the next one in.
        loop {
            let third = http2::read(ask().await.0);
            tokio::select! {
                () = forwarded(&backend, 3) => break,
                refused = third => assert_eq!(refused.unwrap().status, 503),
            }
        }
        open();
        assert_eq!(http2::read(second).await.unwrap().status, 200);
    });
}

#[test]
fn a_bad_limit_is_not_served_without_it() {
    let backend = Backend::named("web");
    let edge = edge(
        &backend,
        [
            limited("rps", &[("limit-rps", "ten")]),
            limited("rpm", &[("limit-rpm", "1.5")]),
            limited("negative", &[("limit-rps", "-1")]),
            limited("connections", &[("limit-connections", "1k")]),
            limited("list", &[("limit-rps", "1"), ("limit-whitelist", "10.0.0.0/8,nobody")]),
            limited("rate", &[("limit-rate", "fast")]),
        ],
    );
    for host in ["rps", "rpm", "negative", "connections", "list"] {
        assert_eq!(edge.ask(&format!("{host}.test"), "/"), "404", "{host}");
    }
    assert_eq!(edge.ask("rate.test", "/"), "web", "bandwidth protects nobody");
}

/// Serves `kilobytes` of body, in pieces of one.
fn large(kilobytes: usize) -> Backend {
    Backend::start(move |_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", kilobytes * 1024)?;
        (0..kilobytes).try_for_each(|_| stream.write_all(&[b'x'; 1024]))
    })
}

#[test]
fn an_answer_goes_no_faster_than_its_rate_and_holds_up_nobody() {
    let backend = large(96);
    let slow = limited("slow", &[("limit-rate", "32")]);
    let after = limited("after", &[("limit-rate", "1"), ("limit-rate-after", "100")]);
    let text = [slow, after, limited("fast", &[])].map(|site| site.text());
    let file = documents([service("web", &[backend.address])].into_iter().chain(text));
    let edge = Edge::plan().file("site.yaml", file).gateway(&["--threads", "1"]).start();
    let mut slow = Connection::open(edge.http).unwrap();
    let started = Instant::now();
    slow.send("GET / HTTP/1.1\r\nHost: slow.test\r\n\r\n").unwrap();
    slow.head().unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "the header does not wait for the body");
    for host in ["fast.test", "after.test"] {
        assert_eq!(edge.get(host, "/").body.len(), 96 * 1024, "{host}");
    }
    let meanwhile = started.elapsed();
    assert_eq!(slow.exactly(96 * 1024).unwrap().len(), 96 * 1024);
    let took = started.elapsed();
    // 32 KB go in the first second already, as in nginx.
    assert!((Duration::from_millis(1800)..Duration::from_secs(10)).contains(&took), "{took:?}");
    assert!(meanwhile < Duration::from_millis(1800), "the others had to wait: {meanwhile:?}");
}

#[test]
fn the_config_map_limits_the_rate_of_every_answer() {
    let backend = large(20);
    let edge = Edge::configured(site("a.test", "web", backend.address), &[("limit-rate", "10")]);
    let started = Instant::now();
    assert_eq!(edge.get("a.test", "/").body.len(), 20 * 1024);
    assert!(started.elapsed() > Duration::from_millis(500), "{:?}", started.elapsed());
}
