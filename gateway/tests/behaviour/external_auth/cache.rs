//! `auth-cache-key`: answers that hold for a while.

use super::*;

const KEY: (&str, &str) = ("auth-cache-key", "$cookie_session$http_x_more");
const NAMES: (&str, &str) = ("auth-response-headers", "X-User");

/// Says who asks: the value of the cookie.
fn by_cookie(extra: &'static str) -> Backend {
    Backend::start(move |request, stream| {
        let cookie = request.head.header("cookie").unwrap_or_default().to_owned();
        let status = match cookie.as_str() {
            "session=" | "" => "401 Unauthorized",
            _ => "202 Accepted",
        };
        write!(stream, "HTTP/1.1 {status}\r\nX-User: {cookie}\r\n{extra}Content-Length: 0\r\n\r\n")
    })
}

fn edge(login: &Backend, web: &Backend, annotations: &[(&str, &str)]) -> Edge {
    let annotations = [&[URL, KEY, NAMES], annotations].concat();
    let rules = with(ingress("web"), &annotations)
        .path("a.test", "Prefix", "/", "web")
        .path("a.test", "Prefix", "/other", "web")
        .path("b.test", "Prefix", "/", "web");
    let objects = [service("web", &[web.address]), service("login", &[login.address]), rules.text()];
    Edge::with(documents(objects))
}

const ANN: &str = "Cookie: session=ann\r\n";

#[test]
fn an_answer_holds_for_its_host_and_path_although_the_service_is_gone() {
    let (web, login) = (Backend::named("web"), by_cookie(""));
    let edge = edge(&login, &web, &[]);
    assert_eq!(get(&edge, "/", ANN).status, 200);
    assert_eq!(get(&edge, "/other", "").status, 401);
    drop(login);
    for _ in 0..20 {
        assert_eq!(get(&edge, "/again", ANN).status, 200, "the path of the rule counts");
        assert_eq!(web.last().head.header("x-user"), Some("session=ann"));
        assert_eq!(get(&edge, "/other", "").status, 401);
    }
    assert_eq!(get(&edge, "/other/x", ANN).status, 500, "another path");
    assert_eq!(get(&edge, "/", "Cookie: session=bob\r\n").status, 500, "another key");
    assert_eq!(edge.get("b.test", "/").status, 500, "another host");
}

#[test]
fn keys_are_not_confused_with_others_of_the_same_letters() {
    let (web, login) = (Backend::named("web"), by_cookie(""));
    let edge = edge(&login, &web, &[]);
    assert_eq!(get(&edge, "/", "Cookie: session=ab\r\nX-More: c\r\n").status, 200);
    assert_eq!(get(&edge, "/", "Cookie: session=a\r\nX-More: bc\r\n").status, 200);
    assert_eq!(login.received().len(), 2);
    assert_eq!(web.last().head.header("x-user"), Some("session=a"));
}

#[test]
fn an_answer_ends_when_its_time_is_over() {
    let (web, login) = (Backend::named("web"), by_cookie(""));
    let edge = edge(&login, &web, &[("auth-cache-duration", "202 1s, 401 0s")]);
    let started = Instant::now();
    assert_eq!(get(&edge, "/", ANN).status, 200);
    until("the service is asked again", || {
        assert_eq!(get(&edge, "/", ANN).status, 200);
        login.received().len() == 2
    });
    assert!(started.elapsed() >= Duration::from_secs(1));
    for _ in 0..2 {
        assert_eq!(get(&edge, "/", "").status, 401);
    }
    assert_eq!(login.received().len(), 4, "0 keeps nothing");
}

#[test]
fn what_is_for_one_client_is_not_kept() {
    for extra in ["Set-Cookie: a=b\r\n", "Cache-Control: no-store\r\n", "Vary: Cookie\r\n"] {
        let (web, login) = (Backend::named("web"), by_cookie(extra));
        let edge = edge(&login, &web, &[]);
        for _ in 0..2 {
            assert_eq!(get(&edge, "/", ANN).status, 200);
        }
        assert_eq!(login.received().len(), 2, "{extra}");
    }
}

#[test]
fn another_service_does_not_inherit_answers() {
    let (web, login) = (Backend::named("web"), by_cookie(""));
    let edge = edge(&login, &web, &[]);
    assert_eq!(get(&edge, "/", ANN).status, 200);
    let other = Backend::saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let url = ("auth-url", "http://other.test.svc/");
    let rules = with(ingress("web"), &[url, KEY, NAMES]).path("a.test", "Prefix", "/", "web");
    edge.write(
        "site.yaml",
        documents([service("web", &[web.address]), service("other", &[other.address]), rules.text()]),
    );
    until("the other service is asked", || get(&edge, "/", ANN).status == 403);
}
