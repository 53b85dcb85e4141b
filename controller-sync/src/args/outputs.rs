//! The flags of `ingora sync` about what it writes into the cluster, with ingress-nginx's names.

use crate::leader::Timing;
use crate::object::ingress::LoadBalancerIngress;
use crate::outputs::{ElectionOptions, OutputOptions};
use crate::status::{NotAnAddress, Origin, StatusOptions};
use clap::Args;
use ingora_config::NamespacedName;
use std::time::Duration;

/// Status, leader and Events. Without a cluster they do nothing.
#[derive(Debug, Args)]
#[command(next_help_heading = "Status, leader and Events")]
pub struct OutputArguments {
    /// The Service in front of the gateway, whose addresses are written into the status of Ingresses [default: the nodes
    /// that run our Pods]
    #[arg(long, env = "INGORA_PUBLISH_SERVICE", value_name = "NS/NAME")]
    pub publish_service: Option<NamespacedName>,

    /// An address (IP or DNS name) to write into the status of Ingresses instead; may be repeated
    #[arg(long, env = "INGORA_PUBLISH_STATUS_ADDRESS", value_name = "ADDRESS", value_delimiter = ',',
          value_parser = address)]
    pub publish_status_address: Vec<Option<LoadBalancerIngress>>,

    /// Write the internal addresses of nodes instead of the external ones
    #[arg(long, env = "INGORA_REPORT_NODE_INTERNAL_IP_ADDRESS", default_value_t = false,
          num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub report_node_internal_ip_address: bool,

    /// Write the status of Ingresses
    #[arg(long, env = "INGORA_UPDATE_STATUS", default_value_t = true,
          num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub update_status: bool,

    /// Remove our addresses from the status when the last replica ends
    #[arg(long, env = "INGORA_UPDATE_STATUS_ON_SHUTDOWN", default_value_t = true,
          num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub update_status_on_shutdown: bool,

    /// Writes of a status per second; five times as many at once
    #[arg(long, env = "INGORA_STATUS_UPDATE_RATE", value_name = "COUNT", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub status_update_rate: u32,

    /// From one look at the Service or the nodes to the next
    #[arg(long, env = "INGORA_STATUS_UPDATE_INTERVAL", value_name = "DURATION", default_value = "10s",
          value_parser = duration)]
    pub status_update_interval: Duration,

    /// The name of the Lease that decides which replica writes
    #[arg(long, env = "INGORA_ELECTION_ID", value_name = "NAME", default_value = "ingora-leader")]
    pub election_id: String,

    /// How long the Lease is held after a renewal
    #[arg(long, env = "INGORA_ELECTION_TTL", value_name = "DURATION", default_value = "30s", value_parser = election_ttl)]
    pub election_ttl: Duration,

    /// The namespace of the Lease and of our Pods [default: $POD_NAMESPACE, or that of the service account]
    #[arg(long, env = "INGORA_ELECTION_NAMESPACE", value_name = "NAMESPACE")]
    pub election_namespace: Option<String>,

    /// Write without an election: for a single replica
    #[arg(long, env = "INGORA_DISABLE_LEADER_ELECTION", default_value_t = false,
          num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub disable_leader_election: bool,

    /// Do not write the Event "Scheduled for sync" when an Ingress is taken over
    #[arg(long, env = "INGORA_DISABLE_SYNC_EVENTS", default_value_t = false,
          num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub disable_sync_events: bool,
}

impl OutputArguments {
    /// What the outputs are to do.
    pub fn options(&self) -> OutputOptions {
        let mut addresses: Vec<_> = self.publish_status_address.iter().flatten().cloned().collect();
        addresses.sort();
        addresses.dedup();
        let origin = match &self.publish_service {
            _ if !addresses.is_empty() => Origin::Fixed(addresses),
            Some(service) => Origin::Service(service.clone()),
            None => Origin::Nodes,
        };
        let election =
            ElectionOptions { id: self.election_id.clone(), timing: Timing::of(self.election_ttl) };
        OutputOptions {
            election: (!self.disable_leader_election).then_some(election),
            namespace: self.election_namespace.clone(),
            status: self.update_status.then_some(StatusOptions {
                origin,
                internal: self.report_node_internal_ip_address,
                interval: self.status_update_interval,
                rate: self.status_update_rate,
                remove_on_shutdown: self.update_status_on_shutdown,
            }),
            sync_events: !self.disable_sync_events,
        }
    }
}

/// Reads an address; an empty environment variable is none.
fn address(text: &str) -> Result<Option<LoadBalancerIngress>, NotAnAddress> {
    if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// Reads `30s`, `1m30s`, `500ms`, or a number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as 30s or 1m30s".to_owned();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into())).filter(|time| !time.is_zero()).ok_or_else(wrong);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u32 = rest[..digits].parse().map_err(|_| wrong())?;
        let units = &rest[digits..];
        let end = units.find(|c: char| c.is_ascii_digit()).unwrap_or(units.len());
        let unit = match &units[..end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(wrong()),
        };
        total = total.saturating_add(unit.saturating_mul(number));
        rest = &units[end..];
    }
    if total.is_zero() || total > Duration::from_secs(24 * 3600) { Err(wrong()) } else { Ok(total) }
}

/// The time of a Lease, which is told in whole seconds.
fn election_ttl(text: &str) -> Result<Duration, String> {
    let ttl = duration(text)?;
    if ttl < Duration::from_secs(3) || ttl.subsec_nanos() != 0 {
        return Err("write whole seconds, three at least".to_owned());
    }
    Ok(ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_writes_them_or_as_seconds() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("60"), Ok(Duration::from_secs(60)));
        for text in ["", "s", "5x", "0", "0s", "-1s", "1s2", "99999999999s", "9999h"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
        assert!(
            election_ttl("30s").is_ok() && election_ttl("1s").is_err() && election_ttl("3500ms").is_err()
        );
    }
}
