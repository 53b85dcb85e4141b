//! Events against an API server in memory.

use super::book::REFRESH;
use super::{EventOptions, Events};
use crate::fake_api::{Asked, FakeApi, Fault};
use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::problem_log::Changes;
use crate::translate::{Fate, Live, Sighting};
use ingora_config::{NamespacedName, ObjectRef, Problem, Reason, Severity};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/shop/events";

struct World {
    api: FakeApi,
    events: Events,
    metrics: Arc<Metrics>,
}

impl World {
    fn new(api: &FakeApi, sync_events: bool) -> Self {
        Self::with(api, sync_events, Leadership::alone())
    }

    fn with(api: &FakeApi, sync_events: bool, leadership: Leadership) -> Self {
        let metrics = Arc::new(Metrics::default());
        let options = EventOptions { instance: "ingora-a".into(), sync_events };
        let events = Events::start(api.client(), options, leadership, 5 * SECOND, Arc::clone(&metrics));
        Self { api: api.clone(), events, metrics }
    }

    fn see(&self, name: &str, generation: i64) {
        let live = Live { uid: format!("uid-{name}"), generation, ..Live::default() };
        self.fate(name, Fate::Ours(live, true));
    }

    fn fate(&self, name: &str, fate: Fate) {
        let sighting = Sighting { id: NamespacedName::new("shop", name), fate };
        super::seen(&self.events.inbox(), &[sighting]);
    }

    fn change(&self, new: &[Problem], solved: &[Problem]) {
        let set = |all: &[Problem]| all.iter().cloned().collect::<BTreeSet<_>>();
        super::problems(&self.events.inbox(), &Changes { new: set(new), solved: set(solved) });
    }

    fn told(&self, reason: &str) -> Vec<Value> {
        self.api.under(EVENTS).into_iter().filter(|event| event["reason"] == reason).collect()
    }

    fn writes(&self) -> Vec<Asked> {
        self.api.asked().into_iter().filter(Asked::writes).collect()
    }
}

fn problem(name: &str, message: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        object: ObjectRef::new("Ingress", &NamespacedName::new("shop", name)),
        reason: Reason::PathConflict,
        field: "spec.rules[0]".into(),
        message: message.into(),
        hint: "remove one of the two".into(),
        location: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_problem_is_an_event_on_its_object_that_the_api_server_takes() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    world.see("web", 1);
    world.change(&[problem("web", "it is taken")], &[]);
    sleep(SECOND).await;
    let events = world.told("PathConflict");
    let [event] = &events[..] else { panic!("one Event: {events:?}") };
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["note"], "spec.rules[0]: it is taken; remove one of the two");
    let regarding = &event["regarding"];
    assert_eq!(
        (&regarding["kind"], &regarding["name"], &regarding["uid"]),
        (&json!("Ingress"), &json!("web"), &json!("uid-web"))
    );
    assert_eq!(
        (&regarding["namespace"], &regarding["apiVersion"]),
        (&json!("shop"), &json!("networking.k8s.io/v1"))
    );
    for (field, value) in
        [("reportingController", "ingora"), ("reportingInstance", "ingora-a"), ("action", "Translate")]
    {
        assert_eq!(event[field], value);
    }
    assert!(event["eventTime"].is_string() && event["series"].is_null(), "{event}");
    assert_eq!(world.metrics.outputs.events_sent.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_only_worth_knowing_is_a_normal_event() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    world.see("web", 1);
    world.change(&[Problem { severity: Severity::Info, ..problem("web", "by the way") }], &[]);
    sleep(SECOND).await;
    assert_eq!(world.told("PathConflict")[0]["type"], "Normal");
}

#[tokio::test(start_paused = true)]
async fn a_problem_that_goes_is_told_as_solved_and_one_that_comes_back_goes_on_as_a_series() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    let problem = problem("web", "it is taken");
    world.see("web", 1);
    for round in 1..=3 {
        world.change(std::slice::from_ref(&problem), &[]);
        sleep(SECOND).await;
        world.change(&[], std::slice::from_ref(&problem));
        sleep(SECOND).await;
        let (events, solved) = (world.told("PathConflict"), world.told("ProblemSolved"));
        assert_eq!((events.len(), solved.len()), (1, 1), "round {round}");
        assert_eq!(solved[0]["type"], "Normal");
        assert!(solved[0]["note"].as_str().unwrap().starts_with("PathConflict is solved: spec.rules[0]"));
        assert_eq!(solved[0]["series"]["count"], if round == 1 { Value::Null } else { json!(round) });
    }
    assert!(world.told("PathConflict")[0]["series"]["count"].as_i64() >= Some(2));
}

#[tokio::test(start_paused = true)]
async fn what_came_and_went_before_anybody_looked_is_no_news() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    world.see("web", 1);
    world.change(&[problem("web", "it is taken")], &[]);
    world.change(&[], &[problem("web", "it is taken")]);
    sleep(60 * SECOND).await;
    assert_eq!(world.writes().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_object_in_a_hot_loop_gets_25_events_and_others_get_theirs_and_the_end_is_told() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    world.see("hot", 1);
    world.see("web", 1);
    for round in 0..1000 {
        let (new, old) =
            (problem("hot", &format!("no. {round}")), problem("hot", &format!("no. {}", round - 1)));
        world.change(&[new], &[old]);
        sleep(Duration::from_millis(50)).await;
    }
    let writes = world.writes().len();
    assert_eq!(writes, 25, "of about two thousand");
    world.change(&[problem("web", "it is taken")], &[]);
    sleep(SECOND).await;
    assert_eq!(world.writes().len(), 1, "another object does not suffer");
    sleep(3600 * SECOND).await;
    let last = world
        .told("PathConflict")
        .into_iter()
        .any(|event| event["note"].as_str().unwrap().contains("no. 999"));
    assert!(last, "what is true in the end is told");
    assert!(world.metrics.outputs.events_dropped.get() > 900);
}

#[tokio::test(start_paused = true)]
async fn many_objects_share_one_rate() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    for index in 0..2000 {
        world.see(&format!("i{index}"), 1);
    }
    let all: Vec<_> = (0..2000).map(|index| problem(&format!("i{index}"), "it is taken")).collect();
    world.change(&all, &[]);
    sleep(10 * SECOND).await;
    let early = world.writes().len();
    assert!((290..=310).contains(&early), "{early} in ten seconds");
    sleep(100 * SECOND).await;
    assert_eq!(world.told("PathConflict").len(), 2000);
}

#[tokio::test(start_paused = true)]
async fn a_problem_that_stays_is_told_again_before_its_event_expires() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    world.see("web", 1);
    world.change(&[problem("web", "it is taken")], &[]);
    sleep(REFRESH + 5 * SECOND).await;
    assert_eq!(world.told("PathConflict")[0]["series"]["count"], 2);
    // The API server forgot it all the same.
    let name = world.told("PathConflict")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    api.remove(&format!("{EVENTS}/{name}"));
    sleep(REFRESH + 5 * SECOND).await;
    assert_eq!(world.told("PathConflict").len(), 1);
    world.api.asked();
    world.change(&[], &[problem("web", "it is taken")]);
    sleep(SECOND).await;
    world.api.asked();
    sleep(2 * REFRESH).await;
    assert_eq!(world.writes().len(), 0, "what is solved is not told again");
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_makes_no_second_event_of_what_was_told_and_tells_what_was_solved_in_between() {
    let api = FakeApi::default();
    let first = World::new(&api, true);
    let (mut sender, leadership) = term();
    let second = World::with(&api, true, leadership);
    let (stays, goes) = (problem("web", "it is taken"), problem("web", "it is missing"));
    for world in [&first, &second] {
        world.see("web", 1);
        world.change(&[stays.clone(), goes.clone()], &[]);
    }
    sleep(5 * SECOND).await;
    let before = api.under(EVENTS).len();
    assert_eq!(before, 3, "two problems and a Sync");
    // The first one dies; the problem is solved while nobody leads.
    first.events.end();
    second.change(&[], std::slice::from_ref(&goes));
    sleep(20 * SECOND).await;
    sender.lead();
    sleep(5 * SECOND).await;
    let events = second.told("PathConflict");
    assert_eq!(events.len(), 2);
    let count = |text: &str| {
        let event = events.iter().find(|event| event["note"].as_str().unwrap().contains(text)).unwrap();
        event["series"]["count"].clone()
    };
    assert_eq!((count("taken"), count("missing")), (json!(2), Value::Null));
    assert_eq!(second.told("ProblemSolved").len(), 1);
    assert_eq!(second.told("Sync").len(), 1);
    assert_eq!(api.under(EVENTS).len(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_does_not_lead_tells_nothing_and_forgets_what_is_old() {
    let api = FakeApi::default();
    let (mut sender, leadership) = term();
    let world = World::with(&api, true, leadership);
    world.see("web", 1);
    world.change(&[problem("web", "it is taken")], &[]);
    sleep(SECOND).await;
    world.change(&[], &[problem("web", "it is taken")]);
    sleep(3600 * SECOND).await;
    assert_eq!(world.writes().len(), 0);
    sender.lead();
    sleep(60 * SECOND).await;
    assert_eq!(world.writes().len(), 0, "solved and taken over an hour ago");
}

#[tokio::test(start_paused = true)]
async fn a_generation_is_told_once() {
    let api = FakeApi::default();
    let world = World::new(&api, true);
    for _ in 0..3 {
        world.see("web", 1);
        sleep(SECOND).await;
    }
    assert_eq!(world.told("Sync").len(), 1);
    assert_eq!(
        (&world.told("Sync")[0]["type"], &world.told("Sync")[0]["note"]),
        (&json!("Normal"), &json!("Scheduled for sync"))
    );
    world.see("web", 2);
    let live = Live { uid: "uid-web".into(), generation: 2, ..Live::default() };
    world.fate("web", Fate::Ours(live.clone(), false));
    world.fate("other", Fate::NotOurs(live));
    sleep(SECOND).await;
    assert_eq!(world.told("Sync").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hot_loop_of_generations_leaves_room_for_problems() {
    let api = FakeApi::default();
    let world = World::new(&api, true);
    for generation in 0..100 {
        world.see("web", generation);
        sleep(SECOND / 10).await;
    }
    assert!(world.told("Sync").len() <= 11, "{}", world.told("Sync").len());
    world.change(&[problem("web", "it is taken")], &[]);
    sleep(SECOND).await;
    assert_eq!(world.told("PathConflict").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_gets_no_event() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    world.see("web", 1);
    world.change(&[problem("web", "it is taken")], &[]);
    sleep(SECOND).await;
    world.api.asked();
    world.fate("web", Fate::Gone);
    world.change(&[], &[problem("web", "it is taken")]);
    sleep(60 * SECOND).await;
    assert_eq!(world.writes().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_translation_never_saw_is_asked_for_its_uid() {
    let api = FakeApi::default();
    let secret = |name: &str| ObjectRef::new("Secret", &NamespacedName::new("shop", name));
    api.put("/api/v1/namespaces/shop/secrets/tls", json!({"metadata": {"name": "tls", "uid": "uid-tls"}}));
    let world = World::new(&api, false);
    let there = Problem { object: secret("tls"), ..problem("", "it is expired") };
    let missing = Problem { object: secret("none"), ..problem("", "it is expired") };
    let file = Problem {
        object: ObjectRef { kind: "File".into(), namespace: String::new(), name: "a".into() },
        ..problem("", "x")
    };
    world.change(&[there, missing, file], &[]);
    sleep(SECOND).await;
    let told = world.told("PathConflict");
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["regarding"]["kind"], &told[0]["regarding"]["uid"]),
        (&json!("Secret"), &json!("uid-tls"))
    );
    assert_eq!(world.metrics.outputs.events_dropped.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_and_a_refusal_is_not_asked_again() {
    let api = FakeApi::default();
    let world = World::new(&api, false);
    world.see("web", 1);
    api.fail(|asked| asked.writes().then_some(Fault::Refuse(503)));
    world.change(&[problem("web", "it is taken")], &[]);
    sleep(6 * SECOND).await;
    assert!((2..=5).contains(&world.writes().len()));
    api.heal();
    sleep(60 * SECOND).await;
    assert_eq!(world.told("PathConflict").len(), 1);
    api.asked();
    api.fail(|asked| asked.writes().then_some(Fault::Refuse(403)));
    world.change(&[problem("web", "it is missing")], &[]);
    sleep(600 * SECOND).await;
    assert_eq!(world.writes().len(), 1, "a namespace that is going, or missing rights");
    assert_eq!(world.metrics.outputs.events_dropped.get(), 1);
}

/// A leadership that the test gives.
fn term() -> (crate::leader::Throne, Leadership) {
    crate::leader::Throne::new()
}
