//! One request and its answer: with deadlines, and with every failure as data.

use super::client::sentence;
use super::timing::Timing;
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, RETRY_AFTER};
use hyper::{HeaderMap, Request};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The most of a refusal that is read, and how long that may take.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;
const REFUSAL_LIMIT: Duration = Duration::from_secs(5);

/// The longest message taken over from an API server, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// Why a list or a watch did not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The API server said no.
    Refused {
        /// The HTTP status code.
        code: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    /// No connection, or one that broke.
    Broken(String),
    /// Nothing came for longer than the API server should need.
    Silent(Duration),
    /// An answer that is not what an API server answers.
    Nonsense(String),
    /// An answer that is larger than there is room for.
    TooLarge,
}

impl Failure {
    /// The label of the metric.
    pub(super) fn code(&self) -> String {
        match self {
            Self::Refused { code, .. } => code.to_string(),
            Self::Broken(_) => "connection".into(),
            Self::Silent(_) => "silent".into(),
            Self::Nonsense(_) | Self::TooLarge => "answer".into(),
        }
    }

    /// Whether the version that was asked for is no longer there.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { code: 410, .. })
    }

    /// Whether this is the API server's word on what we may do.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { code: 403, .. })
    }

    /// Whether the request itself is not understood.
    pub(super) fn is_not_understood(&self) -> bool {
        matches!(self, Self::Refused { code: 400 | 405 | 422, .. })
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { code, message, .. } => write!(f, "it answers {code}: {message}"),
            Self::Broken(why) => write!(f, "the connection fails: {why}"),
            Self::Silent(limit) => write!(f, "it says nothing for {} s", limit.as_secs_f32().ceil()),
            Self::Nonsense(what) => write!(f, "its answer cannot be read: {what}"),
            Self::TooLarge => f.write_str("its answer is too large"),
        }
    }
}

/// The body of a refusal and of an `ERROR` in a watch (Kubernetes, `meta/v1` Status).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    message: String,
    reason: String,
    code: u16,
    details: Option<StatusDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusDetails {
    retry_after_seconds: u32,
}

impl Status {
    pub(super) fn into_failure(self) -> Failure {
        let text = if self.message.is_empty() { self.reason } else { self.message };
        let seconds = self.details.map_or(0, |details| details.retry_after_seconds);
        Failure::Refused {
            code: self.code,
            message: text.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect(),
            retry_after: (seconds > 0).then(|| Duration::from_secs(seconds.into())),
        }
    }
}

/// The API server.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    pub(super) timing: Timing,
}

impl Api {
    pub(super) fn new(client: Client, timing: Timing) -> Self {
        Self { client, timing }
    }

    /// Asks for `target`, a path with its query.
    pub(super) async fn get(&self, target: &str) -> Result<Answer, Failure> {
        let request = Request::get(target).header(ACCEPT, "application/json").body(Body::empty());
        let request = request.map_err(|error| Failure::Nonsense(error.to_string()))?;
        let limit = self.timing.answer;
        let response = match tokio::time::timeout(limit, self.client.send(request)).await {
            Err(_) => return Err(Failure::Silent(limit)),
            Ok(Err(error)) => return Err(Failure::Broken(sentence(&error))),
            Ok(Ok(response)) => response,
        };
        let (head, body) = response.into_parts();
        let answer = Answer { body };
        if head.status.is_success() {
            return Ok(answer);
        }
        Err(refusal(head.status.as_u16(), &head.headers, answer).await)
    }
}

async fn refusal(code: u16, headers: &HeaderMap, answer: Answer) -> Failure {
    let text = answer.whole(REFUSAL_LIMIT, MAX_REFUSAL_BYTES).await.unwrap_or_default();
    let status: Status = serde_json::from_slice(&text).unwrap_or_else(|_| {
        let message = String::from_utf8_lossy(&text).into_owned();
        Status { message, ..Status::default() }
    });
    let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    match (Status { code, ..status }).into_failure() {
        Failure::Refused { message, retry_after, .. } => {
            let retry_after = after.map(Duration::from_secs).or(retry_after);
            Failure::Refused { code, message, retry_after }
        }
        other => other,
    }
}

/// The body of a good answer, as it comes.
pub(super) struct Answer {
    body: Body,
}

impl Answer {
    /// The next piece; `None` at the end. When `until` passes first, it was silent for `limit`.
    pub(super) async fn piece(&mut self, until: Instant, limit: Duration) -> Result<Option<Bytes>, Failure> {
        loop {
            match timeout_at(until, self.body.frame()).await {
                Err(_) => return Err(Failure::Silent(limit)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(Failure::Broken(sentence(&error))),
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// All of it. No pause between two pieces may be longer than `idle`.
    pub(super) async fn whole(mut self, idle: Duration, most: usize) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece(Instant::now() + idle, idle).await? {
            if whole.len() + piece.len() > most {
                return Err(Failure::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}
