//! The metrics of controller-sync, all named `ingora_sync_…`; `health.rs` serves them.

use ingora_config::{Reason, Severity};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt::{self, Write as _};

pub mod outputs;
pub mod source;

/// The labels of `ingora_sync_problems`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ProblemLabels {
    reason: Text<Reason>,
    severity: Text<Severity>,
}

impl ProblemLabels {
    /// The labels of problems of this kind.
    pub fn new(reason: Reason, severity: Severity) -> Self {
        Self { reason: Text(reason), severity: Text(severity) }
    }
}

/// A label that is written as its value displays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Text<T>(T);

impl<T: fmt::Display + fmt::Debug> EncodeLabelValue for Text<T> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        write!(encoder, "{}", self.0)
    }
}

/// The labels of `ingora_sync_objects`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KindLabel {
    /// The kind as written in objects.
    pub kind: String,
}

/// All metrics.
pub struct Metrics {
    registry: Registry,
    /// Problems there are now.
    pub problems: Family<ProblemLabels, Gauge>,
    /// Objects held.
    pub objects: Family<KindLabel, Gauge>,
    /// The last published revision.
    pub revision: Gauge,
    /// Publications.
    pub publications: Counter,
    /// Seconds from hearing of a change to a gateway serving it.
    pub ack_seconds: Histogram,
    /// Seconds a translation took.
    pub translate_seconds: Histogram,
    /// Gateways connected.
    pub gateways: Gauge,
    /// Connections to gateways that were cut.
    pub gateways_cut: Counter,
    /// DNS look-ups that failed.
    pub dns_failures: Counter,
    /// How reading from the cluster goes.
    pub source: source::SourceMetrics,
    /// How writing into the cluster goes.
    pub outputs: outputs::OutputMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            problems: Family::default(),
            objects: Family::default(),
            revision: Gauge::default(),
            publications: Counter::default(),
            ack_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            translate_seconds: Histogram::new(exponential_buckets(0.0001, 4.0, 10)),
            gateways: Gauge::default(),
            gateways_cut: Counter::default(),
            dns_failures: Counter::default(),
            source: source::SourceMetrics::default(),
            outputs: outputs::OutputMetrics::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = self.registry.sub_registry_with_prefix("ingora_sync");
        registry.register("problems", "Problems of users' objects there are now", self.problems.clone());
        registry.register("objects", "Kubernetes objects held", self.objects.clone());
        registry.register("revision", "The last published revision", self.revision.clone());
        registry.register("publications", "Revisions published", self.publications.clone());
        registry.register_with_unit(
            "change_to_ack",
            "From hearing of a change to a gateway serving it",
            Unit::Seconds,
            self.ack_seconds.clone(),
        );
        registry.register_with_unit(
            "translate",
            "Duration of translations",
            Unit::Seconds,
            self.translate_seconds.clone(),
        );
        registry.register("gateways", "Gateways connected", self.gateways.clone());
        registry.register(
            "gateways_cut",
            "Connections to gateways that were cut for their behaviour",
            self.gateways_cut.clone(),
        );
        registry.register("dns_failures", "DNS look-ups that failed", self.dns_failures.clone());
        self.source.register(registry);
        self.outputs.register(registry);
        self.outputs.register_compatible(self.registry.sub_registry_with_prefix("nginx_ingress_controller"));
    }

    /// All of it in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing into a String does not fail.
            Err(fmt::Error) => String::new(),
        }
    }
}
