//! Whatever the way to the API server does: routing stands still and correct, both programs stay, and what changed
//! meanwhile is served when the way is free again.

use crate::support::edge::Edge;
use crate::support::http1;
use crate::support::load::Load;
use crate::support::manifest::{documents, ingress, service, site};
use crate::support::proxy::{Fault, Proxy};
use crate::support::site::Site;
use crate::support::trial::trials;
use crate::support::until;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

trials! {
    trial:
        too_many_requests,
        internal_errors,
        expired_history,
        refused_permissions,
        refused_credentials,
        answers_that_are_no_json,
        resets,
        a_server_that_never_answers,
        watches_that_end,
        half_open_watches,
        a_refusal_of_one_kind_leaves_the_others_alive,
        an_undecodable_object_is_skipped_and_reported,
        a_rotated_token_is_read_again;
}

/// The controller behind the proxy, one site, and load on it.
fn world(test: &Site<'_>, proxy: &Proxy) -> (crate::support::backend::Backend, Edge) {
    let backend = test.backend("web");
    test.apply(site("a.test", "web", backend.address));
    let edge = test.plan_through(proxy).start();
    edge.until_ask("a.test", "/", "web");
    (backend, edge)
}

fn healthy(edge: &Edge) {
    let sync = SocketAddr::from((Ipv4Addr::LOCALHOST, edge.sync_port));
    assert_eq!(http1::get(sync, "sync", "/healthz").unwrap().status, 200);
    assert_eq!(edge.admin("/readyz").status, 200);
    assert_eq!(edge.ask("a.test", "/"), "web");
}

/// Everything meets the fault until the controller has met it `times` times.
fn survives(name: &'static str, times: usize, fault: Fault) {
    let test = Site::new(name);
    let proxy = test.proxy();
    let (_backend, edge) = world(&test, &proxy);
    let load = Load::start(edge.http, "a.test", "/", 2);
    {
        let _fault = proxy.inject(&["/ingresses"], fault);
        let before = proxy.asked(&["/ingresses"]).len();
        proxy.cut();
        test.apply(ingress("web").path("b.test", "Prefix", "/", "web").text());
        until("the controller meets the fault", || proxy.asked(&["/ingresses"]).len() >= before + times);
        healthy(&edge);
        let asked = proxy.asked(&["/ingresses"]).split_off(before);
        let span = asked.last().unwrap().at - asked[0].at;
        assert!(asked.len() < 20 || span.as_secs() > 3, "{} tries in {span:?}", asked.len());
    }
    let lifted = Instant::now();
    // The Ingress was moved to another host meanwhile: load of its own would fail, so it ends here.
    let account = load.finish();
    assert_eq!(account.failures, []);
    edge.until_ask("b.test", "/", "web");
    edge.until_ask("a.test", "/", "404");
    eprintln!(
        "    {name}: {} answered meanwhile, right {:?} after the fault",
        account.answered,
        lifted.elapsed()
    );
}

fn too_many_requests() {
    survives("busy", 2, Fault::status_with(429, "TooManyRequests", "Retry-After: 1\r\n"));
}

fn internal_errors() {
    survives("internal", 4, Fault::status(500, "InternalError"));
}

fn expired_history() {
    survives("expired", 4, Fault::status(410, "Expired"));
}

fn refused_permissions() {
    survives("forbidden", 3, Fault::status(403, "Forbidden"));
}

fn refused_credentials() {
    survives("unauthorized", 3, Fault::status(401, "Unauthorized"));
}

fn answers_that_are_no_json() {
    let body = "<html>the login page of a proxy</html>".to_owned();
    survives("html", 3, Fault::Answer { status: 200, headers: "", body });
}

fn resets() {
    survives("reset", 4, Fault::Reset);
}

fn a_server_that_never_answers() {
    survives("hang", 2, Fault::Hang);
}

fn watches_that_end() {
    let test = Site::new("ends");
    let proxy = test.proxy();
    let (_backend, edge) = world(&test, &proxy);
    let load = Load::start(edge.http, "a.test", "/", 2);
    for round in 0..5 {
        proxy.cut();
        let host = format!("round{round}.test");
        test.apply(ingress("other").path(&host, "Prefix", "/", "web").text());
        edge.until_ask(&host, "/", "web");
        healthy(&edge);
    }
    assert_eq!(load.finish().failures, []);
    let lists = proxy.asked(&["/ingresses", "!watch=1"]).len();
    assert!(lists < 5, "a watch that ended is continued where it ended, not listed anew: {lists} lists");
}

fn half_open_watches() {
    let test = Site::new("silent");
    let proxy = test.proxy();
    let (_backend, edge) = world(&test, &proxy);
    proxy.freeze();
    let frozen = Instant::now();
    test.apply(ingress("other").path("b.test", "Prefix", "/", "web").text());
    edge.until_ask("b.test", "/", "web");
    healthy(&edge);
    eprintln!("    half-open: noticed after {:?}", frozen.elapsed());
}

fn a_refusal_of_one_kind_leaves_the_others_alive() {
    let test = Site::new("onekind");
    let proxy = test.proxy();
    let (backend, edge) = world(&test, &proxy);
    let _fault = proxy.inject(&["/secrets"], Fault::status(403, "Forbidden"));
    let before = proxy.asked(&["/secrets"]).len();
    proxy.cut();
    until("the refusal is met", || proxy.asked(&["/secrets"]).len() > before + 1);
    test.apply(documents([
        service("other", &[backend.address]),
        ingress("other").path("b.test", "Prefix", "/", "other").text(),
    ]));
    edge.until_ask("b.test", "/", "web");
    healthy(&edge);
    until("the log says what is missing", || {
        let log = edge.sync.log();
        log.contains("secrets") && log.contains("403")
    });
}

fn an_undecodable_object_is_skipped_and_reported() {
    let test = Site::new("garbage");
    let proxy = test.proxy();
    let namespace = test.namespace.clone();
    let _fault = proxy.inject(
        &["/ingresses"],
        Fault::rewrite(move |mut object| {
            let metadata = &object["metadata"];
            if metadata["namespace"] == *namespace
                && metadata["name"].as_str().is_some_and(|name| name.ends_with("-broken"))
            {
                object["spec"]["rules"] = serde_json::json!("garbage");
            }
            Some(object)
        }),
    );
    let backend = test.backend("web");
    // One in the first list, one by the watch.
    test.apply(ingress("listed-broken").path("c.test", "Prefix", "/", "web").text());
    test.apply(site("a.test", "web", backend.address));
    let edge = test.plan_through(&proxy).start();
    edge.until_ask("a.test", "/", "web");
    test.apply(ingress("watched-broken").path("d.test", "Prefix", "/", "web").text());
    test.apply(ingress("after").path("b.test", "Prefix", "/", "web").text());
    edge.until_ask("b.test", "/", "web");
    assert_eq!((edge.ask("c.test", "/"), edge.ask("d.test", "/")), ("404".to_owned(), "404".to_owned()));
    for name in ["listed-broken", "watched-broken"] {
        let sentence = |line: &str| line.contains(&format!("{}/{name}", test.namespace));
        until("the log names it", || edge.sync.log().lines().any(sentence));
    }
}

fn a_rotated_token_is_read_again() {
    let test = Site::new("rotated");
    let proxy = test.proxy();
    let server = format!("http://{}", proxy.address);
    let backend = test.backend("web");
    test.apply(site("a.test", "web", backend.address));
    let file = test.kubeconfig(&server);
    let edge = test.plan_with(&file).start();
    edge.until_ask("a.test", "/", "web");
    let token = test.rotate();
    let before = proxy.asked(&["/ingresses"]).len();
    proxy.cut();
    until("the old token is refused", || proxy.asked(&["/ingresses"]).len() > before + 1);
    healthy(&edge);
    std::fs::write(&file, test.kubeconfig_text(&server, &token)).unwrap();
    test.apply(ingress("other").path("b.test", "Prefix", "/", "web").text());
    edge.until_ask("b.test", "/", "web");
}
