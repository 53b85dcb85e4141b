//! `load-balance: ewma`: of two endpoints drawn by chance the one that would keep a request waiting less.
//!
//! Two are enough: the slow are rarely the better of two, and the fast are not overrun by everybody at once (Mitzenmacher,
//! "The power of two choices").

use super::{Probing, Target, chance};
use std::net::SocketAddr;
use std::sync::Arc;

/// How often chance is asked for a candidate before the endpoints take turns instead.
const DRAWS: usize = 6;

/// The better one of two. `None` when chance meets none that may be used.
pub(super) fn pick<'t>(
    targets: &'t [Arc<Target>],
    tried: &[SocketAddr],
    probing: Probing,
) -> Option<&'t Arc<Target>> {
    let mut first: Option<&Arc<Target>> = None;
    for _ in 0..DRAWS {
        let target = targets.get(chance::below(targets.len()))?;
        let known = first.is_some_and(|first| Arc::ptr_eq(first, target));
        if known || tried.contains(&target.address) {
            continue;
        }
        if target.health.is_out() {
            if target.health.usable(probing) {
                // It was given to this request and to no other.
                return Some(target);
            }
            continue;
        }
        match first {
            None => first = Some(target),
            Some(first) => return Some(if first.load.cost() <= target.load.cost() { first } else { target }),
        }
    }
    first
}
