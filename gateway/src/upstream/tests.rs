//! What a group answers, endpoint by endpoint. The last number of an address says which one it is.

use super::*;
use ingora_config::ServicePort;
use std::collections::HashMap;
use std::time::Duration;

fn endpoint(last: u8, target: &str) -> Endpoint {
    Endpoint { address: SocketAddr::from(([10, 0, 0, last], 80)), target: target.into() }
}

fn group(count: u8) -> Group {
    let group = Group::new(UpstreamId {
        namespace: "shop".into(),
        service: "web".into(),
        port: ServicePort::Name("http".into()),
    });
    let endpoints: Vec<_> = (1..=count).map(|last| endpoint(last, &format!("pod-{last}"))).collect();
    group.set(Protocol::Http1, None, &endpoints);
    group
}

fn last(target: &Target) -> u8 {
    match target.address {
        SocketAddr::V4(address) => address.ip().octets()[3],
        SocketAddr::V6(_) => 0,
    }
}

/// How often each endpoint was picked.
fn counts(count: usize, mut pick: impl FnMut() -> Option<Arc<Target>>) -> HashMap<u8, usize> {
    let mut counts = HashMap::new();
    (0..count).for_each(|_| *counts.entry(last(&pick().unwrap())).or_insert(0) += 1);
    counts
}

fn fail(group: &Group, target: &Target) {
    (0..3).for_each(|_| group.failed(target, "test"));
}

#[test]
fn requests_go_round_exactly() {
    let group = group(3);
    let mut counts = HashMap::new();
    for _ in 0..300 {
        *counts.entry(group.pick(&[]).unwrap().address).or_insert(0) += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [100, 100, 100]);
    assert_eq!(group.name(), "shop-web-http");
}

#[test]
fn an_endpoint_that_failed_is_tried_again_only_when_all_failed() {
    let group = group(3);
    let mut tried = Vec::new();
    for _ in 0..3 {
        let target = group.pick(&tried).unwrap();
        assert!(!tried.contains(&target.address));
        tried.push(target.address);
    }
    assert!(group.pick(&tried).is_some(), "better one that failed than none");
}

#[test]
fn a_group_without_endpoints_has_nothing_to_pick() {
    let group = group(2);
    group.set(Protocol::Http1, None, &[]);
    assert!(group.is_empty() && group.pick(&[]).is_none());
}

#[test]
fn an_endpoint_keeps_its_state_and_a_reused_address_does_not() {
    let group = group(2);
    let before = group.targets();
    group.set(
        Protocol::Http1,
        None,
        &[endpoint(1, "pod-1"), endpoint(2, "another-pod"), endpoint(3, "pod-3")],
    );
    let after = group.targets();
    assert!(Arc::ptr_eq(&before[0], &after[0]));
    assert!(!Arc::ptr_eq(&before[1], &after[1]));
    assert_ne!(before[1].peer.group_key, after[1].peer.group_key, "their connections must not be shared");
    group.set(Protocol::H2c, None, &[endpoint(1, "pod-1")]);
    assert_ne!(group.targets()[0].peer.group_key, after[0].peer.group_key);
}

#[test]
fn a_change_of_endpoints_does_not_start_the_round_anew() {
    let group = group(2);
    let first = group.pick(&[]).unwrap().address;
    group.set(Protocol::Http1, None, &[endpoint(1, "pod-1"), endpoint(2, "pod-2")]);
    assert_ne!(group.pick(&[]).unwrap().address, first);
}

#[test]
fn endpoints_that_do_not_answer_are_passed_over_and_the_others_share_evenly() {
    let group = group(4);
    let targets = group.targets();
    fail(&group, &targets[0]);
    fail(&group, &targets[1]);
    assert_eq!(counts(300, || group.pick(&[])), HashMap::from([(3, 150), (4, 150)]));
    assert_eq!(group.ejections(), 2);
    // Half of them and no more.
    fail(&group, &targets[2]);
    assert_eq!(counts(300, || group.pick(&[])).len(), 2);
    group.answered(&targets[0]);
    assert_eq!(counts(300, || group.pick(&[])), HashMap::from([(1, 100), (3, 100), (4, 100)]));
}

#[test]
fn the_last_endpoint_is_used_whatever_it_does() {
    for count in 1..=3 {
        let group = group(count);
        group.targets().iter().for_each(|target| fail(&group, target));
        assert!(group.targets().iter().any(|target| !target.health.is_out()), "{count}");
    }
    let group = group(3);
    let targets = group.targets();
    fail(&group, &targets[0]);
    fail(&group, &targets[1]);
    group.set(Protocol::Http1, None, &[endpoint(1, "pod-1"), endpoint(2, "pod-2")]);
    for selection in [Selection::RoundRobin, Selection::Ewma, Selection::Hash(1, 1), Selection::Hash(1, 3)] {
        let met = counts(100, || group.pick_by(selection, &[], Probing::Never));
        assert!(!met.is_empty(), "all are out, so all are used: {selection:?}");
    }
}

#[test]
fn what_is_known_of_an_endpoint_survives_changes_of_others() {
    let group = group(3);
    fail(&group, &group.targets()[0]);
    group.set(Protocol::Http1, None, &[endpoint(1, "pod-1"), endpoint(3, "pod-3"), endpoint(4, "pod-4")]);
    assert!(!counts(100, || group.pick(&[])).contains_key(&1));
    group.set(Protocol::Http1, None, &[endpoint(1, "another"), endpoint(3, "pod-3")]);
    assert!(counts(100, || group.pick(&[])).contains_key(&1), "another Pod is not guilty");
}

#[test]
fn an_endpoint_that_is_due_gets_one_request_that_can_be_repeated() {
    let group = group(3);
    let bad = group.targets()[0].clone();
    for selection in [Selection::RoundRobin, Selection::Ewma, Selection::Hash(0, 3)] {
        fail(&group, &bad);
        bad.health.make_due();
        assert!(!counts(100, || group.pick_by(selection, &[], Probing::LongDue)).contains_key(&1));
        assert_eq!(
            counts(200, || group.pick_by(selection, &[], Probing::Due)).get(&1),
            Some(&1),
            "{selection:?}"
        );
        group.answered(&bad);
    }
}

/// The endpoints of many keys.
fn owners(group: &Group) -> Vec<u8> {
    let key = |at: u32| Selection::Hash(ring::key(format!("user-{at}").as_bytes()), 1);
    (0..3000).map(|at| last(&group.pick_by(key(at), &[], Probing::Due).unwrap())).collect()
}

fn moved(before: &[u8], after: &[u8]) -> usize {
    before.iter().zip(after).filter(|(before, after)| before != after).count()
}

#[test]
fn keys_are_spread_and_few_move_when_endpoints_come_and_go() {
    let group = group(10);
    let before = owners(&group);
    for last in 1..=10 {
        let share = before.iter().filter(|owner| **owner == last).count();
        assert!((200..420).contains(&share), "{share} of 3000 keys are at one of ten");
    }
    let endpoints = |count: u8| (1..=count).map(|at| endpoint(at, &format!("pod-{at}"))).collect::<Vec<_>>();
    group.set(Protocol::Http1, None, &endpoints(11));
    let more = owners(&group);
    assert!(moved(&before, &more) < 450, "{} of 3000 moved", moved(&before, &more));
    assert!(before.iter().zip(&more).all(|(before, after)| before == after || *after == 11));
    group.set(Protocol::Http1, None, &endpoints(10));
    assert_eq!(owners(&group), before, "and back");
    // One that does not answer lends its keys to others, and gets them back.
    let bad = group.targets()[3].clone();
    let own = last(&bad);
    fail(&group, &bad);
    let without = owners(&group);
    assert!(before.iter().zip(&without).all(|(before, after)| before == after || *before == own));
    assert!(!without.contains(&own));
    group.answered(&bad);
    assert_eq!(owners(&group), before);
}

#[test]
fn a_try_that_failed_goes_on_to_the_next_endpoint_of_the_ring() {
    let group = group(3);
    let mut tried = Vec::new();
    for _ in 0..3 {
        let target = group.pick_by(Selection::Hash(7, 1), &tried, Probing::Never).unwrap();
        assert!(!tried.contains(&target.address));
        tried.push(target.address);
    }
    assert!(group.pick_by(Selection::Hash(7, 1), &tried, Probing::Never).is_some());
}

#[test]
fn a_subset_shares_a_key_evenly_and_is_the_same_each_time() {
    let group = group(10);
    for key in 0..20 {
        let met = counts(3000, || group.pick_by(Selection::Hash(ring::key(&[key]), 3), &[], Probing::Due));
        assert_eq!(met.len(), 3, "{met:?}");
        assert!(met.values().all(|count| (850..1150).contains(count)), "{met:?}");
    }
    assert_eq!(counts(500, || group.pick_by(Selection::Hash(1, 32), &[], Probing::Due)).len(), 10);
}

#[test]
fn the_slow_and_the_busy_get_few_requests() {
    let group = group(3);
    let targets = group.targets();
    targets.iter().for_each(|target| target.load.observe(Duration::from_millis(10)));
    targets[0].load.observe(Duration::from_millis(500));
    let slow = counts(3000, || group.pick_by(Selection::Ewma, &[], Probing::Due));
    assert!(slow.get(&1).is_none_or(|count| *count < 30), "{slow:?}");
    let _busy: Vec<_> = (0..5).map(|_| load::Busy::new(&targets[1])).collect();
    let busy = counts(3000, || group.pick_by(Selection::Ewma, &[], Probing::Due));
    assert!(busy[&3] > 1900 && busy[&2] > 900, "the third, and the second before the first: {busy:?}");
    drop(_busy);
    assert!(targets.iter().all(|target| target.load.in_flight() == 0));
    // A newcomer begins where the others are.
    group.set(Protocol::Http1, None, &[endpoint(2, "pod-2"), endpoint(3, "pod-3"), endpoint(4, "pod-4")]);
    assert!(group.targets()[2].load.average() > 1000.0);
}

fn session(mode: AffinityMode, place: Option<Tag>, change_on_failure: bool) -> Session {
    Session { mode, change_on_failure, place, fresh: false }
}

const MODES: [AffinityMode; 2] = [AffinityMode::Balanced, AffinityMode::Persistent];

#[test]
fn a_session_stays_and_a_place_that_nobody_knows_is_none() {
    for mode in MODES {
        let group = group(5);
        let pick = |session: &mut Session| {
            last(&group.pick_for(session, Selection::RoundRobin, &[], Probing::Due).unwrap())
        };
        let mut first = session(mode, None, false);
        let owner = pick(&mut first);
        assert!(first.fresh && first.place.is_some());
        for _ in 0..20 {
            let mut again = session(mode, first.place, false);
            assert_eq!((pick(&mut again), again.fresh), (owner, false), "{mode:?}");
        }
        let mut firsts: Vec<_> = (0..200).map(|_| pick(&mut session(mode, None, false))).collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 5, "new sessions go everywhere");
    }
    let group = group(5);
    let mut forged = session(AffinityMode::Persistent, Some([b'0'; 32]), false);
    group.pick_for(&mut forged, Selection::RoundRobin, &[], Probing::Due).unwrap();
    assert!(forged.fresh && forged.place != Some([b'0'; 32]));
}

#[test]
fn persistent_sessions_never_move_while_their_endpoint_lives() {
    let group = group(2);
    let places: Vec<_> = (0..10)
        .map(|_| {
            let mut new = session(AffinityMode::Persistent, None, false);
            let target = group.pick_for(&mut new, Selection::RoundRobin, &[], Probing::Due).unwrap();
            (new.place, last(&target))
        })
        .collect();
    let endpoints: Vec<_> = (2..=9).map(|at| endpoint(at, &format!("pod-{at}"))).collect();
    group.set(Protocol::Http1, None, &endpoints);
    for (place, owner) in places {
        let mut again = session(AffinityMode::Persistent, place, false);
        let target = group.pick_for(&mut again, Selection::RoundRobin, &[], Probing::Due).unwrap();
        assert_eq!(again.fresh, owner == 1, "only those of the one that is gone get another cookie");
        assert!(owner == 1 || last(&target) == owner);
    }
}

#[test]
fn a_failure_moves_a_session_only_where_that_is_allowed() {
    for mode in MODES {
        let group = group(3);
        let mut first = session(mode, None, false);
        let target = group.pick_for(&mut first, Selection::RoundRobin, &[], Probing::Due).unwrap();
        fail(&group, &target);
        let tried = [target.address];
        let mut stays = session(mode, first.place, false);
        let again = group.pick_for(&mut stays, Selection::RoundRobin, &tried, Probing::Never).unwrap();
        assert!(Arc::ptr_eq(&again, &target) && !stays.fresh, "{mode:?}");
        for tried in [&tried[..], &[]] {
            let mut moves = session(mode, first.place, true);
            let other = group.pick_for(&mut moves, Selection::RoundRobin, tried, Probing::Never).unwrap();
            assert!(!Arc::ptr_eq(&other, &target) && moves.fresh && moves.place != first.place, "{mode:?}");
        }
        // A client that has no place yet is not sent to where nobody answers.
        for _ in 0..20 {
            let mut new = session(mode, None, false);
            let other = group.pick_for(&mut new, Selection::RoundRobin, &[], Probing::Never).unwrap();
            assert!(!Arc::ptr_eq(&other, &target), "{mode:?}");
        }
    }
}

#[test]
fn the_service_itself_is_one_endpoint_that_is_never_left_out() {
    let group = group(2);
    assert!(!group.has_service_address());
    assert!(group.pick_by(Selection::Service, &[], Probing::Due).is_none());
    let own = SocketAddr::from(([10, 96, 0, 1], 80));
    group.set(Protocol::Http1, Some(own), &[]);
    let before = group.pick_by(Selection::Service, &[own], Probing::Never).unwrap();
    assert_eq!(before.address, own);
    group.set(Protocol::Http1, Some(own), &[endpoint(1, "pod-1")]);
    assert!(Arc::ptr_eq(&group.pick_by(Selection::Service, &[], Probing::Due).unwrap(), &before));
}
