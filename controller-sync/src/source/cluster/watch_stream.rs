//! One watch: a request that goes on answering.
//!
//! The API server is asked to end it after a while, and sends a bookmark before it does. A connection that died without a
//! word is therefore found out: nothing has come, and the end is overdue.

use super::api::{Answer, Api, Failure};
use super::decode::{self, Known, Line};
use super::lines::Lines;
use super::selection::{Selection, encode};
use std::time::Duration;
use tokio::time::Instant;

/// How long a watch that begins with a list may last; the list may be long.
const STREAMING_SECONDS: u64 = 300;

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum From<'v> {
    /// With everything there is, then what changes (Kubernetes, "Streaming lists"). API servers that do not know
    /// this refuse it.
    Everything,
    /// With what comes after this version.
    Version(&'v str),
}

/// A running watch.
pub(super) struct Watch {
    answer: Answer,
    lines: Lines,
    /// When its silence has lasted too long, and how long that is.
    deadline: Instant,
    limit: Duration,
    /// Every piece moves the deadline.
    moving: bool,
    spoke: bool,
    began: Instant,
}

impl Watch {
    pub(super) async fn open(api: &Api, selection: &Selection, from: From<'_>) -> Result<Self, Failure> {
        let timing = &api.timing;
        let mut target = selection.target();
        target.push_str("watch=1&allowWatchBookmarks=true");
        let (limit, moving) = match from {
            From::Everything => {
                target.push_str("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
                target.push_str(&format!("&timeoutSeconds={STREAMING_SECONDS}"));
                (timing.pause, true)
            }
            From::Version(version) => {
                let seconds = timing.watch.as_secs().max(1);
                target.push_str(&format!("&timeoutSeconds={seconds}&resourceVersion="));
                encode(&mut target, version);
                (timing.watch + timing.grace, false)
            }
        };
        let answer = api.get(&target).await?;
        let began = Instant::now();
        let deadline = began + limit;
        Ok(Self { answer, lines: Lines::default(), deadline, limit, moving, spoke: false, began })
    }

    /// What was sent first is complete: from now on it is a watch as any other, and not longer than those.
    pub(super) fn is_complete(&mut self, api: &Api) {
        self.moving = false;
        self.limit = api.timing.watch + api.timing.grace;
        self.deadline = Instant::now() + self.limit;
    }

    /// How long it has lasted.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// The next line that is here already.
    pub(super) fn ready(&mut self, selection: &Selection, known: Known<'_>) -> Option<Result<Line, Failure>> {
        self.lines.next().map(|json| decode::line(selection.subject, json, known))
    }

    /// Waits for more; `false` at the end. Nothing is lost when it is dropped while it waits.
    pub(super) async fn more(&mut self) -> Result<bool, Failure> {
        match self.answer.piece(self.deadline, self.limit).await {
            Ok(Some(piece)) => {
                self.spoke = true;
                if self.moving {
                    self.deadline = Instant::now() + self.limit;
                }
                self.lines.push(&piece)?;
                Ok(true)
            }
            Ok(None) => Ok(false),
            // It is alive, and only does not end when it should.
            Err(Failure::Silent(_)) if self.spoke && !self.moving => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}
