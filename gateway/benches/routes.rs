//! What looking up, telling and changing cost, at 10, 1,000 and 100,000 routes: `cargo bench -p ingora-gateway`.
//!
//! Lookups borrow everything they return and everything they look at, so they cannot allocate; what they cost in time
//! must hardly depend on the number of routes. The same holds for the edit of one route. Each table is asked in two ways:
//!
//! | name | asks for | says |
//! | --- | --- | --- |
//! | `few of many …` | the same ten hosts or paths, in tables of any size | what the steps cost: must be flat |
//! | `any of many …` | each at random, from the whole table | that, and waiting for memory that no cache holds |

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ingora_config::{
    Backend, Endpoint, Endpoints, Host, NamespacedName, PathKind, PathMatch, PathValue, Resource, Route,
    RouteKey, ServicePort, Upstream, UpstreamId, VirtualHost,
};
use ingora_gateway::args::LogFormat;
use ingora_gateway::live::{Batch, Change, Live};
use ingora_gateway::reason::Reason;
use ingora_gateway::request_path::normalise;
use ingora_gateway::table::Found;
use ingora_gateway::telemetry::{AccessLog, Record};
use prometheus_client::metrics::counter::Counter;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [10, 1_000, 100_000];
/// Log lines between two flushes: as fast as one can make them, no writer keeps up for long.
const LINES: u64 = 200;

fn upstream(index: usize) -> UpstreamId {
    UpstreamId {
        namespace: "bench".into(),
        service: format!("service-{index}"),
        port: ServicePort::Number(80),
    }
}

fn route(host: &str, path: &str, service: usize) -> Resource {
    let path = PathMatch { kind: PathKind::Prefix, value: PathValue::new(path).expect("a path") };
    Resource::Route(Route::new(
        RouteKey { host: Host::parse(host).expect("a host"), path },
        NamespacedName::new("bench", format!("ingress-{service}")),
        Backend::Upstream(upstream(service)),
    ))
}

fn host(host: &str) -> Resource {
    Resource::VirtualHost(VirtualHost::new(Host::parse(host).expect("a host"), None))
}

fn host_name(index: usize) -> String {
    format!("shop-{index}.example.com")
}

fn path(index: usize) -> String {
    format!("/api/v1/tenant-{index}")
}

fn live(resources: Vec<Resource>) -> Arc<Live> {
    let live = Live::new().expect("the TLS library works");
    live.apply(Batch::full(1, resources));
    live
}

fn many_hosts(size: usize) -> Arc<Live> {
    live(
        (0..size).flat_map(|index| [host(&host_name(index)), route(&host_name(index), "/", index)]).collect(),
    )
}

fn many_wildcards(size: usize) -> Arc<Live> {
    let name = |index| format!("*.{}", host_name(index));
    live((0..size).flat_map(|index| [host(&name(index)), route(&name(index), "/", index)]).collect())
}

fn many_paths(size: usize) -> Arc<Live> {
    let routes = (0..size).map(|index| route("one.example.com", &path(index), index));
    live(routes.chain([host("one.example.com")]).collect())
}

fn regex_paths(size: usize) -> Arc<Live> {
    let routes =
        (0..size).map(|index| route("regex.example.com", &format!("{}(/|$)(.*)", path(index)), index));
    let name = Host::parse("regex.example.com").expect("a host");
    let host = VirtualHost { regex: true, ..VirtualHost::new(name, None) };
    live(routes.chain([Resource::VirtualHost(host)]).collect())
}

/// How many requests differ in a round: of the whole table at random.
const ANY: usize = 4096;
/// And of those that stand in every table.
const FEW: usize = 10;

/// A table of some shape.
struct Shape {
    name: &'static str,
    table: fn(usize) -> Arc<Live>,
    /// Host and path of the request for the route of a number.
    request: fn(usize) -> (String, String),
}

const SHAPES: [Shape; 3] = [
    Shape { name: "hosts", table: many_hosts, request: |index| (host_name(index), "/cart/items".to_owned()) },
    Shape {
        name: "wildcard hosts",
        table: many_wildcards,
        request: |index| (format!("blog.{}", host_name(index)), "/cart/items".to_owned()),
    },
    Shape {
        name: "paths of one host",
        table: many_paths,
        request: |index| ("one.example.com".to_owned(), format!("{}/orders/7", path(index))),
    },
];

/// Requests in an order that the caches cannot foresee, for `among` routes of a table.
fn shuffled(among: usize, request: fn(usize) -> (String, String)) -> Vec<(String, String)> {
    (0..ANY).map(|step: usize| request(step.wrapping_mul(0x9E37_79B9_7F4A_7C15) % among)).collect()
}

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for size in SIZES {
        for Shape { name, table, request } in SHAPES {
            let live = table(size);
            let table = live.table();
            for (which, among) in [("few", FEW), ("any", size)] {
                let requests = shuffled(among, request);
                let mut next = requests.iter().take(if which == "few" { FEW } else { ANY }).cycle();
                group.bench_function(BenchmarkId::new(format!("{which} of many {name}"), size), |bencher| {
                    bencher.iter(|| {
                        let (host, path) = next.next().expect("it cycles");
                        assert!(matches!(black_box(table.find(host, path)), Found::Route(_)));
                    });
                });
            }
        }
    }
    let live = many_paths(1_000);
    let table = live.table();
    let hostile = "/a".repeat(4_000);
    group.bench_function("4,000 slashes", |bencher| {
        bencher
            .iter(|| assert!(matches!(black_box(table.find("one.example.com", &hostile)), Found::Nothing)));
    });
    // Hosts in regex mode try their paths one by one: this is what that costs.
    for size in [10, 1_000] {
        let live = regex_paths(size);
        let table = live.table();
        let requests = shuffled(size, |index| (String::new(), format!("{}/orders/7", path(index))));
        let mut next = requests.iter().cycle();
        group.bench_function(BenchmarkId::new("regex paths of one host", size), |bencher| {
            bencher.iter(|| {
                let (_, path) = next.next().expect("it cycles");
                assert!(matches!(black_box(table.find("regex.example.com", path)), Found::Route(_)));
            });
        });
    }
    group.bench_function("unknown host", |bencher| {
        bencher.iter(|| assert!(matches!(black_box(table.find("who.is.this", "/")), Found::Nothing)));
    });
    group.finish();
}

/// The edit of one object, from the message to the swapped table.
fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    let mut edit = |name: &str, size: usize, live: Arc<Live>, resource: fn(usize) -> Resource| {
        let mut turn = 0;
        group.bench_function(BenchmarkId::new(name, size), |bencher| {
            bencher.iter(|| {
                turn += 1;
                let change = Change::Upsert(Box::new(resource(turn)));
                live.apply(Batch::difference(turn as u64, [change]));
            });
        });
    };
    for size in SIZES {
        edit("route of many hosts", size, many_hosts(size), |turn| route(&host_name(5), "/", turn % 2));
        edit("route of many paths", size, many_paths(size), |turn| {
            route("one.example.com", &path(5), turn % 2)
        });
        let live = many_hosts(size);
        live.apply(Batch::difference(
            2,
            [Change::Upsert(Box::new(Resource::Upstream(Upstream {
                id: upstream(5),
                protocol: Default::default(),
                service_address: None,
            })))],
        ));
        edit("endpoints", size, live, |turn| {
            let address = ([10, 0, 0, (turn % 2) as u8], 80).into();
            let endpoints = vec![Endpoint { address, target: "pod".into() }];
            Resource::Endpoints(Endpoints { upstream: upstream(5), endpoints })
        });
    }
    group.finish();
}

fn paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalise");
    for (name, path) in [
        ("nothing to do", "/api/v1/tenants/4711/orders/7"),
        ("everything to do", "//api/./v1/%74enants/x/../4711%2Forders//7"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| black_box(normalise(black_box(path))).is_ok()));
    }
    group.finish();
}

/// What telling of a request costs the thread that served it.
fn telemetry(criterion: &mut Criterion) {
    let live = many_hosts(1);
    let table = live.table();
    let Found::Route(route) = table.find(&host_name(0), "/") else { panic!("there is one") };
    let host = host_name(0);
    let record = Record {
        method: "GET",
        host: &host,
        path: "/api/v1/tenants/4711/orders/7",
        protocol: "HTTP/1.1",
        status: 200,
        reason: None,
        route: Some(route),
        upstream_address: Some("10.0.0.1:8080"),
        tries: 1,
        bytes_out: 1234,
        duration: Duration::from_micros(1234),
        header_time: Some(Duration::from_micros(1200)),
        request_id: "0123456789abcdef0123456789abcdef",
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ..Record::refused([192, 0, 2, 1].into(), true, Reason::Internal)
    };
    let mut group = criterion.benchmark_group("telemetry");
    group.bench_function("counters of a route", |bencher| {
        bencher.iter(|| route.stats.observe(black_box("GET"), 200, record.duration));
    });
    for (name, format) in [("JSON line", LogFormat::Json), ("text line", LogFormat::Text)] {
        let dropped = Counter::default();
        let log = AccessLog::start(format, Box::new(std::io::sink()), dropped.clone());
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|lines| {
                let mut time = Duration::ZERO;
                for _ in 0..lines.div_ceil(LINES) {
                    let start = Instant::now();
                    (0..LINES).for_each(|_| log.record(black_box(&record), None));
                    time += start.elapsed();
                    log.flush(Duration::from_secs(10));
                }
                // A part of a round that was not asked for does not count.
                time.mul_f64(lines as f64 / (lines.div_ceil(LINES) * LINES) as f64)
            });
        });
        assert_eq!(dropped.get(), 0, "the sink takes everything");
    }
    group.finish();
}

criterion_group!(benches, lookup, apply, paths, telemetry);
criterion_main!(benches);
