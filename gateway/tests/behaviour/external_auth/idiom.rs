//! The idiom of oauth2-proxy: two Ingresses for one host, the login service on `/oauth2` beside what it guards.

use super::*;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{self, client};

const OWN_HOST: (&str, &str) = ("auth-url", "https://$host/oauth2/auth");
const SIGN_IN: (&str, &str) = ("auth-signin", "https://$host/oauth2/start?rd=$escaped_request_uri");

fn idiom(web: SocketAddr, login: SocketAddr, annotations: &[(&str, &str)]) -> String {
    documents([
        service("web", &[web]),
        service("login", &[login]),
        with(ingress("web"), annotations).path("a.test", "Prefix", "/", "web").text(),
        ingress("login").path("a.test", "Prefix", "/oauth2", "login").text(),
    ])
}

#[test]
fn a_client_signs_in_and_comes_back_to_where_it_was() {
    let (web, login) = (Backend::named("web"), Login::start());
    let names = ("auth-response-headers", "X-Auth-Request-User");
    let edge = Edge::with(idiom(web.address, login.address(), &[OWN_HOST, SIGN_IN, names]));
    let away = get(&edge, "/page?x=1&y=2", "");
    assert_eq!(away.status, 302);
    let location = away.header("location").unwrap();
    assert_eq!(location, "https://a.test/oauth2/start?rd=%2Fpage%3Fx%3D1%26y%3D2");
    assert_eq!(reason(&edge, "/page"), "sign_in");

    let started = get(&edge, location.strip_prefix("https://a.test").unwrap(), "");
    let csrf = started.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let back = get(&edge, started.header("location").unwrap(), &format!("Cookie: {csrf}\r\n"));
    assert_eq!((back.status, back.header("location")), (302, Some("/page?x=1&y=2")));
    let session = back.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(session.starts_with(COOKIE));

    let page = get(&edge, back.header("location").unwrap(), &format!("Cookie: {session}\r\n"));
    assert_eq!((page.status, page.text().as_str()), (200, "web"));
    assert_eq!(web.last().head.header("x-auth-request-user"), Some("ann"));
    assert_eq!(web.last().target(), "/page?x=1&y=2");
    let question = login.questions().pop().unwrap().head;
    assert_eq!(question.header("host"), Some("a.test"));
    assert_eq!(question.header("x-original-url"), Some("http://a.test/page?x=1&y=2"));
}

#[test]
fn a_web_socket_stands_behind_it() {
    let (echo, login) = (Echo::start("chat"), Login::start());
    let edge = Edge::with(idiom(echo.address, login.address(), &[OWN_HOST, SIGN_IN]));
    let open = |cookie: Option<String>| {
        let mut request = "ws://a.test/chat".into_client_request().unwrap();
        if let Some(cookie) = cookie {
            request.headers_mut().insert("cookie", cookie.parse().unwrap());
        }
        client(request, TcpStream::connect(edge.http).unwrap()).map_err(Box::new)
    };
    match open(None).map_err(|error| *error) {
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
            assert_eq!(answer.status(), 302);
        }
        other => panic!("{other:?}"),
    }
    let (mut socket, _) = open(Some(login.session())).unwrap();
    socket.send(Message::text("hello")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("hello"));
    let question = login.questions().pop().unwrap().head;
    assert_eq!(question.header("upgrade"), None);
    assert_eq!(question.header("connection"), None);
}

#[test]
fn the_clients_own_host_is_never_asked_through_a_route_that_asks_itself() {
    // Whoever forgets the Ingress for /oauth2 has the guarded application asked, which would say yes to anything.
    let (web, login) = (Backend::named("web"), Login::start());
    let edge = Edge::with(site(web.address, login.address(), &[OWN_HOST]));
    assert_eq!(get(&edge, "/x", "").status, 500);
    assert_eq!(reason(&edge, "/x"), "external_auth_failed");
    assert_eq!(web.received().len(), 0);
}

#[test]
fn a_host_that_nobody_serves_asks_nobody() {
    let (web, login) = (Backend::named("web"), Login::start());
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        service("login", &[login.address()]),
        with(ingress("web"), &[OWN_HOST]).path("", "Prefix", "/", "web").text(),
        ingress("login")
            .path("a.test", "Prefix", "/oauth2", "login")
            .path("a.test", "Prefix", "/", "web")
            .text(),
    ]));
    assert_eq!(edge.ask("other.test", "/"), "500");
    assert_eq!(login.questions().len(), 0);
}

#[test]
fn the_way_back_is_escaped_and_follows_a_trusted_proxy() {
    let (web, login) = (Backend::named("web"), Login::start());
    let annotations = [URL, ("auth-signin", "https://login.test/in")];
    let text = idiom(web.address, login.address(), &annotations);
    let edge = Edge::configured(text, &[("use-forwarded-headers", "true")]);
    for (target, lines, want) in [
        ("/p?q=1", "", "https://login.test/in?rd=http://a.test%2Fp%3Fq%3D1"),
        ("/p", "X-Forwarded-Proto: https\r\n", "https://login.test/in?rd=https://a.test%2Fp"),
        ("/%2F;\"X:y&z=1", "", "https://login.test/in?rd=http://a.test%2F%252F%3B%22X%3Ay%26z%3D1"),
        ("//evil.test/", "", "https://login.test/in?rd=http://a.test%2F%2Fevil.test%2F"),
    ] {
        let answer = get(&edge, target, lines);
        assert_eq!((answer.status, answer.header("location")), (302, Some(want)), "{target}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[test]
fn only_401_leads_to_the_sign_in_page() {
    for (answer, status) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403),
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", 500),
        ("HTTP/1.1 401 Unauthorized\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n", 302),
    ] {
        let (edge, _web, _login) = edge_with(answer, &[("auth-signin", "/oauth2/sign_in")]);
        let answer = get(&edge, "/", "");
        assert_eq!(answer.status, status);
        if status == 302 {
            let location = answer.header("location").unwrap();
            assert!(location.starts_with("http://a.test/oauth2/sign_in?rd="), "{location}");
            assert_eq!(answer.header("set-cookie"), Some("a=b"));
        }
    }
}
