//! One Lease, several candidates, an API server that fails, and a clock that the tests move.

use super::{Election, Leadership, Timing};
use crate::fake_api::{Asked, FakeApi, Fault};
use crate::metrics::Metrics;
use crate::metrics::outputs::LeaderLabel;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, advance, sleep, timeout};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/edge/leases/ingora-leader";

const SECOND: Duration = Duration::from_secs(1);

fn candidate(api: &FakeApi, identity: &str) -> (Leadership, super::Elector) {
    Election {
        client: api.client(),
        namespace: "edge".into(),
        name: "ingora-leader".into(),
        identity: identity.into(),
        timing: Timing::default(),
    }
    .run(&Metrics::default())
}

fn spec(api: &FakeApi) -> Value {
    api.get(LEASE).unwrap()["spec"].clone()
}

/// A Lease that `holder` renewed at this time by its own clock.
fn lease(holder: &str, renewed: &str, transitions: u32) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "ingora-leader", "namespace": "edge"},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30, "renewTime": renewed,
            "acquireTime": renewed, "leaseTransitions": transitions}})
}

/// How long until it leads (or does not any more).
async fn wait(leadership: &mut Leadership, leads: bool) -> Duration {
    let start = Instant::now();
    timeout(300 * SECOND, leadership.until(leads)).await.expect("it comes to that");
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn the_first_candidate_creates_the_lease_and_leads_and_renews() {
    let api = FakeApi::default();
    let (mut leadership, _elector) = candidate(&api, "a");
    assert!(!leadership.leads());
    assert!(wait(&mut leadership, true).await < SECOND);
    let first = spec(&api);
    assert_eq!((&first["holderIdentity"], &first["leaseDurationSeconds"]), (&json!("a"), &json!(30)));
    assert_eq!(first["leaseTransitions"], 0);
    api.asked();
    sleep(60 * SECOND).await;
    assert!(leadership.leads());
    let asked = api.asked();
    assert!((28..=31).contains(&asked.len()), "one request every two seconds, not {}", asked.len());
    assert!(asked.iter().all(Asked::writes), "a leader need not read what it wrote");
    assert_eq!(spec(&api)["acquireTime"], first["acquireTime"]);
    assert_ne!(spec(&api)["renewTime"], first["renewTime"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_candidates_one_leads_and_after_its_death_the_other_within_the_lease_time() {
    let api = FakeApi::default();
    let (mut first, elector) = candidate(&api, "a");
    wait(&mut first, true).await;
    let (mut second, _other) = candidate(&api, "b");
    assert!(timeout(120 * SECOND, second.until(true)).await.is_err(), "it is held");
    // Killed: nobody renews and nobody gives back.
    api.fail(|asked| {
        (asked.body["spec"]["holderIdentity"] != "b").then_some(Fault::Hang).filter(|_| asked.writes())
    });
    drop(elector);
    let taken = wait(&mut second, true).await;
    assert!(taken > 25 * SECOND && taken < 37 * SECOND, "{taken:?}");
    assert!(!first.leads());
    assert_eq!(spec(&api)["holderIdentity"], "b");
    assert_eq!(spec(&api)["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_the_holder_is_not_believed() {
    for renewed in ["1999-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"] {
        let api = FakeApi::default();
        api.put(LEASE, lease("other", renewed, 7));
        let (mut leadership, _elector) = candidate(&api, "a");
        let taken = wait(&mut leadership, true).await;
        assert!(taken >= 30 * SECOND && taken < 40 * SECOND, "{renewed}: {taken:?}");
        assert_eq!(spec(&api)["leaseTransitions"], 8);
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_renews_is_left_alone_whatever_its_clock_says() {
    let api = FakeApi::default();
    let (mut leadership, _elector) = candidate_after(&api, "other");
    for minute in 0..10 {
        api.put(LEASE, lease("other", &format!("1999-01-01T00:{minute:02}:00.000000Z"), 7));
        assert!(timeout(20 * SECOND, leadership.until(true)).await.is_err());
    }
}

fn candidate_after(api: &FakeApi, holder: &str) -> (Leadership, super::Elector) {
    api.put(LEASE, lease(holder, "1998-01-01T00:00:00.000000Z", 7));
    candidate(api, "a")
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_given_back_is_taken_at_once() {
    let api = FakeApi::default();
    let (mut first, elector) = candidate(&api, "a");
    wait(&mut first, true).await;
    let (mut second, _other) = candidate(&api, "b");
    sleep(10 * SECOND).await;
    elector.release().await;
    assert!(!first.leads());
    assert_eq!((&spec(&api)["holderIdentity"], &spec(&api)["leaseDurationSeconds"]), (&json!(""), &json!(1)));
    assert!(wait(&mut second, true).await < 6 * SECOND);
    assert_eq!(spec(&api)["leaseDurationSeconds"], 30);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_does_not_lead_gives_nothing_back() {
    let api = FakeApi::default();
    let (_, elector) = candidate_after(&api, "other");
    sleep(5 * SECOND).await;
    elector.release().await;
    assert_eq!(spec(&api)["holderIdentity"], "other");
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_api_server_hangs_stops_at_the_renew_deadline_and_no_sooner() {
    let api = FakeApi::default();
    let (mut leadership, _elector) = candidate(&api, "a");
    wait(&mut leadership, true).await;
    api.fail(|_| Some(Fault::Hang));
    let lost = wait(&mut leadership, false).await;
    assert!(lost > 17 * SECOND && lost <= 20 * SECOND, "{lost:?}, and others wait 30 s");
    api.heal();
    assert!(wait(&mut leadership, true).await < 12 * SECOND, "nobody else took it");
    assert_eq!(spec(&api)["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn errors_for_a_while_cost_no_leadership() {
    let api = FakeApi::default();
    let (mut leadership, _elector) = candidate(&api, "a");
    wait(&mut leadership, true).await;
    for fault in [Fault::Refuse(500), Fault::Refuse(429), Fault::Refuse(401), Fault::Mute] {
        api.fail(move |_| Some(fault));
        assert!(timeout(12 * SECOND, leadership.until(false)).await.is_err(), "{fault:?}");
        api.heal();
        sleep(8 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_wakes_up_for_is_answered_by_the_clock() {
    let api = FakeApi::default();
    let (mut leadership, _elector) = candidate(&api, "a");
    wait(&mut leadership, true).await;
    // The whole process stands still, as when it is stopped and continued.
    advance(25 * SECOND).await;
    assert!(!leadership.leads());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_replaced_meanwhile_stops_at_once() {
    let api = FakeApi::default();
    let (mut leadership, _elector) = candidate(&api, "a");
    wait(&mut leadership, true).await;
    api.put(LEASE, lease("other", "2026-01-01T00:00:00.000000Z", 3));
    assert!(wait(&mut leadership, false).await <= 3 * SECOND);
    assert_eq!(spec(&api)["holderIdentity"], "other", "a conflict overwrites nothing");
}

#[tokio::test(start_paused = true)]
async fn a_harmless_conflict_and_a_deleted_lease_cost_no_leadership() {
    let api = FakeApi::default();
    let (mut leadership, _elector) = candidate(&api, "a");
    wait(&mut leadership, true).await;
    // Somebody labels it.
    let mut labelled = api.get(LEASE).unwrap();
    labelled["metadata"]["labels"] = json!({"seen": "yes"});
    api.put(LEASE, labelled);
    assert!(timeout(10 * SECOND, leadership.until(false)).await.is_err());
    assert_eq!(api.get(LEASE).unwrap()["metadata"]["labels"]["seen"], "yes");
    api.remove(LEASE);
    assert!(timeout(30 * SECOND, leadership.until(false)).await.is_err());
    assert_eq!(spec(&api)["holderIdentity"], "a");
}

#[tokio::test(start_paused = true)]
async fn two_that_meet_in_one_attempt_do_not_both_lead() {
    let api = FakeApi::default();
    api.slow(Duration::from_millis(100));
    let mut all: Vec<_> = (0..5).map(|index| candidate(&api, &format!("c{index}"))).collect();
    for _ in 0..300 {
        sleep(Duration::from_millis(200)).await;
        assert!(all.iter().filter(|(leadership, _)| leadership.leads()).count() <= 1);
    }
    assert!(all.iter_mut().any(|(leadership, _)| leadership.leads()));
}

#[tokio::test(start_paused = true)]
async fn the_metrics_say_who_leads_under_both_names() {
    let api = FakeApi::default();
    let metrics = Metrics::default();
    let election = Election {
        client: api.client(),
        namespace: "edge".into(),
        name: "ingora-leader".into(),
        identity: "a".into(),
        timing: Timing::default(),
    };
    let (mut leadership, elector) = election.run(&metrics);
    let status = LeaderLabel { name: "ingora-leader".into() };
    let status = metrics.outputs.leader_election_status.get_or_create(&status).clone();
    assert_eq!((metrics.outputs.leader.get(), status.get()), (0, 0));
    wait(&mut leadership, true).await;
    assert_eq!((metrics.outputs.leader.get(), status.get()), (1, 1));
    let text = metrics.text();
    assert!(
        text.contains("nginx_ingress_controller_leader_election_status{name=\"ingora-leader\"} 1"),
        "{text}"
    );
    assert!(text.contains("ingora_sync_leader 1"), "{text}");
    elector.release().await;
    assert_eq!((metrics.outputs.leader.get(), status.get()), (0, 0));
}

#[test]
fn the_clocks_keep_their_order_at_every_ttl() {
    for seconds in [3, 15, 30, 300] {
        let timing = Timing::of(Duration::from_secs(seconds));
        assert!(
            timing.retry * 5 <= timing.renew_deadline && timing.renew_deadline < timing.lease,
            "{timing:?}"
        );
        assert!(timing.renew_deadline + timing.write_limit() < timing.lease, "{timing:?}");
    }
    let default = Timing::default();
    assert_eq!((default.renew_deadline, default.retry), (20 * SECOND, 2 * SECOND));
}
