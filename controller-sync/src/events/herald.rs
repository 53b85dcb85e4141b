//! The task that tells.

use super::book::{Book, Letter};
use super::send::{Sender, Sent};
use super::tale::Tale;
use super::{EventOptions, News};
use crate::jitter;
use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::outputs::inbox::Inbox;
use crate::rate::TokenBucket;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Events per second, for all objects together, and how many at once.
const PER_SECOND: f64 = 20.0;
const BURST: f64 = 100.0;

/// The pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often one Event is tried before it is given up.
const TRIES: u32 = 5;

pub(super) struct Herald {
    sender: Sender,
    sync_events: bool,
    leadership: Leadership,
    inbox: Arc<Inbox<News>>,
    metrics: Arc<Metrics>,
    book: Book,
    leading: bool,
    bucket: TokenBucket,
    failures: u32,
    /// Whether it was logged that Events may not be written, and none was since.
    forbidden: bool,
    not_before: Option<Instant>,
}

impl Herald {
    pub(super) fn new(
        sender: Sender,
        options: &EventOptions,
        leadership: Leadership,
        inbox: Arc<Inbox<News>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            sender,
            sync_events: options.sync_events,
            leadership,
            inbox,
            metrics,
            book: Book::default(),
            leading: false,
            bucket: TokenBucket::new(PER_SECOND, BURST),
            failures: 0,
            forbidden: false,
            not_before: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let wake = self.wake();
            let far = Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                biased;
                () = self.leadership.until(!self.leading) => {
                    self.leading = !self.leading;
                    self.book.lead(self.leading);
                    (self.failures, self.not_before) = (0, None);
                }
                news = self.inbox.take() => self.take(news),
                () = sleep_until(wake.unwrap_or(far)), if wake.is_some() => self.tell().await,
            }
            self.count_dropped();
        }
    }

    fn wake(&mut self) -> Option<Instant> {
        let wake = self.book.wake()?;
        let ready = self.bucket.ready_at();
        Some(wake.max(ready).max(self.not_before.unwrap_or(ready)))
    }

    fn take(&mut self, news: News) {
        // First who is who: problems are told on objects.
        for (id, fate) in news.seen {
            self.book.see(id, fate, self.sync_events);
        }
        news.went.iter().for_each(|problem| self.book.went(problem));
        news.came.iter().for_each(|problem| self.book.came(problem));
    }

    /// Sends one Event, if one is due.
    async fn tell(&mut self) {
        // The clock is asked right before: the term may have ended since the last event.
        if !self.leadership.leads() {
            return;
        }
        let Some(letter) = self.book.next() else { return };
        self.bucket.take();
        let tale = letter.subject.tale();
        let uid = match &letter.uid {
            Some(uid) => Some(uid.clone()),
            None => self.sender.identify(&tale.object).await,
        };
        let Some(uid) = uid else {
            tracing::debug!(object = %tale.object, "no Event: the object cannot be found");
            return self.book.refused(&letter);
        };
        match self.sender.send(&tale, &uid, letter.manner).await {
            Sent::Told(count) => {
                self.metrics.outputs.events_sent.inc();
                self.failures = 0;
                self.forbidden = false;
                self.book.told(letter, count);
            }
            Sent::Refused(why) => {
                tracing::debug!(object = %tale.object, "an Event is refused: {why}");
                self.book.refused(&letter);
            }
            Sent::Forbidden(why) => {
                if !std::mem::replace(&mut self.forbidden, true) {
                    tracing::warn!(
                        "Events may not be written: {why}; the rules are in the chart, templates/rbac.yaml"
                    );
                }
                self.book.refused(&letter);
            }
            Sent::Failed(why) => self.failed(letter, &tale, &why),
        }
    }

    fn failed(&mut self, letter: Letter, tale: &Tale, why: &str) {
        self.failures += 1;
        if self.failures == 1 {
            tracing::warn!(object = %tale.object, "an Event cannot be written, it is tried again: {why}");
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(8)).min(LONGEST_PAUSE);
        self.not_before = Some(Instant::now() + pause.mul_f64(0.75 + 0.5 * jitter::fraction()));
        if self.failures.is_multiple_of(TRIES) {
            self.book.refused(&letter);
        } else {
            self.book.returned(letter);
        }
    }

    fn count_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.book.dropped);
        if dropped > 0 {
            self.metrics.outputs.events_dropped.inc_by(dropped);
        }
    }
}
