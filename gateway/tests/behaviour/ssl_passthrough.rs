//! `ssl-passthrough`: TLS that is ended by the Service behind us.

use crate::support::backend::{Backend, refusing_address};
use crate::support::certificates::{KeyKind, make};
use crate::support::edge::{Edge, Plan};
use crate::support::manifest::{Ingress, documents, ingress, service, slice};
use crate::support::settings::plan;
use crate::support::tls::{Offer, offer};
use crate::support::until;
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod, SslVersion};
use openssl::x509::X509;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const NAME: &str = "nginx.ingress.kubernetes.io/ssl-passthrough";

/// A server that ends TLS with a certificate of its own, greets whoever has shaken hands, and sends back what it gets until
/// that ends.
fn greeter(common_name: &str) -> SocketAddr {
    let pair = make(common_name, &["pass.test"], KeyKind::Ecdsa, 30);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(&X509::from_pem(pair.certificate.as_bytes()).unwrap()).unwrap();
    acceptor.set_private_key(&PKey::private_key_from_pem(pair.key.as_bytes()).unwrap()).unwrap();
    let acceptor = Arc::new(acceptor.build());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let acceptor = Arc::clone(&acceptor);
            thread::spawn(move || {
                let Ok(mut stream) = acceptor.accept(stream) else { return };
                let _ = stream.write_all(b"hello ");
                let mut space = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut space) {
                    if stream.write_all(&space[..length]).is_err() {
                        return;
                    }
                }
                let _ = stream.write_all(b" bye");
                let _ = stream.shutdown();
            });
        }
    });
    address
}

fn passed(name: &str, host: &str) -> Ingress {
    ingress(name).annotation(NAME, "true").path(host, "Prefix", "/", "tls")
}

/// `pass.test` goes to `behind`, `open.test` is ended here.
fn site(behind: &[SocketAddr], web: &Backend) -> String {
    documents([
        service("tls", behind),
        service("web", &[web.address]),
        passed("pass", "pass.test").text(),
        ingress("open").path("open.test", "Prefix", "/", "web").text(),
    ])
}

fn enabled(site: impl Into<String>) -> Plan {
    Edge::plan().file("site.yaml", site).sync(&["--enable-ssl-passthrough"])
}

fn line_of<'l>(edge: &Edge, lines: &'l mut Vec<serde_json::Value>) -> &'l serde_json::Value {
    until("the connection is logged", || {
        *lines = edge.access_log().into_iter().filter(|line| line["protocol"] == "TLS").collect();
        !lines.is_empty()
    });
    lines.last().unwrap()
}

#[test]
fn the_service_ends_tls_and_the_gateway_sees_none_of_it() {
    let web = Backend::named("web");
    let edge = enabled(site(&[greeter("behind")], &web)).start();
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let offer = Offer { version: Some(version), alpn: Vec::new(), ..offer("Pass.test") };
        let mut tls = offer.connect(edge.https).unwrap();
        assert_eq!(tls.common_name(), "behind");
        tls.stream.write_all(&vec![b'x'; 100_000]).unwrap();
        let mut all = vec![0; 100_006];
        tls.stream.read_exact(&mut all).unwrap();
        assert!(all.starts_with(b"hello xxx"));
        // One side may end before the other.
        tls.stream.shutdown().unwrap();
        let mut rest = Vec::new();
        let _ = tls.stream.read_to_end(&mut rest);
        assert_eq!(rest, b" bye");
    }
    let answer = offer("open.test").connect(edge.https).unwrap().http1().get("open.test", "/").unwrap();
    assert_eq!(answer.text(), "web", "other hosts are served as ever");
    let mut lines = Vec::new();
    let line = line_of(&edge, &mut lines);
    assert_eq!((&line["host"], &line["status"]), (&"pass.test".into(), &200.into()));
    assert_eq!((&line["ingress"], &line["service"]), (&"pass".into(), &"tls".into()));
    assert!(line["bytes_in"].as_u64().unwrap() > 100_000 && line["bytes_out"].as_u64().unwrap() > 100_000);
    let page = edge.admin("/metrics").text();
    assert!(page.lines().any(|line| line.contains("ingress=\"pass\"") && line.contains("status=\"200\"")));
}

#[test]
fn without_the_flag_it_is_told_and_tls_is_ended_here() {
    let web = Backend::named("web");
    let edge = Edge::with(site(&[web.address], &web));
    assert_ne!(offer("pass.test").common_name(edge.https), "behind");
    let answer = offer("pass.test").connect(edge.https).unwrap().http1().get("pass.test", "/").unwrap();
    assert_eq!(answer.text(), "web");
    until("it is told", || edge.sync.log().contains("ssl-passthrough is not enabled"));
}

#[test]
fn clear_text_is_routed_as_ever_and_nothing_else_of_the_host_is() {
    let web = Backend::named("web");
    let edge = enabled(site(&[web.address], &web)).start();
    assert_eq!(edge.ask("pass.test", "/"), "web");
    // Bytes that are no TLS, and TLS for nobody.
    assert!(TcpStream::connect(edge.https).unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").is_ok());
    let answer = Offer { sni: None, ..offer("") }.connect(edge.https).unwrap().http1();
    let mut answer = answer;
    assert_eq!(answer.get("open.test", "/").unwrap().text(), "web");
}

#[test]
fn only_who_serves_the_root_of_a_host_passes_its_tls_on() {
    let web = Backend::named("web");
    let young = passed("young", "open.test").created("2026-06-01T00:00:00Z");
    let deep = ingress("deep").annotation(NAME, "true").path("deep.test", "Prefix", "/deep", "tls");
    let wild =
        passed("wild", "*.wild.test").annotation("nginx.ingress.kubernetes.io/server-alias", "alias.test");
    let site = documents([
        service("tls", &[greeter("behind")]),
        service("web", &[web.address]),
        ingress("open").created("2026-01-01T00:00:00Z").path("open.test", "Prefix", "/", "web").text(),
        young.text(),
        deep.text(),
        wild.text(),
    ]);
    let edge = enabled(site).start();
    let shown = |name: &str| offer(name).common_name(edge.https);
    assert_ne!(shown("open.test"), "behind", "somebody else serves its root");
    assert_ne!(shown("deep.test"), "behind");
    assert_eq!(shown("a.wild.test"), "behind");
    assert_eq!(shown("alias.test"), "behind");
    until("the one without / is told", || edge.sync.log().contains("has no path / for deep.test"));
}

#[test]
fn an_endpoint_that_refuses_is_passed_over_and_none_is_told() {
    let web = Backend::named("web");
    let dead = refusing_address();
    let edge = enabled(site(&[greeter("behind")], &web))
        .file("dead.yaml", slice("tls", "2", &[dead], "{ ready: true }"))
        .start();
    for _ in 0..4 {
        assert_eq!(offer("pass.test").common_name(edge.https), "behind");
    }
    edge.write("site.yaml", site(&[], &web));
    edge.write("dead.yaml", slice("tls", "2", &[dead], "{ ready: true }"));
    until("the last endpoint is gone", || offer("pass.test").connect(edge.https).is_err());
    let reasons = || -> Vec<String> {
        let lines = edge.access_log();
        lines.iter().filter_map(|line| line["reason"].as_str().map(str::to_owned)).collect()
    };
    until("a refused connection is logged", || reasons().iter().any(|reason| reason == "connect_failed"));
    edge.remove("dead.yaml");
    until("there is none", || {
        assert!(offer("pass.test").connect(edge.https).is_err());
        reasons().iter().any(|reason| reason == "no_endpoints")
    });
}

#[test]
fn a_silent_connection_is_closed_after_the_time_that_upstreams_have() {
    let web = Backend::named("web");
    let edge = plan(site(&[greeter("behind")], &web), &[("proxy-read-timeout", "1")])
        .sync(&["--enable-ssl-passthrough"])
        .start();
    let mut tls = offer("pass.test").connect(edge.https).unwrap();
    let mut hello = [0; 6];
    tls.stream.read_exact(&mut hello).unwrap();
    let started = Instant::now();
    assert!(!matches!(tls.stream.read(&mut hello), Ok(1..)), "nobody says anything");
    let waited = started.elapsed();
    assert!(waited > Duration::from_millis(500) && waited < Duration::from_secs(15), "{waited:?}");
}

#[test]
fn a_hello_that_does_not_come_is_not_waited_for() {
    let web = Backend::named("web");
    let edge = enabled(site(&[greeter("behind")], &web)).gateway(&["--client-header-timeout", "1"]).start();
    let mut stream = TcpStream::connect(edge.https).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&[22, 3, 1, 2]).unwrap();
    assert!(!matches!(stream.read(&mut [0; 10]), Ok(1..)));
}

#[test]
fn a_gateway_that_leaves_waits_for_connections_that_it_passes_on() {
    let web = Backend::named("web");
    let mut edge = enabled(site(&[greeter("behind")], &web)).start();
    let mut tls = offer("pass.test").connect(edge.https).unwrap();
    let mut space = [0; 6];
    tls.stream.read_exact(&mut space).unwrap();
    edge.gateway.signal("TERM");
    until("it takes no more", || TcpStream::connect(edge.https).is_err());
    tls.stream.write_all(b"still ").unwrap();
    tls.stream.read_exact(&mut space).unwrap();
    assert_eq!(&space, b"still ");
    assert!(edge.gateway.exit_status().is_none());
    drop(tls);
    until("it leaves when the last one has ended", || edge.gateway.exit_status().is_some());
}

#[test]
fn the_client_is_who_the_proxy_header_names() {
    let web = Backend::named("web");
    let edge = plan(site(&[greeter("behind")], &web), &[("use-proxy-protocol", "true")])
        .sync(&["--enable-ssl-passthrough"])
        .start();
    let mut stream = TcpStream::connect(edge.https).unwrap();
    stream.write_all(b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n").unwrap();
    let mut tls = offer("pass.test").bare().connect(stream).unwrap();
    tls.read_exact(&mut [0; 6]).unwrap();
    drop(tls);
    let mut lines = Vec::new();
    assert_eq!(line_of(&edge, &mut lines)["client"], "192.0.2.7");
}
