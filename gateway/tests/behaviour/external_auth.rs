//! `auth-url` and its kin: another service decides.

use crate::support::backend::{Backend, refusing_address};
use crate::support::echo::Echo;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::login::{COOKIE, Login};
use crate::support::manifest::{Ingress, documents, ingress, service};
use crate::support::settings::config_map;
use crate::support::until;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

mod asked;
mod cache;
mod failures;
mod global;
mod idiom;

const PREFIX: &str = "nginx.ingress.kubernetes.io";
/// The login service by its name in the cluster.
const URL: (&str, &str) = ("auth-url", "http://login.test.svc.cluster.local/oauth2/auth");

fn with(ingress: Ingress, annotations: &[(&str, &str)]) -> Ingress {
    let add = |ingress: Ingress, (name, value): &(&str, &str)| {
        ingress.annotation(&format!("{PREFIX}/{name}"), value)
    };
    annotations.iter().fold(ingress, add)
}

/// `a.test` is served by `web`, and `login` decides about it.
fn site(web: SocketAddr, login: SocketAddr, annotations: &[(&str, &str)]) -> String {
    documents([
        service("web", &[web]),
        service("login", &[login]),
        with(ingress("web"), annotations).path("a.test", "Prefix", "/", "web").text(),
    ])
}

/// A service that answers every question with these bytes.
fn edge_with(answer: &'static str, annotations: &[(&str, &str)]) -> (Edge, Backend, Backend) {
    let (web, login) = (Backend::named("web"), Backend::saying(answer));
    let annotations = [&[URL], annotations].concat();
    let edge = Edge::with(site(web.address, login.address, &annotations));
    (edge, web, login)
}

/// One GET of `a.test` with further header lines.
fn get(edge: &Edge, target: &str, lines: &str) -> Response {
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send(format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n{lines}Connection: close\r\n\r\n"))
        .unwrap();
    connection.response().unwrap()
}

fn reason(edge: &Edge, path: &str) -> String {
    edge.logged(path)["reason"].as_str().unwrap_or_default().to_owned()
}
