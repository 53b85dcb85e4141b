//! Whatever fails closes.

use super::*;
use crate::support::dns::NameServer;

/// Nothing of `web` is served, and the client is told nothing of the service.
#[track_caller]
fn is_closed(edge: &Edge, web: &Backend, path: &str) {
    let answer = get(edge, path, "");
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("500 Internal Server Error"), "{}", answer.text());
    assert_eq!(reason(edge, path), "external_auth_failed");
    assert_eq!(web.received().len(), 0);
}

#[test]
fn any_answer_but_yes_and_no_is_500() {
    for answer in [
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 6\r\n\r\nsecret",
        "HTTP/1.1 302 Found\r\nLocation: https://login.test/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 2",
    ] {
        let login = Backend::start(move |_, stream| {
            stream.write_all(answer.as_bytes())?;
            Err(std::io::ErrorKind::ConnectionReset.into())
        });
        let web = Backend::named("web");
        let edge = Edge::with(site(web.address, login.address, &[URL]));
        is_closed(&edge, &web, "/x");
    }
}

#[test]
fn interim_answers_decide_nothing() {
    let (edge, _web, _login) = edge_with(
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        &[],
    );
    assert_eq!(get(&edge, "/", "").status, 403);
}

#[test]
fn a_service_that_refuses_connections_or_is_not_there_closes() {
    let web = Backend::named("web");
    let edge = Edge::with(site(web.address, refusing_address(), &[URL]));
    is_closed(&edge, &web, "/down");
    let edge = Edge::with(site(web.address, refusing_address(), &[("auth-url", "http://nobody.test.svc/")]));
    is_closed(&edge, &web, "/missing");
    let edge =
        Edge::with(site(web.address, refusing_address(), &[("auth-url", "http://login.test.svc:81/")]));
    is_closed(&edge, &web, "/port");
}

#[test]
fn one_endpoint_of_a_service_that_is_down_is_passed_over() {
    let (web, login) = (Backend::named("web"), Login::start());
    // Nobody listens on another address of the machine.
    let dead = SocketAddr::from(([127, 0, 0, 77], login.address().port()));
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        service("login", &[login.address(), dead]),
        with(ingress("web"), &[URL]).path("a.test", "Prefix", "/", "web").text(),
    ]));
    for _ in 0..10 {
        assert_eq!(get(&edge, "/", "").status, 401);
    }
}

#[test]
fn a_huge_answer_closes_and_a_long_body_is_not_waited_for() {
    let line = "x".repeat(8000);
    let huge = (0..20).map(|n| format!("X-{n}: {line}\r\n")).collect::<String>();
    let login = Backend::start(move |request, stream| {
        let lines =
            if request.head.header("x-original-url").unwrap().ends_with("huge") { &*huge } else { "" };
        write!(stream, "HTTP/1.1 200 OK\r\n{lines}Content-Length: 100000000\r\n\r\n")?;
        // The gateway ends it: the rest of the body never comes.
        stream.write_all(&[b'x'; 100_000])
    });
    let web = Backend::named("web");
    let edge = Edge::with(site(web.address, login.address, &[URL]));
    is_closed(&edge, &web, "/huge");
    let started = Instant::now();
    assert_eq!(get(&edge, "/long", "").status, 200);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_service_that_hangs_holds_up_nobody_else_and_a_client_that_leaves_is_forgotten() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let web = Backend::named("web");
    let open = ingress("open").path("open.test", "Prefix", "/", "web").text();
    let site = site(web.address, silent.local_addr().unwrap(), &[URL]);
    let edge = Edge::plan().file("site.yaml", documents([site, open])).gateway(&["--threads", "1"]).start();
    let mut waiting: Vec<Connection<TcpStream>> = Vec::new();
    for _ in 0..50 {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send("GET /wait HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
        waiting.push(connection);
    }
    let _asked = silent.accept().unwrap();
    for _ in 0..20 {
        assert_eq!(edge.ask("open.test", "/"), "web");
    }
    drop(waiting);
    assert_eq!(edge.ask("open.test", "/"), "web");
}

#[test]
fn a_broken_setting_is_503_before_anything_else() {
    let web = Backend::named("web");
    for annotation in [
        ("auth-url", "https://$arg_who/auth"),
        ("auth-url", "login.test.svc/auth"),
        ("auth-method", "CONNECT"),
        ("auth-request-redirect", "https://a.test/#x"),
        ("auth-cache-duration", "200;5m"),
        ("auth-always-set-cookie", "yes"),
    ] {
        let login = Login::start();
        let annotations = if annotation.0 == URL.0 { vec![annotation] } else { vec![URL, annotation] };
        let edge = Edge::with(site(web.address, login.address(), &annotations));
        let answer = get(&edge, "/x", &format!("Cookie: {}\r\n", login.session()));
        assert_eq!(answer.status, 503, "{annotation:?}");
        assert_eq!(reason(&edge, "/x"), "denied");
        assert_eq!(login.questions().len(), 0);
    }
    assert_eq!(web.received().len(), 0);
}

#[test]
fn a_host_outside_of_the_cluster_is_resolved_and_followed() {
    let (web, login) = (Backend::named("web"), Login::start());
    let dns = NameServer::start();
    let url = format!("http://login.example:{}/oauth2/auth", login.address().port());
    let edge = Edge::plan()
        .file("site.yaml", site(web.address, refusing_address(), &[("auth-url", &url)]))
        .sync(&["--dns-server", &dns.address.to_string()])
        .start();
    edge.until_ask("a.test", "/", "500");
    dns.set("login.example", 1, &["127.0.0.1".parse().unwrap()]);
    edge.until_ask("a.test", "/", "401");
    assert_eq!(login.backend.last().head.header("host"), Some("login.example"));
    let before = dns.queries();
    for _ in 0..20 {
        edge.ask("a.test", "/");
    }
    assert!(dns.queries() <= before + 4, "questions cause no queries: {} after {before}", dns.queries());
}
