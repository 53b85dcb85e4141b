//! The addresses behind the name of a mirror's target.
//!
//! A name is asked for when the first copy needs it, by the system's resolver and so by the search domains and servers of
//! `/etc/resolv.conf`; the answer holds for a while, a failure for less. Whoever needs it meanwhile waits: copies have time.

use arc_swap::ArcSwapOption;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::lookup_host;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long an answer holds; the system's resolver does not say what its TTL is.
const HOLDS: Duration = Duration::from_secs(10);
/// How long a failure holds.
const FAILURE_HOLDS: Duration = Duration::from_secs(2);
/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(10);
/// The most addresses of one name.
const MOST: usize = 64;

/// A target and what is known of its addresses.
#[derive(Debug)]
pub struct Addresses {
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    host: String,
    port: u16,
    loopback: bool,
    known: ArcSwapOption<Known>,
    turn: AtomicUsize,
    asking: Mutex<()>,
}

#[derive(Debug)]
struct Known {
    /// Empty after a failure.
    addresses: Vec<SocketAddr>,
    until: Instant,
}

impl Addresses {
    /// A target of which nothing is known yet. `loopback` allows addresses of the machine itself.
    pub fn new(tls: bool, host: &str, port: u16, loopback: bool) -> Self {
        let (known, turn) = Default::default();
        Self { tls, host: host.to_owned(), port, loopback, known, turn, asking: Mutex::default() }
    }

    /// The name for the TLS handshake (RFC 6066 section 3); empty for an address.
    pub fn sni(&self) -> &str {
        if self.host.parse::<IpAddr>().is_ok() { "" } else { &self.host }
    }

    /// One address, each in its turn.
    ///
    /// # Errors
    /// When the name has none that may be sent to.
    pub async fn one(&self) -> io::Result<SocketAddr> {
        let known = match self.fresh() {
            Some(known) => known,
            None => self.ask().await,
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let address = known.addresses.get(turn % known.addresses.len().max(1));
        address.copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn fresh(&self) -> Option<Arc<Known>> {
        self.known.load_full().filter(|known| Instant::now() < known.until)
    }

    async fn ask(&self) -> Arc<Known> {
        let _alone = self.asking.lock().await;
        if let Some(known) = self.fresh() {
            return known;
        }
        let answer = timeout(QUESTION, lookup_host((self.host.as_str(), self.port))).await;
        let found = answer.ok().and_then(Result::ok).into_iter().flatten();
        let addresses: Vec<_> =
            found.filter(|address| may_be_sent_to(address.ip(), self.loopback)).take(MOST).collect();
        let holds = if addresses.is_empty() { FAILURE_HOLDS } else { HOLDS };
        let known = Arc::new(Known { addresses, until: Instant::now() + holds });
        self.known.store(Some(Arc::clone(&known)));
        known
    }
}

/// As for endpoints: whoever writes an Ingress must not reach the gateway's own ports or the cloud's metadata service, whatever DNS
/// says.
fn may_be_sent_to(address: IpAddr, loopback: bool) -> bool {
    let address = address.to_canonical();
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !address.is_unspecified()
        && !address.is_multicast()
        && !link_local
        && (loopback || !address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_itself_and_the_machine_is_nobodys_target() {
        let one = |host: &str, loopback| {
            let addresses = Addresses::new(false, host, 80, loopback);
            async move { addresses.one().await.map(|address| address.to_string()).ok() }
        };
        assert_eq!(one("192.0.2.7", false).await.as_deref(), Some("192.0.2.7:80"));
        assert_eq!(one("127.0.0.1", true).await.as_deref(), Some("127.0.0.1:80"));
        for host in ["127.0.0.1", "localhost", "169.254.169.254", "0.0.0.0", "224.0.0.1"] {
            assert_eq!(one(host, false).await, None, "{host}");
        }
        assert!(!may_be_sent_to("::ffff:127.0.0.1".parse().unwrap(), false));
    }
}
