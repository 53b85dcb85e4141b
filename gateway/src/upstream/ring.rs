//! Consistent hashing: a key has its endpoint for as long as that is there, and an endpoint that comes or goes moves only
//! the keys that it gets or had. All routes of a group share one ring (ketama of `pingora-load-balancing`), built when
//! endpoints change, and only where a route wants one.
//!
//! The ring hangs on addresses alone: every replica and every restart of the gateway has the same.

use super::{Probing, Target, chance};
use ingora_config::policy::MAX_SUBSET;
use pingora_load_balancing::Backend;
use pingora_load_balancing::selection::consistent::KetamaHashing;
use pingora_load_balancing::selection::{BackendIter, BackendSelection};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// How many points of the ring one request looks at: enough to meet somebody while half of a group is out.
const STEPS: usize = 512;

/// The ring of one generation of a group.
pub(super) struct Ring(Arc<KetamaHashing>);

impl Ring {
    pub(super) fn new(backends: &[Backend]) -> Self {
        Self(Arc::new(KetamaHashing::build(&backends.iter().cloned().collect())))
    }

    /// The endpoint of a key, whatever its state.
    pub(super) fn of(&self, key: &[u8]) -> Option<Arc<Target>> {
        self.0.iter(key).next().and_then(Target::of).cloned()
    }

    /// One of the `subset` endpoints that come first behind the place of a key, of those that may be used; where none may,
    /// one that was not tried, or the first.
    pub(super) fn pick(
        &self,
        key: &[u8],
        subset: u8,
        tried: &[SocketAddr],
        probing: Probing,
    ) -> Option<Arc<Target>> {
        let mut points = self.0.iter(key);
        let (mut seen, mut count) = ([None; MAX_SUBSET as usize], 0);
        let (mut chosen, mut untried, mut first) = (None, None, None);
        for _ in 0..STEPS {
            let Some(target) = points.next().and_then(Target::of) else { break };
            let address = Some(target.address);
            if seen[..count].contains(&address) {
                continue;
            }
            if tried.contains(&target.address) {
                first.get_or_insert_with(|| Arc::clone(target));
                continue;
            }
            let out = target.health.is_out();
            if !target.health.usable(probing) {
                untried.get_or_insert_with(|| Arc::clone(target));
                continue;
            }
            if out || subset <= 1 {
                // What is tried again was given to this request and to no other.
                return Some(Arc::clone(target));
            }
            seen[count] = address;
            count += 1;
            // Of all that are met each is as likely.
            if chance::below(count) == 0 {
                chosen = Some(Arc::clone(target));
            }
            if count == usize::from(subset.min(MAX_SUBSET)) {
                break;
            }
        }
        chosen.or(untried).or(first)
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ring")
    }
}

/// A number for the text of a key, the same on every machine (FNV-1a, then mixed so that near texts are far apart).
pub fn key(text: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    let mut hash = text.iter().fold(0xCBF2_9CE4_8422_2325, fold);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    hash ^ (hash >> 33)
}
