//! `auth-cache-key`: answers that hold for a while, one table for all routes and cores, of bounded size.
//!
//! An answer is found by a digest of the host, the route, what it asks and the expanded key: never by a request to another
//! host or path. When its part of the table is full, the one that would end first makes room.

use super::verdict::Keep;
use super::{ExternalAuth, Verdict};
use crate::proxy::Context;
use crate::table::CompiledRoute;
use crate::template::Scope;
use ahash::RandomState;
use ingora_config::policy::AuthDuration;
use openssl::sha::Sha256;
use pingora::http::RequestHeader;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Parts of the table, each behind a lock of its own; a power of two.
const PARTS: usize = 64;
/// Answers in a part. With the most an answer holds, all parts together stay below 64 MiB.
const IN_PART: usize = 256;

/// What an answer is found by (SHA-256).
pub type Digest = [u8; 32];

type Part = HashMap<Digest, Kept, RandomState>;

#[derive(Debug)]
struct Kept {
    verdict: Arc<Verdict>,
    until: Instant,
}

/// The answers that hold.
#[derive(Debug)]
pub struct Verdicts {
    parts: Box<[Mutex<Part>]>,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }
}

impl Verdicts {
    /// The answer that holds, if there is one.
    pub fn get(&self, key: &Digest) -> Option<Arc<Verdict>> {
        let part = self.part(key);
        part.get(key).filter(|kept| kept.until > Instant::now()).map(|kept| Arc::clone(&kept.verdict))
    }

    /// Keeps an answer as long as the service and the route say, if at all.
    pub fn keep(&self, key: Digest, verdict: &Arc<Verdict>, durations: &[AuthDuration]) {
        let status = verdict.status.as_u16();
        let of_route = durations.iter().find(|of| of.status.is_none_or(|of| of == status));
        let time = match (verdict.keep, of_route) {
            (Keep::Never, _) | (Keep::Default, None) => return,
            (Keep::For(time), _) => time,
            (Keep::Default, Some(of)) => Duration::from_secs(of.seconds.into()),
        };
        // What is neither yes nor no is asked anew.
        if time.is_zero() || !(verdict.status.is_success() || matches!(status, 401 | 403)) {
            return;
        }
        let now = Instant::now();
        let Some(until) = now.checked_add(time) else { return };
        let mut part = self.part(&key);
        if part.len() >= IN_PART && !part.contains_key(&key) {
            part.retain(|_, kept| kept.until > now);
            if part.len() >= IN_PART
                && let Some(first) = part.iter().min_by_key(|(_, kept)| kept.until).map(|(key, _)| *key)
            {
                part.remove(&first);
            }
        }
        part.insert(key, Kept { verdict: Arc::clone(verdict), until });
    }

    fn part(&self, key: &Digest) -> MutexGuard<'_, Part> {
        let part = &self.parts[usize::from(key[0]) % PARTS];
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExternalAuth {
    /// What the answer about a request is found by; `None` when answers are not kept.
    pub(super) fn cache_key(
        &self,
        request: &RequestHeader,
        route: &CompiledRoute,
        ctx: &Context,
    ) -> Option<Digest> {
        let cache = self.auth.cache.as_ref()?;
        let mut digest = Sha256::new();
        // The length before each text: "ab" and "c" are not "a" and "bc".
        let mut take = |bytes: &[u8]| {
            digest.update(&(bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        take(ctx.host.as_bytes());
        take(route.namespace().as_bytes());
        take(route.ingress().as_bytes());
        take(route.route.key.to_string().as_bytes());
        take(&self.identity.to_be_bytes());
        let scope = Scope { request, ctx, route, groups: None };
        scope.render_each(&cache.key, take).ok()?;
        Some(digest.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn verdict(status: u16, keep: Keep) -> Arc<Verdict> {
        Arc::new(Verdict {
            status: StatusCode::from_u16(status).unwrap(),
            headers: Box::default(),
            challenge: None,
            cookies: Box::default(),
            always_set_cookie: false,
            keep,
        })
    }

    fn durations(list: &[(Option<u16>, u32)]) -> Vec<AuthDuration> {
        list.iter().map(|(status, seconds)| AuthDuration { status: *status, seconds: *seconds }).collect()
    }

    #[test]
    fn an_answer_holds_by_its_status_and_the_services_own_word_goes_first() {
        let list = durations(&[(Some(202), 60), (Some(401), 0), (None, 60)]);
        let long = Keep::For(Duration::from_secs(60));
        for (status, keep, list, kept) in [
            (202, Keep::Default, &list, true),
            (202, Keep::Never, &list, false),
            (401, Keep::Default, &list, false),
            (401, long, &list, true),
            (403, Keep::Default, &list, true),
            (500, Keep::Default, &list, false),
            (302, long, &list, false),
            (204, Keep::Default, &durations(&[(Some(200), 60)]), false),
            (204, Keep::Default, &durations(&[]), false),
        ] {
            let verdicts = Verdicts::default();
            verdicts.keep([1; 32], &verdict(status, keep), list);
            assert_eq!(verdicts.get(&[1; 32]).is_some(), kept, "{status} {keep:?}");
            assert!(verdicts.get(&[2; 32]).is_none());
        }
    }

    #[test]
    fn the_table_is_bounded_and_what_would_end_first_goes() {
        let verdicts = Verdicts::default();
        let key = |n: u16| {
            let mut key = [0; 32];
            key[1..3].copy_from_slice(&n.to_be_bytes());
            key
        };
        let first = Keep::For(Duration::from_secs(5));
        verdicts.keep(key(0), &verdict(200, first), &[]);
        for n in 1..1000 {
            verdicts.keep(key(n), &verdict(200, Keep::For(Duration::from_secs(60))), &[]);
        }
        assert_eq!(verdicts.part(&key(0)).len(), IN_PART);
        assert!(verdicts.get(&key(0)).is_none());
        assert!(verdicts.get(&key(999)).is_some());
    }
}
