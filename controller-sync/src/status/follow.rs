//! Looking at the origin of the addresses again and again, while this replica leads.

use super::lookup::Lookup;
use super::steady::Steady;
use crate::leader::Leadership;
use crate::object::ingress::LoadBalancerIngress;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long one look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// The pause while nothing is known: a load balancer that gets its first address is waited for.
const IMPATIENCE: Duration = Duration::from_secs(2);

type Known = watch::Sender<Option<Vec<LoadBalancerIngress>>>;

/// Looks until nobody wants to know any more.
pub(super) async fn follow(mut lookup: Lookup, interval: Duration, mut leadership: Leadership, known: Known) {
    loop {
        leadership.until(true).await;
        tokio::select! {
            () = term(&mut lookup, interval, &known) => return,
            () = known.closed() => return,
            () = leadership.until(false) => {}
        }
        // What is believed now may be long gone when the next term begins.
        known.send_replace(None);
    }
}

/// Looks again and again.
async fn term(lookup: &mut Lookup, interval: Duration, known: &Known) {
    let mut steady = Steady::default();
    let mut failing = false;
    loop {
        let why = match timeout(LOOK_LIMIT, lookup.look()).await {
            Ok(Ok(look)) => {
                if let Some(addresses) = steady.take(look) {
                    tell(addresses, known);
                }
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the API server does not answer".to_owned()),
        };
        if let Some(why) = &why
            && !failing
        {
            tracing::warn!(
                "the addresses for the status of Ingresses cannot be looked up, the last ones stay: {why}"
            );
        }
        failing = why.is_some();
        let empty = known.borrow().as_ref().is_none_or(Vec::is_empty);
        sleep(if empty || failing { interval.min(IMPATIENCE) } else { interval }).await;
    }
}

fn tell(addresses: &[LoadBalancerIngress], known: &Known) {
    known.send_if_modified(|old| {
        let news = old.as_deref() != Some(addresses);
        if news {
            tracing::info!(addresses = %shown(addresses), "the addresses for the status of Ingresses");
            *old = Some(addresses.to_vec());
        }
        news
    });
}

fn shown(addresses: &[LoadBalancerIngress]) -> String {
    let text = |address: &LoadBalancerIngress| {
        if address.ip.is_empty() { address.hostname.clone() } else { address.ip.clone() }
    };
    addresses.iter().take(10).map(text).collect::<Vec<_>>().join(", ")
}
