//! Who may ask: the last part of the access phase, and the only one that may wait. Source ranges, then credentials.
//!
//! ```text
//!   on a deny list ─▶ 403, whatever else is asked for
//!   satisfy: all   ─▶ allow list and credentials     satisfy: any ─▶ one of them is enough
//! ```

use super::{external_auth, source_range};
use crate::answer::Answer;
use crate::proxy::{Context, Gateway};
use crate::table::CompiledRoute;
use pingora_proxy::Session;

/// Whether the client may ask for what the route serves.
///
/// # Errors
/// The refusal.
pub async fn check(
    gateway: &Gateway,
    session: &mut Session,
    route: &CompiledRoute,
    ctx: &mut Context,
) -> Result<(), Answer> {
    // Not among the filters of a route: the ConfigMap's ranges hold for routes without any of their own.
    source_range::check(route.filters.source_range.as_ref(), ctx)?;
    let asked = external_auth::check(gateway, session, route, ctx).await;
    asked.map_err(|answer| external_auth::signin(&gateway.ports, route, session.req_header(), ctx, answer))
}
