//! Configuration text of nginx, and what needs its modules. Ingora has no interpreter, on purpose.

use super::key::Effect::{Ignored, Refused, Unprotected};
use super::key::{BOOL, Row, TEXT};

const NO_INTERPRETER: &str = "Ingora runs no configuration text";
const INSTEAD: &str =
    "use the keys of this page and annotations; `ingora check` names the one for many snippets";
const MODSECURITY: &str = "there is no ModSecurity; requests are NOT filtered by it";

pub(super) const ROWS: &[Row] = &[
    Row::new("main-snippet", TEXT, "", Refused(NO_INTERPRETER, INSTEAD)),
    Row::new("http-snippet", TEXT, "", Refused(NO_INTERPRETER, INSTEAD)),
    Row::new("server-snippet", TEXT, "", Refused(NO_INTERPRETER, INSTEAD)),
    Row::new("location-snippet", TEXT, "", Refused(NO_INTERPRETER, INSTEAD)),
    Row::new("stream-snippet", TEXT, "", Refused(NO_INTERPRETER, INSTEAD)),
    Row::new("global-auth-snippet", TEXT, "", Refused(NO_INTERPRETER, INSTEAD)),
    Row::new(
        "modsecurity-snippet",
        TEXT,
        "",
        Refused(NO_INTERPRETER, "put a web application firewall in front or behind"),
    ),
    Row::new("enable-modsecurity", BOOL, "false", Unprotected(MODSECURITY)),
    Row::new("enable-owasp-modsecurity-crs", BOOL, "false", Unprotected(MODSECURITY)),
    Row::new("lua-shared-dicts", TEXT, "", Ignored("there is no Lua")),
];
