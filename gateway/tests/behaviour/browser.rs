//! Sign-in, cookies and CORS as a real browser does them: Chromium against the gateway. A page's script takes the steps and
//! writes what came of them into the document.

use crate::support::backend::{Backend, Received};
use crate::support::browser;
use crate::support::edge::Edge;
use crate::support::login::{COOKIE, Login};
use crate::support::manifest::{Ingress, documents, ingress, service};
use crate::support::until;
use std::io::{self, Write as _};
use std::net::TcpStream;

const PREFIX: &str = "nginx.ingress.kubernetes.io";

fn with(name: &str, annotations: &[(&str, &str)]) -> Ingress {
    let add = |ingress: Ingress, (name, value): &(&str, &str)| {
        ingress.annotation(&format!("{PREFIX}/{name}"), value)
    };
    annotations.iter().fold(ingress(name), add)
}

/// Writes a page whose script's result becomes the text of `#result`.
fn page(stream: &mut TcpStream, steps: &str) -> io::Result<()> {
    let page = format!(
        "<!doctype html><p id=\"result\">nothing</p><script>\
         (async () => {{ let say = []; try {{ {steps} }} catch (error) {{ say.push('failed: ' + error); }} \
         document.getElementById('result').textContent = say.join(' | '); }})()</script>"
    );
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    )
}

fn text(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

fn user(request: &Received) -> String {
    request.head.header("x-auth-request-user").unwrap_or("nobody").to_owned()
}

/// The text of `#result`.
#[track_caller]
fn result(document: &str) -> String {
    let found = document.split_once("id=\"result\">").and_then(|(_, rest)| rest.split_once("</p>"));
    found.unwrap_or_else(|| panic!("no result in {document}")).0.to_owned()
}

#[test]
fn a_browser_signs_in_comes_back_and_stays_signed_in() {
    let Some(chromium) = browser::find() else { return };
    let web = Backend::start(|request, stream| match request.target().split('?').next() {
        Some("/api") => text(stream, &user(request)),
        _ => page(
            stream,
            "say.push(location.pathname + location.search); \
             let api = await fetch('/api'); say.push(api.status, await api.text()); say.push(document.cookie);",
        ),
    });
    let login = Login::start();
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        service("login", &[login.address()]),
        with(
            "web",
            &[
                ("auth-url", "http://$host/oauth2/auth?refresh"),
                ("auth-signin", "http://$http_host/oauth2/start?rd=$escaped_request_uri"),
                ("auth-response-headers", "X-Auth-Request-User"),
            ],
        )
        .path("app.test", "Prefix", "/", "web")
        .text(),
        ingress("login").path("app.test", "Prefix", "/oauth2", "login").text(),
    ]));
    let document =
        browser::open(&chromium, &format!("http://app.test:{}/page?x=1&y=a%20b", edge.http.port()));
    // The session's cookie is for no script; the one beside it, of the same answer, is.
    assert_eq!(result(&document), "/page?x=1&amp;y=a%20b | 200 | ann | seen=1");
    let targets: Vec<String> =
        login.backend.received().iter().map(|request| request.target().to_owned()).collect();
    assert!(targets.iter().any(|target| target.starts_with("/oauth2/callback")), "{targets:?}");
    assert!(login.questions().last().unwrap().head.header("cookie").unwrap().contains(COOKIE));
}

#[test]
fn a_browser_lets_allowed_origins_read_what_a_guarded_api_answers_and_no_others() {
    let Some(chromium) = browser::find() else { return };
    const STEPS: &str = "let base = 'http://api.site.test:' + location.port; \
        let put = (path) => fetch(base + path, { method: 'PUT', credentials: 'include', headers: { 'X-Token': 'x' }, body: 'b' }); \
        let before = await put('/api'); say.push(before.status); \
        await fetch('http://api.site.test:' + location.port + '/oauth2/start?rd=/api', { mode: 'no-cors', credentials: 'include' }); \
        let after = await put('/api'); say.push(after.status, await after.text(), after.headers.get('x-total'), after.headers.get('x-hidden'));";
    let web = Backend::start(|request, stream| match request.target() {
        "/page" => page(stream, STEPS),
        _ => {
            let body = format!("{} of {}", request.head.first.split(' ').next().unwrap(), user(request));
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nX-Total: 7\r\nX-Hidden: 8\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    });
    let login = Login::start();
    let site = |origin: &str| {
        documents([
            service("web", &[web.address]),
            service("login", &[login.address()]),
            ingress("pages")
                .path("shop.site.test", "Prefix", "/", "web")
                .path("evil.site.test", "Prefix", "/", "web")
                .text(),
            ingress("login").path("api.site.test", "Prefix", "/oauth2", "login").text(),
            with(
                "api",
                &[
                    ("auth-url", "http://$host/oauth2/auth"),
                    ("auth-response-headers", "X-Auth-Request-User"),
                    ("enable-cors", "true"),
                    ("cors-allow-origin", origin),
                    ("cors-allow-headers", "X-Token"),
                    ("cors-expose-headers", "X-Total"),
                ],
            )
            .path("api.site.test", "Prefix", "/api", "web")
            .text(),
        ])
    };
    // The origin of a page has the gateway's port, which is known only when it listens.
    let edge = Edge::with(site("http://shop.site.test"));
    let port = edge.http.port();
    let origin = format!("http://shop.site.test:{port}");
    edge.write("site.yaml", site(&origin));
    until("the port is known", || edge.admin("/config").text().contains(&origin));

    let allowed = result(&browser::open(&chromium, &format!("http://shop.site.test:{port}/page")));
    assert_eq!(allowed, "401 | 200 | PUT of ann | 7 | ");
    let before = web.received().len();
    let refused = result(&browser::open(&chromium, &format!("http://evil.site.test:{port}/page")));
    assert_eq!(refused, "failed: TypeError: Failed to fetch");
    let seen: Vec<String> =
        web.received()[before..].iter().map(|request| request.target().to_owned()).collect();
    assert!(
        !seen.iter().any(|target| target == "/api"),
        "a preflight that fails keeps the request away: {seen:?}"
    );
}
