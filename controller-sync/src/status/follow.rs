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

/// Looks until nobody wants to know any more.
pub(super) async fn follow(
    mut lookup: Lookup,
    interval: Duration,
    mut leadership: Leadership,
    known: watch::Sender<Option<Vec<LoadBalancerIngress>>>,
) {
    let mut failing = false;
    loop {
        leadership.until(true).await;
        // What was believed in an earlier term may be long gone.
        let mut steady = Steady::default();
        while leadership.leads() && !known.is_closed() {
            let why = match timeout(LOOK_LIMIT, lookup.look()).await {
                Ok(Ok(look)) => {
                    let addresses = steady.take(look).map(<[_]>::to_vec);
                    known.send_if_modified(|old| {
                        let news = addresses.is_some() && *old != addresses;
                        if news {
                            tracing::info!(addresses = %shown(addresses.as_deref()), "the addresses for the status of Ingresses");
                            old.clone_from(&addresses);
                        }
                        news
                    });
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
            let pause = if empty || failing { interval.min(IMPATIENCE) } else { interval };
            tokio::select! {
                () = sleep(pause) => {}
                () = known.closed() => return,
            }
        }
        if known.is_closed() {
            return;
        }
    }
}

fn shown(addresses: Option<&[LoadBalancerIngress]>) -> String {
    let text = |address: &LoadBalancerIngress| {
        if address.ip.is_empty() { address.hostname.clone() } else { address.ip.clone() }
    };
    addresses.unwrap_or_default().iter().take(10).map(text).collect::<Vec<_>>().join(", ")
}
