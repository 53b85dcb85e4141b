//! A list that comes back suspiciously empty does not wipe what serves before it is confirmed.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::load::Load;
use crate::support::manifest::{documents, ingress, service};
use crate::support::proxy::{Fault, Proxy};
use crate::support::site::Site;
use crate::support::trial::trials;
use crate::support::until;
use serde_json::Value;

trials! {
    trial:
        an_empty_list_that_is_not_confirmed_removes_nothing,
        an_empty_list_that_is_confirmed_removes_everything;
}

const SITES: usize = 20;

/// A list in pages, and one as the beginning of a watch.
const LIST: &[&str] = &["/ingresses?", "!watch=1"];
const STREAMED: &[&str] = &["/ingresses?", "sendInitialEvents"];

fn world(test: &Site<'_>, proxy: &Proxy) -> (Backend, Edge) {
    let backend = test.backend("web");
    test.apply(service("web", &[backend.address]));
    test.apply(documents((0..SITES).map(|at| {
        let name = format!("site{at}");
        ingress(&name).path(&format!("{name}.test"), "Prefix", "/", "web").text()
    })));
    let edge = test.plan_through(proxy).start();
    edge.until_ask("site0.test", "/", "web");
    (backend, edge)
}

/// Hides every Ingress; deletions too, for a server that forgot them says nothing about them.
fn hide_everything() -> Fault {
    Fault::rewrite(|_: Value| None)
}

fn lists(proxy: &Proxy) -> usize {
    proxy.asked(LIST).len() + proxy.asked(STREAMED).len()
}

/// Forces a new list of Ingresses; what it shows is the rule's matter.
fn list_anew(proxy: &Proxy) {
    let before = lists(proxy);
    let _expired =
        proxy.inject(&["/ingresses", "watch=1", "!sendInitialEvents"], Fault::status(410, "Expired"));
    proxy.cut();
    until("Ingresses are listed anew", || lists(proxy) > before);
}

fn an_empty_list_that_is_not_confirmed_removes_nothing() {
    let test = Site::new("empty");
    let proxy = test.proxy();
    let (_backend, edge) = world(&test, &proxy);
    let load = Load::start(edge.http, "site7.test", "/", 2);
    let hidden = [proxy.inject(LIST, hide_everything()), proxy.inject(STREAMED, hide_everything())];
    list_anew(&proxy);
    drop(hidden);
    let before = lists(&proxy);
    until("the list is asked for a second time", || lists(&proxy) > before);
    test.apply(ingress("later").path("later.test", "Prefix", "/", "web").text());
    edge.until_ask("later.test", "/", "web");
    for at in 0..SITES {
        assert_eq!(edge.ask(&format!("site{at}.test"), "/"), "web");
    }
    let account = load.finish();
    assert_eq!(account.failures, [], "of {}", account.answered);
}

fn an_empty_list_that_is_confirmed_removes_everything() {
    let test = Site::new("emptied");
    let proxy = test.proxy();
    let (_backend, edge) = world(&test, &proxy);
    let _hidden = [proxy.inject(LIST, hide_everything()), proxy.inject(STREAMED, hide_everything())];
    list_anew(&proxy);
    edge.until_ask("site7.test", "/", "404");
}
