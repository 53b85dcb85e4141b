//! External authentication for every location.

use super::key::Effect::{Closed, Live, NotYet};
use super::key::{BOOL, Row, TEXT};
use crate::translate::value::{Invalid, Parsed};

const NONE: &str = "there is no external authentication in this release";
const CLOSED: &str = "there is no external authentication in this release; nothing is served";

pub(super) const ROWS: &[Row] = &[
    Row::new("global-auth-url", TEXT, "", Closed(CLOSED)),
    Row::new("global-auth-method", TEXT, "", NotYet(NONE)),
    Row::new("global-auth-signin", TEXT, "", NotYet(NONE)),
    Row::new("global-auth-signin-redirect-param", TEXT, "rd", NotYet(NONE)),
    Row::new("global-auth-response-headers", TEXT, "", NotYet(NONE)),
    Row::new("global-auth-request-redirect", TEXT, "", NotYet(NONE)),
    Row::new("global-auth-cache-key", TEXT, "", NotYet(NONE)),
    Row::new("global-auth-cache-duration", TEXT, "200 202 401 5m", NotYet(NONE)),
    Row::new("global-auth-always-set-cookie", BOOL, "false", NotYet(NONE)),
    Row::new(
        "no-auth-locations",
        "list of paths",
        "/.well-known/acme-challenge",
        Live(|d, v| {
            d.settings.no_auth_locations.0 = d.list(v, path);
            Ok(())
        }),
    )
    .note("Paths of Ingresses that begin with one of them ask for no credentials at all."),
];

/// The longest beginning of a path, in bytes.
const MAX_PATH_BYTES: usize = 1024;

/// What a path begins with.
fn path(text: &str) -> Parsed<String> {
    if !text.starts_with('/') || text.len() > MAX_PATH_BYTES {
        return Err(Invalid::new(text, "is no beginning of a path", "write a path such as /public"));
    }
    Ok(text.to_owned())
}
