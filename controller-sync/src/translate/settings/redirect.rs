//! Redirects to HTTPS, and the form of those that the gateway makes.

use super::draft::set;
use super::key::Effect::Live;
use super::key::{BOOL, Row};
use crate::translate::value::{Invalid, boolean, word};

const CODES: [(&str, u16); 4] = [("301", 301), ("302", 302), ("307", 307), ("308", 308)];

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "ssl-redirect",
        BOOL,
        "true",
        Live(|d, v| set(&mut d.settings.redirect.ssl_redirect, boolean(v))),
    ),
    Row::new(
        "force-ssl-redirect",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.redirect.force_ssl_redirect, boolean(v))),
    ),
    Row::new(
        "http-redirect-code",
        "301, 302, 307 or 308",
        "308",
        Live(|d, v| set(&mut d.settings.redirect.http_redirect_code, word(v, &CODES))),
    ),
    Row::new(
        "no-tls-redirect-locations",
        "list of paths",
        "/.well-known/acme-challenge",
        Live(|d, v| {
            d.settings.redirect.no_tls_redirect_locations = d.list(v, |path| {
                let good = path.starts_with('/') && path.len() <= 1024;
                let invalid = || Invalid::new(path, "is not a path", "begin it with a slash");
                good.then(|| path.to_owned()).ok_or_else(invalid)
            });
            Ok(())
        }),
    )
    .note("Rules whose path begins with one of these are not redirected."),
    Row::new(
        "preserve-trailing-slash",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.redirect.preserve_trailing_slash, boolean(v))),
    ),
    Row::new(
        "use-port-in-redirects",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.redirect.use_port_in_redirects, boolean(v))),
    ),
    Row::new(
        "relative-redirects",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.redirect.relative_redirects, boolean(v))),
    ),
];
