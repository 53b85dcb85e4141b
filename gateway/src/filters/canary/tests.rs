//! What decides, in which order, and how exactly.

use super::*;
use crate::live::{Batch, Change, Live};
use ingora_config::{
    Backend, Endpoint, Endpoints, Host, Key, NamespacedName, PathKind, PathMatch, PathValue, Protocol,
    Resource, RouteKey, ServicePort, Upstream, UpstreamId,
};

const REQUESTS: usize = 10_000;

fn id(service: &str) -> UpstreamId {
    UpstreamId { namespace: "shop".into(), service: service.into(), port: ServicePort::Number(80) }
}

fn key() -> RouteKey {
    let path = PathMatch { kind: PathKind::Prefix, value: PathValue::new("/").unwrap() };
    RouteKey { host: Host::CatchAll, path }
}

fn rule(weight: u32) -> CanaryRule {
    CanaryRule {
        weight,
        weight_total: 100,
        by_header: None,
        by_cookie: None,
        sticky: true,
        load_balance: None,
    }
}

fn header(name: &str, rule: CanaryHeaderRule) -> Option<CanaryHeader> {
    Some(CanaryHeader { name: name.into(), rule })
}

fn route(rules: impl IntoIterator<Item = CanaryRule>) -> Resource {
    let mut route = Route::new(key(), NamespacedName::new("shop", "web"), Backend::Upstream(id("web")));
    let canary = |(at, rule)| Canary {
        ingress: NamespacedName::new("shop", format!("canary-{at}")),
        upstream: id(&format!("canary-{at}")),
        rule: Arc::new(rule),
    };
    route.canaries = rules.into_iter().enumerate().map(canary).collect();
    Resource::Route(route)
}

fn upstream(service: &str, endpoints: usize) -> [Resource; 2] {
    let endpoint = |at: usize| Endpoint { address: ([10, 0, 0, at as u8], 80).into(), target: String::new() };
    let endpoints = (0..endpoints).map(endpoint).collect();
    [
        Resource::Upstream(Upstream { id: id(service), protocol: Protocol::Http1, service_address: None }),
        Resource::Endpoints(Endpoints { upstream: id(service), endpoints }),
    ]
}

/// A gateway with one route, whose canaries have one endpoint each.
fn live(rules: impl IntoIterator<Item = CanaryRule>) -> Arc<Live> {
    let live = Live::new().unwrap();
    let route = route(rules);
    let Resource::Route(Route { canaries, .. }) = &route else { unreachable!() };
    let services: Vec<String> = canaries.iter().map(|canary| canary.upstream.service.clone()).collect();
    let upstreams = services.iter().map(String::as_str).chain(["web"]).flat_map(|name| upstream(name, 1));
    let resources: Vec<_> = upstreams.chain([route.clone()]).collect();
    live.apply(Batch::full(1, resources));
    live
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn choose(live: &Live, lines: &[(&'static str, &'static str)]) -> Option<usize> {
    let route = live.table().route(&key()).cloned().unwrap();
    route.canaries.as_ref().unwrap().choose(&headers(lines))
}

/// How many of `count` requests each of three canaries gets.
fn spread(live: &Live, count: usize) -> [usize; 3] {
    let mut counts = [0; 3];
    for _ in 0..count {
        if let Some(at) = choose(live, &[]) {
            counts[at] += 1;
        }
    }
    counts
}

#[track_caller]
fn near(count: usize, wanted: usize) {
    assert!(count.abs_diff(wanted) <= 30, "{count} instead of {wanted} of 10,000: more than 0.3 %");
}

/// A rule, the headers of a request, and whether the canary takes it.
type Case<'h> = (CanaryRule, &'h [(&'h str, &'h str)], bool);

#[test]
fn a_header_beats_a_cookie_and_a_cookie_beats_the_weight() {
    let by = |weight, header_rule: Option<CanaryHeaderRule>| CanaryRule {
        by_header: header_rule.and_then(|rule| header("x-canary", rule)),
        by_cookie: Some("Canary".into()),
        ..rule(weight)
    };
    use CanaryHeaderRule::{AlwaysNever, Pattern, Primary, Value};
    let value = || Some(Value("blue".into()));
    let pattern = || Some(Pattern("bl.e".into()));
    // Weight 100 or 0 is what is left to the weight.
    let cases: &[Case<'_>] = &[
        (by(0, Some(AlwaysNever)), &[], false),
        (by(100, Some(AlwaysNever)), &[], true),
        (by(0, Some(AlwaysNever)), &[("x-canary", "always")], true),
        (by(100, Some(AlwaysNever)), &[("x-canary", "never")], false),
        (by(0, Some(AlwaysNever)), &[("x-canary", "Always")], false),
        (by(100, Some(AlwaysNever)), &[("x-canary", "NEVER")], true),
        (by(100, Some(AlwaysNever)), &[("x-canary", "")], true),
        (by(0, Some(AlwaysNever)), &[("x-canary", "always"), ("cookie", "canary=never")], true),
        (by(100, Some(AlwaysNever)), &[("x-canary", "never"), ("cookie", "canary=always")], false),
        (by(0, Some(AlwaysNever)), &[("x-canary", "other"), ("cookie", "canary=always")], true),
        (by(100, Some(AlwaysNever)), &[("x-canary", "other"), ("cookie", "canary=never")], false),
        (by(100, Some(AlwaysNever)), &[("x-canary", "always"), ("x-canary", "never")], true),
        (by(0, Some(AlwaysNever)), &[("x-canary", "always"), ("x-canary", "always")], false),
        (by(0, value()), &[("x-canary", "blue")], true),
        (by(0, value()), &[("x-canary", "always")], false),
        (by(100, value()), &[("x-canary", "never")], true),
        (by(100, value()), &[("x-canary", "never"), ("cookie", "canary=never")], false),
        (by(0, value()), &[("x-canary", "blue "), ("cookie", "a=b; CANARY = always ;c=d")], true),
        (by(0, pattern()), &[("x-canary", "a blue one")], true),
        (by(0, pattern()), &[("x-canary", "BLUE")], false),
        (by(0, pattern()), &[("x-canary", "always")], false),
        (by(100, pattern()), &[("x-canary", "red")], true),
        (by(0, pattern()), &[("x-canary", "red"), ("x-canary", "blue")], true),
        (by(100, Some(Primary)), &[("x-canary", "anything"), ("cookie", "canary=always")], false),
        (by(100, Some(Primary)), &[], true),
        (by(0, Some(Primary)), &[("cookie", "canary=always")], true),
        (by(0, None), &[("x-canary", "always")], false),
        (by(0, None), &[("cookie", "canary=always; canary=never")], true),
        (by(0, None), &[("cookie", "a=1"), ("cookie", "canary=always")], true),
        (by(0, None), &[("cookie", "notcanary=always; canary; =always; canary2=always")], false),
        (by(100, None), &[("cookie", "canary=yes")], true),
        (rule(0), &[("x-canary", "always"), ("cookie", "canary=always")], false),
    ];
    for (rule, lines, canary) in cases {
        assert_eq!(choose(&live([rule.clone()]), lines).is_some(), *canary, "{rule:?} with {lines:?}");
    }
}

#[test]
fn of_several_canaries_the_oldest_that_decides_does() {
    let always = |name: &str| header(name, CanaryHeaderRule::AlwaysNever);
    let live = live([
        CanaryRule { by_header: always("x-old"), by_cookie: Some("old".into()), ..rule(0) },
        CanaryRule { by_header: always("x-young"), by_cookie: Some("young".into()), ..rule(100) },
    ]);
    for (lines, chosen) in [
        (&[][..], Some(1)),
        (&[("x-old", "always"), ("x-young", "always")], Some(0)),
        (&[("x-old", "never"), ("x-young", "always")], None),
        (&[("x-old", "other"), ("x-young", "always")], Some(1)),
        (&[("cookie", "old=always"), ("x-young", "always")], Some(1)),
        (&[("cookie", "young=always; old=always")], Some(0)),
        (&[("cookie", "young=never")], None),
    ] {
        assert_eq!(choose(&live, lines), chosen, "{lines:?}");
    }
}

#[test]
fn ten_per_cent_are_ten_per_cent_and_a_total_counts() {
    near(spread(&live([rule(10)]), REQUESTS)[0], 1000);
    near(spread(&live([CanaryRule { weight_total: 1000, ..rule(1) }]), REQUESTS)[0], 10);
    assert_eq!(spread(&live([rule(100)]), REQUESTS)[0], REQUESTS);
    assert_eq!(spread(&live([rule(0)]), REQUESTS)[0], 0);
    let third = CanaryRule { weight_total: 999_999_999, ..rule(333_333_333) };
    near(spread(&live([third]), REQUESTS)[0], 3333);
}

#[test]
fn the_weights_of_three_canaries_add_up_and_end_at_all_requests() {
    let thousandth = CanaryRule { weight_total: 1000, ..rule(50) };
    let counts = spread(&live([rule(10), thousandth, rule(30)]), REQUESTS);
    counts.into_iter().zip([1000, 500, 3000]).for_each(|(count, wanted)| near(count, wanted));
    let counts = spread(&live([rule(80), rule(50), rule(50)]), REQUESTS);
    assert_eq!(counts.iter().sum::<usize>(), REQUESTS);
    counts.into_iter().zip([8000, 2000, 0]).for_each(|(count, wanted)| near(count, wanted));
    assert_eq!(counts[2], 0);
}

#[test]
fn a_share_is_exact_over_all_threads_and_across_publications() {
    let live = live([rule(10)]);
    let chosen: usize = std::thread::scope(|scope| {
        let thread = || spread(&live, REQUESTS / 4)[0];
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(chosen.abs_diff(1000) <= 8, "{chosen}");

    // A publication per ten requests: a sequence that started anew each time would not come to ten per cent.
    let mut chosen = 0;
    for edit in 0..REQUESTS / 10 {
        chosen += spread(&live, 10)[0];
        let cookie = Some(format!("cookie-{edit}"));
        let route = route([CanaryRule { by_cookie: cookie, ..rule(10) }]);
        live.apply(Batch::difference(edit as u64 + 2, [Change::Upsert(Box::new(route))]));
    }
    assert!(chosen.abs_diff(1000) <= 8, "{chosen}");
}

#[test]
fn a_canary_without_endpoints_leaves_its_requests_to_the_primary_and_the_others_theirs() {
    let by_header = header("x-canary", CanaryHeaderRule::AlwaysNever);
    let live = live([CanaryRule { by_header, ..rule(50) }, rule(20)]);
    let [_, none] = upstream("canary-0", 0);
    live.apply(Batch::difference(2, [Change::Upsert(Box::new(none))]));
    assert_eq!(choose(&live, &[("x-canary", "always")]), None);
    let counts = spread(&live, REQUESTS);
    assert_eq!(counts[0], 0);
    near(counts[1], 2000);
    let [_, one] = upstream("canary-0", 1);
    live.apply(Batch::difference(3, [Change::Upsert(Box::new(one))]));
    assert_eq!(choose(&live, &[("x-canary", "always")]), Some(0));
}

#[test]
fn groups_of_canaries_live_and_go_with_their_route() {
    let live = live([rule(10), rule(10)]);
    assert_eq!(live.groups().len(), 3);
    let gone = ["canary-0", "canary-1"].map(id);
    let removals = gone.iter().flat_map(|id| {
        [Change::Remove(Key::Upstream(id.clone())), Change::Remove(Key::Endpoints(id.clone()))]
    });
    live.apply(Batch::difference(2, removals.chain([Change::Upsert(Box::new(route([])))])));
    assert_eq!(live.groups().len(), 1);
    assert!(live.table().route(&key()).unwrap().canaries.is_none());
}

#[test]
fn a_canary_has_counters_of_its_own_under_the_labels_of_its_route() {
    let live = live([rule(100)]);
    let route = live.table().route(&key()).cloned().unwrap();
    let canary = route.canary(Some(0)).unwrap();
    assert!(!Arc::ptr_eq(&canary.stats, &route.stats));
    assert_eq!(canary.group.name(), "shop-canary-0-80");
    assert!(route.canary(None).is_none() && route.canary(Some(1)).is_none());
}

#[test]
fn a_value_longer_than_what_is_searched_decides_nothing() {
    let pattern = header("x-canary", CanaryHeaderRule::Pattern("b".into()));
    let live = live([CanaryRule { by_header: pattern, ..rule(0) }]);
    let route = live.table().route(&key()).cloned().unwrap();
    let canaries = route.canaries.as_ref().unwrap();
    for (length, chosen) in [(MAX_SEARCHED, Some(0)), (MAX_SEARCHED + 1, None)] {
        let value = HeaderValue::from_str(&"b".repeat(length)).unwrap();
        assert_eq!(
            canaries.choose(&HeaderMap::from_iter([(HeaderName::from_static("x-canary"), value)])),
            chosen
        );
    }
}
