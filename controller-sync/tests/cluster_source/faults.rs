//! What goes wrong, and what does not happen because of it.

use super::listener::{Listener, host};
use super::server::{Fault, Seen, Server};
use super::{ingress, secret};
use ingora_config::Reason;
use ingora_controller_sync::source::cluster::client::ClientOptions;
use ingora_controller_sync::store;
use serde_json::json;
use std::time::{Duration, Instant};

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
