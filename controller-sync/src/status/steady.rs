//! What to believe of a look: addresses come at once and go hesitantly, because each change of a status is a change of
//! somebody's DNS.

use super::lookup::Look;
use crate::object::ingress::LoadBalancerIngress;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// For how long there must be no address at all before that is believed.
pub(super) const EMPTY_GRACE: Duration = Duration::from_secs(60);

/// For how long one address must be missing, while Pods are replaced.
pub(super) const MISSING_GRACE: Duration = Duration::from_secs(15);

/// The addresses that are believed.
#[derive(Default)]
pub(super) struct Steady {
    /// `None` until anything is known.
    addresses: Option<Vec<LoadBalancerIngress>>,
    empty_since: Option<Instant>,
    missing_since: BTreeMap<LoadBalancerIngress, Instant>,
}

impl Steady {
    /// Takes a look; answers the addresses to write, or `None` while nothing is known for certain.
    pub(super) fn take(&mut self, look: Look) -> Option<&[LoadBalancerIngress]> {
        let now = Instant::now();
        if look.addresses.is_empty() {
            let since = *self.empty_since.get_or_insert(now);
            if now - since >= EMPTY_GRACE {
                self.missing_since.clear();
                self.addresses = Some(Vec::new());
            }
            return self.addresses.as_deref();
        }
        self.empty_since = None;
        let mut new = look.addresses;
        if look.restless {
            let old = self.addresses.take().unwrap_or_default();
            self.missing_since.retain(|address, _| !new.contains(address) && old.contains(address));
            for address in old {
                if !new.contains(&address)
                    && now - *self.missing_since.entry(address.clone()).or_insert(now) < MISSING_GRACE
                {
                    new.push(address);
                }
            }
            new.sort();
        }
        self.addresses = Some(new);
        self.addresses.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::addresses;
    use super::*;
    use tokio::time::advance;

    fn look(texts: &[&str], restless: bool) -> Look {
        Look { addresses: addresses(texts.iter().copied()), restless }
    }

    fn shown(addresses: Option<&[LoadBalancerIngress]>) -> Option<Vec<String>> {
        addresses.map(|all| all.iter().map(|address| address.ip.clone()).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_without_any_address_changes_nothing_and_a_minute_of_it_is_believed() {
        let mut steady = Steady::default();
        assert_eq!(steady.take(look(&[], false)), None, "nothing is known yet");
        assert_eq!(shown(steady.take(look(&["192.0.2.1"], false))), Some(vec!["192.0.2.1".into()]));
        for _ in 0..6 {
            assert_eq!(shown(steady.take(look(&[], false))), Some(vec!["192.0.2.1".into()]));
            advance(EMPTY_GRACE / 6).await;
        }
        assert_eq!(shown(steady.take(look(&[], false))), Some(vec![]));
        assert_eq!(shown(steady.take(look(&["192.0.2.2"], false))), Some(vec!["192.0.2.2".into()]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_moves_is_followed_at_once() {
        let mut steady = Steady::default();
        steady.take(look(&["192.0.2.1"], false));
        assert_eq!(shown(steady.take(look(&["192.0.2.2"], false))), Some(vec!["192.0.2.2".into()]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_whose_pod_is_replaced_stays_and_one_that_is_gone_goes() {
        let mut steady = Steady::default();
        let both = Some(vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()]);
        assert_eq!(shown(steady.take(look(&["192.0.2.2", "192.0.2.1"], true))), both);
        assert_eq!(shown(steady.take(look(&["192.0.2.2"], true))), both);
        advance(MISSING_GRACE / 2).await;
        assert_eq!(shown(steady.take(look(&["192.0.2.1", "192.0.2.2"], true))), both, "it is back");
        assert_eq!(shown(steady.take(look(&["192.0.2.1"], true))), both, "its time starts anew");
        advance(MISSING_GRACE).await;
        assert_eq!(shown(steady.take(look(&["192.0.2.1"], true))), Some(vec!["192.0.2.1".into()]));
    }
}
