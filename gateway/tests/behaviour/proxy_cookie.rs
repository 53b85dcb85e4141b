//! `proxy-cookie-domain`, `proxy-cookie-path`: where clients are told that an upstream's cookies belong.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{Ingress, documents, ingress, service};
use crate::support::settings::plan;

const PREFIX: &str = "nginx.ingress.kubernetes.io";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/inner/x; Domain=Web.Internal; HttpOnly\r\n\
    Set-Cookie: b=Domain=web.internal;path=/other;domain=.web.internal\r\nSet-Cookie: c=3\r\nContent-Length: 0\r\n\r\n";

fn site(annotations: &[(&str, &str)]) -> Ingress {
    let site = ingress("site").path("a.test", "Prefix", "/", "web");
    annotations.iter().fold(site, |site, (name, value)| site.annotation(&format!("{PREFIX}/{name}"), value))
}

fn cookies(edge: &Edge) -> Vec<String> {
    edge.get("a.test", "/").head.all("set-cookie").into_iter().map(str::to_owned).collect()
}

fn with(annotations: &[(&str, &str)], settings: &[(&str, &str)]) -> Vec<String> {
    let backend = Backend::saying(ANSWER);
    let text = documents([service("web", &[backend.address]), site(annotations).text()]);
    cookies(&plan(text, settings).start())
}

const AS_SENT: [&str; 3] = [
    "a=1; Path=/inner/x; Domain=Web.Internal; HttpOnly",
    "b=Domain=web.internal;path=/other;domain=.web.internal",
    "c=3",
];

#[test]
fn without_annotations_cookies_pass() {
    assert_eq!(with(&[], &[]), AS_SENT);
}

#[test]
fn a_domain_is_replaced_as_a_whole_and_a_path_at_its_start() {
    let both = [("proxy-cookie-domain", "web.internal a.test"), ("proxy-cookie-path", "/inner /")];
    assert_eq!(
        with(&both, &[]),
        ["a=1; Path=//x; Domain=a.test; HttpOnly", "b=Domain=web.internal;path=/other;domain=a.test", "c=3"]
    );
    assert_eq!(with(&[("proxy-cookie-domain", "internal a.test")], &[]), AS_SENT);
}

#[test]
fn patterns_have_groups_and_variables() {
    let both = [
        ("proxy-cookie-domain", "~^([a-z]+).internal$ $1.$host"),
        ("proxy-cookie-path", "~/(x|other)$ /new/$1"),
    ];
    assert_eq!(
        with(&both, &[]),
        [
            "a=1; Path=/new/x; Domain=Web.Internal; HttpOnly",
            "b=Domain=web.internal;path=/new/other;domain=web.a.test",
            "c=3"
        ]
    );
}

#[test]
fn the_config_maps_replacement_holds_where_no_annotation_says_otherwise() {
    let settings = [("proxy-cookie-domain", "web.internal all.test"), ("proxy-cookie-path", "/inner /outer")];
    let all = [
        "a=1; Path=/outer/x; Domain=all.test; HttpOnly",
        "b=Domain=web.internal;path=/other;domain=all.test",
        "c=3",
    ];
    assert_eq!(with(&[], &settings), all);
    assert_eq!(
        with(&[("proxy-cookie-path", "off")], &settings)[0],
        "a=1; Path=/inner/x; Domain=all.test; HttpOnly"
    );
    assert_eq!(
        with(&[("proxy-cookie-domain", "web.internal own.test")], &settings)[0],
        "a=1; Path=/outer/x; Domain=own.test; HttpOnly"
    );
}

#[test]
fn what_a_variable_brings_adds_no_attribute() {
    let backend = Backend::saying(ANSWER);
    let text = documents([
        service("web", &[backend.address]),
        site(&[("proxy-cookie-domain", "web.internal $arg_d")]).text(),
    ]);
    let edge = Edge::with(text);
    let answer = edge.get("a.test", "/?d=x;secure");
    assert_eq!(answer.head.all("set-cookie")[0], "a=1; Path=/inner/x; Domain=x%3Bsecure; HttpOnly");
}
