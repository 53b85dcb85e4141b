//! What the service sees, and what its answer does.

use super::*;
use crate::support::certificates::{self, KeyKind};
use crate::support::http1::Reader;
use crate::support::http2::{connect, request, run};
use bytes::Bytes;
use http::Method;
use openssl::pkey::PKey;
use openssl::ssl::{NameType, SslAcceptor, SslMethod};
use openssl::x509::X509;

#[test]
fn whom_the_service_knows_goes_on_and_the_upstream_is_told_who_it_is() {
    let (web, login) = (Backend::named("web"), Login::start());
    let names = ("auth-response-headers", "X-Auth-Request-User, X-Auth-Request-Email, X-Groups");
    let edge = Edge::with(site(web.address, login.address(), &[URL, names]));
    let refused = get(&edge, "/no", "");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"login\""));
    assert!(refused.text().contains("401 Authorization Required"), "the service's own page is not shown");
    assert_eq!(reason(&edge, "/no"), "external_auth_unauthorized");
    assert_eq!(web.received().len(), 0);

    // What the client says of itself never counts, not even where the answer says nothing.
    let lines = format!("Cookie: {}\r\nX-Auth-Request-User: root\r\nX-Groups: admins\r\n", login.session());
    let answer = get(&edge, "/yes", &lines);
    assert_eq!((answer.status, answer.text().as_str()), (200, "web"));
    let head = web.last().head;
    assert_eq!(head.header("x-auth-request-user"), Some("ann"));
    assert_eq!(head.header("x-auth-request-email"), Some("ann@example.test"));
    assert_eq!(head.header("x-groups"), None);
}

#[test]
fn the_service_gets_the_headers_of_the_original_and_nothing_that_a_client_says_for_a_proxy() {
    let (edge, _web, login) = edge_with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &[]);
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send(
            "POST /form?x=1&y=%20z HTTP/1.1\r\nHost: A.test:80\r\nContent-Length: 4\r\nContent-Type: text/x\r\n\
             Authorization: Bearer t\r\nCookie: a=b\r\nAccept: x/y\r\nX-Own: 1\r\nX-Forwarded-For: 9.9.9.9\r\n\
             X-Forwarded-Proto: https\r\nX-Forwarded-Uri: /public\r\nX-Forwarded-Method: OPTIONS\r\nForwarded: for=9.9.9.9\r\n\
             X-Original-URL: http://evil.test/\r\nX-Original-URI: /evil\r\nX-Real-IP: 9.9.9.9\r\nX-Scheme: ftp\r\n\
             X-Auth-Request-Redirect: //evil.test\r\nX_Own: twin\r\nProxy: evil\r\nTE: trailers\r\n\
             ssl-client-verify: SUCCESS\r\nConnection: X-Nominated\r\nKeep-Alive: 5\r\n\r\nbody",
        )
        .unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    let question = login.last();
    let head = question.head;
    assert_eq!(head.first, "GET /oauth2/auth HTTP/1.1");
    for (name, value) in [
        ("host", "login.test.svc.cluster.local"),
        ("x-original-url", "http://A.test:80/form?x=1&y=%20z"),
        ("x-original-method", "POST"),
        ("x-sent-from", "nginx-ingress-controller"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-auth-request-redirect", "/form?x=1&y=%20z"),
        ("authorization", "Bearer t"),
        ("cookie", "a=b"),
        ("accept", "x/y"),
        ("x-own", "1"),
        ("content-type", "text/x"),
    ] {
        assert_eq!(head.header(name), Some(value), "{name}");
    }
    assert_eq!(head.header("x-request-id").map(str::len), Some(32));
    for name in [
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "proxy",
        "forwarded",
        "x_own",
        "x-forwarded-proto",
        "x-forwarded-uri",
        "x-forwarded-method",
        "x-original-uri",
        "x-scheme",
        "ssl-client-verify",
    ] {
        assert_eq!(head.header(name), None, "{name}");
    }
    assert!(question.body.is_empty());
}

#[test]
fn with_a_method_of_its_own_the_question_says_two_things_more() {
    let ok = "HTTP/1.1 204 No Content\r\n\r\n";
    let (edge, _web, login) = edge_with(ok, &[("auth-method", "POST")]);
    assert_eq!(get(&edge, "/x?y=1", "").status, 200);
    let head = login.last().head;
    assert_eq!(head.first, "POST /oauth2/auth HTTP/1.1");
    assert_eq!(head.header("x-original-uri"), Some("/x?y=1"));
    assert_eq!(head.header("x-scheme"), Some("http"));
    assert_eq!(head.header("x-original-method"), Some("GET"));
}

#[test]
fn the_body_goes_to_the_upstream_alone_and_whole() {
    let (edge, web, login) = edge_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", &[]);
    let body = vec![7; 300_000];
    let mut connection = Connection::open(edge.http).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.send([head.as_bytes(), &body].concat()).unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    assert_eq!(web.last().body, body);
    assert!(login.last().body.is_empty());

    // The service is asked before the first byte of a body is there, and the client is told to go on only then.
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("POST /late HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    until("the service is asked", || login.received().len() == 2);
    connection.send("body").unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    assert_eq!(web.last().body, b"body");
    assert_eq!(login.last().head.header("expect"), None);
}

#[test]
fn a_refused_body_does_not_become_the_next_request() {
    let (edge, web, _login) = edge_with("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", &[]);
    let mut connection = Connection::open(edge.http).unwrap();
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n";
    connection
        .send(format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()))
        .unwrap();
    assert_eq!(connection.response().unwrap().status, 403);
    assert_eq!(reason(&edge, "/"), "external_auth_forbidden");
    let log = edge.access_log();
    assert!(log.iter().all(|line| line["path"] != "/hidden"), "{log:?}");
    assert_eq!(web.received().len(), 0);
}

#[test]
fn variables_in_the_url_are_filled_in_and_stay_one_request_line() {
    let (web, login) = (Backend::named("web"), Login::start());
    let url = (
        "auth-url",
        "http://login.$namespace.svc/oauth2/auth?uri=$request_uri&who=$http_x_who&at=$service_name",
    );
    let edge = Edge::with(site(web.address, login.address(), &[url]));
    let lines = format!("Cookie: {}\r\nX-Who: a b HTTP/1.1 #\r\n", login.session());
    assert_eq!(get(&edge, "/x?y=1", &lines).status, 200);
    let first = login.questions()[0].head.first.clone();
    assert_eq!(first, "GET /oauth2/auth?uri=/x?y=1&who=a%20b%20HTTP/1.1%20%23&at=web HTTP/1.1");
}

#[test]
fn further_headers_of_the_question_come_from_a_config_map_and_follow_it() {
    let (web, login) = (Backend::named("web"), Login::start());
    let edge =
        Edge::with(site(web.address, login.address(), &[URL, ("auth-proxy-set-headers", "test/to-login")]));
    edge.until_ask("a.test", "/", "503");
    let map = |team: &str| {
        config_map("to-login", &[("X-Team", team), ("X-Forwarded-Host", "$http_host"), ("X-Sent-From", "")])
    };
    edge.write("to-login.yaml", map("shop and more"));
    edge.until_ask("a.test", "/", "401");
    let head = login.backend.last().head;
    assert_eq!(head.header("x-team"), Some("shop and more"));
    assert_eq!(head.header("x-forwarded-host"), Some("a.test"));
    assert_eq!(head.header("x-sent-from"), None);
    edge.write("to-login.yaml", map("other"));
    until("the new value is sent", || {
        edge.get("a.test", "/");
        login.backend.last().head.header("x-team") == Some("other")
    });
}

#[test]
fn where_to_come_back_to_can_be_a_fixed_place() {
    let redirect = ("auth-request-redirect", "https://a.test/home?x=1");
    let (edge, _web, login) =
        edge_with("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", &[redirect]);
    assert_eq!(get(&edge, "/x", "").status, 401);
    assert_eq!(login.last().head.header("x-auth-request-redirect"), Some("https://a.test/home?x=1"));
}

const COOKIES: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n\r\n";

#[test]
fn cookies_of_the_service_reach_the_client_with_good_answers_and_on_request_with_all() {
    for (always, on_error) in [("false", 0), ("true", 2)] {
        let web = Backend::start(|request, stream| {
            let status = if request.target() == "/bad" { "404 Not Found" } else { "200 OK" };
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nSet-Cookie: own=1\r\n\r\n")
        });
        let login = Backend::saying(COOKIES);
        let annotations = [URL, ("auth-always-set-cookie", always)];
        let edge = Edge::with(site(web.address, login.address, &annotations));
        assert_eq!(get(&edge, "/", "").head.all("set-cookie"), ["own=1", "a=1; Path=/", "b=2"]);
        assert_eq!(get(&edge, "/bad", "").head.all("set-cookie").len(), 1 + on_error, "always: {always}");
    }
}

#[test]
fn questions_share_a_connection_unless_that_is_turned_off() {
    for (timeout, connections) in [("60", 1), ("0", 5)] {
        let ok = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok";
        let (web, login) = (Backend::named("web"), Backend::saying(ok));
        let annotations = [URL, ("auth-keepalive-timeout", timeout)];
        let edge = Edge::plan()
            .file("site.yaml", site(web.address, login.address, &annotations))
            .gateway(&["--threads", "1"])
            .start();
        for _ in 0..5 {
            assert_eq!(get(&edge, "/", "").status, 200);
        }
        assert_eq!(login.connections(), connections, "auth-keepalive-timeout: {timeout}");
        let close = login.last().head.header("connection") == Some("close");
        assert_eq!(close, timeout == "0");
    }
}

#[test]
fn a_connection_that_the_service_ended_meanwhile_is_no_failure() {
    // It says that it keeps the connection and ends it at once.
    let login = Backend::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        Err(std::io::ErrorKind::ConnectionReset.into())
    });
    let web = Backend::named("web");
    let edge = Edge::plan()
        .file("site.yaml", site(web.address, login.address, &[URL]))
        .gateway(&["--threads", "1"])
        .start();
    for _ in 0..50 {
        assert_eq!(get(&edge, "/", "").status, 200);
    }
}

#[test]
fn http2_clients_are_asked_about_alike() {
    let (web, login) = (Backend::named("web"), Login::start());
    let edge = Edge::with(site(web.address, login.address(), &[URL]));
    run(async {
        let mut client = connect(edge.https, "a.test").await;
        assert_eq!(client.get("a.test", "/x").await.unwrap().status, 401);
        let head = request(Method::POST, "a.test", "/form?x=1").header("cookie", login.session());
        let answer = client.send(head.body(()).unwrap(), Some(Bytes::from_static(b"body"))).await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "web"));
    });
    assert_eq!(web.last().body, b"body");
    let head = login.backend.last().head;
    assert_eq!(head.first, "GET /oauth2/auth HTTP/1.1");
    assert_eq!(head.header("x-original-url"), Some("https://a.test/form?x=1"));
    assert_eq!(head.header("host"), Some("login.test.svc.cluster.local"));
    assert!(head.header("cookie").is_some_and(|cookie| cookie.starts_with(COOKIE)));
}

#[test]
fn a_service_may_speak_tls_and_is_told_its_name() {
    let pair = certificates::make("nobody", &["elsewhere.test"], KeyKind::Ecdsa, 1);
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&PKey::private_key_from_pem(pair.key.as_bytes()).unwrap()).unwrap();
    acceptor.set_certificate(&X509::from_pem(pair.certificate.as_bytes()).unwrap()).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let service = std::thread::spawn(move || {
        let mut stream = acceptor.accept(listener.accept().unwrap().0).unwrap();
        let name = stream.ssl().servername(NameType::HOST_NAME).map(str::to_owned);
        let head = Reader::new(&mut stream).head().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        (name, head)
    });
    let web = Backend::named("web");
    let url = ("auth-url", "https://login.test.svc:80/check");
    let edge = Edge::with(site(web.address, address, &[url]));
    assert_eq!(get(&edge, "/", "").status, 200);
    let (name, head) = service.join().unwrap();
    assert_eq!(name.as_deref(), Some("login.test.svc"));
    assert_eq!(head.header("host"), Some("login.test.svc"));
}
