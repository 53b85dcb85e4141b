//! External authentication for every location.

use super::key::Effect::{Closed, NotYet};
use super::key::{BOOL, Row, TEXT};

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
    Row::new("no-auth-locations", "list of paths", "/.well-known/acme-challenge", NotYet(NONE)),
];
