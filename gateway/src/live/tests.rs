//! How batches take effect: at once, in any order, and without touching what did not change.

use super::*;
use ingora_config::{
    Backend, Certificate, Endpoint, Endpoints, Host, Key, NamespacedName, PathKind, PathMatch, PathValue,
    PrivateKey, Protocol, Resource, Route, RouteKey, ServicePort, Settings, Upstream, UpstreamId,
    VirtualHost,
};
use std::net::SocketAddr;

fn id(service: &str) -> UpstreamId {
    UpstreamId { namespace: "shop".into(), service: service.into(), port: ServicePort::Number(80) }
}

fn key(host: &str) -> RouteKey {
    let path = PathMatch { kind: PathKind::Prefix, value: PathValue::new("/").unwrap() };
    RouteKey { host: Host::parse(host).unwrap(), path }
}

fn route(host: &str, service: &str) -> Resource {
    let ingress = NamespacedName::new("shop", "web");
    Resource::Route(Route::new(key(host), ingress, Backend::Upstream(id(service))))
}

fn host(host: &str) -> Resource {
    Resource::VirtualHost(VirtualHost::new(Host::parse(host).unwrap(), None))
}

fn upstream(service: &str) -> Resource {
    Resource::Upstream(Upstream { id: id(service), protocol: Protocol::Http1, service_address: None })
}

fn endpoints(service: &str, last: &[u8]) -> Resource {
    let endpoint = |last: &u8| Endpoint {
        address: SocketAddr::from(([10, 0, 0, *last], 80)),
        target: format!("pod-{last}"),
    };
    Resource::Endpoints(Endpoints { upstream: id(service), endpoints: last.iter().map(endpoint).collect() })
}

fn everything() -> Vec<Resource> {
    vec![host("a.test"), route("a.test", "web"), upstream("web"), endpoints("web", &[1, 2])]
}

fn live(resources: Vec<Resource>) -> Arc<Live> {
    let live = Live::new().unwrap();
    live.apply(Batch::full(1, resources));
    live
}

fn put(resource: Resource) -> Change {
    Change::Upsert(Box::new(resource))
}

fn addresses(live: &Live) -> Vec<String> {
    let table = live.table();
    let route = table.route(&key("a.test")).unwrap();
    route.group.as_ref().unwrap().targets().iter().map(|target| target.name.to_string()).collect()
}

#[test]
fn resources_may_come_in_any_order() {
    let mut resources = everything();
    for _ in 0..resources.len() {
        resources.rotate_left(1);
        assert_eq!(addresses(&live(resources.clone())), ["10.0.0.1:80", "10.0.0.2:80"]);
    }
}

#[test]
fn a_change_of_endpoints_rebuilds_no_route() {
    let live = live(everything());
    let before = live.table();
    live.apply(Batch::difference(2, [put(endpoints("web", &[2, 3]))]));
    assert!(Arc::ptr_eq(&before, &live.table()), "the table is not even swapped");
    assert_eq!(addresses(&live), ["10.0.0.2:80", "10.0.0.3:80"]);
    assert_eq!(live.revision(), Some(2));
}

#[test]
fn a_full_state_that_says_the_same_changes_nothing() {
    let live = live(everything());
    let (table, targets) = (live.table(), live.groups()[0].targets());
    live.apply(Batch::full(9, everything()));
    assert!(Arc::ptr_eq(&table, &live.table()));
    assert!(
        targets.iter().zip(live.groups()[0].targets()).all(|(before, after)| Arc::ptr_eq(before, &after))
    );
    assert_eq!(live.revision(), Some(9));
}

#[test]
fn a_full_state_removes_what_is_not_in_it() {
    let live = live(everything());
    let settings = Settings { default_backend: Some(id("fallback")), ..Settings::default() };
    live.apply(Batch::difference(
        2,
        [put(Resource::Settings(Box::new(settings))), put(host("b.test")), put(route("b.test", "b"))],
    ));
    live.apply(Batch::full(3, everything()));
    assert_eq!(live.table().hosts().count(), 1);
    assert_eq!(live.groups().len(), 1, "groups that nothing names are forgotten");
    assert_eq!(**live.table().settings(), Settings::default());
    live.apply(Batch::full(4, []));
    assert_eq!((live.table().hosts().count(), live.groups().len(), live.secrets().len()), (0, 0, 0));
}

#[test]
fn a_request_that_pinned_the_old_table_keeps_endpoints_that_went_with_their_route() {
    let live = live(everything());
    let pinned = live.table().route(&key("a.test")).cloned().unwrap();
    live.apply(Batch::difference(
        2,
        [
            put(route("a.test", "new")),
            put(upstream("new")),
            put(endpoints("new", &[7])),
            Change::Remove(Key::Upstream(id("web"))),
            Change::Remove(Key::Endpoints(id("web"))),
        ],
    ));
    assert!(pinned.group.as_ref().unwrap().pick(&[]).is_some());
    assert_eq!(addresses(&live), ["10.0.0.7:80"]);
    assert_eq!(live.groups().len(), 1);
}

#[test]
fn a_route_whose_upstream_is_gone_has_no_endpoints_until_it_is_back() {
    let live = live(everything());
    live.apply(Batch::difference(2, [Change::Remove(Key::Upstream(id("web")))]));
    assert!(addresses(&live).is_empty());
    live.apply(Batch::difference(3, [put(upstream("web"))]));
    assert_eq!(addresses(&live).len(), 2);
    live.apply(Batch::difference(4, [Change::Remove(Key::Endpoints(id("web")))]));
    assert!(addresses(&live).is_empty());
}

#[test]
fn a_route_that_is_published_again_keeps_its_counters() {
    let live = live(everything());
    let before = live.table().route(&key("a.test")).cloned().unwrap();
    let after = |live: &Live| live.table().route(&key("a.test")).cloned().unwrap();
    live.apply(Batch::difference(
        2,
        [Change::Remove(Key::Route(key("a.test"))), put(route("a.test", "web"))],
    ));
    assert!(!Arc::ptr_eq(&before, &after(&live)) && Arc::ptr_eq(&before.stats, &after(&live).stats));
    live.apply(Batch::difference(3, [put(route("a.test", "other"))]));
    assert!(!Arc::ptr_eq(&before.stats, &after(&live).stats), "other labels, other counters");
}

#[test]
fn the_default_backend_follows_its_endpoints() {
    let settings =
        Resource::Settings(Box::new(Settings { default_backend: Some(id("web")), ..Settings::default() }));
    let live = live(vec![settings, upstream("web"), endpoints("web", &[1])]);
    let group = live.table().default_backend().unwrap().group.clone().unwrap();
    assert_eq!((group.name(), group.targets().len()), ("shop-web-80", 1));
    live.apply(Batch::difference(2, [put(endpoints("web", &[1, 2]))]));
    assert_eq!(group.targets().len(), 2);
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_and_the_rest_is_served() {
    let live = Live::new().unwrap();
    let secret = NamespacedName::new("shop", "tls");
    let key = PrivateKey::from_pem(b"TOP-SECRET".to_vec());
    let mut all = everything();
    all.push(Resource::Certificate(Certificate { secret, chain: "nonsense".into(), key }));
    let refused = live.apply(Batch::full(1, all));
    assert_eq!(refused.len(), 1);
    assert!(refused[0].starts_with("Secret shop/tls: ") && !refused[0].contains("TOP-SECRET"), "{refused:?}");
    assert_eq!(addresses(&live).len(), 2);
}

#[tokio::test]
async fn configured_resolves_with_the_first_full_state() {
    let live = Live::new().unwrap();
    assert!(!live.ready());
    let waiting = tokio::spawn({
        let live = Arc::clone(&live);
        async move { live.configured().await }
    });
    live.apply(Batch::full(0, []));
    waiting.await.unwrap();
    assert!(live.ready());
    live.configured().await;
}
