//! Canaries: another backend for a share of a route's requests, chosen by header, cookie or weight.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::load::Load;
use crate::support::manifest::{Ingress, bare_service, documents, ingress, service};
use crate::support::until;
use std::net::SocketAddr;

/// Requests on one connection.
const PART: usize = 500;
const PREFIX: &str = "nginx.ingress.kubernetes.io";

/// A canary Ingress that sends `/` of a host to the Service of its own name.
fn canary(name: &str, host: &str, annotations: &[(&str, &str)]) -> String {
    annotated(ingress(name), annotations).path(host, "Prefix", "/", name).text()
}

fn annotated(ingress: Ingress, annotations: &[(&str, &str)]) -> Ingress {
    let canary = ingress.annotation(&format!("{PREFIX}/canary"), "true");
    annotations
        .iter()
        .fold(canary, |ingress, (name, value)| ingress.annotation(&format!("{PREFIX}/{name}"), value))
}

fn web(host: &str) -> String {
    ingress("web").path(host, "Prefix", "/", "web").text()
}

/// A backend that says its name, and its Service.
fn backend(name: &str) -> (Backend, String) {
    let backend = Backend::named(name);
    let service = service(name, &[backend.address]);
    (backend, service)
}

/// The answers to many requests, counted by the names. A connection ends after so many requests; they come in parts.
fn spread(address: SocketAddr, count: usize, names: &[&str]) -> Vec<usize> {
    let mut counts = vec![0; names.len()];
    for part in 0..count.div_ceil(PART) {
        let mut connection = Connection::open(address).unwrap();
        for _ in 0..PART.min(count - part * PART) {
            let answer = connection.get("a.test", "/").unwrap().text();
            if let Some(at) = names.iter().position(|name| *name == answer) {
                counts[at] += 1;
            }
        }
    }
    counts
}

/// The body of one request with header lines.
fn ask(address: SocketAddr, lines: &str) -> String {
    let mut connection = Connection::open(address).unwrap();
    connection.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")).unwrap();
    connection.response().unwrap().text()
}

#[test]
fn ten_per_cent_of_ten_thousand_requests_over_both_threads_are_a_thousand() {
    let ((_web, web_service), (_new, new_service)) = (backend("web"), backend("new"));
    let edge = Edge::with(documents([
        web_service,
        new_service,
        web("a.test"),
        canary("new", "a.test", &[("canary-weight", "10")]),
    ]));
    let counts: Vec<usize> = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..10).map(|_| scope.spawn(|| spread(edge.http, 1000, &["web", "new"]))).collect();
        let counts: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        (0..2).map(|at| counts.iter().map(|counts| counts[at]).sum()).collect()
    });
    assert_eq!(counts[0] + counts[1], 10_000);
    assert!(counts[1].abs_diff(1000) <= 30, "{} of 10,000 instead of 1,000 ± 0.3 %", counts[1]);
    println!("{} of 10,000 requests went to the canary", counts[1]);
}

#[test]
fn header_cookie_and_weight_decide_in_that_order() {
    let ((_web, web_service), (_new, new_service)) = (backend("web"), backend("new"));
    let rules = [("canary-by-header", "X-Canary"), ("canary-by-cookie", "canary"), ("canary-weight", "0")];
    let site = |rules: &[(&str, &str)]| {
        documents([web_service.clone(), new_service.clone(), web("a.test"), canary("new", "a.test", rules)])
    };
    let edge = Edge::with(site(&rules));
    for (lines, want) in [
        ("", "web"),
        ("X-Canary: always\r\n", "new"),
        ("x-canary: always\r\n", "new"),
        ("X-Canary: never\r\nCookie: canary=always\r\n", "web"),
        ("X-Canary: maybe\r\nCookie: canary=always\r\n", "new"),
        ("Cookie: a=b; canary=always\r\n", "new"),
        ("Cookie: canary=never\r\n", "web"),
    ] {
        assert_eq!(ask(edge.http, lines), want, "{lines:?}");
    }
    let value =
        [("canary-by-header", "X-Canary"), ("canary-by-header-value", "eu"), ("canary-weight", "100")];
    edge.write("site.yaml", site(&value));
    until("weight 100 takes all", || ask(edge.http, "") == "new");
    assert_eq!(ask(edge.http, "X-Canary: never\r\n"), "new", "never has lost its meaning");
    let pattern = [("canary-by-header", "X-Canary"), ("canary-by-header-pattern", "^eu-(west|north)")];
    edge.write("site.yaml", site(&pattern));
    until("nothing is left to the weight", || ask(edge.http, "") == "web");
    assert_eq!(ask(edge.http, "X-Canary: eu-west-1\r\n"), "new");
    assert_eq!(ask(edge.http, "X-Canary: us-east-1\r\n"), "web");
    let broken =
        [("canary-by-header", "X-Canary"), ("canary-by-header-pattern", "(eu"), ("canary-weight", "100")];
    edge.write("site.yaml", site(&broken));
    until("the broken pattern sends all with the header to the primary", || {
        ask(edge.http, "X-Canary: eu-west-1\r\n") == "web" && ask(edge.http, "") == "new"
    });
}

#[test]
fn three_canaries_share_one_route_and_no_other() {
    let backends = ["web", "one", "two", "three"].map(backend);
    let services = backends.iter().map(|(_, service)| service.clone());
    let edge =
        Edge::with(documents(
            services.chain([
                web("a.test"),
                ingress("other")
                    .path("b.test", "Prefix", "/", "web")
                    .path("a.test", "Prefix", "/own", "web")
                    .text(),
                canary("one", "a.test", &[("canary-weight", "10")]),
                canary("two", "a.test", &[("canary-weight", "250"), ("canary-weight-total", "1000")]),
                canary("three", "a.test", &[("canary-by-header", "X-Three"), ("canary-weight", "5")]),
            ]),
        ));
    let counts = spread(edge.http, 2000, &["web", "one", "two", "three"]);
    for (count, wanted) in counts.iter().zip([1200_usize, 200, 500, 100]) {
        assert!(count.abs_diff(wanted) <= 16, "{counts:?}");
    }
    assert_eq!(ask(edge.http, "X-Three: always\r\n"), "three");
    for (host, path) in [("b.test", "/"), ("a.test", "/own")] {
        for _ in 0..40 {
            assert_eq!(edge.ask(host, path), "web", "{host}{path} has no canary");
        }
    }
}

#[test]
fn without_a_primary_there_is_nothing_and_without_endpoints_the_primary() {
    let ((_web, web_service), (_new, new_service)) = (backend("web"), backend("new"));
    let rule = canary("new", "a.test", &[("canary-weight", "100")]);
    let edge = Edge::with(documents([new_service.clone(), rule.clone()]));
    assert_eq!(edge.ask("a.test", "/"), "404");
    edge.write(
        "site.yaml",
        documents([new_service.clone(), rule.clone(), web_service.clone(), web("a.test")]),
    );
    edge.until_ask("a.test", "/", "new");
    edge.write(
        "site.yaml",
        documents([bare_service("new"), rule.clone(), web_service.clone(), web("a.test")]),
    );
    edge.until_ask("a.test", "/", "web");
    // A primary without endpoints is down, whatever its canary has.
    edge.write("site.yaml", documents([new_service, rule, bare_service("web"), web("a.test")]));
    edge.until_ask("a.test", "/", "503");
    edge.write("site.yaml", documents([web_service, web("a.test")]));
    edge.until_ask("a.test", "/", "web");
}

#[test]
fn log_and_metrics_tell_which_canary_served() {
    let ((_web, web_service), (_new, new_service)) = (backend("web"), backend("new"));
    let rule = canary("new", "a.test", &[("canary-by-header", "X-Canary")]);
    let edge = Edge::with(documents([web_service, new_service, web("a.test"), rule]));
    let mut connection = Connection::open(edge.http).unwrap();
    for line in ["GET /primary HTTP/1.1\r\n", "GET /canary HTTP/1.1\r\nX-Canary: always\r\n"] {
        connection.send(format!("{line}Host: a.test\r\n\r\n")).unwrap();
        assert_eq!(connection.response().unwrap().status, 200);
    }
    let line = edge.logged("/canary");
    assert_eq!(
        (&line["canary"], &line["upstream"]),
        (&"test-new-80".into(), &"test-web-80".into()),
        "{line}"
    );
    assert_eq!((&line["ingress"], &line["service"]), (&"web".into(), &"web".into()), "{line}");
    assert!(edge.logged("/primary").get("canary").is_none());
    let metrics = edge.admin("/metrics").text();
    for canary in ["", "test-new-80"] {
        let labels = format!(r#"ingress="web",service="web",canary="{canary}",host="a.test"}} 1.0"#);
        assert!(metrics.contains(&labels), "{labels} is missing in\n{metrics}");
    }
    let config: serde_json::Value = serde_json::from_str(&edge.admin("/config").text()).unwrap();
    let shown = &config["hosts"][0]["routes"][0]["canaries"][0];
    assert_eq!(
        (&shown["upstream"], &shown["header"]),
        (&"test-new-80".into(), &"x-canary".into()),
        "{config}"
    );
}

#[test]
fn a_failed_try_stays_with_the_canary() {
    let (web_backend, web_service) = backend("web");
    let (new, _) = backend("new");
    // The first try of each second request meets nobody; the next goes to the canary's other endpoint, not elsewhere.
    let dead = crate::support::backend::refusing_address();
    let slices = [
        crate::support::manifest::slice("new", "1", &[new.address], "{ ready: true }"),
        crate::support::manifest::slice("new", "2", &[dead], "{ ready: true }"),
    ];
    let rule = canary("new", "a.test", &[("canary-weight", "100")]);
    let edge =
        Edge::with(documents([web_service, bare_service("new"), web("a.test"), rule].iter().chain(&slices)));
    let counts = spread(edge.http, 20, &["new"]);
    assert_eq!((counts[0], web_backend.received().len()), (20, 0));
}

#[test]
fn edits_of_a_canary_under_load_fail_no_request() {
    let ((_web, web_service), (_new, new_service)) = (backend("web"), backend("new"));
    let edge = Edge::plan()
        .file("web.yaml", documents([web_service, web("a.test")]))
        .file("new.yaml", new_service.clone())
        .start();
    let load = Load::start(edge.http, "a.test", "/", 4);
    load.wait_for(50);
    for round in 0..40 {
        let weight = (round % 5 * 25).to_string();
        let rule = canary("new", "a.test", &[("canary-weight", &weight)]);
        let text = match round % 4 {
            0 => documents([new_service.clone()]),
            1 => documents([bare_service("new"), rule]),
            _ => documents([new_service.clone(), rule]),
        };
        edge.write("new.yaml", text);
        load.wait_for(25);
    }
    edge.write("new.yaml", documents([new_service, canary("new", "a.test", &[("canary-weight", "100")])]));
    edge.until_ask("a.test", "/", "new");
    let account = load.finish();
    assert_eq!(account.failures, [], "of {}", account.answered);
}
