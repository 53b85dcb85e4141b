//! The socket between the halves: either side may die, restart or be a stranger at any moment.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1;
use crate::support::load::{Failure, Load};
use crate::support::manifest::{documents, ingress, service, site};
use crate::support::{PATIENCE, until};
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};

const CLIENTS: usize = 4;

#[test]
fn killing_sync_under_load_fails_no_request_and_it_takes_up_where_it_was() {
    let backend = Backend::named("web");
    let mut edge = Edge::with(site("a.test", "web", backend.address));
    let load = Load::start(edge.http, "a.test", "/", CLIENTS);
    for round in 0..5 {
        load.wait_for(100);
        edge.sync.kill();
        load.wait_for(100);
        edge.start_sync();
        let host = format!("round{round}.test");
        edge.write("more.yaml", ingress("more").path(&host, "Prefix", "/", "web").text());
        edge.until_ask(&host, "/", "web");
    }
    let account = load.finish();
    assert_eq!(account.failures, [], "of {}", account.answered);
}

#[test]
fn what_was_removed_while_sync_was_down_is_gone_after_its_restart() {
    let backend = Backend::named("web");
    let mut edge = Edge::plan()
        .file("keep.yaml", site("keep.test", "web", backend.address))
        .file("drop.yaml", ingress("drop").path("drop.test", "Prefix", "/", "web").text())
        .start();
    assert_eq!(edge.ask("drop.test", "/"), "web");
    edge.sync.kill();
    edge.remove("drop.yaml");
    assert_eq!(edge.ask("drop.test", "/"), "web", "without sync the gateway serves what it has");
    assert_eq!(edge.admin("/readyz").status, 200, "and stays ready");
    edge.start_sync();
    edge.until_ask("drop.test", "/", "404");
    assert_eq!(edge.ask("keep.test", "/"), "web");
}

#[test]
fn killing_the_gateway_loses_only_what_was_in_flight_and_the_pair_heals() {
    let backend = Backend::named("web");
    let mut edge = Edge::with(site("a.test", "web", backend.address));
    let load = Load::start(edge.http, "a.test", "/", CLIENTS);
    for round in 1..=3 {
        load.wait_for(100);
        edge.gateway.kill();
        edge.start_gateway();
        edge.wait_ready();
        load.wait_for(100);
        let broken = load.failures().iter().filter(|failure| **failure != Failure::Refused).count();
        // Per client one on its connection, and one that it made while the kernel took the dying process apart.
        assert!(broken <= round * 2 * CLIENTS, "more than the requests in flight: {:?}", load.failures());
    }
    let healed = load.failures().len();
    load.wait_for(200);
    assert_eq!(load.finish().failures.len(), healed, "once it is back, nothing fails");
}

#[test]
fn a_gateway_without_sync_is_alive_but_not_ready() {
    let backend = Backend::named("web");
    let mut edge = Edge::plan().file("site.yaml", site("a.test", "web", backend.address)).start_unready();
    edge.sync.kill();
    edge.gateway.kill();
    edge.start_gateway();
    until("the admin port answers", || {
        http1::get(edge.admin, "admin", "/healthz").is_ok_and(|a| a.status == 200)
    });
    assert_eq!(edge.admin("/readyz").status, 503);
    edge.start_sync();
    edge.wait_ready();
    assert_eq!(edge.ask("a.test", "/"), "web", "ready means that everything is served");
}

#[test]
fn ready_means_that_the_whole_configuration_is_served() {
    let backend = Backend::named("web");
    let sites = (0..500)
        .map(|at| ingress(&format!("i{at}")).path(&format!("h{at}.test"), "Prefix", "/", "web").text());
    let edge = Edge::with(documents([service("web", &[backend.address])].into_iter().chain(sites)));
    for at in [0, 250, 499] {
        assert_eq!(edge.ask(&format!("h{at}.test"), "/"), "web");
    }
}

/// Magic, protocol version, release: what both sides send first.
fn preface(protocol: u16, release: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(b"INGORA\r\n");
    bytes[8..10].copy_from_slice(&protocol.to_be_bytes());
    bytes[10..10 + release.len()].copy_from_slice(release.as_bytes());
    bytes
}

#[test]
fn sync_refuses_a_gateway_of_another_version_with_a_sentence() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut stranger = UnixStream::connect(edge.home().join("sync.sock")).unwrap();
    stranger.set_read_timeout(Some(PATIENCE)).unwrap();
    stranger.write_all(&preface(999, "9.9.9")).unwrap();
    let mut answer = Vec::new();
    let _ = stranger.read_to_end(&mut answer);
    assert!(answer.len() <= 32, "no configuration for a stranger");
    until("sync says why", || edge.sync.log().contains("protocol 999 (release 9.9.9)"));
    assert_eq!(edge.ask("a.test", "/"), "web");
}

#[test]
fn the_gateway_refuses_a_sync_of_another_version_with_a_sentence() {
    let mut edge = Edge::plan().start_unready();
    edge.sync.kill();
    edge.gateway.kill();
    let path = edge.home().join("sync.sock");
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(&preface(999, "9.9.9"));
        }
    });
    edge.start_gateway();
    until("the gateway says why", || edge.gateway.log().contains("protocol 999 (release 9.9.9)"));
    assert_eq!(edge.admin("/readyz").status, 503);
}

#[test]
fn garbage_on_the_socket_hurts_nobody() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    for garbage in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        [&preface(1, "0.1.0")[..], &[0xff; 64]].concat(),
        [&preface(1, "0.1.0")[..], &[0, 0, 0, 3, 9, 9, 9]].concat(),
        Vec::new(),
    ] {
        let mut stranger = UnixStream::connect(edge.home().join("sync.sock")).unwrap();
        let _ = stranger.write_all(&garbage);
    }
    edge.write("more.yaml", ingress("more").path("more.test", "Prefix", "/", "web").text());
    edge.until_ask("more.test", "/", "web");
}
