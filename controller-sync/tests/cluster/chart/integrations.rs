//! What docs/integrations.md promises of objects that other programs write or read.

use super::run::Release;
use crate::support::chart::{self, container, objects, workload};
use crate::support::http1;
use crate::support::manifest::{documents, ingress, service, site};
use crate::support::trial::trials;
use crate::support::until;
use serde_json::Value;

trials! {
    trial:
        cert_managers_solver_is_reached_beside_an_ingress_that_redirects_and_restricts,
        prometheus_is_sent_where_metrics_are;
}

/// The Ingress that cert-manager writes for a challenge, beside the one that waits for its certificate.
fn cert_managers_solver_is_reached_beside_an_ingress_that_redirects_and_restricts() {
    let release = Release::install("chart-acme", "controller.service.type=ClusterIP");
    let (web, solver) = (release.site.backend("web"), release.site.backend("token.key"));
    let own = ingress("web")
        .annotation("nginx.ingress.kubernetes.io/force-ssl-redirect", "true")
        .annotation("nginx.ingress.kubernetes.io/whitelist-source-range", "192.0.2.0/24")
        .annotation("cert-manager.io/cluster-issuer", "letsencrypt")
        .path("shop.test", "Prefix", "/", "web")
        .tls(&["shop.test"], "shop-tls");
    release.apply(&documents([service("web", &[web.address]), own.text()]));
    let pod = release.pod("ingora-0");
    pod.wait_ready();
    let status = |path: &str| http1::get(pod.http, "shop.test", path).map_or(0, |answer| answer.status);
    until("the shop redirects, though its certificate is not there", || status("/") == 308);
    let challenge = ingress("cm-acme-http-solver-x7k2p")
        .annotation("nginx.ingress.kubernetes.io/whitelist-source-range", "0.0.0.0/0,::/0")
        .path("shop.test", "Exact", "/.well-known/acme-challenge/token", "cm-acme-http-solver-x7k2p");
    release.apply(&documents([service("cm-acme-http-solver-x7k2p", &[solver.address]), challenge.text()]));
    until("the challenge is answered", || {
        let answer = http1::get(pod.http, "shop.test", "/.well-known/acme-challenge/token");
        answer.is_ok_and(|answer| answer.status == 200 && answer.text() == "token.key")
    });
    assert_eq!(status("/"), 308, "everything else still redirects");
    assert_eq!(status("/.well-known/acme-challenge/another"), 308);
    // It goes as it came.
    release.site.cluster.admin.delete(&release.site.ingress_path("cm-acme-http-solver-x7k2p"));
    until("the challenge is gone", || status("/.well-known/acme-challenge/token") == 308);
}

fn of<'o>(objects: &'o [Value], kind: &str, suffix: &str) -> &'o Value {
    let is_it = |object: &&Value| {
        object["kind"] == kind && object["metadata"]["name"].as_str().unwrap().ends_with(suffix)
    };
    objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {suffix}"))
}

fn names(ports: &Value) -> Vec<&str> {
    ports.as_array().unwrap().iter().filter_map(|port| port["name"].as_str()).collect()
}

/// From the ServiceMonitor to the Service to the container, every name is met; and what is there is metrics.
fn prometheus_is_sent_where_metrics_are() {
    let values = chart::folder().join("ci/monitoring-values.yaml");
    let objects = objects(&["--values", values.to_str().unwrap()]);
    let monitor = of(&objects, "ServiceMonitor", "-controller");
    let metrics = of(&objects, "Service", "-metrics");
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
    let chosen = |object: &Value, labels: &serde_json::Map<String, Value>| {
        labels.iter().all(|(key, value)| object["metadata"]["labels"][key] == *value)
    };
    assert!(chosen(metrics, wanted), "{wanted:?}");
    assert!(!chosen(of(&objects, "Service", "-controller"), wanted), "clients' ports have no metrics");
    assert_eq!(monitor["spec"]["namespaceSelector"]["matchNames"][0], metrics["metadata"]["namespace"]);
    let pod = &workload(&objects)["spec"]["template"];
    assert!(chosen(pod, metrics["spec"]["selector"].as_object().unwrap()));
    let containers = ["gateway", "sync"].map(|name| names(&container(pod, name)["ports"])).concat();
    for endpoint in monitor["spec"]["endpoints"].as_array().unwrap() {
        let ports = metrics["spec"]["ports"].as_array().unwrap();
        let port = ports.iter().find(|port| port["name"] == endpoint["port"]).expect("a port of the Service");
        assert!(containers.contains(&port["targetPort"].as_str().unwrap()), "{port}");
    }
    let release = Release::install("chart-metrics", "controller.metrics.enabled=true");
    let backend = release.site.backend("web");
    release.apply(&site("a.test", "web", backend.address));
    let pod = release.pod("ingora-0");
    pod.wait_ready();
    until("a request is counted", || {
        let asked = http1::get(pod.http, "a.test", "/").is_ok_and(|answer| answer.status == 200);
        let text =
            http1::get(pod.health, "prometheus", "/metrics").map_or(String::new(), |answer| answer.text());
        asked && text.contains("nginx_ingress_controller_requests{")
    });
    let text = http1::get(pod.health, "prometheus", "/metrics").unwrap().text();
    let own = format!("controller_namespace=\"{}\",controller_pod=\"ingora-0\"", release.site.namespace);
    // What the rule for scaling in docs/integrations.md asks for.
    let counted = |line: &str| {
        line.starts_with("nginx_ingress_controller_nginx_process_requests_total{") && line.contains(&own)
    };
    assert!(text.lines().any(counted), "{text}");
    let text = http1::get(pod.sync_health, "prometheus", "/metrics").unwrap().text();
    for series in ["ingora_sync_leader 1", "ingora_sync_source_connected{"] {
        assert!(text.contains(series), "{series}: {text}");
    }
}
