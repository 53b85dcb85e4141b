//! The table against a naive reading of the rules, built the way it is built in earnest: by batches.

use super::map::steps;
use super::{Found, RouteTable};
use crate::live::{Batch, Change, Live};
use ingora_config::{
    Backend, Host, HostName, HostPattern, HostRole, Key, NamespacedName, PathKind, PathMatch, PathValue,
    Resource, Route, RouteKey, ServicePort, Settings, UpstreamId, VirtualHost,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn key(host: &str, kind: PathKind, path: &str) -> RouteKey {
    RouteKey {
        host: Host::parse(host).unwrap(),
        path: PathMatch { kind, value: PathValue::new(path).unwrap() },
    }
}

fn route(host: &str, kind: PathKind, path: &str) -> Resource {
    let ingress = NamespacedName::new("ns", format!("{host} {kind:?} {path}"));
    Resource::Route(Route::new(key(host, kind, path), ingress, Backend::NotFound))
}

fn host(host: &str) -> Resource {
    Resource::VirtualHost(VirtualHost::new(Host::parse(host).unwrap(), None))
}

fn default_backend() -> Resource {
    let id = UpstreamId { namespace: "ns".into(), service: "default".into(), port: ServicePort::First };
    Resource::Settings(Box::new(Settings { default_backend: Some(id), ..Settings::default() }))
}

fn live(resources: impl IntoIterator<Item = Resource>) -> std::sync::Arc<Live> {
    let live = Live::new().unwrap();
    live.apply(Batch::full(1, resources));
    live
}

/// What a lookup found, as text: `Kind path`, or the name of the variant.
fn found(live: &Live, host: &str, path: &str) -> String {
    match live.table().find(host, path) {
        Found::Route(route) => {
            let path = &route.route.key.path;
            format!("{} {:?} {}", route.route.key.host, path.kind, path.value)
        }
        Found::AddSlash(_) => "AddSlash".into(),
        Found::AppRoot(location) => format!("AppRoot {location}"),
        Found::OtherHost(host) => format!("OtherHost {host}"),
        Found::DefaultBackend(_) => "DefaultBackend".into(),
        Found::Nothing => "Nothing".into(),
    }
}

use PathKind::{Exact, Prefix};

#[test]
fn exact_path_beats_longer_prefix_and_longest_prefix_wins() {
    let rules = [(Prefix, "/"), (Prefix, "/a"), (Exact, "/a"), (Prefix, "/a/b"), (Exact, "/a/b/c")];
    let routes = rules.map(|(kind, path)| route("h.test", kind, path));
    let live = live(routes.into_iter().chain([host("h.test")]));
    for (path, rule) in [
        ("/", "Prefix /"),
        ("/a", "Exact /a"),
        ("/a/", "Prefix /a"),
        ("/a/x", "Prefix /a"),
        ("/ab", "Prefix /"),
        ("/a/b/", "Prefix /a/b"),
        ("/a/bc", "Prefix /a"),
        ("/a/b/c", "Exact /a/b/c"),
        ("/a/b/c/", "Prefix /a/b"),
        ("/A", "Prefix /"),
    ] {
        assert_eq!(found(&live, "h.test", path), format!("h.test {rule}"), "{path}");
    }
}

#[test]
fn a_missing_slash_is_added_unless_a_rule_takes_the_path_without_it() {
    let rules = [
        (Prefix, "/"),
        (Prefix, "/a/"),
        (Exact, "/b/"),
        (Prefix, "/c/"),
        (Exact, "/c"),
        (Prefix, "/d/"),
        (Prefix, "/d"),
    ];
    let routes = rules.map(|(kind, path)| route("h.test", kind, path));
    let live = live(routes.into_iter().chain([host("h.test")]));
    assert_eq!(found(&live, "h.test", "/a"), "AddSlash", "even though Prefix / matches");
    assert_eq!(found(&live, "h.test", "/a/"), "h.test Prefix /a/");
    assert_eq!(found(&live, "h.test", "/b"), "AddSlash");
    assert_eq!(found(&live, "h.test", "/b/"), "h.test Exact /b/");
    assert_eq!(found(&live, "h.test", "/b/x"), "h.test Prefix /");
    assert_eq!(found(&live, "h.test", "/c"), "h.test Exact /c");
    assert_eq!(found(&live, "h.test", "/d"), "h.test Prefix /d");
    assert_eq!(found(&live, "h.test", "/d/x"), "h.test Prefix /d/");
}

#[test]
fn hosts_are_looked_up_exact_then_wildcard_then_catch_all() {
    let live = live([
        host("a.test"),
        route("a.test", Prefix, "/x"),
        host("*.test"),
        route("*.test", Prefix, "/"),
        host(""),
        route("", Prefix, "/"),
    ]);
    assert_eq!(found(&live, "a.test", "/x"), "a.test Prefix /x");
    assert_eq!(found(&live, "a.test", "/"), "Nothing", "an exact host alone decides");
    assert_eq!(found(&live, "b.test", "/"), "*.test Prefix /");
    assert_eq!(found(&live, "a.b.test", "/"), "* Prefix /", "a wildcard is one label");
    assert_eq!(found(&live, ".test", "/"), "* Prefix /", "and not none");
    assert_eq!(found(&live, "test", "/"), "* Prefix /");
    assert_eq!(found(&live, "[::1]", "/"), "* Prefix /");
}

#[test]
fn a_host_without_a_virtual_host_is_not_served() {
    let live = live([route("a.test", Prefix, "/"), default_backend()]);
    assert_eq!(found(&live, "a.test", "/"), "DefaultBackend");
    live.apply(Batch::difference(2, [Change::Upsert(Box::new(host("a.test")))]));
    assert_eq!(found(&live, "a.test", "/"), "a.test Prefix /");
    live.apply(Batch::difference(3, [Change::Remove(Key::VirtualHost(Host::parse("a.test").unwrap()))]));
    assert_eq!(found(&live, "a.test", "/"), "DefaultBackend");
}

#[test]
fn the_default_backend_takes_what_nothing_else_takes() {
    let live = live([host("a.test"), route("a.test", Exact, "/x"), default_backend()]);
    assert_eq!(found(&live, "a.test", "/"), "DefaultBackend");
    assert_eq!(found(&live, "other.test", "/"), "DefaultBackend");
    live.apply(Batch::difference(2, [Change::Remove(Key::Settings)]));
    assert_eq!(found(&live, "other.test", "/"), "Nothing");
}

#[test]
fn a_path_of_many_slashes_or_of_great_length_is_looked_up_like_any_other() {
    let live = live([host("a.test"), route("a.test", Prefix, "/x"), route("a.test", Prefix, "/")]);
    assert_eq!(found(&live, "a.test", &format!("/x{}", "/y".repeat(30_000))), "a.test Prefix /x");
    assert_eq!(found(&live, "a.test", &format!("/{}", "x".repeat(60_000))), "a.test Prefix /");
}

#[test]
fn rules_of_any_depth_are_found_and_forgotten() {
    let paths: Vec<_> = [0, 1, 62, 63, 64, 65, 200].map(|depth| format!("/{}", "a/".repeat(depth))).into();
    let live = live(paths.iter().map(|path| route("a.test", Exact, path)).chain([host("a.test")]));
    for path in &paths {
        assert_eq!(found(&live, "a.test", path), format!("a.test Exact {path}"));
    }
    for (revision, path) in paths.iter().enumerate().rev() {
        live.apply(Batch::difference(
            revision as u64,
            [Change::Remove(Key::Route(key("a.test", Exact, path)))],
        ));
        assert_eq!(found(&live, "a.test", path), "Nothing");
        assert!(paths[..revision].iter().all(|path| found(&live, "a.test", path) != "Nothing"));
    }
}

/// The rules of the Ingress documentation and of `ingress-nginx`, read aloud.
#[derive(Default)]
struct Oracle {
    hosts: BTreeMap<String, ()>,
    routes: BTreeMap<(String, PathKind, String), ()>,
}

impl Oracle {
    fn find(&self, host: &str, path: &str) -> String {
        let wildcard =
            host.split_once('.').filter(|(label, _)| !label.is_empty()).map(|(_, rest)| format!("*.{rest}"));
        let candidates = [Some(host.to_owned()), wildcard, Some(String::new())];
        let Some(host) = candidates.into_iter().flatten().find(|host| self.hosts.contains_key(host)) else {
            return "Nothing".into();
        };
        let label = if host.is_empty() { "*" } else { &host };
        let has = |kind, path: &str| self.routes.contains_key(&(host.clone(), kind, path.to_owned()));
        if has(Exact, path) {
            return format!("{label} Exact {path}");
        }
        let slashed = format!("{path}/");
        if !path.ends_with('/') && !has(Prefix, path) && (has(Prefix, &slashed) || has(Exact, &slashed)) {
            return "AddSlash".into();
        }
        let takes = |rule: &str| {
            path == rule
                || path.starts_with(rule) && (rule.ends_with('/') || path[rule.len()..].starts_with('/'))
        };
        let rules = self.routes.keys().filter(|(of, kind, _)| *of == host && *kind == Prefix);
        let longest = rules.map(|(_, _, rule)| rule).filter(|rule| takes(rule)).max_by_key(|rule| rule.len());
        longest.map_or("Nothing".into(), |rule| format!("{label} Prefix {rule}"))
    }
}

fn a_host() -> impl Strategy<Value = String> {
    prop_oneof![Just("a.test"), Just("b.test"), Just("c.a.test"), Just("*.test"), Just("*.a.test"), Just("")]
        .prop_map(Into::into)
}

fn a_path() -> impl Strategy<Value = String> {
    let element = prop_oneof![4 => Just("a"), 2 => Just("b"), 1 => Just("ab"), 1 => Just("")];
    proptest::collection::vec(element, 0..5).prop_map(|elements| format!("/{}", elements.join("/")))
}

#[derive(Clone, Debug)]
enum Edit {
    Host(String, bool),
    Route(String, PathKind, String, bool),
}

fn an_edit() -> impl Strategy<Value = Edit> {
    let kind = prop_oneof![Just(Exact), Just(Prefix)];
    prop_oneof![
        1 => (a_host(), prop::bool::weighted(0.8)).prop_map(|(host, put)| Edit::Host(host, put)),
        5 => (a_host(), kind, a_path(), prop::bool::weighted(0.7)).prop_map(|(h, k, p, put)| Edit::Route(h, k, p, put)),
    ]
}

proptest! {
    #[test]
    fn the_table_agrees_with_a_naive_reading(
        batches in proptest::collection::vec(proptest::collection::vec(an_edit(), 0..20), 1..6),
        requests in proptest::collection::vec((a_host(), a_path()), 30),
    ) {
        let live = live([]);
        let mut oracle = Oracle::default();
        for (revision, batch) in batches.into_iter().enumerate() {
            let before = live.table();
            let answers: Vec<_> = requests.iter().map(|(host, path)| found(&live, host, path)).collect();
            let changes = batch.into_iter().map(|edit| match edit {
                Edit::Host(name, true) => {
                    oracle.hosts.insert(name.clone(), ());
                    Change::Upsert(Box::new(host(&name)))
                }
                Edit::Host(name, false) => {
                    oracle.hosts.remove(&name);
                    Change::Remove(Key::VirtualHost(Host::parse(&name).unwrap()))
                }
                Edit::Route(host, kind, path, true) => {
                    oracle.routes.insert((host.clone(), kind, path.clone()), ());
                    Change::Upsert(Box::new(route(&host, kind, &path)))
                }
                Edit::Route(host, kind, path, false) => {
                    oracle.routes.remove(&(host.clone(), kind, path.clone()));
                    Change::Remove(Key::Route(key(&host, kind, &path)))
                }
            });
            live.apply(Batch::difference(revision as u64, changes.collect::<Vec<_>>()));
            for ((host, path), answer) in requests.iter().zip(answers) {
                prop_assert_eq!(found(&live, host, path), oracle.find(host, path), "{} {}", host, path);
                // A request that pinned the generation before sees what it saw.
                let again = match before.find(host, path) {
                    Found::Route(route) => format!("{} {:?} {}", route.route.key.host, route.route.key.path.kind, route.path()),
                    Found::AddSlash(_) => "AddSlash".into(),
                    _ => "Nothing".into(),
                };
                prop_assert_eq!(again, answer);
            }
        }
        let routes = live.table().hosts().map(|host| host.routes().count()).sum::<usize>();
        prop_assert_eq!(routes, oracle.routes.len());
    }
}

/// A host of which an alteration of its [`VirtualHost`] is asked.
fn special(name: &str, change: impl FnOnce(&mut VirtualHost)) -> Resource {
    let mut host = VirtualHost::new(Host::parse(name).unwrap(), None);
    change(&mut host);
    Resource::VirtualHost(host)
}

fn alias(name: Host, of: &str) -> Resource {
    let role = HostRole::AliasOf(Host::parse(of).unwrap());
    Resource::VirtualHost(VirtualHost { role, ..VirtualHost::new(name, None) })
}

fn subdomains(name: &str) -> Host {
    Host::Subdomains(HostName::new(name).unwrap())
}

fn host_pattern(text: &str) -> Host {
    Host::Pattern(HostPattern::new(text).unwrap())
}

#[test]
fn aliases_come_after_hosts_of_rules_and_before_rules_without_a_host() {
    let hosts = ["a.test", "b.test", "*.w.test", ""];
    let live = live(hosts.iter().flat_map(|name| [host(name), route(name, Prefix, "/")]).chain([
        alias(Host::parse("x.test").unwrap(), "a.test"),
        alias(subdomains("w.test"), "a.test"),
        alias(subdomains("test"), "b.test"),
        alias(host_pattern("^odd[0-9]+$"), "b.test"),
        alias(host_pattern("odd1|never"), "a.test"),
        alias(host_pattern("gone"), "gone.test"),
    ]));
    for (name, want) in [
        ("a.test", "a.test"),
        ("x.test", "a.test"),
        ("y.w.test", "*.w.test"),
        ("z.y.w.test", "a.test"),
        ("y.test", "b.test"),
        ("test", "*"),
        ("odd2", "b.test"),
        ("odd1", "a.test"),
        ("other", "*"),
    ] {
        assert_eq!(found(&live, name, "/"), format!("{want} Prefix /"), "{name}");
    }
    assert_eq!(found(&live, "gone", "/"), "Nothing", "an alias of a host that is not served");
    let gone =
        [subdomains("test"), host_pattern("odd1|never")].map(|host| Change::Remove(Key::VirtualHost(host)));
    live.apply(Batch::difference(2, gone));
    assert_eq!(found(&live, "y.test", "/"), "* Prefix /");
    assert_eq!(found(&live, "odd1", "/"), "b.test Prefix /");
    assert_eq!(live.table().hosts().count(), hosts.len() + 4);
}

#[test]
fn a_host_may_redirect_as_a_whole_or_at_its_root() {
    let to = HostName::new("a.test").unwrap();
    let live = live([
        special("a.test", |host| host.app_root = Some("/app".into())),
        route("a.test", Prefix, "/"),
        special("www.a.test", |host| host.role = HostRole::RedirectTo(to)),
        alias(Host::parse("b.test").unwrap(), "a.test"),
    ]);
    for (host, path, want) in [
        ("a.test", "/", "AppRoot /app"),
        ("b.test", "/", "AppRoot /app"),
        ("a.test", "/x", "a.test Prefix /"),
        ("www.a.test", "/", "OtherHost a.test"),
        ("www.a.test", "/x", "OtherHost a.test"),
    ] {
        assert_eq!(found(&live, host, path), want, "{host}{path}");
    }
}

#[test]
fn a_change_of_one_route_compiles_no_other_expression() {
    let routes = ["/a[0-9]+", "/b[0-9]+"].map(|path| route("a.test", Prefix, path));
    let live = live(routes.into_iter().chain([special("a.test", |host| host.regex = true)]));
    let pattern = |path: &str| {
        let table = live.table();
        let Found::Route(route) = table.find("a.test", path) else { panic!("there is one") };
        Arc::clone(route.pattern())
    };
    let (a, b) = (pattern("/a1"), pattern("/b1"));
    let mut changed = route("a.test", Prefix, "/b[0-9]+");
    if let Resource::Route(route) = &mut changed {
        route.ingress = NamespacedName::new("ns", "another");
    }
    live.apply(Batch::difference(
        2,
        [changed, route("a.test", Prefix, "/c.*")].map(|r| Change::Upsert(Box::new(r))),
    ));
    assert!(Arc::ptr_eq(&a, &pattern("/a1")), "a route that did not change");
    assert!(Arc::ptr_eq(&b, &pattern("/b1")), "a route that changed in all but its path");
    assert_eq!(found(&live, "a.test", "/cx"), "a.test Prefix /c.*");
}

fn a_pattern() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("/a"), 2 => Just("/B"), 1 => Just("b"), 1 => Just("(/|$)"), 1 => Just("(.*)"), 1 => Just("[ab]"), 1 => Just("."),
        1 => Just("a?"), 1 => Just("|/b"), 1 => Just("("), 1 => Just("a{2}"),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn regex_mode_agrees_with_a_naive_reading(
        edits in proptest::collection::vec((prop_oneof![Just(Exact), Just(Prefix)], a_pattern(), prop::bool::weighted(0.8)), 1..25),
        requests in proptest::collection::vec("(/[abAB]{0,3}){1,4}", 20),
        early in any::<bool>(),
    ) {
        let mode = || special("a.test", |host| host.regex = true);
        let live = live(early.then(mode));
        let mut rules = BTreeMap::new();
        for (revision, (kind, path, put)) in edits.into_iter().enumerate() {
            let change = if put {
                rules.insert((path.clone(), kind), ());
                Change::Upsert(Box::new(route("a.test", kind, &path)))
            } else {
                rules.remove(&(path.clone(), kind));
                Change::Remove(Key::Route(key("a.test", kind, &path)))
            };
            live.apply(Batch::difference(revision as u64, [change]));
        }
        live.apply(Batch::difference(99, [Change::Upsert(Box::new(mode()))]));
        // By length, then by text, then Exact: the last in this order is the first that is tried.
        let mut rules: Vec<_> = rules.into_keys().map(|(path, kind)| (path.len(), path, kind == Exact)).collect();
        rules.sort();
        for request in requests {
            let naive = rules.iter().rev().find(|(_, path, _)| {
                let regex = regex::RegexBuilder::new(&format!("^{path}")).case_insensitive(true).build();
                let literal = || request.to_lowercase().starts_with(&path.to_lowercase());
                regex.map_or_else(|_| literal(), |regex| regex.is_match(&request))
            });
            let want = naive.map_or("Nothing".to_owned(), |(_, path, exact)| {
                format!("a.test {:?} {path}", if *exact { Exact } else { Prefix })
            });
            prop_assert_eq!(found(&live, "a.test", &request), want, "{}", request);
        }
    }
}

/// A table of hosts with a route each and of one host with as many paths, without what routes hold besides.
fn large(size: usize) -> RouteTable {
    let mut table = RouteTable::default();
    let live = live([host("a.test"), route("a.test", Prefix, "/")]);
    let known = live.table();
    let Found::Route(route) = known.find("a.test", "/") else { panic!("there is one") };
    let mut add = |name: &str, path: &str| {
        let key = key(name, Prefix, path);
        if table.host_table(&key.host).is_none() {
            table.set_virtual_host(&key.host, Some(VirtualHost::new(key.host.clone(), None)), None);
        }
        table.set_route(&key, Some(Arc::clone(route)));
    };
    for index in 0..size {
        add(&format!("h{index}.test"), "/");
        add(&format!("*.w{index}.test"), "/");
        add("paths.test", &format!("/api/v1/tenant-{index}"));
    }
    table
}

/// The most nodes of maps that a lookup of these went through.
fn most_nodes(table: &RouteTable, lookups: impl Iterator<Item = (String, String)>) -> usize {
    let nodes = |(host, path): (String, String)| {
        let (found, nodes) = steps::of(|| matches!(table.find(&host, &path), Found::Route(_)));
        assert!(found, "{host}{path}");
        nodes
    };
    lookups.map(nodes).max().expect("there are some")
}

#[test]
fn a_lookup_goes_through_hardly_more_nodes_when_there_are_ten_thousand_times_as_many_routes() {
    // One node at each size is for the hashes that happen to crowd.
    for (size, more) in [(10, 0), (1_000, 2), (100_000, 3)] {
        let table = large(size);
        let known = || (0..10).chain(size / 2..size / 2 + 5).filter(|index| *index < size);
        let hosts = known().map(|index| (format!("h{index}.test"), "/cart".to_owned()));
        assert!(most_nodes(&table, hosts) <= 1 + more, "hosts, of {size}");
        // The exact name first, which is not there.
        let hosts = known().map(|index| (format!("any.w{index}.test"), "/cart".to_owned()));
        assert!(most_nodes(&table, hosts) <= 2 * (1 + more), "wildcard hosts, of {size}");
        let paths =
            known().map(|index| ("paths.test".to_owned(), format!("/api/v1/tenant-{index}/orders/7")));
        assert!(most_nodes(&table, paths) <= 2 * (1 + more), "paths, of {size}");
    }
}
