//! Which Ingresses are ours (ingress-nginx-compatible: class object, annotation, or neither).

use crate::support::backend::Backend;
use crate::support::edge::{Edge, Plan};
use crate::support::manifest::{documents, ingress, service};

const OTHER_CLASS: &str = "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: other }
spec: { controller: example.test/other }
";

/// Five Ingresses that differ in what they say about their class.
fn plan(backend: &Backend) -> Plan {
    let site = |name: &str| ingress(name).path(&format!("{name}.test"), "Prefix", "/", "web");
    Edge::plan().file(
        "site.yaml",
        documents([
            OTHER_CLASS.to_owned(),
            service("web", &[backend.address]),
            site("ours").text(),
            site("foreign").class(Some("other")).text(),
            site("unknown").class(Some("nobody")).text(),
            site("annotated").class(None).annotation("kubernetes.io/ingress.class", "ingora").text(),
            site("foreign-annotated").class(None).annotation("kubernetes.io/ingress.class", "nginx").text(),
            site("both").class(Some("other")).annotation("kubernetes.io/ingress.class", "ingora").text(),
            site("neither").class(None).text(),
        ]),
    )
}

#[test]
fn only_ingresses_of_our_class_are_served() {
    let backend = Backend::named("web");
    let edge = plan(&backend).start();
    for (host, want) in [
        ("ours.test", "web"),
        ("annotated.test", "web"),
        ("foreign.test", "404"),
        ("unknown.test", "404"),
        ("foreign-annotated.test", "404"),
        ("both.test", "404"),
        ("neither.test", "404"),
    ] {
        assert_eq!(edge.ask(host, "/"), want, "{host}");
    }
}

#[test]
fn an_ingress_without_class_is_served_when_we_are_told_so() {
    let backend = Backend::named("web");
    let edge = plan(&backend).sync(&["--watch-ingress-without-class"]).start();
    assert_eq!(edge.ask("neither.test", "/"), "web");
    assert_eq!(edge.ask("foreign.test", "/"), "404");
    assert_eq!(edge.ask("foreign-annotated.test", "/"), "404");
}

#[test]
fn another_controller_name_and_another_annotation_can_be_ours() {
    let backend = Backend::named("web");
    let edge = plan(&backend)
        .sync(&["--controller-class", "example.test/other", "--ingress-class", "nginx"])
        .start();
    assert_eq!(edge.ask("foreign.test", "/"), "web");
    assert_eq!(edge.ask("foreign-annotated.test", "/"), "web");
    assert_eq!(edge.ask("ours.test", "/"), "404");
    assert_eq!(edge.ask("annotated.test", "/"), "404");
}

#[test]
fn a_class_may_come_after_its_ingresses_and_may_go() {
    let backend = Backend::named("web");
    let class = "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: nobody }
spec: { controller: ingora.io/ingress-controller }
";
    let edge = plan(&backend).start();
    assert_eq!(edge.ask("unknown.test", "/"), "404");
    edge.write("late.yaml", class);
    edge.until_ask("unknown.test", "/", "web");
    edge.remove("late.yaml");
    edge.until_ask("unknown.test", "/", "404");
    assert_eq!(edge.ask("ours.test", "/"), "web");
}
