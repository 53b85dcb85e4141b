//! One task for each selection: list, watch, and whatever goes wrong with either.
//!
//! ```text
//!            ┌───────────────────── list everything ◀── 410, a long outage, an answer that makes no sense
//!            ▼                             ▲
//!   suspiciously little? ── yes: once more ┘
//!            │ no
//!            ▼
//!     the difference, in one batch ─▶ watch ─▶ every change, at once
//!                                      ▲  │
//!              its end, a failure that  │  │
//!              lost nothing: again      └──┘ from the version seen last
//! ```
//!
//! A failure never takes anything back. It is counted, waited for, and tried again for ever.

use super::api::{Api, Failure};
use super::decode::Line;
use super::ledger::Ledger;
use super::list::{Listing, list};
use super::outlet::{Bearer, Closed, Outlet};
use super::selection::{Selection, Subject};
use super::standing::{Standing, forbidden};
use super::timing::Backoff;
use super::watch_stream::{From, Watch};
use crate::object::{Kind, ObjectKey};
use crate::source::Event;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// The names of the namespaces that are served; `None` until they have been listed.
pub(super) type Namespaces = Option<BTreeSet<String>>;

/// What all followers have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) api: Api,
    pub(super) outlet: Arc<Outlet>,
    pub(super) standing: Arc<Standing>,
    /// Whether the API server is thought to know streaming lists.
    pub(super) streaming: Arc<AtomicBool>,
}

/// Whom the first list is news to.
#[derive(Debug)]
pub(super) enum First {
    /// Everybody: publication waits for it.
    Counts,
    /// Whoever named this object.
    Answers(ObjectKey),
}

/// Why a round ended.
enum End {
    Failed(Failure),
    Closed,
}

impl std::convert::From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl std::convert::From<Closed> for End {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// Follows one selection.
pub(super) struct Follower {
    shared: Shared,
    bearer: Bearer,
    selection: Selection,
    ledger: Ledger,
    /// The version seen last; `None` when everything has to be listed.
    version: Option<String>,
    /// Whom the first list is news to; `None` once it has been delivered.
    first: Option<First>,
    /// Lists are paged: one that was not has failed.
    paged: bool,
    backoff: Backoff,
    failing_since: Option<Instant>,
    forbidden: bool,
    /// Only objects in these namespaces are served.
    gate: Option<watch::Receiver<Namespaces>>,
    /// Where the names of the objects go, if they are namespaces.
    names: Option<watch::Sender<Namespaces>>,
}

impl Follower {
    pub(super) fn new(shared: Shared, selection: Selection, first: First) -> Self {
        let kind = match selection.subject {
            Subject::Objects(kind) => kind,
            // Nothing of them goes to the store.
            Subject::Namespaces => Kind::Ingress,
        };
        shared.standing.begin(&selection);
        Self {
            bearer: shared.outlet.bearer(),
            shared,
            selection,
            ledger: Ledger::new(kind),
            version: None,
            first: Some(first),
            paged: false,
            backoff: Backoff::default(),
            failing_since: None,
            forbidden: false,
            gate: None,
            names: None,
        }
    }

    /// Serves only objects in these namespaces.
    pub(super) fn within(self, gate: watch::Receiver<Namespaces>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// Tells which namespaces there are.
    pub(super) fn telling(self, names: watch::Sender<Namespaces>) -> Self {
        Self { names: Some(names), ..self }
    }

    /// Follows until the loop is gone.
    pub(super) async fn run(mut self) {
        self.follow().await;
    }

    /// Follows until it is not wanted any more, and takes back what it brought.
    pub(super) async fn run_until(mut self, unwanted: oneshot::Receiver<()>) {
        tokio::select! {
            () = self.follow() => return,
            _ = unwanted => {}
        }
        let mut events = self.ledger.replace(Vec::new());
        self.shared.outlet.in_order(self.bearer, &mut events, self.version.as_deref().unwrap_or_default());
        if self.forbidden {
            events.push(Event::Problems { origin: self.selection.name(), problems: Vec::new() });
        }
        self.shared.standing.end(&self.selection);
        // When the loop is gone, nobody needs to know.
        let _ = self.shared.outlet.send(events).await;
    }

    async fn follow(&mut self) {
        loop {
            let ended = match self.round().await {
                Ok(()) => Ok(()),
                Err(End::Closed) => return,
                Err(End::Failed(failure)) => self.failed(failure).await,
            };
            if ended.is_err() {
                return;
            }
        }
    }

    /// One watch, with a list before it where one is needed.
    async fn round(&mut self) -> Result<(), End> {
        self.wait_for_gate().await?;
        let watch = match self.version.clone() {
            Some(version) => {
                let from = From::Version(&version);
                let watch = Watch::open(&self.shared.api, &self.selection, from).await?;
                self.works().await?;
                Some(watch)
            }
            None => self.list_everything().await?,
        };
        match watch {
            Some(watch) => self.watch(watch).await,
            None => Ok(()),
        }
    }

    /// Brings every change on its way at once, until the watch ends.
    async fn watch(&mut self, mut watch: Watch) -> Result<(), End> {
        loop {
            let (batch, failure) = self.take(&mut watch);
            self.deliver(batch).await?;
            if let Some(failure) = failure {
                return Err(failure.into());
            }
            tokio::select! {
                more = watch.more() => match more? {
                    true => self.shared.standing.heard(&self.selection),
                    false => break,
                },
                changed = moved(&mut self.gate) => {
                    changed?;
                    if self.pass_gate().await? {
                        return Ok(());
                    }
                }
            }
        }
        if watch.age() < self.shared.api.timing.watch / 2 {
            // An API server (or something before it) that ends every watch at once must not be asked without pause.
            tokio::time::sleep(self.backoff.next(&self.shared.api.timing, None)).await;
        } else {
            self.backoff.reset();
        }
        Ok(())
    }

    /// Turns the lines that are here already into one batch.
    fn take(&mut self, watch: &mut Watch) -> (Vec<Event>, Option<Failure>) {
        let mut batch = Vec::new();
        loop {
            let ledger = &self.ledger;
            match watch.ready(&self.selection, &|id| ledger.known(id)) {
                None => return (batch, None),
                Some(Err(failure)) => return (batch, Some(failure)),
                Some(Ok(line)) => {
                    self.take_line(line, &mut batch);
                    self.backoff.reset();
                }
            }
        }
    }

    fn take_line(&mut self, line: Line, batch: &mut Vec<Event>) {
        let mut events = Vec::new();
        let version = match line {
            Line::Apply(item) => {
                let version = item.version.clone();
                self.ledger.apply(item, &mut events);
                version
            }
            Line::Delete(id, version) => {
                self.ledger.remove(&id, &mut events);
                version
            }
            Line::Bookmark { version, .. } => version.into(),
            Line::Unknown => return,
        };
        self.shared.outlet.in_order(self.bearer, &mut events, &version);
        batch.append(&mut events);
        if !version.is_empty() {
            self.version = Some(version.into());
        }
    }

    async fn deliver(&self, batch: Vec<Event>) -> Result<(), Closed> {
        if let Some(names) = &self.names {
            let now = Some(self.ledger.names());
            names.send_if_modified(|old| std::mem::replace(old, now.clone()) != now);
        }
        self.shared.outlet.send(batch).await
    }

    /// Lists, makes sure, and delivers the difference. The watch that goes on from there, if there is one.
    async fn list_everything(&mut self) -> Result<Option<Watch>, End> {
        let (mut listing, mut watch) = self.list_somehow().await?;
        let (count, before) = (listing.items.len(), self.ledger.len());
        // What the API server's cache says at first may be less than what there is.
        let empty_at_first = self.first.is_some() && count == 0 && watch.is_some();
        if empty_at_first || self.ledger.is_suspicious(count) {
            if before > 0 {
                let kind = self.selection.subject.kind();
                tracing::warn!(
                    kind,
                    count,
                    before,
                    "a list lost suspiciously much; it is asked for once more"
                );
                tokio::time::sleep(self.shared.api.timing.confirm).await;
            }
            (listing, watch) = (self.list_pages().await?, None);
        }
        if listing.version.is_empty() {
            return Err(Failure::Nonsense("a list without a version".into()).into());
        }
        self.works().await?;
        let mut events = self.ledger.replace(listing.items);
        self.shared.outlet.in_order(self.bearer, &mut events, &listing.version);
        self.version = Some(listing.version);
        self.shared.standing.listed(&self.selection);
        self.deliver(events).await?;
        self.announce().await?;
        Ok(watch)
    }

    async fn list_somehow(&mut self) -> Result<(Listing, Option<Watch>), Failure> {
        if self.paged || !self.shared.streaming.load(Ordering::Relaxed) {
            return Ok((self.list_pages().await?, None));
        }
        match self.list_streaming().await {
            Ok((listing, watch)) => Ok((listing, Some(watch))),
            Err(failure) if failure.is_not_understood() => {
                let listing = self.list_pages().await?;
                // So it was not the selection that was not understood.
                if self.shared.streaming.swap(false, Ordering::Relaxed) {
                    tracing::info!("the API server has no streaming lists; everything is listed in pages");
                }
                Ok((listing, None))
            }
            Err(failure) => {
                // It may be able to do it the other way.
                let may = matches!(failure, Failure::Silent(_) | Failure::Nonsense(_) | Failure::TooLarge);
                self.paged |= may || matches!(failure, Failure::Refused { code: 500.., .. });
                Err(failure)
            }
        }
    }

    async fn list_pages(&self) -> Result<Listing, Failure> {
        list(&self.shared.api, &self.selection, &|id| self.ledger.known(id)).await
    }

    async fn list_streaming(&self) -> Result<(Listing, Watch), Failure> {
        let mut watch = Watch::open(&self.shared.api, &self.selection, From::Everything).await?;
        let mut items = HashMap::new();
        loop {
            while let Some(line) = watch.ready(&self.selection, &|id| self.ledger.known(id)) {
                match line? {
                    Line::Apply(item) => drop(items.insert(item.id.clone(), item)),
                    Line::Delete(id, _) => drop(items.remove(&id)),
                    Line::Bookmark { version, complete: true } => {
                        watch.is_complete(&self.shared.api);
                        return Ok((Listing { items: items.into_values().collect(), version }, watch));
                    }
                    Line::Bookmark { .. } | Line::Unknown => {}
                }
            }
            if !watch.more().await? {
                return Err(Failure::Nonsense("a streaming list that ends before it is complete".into()));
            }
        }
    }

    /// Says that the first list has been delivered.
    async fn announce(&mut self) -> Result<(), Closed> {
        match self.first.take() {
            None => Ok(()),
            Some(First::Counts) => self.shared.outlet.listed().await,
            Some(First::Answers(key)) => self.shared.outlet.send(vec![Event::Answered(key)]).await,
        }
    }

    /// The API server answered with what was asked for.
    async fn works(&mut self) -> Result<(), Closed> {
        self.failing_since = None;
        self.shared.standing.connected(&self.selection);
        if std::mem::take(&mut self.forbidden) {
            let solved = Event::Problems { origin: self.selection.name(), problems: Vec::new() };
            self.shared.outlet.send(vec![solved]).await?;
        }
        Ok(())
    }

    /// Counts a failure and waits before the next try.
    async fn failed(&mut self, failure: Failure) -> Result<(), Closed> {
        let timing = self.shared.api.timing;
        self.shared.standing.failed(&self.selection, &failure);
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        let lost = failure.is_gone() || matches!(failure, Failure::Nonsense(_) | Failure::TooLarge);
        if lost || since.elapsed() > timing.outage {
            self.version = None;
        }
        if failure.is_forbidden() && !std::mem::replace(&mut self.forbidden, true) {
            let problem = forbidden(&self.selection, &failure, self.first.is_none());
            let event = Event::Problems { origin: self.selection.name(), problems: vec![problem] };
            self.shared.outlet.send(vec![event]).await?;
            if !self.selection.required {
                self.announce().await?;
            }
        }
        tokio::time::sleep(self.backoff.next(&timing, failure.retry_after())).await;
        Ok(())
    }

    /// Waits until it is known which namespaces are served.
    async fn wait_for_gate(&mut self) -> Result<(), Closed> {
        let Some(gate) = &mut self.gate else { return Ok(()) };
        gate.wait_for(Option::is_some).await.map(drop).map_err(|_| Closed)?;
        self.pass_gate().await.map(drop)
    }

    /// Serves the namespaces that are to be served now. Whether everything must be listed for that.
    async fn pass_gate(&mut self) -> Result<bool, Closed> {
        let Some(gate) = &mut self.gate else { return Ok(false) };
        let Some(namespaces) = gate.borrow_and_update().clone() else { return Ok(false) };
        let mut events = Vec::new();
        let unread = self.ledger.serve(namespaces, &mut events);
        if unread {
            self.version = None;
        }
        self.deliver(events).await?;
        Ok(unread)
    }
}

/// Waits until other namespaces are served; for ever when all are.
async fn moved(gate: &mut Option<watch::Receiver<Namespaces>>) -> Result<(), Closed> {
    match gate {
        Some(gate) => gate.changed().await.map_err(|_| Closed),
        None => std::future::pending().await,
    }
}
