//! `satisfy`: allow list and password together, or one of them.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{documents, ingress, service};

const USERS: &str = "
apiVersion: v1
kind: Secret
metadata: { name: users, namespace: test }
stringData: { auth: 'ann:{PLAIN}a' }
";
const BASIC: [(&str, &str); 2] = [("auth-type", "basic"), ("auth-secret", "users")];
const OFFICE: (&str, &str) = ("allowlist-source-range", "10.0.0.0/8");
const BANNED: (&str, &str) = ("denylist-source-range", "10.6.0.0/16");

fn of(name: &str, annotations: &[(&str, &str)]) -> String {
    let site = ingress(name).path(&format!("{name}.test"), "Prefix", "/", "web");
    let site = annotations.iter().fold(site, |site, (name, value)| {
        site.annotation(&format!("nginx.ingress.kubernetes.io/{name}"), value)
    });
    site.text()
}

fn with(satisfy: &'static str, others: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&[("satisfy", satisfy)], others].concat()
}

/// The status for a client that a trusted neighbour names, with the right password, a wrong one or none.
fn status(edge: &Edge, host: &str, client: &str, password: Option<&str>) -> u16 {
    let password = password.map(|password| {
        format!(
            "Authorization: Basic {}\r\n",
            openssl::base64::encode_block(format!("ann:{password}").as_bytes())
        )
    });
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send(format!(
            "GET / HTTP/1.1\r\nHost: {host}.test\r\nX-Forwarded-For: {client}\r\n{}\r\n",
            password.unwrap_or_default()
        ))
        .unwrap();
    connection.response().unwrap().status
}

#[test]
fn any_takes_one_of_them_and_all_takes_both() {
    let backend = Backend::named("web");
    let both = [BASIC[0], BASIC[1], OFFICE];
    let edge = Edge::configured(
        documents([
            service("web", &[backend.address]),
            USERS.to_owned(),
            of("any", &with("any", &both)),
            of("all", &with("all", &both)),
            of("unsaid", &both),
            of("slip", &with("either", &both)),
            of("banned", &with("any", &[BASIC[0], BASIC[1], OFFICE, BANNED])),
            of("only-banned", &with("any", &[BASIC[0], BASIC[1], BANNED])),
            of("no-list", &with("any", &BASIC)),
            of("no-password", &with("any", &[OFFICE])),
            of("nothing", &with("any", &[])),
        ]),
        &[("use-forwarded-headers", "true")],
    );
    let (office, home, banned) = ("10.1.1.1", "192.0.2.1", "10.6.1.1");
    for (host, client, password, want) in [
        ("any", office, None, 200),
        ("any", office, Some("wrong"), 200),
        ("any", home, Some("a"), 200),
        ("any", home, Some("wrong"), 401),
        ("any", home, None, 401),
        ("all", office, Some("a"), 200),
        ("all", office, None, 401),
        ("all", home, Some("a"), 403),
        ("all", home, None, 403),
        ("unsaid", office, None, 401),
        ("unsaid", home, Some("a"), 403),
        ("slip", home, Some("a"), 403),
        ("slip", office, None, 401),
        ("banned", office, None, 200),
        ("banned", home, Some("a"), 200),
        ("banned", banned, Some("a"), 403),
        ("only-banned", banned, Some("a"), 403),
        ("only-banned", home, None, 401),
        ("only-banned", home, Some("a"), 200),
        ("no-list", home, None, 401),
        ("no-list", home, Some("a"), 200),
        ("no-password", home, None, 403),
        ("no-password", office, None, 200),
        ("nothing", home, None, 200),
    ] {
        assert_eq!(status(&edge, host, client, password), want, "{client} with {password:?} at {host}");
    }
}

#[test]
fn the_config_maps_lists_count_and_its_blocked_networks_refuse_whatever_is_satisfied() {
    let backend = Backend::named("web");
    let edge = Edge::configured(
        documents([service("web", &[backend.address]), USERS.to_owned(), of("any", &with("any", &BASIC))]),
        &[
            ("use-forwarded-headers", "true"),
            ("whitelist-source-range", "10.0.0.0/8"),
            ("block-cidrs", "10.6.0.0/16"),
        ],
    );
    for (client, password, want) in [
        ("10.1.1.1", None, 200),
        ("192.0.2.1", None, 401),
        ("192.0.2.1", Some("a"), 200),
        ("10.6.1.1", None, 403),
        ("10.6.1.1", Some("a"), 403),
    ] {
        assert_eq!(status(&edge, "any", client, password), want, "{client} with {password:?}");
    }
}

#[test]
fn a_password_and_an_authentication_service_are_alternatives_with_any_and_both_needed_with_all() {
    let backend = Backend::named("web");
    let yes = Backend::saying("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    let no = Backend::saying("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let ask = |name: &'static str| {
        let url = if name == "yes" { "http://granting.test.svc/" } else { "http://refusing.test.svc/" };
        ("auth-url", url)
    };
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        service("granting", &[yes.address]),
        service("refusing", &[no.address]),
        USERS.to_owned(),
        of("any-yes", &with("any", &[BASIC[0], BASIC[1], ask("yes")])),
        of("any-no", &with("any", &[BASIC[0], BASIC[1], ask("no")])),
        of("all-yes", &with("all", &[BASIC[0], BASIC[1], ask("yes")])),
        of("all-no", &with("all", &[BASIC[0], BASIC[1], ask("no")])),
    ]));
    for (host, password, want) in [
        ("any-yes", None, 200),
        ("any-yes", Some("wrong"), 200),
        ("any-no", Some("a"), 200),
        ("any-no", None, 401),
        ("all-yes", Some("a"), 200),
        ("all-yes", Some("wrong"), 401),
        ("all-no", Some("a"), 401),
    ] {
        assert_eq!(status(&edge, host, "192.0.2.1", password), want, "{password:?} at {host}");
    }
}
