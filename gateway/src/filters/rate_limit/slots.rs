//! What is known of limited clients: one table for all Ingresses and all cores, of fixed size.
//!
//! ```text
//!   hash of (Ingress, client), keyed with a secret of this process
//!     └─▶ set 0 … 16383, each behind a lock of its own and with 16 slots:
//!         │ tag │ bucket of limit-rps │ bucket of limit-rpm │ requests in flight │
//! ```
//!
//! **Exact.** A decision is made under the lock of its set, which is held for some 50 ns: however many cores there are,
//! they count as one.
//!
//! **Bounded.** A newcomer in a full set takes the slot whose buckets are nearest to empty, and never one with requests
//! in flight. What is taken first has nothing left to forget: clients that are being limited go last. And a newcomer
//! starts with what its slot still owed, not with a fresh burst: of whom everything is forgotten in a table full of
//! limited clients, nobody profits. If all 16 have requests in flight, it is refused, as nginx does with a full zone.

use ahash::RandomState;
use ingora_config::NamespacedName;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// Slots in a set.
const WAYS: usize = 16;
/// Sets; a power of two. With [`WAYS`], 262,144 clients are known at a time, in 7.5 MiB.
const SETS: usize = 16 * 1024;
/// What the clock shows at the start, in nanoseconds: a day, so that a bucket at 0 is empty for any rate.
const START: u64 = 86_400 * 1_000_000_000;

/// A leaky bucket: `burst` requests beyond the first at once, then one per interval, as nginx's `limit_req` with `nodelay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Nanoseconds that one request takes to leak.
    interval: u64,
    /// Nanoseconds that a full bucket takes.
    depth: u64,
}

impl Bucket {
    /// `rate` requests in `period` seconds, and a `burst` of requests.
    pub fn new(rate: u64, period: u64, burst: u64) -> Self {
        let interval = (period * 1_000_000_000 / rate.max(1)).max(1);
        Self { interval, depth: interval.saturating_mul(burst) }
    }

    /// Puts one request in at `now`. A bucket is the time at which it is empty; nginx's excess is what is left until then,
    /// counted in intervals. `None` when it would overflow.
    fn add(&self, empty_at: u64, now: u64) -> Option<u64> {
        let after = self.bounded(empty_at, now).saturating_add(self.interval).max(now);
        (after - now <= self.depth).then_some(after)
    }

    /// The first request of a client in a slot that owes something still.
    fn inherit(&self, empty_at: u64, now: u64) -> u64 {
        self.bounded(empty_at, now).max(now)
    }

    /// A bucket is never more than full. One that was filled under other limits has room for one request, which makes it
    /// one of these limits: they hold at once.
    fn bounded(&self, empty_at: u64, now: u64) -> u64 {
        let full = now.saturating_add(self.depth);
        if empty_at <= full { empty_at } else { full.saturating_sub(self.interval) }
    }
}

/// What one client may ask of one Ingress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `limit-rps`.
    pub second: Option<Bucket>,
    /// `limit-rpm`.
    pub minute: Option<Bucket>,
    /// `limit-connections`; 0 is unlimited.
    pub connections: u32,
}

/// Why a request is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many at the same time, or no slot to count them in.
    Connections,
    /// Too many in a time.
    Rate,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    second: u64,
    minute: u64,
    live: u32,
}

/// Tags stand together, since all of them are looked at, and what belongs to one client does.
#[derive(Debug, Default)]
struct Set {
    /// 0 is nobody.
    tags: [u32; WAYS],
    slots: [Slot; WAYS],
}

impl Set {
    /// The slot of a client, and whether it is new to it.
    fn find(&self, tag: u32) -> Option<(usize, bool)> {
        if let Some(way) = self.tags.iter().position(|known| *known == tag) {
            return Some((way, false));
        }
        let free = self.slots.iter().enumerate().filter(|(_, slot)| slot.live == 0);
        let (way, _) = free.min_by_key(|(_, slot)| slot.second.max(slot.minute))?;
        Some((way, true))
    }

    fn enter(&mut self, tag: u32, limits: &Limits, now: u64) -> Result<(), Refused> {
        let (way, new) = self.find(tag).ok_or(Refused::Connections)?;
        let slot = &mut self.slots[way];
        if limits.connections > 0 && slot.live >= limits.connections {
            return Err(Refused::Connections);
        }
        let fill = |bucket: &Option<Bucket>, empty_at: u64| match bucket {
            Some(bucket) if new => Ok(bucket.inherit(empty_at, now)),
            Some(bucket) => bucket.add(empty_at, now).ok_or(Refused::Rate),
            None => Ok(0),
        };
        // Nothing is written before both agree: a refused request does not count.
        let (second, minute) = (fill(&limits.second, slot.second)?, fill(&limits.minute, slot.minute)?);
        *slot = Slot { second, minute, live: slot.live + u32::from(limits.connections > 0) };
        self.tags[way] = tag;
        Ok(())
    }

    fn leave(&mut self, tag: u32) {
        if let Some(way) = self.tags.iter().position(|known| *known == tag) {
            let slot = &mut self.slots[way];
            slot.live = slot.live.saturating_sub(1);
        }
    }
}

/// The state of all limited clients. Takes no memory before the first limited request.
#[derive(Debug)]
pub struct Slots {
    epoch: Instant,
    /// Keyed with a secret of this process: who shares a set with whom is nobody's to choose.
    state: RandomState,
    sets: OnceLock<Box<[Mutex<Set>]>>,
}

impl Default for Slots {
    fn default() -> Self {
        Self { epoch: Instant::now(), state: RandomState::new(), sets: OnceLock::new() }
    }
}

impl Slots {
    /// The zone of an Ingress: the same for the same name, whenever it is published.
    pub fn zone(&self, ingress: &NamespacedName) -> u64 {
        self.state.hash_one(ingress)
    }

    /// Counts a request in that came at `at`. What it answers is kept until the request ends; `None` when its end is of
    /// no interest.
    ///
    /// # Errors
    /// Which limit it exceeds; it does not count then.
    pub fn enter(
        self: &Arc<Self>,
        zone: u64,
        client: IpAddr,
        limits: &Limits,
        at: Instant,
    ) -> Result<Option<Held>, Refused> {
        let hash = self.state.hash_one((zone, client));
        let since = at.saturating_duration_since(self.epoch);
        let now = START + u64::try_from(since.as_nanos()).unwrap_or(u64::MAX - START);
        self.set(hash).enter(tag(hash), limits, now)?;
        Ok((limits.connections > 0).then(|| Held { slots: Arc::clone(self), hash }))
    }

    fn set(&self, hash: u64) -> MutexGuard<'_, Set> {
        let sets = self.sets.get_or_init(|| (0..SETS).map(|_| Mutex::default()).collect());
        // Nothing in a set can break: it holds numbers, and every slot is whole after each of its writes.
        sets[hash as usize % SETS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Other bits than those that choose the set. Of 268 million strangers one is taken for somebody in its set, and which
/// one nobody can foresee.
fn tag(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(1)
}

/// One request in flight of a client whose requests in flight are limited; dropping it counts it out.
#[derive(Debug)]
pub struct Held {
    slots: Arc<Slots>,
    hash: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.slots.set(self.hash).leave(tag(self.hash));
    }
}

#[cfg(test)]
mod tests;
