//! `auth-type: basic`: who gets in, who does not, and what a flood of logins does to everybody else.

mod flood;

use crate::support::backend::Backend;
use crate::support::echo::Echo;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::http2;
use crate::support::manifest::{documents, ingress, service};
use crate::support::until;
use http::Method;
use http::header::AUTHORIZATION;
use std::net::SocketAddr;

/// `correct horse`, hashed.
const HORSE_BCRYPT: &str = "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
const HORSE_SHA: &str = "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=";

/// `Authorization` for a user and a password.
fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", openssl::base64::encode_block(format!("{user}:{password}").as_bytes()))
}

/// A Secret; values are YAML's literal blocks.
fn secret(name: &str, data: &[(&str, &str)]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, namespace: test }}\ntype: Opaque\nstringData:"
    );
    for (key, value) in data {
        text += &format!("\n  {key}: |");
        value.lines().for_each(|line| text += &format!("\n    {line}"));
    }
    text
}

/// An Ingress of its own host with these annotations.
fn of(name: &str, annotations: &[(&str, &str)]) -> String {
    let site = ingress(name).path(&format!("{name}.test"), "Prefix", "/", "web");
    let site = annotations.iter().fold(site, |site, (name, value)| {
        site.annotation(&format!("nginx.ingress.kubernetes.io/{name}"), value)
    });
    site.text()
}

/// The annotations that ask for the users of a Secret.
fn users(secret: &str) -> [(&str, &str); 2] {
    [("auth-type", "basic"), ("auth-secret", secret)]
}

/// One GET with these further header lines, each with its end.
#[track_caller]
fn get(address: SocketAddr, host: &str, target: &str, lines: &str) -> Response {
    let mut connection = Connection::open(address).unwrap();
    connection
        .send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n"))
        .unwrap();
    connection.response().unwrap()
}

/// The status for a user and a password.
#[track_caller]
fn login(edge: &Edge, host: &str, user: &str, password: &str) -> u16 {
    get(edge.http, host, "/", &format!("Authorization: {}\r\n", basic(user, password))).status
}

#[test]
fn users_get_in_and_their_password_stays_at_the_gateway() {
    let backend = Backend::named("web");
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        secret("users", &[("auth", &format!("# staff\nann:{HORSE_BCRYPT}\nbob:{HORSE_SHA}:Bob"))]),
        of("a", &[&users("users")[..], &[("auth-realm", "Shop: staff only")]].concat()),
        of("plain", &users("users")),
        of("open", &[]),
    ]));
    let answer = edge.get("a.test", "/none");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Shop: staff only\""));
    assert!(answer.text().contains("<h1>401 Authorization Required</h1>"), "{}", answer.text());
    assert_eq!(edge.get("plain.test", "/").header("www-authenticate"), Some("Basic realm=\"\""));
    for (user, password, want) in [
        ("ann", "correct horse", 200),
        ("ann", "correct horse", 200),
        ("bob", "correct horse", 200),
        ("ann", "wrong", 401),
        ("ann", "wrong", 401),
        ("bob", "wrong", 401),
        ("ann", "", 401),
        ("eve", "correct horse", 401),
        ("", "correct horse", 401),
    ] {
        assert_eq!(login(&edge, "a.test", user, password), want, "{user} with {password}");
    }
    let right = basic("ann", "correct horse");
    for lines in [
        format!("Authorization: Bearer {right}\r\n"),
        format!("Authorization: {right}\r\nAuthorization: {right}\r\n"),
        "Authorization: Basic ====\r\n".to_owned(),
    ] {
        assert_eq!(get(edge.http, "a.test", "/", &lines).status, 401, "{lines}");
    }
    assert_eq!(backend.received().len(), 3, "who is refused never reaches the upstream");
    assert!(backend.received().iter().all(|request| request.head.header("authorization").is_none()));
    // Where nobody asks for a password it is the upstream's.
    get(edge.http, "open.test", "/", &format!("Authorization: {right}\r\n"));
    assert_eq!(backend.last().head.header("authorization"), Some(&*right));
}

#[test]
fn the_log_names_the_user_and_nothing_that_was_claimed() {
    let backend = Backend::named("web");
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        secret("users", &[("auth", &format!("ann:{HORSE_BCRYPT}"))]),
        of("a", &users("users")),
    ]));
    let ask = |target: &str, password: &str| {
        get(edge.http, "a.test", target, &format!("Authorization: {}\r\n", basic("ann", password)));
    };
    ask("/right", "correct horse");
    ask("/wrong", "hunter2");
    assert_eq!(edge.logged("/right")["user"], "ann");
    let wrong = edge.logged("/wrong");
    assert_eq!((&wrong["reason"], &wrong["status"]), (&"unauthorized".into(), &401.into()));
    assert_eq!(wrong.get("user"), None);
    for secret in ["hunter2", "correct horse", &basic("ann", "hunter2")[6..], HORSE_BCRYPT] {
        assert!(!edge.gateway.log().contains(secret) && !edge.sync.log().contains(secret), "{secret}");
        assert!(!edge.admin("/config").text().contains(secret), "{secret}");
    }
}

#[test]
fn every_kind_of_hash_takes_its_password() {
    let hashes = [
        ("plain", "{PLAIN}correct horse"),
        ("sha", HORSE_SHA),
        ("ssha", "{SSHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0"),
        ("apr1", "$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/"),
        ("md5", "$1$ab$.ThsTrbyIbEahEdE8LNwj1"),
        ("sha256", "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC"),
        (
            "sha512",
            "$6$rounds=1000$saltstring$YiR6NSM0LQXmu7vAhkMXfkdYk7qtFouVx1Mdr3HmzXspT8kONjlpU3CsV7ezCB62uXJoAdaagsH4ck7/tB9js.",
        ),
        ("bcrypt", HORSE_BCRYPT),
        ("des", "abhfCpXqd4GrI"),
    ];
    let file: String = hashes.iter().map(|(name, hash)| format!("{name}:{hash}\n")).collect();
    let backend = Backend::named("web");
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        secret("file", &[("auth", &file)]),
        secret("map", &hashes),
        of("file", &users("file")),
        of("map", &[&users("map")[..], &[("auth-secret-type", "auth-map")]].concat()),
    ]));
    for (name, _) in hashes {
        for host in ["file.test", "map.test"] {
            assert_eq!(login(&edge, host, name, "correct horse"), 200, "{name} at {host}");
            assert_eq!(login(&edge, host, name, "Correct horse"), 401, "{name} at {host}");
            assert_eq!(login(&edge, host, name, "correct horse"), 200, "{name} at {host} again");
        }
    }
}

#[test]
fn a_changed_secret_holds_without_a_touch_of_the_ingress() {
    let backend = Backend::named("web");
    let file = |lines: &str| secret("users", &[("auth", lines)]);
    let edge = Edge::plan()
        .file(
            "site.yaml",
            documents([service("web", &[backend.address]), of("a", &users("users")), of("open", &[])]),
        )
        .file("users.yaml", file(&format!("ann:{HORSE_BCRYPT}\nbob:{HORSE_BCRYPT}")))
        .start();
    let becomes = |user: &str, password: &str, want: u16| {
        until(&format!("{user} with {password} gets {want}"), || {
            login(&edge, "a.test", user, password) == want
        });
    };
    assert_eq!(login(&edge, "a.test", "ann", "correct horse"), 200);
    assert_eq!(login(&edge, "a.test", "bob", "correct horse"), 200);
    edge.write("users.yaml", file(&format!("ann:{{PLAIN}}new\nbob:{HORSE_BCRYPT}")));
    becomes("ann", "new", 200);
    assert_eq!(login(&edge, "a.test", "ann", "correct horse"), 401, "the old password was proved once");
    assert_eq!(login(&edge, "a.test", "bob", "correct horse"), 200);
    edge.write("users.yaml", file("ann:{PLAIN}new"));
    becomes("bob", "correct horse", 401);
    edge.remove("users.yaml");
    becomes("ann", "new", 503);
    assert_eq!(edge.ask("open.test", "/"), "web");
    edge.write("users.yaml", file("ann:{PLAIN}newer"));
    becomes("ann", "newer", 200);
    edge.write("users.yaml", file("ann:newer"));
    becomes("ann", "newer", 503);
}

#[test]
fn whatever_is_broken_lets_nobody_in_and_nobody_else_minds() {
    let backend = Backend::named("web");
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        secret("users", &[("auth", &format!("ann:{HORSE_SHA}"))]),
        secret("bad", &[("auth", "ann:correct horse")]),
        secret("other-key", &[("htpasswd", &format!("ann:{HORSE_SHA}"))]),
        of("good", &users("users")),
        of("missing", &users("missing")),
        of("bad", &users("bad")),
        of("key", &users("other-key")),
        of("elsewhere", &users("default/users")),
        of("unnamed", &[("auth-type", "basic")]),
        of("digest", &[("auth-type", "digest"), ("auth-secret", "users")]),
        of("turned-off", &[&users("users")[..], &[("auth-realm", "off")]].concat()),
        of("turned-off-bad", &[&users("bad")[..], &[("auth-realm", "off")]].concat()),
    ]));
    for (name, want) in [
        ("good", 200),
        ("missing", 503),
        ("bad", 503),
        ("key", 503),
        ("elsewhere", 503),
        ("unnamed", 503),
        ("digest", 404),
        ("turned-off", 200),
        ("turned-off-bad", 503),
    ] {
        assert_eq!(login(&edge, &format!("{name}.test"), "ann", "correct horse"), want, "{name}");
    }
    assert_eq!(edge.ask("good.test", "/"), "401");
    assert_eq!(edge.ask("turned-off.test", "/"), "web");
}

#[test]
fn scripts_of_other_origins_can_read_the_refusal_and_preflights_need_no_password() {
    let backend = Backend::named("web");
    let cors = [("enable-cors", "true"), ("cors-allow-origin", "https://shop.example")];
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        secret("users", &[("auth", &format!("ann:{HORSE_SHA}"))]),
        of("a", &[&users("users")[..], &cors].concat()),
    ]));
    let answer = get(edge.http, "a.test", "/", "Origin: https://shop.example\r\n");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("OPTIONS / HTTP/1.1\r\nHost: a.test\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
        .unwrap();
    assert_eq!(connection.response().unwrap().status, 204);
}

#[test]
fn http2_and_websocket_ask_for_the_password_too() {
    let echo = Echo::start("web");
    let edge = Edge::with(documents([
        service("web", &[echo.address]),
        secret("users", &[("auth", &format!("ann:{HORSE_BCRYPT}"))]),
        of("a", &users("users")),
    ]));
    let right = basic("ann", "correct horse");
    http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        let answer = client.get("a.test", "/").await.unwrap();
        assert_eq!(
            (answer.status, &answer.headers["www-authenticate"]),
            (401, &"Basic realm=\"\"".parse().unwrap())
        );
        for (value, want) in [(&*right, 200), (&basic("ann", "wrong"), 401), (&right, 200)] {
            let request = http2::request(Method::GET, "a.test", "/").header(AUTHORIZATION, value);
            let answer = client.send(request.body(()).unwrap(), None).await.unwrap();
            assert_eq!(answer.status, want, "{value}");
            assert!(
                want != 200 || !answer.text().to_lowercase().contains("authorization"),
                "{}",
                answer.text()
            );
        }
    });
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (lines, want) in [(String::new(), 401), (format!("Authorization: {right}\r\n"), 101)] {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(format!("{upgrade}{lines}\r\n")).unwrap();
        assert_eq!(connection.response().unwrap().status, want, "{lines}");
    }
}

#[test]
fn paths_without_authentication_are_the_operators_to_name() {
    let backend = Backend::named("web");
    let site = ["/.well-known/acme-challenge/x", "/public/a", "/private"].into_iter().fold(
        ingress("a")
            .annotation("nginx.ingress.kubernetes.io/auth-type", "basic")
            .annotation("nginx.ingress.kubernetes.io/auth-secret", "users"),
        |site, path| site.path("a.test", "Prefix", path, "web"),
    );
    let users = secret("users", &[("auth", &format!("ann:{HORSE_SHA}"))]);
    let edge = Edge::configured(documents([service("web", &[backend.address]), users, site.text()]), &[]);
    let ask = |target: &str| edge.ask("a.test", target);
    assert_eq!(ask("/.well-known/acme-challenge/x"), "web");
    assert_eq!((ask("/public/a"), ask("/private")), ("401".into(), "401".into()));
    edge.configure(
        &[("no-auth-locations", "/public, /other")],
        "/no_auth_locations",
        serde_json::json!(["/public", "/other"]),
    );
    assert_eq!(ask("/.well-known/acme-challenge/x"), "401");
    assert_eq!((ask("/public/a"), ask("/private")), ("web".into(), "401".into()));
    // What the route asks nobody for is not taken away.
    get(edge.http, "a.test", "/public/a", "Authorization: Bearer token\r\n");
    assert_eq!(backend.last().head.header("authorization"), Some("Bearer token"));
}

#[test]
fn redirects_and_limits_come_before_the_password() {
    let backend = Backend::named("web");
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        secret("users", &[("auth", &format!("ann:{HORSE_SHA}"))]),
        of("moved", &[&users("users")[..], &[("permanent-redirect", "https://new.example/")]].concat()),
        of(
            "limited",
            &[&users("users")[..], &[("limit-rpm", "1"), ("limit-burst-multiplier", "1")]].concat(),
        ),
    ]));
    assert_eq!(edge.ask("moved.test", "/"), "301");
    let answers: Vec<_> = (0..3).map(|_| edge.ask("limited.test", "/")).collect();
    assert_eq!(answers, ["401", "401", "503"]);
}
