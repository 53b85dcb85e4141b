//! The cluster source against an API server that does things wrong (`cluster_source/server.rs`).
//!
//! What must hold throughout: nothing ends it, no failure takes back what was delivered, and afterwards its objects are
//! those of the API server.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ingora_config::{NamespacedName, Reason};
use ingora_controller_sync::object::{Kind, ObjectKey};
use ingora_controller_sync::source::cluster::Timing;
use ingora_controller_sync::source::cluster::client::ClientOptions;
use ingora_controller_sync::store;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

#[path = "cluster_source/faults.rs"]
mod faults;
#[path = "cluster_source/listener.rs"]
mod listener;
#[path = "cluster_source/process.rs"]
mod process;
#[path = "cluster_source/server.rs"]
mod server;
#[path = "cluster_source/tls.rs"]
mod tls;

use listener::{Listener, host};
use server::{Fault, Seen, Server};

/// Longer than anything takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

const PLURALS: [&str; 5] = ["ingressclasses", "secrets", "services", "endpointslices", "ingresses"];

fn ingress(name: &str, host: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"ingressClassName": "ingora", "rules": [{"host": host, "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
        ]}}]},
    })
}

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop", "name": name},
        "spec": {"ports": [{"port": 80}]}})
}

fn secret(namespace: &str, name: &str, kind: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"namespace": namespace, "name": name},
        "data": {"tls.crt": "eA=="}})
}

fn class() -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "ingora"},
        "spec": {"controller": "ingora.io/ingress-controller"}})
}

#[tokio::test]
async fn it_is_ready_once_when_every_kind_has_been_listed_and_not_before() {
    let server = Server::start();
    server.put("ingresses", ingress("web", "a.example"));
    server.put("ingressclasses", class());
    server.always("secrets", Some(Fault::Hang));
    let mut listener = Listener::start(&server).await;
    listener.until_there("Ingress shop/web").await;
    listener.until_there("IngressClass ingora").await;
    listener.until("the second try", |_| server.count(|seen| seen.is_of("secrets")) > 1).await;
    assert_eq!(listener.ready, 0, "there is no list of Secrets yet");
    server.always("secrets", None);
    listener.until_ready().await;
    server.put("ingresses", ingress("late", "b.example"));
    listener.until_there("Ingress shop/late").await;
    assert_eq!(listener.ready, 1);
    assert!(listener.problems.is_empty());
}

#[tokio::test]
async fn a_streaming_list_goes_on_as_the_watch() {
    let server = Server::start();
    for number in 0..3 {
        server.put("services", service(&format!("s{number}")));
    }
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    server.put("services", service("s3"));
    listener.until_there("Service shop/s3").await;
    let seen = server.seen();
    let of_services: Vec<&Seen> = seen.iter().filter(|seen| seen.is_of("services")).collect();
    assert!(of_services[0].is_streaming_list(), "{of_services:?}");
    assert!(of_services.iter().all(|seen| seen.is_watch()), "nothing else had to be asked: {of_services:?}");
    let first = &listener.log.iter().find(|batch| batch[0].contains("Service")).unwrap();
    assert_eq!(first.len(), 3, "what was there comes in one batch: {first:?}");
}

#[tokio::test]
async fn an_api_server_without_streaming_lists_is_listed_in_pages() {
    let server = Server::start();
    server.streaming(false);
    for number in 0..1100 {
        server.put("services", service(&format!("s{number}")));
    }
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    assert_eq!(listener.objects.len(), 1100);
    let pages = server.count(|seen| seen.is_of("services") && !seen.is_watch());
    assert_eq!(pages, 3);
    let first = &listener.log.iter().find(|batch| batch[0].contains("Service")).unwrap();
    assert_eq!(first.len(), 1100, "pages are one batch");
    server.put("services", service("late"));
    listener.until_there("Service shop/late").await;
    // Everything is listed again, and nobody asks for a streaming list any more.
    let asked = server.count(Seen::is_streaming_list);
    server.compact();
    server.cut();
    listener
        .until("another list", |_| server.count(|seen| seen.is_of("services") && !seen.is_watch()) > 3)
        .await;
    assert_eq!(server.count(Seen::is_streaming_list), asked);
}

#[tokio::test]
async fn an_object_that_cannot_be_decoded_is_named_and_keeps_its_last_good_version() {
    let server = Server::start();
    server.put("ingresses", ingress("web", "a.example"));
    let mut never = ingress("never", "x.example");
    never["spec"]["rules"] = json!("none");
    server.put("ingresses", never);
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    assert!(listener.has("Ingress shop/web"));
    assert!(!listener.has("Ingress shop/never"));
    let problem = &listener.problems["Ingress shop/never"][0];
    assert_eq!((problem.reason, problem.field.as_str()), (Reason::ObjectInvalid, "spec.rules"));
    let mut odd = ingress("web", "b.example");
    odd["metadata"]["annotations"] = json!({"a": 1});
    server.put("ingresses", odd);
    listener.until("the problem", |listener| listener.problems.contains_key("Ingress shop/web")).await;
    server.put("ingresses", ingress("other", "c.example"));
    listener.until_there("Ingress shop/other").await;
    assert_eq!(host(&listener, "Ingress shop/web"), "a.example");
    // Not even a new list takes it away.
    server.compact();
    server.cut();
    let lists = listener.metrics.text();
    listener.until("a new list", |listener| listener.metrics.text() != lists).await;
    server.put("ingresses", ingress("more", "d.example"));
    listener.until_there("Ingress shop/more").await;
    assert_eq!(host(&listener, "Ingress shop/web"), "a.example");
    server.put("ingresses", ingress("web", "b.example"));
    listener.until("the mended one", |listener| host(listener, "Ingress shop/web") == "b.example").await;
    assert_eq!(listener.problems.keys().collect::<Vec<_>>(), ["Ingress shop/never"]);
}

#[tokio::test]
async fn with_one_namespace_only_that_is_asked_for_and_classes_are_optional() {
    let server = Server::start();
    server.always("ingressclasses", Some(Fault::Status(403, None)));
    server.put("ingresses", ingress("web", "a.example"));
    server
        .put("services", json!({"metadata": {"namespace": "edge", "name": "sorry"}, "spec": {"ports": []}}));
    server
        .put("services", json!({"metadata": {"namespace": "edge", "name": "other"}, "spec": {"ports": []}}));
    server.put("secrets", secret("edge", "default", "Opaque"));
    let options = store::Options {
        watch_namespace: Some("shop".into()),
        default_backend_service: Some(NamespacedName::new("edge", "sorry")),
        default_ssl_certificate: Some(NamespacedName::new("edge", "default")),
        ..store::Options::default()
    };
    let mut listener = Listener::with(&server, options, None).await;
    listener.until_ready().await;
    listener.until("the problem", |listener| listener.reasons() == [Reason::KindForbidden]).await;
    let keys: Vec<_> = listener.objects.keys().collect();
    assert_eq!(keys, ["Ingress shop/web", "Secret edge/default", "Service edge/sorry"]);
    for seen in server.seen().iter().filter(|seen| !seen.is_of("ingressclasses")) {
        let by_name = |field: &str| {
            seen.query
                .get(field)
                .is_some_and(|selector| selector.contains("=sorry") || selector.contains("=default"))
        };
        let shop = seen.path.contains("/namespaces/shop/");
        let edge =
            seen.path.contains("/namespaces/edge/") && (by_name("fieldSelector") || by_name("labelSelector"));
        assert!(shop || edge, "{seen:?}");
    }
}

#[tokio::test]
async fn other_secrets_are_followed_by_name_as_long_as_somebody_names_them() {
    let server = Server::start();
    server.put("secrets", secret("shop", "tls", "kubernetes.io/tls"));
    server.put("secrets", secret("shop", "users", "Opaque"));
    server.put("secrets", secret("shop", "private", "Opaque"));
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    assert_eq!(listener.objects.keys().collect::<Vec<_>>(), ["Secret shop/tls"]);
    let key = |name: &str| ObjectKey::new(Kind::Secret, NamespacedName::new("shop", name));
    listener.following.refer(BTreeSet::from([key("users"), key("later"), key("tls")]));
    listener.until("three answers", |listener| listener.answered.len() == 3).await;
    assert_eq!(listener.objects.keys().collect::<Vec<_>>(), ["Secret shop/tls", "Secret shop/users"]);
    server.put("secrets", secret("shop", "later", "Opaque"));
    listener.until_there("Secret shop/later").await;
    listener.following.refer(BTreeSet::from([key("later"), key("tls")]));
    listener.until("the end of it", |listener| !listener.has("Secret shop/users")).await;
    assert_eq!(listener.objects.keys().collect::<Vec<_>>(), ["Secret shop/later", "Secret shop/tls"]);
    // A Secret that comes back with another type changes the watch that tells of it.
    server.delete("secrets", "shop", "later");
    server.put("secrets", secret("shop", "later", "kubernetes.io/tls"));
    server.put("secrets", secret("shop", "last", "kubernetes.io/tls"));
    listener.until_there("Secret shop/last").await;
    listener.until_there("Secret shop/later").await;
    assert!(
        !server
            .seen()
            .iter()
            .any(|seen| seen.query.get("fieldSelector").is_some_and(|text| text.contains("private")))
    );
}

#[tokio::test]
async fn only_ingresses_in_namespaces_with_the_labels_are_served() {
    let server = Server::start();
    let namespace = |name: &str, team: &str| json!({"kind": "Namespace", "metadata": {"name": name, "labels": {"team": team}}});
    let in_namespace = |namespace: &str, host: &str| {
        let mut object = ingress("web", host);
        object["metadata"]["namespace"] = json!(namespace);
        object
    };
    server.put("namespaces", namespace("shop", "blue"));
    server.put("namespaces", namespace("other", "red"));
    server.put("ingresses", in_namespace("shop", "a.example"));
    server.put("ingresses", in_namespace("other", "b.example"));
    let mut listener = Listener::with(&server, store::Options::default(), Some("team=blue")).await;
    listener.until_ready().await;
    assert_eq!(listener.objects.keys().collect::<Vec<_>>(), ["Ingress shop/web"]);
    server.put("namespaces", namespace("other", "blue"));
    listener.until_there("Ingress other/web").await;
    server.put("namespaces", namespace("shop", "red"));
    listener.until("the end of it", |listener| !listener.has("Ingress shop/web")).await;
    server.put("ingresses", in_namespace("shop", "c.example"));
    server.put("ingresses", in_namespace("other", "d.example"));
    listener.until("the change", |listener| host(listener, "Ingress other/web") == "d.example").await;
    assert!(!listener.has("Ingress shop/web"));
    server.put("namespaces", namespace("shop", "blue"));
    listener.until_there("Ingress shop/web").await;
    assert_eq!(host(&listener, "Ingress shop/web"), "c.example");
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let server = Server::start();
    server.streaming(false);
    let large = "x".repeat(1 << 20);
    for number in 0..40 {
        let mut object = secret("shop", &format!("s{number}"), "kubernetes.io/tls");
        object["data"]["ballast"] = json!(large);
        server.put("secrets", object);
    }
    // So much takes its time on a busy machine.
    let to = ClientOptions { apiserver_host: Some(server.url()), kubeconfig: None };
    let mut listener = Listener::at(to, store::Options::default(), None, Timing::default()).await;
    listener.until_ready().await;
    assert_eq!(listener.objects.len(), 40);
    let limits: Vec<String> = server
        .seen()
        .iter()
        .filter(|seen| seen.is_of("secrets") && !seen.is_watch())
        .map(|seen| seen.query["limit"].clone())
        .collect();
    assert_eq!(limits[..2], ["500", "125"]);
    assert_eq!(limits.last().unwrap(), "31");
}

#[tokio::test]
async fn nothing_but_the_five_kinds_is_asked_for() {
    let server = Server::start();
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    let asked: BTreeSet<String> =
        server.seen().iter().map(|seen| seen.path.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(asked, PLURALS.map(str::to_owned).into());
    let of_secrets =
        |seen: &Seen| seen.is_of("secrets") && seen.query["fieldSelector"] != "type=kubernetes.io/tls";
    assert_eq!(server.count(of_secrets), 0, "no other Secret leaves the API server");
}
