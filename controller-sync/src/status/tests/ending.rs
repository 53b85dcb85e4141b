//! What a replica leaves behind.

use super::origin::pod;
use super::{SECOND, World, addresses, fixed};
use crate::fake_api::{FakeApi, Fault};
use crate::leader::Leadership;
use crate::status::StatusOptions;
use serde_json::json;
use tokio::time::{Instant, sleep};

async fn shut_down(others: &[(&str, bool)], change: impl FnOnce(&mut StatusOptions)) -> Vec<String> {
    let api = FakeApi::default();
    let (at, object) = pod("ingora-a", "n1", true);
    api.put(&at, object);
    for (name, ready) in others {
        let (at, object) = pod(name, "n1", *ready);
        api.put(&at, object);
    }
    let world = World::with(&api, fixed(&["192.0.2.1"]), change);
    world.ingress("web", json!(null));
    world.settle().await;
    assert_eq!(world.addresses("web"), ["192.0.2.1"]);
    world.status.shutdown().await;
    addresses(&api, "web")
}

#[tokio::test(start_paused = true)]
async fn the_last_replica_removes_the_addresses_when_it_ends_and_no_other_does() {
    assert_eq!(shut_down(&[], |_| ()).await, Vec::<String>::new());
    assert_eq!(shut_down(&[("ingora-b", false)], |_| ()).await, Vec::<String>::new(), "it does not serve");
    assert_eq!(shut_down(&[("ingora-b", true)], |_| ()).await, ["192.0.2.1"]);
    assert_eq!(shut_down(&[], |options| options.remove_on_shutdown = false).await, ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_does_not_lead_removes_nothing() {
    let api = FakeApi::default();
    let lease = "/apis/coordination.k8s.io/v1/namespaces/edge/leases/ingora-leader";
    api.put(
        lease,
        json!({"metadata": {"name": "ingora-leader"},
        "spec": {"holderIdentity": "other", "leaseDurationSeconds": 300}}),
    );
    let world = World::elected(&api, fixed(&["192.0.2.1"]), "a");
    world.ingress("web", json!([{"ip": "192.0.2.1"}]));
    sleep(5 * SECOND).await;
    world.status.shutdown().await;
    assert_eq!(addresses(&api, "web"), ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_an_api_server_that_hangs() {
    let api = FakeApi::default();
    let world = World::as_pod(&api, fixed(&["192.0.2.1"]), None, Leadership::alone(), |_| ());
    for index in 0..300 {
        world.ingress(&format!("i{index}"), json!([{"ip": "192.0.2.1"}]));
    }
    sleep(SECOND).await;
    api.fail(|_| Some(Fault::Hang));
    let start = Instant::now();
    world.status.shutdown().await;
    assert!(start.elapsed() <= 31 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn at_the_end_five_thousand_addresses_go_within_the_limit() {
    let api = FakeApi::default();
    let world = World::as_pod(&api, fixed(&["192.0.2.1"]), None, Leadership::alone(), |_| ());
    for index in 0..5000 {
        world.ingress(&format!("i{index}"), json!([{"ip": "192.0.2.1"}]));
    }
    sleep(SECOND).await;
    world.status.shutdown().await;
    let left = (0..5000).filter(|index| !addresses(&api, &format!("i{index}")).is_empty()).count();
    assert_eq!(left, 0);
}
