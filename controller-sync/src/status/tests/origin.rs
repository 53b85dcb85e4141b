//! Where the addresses come from.

use super::{SECOND, World};
use crate::fake_api::{FakeApi, Fault};
use crate::status::Origin;
use ingora_config::NamespacedName;
use serde_json::{Value, json};
use tokio::time::sleep;

pub(super) fn pod(name: &str, node: &str, ready: bool) -> (String, Value) {
    let conditions = json!([{"type": "Ready", "status": if ready { "True" } else { "False" }}]);
    let object = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "edge", "labels": {"app": "ingora", "pod-template-hash": name}},
        "spec": {"nodeName": node, "containers": []},
        "status": {"phase": "Running", "conditions": conditions}});
    (format!("/api/v1/namespaces/edge/pods/{name}"), object)
}

pub(super) fn node(name: &str, addresses: &[(&str, &str)]) -> (String, Value) {
    let addresses: Vec<_> = addresses.iter().map(|(kind, at)| json!({"type": kind, "address": at})).collect();
    let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"addresses": addresses}});
    (format!("/api/v1/nodes/{name}"), object)
}

pub(super) fn service(kind: &str, spec: Value, balancer: Value) -> (String, Value) {
    let mut object = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "front", "namespace": "edge"}, "spec": spec,
        "status": {"loadBalancer": {"ingress": balancer}}});
    object["spec"]["type"] = json!(kind);
    ("/api/v1/namespaces/edge/services/front".into(), object)
}

pub(super) fn front() -> Origin {
    Origin::Service(NamespacedName::new("edge", "front"))
}

#[tokio::test(start_paused = true)]
async fn a_service_is_asked_for_what_its_type_has() {
    let cases = [
        (
            "LoadBalancer",
            json!({"externalIPs": ["192.0.2.2"]}),
            json!([{"ip": "192.0.2.1"}]),
            vec!["192.0.2.1", "192.0.2.2"],
        ),
        ("LoadBalancer", json!({}), json!([{"hostname": "lb.example"}]), vec!["lb.example"]),
        ("ClusterIP", json!({"clusterIP": "10.96.0.7"}), json!(null), vec!["10.96.0.7"]),
        ("ExternalName", json!({"externalName": "edge.example"}), json!(null), vec!["edge.example"]),
        (
            "NodePort",
            json!({"clusterIP": "10.96.0.7", "externalIPs": ["192.0.2.3"]}),
            json!(null),
            vec!["192.0.2.3"],
        ),
        ("NodePort", json!({"clusterIP": "10.96.0.7"}), json!(null), vec!["203.0.113.1"]),
    ];
    for (kind, spec, balancer, wanted) in cases {
        let api = FakeApi::default();
        let (at, object) = service(kind, spec.clone(), balancer);
        api.put(&at, object);
        for (at, object) in [pod("ingora-a", "n1", true), node("n1", &[("ExternalIP", "203.0.113.1")])] {
            api.put(&at, object);
        }
        let world = World::new(&api, front());
        world.ingress("web", json!(null));
        world.settle().await;
        assert_eq!(world.addresses("web"), wanted, "{kind} {spec}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_is_waited_for_and_a_moment_without_it_changes_nothing() {
    let api = FakeApi::default();
    let set = |balancer: Value| {
        let (at, object) = service("LoadBalancer", json!({}), balancer);
        api.put(&at, object);
    };
    set(json!(null));
    let world = World::new(&api, front());
    world.ingress("web", json!([{"ip": "198.51.100.1"}]));
    sleep(30 * SECOND).await;
    assert_eq!(world.addresses("web"), ["198.51.100.1"], "nothing is known, so nothing is written");
    set(json!([{"ip": "192.0.2.1"}]));
    sleep(3 * SECOND).await;
    assert_eq!(world.addresses("web"), ["192.0.2.1"]);
    world.tell("web");
    set(json!(null));
    sleep(40 * SECOND).await;
    set(json!([{"ip": "192.0.2.1"}]));
    sleep(40 * SECOND).await;
    api.fail(|asked| asked.path.ends_with("/services").then_some(Fault::Refuse(403)));
    sleep(600 * SECOND).await;
    assert!(api.asked().iter().filter(|asked| asked.path.contains("/ingresses/")).count() == 1);
    api.heal();
    api.remove("/api/v1/namespaces/edge/services/front");
    sleep(50 * SECOND).await;
    assert_eq!(world.addresses("web"), ["192.0.2.1"]);
    sleep(30 * SECOND).await;
    assert_eq!(world.addresses("web"), Vec::<String>::new(), "gone for a minute is gone");
}

#[tokio::test(start_paused = true)]
async fn without_a_flag_the_nodes_of_ready_pods_are_told() {
    for (internal, wanted) in [(false, ["10.0.0.3", "203.0.113.1"]), (true, ["10.0.0.1", "10.0.0.3"])] {
        let api = FakeApi::default();
        let objects = [
            pod("ingora-a", "n1", true),
            pod("ingora-b", "n2", false),
            pod("ingora-c", "n3", true),
            node("n1", &[("InternalIP", "10.0.0.1"), ("ExternalIP", "203.0.113.1")]),
            node("n2", &[("ExternalIP", "203.0.113.2")]),
            node("n3", &[("InternalIP", "10.0.0.3"), ("Hostname", "n3")]),
        ];
        for (at, object) in objects {
            api.put(&at, object);
        }
        let mut stranger = pod("stranger", "n2", true);
        stranger.1["metadata"]["labels"] = json!({"app": "other"});
        api.put(&stranger.0, stranger.1);
        let world = World::with(&api, Origin::Nodes, |options| options.internal = internal);
        world.ingress("web", json!(null));
        world.settle().await;
        assert_eq!(world.addresses("web"), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_comes_back_does_not_say_what_was_true_in_its_last_term() {
    let api = FakeApi::default();
    let move_to = |ip: &str| {
        let (at, object) = service("LoadBalancer", json!({}), json!([{"ip": ip}]));
        api.put(&at, object);
    };
    move_to("192.0.2.1");
    let world = World::elected(&api, front(), "a");
    world.ingress("web", json!(null));
    sleep(5 * SECOND).await;
    assert_eq!(world.addresses("web"), ["192.0.2.1"]);
    api.fail(|asked| asked.path.contains("/leases/").then_some(Fault::Hang));
    sleep(25 * SECOND).await;
    // Another replica leads meanwhile and follows the Service.
    move_to("192.0.2.2");
    world.ingress("web", json!([{"ip": "192.0.2.2"}]));
    api.asked();
    api.heal();
    sleep(60 * SECOND).await;
    let asked = api.asked();
    assert!(asked.iter().any(|asked| asked.path.ends_with("/services")), "it leads again");
    assert!(asked.iter().all(|asked| !asked.path.contains("/ingresses/")), "{asked:?}");
}
