//! The tables are complete, and read a ConfigMap as it is written.

use super::{Effect, UNKNOWN_TOLD, page, rows};
use crate::object::Object;
use crate::store::{Options, Store};
use crate::translate::Translator;
use ingora_config::settings::GlobalAuth;
use ingora_config::{Problem, Reason, Resource, Settings, Severity};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::SystemTime;

/// Every key of ingress-nginx 1.15: those of its documentation, the dead ones among them, and those that it honours without
/// a word.
const KEYS: &[&str] = &[
    "add-headers",
    "allow-backend-server-header",
    "allow-cross-namespace-resources",
    "allow-snippet-annotations",
    "annotations-risk-level",
    "annotation-value-word-blocklist",
    "hide-headers",
    "access-log-params",
    "access-log-path",
    "http-access-log-path",
    "stream-access-log-path",
    "enable-access-log-for-default-backend",
    "error-log-path",
    "enable-modsecurity",
    "modsecurity-snippet",
    "enable-owasp-modsecurity-crs",
    "client-header-buffer-size",
    "client-header-timeout",
    "client-body-buffer-size",
    "client-body-timeout",
    "disable-access-log",
    "disable-ipv6",
    "disable-ipv6-dns",
    "enable-underscores-in-headers",
    "enable-ocsp",
    "ignore-invalid-headers",
    "retry-non-idempotent",
    "error-log-level",
    "http2-max-field-size",
    "http2-max-header-size",
    "http2-max-requests",
    "http2-max-concurrent-streams",
    "hsts",
    "hsts-include-subdomains",
    "hsts-max-age",
    "hsts-preload",
    "keep-alive",
    "keep-alive-requests",
    "large-client-header-buffers",
    "log-format-escape-none",
    "log-format-escape-json",
    "log-format-upstream",
    "log-format-stream",
    "enable-multi-accept",
    "max-worker-connections",
    "max-worker-open-files",
    "map-hash-bucket-size",
    "nginx-status-ipv4-whitelist",
    "nginx-status-ipv6-whitelist",
    "proxy-real-ip-cidr",
    "proxy-set-headers",
    "server-name-hash-max-size",
    "server-name-hash-bucket-size",
    "proxy-headers-hash-max-size",
    "proxy-headers-hash-bucket-size",
    "reuse-port",
    "server-tokens",
    "ssl-ciphers",
    "ssl-ecdh-curve",
    "ssl-dh-param",
    "ssl-protocols",
    "ssl-session-cache",
    "ssl-session-cache-size",
    "ssl-session-tickets",
    "ssl-session-ticket-key",
    "ssl-session-timeout",
    "ssl-buffer-size",
    "use-proxy-protocol",
    "proxy-protocol-header-timeout",
    "enable-aio-write",
    "use-gzip",
    "use-geoip",
    "use-geoip2",
    "geoip2-autoreload-in-minutes",
    "enable-brotli",
    "brotli-level",
    "brotli-min-length",
    "brotli-types",
    "use-http2",
    "gzip-disable",
    "gzip-level",
    "gzip-min-length",
    "gzip-types",
    "worker-processes",
    "worker-cpu-affinity",
    "worker-shutdown-timeout",
    "enable-serial-reloads",
    "load-balance",
    "variables-hash-bucket-size",
    "variables-hash-max-size",
    "upstream-keepalive-connections",
    "upstream-keepalive-time",
    "upstream-keepalive-timeout",
    "upstream-keepalive-requests",
    "limit-conn-zone-variable",
    "proxy-stream-timeout",
    "proxy-stream-next-upstream",
    "proxy-stream-next-upstream-timeout",
    "proxy-stream-next-upstream-tries",
    "proxy-stream-responses",
    "bind-address",
    "use-forwarded-headers",
    "enable-real-ip",
    "forwarded-for-header",
    "forwarded-for-proxy-protocol-header",
    "compute-full-forwarded-for",
    "proxy-add-original-uri-header",
    "generate-request-id",
    "jaeger-collector-host",
    "jaeger-collector-port",
    "jaeger-endpoint",
    "jaeger-service-name",
    "jaeger-propagation-format",
    "jaeger-sampler-type",
    "jaeger-sampler-param",
    "jaeger-sampler-host",
    "jaeger-sampler-port",
    "jaeger-trace-context-header-name",
    "jaeger-debug-header",
    "jaeger-baggage-header",
    "jaeger-trace-baggage-header-prefix",
    "enable-opentelemetry",
    "opentelemetry-trust-incoming-span",
    "opentelemetry-operation-name",
    "opentelemetry-config",
    "otlp-collector-host",
    "otlp-collector-port",
    "otel-max-queuesize",
    "otel-schedule-delay-millis",
    "otel-max-export-batch-size",
    "otel-service-name",
    "otel-sampler",
    "otel-sampler-parent-based",
    "otel-sampler-ratio",
    "main-snippet",
    "http-snippet",
    "server-snippet",
    "stream-snippet",
    "location-snippet",
    "custom-http-errors",
    "proxy-body-size",
    "proxy-connect-timeout",
    "proxy-read-timeout",
    "proxy-send-timeout",
    "proxy-buffers-number",
    "proxy-buffer-size",
    "proxy-busy-buffers-size",
    "proxy-cookie-path",
    "proxy-cookie-domain",
    "proxy-next-upstream",
    "proxy-next-upstream-timeout",
    "proxy-next-upstream-tries",
    "proxy-redirect-from",
    "proxy-request-buffering",
    "ssl-redirect",
    "force-ssl-redirect",
    "denylist-source-range",
    "whitelist-source-range",
    "skip-access-log-urls",
    "limit-rate",
    "limit-rate-after",
    "lua-shared-dicts",
    "http-redirect-code",
    "proxy-buffering",
    "limit-req-status-code",
    "limit-conn-status-code",
    "enable-syslog",
    "syslog-host",
    "syslog-port",
    "no-tls-redirect-locations",
    "global-allowed-response-headers",
    "global-auth-url",
    "global-auth-method",
    "global-auth-signin",
    "global-auth-signin-redirect-param",
    "global-auth-response-headers",
    "global-auth-request-redirect",
    "global-auth-snippet",
    "global-auth-cache-key",
    "global-auth-cache-duration",
    "no-auth-locations",
    "block-cidrs",
    "block-user-agents",
    "block-referers",
    "proxy-ssl-location-only",
    "default-type",
    "service-upstream",
    "ssl-reject-handshake",
    "debug-connections",
    "strict-validate-path-type",
    "grpc-buffer-size-kb",
    "relative-redirects",
    "disable-http-access-log",
    "disable-stream-access-log",
    "disable-proxy-intercept-errors",
    "enable-auth-access-log",
    "forwarded-host-header",
    "global-auth-always-set-cookie",
    "preserve-trailing-slash",
    "proxy-http-version",
    "proxy-max-temp-file-size",
    "proxy-redirect-to",
    "ssl-early-data",
    "use-port-in-redirects",
];

/// Keys of Ingora alone.
const OWN: [&str; 3] = ["client-body-total-timeout", "limit-ipv6-prefix", "unsupported-annotations"];

fn decode(document: Value) -> Object {
    Object::from_value(document).unwrap().unwrap()
}

/// What a ConfigMap comes to.
fn read(data: &Value) -> (Settings, Vec<Problem>) {
    let mut store =
        Store::new(Options { configmap: Some("default/settings".parse().unwrap()), ..Options::default() });
    store.insert(
        decode(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}),
        ),
        None,
    );
    let mut translator = Translator::new();
    translator.translate(&mut store, SystemTime::UNIX_EPOCH);
    (settings(&translator), translator.problems().cloned().collect())
}

fn settings(translator: &Translator) -> Settings {
    let found = translator.resources().find_map(|resource| match &**resource {
        Resource::Settings(settings) => Some((**settings).clone()),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn every_key_stands_in_exactly_one_table() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(seen.insert(row.key), "{} stands there twice", row.key);
    }
    let known: BTreeSet<&str> = KEYS.iter().copied().chain(OWN).collect();
    assert_eq!(KEYS.len(), 204);
    assert_eq!(seen.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "nobody knows these");
    assert_eq!(known.difference(&seen).collect::<Vec<_>>(), Vec::<&&str>::new(), "these are missing");
}

#[test]
fn the_default_of_a_key_that_is_acted_on_is_a_value_that_changes_nothing() {
    for row in rows()
        .filter(|row| matches!(row.effect, Effect::Live(_) | Effect::NewConnections(_) | Effect::Start(_)))
    {
        if row.default.is_empty() || row.key == "ssl-ciphers" {
            continue;
        }
        let (settings, problems) = read(&json!({ (row.key): row.default }));
        assert_eq!(problems, [], "{}", row.key);
        assert_eq!(settings, Settings::default(), "{}", row.key);
    }
}

#[test]
fn no_value_at_all_makes_a_key_panic_or_go_by_in_silence() {
    let values = ["?", "-1", "99999999999999999999", "a,b", "$", "~(", "\u{0}", "ä", "not a value at all !"];
    for row in rows().filter(|row| !matches!(row.effect, Effect::Ignored(_) | Effect::Dead)) {
        let told = values.iter().filter(|value| !read(&json!({ (row.key): value })).1.is_empty()).count();
        // Free texts are what they are; whatever has a form has values that are none.
        let least = match row.key {
            "annotation-value-word-blocklist" | "log-format-upstream" => 0,
            "block-user-agents" | "block-referers" => 1,
            _ => 4,
        };
        assert!(told >= least, "{}: {told}", row.key);
    }
}

#[test]
fn a_bad_key_and_an_unknown_one_keep_no_other_from_holding() {
    let (settings, problems) = read(&json!({
        "proxy-read-timeout": "7", "proxy-send-timeout": "soon", "proxy-conect-timeout": "9", "keep-alive": "",
    }));
    assert_eq!((settings.proxy.proxy_read_timeout, settings.proxy.proxy_send_timeout), (7, 60));
    let told: Vec<_> =
        problems.iter().map(|p| (p.severity, p.reason, p.field.as_str(), p.hint.as_str())).collect();
    assert_eq!(told.len(), 2, "{problems:#?}");
    assert_eq!(told[0].0, Severity::Error);
    assert_eq!((told[0].1, told[0].2), (Reason::SettingInvalid, "data[\"proxy-send-timeout\"]"));
    assert_eq!(
        told[1],
        (
            Severity::Warning,
            Reason::SettingUnknown,
            "data[\"proxy-conect-timeout\"]",
            "did you mean proxy-connect-timeout?"
        )
    );
}

#[test]
fn ten_thousand_unknown_keys_are_told_in_a_few_problems() {
    let data: serde_json::Map<String, Value> =
        (0..10_000).map(|n| (format!("colour-{n}"), json!("red"))).collect();
    let (_, problems) = read(&Value::Object(data));
    assert_eq!(problems.len(), UNKNOWN_TOLD + 1);
}

#[test]
fn a_list_of_who_is_let_in_never_opens_by_a_mistake() {
    let (settings, problems) = read(&json!({"whitelist-source-range": "10.0.0/8"}));
    assert_eq!((settings.source_range.allowlist.len(), problems.len()), (1, 1));
    assert_eq!(settings.source_range.allowlist[0].to_string(), "0.0.0.0/32");
    let (settings, _) = read(&json!({"proxy-real-ip-cidr": "everybody"}));
    assert!(settings.client_address.proxy_real_ip_cidr.is_empty(), "nobody is trusted by a mistake");
}

#[test]
fn authentication_for_all_that_cannot_be_had_closes_whatever_is_ignored_besides() {
    let (settings, problems) =
        read(&json!({ "global-auth-url": "https://$arg_x/check", "unsupported-annotations": "ignore" }));
    assert_eq!(settings.global_auth, GlobalAuth::Broken);
    assert_eq!(problems[0].severity, Severity::Error);
    assert!(problems[0].message.contains("503"), "{problems:?}");
}

#[test]
fn a_gate_that_changes_is_asked_about_every_ingress_again() {
    let options = Options {
        configmap: Some("default/settings".parse().unwrap()),
        watch_ingress_without_class: true,
        ..Options::default()
    };
    let mut store = Store::new(options);
    for (name, annotations) in [
        ("web", json!({"nginx.ingress.kubernetes.io/upstream-vhost": "forbidden.example"})),
        ("other", json!({})),
    ] {
        let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
        let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
        let rule = json!({"host": format!("{name}.example"), "http": {"paths": [path]}});
        store.insert(
            decode(json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": {"name": name, "annotations": annotations}, "spec": {"rules": [rule]}})),
            None,
        );
    }
    let map = |data: Value| {
        decode(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}),
        )
    };
    let mut translator = Translator::new();
    let routes = |translator: &Translator| {
        translator.resources().filter(|resource| matches!(***resource, Resource::Route(_))).count()
    };
    store.insert(map(json!({})), None);
    translator.translate(&mut store, SystemTime::UNIX_EPOCH);
    assert_eq!(routes(&translator), 2);
    store.insert(map(json!({"annotation-value-word-blocklist": "forbidden"})), None);
    translator.translate(&mut store, SystemTime::UNIX_EPOCH);
    assert_eq!(routes(&translator), 1);
    store.insert(map(json!({"keep-alive": "10"})), None);
    translator.translate(&mut store, SystemTime::UNIX_EPOCH);
    assert_eq!((routes(&translator), settings(&translator).client.keep_alive), (2, 10));
}

#[test]
fn the_page_has_every_key() {
    let page = page::text();
    for row in rows() {
        assert!(page.contains(&format!("| `{}` |", row.key)), "{}", row.key);
    }
}
