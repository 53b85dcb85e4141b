//! `global-auth-*`, `enable-global-auth`, `no-auth-locations`.

use super::*;
use crate::support::settings::plan;

const GLOBAL: (&str, &str) = ("global-auth-url", "http://login.test.svc/oauth2/auth?global");

fn sites(web: SocketAddr, login: SocketAddr, own: SocketAddr) -> String {
    documents([
        service("web", &[web]),
        service("login", &[login]),
        service("own", &[own]),
        ingress("plain")
            .path("a.test", "Prefix", "/", "web")
            .path("a.test", "Prefix", "/.well-known/acme-challenge/token", "web")
            .path("a.test", "Prefix", "/healthz", "web")
            .text(),
        with(ingress("out"), &[("enable-global-auth", "false")])
            .path("out.test", "Prefix", "/", "web")
            .text(),
        with(ingress("own"), &[("auth-url", "http://own.test.svc/")])
            .path("own.test", "Prefix", "/", "web")
            .path("own.test", "Prefix", "/healthz", "web")
            .text(),
    ])
}

#[test]
fn every_ingress_is_asked_about_that_does_not_opt_out_and_has_no_service_of_its_own() {
    let (web, login) = (Backend::named("web"), Login::start());
    let own = Backend::saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let edge = plan(sites(web.address, login.address(), own.address), &[GLOBAL]).start();
    for (host, path, want) in [
        ("a.test", "/", "401"),
        ("a.test", "/healthz", "401"),
        ("a.test", "/.well-known/acme-challenge/token", "web"),
        ("a.test", "/.well-known/acme-challenge/other", "401"),
        ("out.test", "/", "web"),
        ("own.test", "/", "403"),
        ("own.test", "/healthz", "403"),
        ("nobody.test", "/", "404"),
    ] {
        assert_eq!(edge.ask(host, path), want, "{host}{path}");
    }
    assert!(login.questions().iter().all(|question| question.target() == "/oauth2/auth?global"));
    assert_eq!(get(&edge, "/", &format!("Cookie: {}\r\n", login.session())).status, 200);

    // Neither service is asked about the locations that need no credentials.
    edge.configure(&[GLOBAL, ("no-auth-locations", "/healthz")], "/no_auth_locations", vec!["/healthz"]);
    assert_eq!(edge.ask("a.test", "/healthz"), "web");
    assert_eq!(edge.ask("own.test", "/healthz"), "web");
    assert_eq!(edge.ask("a.test", "/.well-known/acme-challenge/token"), "401");
    edge.configure(&[], "/global_auth", "None");
    assert_eq!(edge.ask("a.test", "/"), "web");
    assert_eq!(edge.ask("own.test", "/"), "403");
}

#[test]
fn the_other_keys_do_what_the_annotations_do() {
    let (web, login) = (Backend::named("web"), Login::start());
    let keys = [
        GLOBAL,
        ("global-auth-method", "POST"),
        ("global-auth-signin", "https://login.test/start"),
        ("global-auth-signin-redirect-param", "back"),
        ("global-auth-response-headers", "X-Auth-Request-User"),
        ("global-auth-request-redirect", "https://a.test/home"),
        ("global-auth-cache-key", "$http_cookie"),
    ];
    let edge = plan(sites(web.address, login.address(), refusing_address()), &keys).start();
    let answer = get(&edge, "/x", "");
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), Some("https://login.test/start?back=http://a.test%2Fx"));
    let head = login.backend.last().head;
    assert_eq!(head.first, "POST /oauth2/auth?global HTTP/1.1");
    assert_eq!(head.header("x-auth-request-redirect"), Some("https://a.test/home"));
    let lines = format!("Cookie: {}\r\n", login.session());
    for _ in 0..3 {
        assert_eq!(get(&edge, "/x", &lines).status, 200);
        assert_eq!(web.last().head.header("x-auth-request-user"), Some("ann"));
    }
    assert_eq!(login.questions().len(), 2);
}

#[test]
fn a_key_that_cannot_be_used_closes_what_it_should_protect() {
    let (web, login) = (Backend::named("web"), Login::start());
    let own = Backend::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let sites = sites(web.address, login.address(), own.address);
    for keys in [
        vec![("global-auth-url", "https://$arg_who/auth")],
        vec![GLOBAL, ("global-auth-response-headers", "Content-Length")],
        vec![GLOBAL, ("global-auth-method", "NONE")],
    ] {
        let edge = plan(sites.clone(), &keys).start();
        assert_eq!(get(&edge, "/x", &format!("Cookie: {}\r\n", login.session())).status, 503);
        assert_eq!(reason(&edge, "/x"), "denied");
        assert_eq!(edge.ask("out.test", "/"), "web");
        assert_eq!(edge.ask("own.test", "/"), "web");
    }
    assert_eq!(login.questions().len(), 0);
}
