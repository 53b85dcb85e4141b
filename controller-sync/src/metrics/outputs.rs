//! What is written into the cluster, and whether this replica is the one that writes.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The label of `nginx_ingress_controller_leader_election_status`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LeaderLabel {
    /// The name of the Lease.
    pub name: String,
}

/// The metrics of leader election, status and Events.
#[derive(Clone, Debug, Default)]
pub struct OutputMetrics {
    /// 1 while this replica writes status and Events.
    pub leader: Gauge,
    /// The same under the name that ingress-nginx gave it.
    pub leader_election_status: Family<LeaderLabel, Gauge>,
    /// Statuses of Ingresses written.
    pub status_writes: Counter,
    /// Writes of a status that failed.
    pub status_failures: Counter,
    /// Ingresses that wait for their status.
    pub status_pending: Gauge,
    /// Events created or told again.
    pub events_sent: Counter,
    /// Events that were not told: too many for one object, outlived by what they say, or refused.
    pub events_dropped: Counter,
}

impl OutputMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("leader", "1 while this replica writes status and Events", self.leader.clone());
        registry.register("status_writes", "Statuses of Ingresses written", self.status_writes.clone());
        registry.register("status_failures", "Writes of a status that failed", self.status_failures.clone());
        let pending = "Ingresses that wait for their status";
        registry.register("status_pending", pending, self.status_pending.clone());
        registry.register("events_sent", "Events created or told again", self.events_sent.clone());
        registry.register("events_dropped", "Events that were not told", self.events_dropped.clone());
    }

    /// What keeps the name that ingress-nginx gave it.
    pub(super) fn register_compatible(&self, registry: &mut Registry) {
        let status = self.leader_election_status.clone();
        registry.register("leader_election_status", "1 while this replica is the leader", status);
    }
}
