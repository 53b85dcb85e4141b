//! Exactness, and what an attacker with many addresses gets.

use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

fn client(bits: u32) -> IpAddr {
    Ipv4Addr::from_bits(bits).into()
}

fn per_second(rate: u64, multiplier: u64) -> Limits {
    Limits { second: Some(Bucket::new(rate, 1, rate * multiplier)), ..Limits::default() }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How many of `count` requests at the same moment pass.
fn passes(slots: &Arc<Slots>, from: IpAddr, limits: &Limits, at: Instant, count: usize) -> usize {
    (0..count).filter(|_| slots.enter(7, from, limits, at).is_ok()).count()
}

#[test]
fn burst_and_one_more_pass_at_once_and_then_one_each_interval() {
    let slots = Arc::new(Slots::default());
    let (limits, start) = (per_second(5, 5), Instant::now());
    assert_eq!(passes(&slots, client(1), &limits, start, 100), 26);
    assert_eq!(passes(&slots, client(1), &limits, start + millis(199), 5), 0);
    assert_eq!(passes(&slots, client(1), &limits, start + millis(200), 5), 1);
    assert_eq!(passes(&slots, client(1), &limits, start + millis(1200), 50), 5);
    assert_eq!(passes(&slots, client(2), &limits, start, 100), 26, "another client");
    assert_eq!(passes(&slots, client(1), &limits, start + millis(60_000), 100), 26, "forgiven");
}

#[test]
fn both_rates_must_agree_and_a_refused_request_counts_for_neither() {
    let slots = Arc::new(Slots::default());
    let limits = Limits {
        second: Some(Bucket::new(1, 1, 100)),
        minute: Some(Bucket::new(1, 60, 2)),
        ..Limits::default()
    };
    let start = Instant::now();
    assert_eq!(passes(&slots, client(1), &limits, start, 1000), 3, "limit-rpm is the narrower one");
    let second = Limits { minute: None, ..limits };
    assert_eq!(passes(&slots, client(1), &second, start, 1000), 98, "101 of limit-rps, of which 3 are used");
}

#[test]
fn limits_that_change_hold_at_once() {
    let slots = Arc::new(Slots::default());
    let start = Instant::now();
    let slow = Limits { second: Some(Bucket::new(1, 60, 10)), ..Limits::default() };
    assert_eq!(passes(&slots, client(1), &slow, start, 100), 11);
    // The old bucket would be empty in ten minutes.
    let fast = per_second(10, 1);
    assert_eq!(passes(&slots, client(1), &fast, start + millis(100), 100), 1);
    assert_eq!(passes(&slots, client(1), &fast, start + millis(1100), 100), 10);
}

#[test]
fn requests_in_flight_are_counted_until_they_end() {
    let slots = Arc::new(Slots::default());
    let limits = Limits { connections: 8, ..Limits::default() };
    let now = Instant::now();
    let mut held: Vec<_> = (0..20).filter_map(|_| slots.enter(7, client(1), &limits, now).ok()).collect();
    assert_eq!(held.len(), 8);
    assert_eq!(slots.enter(7, client(1), &limits, now).unwrap_err(), Refused::Connections);
    assert!(slots.enter(8, client(1), &limits, now).is_ok(), "another Ingress");
    held.truncate(5);
    assert_eq!(
        (0..20).filter_map(|_| slots.enter(7, client(1), &limits, now).ok().map(|h| held.push(h))).count(),
        3
    );
}

#[test]
fn many_threads_are_limited_as_one() {
    let slots = Arc::new(Slots::default());
    let (rate, live) = (per_second(100, 5), Limits { connections: 8, ..Limits::default() });
    let now = Instant::now();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let slots = Arc::clone(&slots);
            thread::spawn(move || {
                let held: Vec<_> =
                    (0..20).filter_map(|_| slots.enter(1, client(1), &live, now).ok()).collect();
                (passes(&slots, client(1), &rate, now, 1000), held)
            })
        })
        .collect();
    let ended: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(ended.iter().map(|(passed, _)| passed).sum::<usize>(), 501);
    assert_eq!(ended.iter().map(|(_, held)| held.len()).sum::<usize>(), 8);
}

#[test]
fn a_million_addresses_push_out_nobody_who_is_limited() {
    let slots = Arc::new(Slots::default());
    let (limits, start) = (per_second(10, 5), Instant::now());
    let limited: Vec<IpAddr> = (0..100).map(client).collect();
    for address in &limited {
        assert_eq!(passes(&slots, *address, &limits, start, 100), 51);
    }
    for stranger in 1_000_000..2_000_000 {
        assert!(slots.enter(7, client(stranger), &limits, start).is_ok(), "a first request always passes");
    }
    for address in &limited {
        assert_eq!(passes(&slots, *address, &limits, start, 10), 0, "{address} was forgotten");
    }
    let sets = slots.sets.get().unwrap();
    assert_eq!(sets.len() * size_of::<Mutex<Set>>(), SETS * 456, "it does not grow");
}

#[test]
fn a_table_full_of_limited_clients_gives_no_fresh_burst() {
    let mut set = Set::default();
    let limits = per_second(10, 5);
    let enter = |set: &mut Set, tag| (0..100).filter(|_| set.enter(tag, &limits, START).is_ok()).count();
    let full = WAYS as u32;
    assert!((1..=full).all(|tag| enter(&mut set, tag) == 51));
    assert!((full + 1..2000).all(|tag| enter(&mut set, tag) == 1), "the request of a newcomer, and no burst");
}

#[test]
fn a_client_with_requests_in_flight_is_never_pushed_out() {
    let mut set = Set::default();
    let limits = Limits { connections: 1, ..Limits::default() };
    assert!((1..=WAYS as u32).all(|tag| set.enter(tag, &limits, START).is_ok()));
    assert_eq!(set.enter(99, &limits, START), Err(Refused::Connections), "where could it be counted?");
    set.leave(3);
    assert_eq!(set.enter(99, &limits, START), Ok(()));
    assert_eq!(set.enter(4, &limits, START), Err(Refused::Connections));
}

/// nginx's own arithmetic, in exact fractions: the excess in nanoseconds of leaking.
fn nginx(times: &[u64], interval: i128, burst: i128) -> Vec<bool> {
    let mut known: Option<(i128, i128)> = None;
    let decide = |time: &u64| {
        let now = i128::from(*time);
        let excess = known.map_or(0, |(excess, last)| (excess - (now - last) + interval).max(0));
        let pass = excess <= burst * interval;
        if pass {
            known = Some((excess, now));
        }
        pass
    };
    times.iter().map(decide).collect()
}

proptest! {
    #[test]
    fn a_bucket_decides_as_nginx_does(
        gaps in prop::collection::vec(0u64..400, 1..200), rate in 1u64..50, burst in 0u64..20,
    ) {
        let times: Vec<u64> = gaps.iter().scan(START, |at, gap| { *at += gap * 1_000_000; Some(*at) }).collect();
        let bucket = Bucket::new(rate, 1, burst);
        let mut set = Set::default();
        let limits = Limits { second: Some(bucket), ..Limits::default() };
        let ours: Vec<bool> = times.iter().map(|at| set.enter(1, &limits, *at).is_ok()).collect();
        prop_assert_eq!(ours, nginx(&times, bucket.interval.into(), burst.into()));
    }
}
