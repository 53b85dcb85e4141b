//! The status of Ingresses against an API server in memory that tells the writer of every change, as a watch does.

use super::{Origin, Status, StatusOptions};
use crate::fake_api::{Asked, FakeApi, Fault};
use crate::leader::Leadership;
use crate::leader::{Election, Elector, Timing};
use crate::metrics::Metrics;
use crate::replica::Replica;
use crate::translate::{Fate, Live, Sighting};
use ingora_config::NamespacedName;
use origin::{front, service};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

mod ending;
mod origin;

const SECOND: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_millis(200);

fn path(name: &str) -> String {
    format!("/apis/networking.k8s.io/v1/namespaces/shop/ingresses/{name}")
}

fn fixed(addresses: &[&str]) -> Origin {
    Origin::Fixed(super::address::addresses(addresses.iter().copied()))
}

struct World {
    api: FakeApi,
    status: Status,
    metrics: Arc<Metrics>,
    elector: Option<Elector>,
}

impl World {
    fn new(api: &FakeApi, origin: Origin) -> Self {
        Self::with(api, origin, |_| ())
    }

    fn with(api: &FakeApi, origin: Origin, change: impl FnOnce(&mut StatusOptions)) -> Self {
        Self::as_pod(api, origin, Some("ingora-a"), Leadership::alone(), change)
    }

    fn as_pod(
        api: &FakeApi,
        origin: Origin,
        pod: Option<&str>,
        leadership: Leadership,
        change: impl FnOnce(&mut StatusOptions),
    ) -> Self {
        let mut options = StatusOptions {
            origin,
            internal: false,
            interval: 10 * SECOND,
            rate: 20,
            remove_on_shutdown: true,
        };
        change(&mut options);
        let replica =
            Replica { pod: pod.map(str::to_owned), namespace: "edge".into(), name: "ingora-a".into() };
        let metrics = Arc::new(Metrics::default());
        let status =
            Status::start(api.client(), replica, options, leadership, 5 * SECOND, Arc::clone(&metrics));
        Self { api: api.clone(), status, metrics, elector: None }
    }

    fn elected(api: &FakeApi, origin: Origin, identity: &str) -> Self {
        let election = Election {
            client: api.client(),
            namespace: "edge".into(),
            name: "ingora-leader".into(),
            identity: identity.into(),
            timing: Timing::default(),
        };
        let (leadership, elector) = election.run(&Metrics::default());
        let mut world = Self::as_pod(api, origin, None, leadership, |_| ());
        world.elector = Some(elector);
        world
    }

    /// Creates or replaces an Ingress of ours and tells of it.
    fn ingress(&self, name: &str, status: Value) {
        self.api.put(&path(name), ingress(name, status));
        self.tell(name);
    }

    /// The watch brings the object as it is.
    fn tell(&self, name: &str) {
        self.send(name, |live| Fate::Ours(live, false));
    }

    fn send(&self, name: &str, fate: impl Fn(Live) -> Fate) {
        let fate = self.api.get(&path(name)).map_or(Fate::Gone, |object| fate(live(&object)));
        let id = NamespacedName::new("shop", name);
        super::seen(&self.status.inbox(), &[Sighting { id, fate }]);
    }

    /// Sends every write back as a watch would.
    async fn settle(&self) -> Vec<Asked> {
        let mut all = Vec::new();
        for _ in 0..20 {
            sleep(SOON / 20).await;
            let asked = self.api.asked();
            for write in asked.iter().filter(|asked| asked.writes() && asked.path.contains("/ingresses/")) {
                self.tell(write.path.trim_end_matches("/status").rsplit('/').next().unwrap());
            }
            all.extend(asked);
        }
        all.retain(|asked| asked.writes() && asked.path.contains("/ingresses/"));
        all
    }

    fn addresses(&self, name: &str) -> Vec<String> {
        addresses(&self.api, name)
    }
}

fn ingress(name: &str, status: Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "generation": 1},
        "status": {"loadBalancer": {"ingress": status}}})
}

fn live(object: &Value) -> Live {
    let addresses = object["status"]["loadBalancer"].get("ingress").cloned().unwrap_or(Value::Null);
    let mut addresses: Vec<crate::object::ingress::LoadBalancerIngress> =
        serde_json::from_value::<Option<_>>(addresses).unwrap().unwrap_or_default();
    addresses.sort();
    Live {
        uid: object["metadata"]["uid"].as_str().unwrap().into(),
        resource_version: object["metadata"]["resourceVersion"].as_str().unwrap().into(),
        generation: object["metadata"]["generation"].as_i64().unwrap(),
        addresses,
    }
}

fn addresses(api: &FakeApi, name: &str) -> Vec<String> {
    let object = api.get(&path(name)).unwrap();
    live(&object).addresses.iter().map(|one| format!("{}{}", one.ip, one.hostname)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_ingress_gets_the_addresses_at_once_sorted_and_is_left_alone_then() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["lb.example", "192.0.2.9", "192.0.2.10"]));
    world.ingress("web", json!(null));
    let writes = world.settle().await;
    assert_eq!(world.addresses("web"), ["192.0.2.10", "192.0.2.9", "lb.example"]);
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0].path, path("web") + "/status");
    sleep(600 * SECOND).await;
    assert_eq!(world.settle().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_says_the_same_in_another_order_or_with_ports_is_not_written() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1", "192.0.2.2"]));
    world.ingress(
        "web",
        json!([{"ip": "192.0.2.2", "ports": [{"port": 80, "protocol": "TCP"}]}, {"ip": "192.0.2.1"}]),
    );
    assert_eq!(world.settle().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_another_writer_replaced_is_repaired_at_once_and_a_quarrel_is_slow() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1"]));
    world.ingress("web", json!(null));
    world.settle().await;
    world.ingress("web", json!([{"ip": "198.51.100.7"}]));
    assert_eq!(world.settle().await.len(), 1);
    assert_eq!(world.addresses("web"), ["192.0.2.1"]);
    let mut writes = 0;
    for _ in 0..600 {
        world.ingress("web", json!([{"ip": "198.51.100.7"}]));
        writes += world.settle().await.len();
        sleep(SECOND - SOON).await;
    }
    assert!((5..40).contains(&writes), "{writes} writes in ten minutes");
    sleep(120 * SECOND).await;
    world.settle().await;
    assert_eq!(world.addresses("web"), ["192.0.2.1"], "who stops quarrelling loses");
}

#[tokio::test(start_paused = true)]
async fn five_thousand_ingresses_do_not_flood_the_api_server_and_a_new_one_need_not_wait_for_them() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1"]));
    for index in 0..5000 {
        world.api.put(&path(&format!("i{index}")), ingress(&format!("i{index}"), json!(null)));
    }
    let sighting = |index: usize| {
        let object = api.get(&path(&format!("i{index}"))).unwrap();
        let id = NamespacedName::new("shop", format!("i{index}"));
        Sighting { id, fate: Fate::Ours(live(&object), true) }
    };
    let all: Vec<_> = (0..5000).map(sighting).collect();
    super::seen(&world.status.inbox(), &all);
    let start = Instant::now();
    sleep(SECOND).await;
    let early = world.api.asked().len();
    assert!((100..=125).contains(&early), "{early} in the first second");
    assert!(world.metrics.outputs.status_pending.get() > 4800);
    sleep(300 * SECOND).await;
    let rest = world.api.asked();
    assert_eq!(early + rest.len(), 5000, "one write each");
    let last = rest.last().unwrap().at - start;
    assert!((240..=250).contains(&last.as_secs()), "{last:?}");
    for index in 0..5000 {
        assert_eq!(world.addresses(&format!("i{index}")), ["192.0.2.1"]);
    }
    assert_eq!(world.metrics.outputs.status_pending.get(), 0);
    assert_eq!(world.metrics.outputs.status_writes.get(), 5000);
}

#[tokio::test(start_paused = true)]
async fn a_new_ingress_goes_ahead_of_a_full_reconcile() {
    let api = FakeApi::default();
    let (at, object) = service("LoadBalancer", json!({}), json!([{"ip": "192.0.2.1"}]));
    api.put(&at, object);
    let world = World::new(&api, front());
    for index in 0..1000 {
        world.ingress(&format!("i{index}"), json!([{"ip": "192.0.2.1"}]));
    }
    world.settle().await;
    let (at, object) = service("LoadBalancer", json!({}), json!([{"ip": "192.0.2.2"}]));
    api.put(&at, object);
    sleep(15 * SECOND).await;
    world.ingress("new", json!(null));
    sleep(SOON).await;
    assert_eq!(world.addresses("new"), ["192.0.2.2"]);
    assert!(world.metrics.outputs.status_pending.get() > 500);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_leading_and_everything_then() {
    let api = FakeApi::default();
    let lease = "/apis/coordination.k8s.io/v1/namespaces/edge/leases/ingora-leader";
    api.put(
        lease,
        json!({"metadata": {"name": "ingora-leader"},
        "spec": {"holderIdentity": "other", "leaseDurationSeconds": 30}}),
    );
    let world = World::elected(&api, fixed(&["192.0.2.1"]), "a");
    world.ingress("web", json!(null));
    world.ingress("stale", json!([{"ip": "198.51.100.1"}]));
    sleep(25 * SECOND).await;
    assert_eq!(world.settle().await.len(), 0, "another replica leads");
    sleep(15 * SECOND).await;
    world.settle().await;
    assert_eq!(
        (world.addresses("web"), world.addresses("stale")),
        (vec!["192.0.2.1".into()], vec!["192.0.2.1".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_writing_before_the_lease_ends() {
    let api = FakeApi::default();
    let world = World::elected(&api, fixed(&["192.0.2.1"]), "a");
    world.ingress("first", json!(null));
    sleep(3 * SECOND).await;
    assert_eq!(world.addresses("first"), ["192.0.2.1"]);
    api.fail(|asked| asked.path.contains("/leases/").then_some(Fault::Hang));
    sleep(21 * SECOND).await;
    api.asked();
    world.ingress("second", json!(null));
    sleep(60 * SECOND).await;
    assert!(api.asked().iter().all(|asked| !asked.path.contains("/ingresses/")));
    api.heal();
    sleep(15 * SECOND).await;
    assert_eq!(world.addresses("second"), ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_replicas_one_writes_and_after_its_death_the_other_repairs_what_happened_meanwhile() {
    let api = FakeApi::default();
    let first = World::elected(&api, fixed(&["192.0.2.1"]), "a");
    sleep(SECOND).await;
    let second = World::elected(&api, fixed(&["192.0.2.1"]), "b");
    let both = |name: &str| {
        first.tell(name);
        second.tell(name);
    };
    api.put(&path("web"), ingress("web", json!(null)));
    both("web");
    sleep(5 * SECOND).await;
    let writes = api.asked().into_iter().filter(|asked| asked.path.contains("/ingresses/")).count();
    assert_eq!((writes, addresses(&api, "web")), (1, vec!["192.0.2.1".to_owned()]));
    both("web");
    // Killed.
    first.status.keeper.abort();
    api.fail(|asked| (asked.body["spec"]["holderIdentity"] == "a").then_some(Fault::Hang));
    api.put(&path("web"), ingress("web", json!([{"ip": "198.51.100.1"}])));
    second.tell("web");
    sleep(40 * SECOND).await;
    assert_eq!(addresses(&api, "web"), ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_based_on_a_version_and_an_outdated_one_overwrites_nothing() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1"]));
    world.api.put(&path("web"), ingress("web", json!(null)));
    let old = live(&api.get(&path("web")).unwrap());
    // It turned to another class and the watch is late.
    api.put(&path("web"), ingress("web", json!([{"ip": "198.51.100.1"}])));
    let id = NamespacedName::new("shop", "web");
    super::seen(&world.status.inbox(), &[Sighting { id, fate: Fate::Ours(old, false) }]);
    sleep(10 * SECOND).await;
    assert_eq!(world.addresses("web"), ["198.51.100.1"]);
    let tries = world.api.asked().len();
    assert!((2..12).contains(&tries), "{tries} conflicts in ten seconds");
    world.send("web", Fate::NotOurs);
    sleep(120 * SECOND).await;
    assert_eq!(world.addresses("web"), ["198.51.100.1"], "it is not ours, and neither is what it says");
    assert_eq!(world.api.asked().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_ingress_that_turns_away_loses_our_addresses_and_only_ours() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1"]));
    world.ingress("web", json!(null));
    world.ingress("taken", json!(null));
    world.settle().await;
    world.send("web", Fate::NotOurs);
    api.put(&path("taken"), ingress("taken", json!([{"ip": "198.51.100.1"}])));
    world.send("taken", Fate::NotOurs);
    sleep(SECOND).await;
    assert_eq!(world.addresses("web"), Vec::<String>::new());
    assert_eq!(world.addresses("taken"), ["198.51.100.1"]);
    world.send("web", Fate::NotOurs);
    api.put(&path("web"), ingress("web", json!([{"ip": "192.0.2.1"}])));
    world.send("web", Fate::NotOurs);
    sleep(60 * SECOND).await;
    assert_eq!(world.addresses("web"), ["192.0.2.1"], "whoever owns it may say the same");
}

#[tokio::test(start_paused = true)]
async fn an_ingress_of_another_class_is_never_touched() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1"]));
    api.put(&path("web"), ingress("web", json!([{"ip": "192.0.2.1"}])));
    world.send("web", Fate::NotOurs);
    sleep(60 * SECOND).await;
    assert_eq!(api.asked().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_each_ingress_by_itself_ever_more_slowly() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1"]));
    api.fail(|asked| (asked.path == path("bad") + "/status").then_some(Fault::Refuse(500)));
    world.ingress("bad", json!(null));
    world.ingress("good", json!(null));
    world.settle().await;
    assert_eq!(world.addresses("good"), ["192.0.2.1"]);
    api.asked();
    sleep(600 * SECOND).await;
    let tries = api.asked().len();
    assert!((8..30).contains(&tries), "{tries} tries in ten minutes");
    assert!(world.metrics.outputs.status_failures.get() > 8);
    api.heal();
    sleep(80 * SECOND).await;
    assert_eq!(world.addresses("bad"), ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_is_given_up_and_tried_again() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1"]));
    api.fail(|asked| asked.writes().then_some(Fault::Hang));
    world.ingress("web", json!(null));
    sleep(3 * SECOND).await;
    api.heal();
    sleep(4 * SECOND).await;
    assert_eq!(world.addresses("web"), ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn an_ingress_that_is_gone_is_forgotten() {
    let api = FakeApi::default();
    let world = World::new(&api, fixed(&["192.0.2.1"]));
    api.fail(|asked| asked.writes().then_some(Fault::Refuse(500)));
    world.ingress("web", json!(null));
    sleep(SOON).await;
    api.heal();
    api.remove(&path("web"));
    sleep(30 * SECOND).await;
    api.asked();
    sleep(300 * SECOND).await;
    assert_eq!(api.asked().len(), 0, "404 ends it");
}
