//! The folder of manifests is watched: however files change, the edge follows, and a broken file breaks nothing.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress, service, site};
use crate::support::until;
use std::fs;
use std::os::unix::fs::symlink;

fn host(name: &str) -> String {
    ingress(name).path(&format!("{name}.test"), "Prefix", "/", "web").text()
}

#[test]
fn files_may_be_written_in_place_renamed_and_removed() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let file = |name: &str| edge.manifests.join(name);
    fs::write(file("new.yaml"), host("new")).unwrap();
    edge.until_ask("new.test", "/", "web");
    fs::write(file("new.yaml"), host("changed")).unwrap();
    edge.until_ask("changed.test", "/", "web");
    edge.until_ask("new.test", "/", "404");
    fs::rename(file("new.yaml"), file("renamed.yml")).unwrap();
    fs::write(file("other.json"), r#"{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "json", "namespace": "test"}, "spec": {"ingressClassName": "ingora", "rules": [{"host":
        "json.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web",
        "port": {"number": 80}}}}]}}]}}"#)
    .unwrap();
    edge.until_ask("json.test", "/", "web");
    edge.until_ask("changed.test", "/", "web");
    fs::remove_file(file("renamed.yml")).unwrap();
    edge.until_ask("changed.test", "/", "404");
    assert_eq!(edge.ask("a.test", "/"), "web");
}

#[test]
fn a_list_is_as_good_as_its_items() {
    let backend = Backend::named("web");
    let indent = |text: String| text.trim().replace('\n', "\n  ");
    let list =
        format!("apiVersion: v1\nkind: List\nitems:\n- {}\n- {}\n", indent(host("one")), indent(host("two")));
    let edge =
        Edge::plan().file("web.yaml", service("web", &[backend.address])).file("list.yaml", list).start();
    assert_eq!(edge.ask("one.test", "/"), "web");
    assert_eq!(edge.ask("two.test", "/"), "web");
}

#[test]
fn a_mounted_configmap_is_followed_through_its_symlink_swaps() {
    let backend = Backend::named("web");
    let edge = Edge::plan().file("web.yaml", service("web", &[backend.address])).start();
    let version = |number: u32, name: &str| {
        // As the kubelet does it: a new folder, a new symlink, renamed over the old one.
        let folder = format!("..2026_01_0{number}");
        fs::create_dir(edge.manifests.join(&folder)).unwrap();
        fs::write(edge.manifests.join(&folder).join("site.yaml"), host(name)).unwrap();
        symlink(&folder, edge.manifests.join("..data_tmp")).unwrap();
        fs::rename(edge.manifests.join("..data_tmp"), edge.manifests.join("..data")).unwrap();
    };
    version(1, "first");
    symlink("..data/site.yaml", edge.manifests.join("site.yaml")).unwrap();
    edge.until_ask("first.test", "/", "web");
    version(2, "second");
    edge.until_ask("second.test", "/", "web");
    edge.until_ask("first.test", "/", "404");
    fs::remove_dir_all(edge.manifests.join("..2026_01_01")).unwrap();
    version(3, "third");
    edge.until_ask("third.test", "/", "web");
}

#[test]
fn a_file_that_stops_parsing_keeps_its_last_good_objects() {
    let backend = Backend::named("web");
    let edge = Edge::plan()
        .file("web.yaml", service("web", &[backend.address]))
        .file("site.yaml", documents([host("one"), host("two")]))
        .start();
    edge.write("site.yaml", documents([host("one"), "kind: Ingress\n  broken: [".to_owned()]));
    until("sync names the file", || {
        edge.sync.log().lines().any(|line| line.contains("FileUnreadable") && line.contains("site.yaml"))
    });
    edge.write("other.yaml", host("other"));
    edge.until_ask("other.test", "/", "web");
    assert_eq!(edge.ask("one.test", "/"), "web");
    assert_eq!(edge.ask("two.test", "/"), "web", "the last good objects of the broken file stay");
    edge.write("site.yaml", host("one"));
    edge.until_ask("two.test", "/", "404");
}

#[test]
fn a_broken_object_costs_only_itself() {
    let backend = Backend::named("web");
    let broken = host("broken").replace("pathType: Prefix", "pathType: 17");
    let edge = Edge::plan()
        .file("web.yaml", service("web", &[backend.address]))
        .file("site.yaml", documents([host("one"), broken, host("two")]))
        .start();
    assert_eq!(edge.ask("one.test", "/"), "web");
    assert_eq!(edge.ask("two.test", "/"), "web");
    assert_eq!(edge.ask("broken.test", "/"), "404");
}

#[test]
fn a_file_that_is_broken_from_the_start_does_not_keep_the_gateway_from_being_ready() {
    let backend = Backend::named("web");
    let edge = Edge::plan()
        .file("site.yaml", site("a.test", "web", backend.address))
        .file("broken.yaml", "{ this is: [not yaml")
        .start();
    assert_eq!(edge.ask("a.test", "/"), "web");
}
