//! The roles of the chart (`helm/ingora/templates/rbac.yaml`) are what is needed, and nothing more: every test runs under them,
//! and without any one permission the controller says exactly which one is missing.

use crate::support::cluster::Cluster;
use crate::support::manifest::{documents, ingress, site};
use crate::support::process::{Program, binary};
use crate::support::proxy::Fault;
use crate::support::role;
use crate::support::site::{PUBLISHED, Site};
use crate::support::trial::trial;
use crate::support::until;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::path::Path;

/// One test for each permission of the manifest.
pub(crate) fn trials() -> Vec<Trial> {
    let all = permissions(&role::objects("any"));
    assert!(all.len() > 10, "{all:?}");
    let test = |missing: Permission| {
        let resource = missing.resource.replace('/', "_");
        let name = format!("{}_of_{resource}_is_needed_and_named_when_it_is_missing", missing.verb);
        trial(module_path!(), &name, move || is_named(&missing))
    };
    all.into_iter().map(test).collect()
}

/// One verb on one resource, in one rule of one role.
#[derive(Clone, Debug)]
struct Permission {
    role: usize,
    rule: usize,
    resource: String,
    verb: String,
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}

fn permissions(objects: &[Value]) -> Vec<Permission> {
    let mut all = Vec::new();
    for (role, object) in objects.iter().enumerate() {
        for (rule, text) in object["rules"].as_array().into_iter().flatten().enumerate() {
            for resource in texts(&text["resources"]) {
                for verb in texts(&text["verbs"]) {
                    all.push(Permission { role, rule, resource: resource.clone(), verb });
                }
            }
        }
    }
    all
}

/// Takes one permission away; the rest of its rule stays.
fn without(objects: &mut [Value], missing: &Permission) {
    let rules = objects[missing.role]["rules"].as_array_mut().unwrap();
    let whole = rules.remove(missing.rule);
    let others: Vec<_> =
        texts(&whole["resources"]).into_iter().filter(|name| *name != missing.resource).collect();
    let verbs: Vec<_> = texts(&whole["verbs"]).into_iter().filter(|verb| *verb != missing.verb).collect();
    for (resources, verbs) in
        [(json!(others), whole["verbs"].clone()), (json!([missing.resource]), json!(verbs))]
    {
        if !texts(&resources).is_empty() && !texts(&verbs).is_empty() {
            let mut rule = whole.clone();
            rule["resources"] = resources;
            rule["verbs"] = verbs;
            rules.push(rule);
        }
    }
}

/// What has to be going on for a permission to matter.
struct Circumstances {
    /// Further arguments of sync.
    arguments: Vec<String>,
    /// The server says that it knows no streaming lists, so that lists are asked for.
    paged: bool,
    /// A problem comes, goes and comes again.
    recurring: bool,
}

fn circumstances(missing: &Permission, namespace: &str) -> Circumstances {
    let what = (missing.resource.as_str(), missing.verb.as_str());
    let flags: &[&str] = match what {
        ("nodes" | "pods", _) => &[],
        ("services", "get") => &["--publish-service", "NAMESPACE/web"],
        ("configmaps", _) => &["--publish-status-address", PUBLISHED, "--configmap", "NAMESPACE/ingora"],
        ("namespaces", _) => &["--publish-status-address", PUBLISHED, "--watch-namespace-selector", "team=a"],
        _ => &["--publish-status-address", PUBLISHED],
    };
    Circumstances {
        arguments: flags.iter().map(|flag| flag.replace("NAMESPACE", namespace)).collect(),
        paged: missing.verb == "list",
        recurring: what == ("events", "patch"),
    }
}

/// A Pod that runs the controller, on a node that is there: without a flag their addresses are what status shows.
fn pod(test: &Site<'_>) {
    let (admin, namespace) = (&test.cluster.admin, &test.namespace);
    admin.create(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": namespace } }));
    admin.create(&json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "ingora-0", "namespace": namespace, "labels": { "app": "ingora" } },
        "spec": { "nodeName": namespace, "containers": [{ "name": "sync", "image": "ingora" }] },
    }));
    let path = format!("/api/v1/namespaces/{namespace}/pods/ingora-0/status");
    let ready = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] });
    admin.merge(&path, &json!({ "status": ready }));
}

/// `ingora sync` by itself, as its Pod would run it.
fn sync(test: &Site<'_>, server: &str, further: &[String]) -> Program {
    let kubeconfig = test.kubeconfig(server);
    let mut arguments = vec!["POD_NAME=ingora-0".to_owned(), binary("ingora").display().to_string()];
    arguments.extend(["sync".to_owned()].into_iter().chain(test.source(&kubeconfig)));
    let socket = kubeconfig.with_extension("sock").display().to_string();
    arguments.extend(["--socket".to_owned(), socket, "--healthz-port".to_owned(), "0".to_owned()]);
    arguments.extend_from_slice(further);
    Program::start_at(Path::new("/usr/bin/env"), "ingora", &arguments, &kubeconfig.with_extension("log"))
}

fn is_named(missing: &Permission) {
    let test = Site::with_role(Cluster::shared(), "denied", |objects| without(objects, missing));
    let backend = test.backend("web");
    // Work for everybody: an address to write, something wrong to tell.
    let broken = ingress("broken").path("b.test", "Prefix", "/", "missing").text();
    test.apply(documents([site("a.test", "web", backend.address), broken.clone()]));
    pod(&test);
    let circumstances = circumstances(missing, &test.namespace);
    let proxy = test.proxy();
    let _paged =
        circumstances.paged.then(|| proxy.inject(&["sendInitialEvents"], Fault::status(422, "Invalid")));
    let sync = sync(&test, &format!("http://{}", proxy.address), &circumstances.arguments);
    if circumstances.recurring {
        // Each is told by an Event of its own; telling the first one again patches it. By their reasons, because there are
        // Events of other things as well: changes that follow each other too fast are one.
        let told = |reason: &str| {
            let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", test.namespace);
            let events = test.cluster.admin.get(&path);
            events["items"]
                .as_array()
                .is_some_and(|items| items.iter().any(|event| event["reason"] == reason))
        };
        until("the problem is told", || told("ServiceNotFound"));
        test.apply(ingress("broken").path("b.test", "Prefix", "/", "web").text());
        until("that it went is told", || told("ProblemSolved"));
        test.apply(broken);
    }
    let resource = missing.resource.split('/').next().unwrap();
    until(&format!("{missing:?} is refused and named"), || {
        let named = |line: &str| line.contains(resource) && line.contains(&missing.verb);
        !test.refusals().is_empty() && sync.log().lines().any(named)
    });
    let exactly = format!("{} {resource}", missing.verb);
    let refused = test.refusals();
    assert!(refused.iter().all(|what| what.starts_with(&exactly)), "without {missing:?}: {refused:?}");
}
