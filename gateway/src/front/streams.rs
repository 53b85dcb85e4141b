//! The streams of one HTTP/2 connection: how many a client opened, and how many it gave up before their answer.
//!
//! A client that opens requests only to cancel them makes us and the upstream work for nothing, without ever having
//! many streams open (CVE-2023-44487). The h2 library bounds what waits to be accepted; this bounds the rest.

use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// From how many cancelled requests on a connection is judged. Envoy judges from 500 requests on.
const CANCELLED: u32 = 100;

/// The count of one connection.
#[derive(Debug, Default)]
pub struct Streams {
    finished: AtomicU32,
    cancelled: AtomicU32,
}

impl Streams {
    /// Notes that a request is over; `cancelled` if its client gave it up soon and without an answer.
    pub fn finished(&self, cancelled: bool) {
        self.finished.fetch_add(1, Ordering::Relaxed);
        if cancelled {
            self.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether most requests of this connection were cancelled: it is cut.
    pub fn is_abuse(&self) -> bool {
        let cancelled = self.cancelled.load(Ordering::Relaxed);
        cancelled >= CANCELLED && cancelled > self.finished.load(Ordering::Relaxed) / 2
    }
}

/// A new count in the form in which the engine carries it along.
pub(super) fn digest() -> Option<Arc<ProxyDigest>> {
    let unused = Box::new(ResponseHeader::build(200, Some(0)).ok()?);
    Some(Arc::new(ProxyDigest::new(unused, Some(Box::new(Streams::default())))))
}

/// The count of the connection that this digest came from.
pub fn of(digest: &ProxyDigest) -> Option<&Streams> {
    digest.user_data.as_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_cancels_most_of_its_requests_is_abuse() {
        let streams = Streams::default();
        (0..CANCELLED - 1).for_each(|_| streams.finished(true));
        assert!(!streams.is_abuse(), "a page that is left may cancel some");
        streams.finished(true);
        assert!(streams.is_abuse());
        (0..2 * CANCELLED).for_each(|_| streams.finished(false));
        assert!(!streams.is_abuse(), "most of them were waited for");
    }
}
