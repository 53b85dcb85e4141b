//! `ingora_sync_source_…`: how reading from the cluster goes, by kind.

use super::KindLabel;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The labels of `ingora_sync_source_errors_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ErrorLabels {
    /// The kind as written in objects.
    pub kind: String,
    /// The HTTP status code, or `connection`, `silent` (nothing came for too long), `answer` (one that makes no sense).
    pub code: String,
}

/// The metrics of a cluster source. Without one they have no series.
#[derive(Clone, Debug, Default)]
pub struct SourceMetrics {
    /// 1 while all watches of the kind work.
    pub connected: Family<KindLabel, Gauge>,
    /// Since when `connected` has its value, in seconds since 1970.
    pub since: Family<KindLabel, Gauge>,
    /// When the API server said something last, in seconds since 1970; bookmarks count.
    pub last_event: Family<KindLabel, Gauge>,
    /// Times everything of the kind was listed.
    pub lists: Family<KindLabel, Counter>,
    /// Lists and watches that failed.
    pub errors: Family<ErrorLabels, Counter>,
}

impl SourceMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("source");
        registry.register("connected", "Whether the watches of the kind work", self.connected.clone());
        registry.register(
            "since_timestamp_seconds",
            "When the watches of the kind began to work, or ceased to",
            self.since.clone(),
        );
        registry.register(
            "last_event_timestamp_seconds",
            "When the API server said something about the kind last",
            self.last_event.clone(),
        );
        registry.register("lists", "Times everything of the kind was listed", self.lists.clone());
        registry.register("errors", "Lists and watches that failed", self.errors.clone());
    }
}
