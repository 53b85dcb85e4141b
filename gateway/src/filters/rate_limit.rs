//! `limit-rps`, `limit-rpm`, `limit-connections`: how much one client may ask of one Ingress, on all cores together.
//!
//! ```text
//!   (Ingress, client) ──keyed hash──▶ slots: requests in flight ──▶ two leaky buckets ──▶ on, or 503
//!                                            given back when the request ends (Held)
//! ```
//!
//! [`slots`] keeps the state of all clients of all Ingresses in one table of fixed size; [`bandwidth`] is `limit-rate`.

pub mod bandwidth;
pub mod slots;

use crate::answer::Answer;
use crate::networks::Networks;
use crate::proxy::Context;
use crate::reason::Reason;
use ingora_config::{NamespacedName, policy};
use slots::{Bucket, Limits, Refused, Slots};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// The limits of a route's Ingress.
#[derive(Debug)]
pub struct RateLimit {
    slots: Arc<Slots>,
    zone: u64,
    limits: Limits,
    exempt: Networks,
}

impl RateLimit {
    /// Compiles what annotations ask for; `None` when they limit nothing. Routes of one Ingress share one zone, which
    /// outlives them: publishing anew forgives nobody.
    pub fn compile(limit: &policy::RateLimit, ingress: &NamespacedName, slots: &Arc<Slots>) -> Option<Self> {
        let multiplier = u64::from(limit.burst_multiplier);
        let bucket = |rate: u32, period: u64| {
            (rate > 0)
                .then(|| Bucket::new(u64::from(rate), period, u64::from(rate).saturating_mul(multiplier)))
        };
        let limits = Limits {
            second: bucket(limit.rps, 1),
            minute: bucket(limit.rpm, 60),
            connections: limit.connections,
        };
        (limits != Limits::default()).then(|| Self {
            slots: Arc::clone(slots),
            zone: slots.zone(ingress),
            limits,
            exempt: Networks::new(&limit.allowlist),
        })
    }

    /// Counts the request in.
    ///
    /// # Errors
    /// The refusal, when it is one too many.
    pub(super) fn check(&self, ctx: &mut Context) -> Result<(), Answer> {
        if self.exempt.contains(ctx.client) {
            return Ok(());
        }
        let settings = &ctx.table().settings().limits;
        let client = one_client(ctx.client, settings.limit_ipv6_prefix);
        let refusal = match self.slots.enter(self.zone, client, &self.limits, ctx.started) {
            Ok(held) => {
                ctx.held = held;
                return Ok(());
            }
            Err(Refused::Connections) => {
                Answer::page(Reason::ConnectionLimited).with_status(settings.limit_conn_status_code)
            }
            Err(Refused::Rate) => {
                Answer::page(Reason::RateLimited).with_status(settings.limit_req_status_code)
            }
        };
        Err(refusal)
    }
}

/// What counts as one client: an IPv4 address, or the first bits of an IPv6 address.
fn one_client(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V6(address) if prefix < 128 => {
            let mask = !(u128::MAX >> prefix);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_may_be_a_whole_network() {
        let client = |text: &str, prefix| one_client(text.parse().unwrap(), prefix).to_string();
        assert_eq!(client("2001:db8:1:2:3:4:5:6", 64), "2001:db8:1:2::");
        assert_eq!(client("2001:db8:1:2:3:4:5:6", 128), "2001:db8:1:2:3:4:5:6");
        assert_eq!(client("192.0.2.7", 64), "192.0.2.7");
    }

    #[test]
    fn limits_of_nothing_are_none() {
        let slots = Arc::new(Slots::default());
        let ingress = NamespacedName::new("shop", "web");
        let compile = |limit: policy::RateLimit| RateLimit::compile(&limit, &ingress, &slots);
        let (burst_multiplier, rate) = (5, Some(10));
        assert!(compile(policy::RateLimit { burst_multiplier, rate, ..Default::default() }).is_none());
        let limited = compile(policy::RateLimit { rpm: 1, burst_multiplier, ..Default::default() }).unwrap();
        assert_eq!(limited.limits.minute, Some(Bucket::new(1, 60, 5)));
    }
}
