//! What users read in the cluster: addresses in the status of an Ingress, and Events that say what is wrong with it.

use crate::support::edge::Edge;
use crate::support::manifest::{bare_service, ingress, site};
use crate::support::site::{PUBLISHED, Site};
use crate::support::trial::trials;
use crate::support::until;
use crate::support::watch::Watch;
use serde_json::{Value, json};

trials! {
    trial:
        a_status_that_another_writer_changed_is_repaired,
        a_published_service_is_followed,
        a_status_goes_on_shutdown_only_when_asked,
        kubectl_describe_says_what_is_wrong_and_that_it_is_right_again;
}

fn addresses(test: &Site<'_>, name: &str) -> Value {
    let object = test.cluster.admin.get(&test.ingress_path(name));
    object["status"]["loadBalancer"].get("ingress").cloned().unwrap_or(Value::Null)
}

#[track_caller]
fn until_status(test: &Site<'_>, name: &str, want: &Value) {
    until(&format!("{name} has the status {want}"), || addresses(test, name) == *want);
}

fn a_status_that_another_writer_changed_is_repaired() {
    let test = Site::new("status");
    let backend = test.backend("web");
    test.apply(site("a.test", "web", backend.address));
    let ours = json!([{ "ip": PUBLISHED }]);
    let collection = format!("/apis/networking.k8s.io/v1/namespaces/{}/ingresses", test.namespace);
    let watch = Watch::start(&test.cluster.admin, &collection);
    let _edge = test.plan().start();
    until_status(&test, "web", &ours);
    assert_eq!(watch.seen().len(), 1, "one write is enough: {:?}", watch.seen());
    let path = format!("{}/status", test.ingress_path("web"));
    test.cluster
        .admin
        .merge(&path, &json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.9" }] } } }));
    until_status(&test, "web", &ours);
    assert_eq!(watch.seen().len(), 3, "theirs and ours: {:?}", watch.seen());
}

fn a_published_service_is_followed() {
    let test = Site::new("published");
    let backend = test.backend("web");
    let service = bare_service("edge").replace("spec: {", "spec: { type: LoadBalancer,");
    test.apply(&service);
    let path = format!("/api/v1/namespaces/{}/services/edge/status", test.namespace);
    let publish = |ip: &str| {
        let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": ip }] } } });
        test.cluster.admin.merge(&path, &status);
    };
    publish("198.51.100.1");
    test.apply(site("a.test", "web", backend.address));
    let name = format!("{}/edge", test.namespace);
    let _edge =
        test.plan_unpublished().sync(&["--publish-service", &name, "--status-update-interval", "1s"]).start();
    until_status(&test, "web", &json!([{ "ip": "198.51.100.1" }]));
    publish("198.51.100.2");
    until_status(&test, "web", &json!([{ "ip": "198.51.100.2" }]));
}

fn a_status_goes_on_shutdown_only_when_asked() {
    let test = Site::new("shutdown");
    let backend = test.backend("web");
    test.apply(site("a.test", "web", backend.address));
    let ours = json!([{ "ip": PUBLISHED }]);
    let end = |edge: &mut Edge| {
        edge.sync.signal("TERM");
        until("sync ends", || edge.sync.exit_status().is_some());
    };
    let mut keeping = test.plan().sync(&["--update-status-on-shutdown=false"]).start();
    until_status(&test, "web", &ours);
    end(&mut keeping);
    assert_eq!(addresses(&test, "web"), ours);
    let mut removing = test.plan().sync(&["--update-status-on-shutdown=true"]).start();
    until("it leads", || removing.sync.log().contains("leading"));
    test.apply(site("b.test", "other", backend.address));
    until_status(&test, "other", &ours);
    end(&mut removing);
    assert_eq!((addresses(&test, "web"), addresses(&test, "other")), (Value::Null, Value::Null));
}

fn kubectl_describe_says_what_is_wrong_and_that_it_is_right_again() {
    let test = Site::new("describe");
    let backend = test.backend("web");
    let broken = ingress("shop").path("a.test", "Prefix", "/", "missing");
    test.apply(broken.text());
    let _edge = test.plan().start();
    let describe = || test.cluster.kubectl(&["describe", "ingress", "shop", "-n", &test.namespace], "");
    until("the Event is there", || describe().contains("ServiceNotFound"));
    let said = describe();
    let line = said.lines().find(|line| line.contains("ServiceNotFound")).unwrap();
    assert!(line.contains("Warning") && line.contains("missing"), "{said}");
    eprintln!("    kubectl describe: {}", line.split_whitespace().collect::<Vec<_>>().join(" "));
    test.apply(site("a.test", "missing", backend.address));
    let normal = |line: &str| line.contains("Normal") && line.contains("ServiceNotFound");
    until("a Normal Event says that it is right again", || describe().lines().any(normal));
}
