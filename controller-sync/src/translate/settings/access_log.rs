//! The access log.

use super::draft::set;
use super::key::Effect::{Ignored, Live, NotYet};
use super::key::{BOOL, NUMBER, Row, TEXT};
use super::{log_format, map_pattern};
use crate::translate::value::boolean;

const STDOUT: &str = "the access log goes to standard output, the gateway's own log to standard error";
const SYSLOG: &str = "logs go to standard output and standard error; let the node's agent pass them on";
const STREAMS: &str = "TCP and UDP services are not served";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "disable-access-log",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.disable_access_log, boolean(v))),
    ),
    Row::new(
        "disable-http-access-log",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.disable_http_access_log, boolean(v))),
    ),
    Row::new(
        "enable-access-log-for-default-backend",
        BOOL,
        "true",
        Live(|d, v| set(&mut d.settings.access_log.default_backend, boolean(v))),
    )
    .note("Ingora logs requests that no rule takes unless this is `false`; ingress-nginx does not unless it is `true`."),
    Row::new(
        "skip-access-log-urls",
        "list of paths or ~ regular expressions",
        "",
        Live(|d, v| {
            d.settings.access_log.skip_urls = d.list(v, map_pattern::path);
            Ok(())
        }),
    )
    .note("Compared with the request's target: a text as a whole whatever its case, `~` a regular expression, `~*` one that ignores case."),
    Row::new(
        "log-format-upstream",
        "text with nginx variables",
        "",
        Live(|d, v| log_format::parse(v).map(|parts| d.log_format = Some(parts))),
    )
    .note("Without it the gateway's `--log-format` holds. See below for the variables."),
    Row::new(
        "log-format-escape-json",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.escape_json, boolean(v))),
    ),
    Row::new(
        "log-format-escape-none",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.escape_none, boolean(v))),
    )
    .note("Wins over `log-format-escape-json`. Line ends and other control characters are escaped all the same."),
    Row::new("access-log-params", TEXT, "", Ignored("the log is buffered for at most 100 ms")),
    Row::new("access-log-path", TEXT, "/var/log/nginx/access.log", Ignored(STDOUT)),
    Row::new("http-access-log-path", TEXT, "", Ignored(STDOUT)),
    Row::new("error-log-path", TEXT, "/var/log/nginx/error.log", Ignored(STDOUT)),
    Row::new("error-log-level", TEXT, "notice", Ignored("the gateway's flag --log-level sets it")),
    Row::new("enable-syslog", BOOL, "false", NotYet(SYSLOG)),
    Row::new("syslog-host", TEXT, "", NotYet(SYSLOG)),
    Row::new("syslog-port", NUMBER, "514", NotYet(SYSLOG)),
    Row::new("enable-auth-access-log", BOOL, "false", NotYet("questions to authentication services are not logged, their outcome is")),
    Row::new("stream-access-log-path", TEXT, "", NotYet(STREAMS)),
    Row::new("log-format-stream", TEXT, "", NotYet(STREAMS)),
    Row::new("disable-stream-access-log", BOOL, "false", NotYet(STREAMS)),
];
