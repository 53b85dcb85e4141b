//! TLS: the certificate by SNI, protocols and ciphers, resumption, and keys that never show.

use crate::support::backend::Backend;
use crate::support::certificates::{KeyKind, make};
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress, service};
use crate::support::tls::{Offer, offer};
use crate::support::until;
use openssl::ssl::SslVersion;
use std::process::{Command, Stdio};

fn with_tls(host: &str, secret: &str, backend: &Backend) -> String {
    documents([
        service("web", &[backend.address]),
        ingress("web").tls(&[host], secret).path(host, "Prefix", "/", "web").text(),
    ])
}

#[test]
fn the_certificate_follows_the_server_name() {
    let backend = Backend::named("web");
    let exact = make("exact", &["a.example.test"], KeyKind::Ecdsa, 30);
    let wildcard = make("wildcard", &["*.example.test"], KeyKind::Rsa, 30);
    let edge = Edge::with(documents([
        exact.secret("exact"),
        wildcard.secret("wildcard"),
        service("web", &[backend.address]),
        ingress("exact")
            .tls(&["a.example.test"], "exact")
            .path("a.example.test", "Prefix", "/", "web")
            .text(),
        ingress("wild")
            .tls(&["*.example.test"], "wildcard")
            .path("*.example.test", "Prefix", "/", "web")
            .text(),
        ingress("plain").path("plain.test", "Prefix", "/", "web").text(),
    ]));
    let shown = |name: &str| offer(name).common_name(edge.https);
    assert_eq!(shown("a.example.test"), "exact");
    assert_eq!(shown("A.EXAMPLE.test"), "exact");
    assert_eq!(shown("b.example.test"), "wildcard");
    let default = shown("plain.test");
    assert!(!["exact", "wildcard"].contains(&default.as_str()), "{default}");
    assert_eq!(shown("c.b.example.test"), default, "a wildcard covers one label");
    assert_eq!(shown("unknown.test"), default);
    assert_eq!(Offer::default().common_name(edge.https), default, "no server name at all");

    let answer =
        offer("a.example.test").connect(edge.https).unwrap().http1().get("a.example.test", "/").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "web"));
    let answer = offer("plain.test").connect(edge.https).unwrap().http1().get("plain.test", "/").unwrap();
    assert_eq!(answer.status, 200, "a host without TLS is served over HTTPS with the default certificate");
}

#[test]
fn the_default_certificate_can_be_given() {
    let backend = Backend::named("web");
    let pair = make("given", &["anything.test"], KeyKind::Ecdsa, 30);
    let edge = Edge::plan()
        .file("site.yaml", documents([pair.secret("given"), with_tls("a.test", "missing", &backend)]))
        .sync(&["--default-ssl-certificate", "test/given"])
        .start();
    assert_eq!(offer("unknown.test").common_name(edge.https), "given");
    assert_eq!(offer("a.test").common_name(edge.https), "given", "a missing Secret falls back");
}

#[test]
fn a_renewed_certificate_is_served_by_the_next_handshake_and_connections_stay() {
    let backend = Backend::named("web");
    let secret = |name| make(name, &["a.test"], KeyKind::Ecdsa, 30).secret("tls");
    let edge = Edge::plan()
        .file("site.yaml", with_tls("a.test", "tls", &backend))
        .file("secret.yaml", secret("before"))
        .start();
    let mut kept = offer("a.test").connect(edge.https).unwrap().http1();
    assert_eq!(kept.get("a.test", "/").unwrap().status, 200);
    assert_eq!(offer("a.test").common_name(edge.https), "before");
    edge.write("secret.yaml", secret("after"));
    until("the new certificate is shown", || offer("a.test").common_name(edge.https) == "after");
    assert_eq!(kept.get("a.test", "/").unwrap().status, 200, "established connections are untouched");
}

#[test]
fn a_secret_that_cannot_be_used_falls_back_to_the_default_certificate() {
    let backend = Backend::named("web");
    let other = make("other", &["other.test"], KeyKind::Ecdsa, 30);
    let broken = other.secret("tls").replace("tls.crt: ", "tls.crt: AAAA");
    let edge = Edge::plan()
        .file("site.yaml", with_tls("a.test", "tls", &backend))
        .file("secret.yaml", other.secret("tls"))
        .start();
    let default = offer("unknown.test").common_name(edge.https);
    assert_eq!(offer("a.test").common_name(edge.https), default, "a certificate for another host");
    let good = make("good", &["a.test"], KeyKind::Ecdsa, 30);
    edge.write("secret.yaml", good.secret("tls"));
    until("the good one is shown", || offer("a.test").common_name(edge.https) == "good");
    edge.write("secret.yaml", &broken);
    until("a broken one is not", || offer("a.test").common_name(edge.https) == default);
    edge.write("secret.yaml", good.secret("tls"));
    until("the good one is shown again", || offer("a.test").common_name(edge.https) == "good");
    edge.remove("secret.yaml");
    until("nor is a missing one", || offer("a.test").common_name(edge.https) == default);
    let answer = offer("a.test").connect(edge.https).unwrap().http1().get("a.test", "/").unwrap();
    assert_eq!(answer.status, 200, "the host is served all the same");
}

#[test]
fn an_expired_certificate_is_served_as_in_ingress_nginx() {
    let backend = Backend::named("web");
    let expired = make("expired", &["a.test"], KeyKind::Ecdsa, -1);
    let edge = Edge::with(documents([expired.secret("tls"), with_tls("a.test", "tls", &backend)]));
    assert_eq!(offer("a.test").common_name(edge.https), "expired");
    until("sync says so", || edge.sync.log().contains("CertificateExpired"));
}

#[test]
fn tls_entries_without_hosts_are_matched_by_the_certificates_names() {
    let backend = Backend::named("web");
    let pair = make("covers", &["a.test"], KeyKind::Ecdsa, 30);
    let edge = Edge::with(documents([
        pair.secret("tls"),
        service("web", &[backend.address]),
        ingress("web").tls(&[], "tls").path("a.test", "Prefix", "/", "web").text(),
    ]));
    assert_eq!(offer("a.test").common_name(edge.https), "covers");
}

#[test]
fn alpn_offers_http2_and_http1() {
    let edge = Edge::plan().start();
    let choose = |protocols: &[&'static str]| {
        let offer = Offer { alpn: protocols.to_vec(), ..offer("a.test") };
        offer.connect(edge.https).map(|tls| tls.protocol())
    };
    assert_eq!(choose(&["h2", "http/1.1"]).unwrap().as_deref(), Some("h2"));
    assert_eq!(choose(&["http/1.1", "h2"]).unwrap().as_deref(), Some("h2"));
    assert_eq!(choose(&["http/1.1"]).unwrap().as_deref(), Some("http/1.1"));
    assert_eq!(choose(&[]).unwrap(), None);
}

#[test]
fn only_tls_1_2_and_1_3_with_sane_ciphers_are_spoken() {
    let backend = Backend::named("web");
    let pair = make("rsa", &["a.test"], KeyKind::Rsa, 30);
    let edge = Edge::with(documents([pair.secret("tls"), with_tls("a.test", "tls", &backend)]));
    let with = |version, ciphers| {
        Offer { version: Some(version), ciphers, ..offer("a.test") }.connect(edge.https).is_ok()
    };
    assert!(with(SslVersion::TLS1_3, None));
    assert!(with(SslVersion::TLS1_2, Some("ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")));
    assert!(!with(SslVersion::TLS1_1, Some("ALL:@SECLEVEL=0")), "TLS 1.1 must be refused");
    assert!(!with(SslVersion::TLS1, Some("ALL:@SECLEVEL=0")), "TLS 1.0 must be refused");
    for ciphers in
        ["AES128-SHA:@SECLEVEL=0", "AES256-GCM-SHA384:@SECLEVEL=0", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0"]
    {
        assert!(!with(SslVersion::TLS1_2, Some(ciphers)), "{ciphers} must be refused");
    }
}

/// What `openssl s_client` says about a handshake.
fn s_client(edge: &Edge, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &edge.https.to_string(), "-servername", "a.test"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the openssl program is installed (Debian package openssl)");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn sessions_are_resumed() {
    let backend = Backend::named("web");
    let pair = make("web", &["a.test"], KeyKind::Ecdsa, 30);
    let edge = Edge::with(documents([pair.secret("tls"), with_tls("a.test", "tls", &backend)]));
    let session = edge.home().join("session.pem").display().to_string();
    let first = s_client(&edge, &["-tls1_2", "-sess_out", &session]);
    assert!(first.contains("New, TLSv1.2"), "{first}");
    // Several times: every thread of the gateway must be able to resume what another one began.
    for _ in 0..6 {
        let again = s_client(&edge, &["-tls1_2", "-sess_in", &session]);
        assert!(again.contains("Reused, TLSv1.2"), "{again}");
    }
}

#[test]
fn a_key_shows_nowhere() {
    let backend = Backend::named("web");
    let pair = make("web", &["a.test"], KeyKind::Rsa, 30);
    let broken = make("broken", &["a.test"], KeyKind::Ecdsa, 30);
    let mismatched = documents([broken.secret("mismatched").replace(
        &openssl::base64::encode_block(broken.key.as_bytes()),
        &openssl::base64::encode_block(pair.key.as_bytes()),
    )]);
    let edge = Edge::plan()
        .file("site.yaml", documents([pair.secret("tls"), with_tls("a.test", "tls", &backend)]))
        .file("broken.yaml", mismatched)
        .gateway(&["--log-level", "debug"])
        .start();
    assert_eq!(offer("a.test").common_name(edge.https), "web");
    let pem_line = pair.key.lines().nth(5).unwrap();
    let encoded = openssl::base64::encode_block(pair.key.as_bytes());
    for (place, text) in [
        ("/config", edge.admin("/config").text()),
        ("/metrics", edge.admin("/metrics").text()),
        ("the gateway's log", edge.gateway.log()),
        ("sync's log", edge.sync.log()),
    ] {
        assert!(!text.contains("PRIVATE KEY") && !text.contains(pem_line), "a key is in {place}");
        assert!(!text.contains(&encoded[100..160]), "an encoded key is in {place}");
    }
}

#[test]
fn a_host_may_have_ciphers_and_an_order_of_its_own() {
    let backend = Backend::named("web");
    let own = |name: &str, host: &str, key: &str, value: &str| {
        let annotation = format!("nginx.ingress.kubernetes.io/{key}");
        ingress(name).annotation(&annotation, value).path(host, "Prefix", "/", "web").text()
    };
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        own("strong", "strong.test", "ssl-ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        own("yours", "yours.test", "ssl-prefer-server-ciphers", "false"),
        ingress("usual").path("usual.test", "Prefix", "/", "web").text(),
    ]));
    let chosen = |name: &str, ciphers| {
        let offer = Offer { version: Some(SslVersion::TLS1_2), ciphers: Some(ciphers), ..offer(name) };
        let tls = offer.connect(edge.https).ok()?;
        tls.stream.ssl().current_cipher().map(|cipher| cipher.name().to_owned())
    };
    let (weak, both) =
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256");
    let (first, second) = both.split_once(':').unwrap();
    assert_eq!(chosen("strong.test", weak), None);
    assert_eq!(chosen("usual.test", weak).as_deref(), Some(weak));
    assert_eq!(chosen("strong.test", both).as_deref(), Some(first));
    assert_eq!(chosen("usual.test", both).as_deref(), Some(second), "the order of the gateway counts");
    assert_eq!(chosen("yours.test", both).as_deref(), Some(first), "that of the client does");
    let mobile = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256";
    assert_eq!(chosen("usual.test", mobile).as_deref(), Some("ECDHE-ECDSA-CHACHA20-POLY1305"));
    let answer = offer("strong.test").connect(edge.https).unwrap().http1().get("strong.test", "/").unwrap();
    assert_eq!(answer.status, 200);
}
