//! Leaving without breaking a request: serving → lame duck → closing.
//!
//! | phase | readiness | new connections | answers |
//! | --- | --- | --- | --- |
//! | serving | ready | taken | keep-alive |
//! | lame duck | not ready | taken | `Connection: close`, GOAWAY |
//! | closing | not ready | refused | those in flight are finished; then the process ends |
//!
//! Kubernetes takes a pod out of its Services only some time after the pod was told to stop; until then clients still
//! come, and the lame duck answers them.

use pingora::server::ShutdownWatch;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked whether requests are still in flight while closing. Nothing is told when one ends: that would
/// cost every request something for the sake of the last. It is also how long a connection that was accepted just
/// before has to show its first byte.
const LOOK: Duration = Duration::from_millis(100);

/// How far the gateway is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not leaving.
    Serving,
    /// Leaving; clients are told and still served.
    LameDuck,
    /// Leaving; nobody new is served.
    Closing,
}

/// The phase and the open connections, shared by everything that serves.
#[derive(Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    shutdown: watch::Sender<bool>,
    /// Kept unseen on purpose: a clone for a connection made in the lame duck learns of the change at once.
    shutdown_seen_never: ShutdownWatch,
    connections: AtomicUsize,
    limit: usize,
    cores: Mutex<Vec<Arc<Busy>>>,
}

impl Drain {
    /// Serving, and taking at most `limit` connections at a time.
    pub fn new(limit: usize) -> Arc<Self> {
        let (shutdown, shutdown_seen_never) = watch::channel(false);
        Arc::new(Self {
            phase: watch::Sender::new(Phase::Serving),
            shutdown,
            shutdown_seen_never,
            connections: AtomicUsize::new(0),
            limit,
            cores: Mutex::default(),
        })
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Starts the lame duck: from now on answers end their connections.
    pub fn start_lame_duck(&self) {
        self.phase.send_replace(Phase::LameDuck);
        self.shutdown.send_replace(true);
    }

    /// Stops taking connections.
    pub fn start_closing(&self) {
        self.phase.send_replace(Phase::Closing);
    }

    /// Resolves when closing starts.
    pub async fn closing(&self) {
        let mut phase = self.phase.subscribe();
        // The sender lives as long as self.
        let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
    }

    /// What the engine watches: `true` from the lame duck on.
    pub fn shutdown_watch(&self) -> ShutdownWatch {
        self.shutdown_seen_never.clone()
    }

    /// Counts a new connection in; `None` when there are too many already.
    pub fn enter(self: &Arc<Self>) -> Option<Connection> {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.leave();
            return None;
        }
        Some(Connection(Arc::clone(self)))
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// A counter of requests in flight for one core.
    pub fn core(&self) -> Arc<Busy> {
        let busy = Arc::new(Busy::default());
        self.cores.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&busy));
        busy
    }

    /// How many requests and handshakes are in flight.
    pub fn in_flight(&self) -> usize {
        let cores = self.cores.lock().unwrap_or_else(PoisonError::into_inner);
        cores.iter().map(|busy| busy.0.load(Ordering::Acquire)).sum()
    }

    /// Resolves when no request is in flight.
    pub async fn idle(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.in_flight() == 0 {
                return;
            }
        }
    }

    fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The requests in flight on one core, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Busy(AtomicUsize);

/// One request in flight, counted until it is dropped. It borrows its counter, or owns a share of it.
#[derive(Debug)]
pub struct InFlight<B: Deref<Target = Busy>>(B);

impl<B: Deref<Target = Busy>> InFlight<B> {
    /// Counts a request in.
    pub fn new(busy: B) -> Self {
        busy.0.fetch_add(1, Ordering::AcqRel);
        Self(busy)
    }
}

impl<B: Deref<Target = Busy>> Drop for InFlight<B> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One open connection; dropping it counts it out.
#[derive(Debug)]
pub struct Connection(Arc<Drain>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_above_the_limit_are_refused_and_counted_out() {
        let drain = Drain::new(2);
        let first = drain.enter();
        let second = drain.enter();
        assert!(first.is_some() && second.is_some() && drain.enter().is_none());
        drop(first);
        assert!(drain.enter().is_some(), "a place is free again");
        drop(second);
        assert_eq!(drain.connections(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_waits_for_the_requests_of_every_core() {
        let drain = Drain::new(1);
        let (one, two) = (drain.core(), drain.core());
        let (first, second) = (InFlight::new(&*one), InFlight::new(&*two));
        let wait = || tokio::time::timeout(Duration::from_secs(1), drain.idle());
        drop(first);
        assert!(wait().await.is_err(), "a request is in flight on the other core");
        drop(second);
        assert!(wait().await.is_ok());
    }

    #[tokio::test]
    async fn a_connection_made_in_the_lame_duck_learns_of_it_at_once() {
        let drain = Drain::new(1);
        drain.start_lame_duck();
        let mut watch = drain.shutdown_watch();
        assert!(*watch.borrow());
        watch.changed().await.unwrap();
    }
}
