//! `ssl-redirect` and its kin: who is sent to HTTPS, and where to.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::manifest::{Ingress, bare_service, documents, ingress, service, slice};
use crate::support::tls::offer;

const PREFIX: &str = "nginx.ingress.kubernetes.io";
/// Where cert-manager's solver answers.
const CHALLENGE: &str = "/.well-known/acme-challenge/token";

fn with(ingress: Ingress, annotations: &[(&str, &str)]) -> Ingress {
    annotations
        .iter()
        .fold(ingress, |ingress, (name, value)| ingress.annotation(&format!("{PREFIX}/{name}"), value))
}

/// Status and Location.
fn told(answer: &Response) -> (u16, Option<&str>) {
    (answer.status, answer.header("location"))
}

/// One host with TLS, the Secret of which does not exist.
fn secure(host: &str, annotations: &[(&str, &str)]) -> Ingress {
    with(ingress("secure"), annotations).tls(&[host], "missing").path(host, "Prefix", "/", "web")
}

fn send(edge: &Edge, head: &str) -> Response {
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(format!("{head}\r\nConnection: close\r\n\r\n")).unwrap();
    connection.response().unwrap()
}

#[test]
fn a_host_with_a_tls_section_is_sent_to_https_even_without_its_secret() {
    let web = Backend::named("web");
    let edge = Edge::with(documents([service("web", &[web.address]), secure("a.test", &[]).text()]));
    for (target, location) in [
        ("/", "https://a.test"),
        ("/p", "https://a.test/p"),
        ("/p/", "https://a.test/p"),
        ("/p//", "https://a.test/p/"),
        ("/p?q=1", "https://a.test/p?q=1"),
        ("/p/?q=/", "https://a.test/p/?q="),
        ("//evil.test/x", "https://a.test//evil.test/x"),
        ("/a%2Fb", "https://a.test/a%2Fb"),
    ] {
        let answer = edge.get("a.test", target);
        assert_eq!(told(&answer), (308, Some(location)), "{target}");
        assert!(answer.text().contains("308 Permanent Redirect"), "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/html"));
        assert_eq!(answer.header("strict-transport-security"), None, "not over HTTP");
    }
    assert_eq!(told(&edge.get("A.test:8080", "/p")), (308, Some("https://a.test/p")), "the port goes");
    let claims = send(&edge, "GET /p HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https");
    assert_eq!(told(&claims), (308, Some("https://a.test/p")), "what a stranger says changes nothing");
    let posted = send(&edge, "POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0");
    assert_eq!(told(&posted), (308, Some("https://a.test/p")));
    let mut over_tls = offer("a.test").connect(edge.https).unwrap().http1();
    assert_eq!(over_tls.get("a.test", "/p").unwrap().text(), "web");
    assert_eq!(edge.logged("/p")["reason"], "https_redirect");
    assert_eq!(web.received().len(), 1, "redirects never reach the upstream");
}

#[test]
fn ssl_redirect_can_be_switched_off_and_force_needs_no_certificate() {
    let web = Backend::named("web");
    let plain = |name, host| ingress(name).path(host, "Prefix", "/", "web");
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        secure("off.test", &[("ssl-redirect", "false")]).text(),
        plain("plain", "plain.test").text(),
        with(plain("asks", "asks.test"), &[("ssl-redirect", "true")]).text(),
        with(plain("forced", "forced.test"), &[("force-ssl-redirect", "true"), ("ssl-redirect", "false")])
            .text(),
    ]));
    for host in ["off.test", "plain.test", "asks.test"] {
        assert_eq!(edge.ask(host, "/"), "web", "{host}");
    }
    assert_eq!(told(&edge.get("forced.test", "/x")), (308, Some("https://forced.test/x")));
}

#[test]
fn a_wildcards_certificate_counts_for_the_hosts_below_it() {
    let web = Backend::named("web");
    let wildcard = |secret: bool| {
        let ingress = ingress("wild").path("*.example.test", "Prefix", "/", "web");
        if secret { ingress.tls(&["*.example.test"], "missing") } else { ingress }.text()
    };
    let edge = Edge::plan()
        .file("wild.yaml", wildcard(true))
        .file(
            "site.yaml",
            documents([
                service("web", &[web.address]),
                ingress("own").path("own.example.test", "Prefix", "/", "web").text(),
                ingress("deep").path("a.own.example.test", "Prefix", "/", "web").text(),
            ]),
        )
        .start();
    for host in ["own.example.test", "any.example.test"] {
        assert_eq!(told(&edge.get(host, "/x")), (308, Some(format!("https://{host}/x").as_str())));
    }
    assert_eq!(edge.ask("a.own.example.test", "/"), "web", "a wildcard is one label");
    edge.write("wild.yaml", wildcard(false));
    edge.until_ask("own.example.test", "/", "web");
    assert_eq!(edge.ask("any.example.test", "/"), "web");
    edge.write("wild.yaml", wildcard(true));
    edge.until_ask("own.example.test", "/", "308");
    edge.remove("wild.yaml");
    edge.until_ask("own.example.test", "/", "web");
}

#[test]
fn rules_without_a_host_and_default_backends_have_no_certificate() {
    let web = Backend::named("web");
    let rule = ingress("all").tls(&["x.test"], "missing").path("", "Prefix", "/", "web").text();
    let edge = Edge::with(documents([service("web", &[web.address]), rule]));
    assert_eq!(edge.ask("x.test", "/"), "web");

    let forced = with(ingress("all").default_backend("web"), &[("force-ssl-redirect", "true")]).text();
    let edge = Edge::with(documents([service("web", &[web.address]), forced]));
    assert_eq!(edge.ask("x.test", "/"), "web", "nothing redirects where no host is");
}

#[test]
fn slash_and_port_are_as_the_ingress_says() {
    let web = Backend::named("web");
    let annotations = [("preserve-trailing-slash", "true"), ("use-port-in-redirects", "true")];
    let site = documents([service("web", &[web.address]), secure("a.test", &annotations).text()]);
    let edge = Edge::plan().file("site.yaml", &*site).start();
    assert_eq!(told(&edge.get("a.test", "/p/?q=/")), (308, Some("https://a.test:443/p/?q=/")));
    let edge = Edge::plan().file("site.yaml", site).gateway(&["--https-port", "8443"]).start();
    assert_eq!(told(&edge.get("a.test", "/")), (308, Some("https://a.test:8443/")));
}

#[test]
fn an_address_is_a_host_like_any_other_and_no_host_is_no_place() {
    let web = Backend::named("web");
    let rule = ingress("all").path("", "Prefix", "/", "web");
    let forced = with(rule, &[("force-ssl-redirect", "true")]).text();
    let edge = Edge::with(documents([service("web", &[web.address]), forced]));
    assert_eq!(told(&edge.get("[2001:db8::1]:80", "/x")), (308, Some("https://[2001:db8::1]/x")));
    assert_eq!(told(&edge.get("192.0.2.1", "/x")), (308, Some("https://192.0.2.1/x")));
    assert_eq!(told(&send(&edge, "GET /x HTTP/1.0")), (400, None));
}

#[test]
fn the_redirect_comes_before_the_503_of_missing_endpoints() {
    let edge = Edge::with(documents([bare_service("web"), secure("a.test", &[]).text()]));
    assert_eq!(told(&edge.get("a.test", "/x")), (308, Some("https://a.test/x")));
    let mut over_tls = offer("a.test").connect(edge.https).unwrap().http1();
    assert_eq!(over_tls.get("a.test", "/x").unwrap().status, 503);
}

#[test]
fn an_ingress_that_gets_its_tls_section_later_redirects_from_then_on() {
    let web = Backend::named("web");
    let plain = ingress("secure").path("a.test", "Prefix", "/", "web").text();
    let edge =
        Edge::plan().file("web.yaml", service("web", &[web.address])).file("site.yaml", &*plain).start();
    assert_eq!(edge.ask("a.test", "/"), "web");
    edge.write("site.yaml", secure("a.test", &[]).text());
    edge.until_ask("a.test", "/", "308");
    edge.write("site.yaml", plain);
    edge.until_ask("a.test", "/", "web");
}

/// What the Ingresses may say that must not keep a certificate authority out. Only the first two redirect to HTTPS.
const OBSTACLES: [(&str, &str, u16); 4] = [
    ("ssl-redirect", "true", 308),
    ("force-ssl-redirect", "true", 308),
    ("permanent-redirect", "https://elsewhere.test", 301),
    ("temporal-redirect", "https://elsewhere.test", 302),
];

#[test]
fn a_solver_of_its_own_is_reached_before_there_is_a_certificate() {
    let (web, solver) = (Backend::named("web"), Backend::named("token.key"));
    for (name, value, status) in OBSTACLES {
        let edge = Edge::plan()
            .file("web.yaml", service("web", &[web.address]))
            .file("site.yaml", secure("a.test", &[(name, value)]).text())
            .start();
        assert_eq!(edge.get("a.test", CHALLENGE).status, status, "{name}");
        // As cert-manager makes it, the Service first and its endpoints last.
        let extra = ingress("cm-acme-http-solver-x7k2p")
            .class(None)
            .annotation("kubernetes.io/ingress.class", "ingora")
            .annotation(&format!("{PREFIX}/whitelist-source-range"), "0.0.0.0/0,::/0")
            .path("a.test", "Exact", CHALLENGE, "solver");
        edge.write("solver.yaml", documents([bare_service("solver"), extra.text()]));
        edge.until_ask("a.test", CHALLENGE, "503");
        edge.write("endpoints.yaml", slice("solver", "1", &[solver.address], "{ ready: true }"));
        edge.until_ask("a.test", CHALLENGE, "token.key");
        assert_eq!(edge.get("a.test", "/").status, status, "{name} holds for everything else");
        edge.remove("solver.yaml");
        edge.until_ask("a.test", CHALLENGE, &status.to_string());
    }
}

#[test]
fn a_challenge_in_the_users_own_ingress_is_reached_before_there_is_a_certificate() {
    let (web, solver) = (Backend::named("web"), Backend::named("token.key"));
    for (name, value, status) in OBSTACLES {
        let site = |challenge: bool| {
            let own = with(ingress("secure"), &[(name, value)]).tls(&["a.test"], "missing");
            let own = if challenge { own.path("a.test", "Exact", CHALLENGE, "solver") } else { own };
            own.path("a.test", "Prefix", "/", "web").text()
        };
        let edge = Edge::plan()
            .file(
                "services.yaml",
                documents([service("web", &[web.address]), service("solver", &[solver.address])]),
            )
            .file("site.yaml", site(false))
            .start();
        assert_eq!(edge.get("a.test", CHALLENGE).status, status, "{name}");
        edge.write("site.yaml", site(true));
        edge.until_ask("a.test", CHALLENGE, "token.key");
        assert_eq!(edge.get("a.test", "/").status, status, "{name} holds for everything else");
    }
}

#[test]
fn the_configmap_decides_where_no_ingress_does() {
    let web = Backend::named("web");
    let own = with(ingress("own"), &[("force-ssl-redirect", "false")]);
    let site = documents([
        service("web", &[web.address]),
        ingress("plain")
            .path("a.test", "Prefix", "/", "web")
            .path("a.test", "Prefix", "/healthz", "web")
            .path("a.test", "Prefix", "/dir/", "web")
            .text(),
        own.path("a.test", "Prefix", "/own", "web").text(),
    ]);
    let edge = Edge::configured(
        site,
        &[
            ("force-ssl-redirect", "true"),
            ("http-redirect-code", "301"),
            ("no-tls-redirect-locations", "/health,/.well-known"),
            ("preserve-trailing-slash", "true"),
            ("use-port-in-redirects", "true"),
            ("relative-redirects", "true"),
        ],
    );
    assert_eq!(told(&edge.get("a.test", "/x/")), (301, Some("https://a.test:443/x/")));
    assert_eq!(edge.ask("a.test", "/healthz/x"), "web", "the rule's path has the prefix");
    assert_eq!(edge.ask("a.test", "/health"), "301", "the request's path does not count");
    assert_eq!(edge.ask("a.test", "/own"), "web", "an Ingress of its own mind");
    assert_eq!(told(&edge.get("a.test", "/dir")), (301, Some("/dir/")));
}

#[test]
fn ssl_redirect_off_for_all_leaves_hosts_with_tls_in_clear_text() {
    let web = Backend::named("web");
    let site = documents([service("web", &[web.address]), secure("a.test", &[]).text()]);
    let edge = Edge::configured(site, &[("ssl-redirect", "false")]);
    assert_eq!(edge.ask("a.test", "/"), "web");
    edge.configure(&[("ssl-redirect", "true")], "/redirect/ssl_redirect", true);
    assert_eq!(edge.ask("a.test", "/"), "308", "without the route being published again");
}

#[test]
fn hsts_is_as_the_configmap_says() {
    let web = Backend::named("web");
    let site = documents([service("web", &[web.address]), secure("a.test", &[]).text()]);
    for (data, want) in [
        (&[("hsts", "false")][..], None),
        (&[("hsts-max-age", "5"), ("hsts-include-subdomains", "false")], Some("max-age=5")),
        (&[("hsts-preload", "true")], Some("max-age=31536000; includeSubDomains; preload")),
    ] {
        let edge = Edge::configured(&*site, data);
        for host in ["a.test", "unknown.test"] {
            let answer = offer(host).connect(edge.https).unwrap().http1().get(host, "/").unwrap();
            assert_eq!(answer.header("strict-transport-security"), want, "{host}");
        }
        assert_eq!(edge.get("a.test", "/").header("strict-transport-security"), None);
    }
}
