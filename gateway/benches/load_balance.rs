//! What picking an endpoint costs: `cargo bench -p ingora-gateway --bench load_balance`.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use ingora_config::policy::AffinityMode;
use ingora_config::{Endpoint, Endpoints, Protocol, Resource, ServicePort, Upstream, UpstreamId};
use ingora_gateway::live::{Batch, Live};
use ingora_gateway::upstream::{Group, Probing, Selection, Session, ring};
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

fn group(count: u16) -> Arc<Group> {
    let id = UpstreamId { namespace: "bench".into(), service: "web".into(), port: ServicePort::Number(80) };
    let endpoint = |at: u16| {
        let [high, low] = at.to_be_bytes();
        Endpoint { address: SocketAddr::from(([10, 0, high, low], 80)), target: format!("pod-{at}") }
    };
    let live = Live::new().expect("the TLS library works");
    live.apply(Batch::full(
        1,
        [
            Resource::Upstream(Upstream {
                id: id.clone(),
                protocol: Protocol::Http1,
                service_address: Some(([10, 96, 0, 1], 80).into()),
            }),
            Resource::Endpoints(Endpoints { upstream: id, endpoints: (0..count).map(endpoint).collect() }),
        ],
    ));
    let group = live.groups().swap_remove(0);
    group.want_ring();
    group.want_places();
    group
}

fn pick(criterion: &mut Criterion) {
    for count in [10, 1000] {
        let group = group(count);
        let mut benches = criterion.benchmark_group(format!("pick of {count}"));
        for (name, selection) in [
            ("round_robin", Selection::RoundRobin),
            ("ewma", Selection::Ewma),
            ("hash", Selection::Hash(7, 1)),
            ("hash with a subset of 3", Selection::Hash(7, 3)),
            ("service", Selection::Service),
        ] {
            benches.bench_function(name, |bencher| {
                bencher.iter(|| black_box(group.pick_by(black_box(selection), &[], Probing::Due)));
            });
        }
        benches.bench_function("key of 20 bytes", |bencher| {
            bencher.iter(|| black_box(ring::key(black_box(b"user-0123456789abcde"))));
        });
        for mode in [AffinityMode::Balanced, AffinityMode::Persistent] {
            let new = Session { mode, change_on_failure: true, place: None, fresh: false };
            for (name, known) in [("new", false), ("known", true)] {
                let mut session = new.clone();
                if known {
                    group.pick_for(&mut session, Selection::RoundRobin, &[], Probing::Due);
                    session.fresh = false;
                }
                benches.bench_function(format!("{name} session, {mode:?}"), |bencher| {
                    bencher.iter(|| {
                        let mut session = session.clone();
                        black_box(group.pick_for(&mut session, Selection::RoundRobin, &[], Probing::Due))
                    });
                });
            }
        }
        let bad = group.targets().swap_remove(0);
        (0..3).for_each(|_| group.failed(&bad, "bench"));
        benches.bench_function("round_robin, one left out", |bencher| {
            bencher.iter(|| black_box(group.pick_by(Selection::RoundRobin, &[], Probing::Never)));
        });
        benches.finish();
    }
}

fn ring_of_a_change(criterion: &mut Criterion) {
    let mut benches = criterion.benchmark_group("ring");
    benches.sample_size(10);
    for count in [10, 1000] {
        benches.bench_function(format!("change of {count} endpoints"), |bencher| {
            bencher.iter_with_large_drop(|| black_box(group(count)));
        });
    }
    benches.finish();
}

criterion_group!(benches, pick, ring_of_a_change);
criterion_main!(benches);
