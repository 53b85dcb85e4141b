//! Which certificates are valid: modes, depth, lists of revoked ones, subjects.

use super::{annotated, ask, guarded, with};
use crate::support::authority::{Authority, Identity, secret};
use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, service};
use crate::support::until;

#[test]
fn how_strict_a_host_is_is_its_own_choice() {
    let (backend, ca, other) = (Backend::named("web"), Authority::root("ca"), Authority::root("other"));
    let host = |name: &str, mode: &str| {
        annotated(guarded(&format!("host-{name}"), &format!("{name}.test")), "verify-client", mode)
    };
    let (on, off) = (host("on", "on"), host("off", "off"));
    let (optional, no_ca) = (host("optional", "optional"), host("optional-no-ca", "optional_no_ca"));
    let edge = Edge::with(with(&[on, off, optional, no_ca], &secret("clients", &[&ca], &[]), &backend));
    let valid = ca.client(&[("CN", "me")], 5);
    let expired = ca.client(&[("CN", "me")], -1);
    let unknown = other.client(&[("CN", "me")], 5);
    let ask = |host: &str, identity: Option<&Identity>| {
        let answer = ask(edge.https, host, identity);
        let told = (answer.status == 200).then(|| {
            let head = backend.last().head;
            let subject = head.header("ssl-client-subject-dn").unwrap_or_default().to_owned();
            format!("{} {subject}", head.header("ssl-client-verify").unwrap_or_default())
        });
        told.unwrap_or_else(|| answer.status.to_string())
    };
    assert_eq!(ask("on.test", Some(&valid)), "SUCCESS CN=me");
    assert_eq!(ask("on.test", Some(&unknown)), "400");
    assert_eq!(ask("on.test", None), "400");
    assert_eq!(ask("off.test", Some(&valid)), "NONE ");
    assert_eq!(ask("off.test", None), "NONE ");
    assert_eq!(ask("optional.test", Some(&valid)), "SUCCESS CN=me");
    assert_eq!(ask("optional.test", None), "NONE ");
    assert_eq!(ask("optional.test", Some(&unknown)), "400", "none may be had, but no invalid one");
    assert_eq!(ask("optional-no-ca.test", None), "NONE ");
    assert_eq!(ask("optional-no-ca.test", Some(&valid)), "SUCCESS CN=me");
    let verdict = ask("optional-no-ca.test", Some(&unknown));
    assert_eq!(verdict, "FAILED:unable to verify the first certificate CN=me");
    assert_eq!(ask("optional-no-ca.test", Some(&expired)), "400", "it is more than its authority");
}

#[test]
fn the_depth_bounds_the_certificates_between_client_and_authority() {
    let (backend, root) = (Backend::named("web"), Authority::root("root"));
    let one = root.below("one");
    let two = one.below("two");
    let deeper = annotated(guarded("deeper", "two.test"), "verify-depth", "2");
    let odd = annotated(guarded("odd", "odd.test"), "verify-depth", "0");
    let hosts = [guarded("usual", "one.test"), deeper, odd];
    let edge = Edge::with(with(&hosts, &secret("clients", &[&root], &[]), &backend));
    let direct = root.client(&[("CN", "0")], 5);
    let mut near = one.client(&[("CN", "1")], 5);
    near.chain = vec![one.identity.certificate.clone()];
    let mut far = two.client(&[("CN", "2")], 5);
    far.chain = vec![two.identity.certificate.clone(), one.identity.certificate.clone()];
    for (host, identity, status) in [
        ("one.test", &direct, 200),
        ("one.test", &near, 200),
        ("one.test", &far, 400),
        ("two.test", &far, 200),
        ("odd.test", &near, 200),
    ] {
        assert_eq!(ask(edge.https, host, Some(identity)).status, status, "{host}");
    }
    near.chain.clear();
    assert_eq!(ask(edge.https, "one.test", Some(&near)).status, 400, "its issuer is not at hand");
}

#[test]
fn a_revoked_certificate_is_invalid_on_connections_that_stand_too() {
    let (backend, root) = (Backend::named("web"), Authority::root("root"));
    let middle = root.below("middle");
    let client = |name: &str| {
        let mut identity = middle.client(&[("CN", name)], 5);
        identity.chain = vec![middle.identity.certificate.clone()];
        identity
    };
    let (good, bad) = (client("good"), client("bad"));
    let lists = |revoked: &[&Identity]| [root.revoke(&[], 30), middle.revoke(revoked, 30)];
    let ca = |lists: &[String]| secret("clients", &[&root], lists);
    let site = documents([service("web", &[backend.address]), guarded("a", "a.test").text()]);
    let edge = Edge::plan().file("site.yaml", site).file("secret.yaml", ca(&lists(&[]))).start();
    let offer = |identity: &Identity| crate::support::tls::Offer {
        identity: Some(identity.clone()),
        ..crate::support::tls::offer("a.test")
    };
    let mut standing = offer(&bad).connect(edge.https).unwrap().http1();
    let mut other = offer(&good).connect(edge.https).unwrap().http1();
    assert_eq!(standing.get("a.test", "/").unwrap().status, 200);
    assert_eq!(other.get("a.test", "/").unwrap().status, 200);
    edge.write("secret.yaml", ca(&lists(&[&bad])));
    until("the revoked one is refused", || ask(edge.https, "a.test", Some(&bad)).status == 400);
    assert_eq!(standing.get("a.test", "/").unwrap().status, 400, "on a connection that stands, too");
    assert_eq!(other.get("a.test", "/").unwrap().status, 200, "nobody else notices");
    assert_eq!(ask(edge.https, "a.test", Some(&good)).status, 200);
    // nginx wants a list of every authority of the chain, and none that is out of date.
    edge.write("secret.yaml", ca(&[middle.revoke(&[], 30)]));
    until("a list is missing", || ask(edge.https, "a.test", Some(&good)).status == 400);
    edge.write("secret.yaml", ca(&lists(&[])));
    until("all are there", || ask(edge.https, "a.test", Some(&good)).status == 200);
    let forged = Authority::root("middle");
    edge.write("secret.yaml", ca(&[root.revoke(&[], 30), forged.revoke(&[], 30)]));
    until("a list of somebody else of that name", || ask(edge.https, "a.test", Some(&good)).status == 400);
}

#[test]
fn only_subjects_that_match_are_let_in() {
    let (backend, ca) = (Backend::named("web"), Authority::root("ca"));
    let host = annotated(guarded("a", "a.test"), "match-cn", "CN=good[0-9]");
    let edge = Edge::with(with(&[host], &secret("clients", &[&ca], &[]), &backend));
    let status = |subject: &[(&str, &str)]| ask(edge.https, "a.test", Some(&ca.client(subject, 5))).status;
    assert_eq!(status(&[("O", "x"), ("CN", "good7")]), 200);
    assert_eq!(status(&[("CN", "GOOD7")]), 403, "case counts");
    assert_eq!(status(&[("CN", "bad")]), 403);
    assert_eq!(status(&[("O", "x,CN=good7")]), 200, "as in nginx it is found anywhere in the text");
    let refused = ask(edge.https, "a.test", Some(&ca.client(&[("CN", "bad")], 5)));
    assert_eq!(refused.text(), "client certificate unauthorized");
    assert_eq!(ask(edge.https, "a.test", None).status, 400, "there is no certificate to match");
}

#[test]
fn the_oldest_ingress_of_a_host_decides_and_a_younger_one_cannot_open_it() {
    let (backend, ca) = (Backend::named("web"), Authority::root("ca"));
    let old = guarded("old", "a.test").created("2026-01-01T00:00:00Z");
    let young = annotated(guarded("young", "a.test"), "verify-client", "off").created("2026-02-01T00:00:00Z");
    let plain = crate::support::manifest::ingress("plain")
        .created("2025-01-01T00:00:00Z")
        .path("a.test", "Prefix", "/plain", "web");
    let edge = Edge::with(with(&[young, old, plain], &secret("clients", &[&ca], &[]), &backend));
    assert_eq!(ask(edge.https, "a.test", None).status, 400);
    let mut connection = crate::support::tls::offer("a.test").connect(edge.https).unwrap().http1();
    assert_eq!(connection.get("a.test", "/plain").unwrap().status, 400, "it holds for every path");
    until("the younger one is told", || edge.sync.log().contains("AnnotationConflict"));
}
