//! What requests read and the sync client writes.
//!
//! ```text
//!   sync ──Batch──▶ Writer ──one swap per commit──▶ RouteTable, Certificates ◀──one load per request── proxy, TLS
//! ```
//!
//! Readers take no lock. The one writer works on its own copy, which shares with the published one all that does not
//! change.

mod batch;
mod writer;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Change};

use crate::certificate::{CertificateError, Certificates, Slot, own};
use crate::table::RouteTable;
use crate::telemetry::RouteStatistics;
use crate::upstream::Group;
use arc_swap::{ArcSwap, Guard};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tokio::sync::watch;
use writer::Writer;

/// The last commit.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// Its revision.
    pub revision: u64,
    /// When it took effect.
    pub at: SystemTime,
}

/// The configuration in effect.
#[derive(Debug)]
pub struct Live {
    table: ArcSwap<RouteTable>,
    certificates: ArcSwap<Certificates>,
    statistics: Arc<RouteStatistics>,
    applied: watch::Sender<Option<Applied>>,
    writer: Mutex<Writer>,
}

impl Live {
    /// Nothing is configured yet; handshakes get a certificate made now.
    ///
    /// # Errors
    /// When the TLS library cannot make that certificate.
    pub fn new() -> Result<Arc<Self>, CertificateError> {
        let own = Arc::new(own::make()?);
        let statistics = Arc::new(RouteStatistics::default());
        Ok(Arc::new(Self {
            table: ArcSwap::default(),
            certificates: ArcSwap::from_pointee(Certificates::new(Arc::clone(&own))),
            applied: watch::Sender::new(None),
            writer: Mutex::new(Writer::new(own, Arc::clone(&statistics))),
            statistics,
        }))
    }

    /// The table in effect, to be loaded once per request and kept until its end.
    pub fn table(&self) -> Arc<RouteTable> {
        self.table.load_full()
    }

    /// The certificates in effect.
    pub fn certificates(&self) -> Guard<Arc<Certificates>> {
        self.certificates.load()
    }

    /// The counters of all routes.
    pub fn statistics(&self) -> &Arc<RouteStatistics> {
        &self.statistics
    }

    /// The revision of the last commit; `None` before the first full state.
    pub fn revision(&self) -> Option<u64> {
        self.applied().map(|applied| applied.revision)
    }

    /// The last commit; `None` before the first full state.
    pub fn applied(&self) -> Option<Applied> {
        *self.applied.borrow()
    }

    /// Whether a full state was applied.
    pub fn ready(&self) -> bool {
        self.applied().is_some()
    }

    /// Resolves when the first full state is applied.
    pub async fn configured(&self) {
        let mut applied = self.applied.subscribe();
        // The sender lives as long as self.
        let _ = applied.wait_for(Option::is_some).await;
    }

    /// Puts a batch into effect, all at once, and answers what cannot be used of it, one sentence each. A full state
    /// is compared with what is there: what did not change stays the same value, with its counters.
    ///
    /// Takes time in proportion to the batch (a full state: to all there is), on the thread that calls it.
    pub fn apply(&self, batch: Batch) -> Vec<String> {
        let mut writer = self.writer();
        let (revision, refused) = (batch.revision, writer.take(batch));
        writer.publish_first();
        if let Some(certificates) = writer.certificates() {
            self.certificates.store(Arc::new(certificates));
        }
        if let Some(table) = writer.table() {
            self.table.store(Arc::new(table));
        }
        writer.publish_last();
        drop(writer);
        self.applied.send_replace(Some(Applied { revision, at: SystemTime::now() }));
        refused
    }

    /// All upstream groups, by name.
    pub fn groups(&self) -> Vec<Arc<Group>> {
        let mut groups = self.writer().groups();
        groups.sort_by(|a, b| a.id().cmp(b.id()));
        groups
    }

    /// All Secrets, by name.
    pub fn secrets(&self) -> Vec<Arc<Slot>> {
        let mut slots = self.writer().slots();
        slots.sort_by(|a, b| a.secret().cmp(b.secret()));
        slots
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic while applying leaves a copy that the next full state puts right.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
