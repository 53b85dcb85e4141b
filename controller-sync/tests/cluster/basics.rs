//! The main thing: what is applied to the cluster is served.

use crate::support::manifest::{bare_service, documents, ingress, service, site};
use crate::support::site::Site;
use crate::support::trial::trials;
use serde_json::json;

trials! {
    trial:
        an_ingress_applied_with_kubectl_answers,
        edits_and_deletions_follow,
        real_controllers_write_endpoint_slices;
}

fn an_ingress_applied_with_kubectl_answers() {
    let test = Site::new("kubectl");
    let backend = test.backend("web");
    let edge = test.plan().start();
    let objects = test.objects(&site("a.test", "web", backend.address));
    let text: String = objects.iter().map(|object| format!("---\n{object}\n")).collect();
    let said = test.cluster.kubectl(&["apply", "-f", "-"], &text);
    assert!(said.contains("ingress.networking.k8s.io/web created"), "{said}");
    edge.until_ask("a.test", "/", "web");
}

fn edits_and_deletions_follow() {
    let test = Site::new("edits");
    let (blue, green) = (test.backend("blue"), test.backend("green"));
    test.apply(documents([service("blue", &[blue.address]), service("green", &[green.address])]));
    test.apply(ingress("web").path("a.test", "Prefix", "/", "blue").text());
    let edge = test.plan().start();
    edge.until_ask("a.test", "/", "blue");
    test.apply(ingress("web").path("a.test", "Prefix", "/", "green").text());
    edge.until_ask("a.test", "/", "green");
    // The pods of green go away, then the Service, then everything.
    let slices = format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", test.namespace);
    test.cluster.admin.merge(&format!("{slices}/green-1"), &json!({ "endpoints": [] }));
    edge.until_ask("a.test", "/", "503");
    test.cluster.admin.delete(&test.ingress_path("web"));
    edge.until_ask("a.test", "/", "404");
}

fn real_controllers_write_endpoint_slices() {
    let test = Site::new("pods");
    let (admin, namespace) = (&test.cluster.admin, &test.namespace);
    let backend = test.backend("pod");
    admin.create(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": namespace } }));
    test.apply(documents([
        bare_service("web")
            .replace("port: 80 }", "port: 80, targetPort: 8080 }")
            .replace("spec: {", "spec: { selector: { app: web },"),
        ingress("web").path("a.test", "Prefix", "/", "web").text(),
    ]));
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web", "namespace": namespace, "labels": { "app": "web" } },
        "spec": { "nodeName": namespace, "containers": [{ "name": "web", "image": "web" }] },
    });
    admin.create(&pod);
    let address = backend.address.ip().to_string();
    let status = |ready: &str| {
        json!({ "status": {
            "phase": "Running", "podIP": address, "podIPs": [{ "ip": address }],
            "conditions": [{ "type": "Ready", "status": ready }],
        }})
    };
    let path = format!("/api/v1/namespaces/{namespace}/pods/web/status");
    admin.merge(&path, &status("True"));
    let edge = test.plan().start();
    edge.until_ask("a.test", "/", "pod");
    admin.merge(&path, &status("False"));
    edge.until_ask("a.test", "/", "503");
}
