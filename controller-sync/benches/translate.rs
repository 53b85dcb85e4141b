//! What one change costs, by the number of Ingresses there are: the figures should not grow. And what everything at once
//! costs, as after a start.
//!
//! `cargo bench -p ingora-controller-sync --bench translate`

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ingora_controller_sync::object::Object;
use ingora_controller_sync::store::{Options, Store};
use ingora_controller_sync::translate::Translator;
use serde_json::json;
use std::hint::black_box;
use std::time::{Duration, SystemTime};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn decode(document: serde_json::Value) -> Object {
    Object::from_value(document).expect("an object").expect("a kind that is read")
}

fn ingress(number: usize, path: &str) -> Object {
    let backend = json!({"service": {"name": format!("web-{number}"), "port": {"number": 80}}});
    let paths = json!([{"path": path, "pathType": "Prefix", "backend": backend}]);
    decode(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "shop", "name": format!("web-{number}")},
        "spec": {"rules": [{"host": format!("h{number}.example.com"), "http": {"paths": paths}}]},
    }))
}

/// Annotations as real Ingresses carry them, four kinds of sets in turn.
const ANNOTATIONS: [&[(&str, &str)]; 4] = [
    &[
        ("rewrite-target", "/$2"),
        ("use-regex", "true"),
        ("x-forwarded-prefix", "/shop"),
        ("ssl-redirect", "false"),
    ],
    &[
        ("enable-cors", "true"),
        ("cors-allow-origin", "https://*.example.com, https://www.example.org"),
        ("cors-allow-methods", "GET, POST"),
        ("limit-rps", "20"),
        ("limit-connections", "10"),
        ("limit-allowlist", "10.0.0.0/8, 192.168.0.0/16"),
    ],
    &[
        ("force-ssl-redirect", "true"),
        ("allowlist-source-range", "10.0.0.0/8,192.0.2.0/24,2001:db8::/32"),
        ("server-alias", "www.example.com"),
        ("proxy-read-timeout", "120"),
    ],
    &[("upstream-vhost", "$service_name.$namespace.svc.cluster.local"), ("app-root", "/home")],
];

fn annotated(number: usize, turn: usize) -> Object {
    let prefix = "nginx.ingress.kubernetes.io";
    let set = ANNOTATIONS[number % ANNOTATIONS.len()];
    let mut annotations: serde_json::Map<String, serde_json::Value> =
        set.iter().map(|(name, value)| (format!("{prefix}/{name}"), json!(value))).collect();
    annotations.insert(format!("{prefix}/limit-rpm"), json!((turn + 100).to_string()));
    if let Some(alias) = annotations.get_mut(&format!("{prefix}/server-alias")) {
        *alias = json!(format!("www.h{number}.example.com"));
    }
    let backend = json!({"service": {"name": format!("web-{number}"), "port": {"number": 80}}});
    let paths = json!([{"path": "/shop(/|$)(.*)", "pathType": "ImplementationSpecific", "backend": backend}]);
    decode(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "shop", "name": format!("web-{number}"), "annotations": annotations},
        "spec": {"rules": [{"host": format!("h{number}.example.com"), "http": {"paths": paths}}]},
    }))
}

fn service(number: usize) -> Object {
    decode(json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]},
        "metadata": {"namespace": "shop", "name": format!("web-{number}")}}))
}

fn slice(number: usize, last: u8) -> Object {
    let name = format!("web-{number}");
    let addresses = |address: String| json!({"addresses": [address]});
    let endpoints: Vec<_> = (0..3).map(|i| addresses(format!("10.0.{i}.{last}"))).collect();
    decode(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"namespace": "shop", "name": name, "labels": {"kubernetes.io/service-name": name}},
        "endpoints": endpoints, "ports": [{"port": 8080}]}))
}

fn objects(count: usize) -> Vec<Object> {
    (0..count).flat_map(|number| [ingress(number, "/"), service(number), slice(number, 1)]).collect()
}

fn filled(objects: Vec<Object>) -> Store {
    let mut store = Store::new(Options { watch_ingress_without_class: true, ..Options::default() });
    objects.into_iter().for_each(|object| store.insert(object, None));
    store
}

fn one_change(c: &mut Criterion) {
    for count in [10, 1_000, 5_000, 50_000] {
        let mut store = filled(objects(count));
        let mut translator = Translator::new();
        translator.translate(&mut store, NOW);
        let mut change = |name: &str, versions: [Object; 2]| {
            let mut turn = 0;
            c.bench_function(&format!("{name} of {count}"), |bencher| {
                bencher.iter_batched(
                    || {
                        turn += 1;
                        versions[turn % 2].clone()
                    },
                    |object| {
                        store.insert(object, None);
                        let output = translator.translate(&mut store, NOW);
                        assert!(!output.changes.is_empty(), "the change was not noticed");
                        black_box(output)
                    },
                    BatchSize::SmallInput,
                );
            });
        };
        change("one edited Ingress", [ingress(7, "/one"), ingress(7, "/two")]);
        change("one endpoint change", [slice(7, 2), slice(7, 3)]);
    }
}

fn annotations(c: &mut Criterion) {
    let all: Vec<Object> =
        (0..2_000).flat_map(|number| [annotated(number, 0), service(number), slice(number, 1)]).collect();
    let mut group = c.benchmark_group("annotations");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.bench_function("2000 Ingresses", |bencher| {
        bencher.iter_batched(
            || filled(all.clone()),
            |mut store| {
                let mut translator = Translator::new();
                black_box(translator.translate(&mut store, NOW));
                (store, translator)
            },
            BatchSize::LargeInput,
        );
    });
    for kind in 0..ANNOTATIONS.len() {
        let mut store = filled(all.clone());
        let mut translator = Translator::new();
        translator.translate(&mut store, NOW);
        let mut turn = 0;
        group.bench_function(format!("one edited Ingress of 2000, set {kind}"), |bencher| {
            bencher.iter_batched(
                || {
                    turn += 1;
                    annotated(kind, turn % 2)
                },
                |object| {
                    store.insert(object, None);
                    let output = translator.translate(&mut store, NOW);
                    assert!(!output.changes.is_empty(), "the change was not noticed");
                    black_box(output)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn everything(c: &mut Criterion) {
    let mut group = c.benchmark_group("everything");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let all = objects(5_000);
    group.bench_function("5000 Ingresses", |bencher| {
        bencher.iter_batched(
            || all.clone(),
            |all| {
                let mut store = filled(all);
                let mut translator = Translator::new();
                black_box(translator.translate(&mut store, NOW));
                (store, translator)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, one_change, annotations, everything);
criterion_main!(benches);
