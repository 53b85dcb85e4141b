//! What a limited request costs before it goes on: `cargo bench -p ingora-gateway --bench rate_limit`.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use ingora_config::NamespacedName;
use ingora_config::settings::ClientAddress;
use ingora_gateway::client_address::Rule;
use ingora_gateway::filters::rate_limit::slots::{Bucket, Limits, Slots};
use ingora_gateway::networks::Networks;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

/// Addresses in an order that the caches cannot foresee.
fn address(step: u32, of: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000_u32.wrapping_add(step.wrapping_mul(0x9E37_79B9) % of)).into()
}

fn look_up(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rate_limit");
    let slots = Arc::new(Slots::default());
    let zone = slots.zone(&NamespacedName::new("bench", "web"));
    let rates = Limits {
        second: Some(Bucket::new(10, 1, 50)),
        minute: Some(Bucket::new(300, 60, 1500)),
        ..Limits::default()
    };
    let connections = Limits { connections: 8, ..Limits::default() };
    let now = Instant::now();
    group.bench_function("one client that is limited", |bencher| {
        bencher.iter(|| slots.enter(zone, black_box(address(0, 1)), &rates, now).is_ok());
    });
    group.bench_function("requests in flight, in and out", |bencher| {
        bencher.iter(|| slots.enter(zone, black_box(address(0, 1)), &connections, now).is_ok());
    });
    for (name, of) in [("100,000 clients", 100_000), ("a million clients, four times what fits", 1_000_000)] {
        let mut step = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                step += 1;
                slots.enter(zone, black_box(address(step, of)), &rates, now).is_ok()
            });
        });
    }
    // One client on another core as well: what its lock costs then.
    let stop = Arc::new(AtomicBool::new(false));
    let other = {
        let (slots, stop) = (Arc::clone(&slots), Arc::clone(&stop));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = black_box(slots.enter(zone, address(0, 1), &rates, now));
            }
        })
    };
    group.bench_function("one client that another core hammers, too", |bencher| {
        bencher.iter(|| slots.enter(zone, black_box(address(0, 1)), &rates, now).is_ok());
    });
    stop.store(true, Ordering::Relaxed);
    other.join().expect("it only counts");
    group.finish();
}

fn who_asks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("client_address");
    let neighbour: IpAddr = Ipv4Addr::LOCALHOST.into();
    let mut headers = http::HeaderMap::new();
    let chain = http::HeaderValue::from_static("203.0.113.9, 198.51.100.2, 10.0.0.7");
    headers.insert("x-forwarded-for", chain);
    let trusting = ClientAddress { use_forwarded_headers: true, ..ClientAddress::default() };
    for (name, settings) in [("nobody is trusted", ClientAddress::default()), ("a chain of three", trusting)]
    {
        let rule = Rule::new(&settings);
        group.bench_function(name, |bencher| {
            bencher.iter(|| rule.read(black_box(neighbour), None, &headers).0);
        });
    }
    let list: Vec<_> = (0..1024_u32)
        .map(|at| ipnet::IpNet::new(Ipv4Addr::from_bits(at << 20).into(), 24).expect("a prefix of IPv4"))
        .collect();
    let networks = Networks::new(&list);
    let mut step = 0;
    group.bench_function("a list of 1,024 networks", |bencher| {
        bencher.iter(|| {
            step += 1;
            networks.contains(black_box(address(step, u32::MAX)))
        });
    });
    group.finish();
}

criterion_group!(benches, look_up, who_asks);
criterion_main!(benches);
