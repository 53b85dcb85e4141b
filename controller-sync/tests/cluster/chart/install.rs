//! The chart on a real API server: every shape is installed, and one goes through its whole life where Pod Security
//! `restricted` is enforced.

use crate::enclosure;
use crate::support::chart::{self, objects, shapes, tool, workload};
use crate::support::cluster::Cluster;
use crate::support::trial::{trial, trials};
use crate::support::until;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

mod life {
    use super::*;

    trials! {
        trial:
            it_is_installed_upgraded_rolled_back_and_uninstalled_under_restricted,
            pod_security_takes_what_is_promised_and_nothing_more,
            the_notes_find_the_most_common_mistakes,
            a_class_of_somebody_else_is_not_taken_by_accident,
            objects_are_what_the_server_publishes_as_its_schema;
    }
}

/// Those of the module, and one per shape.
pub(crate) fn trials() -> Vec<Trial> {
    let installs = shapes().into_iter().map(|(name, values)| {
        let title = format!("{}_is_installed_without_an_error", name.replace('-', "_"));
        trial(module_path!(), &title, move || is_installed(&name, &values))
    });
    installs.chain(life::trials()).collect()
}

static COUNT: AtomicUsize = AtomicUsize::new(1);

/// A namespace of its own with this level of Pod Security.
fn namespace(name: &str, level: &str) -> String {
    let namespace = format!("chart-{name}-{}", COUNT.fetch_add(1, Ordering::SeqCst));
    Cluster::shared().admin.create(&json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": namespace, "labels": { "pod-security.kubernetes.io/enforce": level } },
    }));
    namespace
}

/// Names of cluster-wide objects that no other test has.
fn own_names(namespace: &str) -> [String; 4] {
    let set = format!("fullnameOverride={namespace},controller.ingressClassResource.name={namespace}");
    ["--set".to_owned(), set, "--namespace".to_owned(), namespace.to_owned()]
}

fn helm(arguments: &[&str], namespace: &str) -> Result<String, String> {
    let own = own_names(namespace);
    let all: Vec<&str> = arguments.iter().copied().chain(own.iter().map(String::as_str)).collect();
    Cluster::shared().helm(&all)
}

/// Definitions of the kinds that operators bring along; what is in them is their business.
fn operators() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let define = |group: &str, version: &str, kind: &str| {
            let plural = format!("{}s", kind.to_lowercase());
            let name = format!("{plural}.{group}");
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            let admin = &Cluster::shared().admin;
            admin.post(path, &json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": name },
                "spec": {
                    "group": group, "scope": "Namespaced", "names": { "kind": kind, "plural": plural },
                    "versions": [{
                        "name": version, "served": true, "storage": true,
                        "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
                    }],
                },
            }));
            until("the kind is served", || {
                let path = format!("/apis/{group}/{version}/{plural}");
                admin.call("GET", &path, "application/json", "").is_ok_and(|answer| answer.status == 200)
            });
        };
        define("monitoring.coreos.com", "v1", "ServiceMonitor");
        define("monitoring.coreos.com", "v1", "PrometheusRule");
        define("keda.sh", "v1alpha1", "ScaledObject");
    });
}

fn is_installed(name: &str, values: &Path) {
    operators();
    let namespace = namespace(name, "privileged");
    let values = values.to_str().unwrap();
    let said = helm(&["install", "edge", ".", "--values", values], &namespace)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(said.contains("STATUS: deployed") && said.contains("is being started as"), "{said}");
    let again = helm(&["upgrade", "edge", ".", "--values", values], &namespace).unwrap();
    assert!(again.contains("REVISION: 2"), "{again}");
    Cluster::shared().helm(&["uninstall", "edge", "--namespace", &namespace]).unwrap();
}

/// Of the objects in the namespace that belong to the release.
fn present(namespace: &str, collection: &str) -> Vec<String> {
    let path = format!("{collection}?labelSelector=app.kubernetes.io/instance%3Dedge");
    let list = Cluster::shared().admin.get(&path.replace("NAMESPACE", namespace));
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn it_is_installed_upgraded_rolled_back_and_uninstalled_under_restricted() {
    let namespace = namespace("life", "restricted");
    let config = || {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{namespace}-controller");
        Cluster::shared().admin.get(&path)["data"]["proxy-body-size"].clone()
    };
    let sizes = |size: &str| format!("controller.config.proxy-body-size={size}");
    let said = helm(&["install", "edge", ".", "--set", &sizes("1m")], &namespace).unwrap();
    assert!(said.contains(&format!("ingressClassName: {namespace}")), "{said}");
    assert_eq!(config(), "1m");
    let said = helm(&["upgrade", "edge", ".", "--set", &sizes("8m")], &namespace).unwrap();
    assert!(said.contains("REVISION: 2"), "{said}");
    assert_eq!(config(), "8m");
    let cluster = Cluster::shared();
    cluster.helm(&["rollback", "edge", "1", "--namespace", &namespace]).unwrap();
    assert_eq!(config(), "1m");
    let collections = [
        "/apis/apps/v1/namespaces/NAMESPACE/daemonsets",
        "/api/v1/namespaces/NAMESPACE/services",
        "/api/v1/namespaces/NAMESPACE/configmaps",
        "/api/v1/namespaces/NAMESPACE/serviceaccounts",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/roles",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/rolebindings",
    ];
    for collection in collections {
        assert!(!present(&namespace, collection).is_empty(), "{collection}");
    }
    cluster.helm(&["uninstall", "edge", "--namespace", &namespace]).unwrap();
    for collection in collections {
        assert_eq!(present(&namespace, collection), [""; 0], "{collection}");
    }
    for everywhere in ["clusterroles", "clusterrolebindings"] {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/{everywhere}/{namespace}");
        let answer = cluster.admin.call("GET", &path, "application/json", "").unwrap();
        assert_eq!(answer.status, 404, "{everywhere}");
    }
}

/// Asks the server to create the Pod of a shape, without creating it.
fn admitted(level: &str, arguments: &[&str]) -> Result<(), String> {
    static LEVELS: OnceLock<Vec<(&str, String)>> = OnceLock::new();
    let levels = LEVELS.get_or_init(|| {
        ["restricted", "baseline", "privileged"].map(|level| (level, namespace("level", level))).into()
    });
    let namespace = &levels.iter().find(|(name, _)| *name == level).unwrap().1;
    let mut pod = workload(&objects(arguments))["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("ingora-0");
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let answer = Cluster::shared().admin.call("POST", &path, "application/json", &pod.to_string()).unwrap();
    if answer.status == 201 { Ok(()) } else { Err(answer.text()) }
}

fn pod_security_takes_what_is_promised_and_nothing_more() {
    let values = |name: &str| chart::folder().join(format!("ci/{name}-values.yaml")).display().to_string();
    let (host_port, host_network) = (values("host-port"), values("host-network"));
    for (name, file) in shapes() {
        let file = file.display().to_string();
        let level = match name.as_str() {
            "host-port" | "kind" | "host-network" => "privileged",
            _ => "restricted",
        };
        let said = admitted(level, &["--values", &file]);
        assert!(said.is_ok(), "{name}: {said:?}");
    }
    for (file, what) in [(&host_port, "hostPort"), (&host_network, "host namespaces")] {
        let said = admitted("baseline", &["--values", file]).unwrap_err();
        assert!(said.contains("violates PodSecurity") && said.contains(what), "{said}");
    }
    // Ports of the node are all that hostPort wants beyond `restricted`.
    let said = admitted("restricted", &["--values", &host_port]).unwrap_err();
    for other in ["capabilities", "runAsNonRoot", "seccomp", "allowPrivilegeEscalation", "volume"] {
        assert!(!said.contains(other), "{said}");
    }
}

fn the_notes_find_the_most_common_mistakes() {
    let namespace = namespace("notes", "privileged");
    let admin = &Cluster::shared().admin;
    let class = format!("{namespace}-other");
    admin.create(&json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": { "name": class, "annotations": { "ingressclass.kubernetes.io/is-default-class": "true" } },
        "spec": { "controller": "example.com/other" },
    }));
    let said = helm(&["install", "edge", ".", "--set", "controller.extraArgs.v=2"], &namespace).unwrap();
    assert!(said.contains(&format!("The IngressClass {class} is the default of this cluster")), "{said}");
    assert!(said.contains("controller.extraArgs: v: without effect"), "{said}");
    let said = helm(&["upgrade", "edge", "."], &namespace).unwrap();
    assert!(said.contains("has no address yet") && said.contains("MetalLB"), "{said}");
    admin.delete(&format!("/apis/networking.k8s.io/v1/ingressclasses/{class}"));
    // Somebody else has the ports of the nodes.
    admin.create(&json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": { "name": "older", "namespace": namespace },
        "spec": {
            "selector": { "matchLabels": { "app": "older" } },
            "template": {
                "metadata": { "labels": { "app": "older" } },
                "spec": { "containers": [{
                    "name": "web", "image": "web", "ports": [{ "containerPort": 80, "hostPort": 80 }],
                }] },
            },
        },
    }));
    let said =
        helm(&["upgrade", "edge", ".", "--set", "controller.hostPort.enabled=true"], &namespace).unwrap();
    assert!(
        said.contains(&format!("Port 80 of the nodes is taken by the DaemonSet {namespace}/older")),
        "{said}"
    );
    assert!(!said.contains("has no address yet"), "{said}");
    let quiet = helm(&["upgrade", "edge", ".", "--set", "controller.service.type=ClusterIP"], &namespace);
    assert!(!quiet.as_ref().unwrap().contains("is taken by"), "{quiet:?}");
    Cluster::shared().helm(&["uninstall", "edge", "--namespace", &namespace]).unwrap();
}

fn a_class_of_somebody_else_is_not_taken_by_accident() {
    let namespace = namespace("owned", "restricted");
    Cluster::shared().admin.create(&json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": { "name": namespace },
        "spec": { "controller": "k8s.io/ingress-nginx" },
    }));
    let said = helm(&["install", "edge", "."], &namespace).unwrap_err();
    assert!(
        said.contains("exists already and is not of this release (its controller is k8s.io/ingress-nginx)"),
        "{said}"
    );
    let said = helm(
        &[
            "install",
            "edge",
            ".",
            "--set",
            "controller.ingressClassResource.enabled=false,controller.ingressClassResource.controllerValue=k8s.io/ingress-nginx",
        ],
        &namespace,
    );
    assert!(said.as_ref().is_ok_and(|said| said.contains("are taken over")), "{said:?}");
    Cluster::shared().helm(&["uninstall", "edge", "--namespace", &namespace]).unwrap();
}

/// Writes the server's own schemas as kubeconform reads them: one file per kind, and no field that is not in it.
fn schemas(folder: &Path) {
    let index = Cluster::shared().admin.get("/openapi/v3");
    let groups = [
        "api/v1",
        "apis/apps/v1",
        "apis/networking.k8s.io/v1",
        "apis/rbac.authorization.k8s.io/v1",
        "apis/autoscaling/v2",
        "apis/policy/v1",
    ];
    for group in groups {
        let path =
            index["paths"][group]["serverRelativeURL"].as_str().unwrap_or_else(|| panic!("no {group}"));
        let mut document = Cluster::shared().admin.get(path);
        let schemas = document["components"]["schemas"].as_object_mut().unwrap();
        for schema in schemas.values_mut().filter(|schema| schema["properties"].is_object()) {
            schema["additionalProperties"] = json!(false);
        }
        let components = document["components"].clone();
        for (name, schema) in components["schemas"].as_object().unwrap() {
            for kind in schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
                let text = |key: &str| kind[key].as_str().unwrap_or_default().to_lowercase();
                // kubeconform takes the version for the group of what has none.
                let group = if text("group").is_empty() { text("version") } else { text("group") };
                let file = format!("{}-{group}-{}.json", text("kind"), text("version"));
                let whole =
                    json!({ "$ref": format!("#/components/schemas/{name}"), "components": components });
                std::fs::write(folder.join(file), whole.to_string()).unwrap();
            }
        }
    }
}

fn objects_are_what_the_server_publishes_as_its_schema() {
    let folder = enclosure::home().join("schemas");
    std::fs::create_dir(&folder).unwrap();
    schemas(&folder);
    let location = format!(
        "{}/{{{{ .ResourceKind }}}}-{{{{ .Group }}}}-{{{{ .ResourceAPIVersion }}}}.json",
        folder.display()
    );
    let check = |file: &Path| {
        let mut kubeconform = tool("kubeconform");
        kubeconform.args(["-strict", "-output", "json", "-summary", "-schema-location", &location]);
        kubeconform.args(["-skip", "ServiceMonitor,PrometheusRule,ScaledObject"]).arg(file);
        let output = kubeconform.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let file = folder.join("rendered.yaml");
    let mut kinds = BTreeSet::new();
    for (name, values) in shapes() {
        let text = chart::rendered(&["--values", values.to_str().unwrap()]);
        kinds.extend(text.lines().filter_map(|line| Some(line.strip_prefix("kind: ")?.to_owned())));
        std::fs::write(&file, text).unwrap();
        let verdict = check(&file);
        let counts = &verdict["summary"];
        assert!(counts["valid"].as_u64().unwrap() >= 8, "{name}: {verdict}");
        assert_eq!((&counts["invalid"], &counts["errors"]), (&json!(0), &json!(0)), "{name}: {verdict}");
    }
    for kind in [
        "DaemonSet",
        "Deployment",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "IngressClass",
    ] {
        assert!(kinds.contains(kind), "no shape has a {kind}");
    }
    // It can find something.
    std::fs::write(
        &file,
        chart::rendered(&[]).replace("automountServiceAccountToken", "automountServiceAcountToken"),
    )
    .unwrap();
    assert!(check(&file)["summary"]["invalid"].as_u64().unwrap() > 0);
}
