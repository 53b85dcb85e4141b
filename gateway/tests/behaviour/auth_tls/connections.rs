//! Connections that were opened for one host and carry requests for another: used again, coalesced, resumed.

use super::{annotated, ask, guarded, with};
use crate::support::authority::{Authority, Identity, secret};
use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http2;
use crate::support::manifest::{documents, ingress};
use crate::support::tls::{Offer, offer};
use crate::support::until;
use std::io::Write as _;
use std::process::{Command, Stdio};

struct Bench {
    edge: Edge,
    ca: Authority,
    other: Authority,
    backend: Backend,
}

/// `open.test` asks for nothing; `a.test`, `twin.test`, `alias.test` and `*.wild.test` for a certificate of one authority, `b.test`
/// for one of another.
fn bench() -> Bench {
    let backend = Backend::named("web");
    let (ca, other) = (Authority::root("ca"), Authority::root("other"));
    let a = guarded("a", "a.test").annotation("nginx.ingress.kubernetes.io/server-alias", "alias.test");
    let b = annotated(ingress("b"), "secret", "test/others").path("b.test", "Prefix", "/", "web");
    let open = ingress("open").path("open.test", "Prefix", "/", "web");
    let hosts = [a, guarded("twin", "twin.test"), guarded("wild", "*.wild.test"), b, open];
    let secrets = documents([secret("clients", &[&ca], &[]), secret("others", &[&other], &[])]);
    Bench { edge: Edge::with(with(&hosts, &secrets, &backend)), ca, other, backend }
}

fn offered(sni: &str, identity: Option<&Identity>) -> Offer {
    Offer { identity: identity.cloned(), ..offer(sni) }
}

#[test]
fn a_connection_for_one_host_opens_no_other() {
    let Bench { edge, ca, other, backend: _backend } = bench();
    let (mine, theirs) = (ca.client(&[("CN", "me")], 5), other.client(&[("CN", "me")], 5));
    for (sni, identity, host, status) in [
        ("open.test", None, "open.test", 200),
        ("open.test", Some(&mine), "a.test", 421),
        ("a.test", Some(&mine), "b.test", 421),
        ("b.test", Some(&theirs), "a.test", 421),
        ("b.test", Some(&theirs), "b.test", 200),
        ("unknown.test", Some(&mine), "a.test", 421),
        ("unknown.test", Some(&mine), "A.Test.:443", 421),
        // The same authorities, judged in the same way: nothing else was asked of the client.
        ("a.test", Some(&mine), "twin.test", 200),
        ("a.test", None, "twin.test", 400),
        // What asks for nothing gives nothing away.
        ("a.test", None, "open.test", 200),
        ("alias.test", Some(&mine), "alias.test", 200),
        ("alias.test", None, "alias.test", 400),
        ("open.test", None, "alias.test", 421),
        ("x.wild.test", Some(&mine), "x.wild.test", 200),
        ("x.wild.test", None, "y.wild.test", 400),
        ("open.test", None, "x.wild.test", 421),
    ] {
        let answer = offered(sni, identity).connect(edge.https).unwrap().http1().get(host, "/").unwrap();
        assert_eq!(answer.status, status, "{host} over a connection for {sni}");
        if status == 421 {
            assert_eq!(answer.header("connection"), Some("close"));
        }
    }
    let nameless = Offer { sni: None, ..offered("", Some(&mine)) };
    assert_eq!(nameless.connect(edge.https).unwrap().http1().get("a.test", "/").unwrap().status, 421);
}

#[test]
fn a_connection_that_is_used_again_is_checked_again() {
    let Bench { edge, ca, backend: _backend, .. } = bench();
    let mine = ca.client(&[("CN", "me")], 5);
    let mut kept = offered("a.test", Some(&mine)).connect(edge.https).unwrap().http1();
    for (host, status) in [("a.test", 200), ("open.test", 200), ("twin.test", 200), ("b.test", 421)] {
        assert_eq!(kept.get(host, "/").unwrap().status, status, "{host}");
    }
}

#[test]
fn streams_of_one_http2_connection_are_checked_one_by_one() {
    let Bench { edge, ca, backend: _backend, .. } = bench();
    let mine = ca.client(&[("CN", "me")], 5);
    http2::run(async {
        let mut open = http2::connect_as(edge.https, offered("open.test", Some(&mine))).await;
        assert_eq!(open.get("open.test", "/").await.unwrap().status, 200);
        assert_eq!(open.get("a.test", "/").await.unwrap().status, 421);
        let mut mine = http2::connect_as(edge.https, offered("a.test", Some(&mine))).await;
        for (host, status) in [("a.test", 200), ("twin.test", 200), ("b.test", 421), ("open.test", 200)] {
            assert_eq!(mine.get(host, "/").await.unwrap().status, status, "{host}");
        }
        let mut nobody = http2::connect_as(edge.https, offered("a.test", None)).await;
        assert_eq!(nobody.get("a.test", "/").await.unwrap().status, 400);
    });
}

/// What `openssl s_client` says and gets when it asks for `host` over a connection for `sni`.
fn s_client(edge: &Edge, sni: &str, host: &str, arguments: &[&str]) -> String {
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &edge.https.to_string(), "-servername", sni, "-ign_eof"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the openssl program is installed (Debian package openssl)");
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    client.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    String::from_utf8_lossy(&client.wait_with_output().unwrap().stdout).into_owned()
}

#[test]
fn a_session_is_resumed_under_its_own_rule_and_under_no_other() {
    let Bench { edge, ca, backend: _backend, .. } = bench();
    let file = |name: &str| edge.home().join(name).display().to_string();
    let (bundle, session) = (file("client.pem"), file("session.pem"));
    std::fs::write(&bundle, ca.client(&[("CN", "me")], 5).bundle()).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments =
            [version, "-cert", &bundle, "-key", &bundle, "-cert_chain", &bundle, "-sess_out", &session];
        let first = s_client(&edge, "a.test", "a.test", &arguments);
        assert!(first.contains("HTTP/1.1 200"), "{first}");
        // Without a certificate: only the session can say who it is.
        for (sni, host, resumed, status) in [
            ("a.test", "a.test", true, 200),
            ("twin.test", "twin.test", true, 200),
            ("b.test", "b.test", false, 400),
            ("open.test", "a.test", false, 421),
            ("open.test", "open.test", false, 200),
        ] {
            let text = s_client(&edge, sni, host, &[version, "-sess_in", &session]);
            assert!(text.contains(&format!("HTTP/1.1 {status}")), "{version} {sni} {host}: {text}");
            // TLS 1.2 resumes across names by the library's own rules; what counts is under which rule.
            if !resumed {
                assert!(!text.contains("Reused, TLS"), "{version} {sni}: {text}");
            } else if sni == host && sni == "a.test" {
                assert!(text.contains("Reused, TLS"), "{version} {sni}: {text}");
            }
        }
        let opened = s_client(&edge, "open.test", "open.test", &[version, "-sess_out", &session]);
        assert!(opened.contains("HTTP/1.1 200"), "{opened}");
        let text = s_client(&edge, "a.test", "a.test", &[version, "-sess_in", &session]);
        assert!(text.contains("HTTP/1.1 400") && !text.contains("Reused, TLS"), "{version}: {text}");
    }
}

#[test]
fn a_renewed_list_of_authorities_leaves_those_in_whom_it_still_knows() {
    let backend = Backend::named("web");
    let (ca, next) = (Authority::root("ca"), Authority::root("next"));
    let site = with(&[guarded("a", "a.test")], "", &backend);
    let edge =
        Edge::plan().file("site.yaml", site).file("secret.yaml", secret("clients", &[&ca], &[])).start();
    let (mine, newer) = (ca.client(&[("CN", "me")], 5), next.client(&[("CN", "me")], 5));
    let mut kept = offered("a.test", Some(&mine)).connect(edge.https).unwrap().http1();
    let mut early = offered("a.test", Some(&newer)).connect(edge.https).unwrap().http1();
    assert_eq!(kept.get("a.test", "/").unwrap().status, 200);
    edge.write("secret.yaml", secret("clients", &[&ca, &next], &[]));
    until("the new authority counts", || ask(edge.https, "a.test", Some(&newer)).status == 200);
    assert_eq!(kept.get("a.test", "/").unwrap().status, 200, "a connection that stands goes on");
    assert_eq!(early.get("a.test", "/").unwrap().status, 200, "and one that was too early is judged anew");
    edge.write("secret.yaml", secret("clients", &[&next], &[]));
    until("the old authority does not count", || ask(edge.https, "a.test", Some(&mine)).status == 400);
    assert_eq!(kept.get("a.test", "/").unwrap().status, 400, "nor on connections that stand");
}
