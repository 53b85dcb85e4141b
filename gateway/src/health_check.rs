//! Health checks of load balancers on the ports of clients (`--health-check-path`), as ingress-nginx answers them: 200 for
//! hosts that no Ingress names. Readiness of the Pod is another matter, see [`crate::admin`].

use crate::answer::Answer;
use crate::reason::Reason;
use crate::table::{Found, HostTable};
use ingora_config::Host;

/// The answer to a health check; `None` when the request is none: `path` is another one, or some Ingress names the host
/// or the path.
pub fn answer(check: &str, path: &str, host: Option<&HostTable>, found: &Found<'_>) -> Option<Answer> {
    if check.is_empty() || !is_below(path, check) {
        return None;
    }
    let nobodys = match found {
        // A rule without a host takes everything but this, unless it says so itself.
        Found::Route(route) => route.route.key.host == Host::CatchAll && !is_below(route.path(), check),
        Found::DefaultBackend(_) | Found::Nothing => {
            host.and_then(HostTable::virtual_host).is_none_or(|host| host.host == Host::CatchAll)
        }
        Found::AddSlash(_) | Found::AppRoot(_) | Found::OtherHost(_) => false,
    };
    nobodys.then(|| Answer { page: false, ..Answer::page(Reason::HealthCheck) })
}

fn is_below(path: &str, check: &str) -> bool {
    path.strip_prefix(check).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
