//! The access log: one line per request, in JSON or text, and never a query, a cookie or a token.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{Ingress, annotated, documents, service, site};
use crate::support::tls::offer;
use crate::support::until;

const SECRETS: &str = "GET /page?token=s3cr3t-query HTTP/1.1\r\nHost: a.test\r\nUser-Agent: tester/1.0\r\n\
    Cookie: session=s3cr3t-cookie\r\nAuthorization: Bearer s3cr3t-bearer\r\nX-Request-ID: id-of-the-request\r\n\
    Referer: http://a.test/?s3cr3t-referrer\r\n\r\n";

#[test]
fn a_json_line_tells_everything_but_secrets() {
    let backend = Backend::named("four");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(SECRETS).unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    let line = edge.logged("/page");
    for (field, want) in [
        ("client", "127.0.0.1"),
        ("method", "GET"),
        ("scheme", "http"),
        ("host", "a.test"),
        ("path", "/page"),
        ("protocol", "HTTP/1.1"),
        ("namespace", "test"),
        ("ingress", "web"),
        ("service", "web"),
        ("upstream", "test-web-80"),
        ("upstream_address", &backend.address.to_string()),
        ("request_id", "id-of-the-request"),
        ("user_agent", "tester/1.0"),
    ] {
        assert_eq!(line[field], want, "{field} in {line}");
    }
    for (field, want) in [("status", 200), ("tries", 1), ("bytes_in", 0), ("bytes_out", 4)] {
        assert_eq!(line[field], want, "{field} in {line}");
    }
    for field in ["duration", "upstream_header_time"] {
        let seconds = line[field].as_f64().unwrap_or_else(|| panic!("{field} in {line}"));
        assert!((0.0..10.0).contains(&seconds), "{field}: {seconds}");
    }
    assert!(line["time"].as_str().unwrap().starts_with("20"), "{line}");
    assert!(line.get("reason").is_none(), "a proxied answer has no reason: {line}");
    assert!(!edge.gateway.log().contains("s3cr3t"), "a secret is in the log");
}

#[test]
fn there_is_one_line_for_every_request_also_for_those_we_answer_or_refuse() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    for at in 0..20 {
        connection.get("a.test", &format!("/{at}")).unwrap();
    }
    connection.get("unknown.test", "/unknown").unwrap();
    offer("a.test").connect(edge.https).unwrap().http1().get("a.test", "/tls").unwrap();
    let mut malformed = Connection::open(edge.http).unwrap();
    malformed.send("GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(malformed.response().unwrap().status, 400);
    until("all 23 lines", || edge.access_log().len() >= 23);
    let lines = edge.access_log();
    assert_eq!(lines.len(), 23, "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line["status"] == 200).count(), 21);
    assert_eq!(edge.logged("/unknown")["reason"], "no_route");
    assert_eq!(edge.logged("/tls")["scheme"], "https");
    assert!(lines.iter().any(|line| line["status"] == 400 && line["reason"] == "bad_request"), "{lines:#?}");
}

#[test]
fn what_a_client_sends_cannot_forge_a_line() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send(
            "GET /quote\"},{\"status\":1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: \"}\\\t\u{e4}\r\n\r\n"
                .replace("},{", "%7D"),
        )
        .unwrap();
    connection.response().unwrap();
    until("a line with that path", || {
        edge.access_log()
            .iter()
            .any(|line| line["path"].as_str().is_some_and(|path| path.starts_with("/quote")))
    });
    assert!(edge.access_log().iter().all(|line| line["status"] != 1));
}

#[test]
fn a_text_line_is_one_that_ingress_nginx_users_know() {
    let backend = Backend::named("four");
    let edge = Edge::plan()
        .file("site.yaml", site("a.test", "web", backend.address))
        .gateway(&["--log-format", "text"])
        .start();
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(SECRETS).unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    let mut line = String::new();
    until("a line for the request", || {
        line = edge.gateway.log().lines().find(|line| line.contains("GET /page")).unwrap_or("").to_owned();
        !line.is_empty()
    });
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    assert!(line.contains("] \"GET /page HTTP/1.1\" 200 4 \"-\" \"tester/1.0\" "), "{line}");
    assert!(line.contains(&format!(" [test-web-80] [] {} 4 ", backend.address)), "{line}");
    assert!(line.contains(" id-of-the-request "), "{line}");
    assert!(!edge.gateway.log().contains("s3cr3t"), "a secret is in the log");
}

#[test]
fn an_ingress_without_a_log_is_counted_and_not_logged() {
    let backend = Backend::named("web");
    let sites = [
        annotated("quiet", &[("enable-access-log", "false"), ("permanent-redirect", "https://b.example/")]),
        annotated("hushed", &[("enable-access-log", "false")]),
        annotated("loud", &[("enable-access-log", "true")]),
        annotated("odd", &[("enable-access-log", "off")]),
    ];
    let sites = sites.iter().map(Ingress::text);
    let edge = Edge::with(documents([service("web", &[backend.address])].into_iter().chain(sites)));
    for name in ["quiet", "hushed", "odd", "loud"] {
        edge.get(&format!("{name}.test"), "/seen");
    }
    until("the last one is logged", || edge.access_log().iter().any(|line| line["host"] == "loud.test"));
    let hosts: Vec<_> = edge.access_log().iter().map(|line| line["host"].to_string()).collect();
    assert!(!hosts.iter().any(|host| host.contains("quiet") || host.contains("hushed")), "{hosts:?}");
    assert!(hosts.iter().any(|host| host.contains("odd")), "a bad value counts as missing: {hosts:?}");
    let metrics = edge.admin("/metrics").text();
    let counted = metrics
        .lines()
        .any(|line| line.starts_with("nginx_ingress_controller_requests{") && line.contains("hushed.test"));
    assert!(counted, "{metrics}");
}

#[test]
fn a_rewrite_is_logged_where_the_ingress_wants_that_and_its_query_never() {
    let backend = Backend::named("web");
    let rewrite = ("rewrite-target", "/new$uri");
    let sites =
        [annotated("told", &[rewrite, ("enable-rewrite-log", "true")]), annotated("silent", &[rewrite])];
    let sites = sites.iter().map(Ingress::text);
    let edge = Edge::with(documents([service("web", &[backend.address])].into_iter().chain(sites)));
    edge.get("told.test", "/told?token=s3cr3t");
    assert_eq!(backend.last().target(), "/new/told?token=s3cr3t");
    edge.get("silent.test", "/silent");
    assert_eq!(edge.logged("/told")["rewritten"], "/new/told");
    assert!(edge.logged("/silent").get("rewritten").is_none());
    assert!(!edge.gateway.log().contains("s3cr3t"));
}
