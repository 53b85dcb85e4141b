//! Keys of the ConfigMap that are about requests and answers, each changed while both programs run.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::http2;
use crate::support::manifest::{documents, ingress, service, site};
use crate::support::settings::{config_map, plan};
use crate::support::tls::{Offer, offer};
use crate::support::until;
use openssl::ssl::SslVersion;
use serde_json::json;
use std::io::Write as _;
use std::net::TcpListener;

/// Answers with some headers of its own.
fn talkative() -> Backend {
    Backend::saying(
        "HTTP/1.1 200 OK\r\nServer: theirs\r\nX-Powered-By: them\r\nX-Version: 7\r\nContent-Length: 2\r\n\r\nok",
    )
}

fn edge(backend: &Backend) -> Edge {
    Edge::configured(site("a.test", "web", backend.address), &[])
}

fn over_tls(edge: &Edge) -> Response {
    offer("a.test").connect(edge.https).unwrap().http1().get("a.test", "/").unwrap()
}

/// Sends a GET with more header lines.
fn get_with(edge: &Edge, lines: &str) -> Response {
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(format!("GET /with?q=1 HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")).unwrap();
    connection.response().unwrap()
}

#[test]
fn a_key_that_goes_has_its_default_again_and_so_have_all_when_the_map_goes() {
    let backend = talkative();
    let edge = edge(&backend);
    edge.configure(&[("keep-alive", "7"), ("hsts", "false")], "/client/keep_alive", 7);
    edge.configure(&[("hsts", "false")], "/client/keep_alive", 75);
    assert_eq!(over_tls(&edge).header("strict-transport-security"), None);
    edge.remove("settings.yaml");
    edge.until_setting("/hsts/enabled", true);
}

#[test]
fn a_bad_key_keeps_no_other_from_holding() {
    let backend = talkative();
    let edge = edge(&backend);
    let data = [("proxy-read-timeout", "soon"), ("colour", "red"), ("keep-alive", "9")];
    edge.configure(&data, "/client/keep_alive", 9);
    edge.until_setting("/proxy/proxy_read_timeout", 60);
    until("both are told", || {
        let log = edge.sync.log();
        log.contains("\"soon\" is not a number of seconds") && log.contains("there is no such key")
    });
}

#[test]
fn server_headers_pass_go_or_are_ours() {
    let backend = talkative();
    let edge = edge(&backend);
    let server = || {
        (
            edge.get("a.test", "/").header("server").map(str::to_owned),
            edge.get("b.test", "/").header("server").map(str::to_owned),
        )
    };
    assert_eq!(server(), (None, None));
    edge.configure(&[("server-tokens", "true")], "/headers/server_tokens", true);
    assert_eq!(server(), (Some("ingora".into()), Some("ingora".into())));
    edge.configure(&[("allow-backend-server-header", "true")], "/headers/allow_backend_server_header", true);
    edge.until_setting("/headers/server_tokens", false);
    assert_eq!(server(), (Some("theirs".into()), None));
}

#[test]
fn headers_of_upstreams_are_hidden() {
    let backend = talkative();
    let edge = edge(&backend);
    assert_eq!(edge.get("a.test", "/").header("x-version"), Some("7"));
    edge.configure(&[("hide-headers", "X-Version, X-Powered-By")], "/headers/hide_headers/0", "x-version");
    let answer = edge.get("a.test", "/");
    assert_eq!((answer.header("x-version"), answer.header("x-powered-by")), (None, None));
}

#[test]
fn headers_of_other_config_maps_are_set_and_follow_them() {
    let backend = talkative();
    let edge = edge(&backend);
    edge.write("clients.yaml", config_map("clients", &[("X-Frame-Options", "DENY"), ("X-Version", "")]));
    edge.write("upstreams.yaml", config_map("upstreams", &[("X-Edge", "one"), ("X-Scheme", "mine")]));
    let names = [("add-headers", "test/clients"), ("proxy-set-headers", "upstreams")];
    edge.configure(&names, "/headers/add_headers/0/1/Fixed", "DENY");
    edge.until_setting("/headers/proxy_set_headers/0/1/Fixed", "one");
    let answer = edge.get("a.test", "/");
    assert_eq!((answer.header("x-frame-options"), answer.header("x-version")), (Some("DENY"), None));
    let head = backend.last().head;
    assert_eq!((head.header("x-edge"), head.header("x-scheme")), (Some("one"), Some("mine")));
    edge.write("upstreams.yaml", config_map("upstreams", &[("X-Edge", "two")]));
    edge.until_setting("/headers/proxy_set_headers/0/1/Fixed", "two");
    edge.get("a.test", "/");
    let head = backend.last().head;
    assert_eq!((head.header("x-edge"), head.header("x-scheme")), (Some("two"), Some("http")));
    edge.remove("clients.yaml");
    edge.until_setting("/headers/add_headers", json!([]));
    assert_eq!(edge.get("a.test", "/").header("x-frame-options"), None);
}

#[test]
fn request_ids_are_made_unless_they_are_unwanted() {
    let backend = talkative();
    let edge = edge(&backend);
    get_with(&edge, "");
    assert_eq!(backend.last().head.header("x-request-id").map(str::len), Some(32));
    edge.configure(&[("generate-request-id", "false")], "/headers/generate_request_id", false);
    get_with(&edge, "");
    assert_eq!(backend.last().head.header("x-request-id"), None);
    get_with(&edge, "X-Request-ID: mine\r\n");
    assert_eq!(backend.last().head.header("x-request-id"), Some("mine"));
}

#[test]
fn the_original_uri_is_told_where_that_is_wanted() {
    let backend = talkative();
    let edge = edge(&backend);
    get_with(&edge, "");
    assert_eq!(backend.last().head.header("x-original-uri"), None);
    edge.configure(
        &[("proxy-add-original-uri-header", "true")],
        "/headers/proxy_add_original_uri_header",
        true,
    );
    get_with(&edge, "X-Original-URI: /forged\r\n");
    assert_eq!(backend.last().head.header("x-original-uri"), Some("/with?q=1"));
}

#[test]
fn odd_header_names_are_dropped_as_the_keys_say() {
    let backend = talkative();
    let edge = edge(&backend);
    let passed = || {
        get_with(&edge, "X_Under: 1\r\nX.Dot: 2\r\nX-Plain: 3\r\n");
        let head = backend.last().head;
        ["x_under", "x.dot", "x-plain"].map(|name| head.header(name).is_some())
    };
    assert_eq!(passed(), [false, false, true]);
    edge.configure(
        &[("enable-underscores-in-headers", "true")],
        "/client/enable_underscores_in_headers",
        true,
    );
    assert_eq!(passed(), [true, false, true]);
    edge.configure(&[("ignore-invalid-headers", "false")], "/client/ignore_invalid_headers", false);
    assert_eq!(passed(), [true, true, true]);
}

#[test]
fn hsts_is_what_its_keys_say() {
    let backend = talkative();
    let edge = edge(&backend);
    assert_eq!(
        over_tls(&edge).header("strict-transport-security"),
        Some("max-age=31536000; includeSubDomains")
    );
    let data = [("hsts-max-age", "60"), ("hsts-include-subdomains", "false"), ("hsts-preload", "true")];
    edge.configure(&data, "/hsts/max_age", 60);
    assert_eq!(over_tls(&edge).header("strict-transport-security"), Some("max-age=60; preload"));
    assert_eq!(edge.get("a.test", "/").header("strict-transport-security"), None, "never without TLS");
}

#[test]
fn the_size_of_heads_follows_the_buffers() {
    let backend = talkative();
    let edge = edge(&backend);
    let line = |bytes: usize| {
        let mut connection = Connection::open(edge.http).unwrap();
        let target = format!("/{}", "a".repeat(bytes));
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n")).unwrap();
        connection.response().unwrap().status
    };
    let head = |bytes: usize| get_with(&edge, &format!("X-Long: {}\r\n", "a".repeat(bytes))).status;
    assert_eq!((line(7_000), line(9_000), head(30_000), head(33_000)), (200, 414, 200, 431));
    edge.configure(&[("large-client-header-buffers", "2 2k")], "/client/large_client_header_buffers/1", 2048);
    assert_eq!((line(1_500), line(3_000), head(3_500), head(5_000)), (200, 414, 200, 431));
    edge.configure(
        &[("large-client-header-buffers", "4 16k")],
        "/client/large_client_header_buffers/1",
        16384,
    );
    assert_eq!((line(15_000), line(17_000), head(60_000), head(70_000)), (200, 414, 200, 431));
}

#[test]
fn the_streams_of_new_connections_are_limited_anew() {
    let backend = talkative();
    let edge = edge(&backend);
    let streams = || {
        http2::run(async {
            let mut client = http2::connect(edge.https, "a.test").await;
            client.get("a.test", "/").await.unwrap();
            client.send.current_max_send_streams()
        })
    };
    assert_eq!(streams(), 128);
    edge.configure(&[("http2-max-concurrent-streams", "3")], "/client/http2_max_concurrent_streams", 3);
    assert_eq!(streams(), 3);
}

#[test]
fn tls_follows_its_keys_and_leaves_connections_alone() {
    let backend = talkative();
    let edge = edge(&backend);
    let with =
        |version: SslVersion| Offer { version: Some(version), ..offer("a.test") }.connect(edge.https).is_ok();
    assert_eq!((with(SslVersion::TLS1_2), with(SslVersion::TLS1_3)), (true, true));
    let mut standing =
        Offer { version: Some(SslVersion::TLS1_2), ..offer("a.test") }.connect(edge.https).unwrap().http1();
    edge.configure(&[("ssl-protocols", "TLSv1.3")], "/tls/versions", json!(["V1_3"]));
    assert_eq!((with(SslVersion::TLS1_2), with(SslVersion::TLS1_3)), (false, true));
    assert_eq!(standing.get("a.test", "/").unwrap().status, 200, "it began before");
    edge.configure(
        &[
            ("ssl-protocols", "TLSv1.2"),
            ("ssl-ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"),
        ],
        "/tls/versions",
        json!(["V1_2"]),
    );
    let cipher = |ciphers| Offer { ciphers: Some(ciphers), ..offer("a.test") }.connect(edge.https).is_ok();
    assert!(cipher("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"));
    assert!(!cipher("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"));
}

#[test]
fn http2_is_offered_unless_it_is_unwanted() {
    let backend = talkative();
    let edge = edge(&backend);
    let both = Offer { alpn: vec!["h2", "http/1.1"], ..offer("a.test") };
    assert_eq!(both.connect(edge.https).unwrap().protocol().as_deref(), Some("h2"));
    edge.configure(&[("use-http2", "false")], "/tls/http2", false);
    let tls = both.connect(edge.https).unwrap();
    assert_eq!(tls.protocol().as_deref(), Some("http/1.1"));
    assert_eq!(tls.http1().get("a.test", "/").unwrap().status, 200);
}

#[test]
fn unknown_names_are_shown_the_door_where_that_is_wanted() {
    let backend = talkative();
    let edge = edge(&backend);
    assert!(offer("stranger.test").connect(edge.https).is_ok());
    edge.configure(&[("ssl-reject-handshake", "true")], "/tls/reject_handshake", true);
    let refused = offer("stranger.test").common_name(edge.https);
    assert!(refused.contains("unrecognized name"), "{refused}");
    assert!(Offer::default().connect(edge.https).is_err(), "no name at all");
    assert!(offer("a.test").connect(edge.https).is_ok());
    assert!(offer("A.test").connect(edge.https).is_ok());
}

#[test]
fn sessions_are_resumed_by_tickets_where_those_are_wanted() {
    let backend = talkative();
    let edge = edge(&backend);
    // The library of the test gets a ticket only when one is sent; TLS 1.2 says so in the session itself.
    let has_ticket = || {
        let tls = Offer { version: Some(SslVersion::TLS1_2), ..offer("a.test") }.connect(edge.https).unwrap();
        let session = tls.stream.ssl().session().unwrap().to_der().unwrap();
        session.len()
    };
    let without = has_ticket();
    edge.configure(&[("ssl-session-tickets", "true")], "/tls/session_tickets", true);
    assert!(has_ticket() > without + 100, "a ticket is part of the session");
}

#[test]
fn other_endpoints_are_tried_for_the_statuses_that_are_named() {
    let busy = Backend::saying("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
    let good =
        Backend::listen((std::net::Ipv4Addr::new(127, 0, 0, 2), busy.address.port()).into(), |_, stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
        });
    let edge = Edge::configured(
        documents([
            service("web", &[busy.address, good.address]),
            service("alone", &[busy.address]),
            service("posts", &[busy.address, good.address]),
            ingress("web")
                .path("a.test", "Prefix", "/", "web")
                .path("b.test", "Prefix", "/", "alone")
                .path("c.test", "Prefix", "/", "posts")
                .text(),
        ]),
        &[],
    );
    let statuses = |path: &str| {
        let mut all: Vec<u16> = (0..6).map(|_| edge.get("a.test", path).status).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    assert_eq!(statuses("/plain"), [200, 503]);
    edge.configure(
        &[("proxy-next-upstream", "error http_503")],
        "/proxy/proxy_next_upstream/statuses",
        json!([503]),
    );
    assert_eq!(statuses("/again"), [200]);
    let answer = edge.get("b.test", "/");
    assert_eq!((answer.status, answer.text().as_str()), (503, "busy"), "there is no other endpoint");
    let mut post = Connection::open(edge.http).unwrap();
    let once: Vec<u16> = (0..6)
        .map(|_| {
            post.send("POST / HTTP/1.1\r\nHost: c.test\r\nContent-Length: 0\r\n\r\n").unwrap();
            post.response().unwrap().status
        })
        .collect();
    assert!(once.contains(&503), "what changes something is not sent twice: {once:?}");
}

#[test]
fn an_old_connection_to_an_upstream_gets_its_last_request() {
    let backend = Backend::named("web");
    let edge = edge(&backend);
    edge.configure(&[("upstream-keepalive-time", "1s")], "/proxy/upstream_keepalive_time", 1);
    // One client connection stays on one core, which has one pool.
    let mut client = Connection::open(edge.http).unwrap();
    until("a connection is old", || {
        client.get("a.test", "/").unwrap();
        backend.last().head.header("connection") == Some("close")
    });
    let before = backend.connections();
    until("a new one is made", || {
        client.get("a.test", "/").unwrap();
        backend.connections() > before
    });
}

#[test]
fn requests_in_flight_get_the_time_of_the_map_when_the_gateway_leaves() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = site("a.test", "web", silent.local_addr().unwrap());
    let mut edge =
        plan(site, &[("worker-shutdown-timeout", "1s")]).gateway(&["--drain-timeout", "300"]).start();
    let mut client = Connection::open(edge.http).unwrap();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    let _in_flight = silent.accept().unwrap();
    edge.gateway.signal("TERM");
    // Not the five minutes of the flag.
    until("the gateway has left", || edge.gateway.exit_status().is_some());
}
