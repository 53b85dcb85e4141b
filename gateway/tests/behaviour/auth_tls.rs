//! `auth-tls-*`: client certificates over real handshakes, and who is told what.

mod connections;
mod judging;

use crate::support::authority::{Authority, Identity, secret};
use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::manifest::{Ingress, documents, ingress, service};
use crate::support::tls::{Offer, offer};
use crate::support::until;
use openssl::ssl::SslVersion;
use std::net::SocketAddr;

/// An Ingress of a host whose clients need a certificate of `test/clients`.
fn guarded(name: &str, host: &str) -> Ingress {
    annotated(ingress(name), "secret", "test/clients").path(host, "Prefix", "/", "web")
}

fn annotated(ingress: Ingress, name: &str, value: &str) -> Ingress {
    ingress.annotation(&format!("nginx.ingress.kubernetes.io/auth-tls-{name}"), value)
}

fn with(ingresses: &[Ingress], secret: &str, backend: &Backend) -> String {
    let ingresses = documents(ingresses.iter().map(Ingress::text));
    documents([service("web", &[backend.address]), secret.to_owned(), ingresses])
}

/// One GET over TLS, with a certificate or without.
fn ask(address: SocketAddr, host: &str, identity: Option<&Identity>) -> Response {
    ask_as(address, host, Offer { identity: identity.cloned(), ..offer(host) })
}

fn ask_as(address: SocketAddr, host: &str, offer: Offer) -> Response {
    offer.connect(address).unwrap().http1().get(host, "/").unwrap()
}

#[test]
fn a_valid_certificate_is_let_in_and_the_upstream_is_told_whose() {
    let (backend, ca) = (Backend::named("web"), Authority::root("ca"));
    let client = ca.client(&[("C", "DE"), ("O", "Acme, Inc."), ("CN", "client")], 5);
    let plain = guarded("a", "a.test");
    let passing = annotated(guarded("b", "b.test"), "pass-certificate-to-upstream", "true");
    let edge = Edge::with(with(&[plain, passing], &secret("clients", &[&ca], &[]), &backend));
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let offer = Offer { version: Some(version), identity: Some(client.clone()), ..offer("a.test") };
        let mut connection = offer.connect(edge.https).unwrap().http1();
        let lies = "ssl-client-verify: NONE\r\nSSL-Client-Subject-DN: CN=admin\r\nssl-client-issuer-dn: CN=root\r\nssl-client-cert: x\r\n";
        connection.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lies}\r\n")).unwrap();
        assert_eq!(connection.response().unwrap().text(), "web");
        let received = backend.last().head;
        assert_eq!(received.header("ssl-client-verify"), Some("SUCCESS"));
        assert_eq!(received.header("ssl-client-subject-dn"), Some("CN=client,O=Acme\\, Inc.,C=DE"));
        assert_eq!(received.header("ssl-client-issuer-dn"), Some("CN=ca"));
        assert_eq!(received.header("ssl-client-cert"), None, "only when it is asked for");
    }
    assert_eq!(ask(edge.https, "b.test", Some(&client)).status, 200);
    let passed = backend.last().head.header("ssl-client-cert").unwrap().to_owned();
    assert!(passed.starts_with("-----BEGIN%20CERTIFICATE-----%0A") && !passed.contains(['+', '/', '=', ' ']));
    let decoded = passed.replace("%20", " ").replace("%0A", "\n").replace("%2B", "+").replace("%2F", "/");
    assert_eq!(decoded.replace("%3D", "="), client.pem());
}

#[test]
fn without_a_valid_certificate_the_handshake_succeeds_and_the_request_is_told() {
    let (backend, ca, other) = (Backend::named("web"), Authority::root("ca"), Authority::root("ca"));
    let edge = Edge::with(with(&[guarded("a", "a.test")], &secret("clients", &[&ca], &[]), &backend));
    let stranger = other.client(&[("CN", "client")], 5);
    let expired = ca.client(&[("CN", "client")], -1);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        for (identity, title, reason) in [
            (None, "400 No required SSL certificate was sent", "certificate_missing"),
            (Some(&stranger), "400 The SSL certificate error", "certificate_invalid"),
            (Some(&expired), "400 The SSL certificate error", "certificate_invalid"),
        ] {
            let offer = Offer { version: Some(version), identity: identity.cloned(), ..offer("a.test") };
            let answer = ask_as(edge.https, "a.test", offer);
            assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
            assert!(answer.text().contains(&format!("<title>{title}</title>")), "{}", answer.text());
            // The client may have its answer before it is counted.
            let none = format!("reasons_total{{reason=\"{reason}\"}} 0\n");
            until(reason, || !edge.admin("/metrics").text().contains(&none));
        }
    }
    assert!(backend.received().is_empty(), "nothing reached the upstream");
}

#[test]
fn an_error_page_is_where_clients_without_a_certificate_are_sent() {
    let (backend, ca) = (Backend::named("web"), Authority::root("ca"));
    let page = annotated(guarded("a", "a.test"), "error-page", "https://help.test/how?to=1");
    let path = annotated(guarded("b", "b.test"), "error-page", "/help");
    let edge = Edge::with(with(&[page, path], &secret("clients", &[&ca], &[]), &backend));
    let stranger = Authority::root("other").client(&[("CN", "x")], 5);
    for identity in [None, Some(&stranger)] {
        let answer = ask(edge.https, "a.test", identity);
        assert_eq!((answer.status, answer.header("location")), (302, Some("https://help.test/how?to=1")));
        assert_eq!(ask(edge.https, "b.test", identity).status, 400, "a path is no URL");
    }
    assert_eq!(ask(edge.https, "a.test", Some(&ca.client(&[("CN", "x")], 5))).status, 200);
}

#[test]
fn authorities_that_are_missing_or_broken_close_the_host() {
    let (backend, ca) = (Backend::named("web"), Authority::root("ca"));
    let client = ca.client(&[("CN", "client")], 5);
    let good = secret("clients", &[&ca], &[]);
    let site = documents([service("web", &[backend.address]), guarded("a", "a.test").text()]);
    let edge = Edge::plan().file("site.yaml", site).start();
    let status = || ask(edge.https, "a.test", Some(&client)).status;
    assert_eq!((status(), edge.ask("a.test", "/").as_str()), (403, "403"), "the Secret is missing");
    edge.write("secret.yaml", &good);
    crate::support::until("the Secret lets in whom it knows", || status() == 200);
    edge.write("secret.yaml", good.replace("ca.crt: ", "ca.crt: AAAA"));
    crate::support::until("a broken one lets nobody in", || status() == 403);
    edge.write("secret.yaml", &good);
    crate::support::until("the good one does again", || status() == 200);
    edge.write("secret.yaml", format!("{good}  ca.crl: AAAA\n"));
    crate::support::until("a broken list of revoked ones lets nobody in", || status() == 403);
    assert!(edge.logged("/")["reason"].is_string());
}

#[test]
fn in_clear_text_a_host_that_demands_a_certificate_serves_nothing_but_challenges() {
    const CHALLENGE: &str = "/.well-known/acme-challenge/token";
    let (backend, ca) = (Backend::named("web"), Authority::root("ca"));
    let on = guarded("demanding", "on.test").path("on.test", "Exact", CHALLENGE, "web");
    let tls = guarded("tls", "tls.test").tls(&["tls.test"], "missing");
    let optional = annotated(guarded("may", "may.test"), "verify-client", "optional");
    let matched =
        annotated(annotated(guarded("cn", "cn.test"), "verify-client", "optional"), "match-cn", "CN=client");
    let edge = Edge::with(with(&[on, tls, optional, matched], &secret("clients", &[&ca], &[]), &backend));
    assert_eq!(edge.ask("on.test", "/"), "400");
    assert_eq!(edge.ask("on.test", "/.well-known/acme-challenge/other"), "400");
    assert_eq!(edge.ask("on.test", CHALLENGE), "web");
    assert_eq!(edge.ask("tls.test", "/"), "308", "the redirect to HTTPS comes first");
    assert_eq!(edge.ask("cn.test", "/"), "400", "no certificate has that subject");
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET / HTTP/1.1\r\nHost: may.test\r\nssl-client-verify: SUCCESS\r\n\r\n").unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    assert_eq!(backend.last().head.header("ssl-client-verify"), None, "what a client says of itself goes");
}

#[test]
fn what_a_client_says_of_its_certificate_reaches_no_upstream_unless_a_trusted_proxy_says_it() {
    let backend = Backend::named("web");
    let site = crate::support::manifest::site("a.test", "web", backend.address);
    let lies = "GET / HTTP/1.1\r\nHost: a.test\r\nssl-client-verify: SUCCESS\r\nSsl-Client-Cert: x\r\nssl-client-other: y\r\n\r\n";
    for (keys, kept) in [(&[][..], false), (&[("use-forwarded-headers", "true")][..], true)] {
        let edge = Edge::configured(site.clone(), keys);
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(lies).unwrap();
        assert_eq!(connection.response().unwrap().status, 200);
        let head = backend.last().head;
        let mine = [head.header("ssl-client-verify"), head.header("ssl-client-cert")];
        assert_eq!(mine.map(|value| value.is_some()), [kept; 2]);
        assert_eq!(head.header("ssl-client-other"), Some("y"));
    }
}
