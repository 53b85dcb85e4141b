//! `proxy-ssl-*`: certificates shown to backends, and certificates of backends that are looked at.

use crate::backend_protocol::PROTOCOL;
use crate::support::certificates::Pair;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{documents, ingress, service};
use crate::support::tls_backend::{TlsBackend, ask_for_certificate};
use crate::support::upstream_authority::{Authority, Usage, secret};
use openssl::ssl::SslVersion;
use std::net::{Ipv4Addr, SocketAddr};

const VERIFIED: [(&str, &str); 3] = [("secret", "test/inside"), ("verify", "on"), ("name", "inside.test")];

fn with(name: &str, path: &str, service: &str, annotations: &[(&str, &str)]) -> String {
    let mut site = ingress(name).annotation(PROTOCOL, "HTTPS");
    for (key, value) in annotations {
        site = site.annotation(&format!("nginx.ingress.kubernetes.io/proxy-ssl-{key}"), value);
    }
    site.path("a.test", "Prefix", path, service).text()
}

/// One backend behind one Ingress.
fn site(address: SocketAddr, secret: &str, annotations: &[(&str, &str)]) -> String {
    documents([&*service("web", &[address]), secret, &with("site", "/", "web", annotations)])
}

fn trusting(authority: &Authority) -> String {
    secret("inside", &[("ca.crt", &authority.pem())])
}

fn server(authority: &Authority) -> Pair {
    authority.issue("server", &["inside.test"], Usage::Server)
}

/// What a client gets from a backend with this certificate.
fn answer(pair: &Pair, authority: &Authority, annotations: &[(&str, &str)]) -> String {
    let backend = TlsBackend::named("inside", pair);
    let edge = Edge::with(site(backend.address, &trusting(authority), annotations));
    let answer = edge.ask("a.test", "/asked");
    assert_eq!(backend.seen().len(), usize::from(answer == "inside"), "who is refused gets no request");
    if answer == "502" {
        assert_eq!(edge.logged("/asked")["reason"], "upstream_untrusted");
    }
    answer
}

#[test]
fn a_backend_that_asks_is_shown_the_certificate_and_a_renewed_one_is_seen_soon() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let backend = TlsBackend::configured("inside", &server(&servers), |tls| {
        ask_for_certificate(tls, clients.certificate());
    });
    let shown = |common_name: &str| {
        let pair = clients.below("intermediate").issue(common_name, &[], Usage::Client);
        secret("inside", &[("tls.crt", &pair.certificate), ("tls.key", &pair.key)])
    };
    let site = |secret: &str| site(backend.address, secret, &[("secret", "test/inside")]);
    let edge = Edge::with(site(&shown("first")));
    assert_eq!(edge.ask("a.test", "/"), "inside");
    assert_eq!(backend.last().client.as_deref(), Some("first"));
    edge.write("site.yaml", site(&shown("second")));
    crate::support::until("the renewed certificate is shown", || {
        assert_eq!(edge.ask("a.test", "/"), "inside", "no request fails meanwhile");
        backend.last().client.as_deref() == Some("second")
    });
    let edge = Edge::with(documents([service("web", &[backend.address]), with("site", "/", "web", &[])]));
    assert_eq!(edge.ask("a.test", "/"), "502", "without the certificate the backend refuses");
}

#[test]
fn verification_takes_the_right_certificate_and_no_other() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    assert_eq!(answer(&server(&right), &right, &VERIFIED), "inside");
    assert_eq!(answer(&server(&wrong), &right, &VERIFIED), "502", "another authority");
    let other = right.issue("inside.test", &["other.test"], Usage::Server);
    assert_eq!(answer(&other, &right, &VERIFIED), "502", "another name");
    let expired = right.issue_for("server", &["inside.test"], Usage::Server, -1);
    assert_eq!(answer(&expired, &right, &VERIFIED), "502", "expired");
    let client = right.issue("server", &["inside.test"], Usage::Client);
    assert_eq!(answer(&client, &right, &VERIFIED), "502", "a client's certificate");
    let wildcard = right.issue("server", &["*.inside.test"], Usage::Server);
    assert_eq!(answer(&wildcard, &right, &VERIFIED), "502", "a star is one label");
    let below = [VERIFIED[0], VERIFIED[1], ("name", "a.inside.test")];
    assert_eq!(answer(&wildcard, &right, &below), "inside");
    assert_eq!(answer(&server(&wrong), &right, &[VERIFIED[0]]), "inside", "off is the default");
    let address = right.issue("server", &["127.0.0.1"], Usage::Server);
    let by_address = [VERIFIED[0], VERIFIED[1], ("name", "127.0.0.1")];
    assert_eq!(answer(&address, &right, &by_address), "inside");
    assert_eq!(answer(&server(&right), &right, &by_address), "502");
}

#[test]
fn the_depth_is_the_number_of_certificates_in_between() {
    let root = Authority::new("root");
    let one = root.below("one");
    let direct = server(&root);
    let (below_one, below_two) = (server(&one), server(&one.below("two")));
    let depth = |depth| [VERIFIED[0], VERIFIED[1], VERIFIED[2], ("verify-depth", depth)];
    assert_eq!(answer(&direct, &root, &depth("0")), "inside");
    assert_eq!(answer(&below_one, &root, &depth("0")), "502");
    assert_eq!(answer(&below_one, &root, &VERIFIED), "inside", "1 is the default");
    assert_eq!(answer(&below_two, &root, &VERIFIED), "502");
    assert_eq!(answer(&below_two, &root, &depth("2")), "inside");
}

#[test]
fn a_server_name_is_sent_only_when_asked_for_and_verification_does_not_depend_on_it() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    for (sends, name) in [("on", Some("inside.test".to_owned())), ("off", None)] {
        let annotations = [VERIFIED[0], VERIFIED[1], VERIFIED[2], ("server-name", sends)];
        let backend = TlsBackend::named("inside", &server(&right));
        let edge = Edge::with(site(backend.address, &trusting(&right), &annotations));
        assert_eq!(edge.ask("a.test", "/"), "inside");
        assert_eq!(backend.last().server_name, name);
        assert_eq!(answer(&server(&wrong), &right, &annotations), "502", "server-name {sends}");
    }
}

#[test]
fn verification_that_cannot_be_had_closes() {
    let authority = Authority::new("right");
    let pair = server(&authority);
    assert_eq!(answer(&pair, &authority, &VERIFIED[..2]), "503", "no name");
    let variable = [VERIFIED[0], VERIFIED[1], ("name", "$host")];
    assert_eq!(answer(&pair, &authority, &variable), "503", "a name that is none");
    assert_eq!(answer(&pair, &authority, &[VERIFIED[0], ("verify", "true"), VERIFIED[2]]), "503");

    let client = authority.issue("me", &[], Usage::Client);
    let no_authority = secret("inside", &[("tls.crt", &client.certificate), ("tls.key", &client.key)]);
    let backend = TlsBackend::named("inside", &pair);
    let edge = Edge::with(site(backend.address, &no_authority, &VERIFIED));
    assert_eq!(edge.ask("a.test", "/"), "503", "no ca.crt");
    assert!(backend.seen().is_empty());
}

#[test]
fn a_secret_that_is_missing_closes_until_it_comes_and_a_broken_one_closes_again() {
    let authority = Authority::new("right");
    let backend = TlsBackend::named("inside", &server(&authority));
    let edge = Edge::with(site(backend.address, "", &VERIFIED));
    assert_eq!(edge.ask("a.test", "/"), "503");
    edge.write("secret.yaml", trusting(&authority));
    edge.until_ask("a.test", "/", "inside");
    edge.write("secret.yaml", secret("inside", &[("ca.crt", "nonsense")]));
    edge.until_ask("a.test", "/", "503");
    edge.write("secret.yaml", trusting(&authority));
    edge.until_ask("a.test", "/", "inside");
    // The connections that stand were verified with another authority.
    edge.write("secret.yaml", trusting(&Authority::new("wrong")));
    edge.until_ask("a.test", "/", "502");
    for _ in 0..10 {
        assert_eq!(edge.ask("a.test", "/"), "502");
    }
}

#[test]
fn routes_that_want_different_things_share_no_connection() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let backend = TlsBackend::named("inside", &server(&right));
    let wrong_secret = secret("outside", &[("ca.crt", &wrong.pem())]);
    let outside = [("secret", "test/outside"), VERIFIED[1], VERIFIED[2]];
    let edge = Edge::with(documents([
        &*service("web", &[backend.address]),
        &trusting(&right),
        &wrong_secret,
        &with("right", "/right", "web", &VERIFIED),
        &with("wrong", "/wrong", "web", &outside),
        &with("none", "/none", "web", &[]),
    ]));
    for _ in 0..20 {
        assert_eq!(edge.ask("a.test", "/none"), "inside");
        assert_eq!(edge.ask("a.test", "/wrong"), "502");
        assert_eq!(edge.ask("a.test", "/right"), "inside");
    }
    assert!(backend.seen().iter().all(|seen| !seen.head.first.contains("wrong")));
}

#[test]
fn versions_below_the_bound_and_ciphers_outside_the_list_are_refused() {
    let authority = Authority::new("right");
    let pair = server(&authority);
    let ask = |configure: fn(&mut openssl::ssl::SslAcceptorBuilder), more: &[(&str, &str)]| {
        let backend = TlsBackend::configured("inside", &pair, configure);
        let annotations = [&VERIFIED[..1], more].concat();
        let edge = Edge::with(site(backend.address, &trusting(&authority), &annotations));
        let answer = edge.ask("a.test", "/");
        assert_eq!(backend.seen().len(), usize::from(answer == "inside"));
        answer
    };
    let v1_2 = |tls: &mut openssl::ssl::SslAcceptorBuilder| {
        tls.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        tls.set_cipher_list("ECDHE-ECDSA-AES256-GCM-SHA384").unwrap();
    };
    assert_eq!(ask(v1_2, &[]), "inside");
    assert_eq!(ask(v1_2, &[("protocols", "TLSv1.3")]), "502");
    assert_eq!(ask(|_| {}, &[("protocols", "TLSv1.3")]), "inside");
    assert_eq!(ask(|_| {}, &[("protocols", "TLSv1.2")]), "inside", "a newer one is as good");
    assert_eq!(ask(v1_2, &[("ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384:AES128-SHA")]), "inside");
    assert_eq!(ask(v1_2, &[("ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256")]), "502");
    assert_eq!(ask(|_| {}, &[("ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256")]), "inside", "TLS 1.3 has its own");
}

#[test]
fn an_endpoint_that_is_not_trusted_is_passed_over_for_one_that_is() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let good = TlsBackend::named("inside", &server(&right));
    let second = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), good.address.port()));
    let bad = TlsBackend::listen(second, "evil", &server(&wrong), |_| {});
    let endpoints = service("web", &[good.address, bad.address]);
    let edge = Edge::with(documents([&*endpoints, &trusting(&right), &with("site", "/", "web", &VERIFIED)]));
    for _ in 0..10 {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        assert_eq!(
            connection.response().unwrap().text(),
            "inside",
            "nothing was sent, so a POST may go elsewhere"
        );
    }
    assert!(bad.handshakes() > 0 && bad.seen().is_empty());
}

#[test]
fn a_websocket_goes_only_to_a_backend_that_is_trusted() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    for (authority, status) in [(&right, 101), (&wrong, 502)] {
        let backend = TlsBackend::named("chat", &server(authority));
        let edge = Edge::with(site(backend.address, &trusting(&right), &VERIFIED));
        let mut connection = Connection::open(edge.http).unwrap();
        connection
            .send(
                "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .unwrap();
        assert_eq!(connection.response().unwrap().status, status);
        assert_eq!(backend.seen().len(), usize::from(status == 101));
    }
}
