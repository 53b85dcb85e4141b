//! `helm/rbac.yaml` is what is needed, and nothing more: every test runs under it, and without any one permission of it the
//! controller says exactly which one is missing.

use crate::support::cluster::Cluster;
use crate::support::manifest::{documents, ingress, site};
use crate::support::ports::free_port;
use crate::support::process::Program;
use crate::support::site::{PUBLISHED, Site};
use crate::support::trial::trials;
use crate::support::until;
use serde_json::{Value, json};

trials! {
    trial:
        a_missing_permission_is_named_each_of_them;
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

fn a_missing_permission_is_named_each_of_them() {
    let all = permissions(&crate::support::role::objects("any"));
    assert!(all.len() > 10, "{all:?}");
    for missing in &all {
        is_named(missing);
    }
    eprintln!("    {} permissions, each of them needed", all.len());
}

fn is_named(missing: &Permission) {
    let test = Site::with_role(Cluster::shared(), "denied", |objects| without(objects, missing));
    let backend = test.backend("web");
    // Work for everybody: an address to write, something wrong to tell.
    test.apply(documents([
        site("a.test", "web", backend.address),
        ingress("broken").path("b.test", "Prefix", "/", "missing").text(),
    ]));
    let kubeconfig = test.kubeconfig(&format!("https://{}", test.cluster.admin.address));
    let arguments = [
        ["sync", "--kubeconfig", &kubeconfig.display().to_string()].as_slice(),
        &["--ingress-class", &test.namespace, "--publish-status-address", PUBLISHED],
        &["--socket", &kubeconfig.with_extension("sock").display().to_string()],
        &["--healthz-port", &free_port().to_string()],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect::<Vec<_>>();
    let sync = Program::start("ingora", &arguments, &kubeconfig.with_extension("log"));
    let resource = missing.resource.split('/').next().unwrap();
    until(&format!("{missing:?} is refused and named"), || {
        let refused = test.refusals();
        let named = |line: &str| line.contains(resource) && line.contains(&missing.verb);
        !refused.is_empty() && sync.log().lines().any(named)
    });
    let refused = test.refusals();
    let exactly = format!("{} {resource}", missing.verb);
    assert!(refused.iter().all(|what| what.starts_with(&exactly)), "without {missing:?}: {refused:?}");
}
