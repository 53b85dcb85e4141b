//! What deciding for or against a canary costs: `cargo bench -p ingora-gateway --bench canary`.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use ingora_config::policy::{Canary, CanaryHeader, CanaryHeaderRule, CanaryRule};
use ingora_config::{
    Backend, Endpoint, Endpoints, Host, NamespacedName, PathKind, PathMatch, PathValue, Protocol, Resource,
    Route, RouteKey, ServicePort, Upstream, UpstreamId,
};
use ingora_gateway::live::{Batch, Live};
use ingora_gateway::table::CompiledRoute;
use std::hint::black_box;
use std::sync::Arc;

fn upstream(service: &str) -> UpstreamId {
    UpstreamId { namespace: "bench".into(), service: service.into(), port: ServicePort::Number(80) }
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

fn by_header(rule: CanaryHeaderRule) -> Option<CanaryHeader> {
    Some(CanaryHeader { name: "x-canary".into(), rule })
}

/// A published route with these canaries, each with an endpoint.
fn route(rules: Vec<CanaryRule>) -> Arc<CompiledRoute> {
    let path = PathMatch { kind: PathKind::Prefix, value: PathValue::new("/").expect("the root is a path") };
    let key = RouteKey { host: Host::CatchAll, path };
    let primary = Backend::Upstream(upstream("primary"));
    let mut route = Route::new(key.clone(), NamespacedName::new("bench", "primary"), primary);
    let mut resources = Vec::new();
    for (at, rule) in rules.into_iter().enumerate() {
        let id = upstream(&format!("canary-{at}"));
        let endpoint = Endpoint { address: ([10, 0, 0, 1], 80).into(), target: "pod".into() };
        resources.push(Resource::Upstream(Upstream {
            id: id.clone(),
            protocol: Protocol::Http1,
            service_address: None,
        }));
        resources.push(Resource::Endpoints(Endpoints { upstream: id.clone(), endpoints: vec![endpoint] }));
        let ingress = NamespacedName::new("bench", format!("canary-{at}"));
        route.canaries.push(Canary { ingress, upstream: id, rule: Arc::new(rule) });
    }
    resources.push(Resource::Route(route));
    let live = Live::new().expect("the TLS library works");
    live.apply(Batch::full(1, resources));
    live.table().route(&key).cloned().expect("it was published")
}

fn headers(more: &[(&'static str, &'static str)]) -> HeaderMap {
    let browser = [
        ("host", "shop.example.com"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes"),
    ];
    let all = browser.iter().chain(more);
    all.map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value))).collect()
}

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("canary");
    let always_never = || CanaryRule { by_header: by_header(CanaryHeaderRule::AlwaysNever), ..rule(10) };
    let pattern = CanaryHeaderRule::Pattern("^eu-(west|north)-[0-9]+$".into());
    let cases = [
        ("weight", vec![rule(10)], headers(&[])),
        ("header that is there", vec![always_never()], headers(&[("x-canary", "always")])),
        ("header that is not there, weight", vec![always_never()], headers(&[])),
        (
            "cookie that is not there, weight",
            vec![CanaryRule { by_cookie: Some("canary".into()), ..rule(10) }],
            headers(&[]),
        ),
        (
            "pattern",
            vec![CanaryRule { by_header: by_header(pattern), ..rule(0) }],
            headers(&[("x-canary", "eu-west-1")]),
        ),
        ("weights of 16", (0..16).map(|_| rule(5)).collect(), headers(&[])),
    ];
    for (name, rules, headers) in cases {
        let route = route(rules);
        let canaries = route.canaries.as_deref().expect("the route has canaries");
        group
            .bench_function(name, |bencher| bencher.iter(|| black_box(canaries.choose(black_box(&headers)))));
    }
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
