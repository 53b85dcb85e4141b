//! The cluster source against an API server that does things wrong (`cluster_source/server.rs`).
//!
//! What must hold throughout: nothing ends it, no failure takes back what was delivered, and afterwards its objects are
//! those of the API server.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ingora_config::{NamespacedName, Problem, Reason};
use ingora_controller_sync::metrics::Metrics;
use ingora_controller_sync::object::{Kind, Object, ObjectKey};
use ingora_controller_sync::source::cluster::client::{ClientOptions, client};
use ingora_controller_sync::source::cluster::{Following, Options, Timing, follow};
use ingora_controller_sync::source::{Batch, Event, channel};
use ingora_controller_sync::store;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

#[path = "cluster_source/process.rs"]
mod process;
#[path = "cluster_source/server.rs"]
mod server;

use server::{Fault, Seen, Server};

/// Longer than anything takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

const PLURALS: [&str; 5] = ["ingressclasses", "secrets", "services", "endpointslices", "ingresses"];

fn fast() -> Timing {
    Timing {
        answer: Duration::from_millis(1500),
        pause: Duration::from_millis(1500),
        watch: Duration::from_secs(1),
        grace: Duration::from_secs(1),
        shortest_backoff: Duration::from_millis(10),
        longest_backoff: Duration::from_millis(100),
        outage: Duration::from_secs(3600),
        confirm: Duration::from_millis(50),
    }
}

/// A source, and what it has said so far.
struct Listener {
    following: Following,
    batches: mpsc::Receiver<Batch>,
    metrics: Metrics,
    objects: BTreeMap<String, Object>,
    problems: BTreeMap<String, Vec<Problem>>,
    answered: BTreeSet<String>,
    ready: usize,
    /// The objects each batch changed.
    log: Vec<Vec<String>>,
}

impl Listener {
    async fn start(server: &Server) -> Self {
        Self::with(server, store::Options::default(), None).await
    }

    async fn with(server: &Server, store: store::Options, selector: Option<&str>) -> Self {
        let options = ClientOptions { apiserver_host: Some(server.url()), kubeconfig: None };
        Self::to(options, store, selector).await
    }

    async fn to(to: ClientOptions, store: store::Options, selector: Option<&str>) -> Self {
        let (sender, batches) = channel();
        let metrics = Metrics::default();
        let options = Options { namespace_selector: selector.map(str::to_owned), timing: fast() };
        let following = follow(client(&to).await.unwrap(), &store, &options, metrics.source.clone(), sender);
        Self {
            following,
            batches,
            metrics,
            objects: BTreeMap::new(),
            problems: BTreeMap::new(),
            answered: BTreeSet::new(),
            ready: 0,
            log: Vec::new(),
        }
    }

    /// Takes what comes until something holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !holds(self) {
            // Some conditions are about the server.
            let soon = tokio::time::Instant::now() + Duration::from_millis(10);
            match tokio::time::timeout_at(soon, self.batches.recv()).await {
                Ok(batch) => self.take(batch.expect("the source goes on")),
                Err(_) => assert!(
                    tokio::time::Instant::now() < deadline,
                    "{what} does not come; there are {:?} and {:?}",
                    self.objects.keys().take(20).collect::<Vec<_>>(),
                    self.problems
                ),
            }
        }
    }

    fn take(&mut self, batch: Batch) {
        let mut changed = Vec::new();
        for event in batch {
            match event {
                Event::Apply(object, _) => {
                    let key = object.key().to_string();
                    changed.push(format!("+{key}"));
                    self.objects.insert(key, *object);
                }
                Event::Delete(key) => {
                    changed.push(format!("-{key}"));
                    assert!(self.objects.remove(&key.to_string()).is_some(), "{key} was never there");
                }
                Event::Problems { origin, problems } if problems.is_empty() => {
                    self.problems.remove(&origin);
                }
                Event::Problems { origin, problems } => drop(self.problems.insert(origin, problems)),
                Event::Ready => self.ready += 1,
                Event::Answered(key) => drop(self.answered.insert(key.to_string())),
            }
        }
        if !changed.is_empty() {
            self.log.push(changed);
        }
    }

    async fn until_ready(&mut self) {
        self.until("readiness", |listener| listener.ready > 0).await;
    }

    async fn until_there(&mut self, key: &str) {
        self.until(key, |listener| listener.objects.contains_key(key)).await;
    }

    /// Makes the API server go away, and waits until that is noticed.
    async fn lose(&mut self, server: &Server) {
        server.down(true);
        self.until("the loss", |listener| {
            listener.metric("ingora_sync_source_connected{kind=\"Ingress\"} 0")
        })
        .await;
    }

    fn metric(&self, line: &str) -> bool {
        self.metrics.text().lines().any(|there| there == line)
    }

    fn has(&self, key: &str) -> bool {
        self.objects.contains_key(key)
    }

    fn reasons(&self) -> Vec<Reason> {
        self.problems.values().flatten().map(|problem| problem.reason).collect()
    }
}

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

/// A host of an Ingress that is held.
fn host(listener: &Listener, key: &str) -> String {
    match &listener.objects[key] {
        Object::Ingress(ingress) => ingress.spec.rules[0].host.clone().unwrap(),
        other => panic!("{other:?}"),
    }
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
async fn after_a_compaction_the_difference_comes_in_one_batch() {
    let server = Server::start();
    for name in ["a", "b", "c"] {
        server.put("ingresses", ingress(name, &format!("{name}.example")));
    }
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    let before = listener.log.len();
    listener.lose(&server).await;
    server.delete("ingresses", "shop", "a");
    server.put("ingresses", ingress("b", "new.example"));
    server.put("ingresses", ingress("d", "d.example"));
    server.compact();
    server.down(false);
    listener.until_there("Ingress shop/d").await;
    assert!(!listener.has("Ingress shop/a"));
    assert_eq!(host(&listener, "Ingress shop/b"), "new.example");
    let mut batches = listener.log[before..].to_vec();
    assert_eq!(batches.len(), 1, "{batches:?}");
    batches[0].sort();
    assert_eq!(batches[0], ["+Ingress shop/b", "+Ingress shop/d", "-Ingress shop/a"]);
}

#[tokio::test]
async fn too_many_requests_are_not_asked_again_before_the_time_that_was_named() {
    let server = Server::start();
    server.once("services", Fault::Status(429, Some(2)));
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    let seen = server.seen();
    let asked: Vec<Instant> = seen.iter().filter(|seen| seen.is_of("services")).map(|seen| seen.at).collect();
    assert!(asked[1] - asked[0] >= Duration::from_secs(2), "{:?}", asked[1] - asked[0]);
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_is_named_with_its_rule_and_keeps_only_publication_back() {
    let server = Server::start();
    server.put("ingresses", ingress("web", "a.example"));
    server.always("secrets", Some(Fault::Status(403, None)));
    let mut listener = Listener::start(&server).await;
    listener.until("the problem", |listener| listener.reasons() == [Reason::KindForbidden]).await;
    let problem = listener.problems.values().next().unwrap()[0].clone();
    assert_eq!(problem.object.kind, "Secret");
    assert!(problem.hint.contains("resources: [\"secrets\"], verbs: [\"list\", \"watch\"]"), "{problem}");
    listener.until_there("Ingress shop/web").await;
    assert_eq!(listener.ready, 0);
    server.always("secrets", None);
    listener.until_ready().await;
    assert!(listener.problems.is_empty());
    // Later on it takes nothing back and holds nobody up.
    server.put("secrets", secret("shop", "tls", "kubernetes.io/tls"));
    listener.until_there("Secret shop/tls").await;
    server.always("secrets", Some(Fault::Status(403, None)));
    server.cut();
    listener.until("the problem", |listener| listener.reasons() == [Reason::KindForbidden]).await;
    server.put("ingresses", ingress("late", "b.example"));
    listener.until_there("Ingress shop/late").await;
    assert!(listener.has("Secret shop/tls"));
    let metrics = listener.metrics.text();
    assert!(metrics.contains("ingora_sync_source_connected{kind=\"Secret\"} 0"), "{metrics}");
    assert!(metrics.contains("ingora_sync_source_connected{kind=\"Ingress\"} 1"), "{metrics}");
    assert!(metrics.contains("ingora_sync_source_errors_total{kind=\"Secret\",code=\"403\"}"), "{metrics}");
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
async fn a_token_that_is_rotated_is_read_again() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "first").unwrap();
    let kubeconfig = dir.path().join("config");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": server.url()}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "users": [{"name": "u", "user": {"tokenFile": token}}],
    });
    std::fs::write(&kubeconfig, text.to_string()).unwrap();
    server.token("first");
    server.put("ingresses", ingress("web", "a.example"));
    let to = ClientOptions { kubeconfig: Some(kubeconfig), apiserver_host: None };
    let mut listener = Listener::to(to, store::Options::default(), None).await;
    listener.until_ready().await;
    // The old one is refused before the new one is there.
    server.token("second");
    server.cut();
    listener.until("the refusal", |listener| listener.metrics.text().contains("code=\"401\"")).await;
    std::fs::write(&token, "second").unwrap();
    server.put("ingresses", ingress("late", "b.example"));
    listener.until_there("Ingress shop/late").await;
    assert!(listener.has("Ingress shop/web"));
}

#[tokio::test]
async fn whatever_a_watch_does_the_next_one_goes_on_where_it_ended() {
    let server = Server::start();
    server.put("ingresses", ingress("web", "a.example"));
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    let odd = json!({"type": "ADDED", "object": {"metadata": {"name": 5}}});
    let error =
        json!({"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "etcd is away"}});
    let faults = [
        Fault::Status(500, None),
        Fault::Status(503, Some(1)),
        Fault::Status(504, None),
        Fault::Cut,
        Fault::Hang,
        Fault::HalfOpen,
        Fault::End,
        Fault::Line(odd),
        Fault::Line(error),
        Fault::Line(json!({"type": "LATER", "object": {}})),
        Fault::Line(json!("nonsense")),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let asked = server.count(|seen| seen.is_of("ingresses"));
        server.once("ingresses", fault.clone());
        server.cut();
        listener.until("another request", |_| server.count(|seen| seen.is_of("ingresses")) > asked).await;
        let name = format!("n{number}");
        server.put("ingresses", ingress(&name, &format!("{name}.example")));
        listener.until_there(&format!("Ingress shop/{name}")).await;
        assert_eq!(listener.objects.len(), number + 2, "after {fault:?}");
    }
    assert_eq!(listener.ready, 1);
    assert!(listener.problems.is_empty());
}

#[tokio::test]
async fn a_list_that_goes_wrong_is_asked_for_again_until_it_is_right() {
    let server = Server::start();
    server.put("ingresses", ingress("web", "a.example"));
    for fault in [
        Fault::Hang,
        Fault::HalfOpen,
        Fault::Cut,
        Fault::End,
        Fault::Status(500, None),
        Fault::Status(429, None),
        Fault::Line(json!({"items": 7})),
    ] {
        server.once("ingresses", fault);
    }
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    assert!(listener.has("Ingress shop/web"));
}

#[tokio::test]
async fn while_the_api_server_is_away_everything_stays_and_the_metrics_say_so() {
    let server = Server::start();
    server.put("ingresses", ingress("web", "a.example"));
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    server.down(true);
    let all = |listener: &Listener, value: u8| {
        let text = listener.metrics.text();
        let kinds = ["Ingress", "IngressClass", "Service", "EndpointSlice", "Secret"];
        kinds
            .iter()
            .all(|kind| text.contains(&format!("ingora_sync_source_connected{{kind=\"{kind}\"}} {value}")))
    };
    listener.until("all kinds to fail", |listener| all(listener, 0)).await;
    server.delete("ingresses", "shop", "web");
    server.put("ingresses", ingress("late", "b.example"));
    listener
        .until("many errors", |listener| {
            let text = listener.metrics.text();
            let errors =
                text.lines().find(|line| line.contains("errors_total{kind=\"Ingress\",code=\"connection\"}"));
            errors.is_some_and(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap() > 10)
        })
        .await;
    assert!(listener.has("Ingress shop/web"));
    server.down(false);
    listener.until_there("Ingress shop/late").await;
    listener.until("the deletion", |listener| !listener.has("Ingress shop/web")).await;
    listener.until("all kinds to work", |listener| all(listener, 1)).await;
}

#[tokio::test]
async fn a_list_that_lost_everything_counts_only_when_a_second_one_says_the_same() {
    for streaming in [true, false] {
        let server = Server::start();
        server.streaming(streaming);
        for number in 0..20 {
            server.put("ingresses", ingress(&format!("n{number}"), &format!("n{number}.example")));
        }
        let mut listener = Listener::start(&server).await;
        listener.until_ready().await;
        let before = listener.log.len();
        listener.lose(&server).await;
        server.compact();
        // The watch that finds out, and the list that follows.
        server.once("ingresses", Fault::Status(410, None));
        server.once("ingresses", Fault::Empty);
        server.down(false);
        let again = |seen: &Seen| seen.is_of("ingresses") && !seen.is_watch();
        listener.until("a second list", |_| server.count(again) > 0).await;
        server.put("ingresses", ingress("late", "late.example"));
        listener.until_there("Ingress shop/late").await;
        assert_eq!(listener.log[before..], [["+Ingress shop/late"]], "streaming: {streaming}");
        // When it is true, it happens.
        listener.lose(&server).await;
        for number in 0..20 {
            server.delete("ingresses", "shop", &format!("n{number}"));
        }
        server.compact();
        server.down(false);
        listener.until("the removal", |listener| listener.objects.len() == 1).await;
        assert_eq!(listener.log.last().unwrap().len(), 20, "they go in one batch");
    }
}

#[tokio::test]
async fn an_api_server_that_ends_every_watch_at_once_is_not_asked_without_pause() {
    let server = Server::start();
    let mut listener = Listener::start(&server).await;
    listener.until_ready().await;
    server.always("ingresses", Some(Fault::End));
    server.cut();
    let asked = |seen: &Seen| seen.is_of("ingresses");
    let begin = server.count(asked);
    listener.until("twelve more", |_| server.count(asked) >= begin + 12).await;
    let seen: Vec<Instant> = server.seen().into_iter().filter(asked).map(|seen| seen.at).collect();
    // Pauses grow from 5 to at least 50 ms: 12 requests take at least 0.3 s.
    assert!(
        seen[begin + 11] - seen[begin] > Duration::from_millis(300),
        "{:?}",
        seen[begin + 11] - seen[begin]
    );
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
    let mut listener = Listener::start(&server).await;
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
