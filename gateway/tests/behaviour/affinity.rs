//! Sessions: `affinity: cookie`, with every attribute of its cookie, canaries and failures.

use crate::support::backend::{Backend, refusing_address};
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::manifest::{Ingress, bare_service, documents, ingress, service, slice};
use crate::support::tls::offer;
use crate::support::until;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;

const PREFIX: &str = "nginx.ingress.kubernetes.io";
const READY: &str = "{ ready: true }";
const NAMES: [&str; 3] = ["one", "two", "three"];

fn service_of(addresses: &[SocketAddr]) -> String {
    let slices =
        addresses.iter().enumerate().map(|(at, address)| slice("web", &at.to_string(), &[*address], READY));
    documents([bare_service("web")].into_iter().chain(slices))
}

fn addresses(backends: &[Backend]) -> Vec<SocketAddr> {
    backends.iter().map(|backend| backend.address).collect()
}

fn annotated(ingress: Ingress, annotations: &[(&str, &str)]) -> Ingress {
    let add = |ingress: Ingress, (name, value): &(&str, &str)| {
        ingress.annotation(&format!("{PREFIX}/{name}"), value)
    };
    annotations.iter().fold(ingress, add)
}

/// An Ingress with sessions.
fn web(annotations: &[(&str, &str)]) -> Ingress {
    annotated(ingress("web"), &[&[("affinity", "cookie")], annotations].concat())
}

fn site(annotations: &[(&str, &str)]) -> String {
    web(annotations).path("a.test", "Prefix", "/", "web").text()
}

fn request(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")
}

fn ask(edge: &Edge, cookie: Option<&str>) -> Response {
    let mut connection = Connection::open(edge.http).unwrap();
    let line = cookie.map_or(String::new(), |cookie| format!("Cookie: theme=dark; {cookie}\r\n"));
    connection.send(request(&line)).unwrap();
    connection.response().unwrap()
}

/// The name and value of the cookie that an answer sets.
fn cookie(answer: &Response) -> String {
    let line = answer.header("set-cookie").unwrap_or_else(|| panic!("{answer:?} sets no cookie"));
    line.split(';').next().unwrap().to_owned()
}

/// Both halves of a cookie's value.
fn halves(cookie: &str) -> (&str, &str) {
    cookie.split_once('=').unwrap().1.split_once('|').unwrap()
}

fn endpoints(edge: &Edge) -> usize {
    let dump: serde_json::Value = serde_json::from_slice(&edge.admin("/config").body).unwrap();
    dump["upstreams"][0]["endpoints"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_client_stays_and_gets_one_cookie_that_tells_no_address() {
    let backends = NAMES.map(Backend::named);
    for mode in ["balanced", "persistent"] {
        let edge = Edge::with(documents([
            service_of(&addresses(&backends)),
            site(&[("affinity-mode", mode)]),
            ingress("plain").path("plain.test", "Prefix", "/", "web").text(),
        ]));
        let first = ask(&edge, None);
        let cookie = cookie(&first);
        assert_eq!(first.header("set-cookie"), Some(&*format!("{cookie}; Path=/; HttpOnly")));
        let (place, group) = halves(&cookie);
        assert!(cookie.starts_with("INGRESSCOOKIE=") && (place.len(), group.len()) == (32, 32), "{cookie}");
        assert!(!cookie.contains("127.0.0.1"));
        for _ in 0..20 {
            let again = ask(&edge, Some(&cookie));
            assert_eq!((again.text(), again.header("set-cookie")), (first.text(), None), "{mode}");
        }
        let met: BTreeSet<_> = (0..60).map(|_| ask(&edge, None).text()).collect();
        assert_eq!(met.len(), 3, "{mode}: new clients go everywhere");
        assert_eq!(edge.get("plain.test", "/").header("set-cookie"), None, "another route has no sessions");
    }
}

#[test]
fn a_session_outlives_the_gateway() {
    let backends = NAMES.map(Backend::named);
    let mut edge = Edge::with(documents([service_of(&addresses(&backends)), site(&[])]));
    let sessions: Vec<_> =
        (0..10).map(|_| ask(&edge, None)).map(|answer| (cookie(&answer), answer.text())).collect();
    edge.gateway.kill();
    edge.start_gateway();
    edge.wait_ready();
    for (cookie, owner) in sessions {
        let answer = ask(&edge, Some(&cookie));
        assert_eq!((answer.text(), answer.header("set-cookie")), (owner, None));
    }
}

#[test]
fn persistent_sessions_stay_when_endpoints_come_and_move_when_theirs_goes() {
    let backends = NAMES.map(Backend::named);
    let all = addresses(&backends);
    let edge = Edge::plan()
        .file("site.yaml", site(&[("affinity-mode", "persistent")]))
        .file("web.yaml", service_of(&all[..1]))
        .start();
    let first = ask(&edge, None);
    assert_eq!(first.text(), "one");
    let old = cookie(&first);
    edge.write("web.yaml", service_of(&all));
    until("all are there", || endpoints(&edge) == 3);
    for _ in 0..10 {
        assert_eq!(ask(&edge, Some(&old)).text(), "one");
    }
    edge.write("web.yaml", service_of(&all[1..]));
    until("the first is gone", || endpoints(&edge) == 2);
    let moved = ask(&edge, Some(&old));
    let new = cookie(&moved);
    assert_ne!(new, old);
    let again = ask(&edge, Some(&new));
    assert_eq!((again.text(), again.header("set-cookie")), (moved.text(), None));
}

#[test]
fn a_cookie_of_somebody_elses_making_is_none() {
    let backends = NAMES.map(Backend::named);
    let edge =
        Edge::with(documents([service_of(&addresses(&backends)), site(&[("affinity-mode", "persistent")])]));
    let real = cookie(&ask(&edge, None));
    let (place, group) = halves(&real);
    for forged in [
        format!("{group}|{group}"),
        format!("{place}|{place}"),
        format!("127.0.0.1:80|{group}"),
        format!("{}|{group}", "g".repeat(32)),
        format!("{place}|"),
        "x".repeat(4000),
        String::new(),
    ] {
        let answer = ask(&edge, Some(&format!("INGRESSCOOKIE={forged}")));
        assert_eq!(answer.status, 200);
        assert_ne!(cookie(&answer), format!("INGRESSCOOKIE={forged}"), "it gets one of ours");
    }
}

#[test]
fn the_cookie_has_the_attributes_that_are_asked_for() {
    let backend = Backend::named("web");
    let annotations = [
        ("session-cookie-name", "route"),
        ("session-cookie-expires", "172800"),
        ("session-cookie-max-age", "3600"),
        ("session-cookie-domain", "a.test"),
        ("session-cookie-samesite", "None"),
        ("session-cookie-conditional-samesite-none", "true"),
    ];
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        web(&annotations)
            .path("a.test", "Prefix", "/shop", "web")
            .path("a.test", "Prefix", "/", "web")
            .text(),
    ]));
    let set = |target: &str, agent: &str| {
        let mut tls = offer("a.test").connect(edge.https).unwrap().http1();
        let head = format!("GET {target} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: {agent}\r\n\r\n");
        tls.send(head).unwrap();
        tls.response().unwrap().header("set-cookie").unwrap().to_owned()
    };
    let line = set("/shop/cart", "curl");
    assert!(line.starts_with("route="), "{line}");
    assert!(
        line.contains("; Expires=") && line.contains(" GMT; Max-Age=3600; Domain=a.test; Path=/shop;"),
        "{line}"
    );
    assert!(line.ends_with("; Secure; HttpOnly; SameSite=None"), "{line}");
    let line =
        set("/", "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.1.2 Safari/537.36");
    assert!(line.contains("; Path=/;") && line.ends_with("; Secure; HttpOnly"), "{line}");
}

#[test]
fn errors_of_the_upstream_carry_the_cookie_and_pages_of_the_gateway_do_not() {
    let backend = Backend::saying("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    let edge = Edge::with(documents([service("web", &[backend.address]), site(&[])]));
    assert!(cookie(&ask(&edge, None)).starts_with("INGRESSCOOKIE="));
    edge.write("site.yaml", documents([service("web", &[refusing_address()]), site(&[])]));
    until("nobody is there", || ask(&edge, None).status == 502);
    assert_eq!(ask(&edge, None).header("set-cookie"), None);
}

/// An edge whose first endpoint dies once it has a session; the session's cookie.
fn bereaved(mode: &str, change: &str) -> (Edge, [Backend; 1], String) {
    let (dying, alive) = (Backend::named("dying"), Backend::named("alive"));
    let rule = site(&[("affinity-mode", mode), ("session-cookie-change-on-failure", change)]);
    let edge = Edge::with(documents([service_of(&[dying.address, alive.address]), rule]));
    let mut found = None;
    until("a session is with the one that will die", || {
        let answer = ask(&edge, None);
        found = (answer.text() == "dying").then(|| cookie(&answer));
        found.is_some()
    });
    let address = dying.address;
    drop(dying);
    until("it is dead", || std::net::TcpStream::connect(address).is_err());
    (edge, [alive], found.unwrap())
}

#[test]
fn a_client_whose_endpoint_dies_moves_where_that_is_allowed_and_waits_where_not() {
    for mode in ["balanced", "persistent"] {
        let (edge, _alive, old) = bereaved(mode, "true");
        let moved = ask(&edge, Some(&old));
        assert_eq!((moved.status, moved.text().as_str()), (200, "alive"), "{mode}");
        let new = cookie(&moved);
        assert_ne!(new, old);
        assert_eq!(ask(&edge, Some(&new)).header("set-cookie"), None);
        let (edge, _alive, old) = bereaved(mode, "false");
        let stays = ask(&edge, Some(&old));
        assert_eq!((stays.status, stays.header("set-cookie")), (502, None), "{mode}");
        assert_eq!(ask(&edge, None).text(), "alive", "who has no session is not concerned");
    }
}

fn canary(behaviour: &str, rules: &[(&str, &str)]) -> String {
    let rules = [&[("canary", "true"), ("affinity-canary-behavior", behaviour)], rules].concat();
    annotated(ingress("next"), &rules).path("a.test", "Prefix", "/", "next").text()
}

#[test]
fn clients_stay_on_their_side_of_a_canary_unless_it_is_legacy() {
    let (old, new) = (Backend::named("web"), Backend::named("next"));
    let services = documents([service("web", &[old.address]), service("next", &[new.address])]);
    let with = |behaviour: &str, weight: &str| {
        documents([
            services.clone(),
            site(&[]),
            canary(behaviour, &[("canary-weight", weight), ("canary-by-header", "X-Next")]),
        ])
    };
    let edge = Edge::with(with("sticky", "50"));
    let mut sides = [None, None];
    until("there is a client on each side", || {
        let answer = ask(&edge, None);
        sides[usize::from(answer.text() == "next")] = Some(cookie(&answer));
        sides.iter().all(Option::is_some)
    });
    let [web, next] = sides.map(Option::unwrap);
    assert_ne!(halves(&web).1, halves(&next).1);
    for _ in 0..20 {
        assert_eq!(
            (ask(&edge, Some(&web)).text(), ask(&edge, Some(&next)).text()),
            ("web".into(), "next".into())
        );
    }
    // The cookie goes before the header, and before a weight that changed.
    let by_header = |cookie: &str, value: &str| {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(request(&format!("Cookie: {cookie}\r\nX-Next: {value}\r\n"))).unwrap();
        connection.response().unwrap().text()
    };
    assert_eq!((by_header(&web, "always"), by_header(&next, "never")), ("web".into(), "next".into()));
    edge.write("site.yaml", with("sticky", "100"));
    until("everybody new goes to the canary", || (0..10).all(|_| ask(&edge, None).text() == "next"));
    assert_eq!(ask(&edge, Some(&web)).text(), "web");
    edge.write("site.yaml", with("legacy", "100"));
    until("nobody stays", || ask(&edge, Some(&web)).text() == "next");
    assert_eq!(ask(&edge, None).header("set-cookie"), None, "a legacy canary has no sessions");
    assert_eq!(by_header(&web, "never"), "web");
    let stray = by_header(&next, "never");
    assert_eq!(stray, "web", "the canary's cookie means nothing now");
}

#[test]
fn a_websocket_gets_its_cookie_and_stays() {
    let switching = |name: &'static str| {
        Backend::start(move |_, stream| {
            let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";
            write!(stream, "{head}X-Name: {name}\r\n\r\n")
        })
    };
    let backends = NAMES.map(switching);
    let edge = Edge::with(documents([service_of(&addresses(&backends)), site(&[])]));
    let open = |lines: &str| {
        let mut connection = Connection::open(edge.http).unwrap();
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        connection.send(request(&format!("{upgrade}{lines}"))).unwrap();
        connection.response().unwrap()
    };
    let first = open("");
    assert_eq!(first.status, 101);
    let line = format!("Cookie: {}\r\n", cookie(&first));
    for _ in 0..10 {
        let again = open(&line);
        assert_eq!(again.header("x-name"), first.header("x-name"));
        assert_eq!(again.header("set-cookie"), None);
    }
}
