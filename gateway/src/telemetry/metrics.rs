//! The metrics of the gateway as a whole, and the page that shows them all.
//!
//! Names that start with `nginx_ingress_controller_` are those of ingress-nginx, with its constant labels; the rest
//! starts with `ingora_gateway_`.

use super::route_stats::RouteCollector;
use crate::drain::Drain;
use crate::live::Live;
use crate::reason::Reason;
use crate::upstream::Group;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

const NGINX: &str = "nginx_ingress_controller";

/// Who says it: the constant labels of ingress-nginx' metrics.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// `controller_class`.
    pub class: String,
    /// `controller_namespace`.
    pub namespace: String,
    /// `controller_pod`.
    pub pod: String,
}

impl Identity {
    /// As the chart says it: `INGORA_CONTROLLER_CLASS`, `POD_NAMESPACE` and `POD_NAME`.
    pub fn from_environment() -> Self {
        let read = |name| std::env::var(name).unwrap_or_default();
        let class = read("INGORA_CONTROLLER_CLASS");
        Self {
            class: if class.is_empty() { "ingora.io/ingress-controller".into() } else { class },
            namespace: read("POD_NAMESPACE"),
            pod: read("POD_NAME"),
        }
    }
}

/// Counters that belong to no route.
#[derive(Debug)]
pub struct Metrics {
    /// Access log lines that were lost because nobody reads the log.
    pub dropped_lines: Counter,
    /// Requests that are over.
    pub requests: Counter,
    /// TLS handshakes that came to nothing.
    pub failed_handshakes: Counter,
    /// Connections without a valid PROXY header, where one is demanded.
    pub failed_proxy_headers: Counter,
    /// Copies of requests (`mirror-target`).
    pub copies: Copies,
    /// Passwords that had to be verified against a slow hash.
    pub passwords_verified: Counter,
    reasons: Reasons,
    registry: Registry,
    identity: Identity,
}

/// Copies of requests (`mirror-target`), by what became of them.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    /// Answered.
    pub sent: Counter,
    /// Not answered in time, or not at all.
    pub failed: Counter,
    /// Never sent, for too many were under way or the body was too large.
    pub dropped: Counter,
}

impl Copies {
    fn register(&self, registry: &mut Registry) {
        for (name, help, counter) in [
            ("mirror_sent", "Copies of requests that were sent and answered", &self.sent),
            ("mirror_failed", "Copies of requests that their target did not answer", &self.failed),
            (
                "mirror_dropped",
                "Copies of requests that were not sent, for want of places or memory",
                &self.dropped,
            ),
        ] {
            registry.register(name, help, Counter::clone(counter));
        }
    }
}

impl Metrics {
    /// All of them at 0.
    pub fn new(identity: &Identity, drain: Arc<Drain>) -> Self {
        let (dropped_lines, requests, failed_handshakes, failed_proxy_headers) = Default::default();
        let reasons = Reasons::default();
        let mut registry = Registry::default();
        let ours = registry.sub_registry_with_prefix("ingora_gateway");
        ours.register(
            "build",
            "The release of this gateway",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        ours.register(
            "access_log_dropped",
            "Access log lines lost because the log was not read",
            Counter::clone(&dropped_lines),
        );
        ours.register(
            "tls_handshakes_failed",
            "TLS handshakes that came to nothing",
            Counter::clone(&failed_handshakes),
        );
        ours.register(
            "proxy_headers_failed",
            "Connections dropped because they did not start with a valid PROXY header",
            Counter::clone(&failed_proxy_headers),
        );
        let passwords_verified = Counter::default();
        ours.register(
            "passwords_verified",
            "Passwords that were verified against a slow hash",
            Counter::clone(&passwords_verified),
        );
        let copies = Copies::default();
        copies.register(ours);
        ours.register_collector(Box::new(reasons.clone()));
        let nginx = with_identity(&mut registry, identity);
        nginx.register("nginx_process_requests", "Requests that are over", Counter::clone(&requests));
        nginx.register_collector(Box::new(Connections(drain)));
        Self {
            dropped_lines,
            requests,
            failed_handshakes,
            failed_proxy_headers,
            copies,
            passwords_verified,
            reasons,
            registry,
            identity: identity.clone(),
        }
    }

    /// Counts an answer of the gateway itself.
    pub fn count(&self, reason: Reason) {
        self.reasons.0[reason as usize].inc();
    }

    /// Writes everything in the OpenMetrics text format, the routes of `live` included.
    ///
    /// # Errors
    /// When `page` cannot be written to.
    pub fn write(&self, live: &Live, page: &mut dyn fmt::Write) -> fmt::Result {
        let mut page = page;
        encode_registry(&mut page, &self.registry)?;
        encode_registry(&mut page, &self.of_configuration(live))?;
        encode_eof(&mut page)
    }

    /// What depends on the configuration in effect.
    fn of_configuration(&self, live: &Live) -> Registry {
        let applied = live.applied();
        let since_epoch =
            applied.and_then(|applied| applied.at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let revision = applied.map_or(0, |applied| applied.revision);
        let mut registry = Registry::default();
        let nginx = with_identity(&mut registry, &self.identity);
        nginx.register_collector(Box::new(RouteCollector(Arc::clone(live.statistics()))));
        let gauge = |value: u64| ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        nginx.register(
            "config_last_reload_successful",
            "1 when a full configuration is in effect",
            gauge(applied.is_some().into()),
        );
        nginx.register(
            "config_last_reload_successful_timestamp_seconds",
            "When the last change of the configuration took effect",
            gauge(since_epoch.as_secs()),
        );
        let ours = registry.sub_registry_with_prefix("ingora_gateway");
        ours.register_collector(Box::new(Ejections(live.groups())));
        ours.register("config_revision", "The revision of the configuration in effect", gauge(revision));
        registry
    }
}

fn with_identity<'r>(registry: &'r mut Registry, identity: &Identity) -> &'r mut Registry {
    let labels = [
        ("controller_class".into(), identity.class.clone().into()),
        ("controller_namespace".into(), identity.namespace.clone().into()),
        ("controller_pod".into(), identity.pod.clone().into()),
    ];
    registry.sub_registry_with_prefix(NGINX).sub_registry_with_labels(labels.into_iter())
}

/// How often the gateway itself answered, by reason; there from the start, at 0.
#[derive(Clone, Debug)]
struct Reasons(Arc<[Counter; Reason::ALL.len()]>);

impl Default for Reasons {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Counter::default())))
    }
}

impl Collector for Reasons {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests that the gateway answered itself or cut, by reason";
        let mut reasons = encoder.encode_descriptor("reasons", help, None, MetricType::Counter)?;
        for (reason, count) in Reason::ALL.iter().zip(self.0.iter()) {
            count.encode(reasons.encode_family(&[("reason", reason.label())])?)?;
        }
        Ok(())
    }
}

/// How often endpoints were left out for not answering, and how many are; of upstreams of which one ever was.
#[derive(Debug)]
struct Ejections(Vec<Arc<Group>>);

impl Collector for Ejections {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let groups = || self.0.iter().filter(|group| group.ejections() > 0);
        let help = "How often endpoints of an upstream were left out because they did not answer";
        let mut all = encoder.encode_descriptor("endpoint_ejections", help, None, MetricType::Counter)?;
        for group in groups() {
            let count = ConstCounter::new(group.ejections());
            count.encode(all.encode_family(&[("upstream", group.name())])?)?;
        }
        let help = "Endpoints of an upstream that are left out because they do not answer";
        let mut all = encoder.encode_descriptor("endpoints_left_out", help, None, MetricType::Gauge)?;
        for group in groups() {
            let out = group.targets().iter().filter(|target| target.health.is_out()).count();
            let count = ConstGauge::new(i64::try_from(out).unwrap_or(i64::MAX));
            count.encode(all.encode_family(&[("upstream", group.name())])?)?;
        }
        Ok(())
    }
}

/// Open connections, read when they are asked for.
#[derive(Debug)]
struct Connections(Arc<Drain>);

impl Collector for Connections {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Open client connections";
        let mut states =
            encoder.encode_descriptor("nginx_process_connections", help, None, MetricType::Gauge)?;
        let open = ConstGauge::new(i64::try_from(self.0.connections()).unwrap_or(i64::MAX));
        open.encode(states.encode_family(&[("state", "active")])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Batch;
    use ingora_config::{
        Backend, Host, NamespacedName, PathKind, PathMatch, PathValue, Resource, Route, RouteKey,
    };
    use std::time::Duration;

    #[test]
    fn every_reason_counts_under_its_own_label() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index, "{reason:?} stands at the wrong place of Reason::ALL");
        }
    }

    const IDENTITY: &str = r#"{controller_class="c",controller_namespace="n",controller_pod="p""#;

    #[test]
    fn the_page_has_the_names_that_dashboards_ask_for() {
        let live = Live::new().unwrap();
        let key = RouteKey {
            host: Host::parse("a.test").unwrap(),
            path: PathMatch { kind: PathKind::Prefix, value: PathValue::new("/\"quoted\\").unwrap() },
        };
        let route = Route::new(key.clone(), NamespacedName::new("shop", "web"), Backend::NotFound);
        live.apply(Batch::full(7, [Resource::Route(route)]));
        live.table().route(&key).unwrap().stats.observe("GET", 200, Duration::from_millis(7));
        let identity = Identity { class: "c".into(), namespace: "n".into(), pod: "p".into() };
        let drain = Drain::new(10);
        let _connection = drain.enter();
        let metrics = Metrics::new(&identity, Arc::clone(&drain));
        metrics.count(Reason::NoRoute);
        let mut page = String::new();
        metrics.write(&live, &mut page).unwrap();
        let rule = r#"path="/\"quoted\\",namespace="shop",ingress="web",service="",canary="",host="a.test""#;
        let labels = format!("{IDENTITY},status=\"200\",method=\"GET\",{rule}");
        for line in [
            format!("nginx_ingress_controller_requests{labels}}} 1.0\n"),
            format!("nginx_ingress_controller_request_duration_seconds_count{labels}}} 1\n"),
            format!("nginx_ingress_controller_request_duration_seconds_sum{labels}}} 0.007\n"),
            "ingora_gateway_reasons_total{reason=\"no_route\"} 1\n".into(),
            "ingora_gateway_reasons_total{reason=\"overloaded\"} 0\n".into(),
            "ingora_gateway_config_revision 7\n".into(),
            format!("nginx_ingress_controller_config_last_reload_successful{IDENTITY}}} 1\n"),
            "ingora_gateway_access_log_dropped_total 0\n".into(),
            format!("nginx_ingress_controller_nginx_process_connections{IDENTITY},state=\"active\"}} 1\n"),
        ] {
            assert!(page.contains(&line), "{line}is missing in\n{page}");
        }
        assert!(page.contains("le=\"0.005\"") && page.contains("le=\"+Inf\"") && page.ends_with("# EOF\n"));
    }
}
