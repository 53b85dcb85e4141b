//! Who may know whom: the crate arrows of ARCHITECTURE.md, read from `cargo metadata`.

#![cfg(test)]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::collections::BTreeSet;
use std::path::Path;

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).exec().unwrap()
}

/// Every crate that `package` needs to run, through any number of steps.
fn tree(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let root = metadata.workspace_packages().into_iter().find(|p| p.name.as_str() == package).unwrap();
    let mut seen = BTreeSet::from([root.id.clone()]);
    let mut queue = vec![root.id.clone()];
    while let Some(id) = queue.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == id).unwrap();
        for dependency in &node.deps {
            let needed = dependency.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal);
            if needed && seen.insert(dependency.pkg.clone()) {
                queue.push(dependency.pkg.clone());
            }
        }
    }
    seen.iter().map(|id| metadata[id].name.to_string()).collect()
}

fn assert_knows_none(package: &str, forbidden: &[&str]) {
    for name in tree(&metadata(), package) {
        let hit = forbidden.iter().find(|word| name.starts_with(**word));
        assert!(hit.is_none(), "{package} must not depend on {name}");
    }
}

const KUBERNETES: &[&str] = &["kube", "k8s-"];
const ENGINE: &[&str] = &["pingora"];
const OTHER_TLS: &[&str] = &["rustls", "boring", "native-tls", "s2n-tls", "aws-lc"];

#[test]
fn config_is_plain_data_and_knows_nobody() {
    assert_knows_none("ingora-config", KUBERNETES);
    assert_knows_none("ingora-config", ENGINE);
    assert_knows_none(
        "ingora-config",
        &["tokio", "hyper", "ingora-controller-sync", "ingora-gateway", "ingora-loadtest"],
    );
}

#[test]
fn controller_sync_knows_config_and_neither_the_engine_nor_the_gateway() {
    assert!(tree(&metadata(), "ingora-controller-sync").contains("ingora-config"));
    assert_knows_none("ingora-controller-sync", ENGINE);
    assert_knows_none("ingora-controller-sync", &["ingora-gateway", "ingora-loadtest"]);
}

#[test]
fn the_gateway_knows_config_and_neither_kubernetes_nor_controller_sync() {
    assert!(tree(&metadata(), "ingora-gateway").contains("ingora-config"));
    assert_knows_none("ingora-gateway", KUBERNETES);
    assert_knows_none("ingora-gateway", &["ingora-controller-sync", "ingora-loadtest"]);
}

/// Were Kubernetes clients called otherwise, the test above could not fail.
#[test]
fn controller_sync_is_the_one_that_knows_kubernetes() {
    let tree = tree(&metadata(), "ingora-controller-sync");
    for word in KUBERNETES {
        assert!(tree.iter().any(|name| name.starts_with(word)), "no {word} in {tree:?}");
    }
}

#[test]
fn the_gateway_reads_no_token_and_looks_for_no_api_server() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/src")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
            for word in
                ["serviceaccount", "service-account", "kubeconfig", "kubernetes_service_", "/var/run/secrets"]
            {
                assert!(!text.contains(word), "{} speaks of {word}", path.display());
            }
            read += 1;
        }
    }
    assert!(read > 20, "only {read} files");
}

#[test]
fn loadtest_knows_nothing_of_ours() {
    let ours: Vec<_> =
        tree(&metadata(), "ingora-loadtest").into_iter().filter(|n| n.starts_with("ingora-")).collect();
    assert_eq!(ours, ["ingora-loadtest"]);
}

#[test]
fn openssl_is_the_only_tls_library() {
    for package in ["ingora-config", "ingora-controller-sync", "ingora-gateway", "ingora-loadtest"] {
        assert_knows_none(package, OTHER_TLS);
    }
}
