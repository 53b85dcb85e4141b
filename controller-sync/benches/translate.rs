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

criterion_group!(benches, one_change, everything);
criterion_main!(benches);
