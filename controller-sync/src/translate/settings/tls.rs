//! TLS towards clients. Whatever changes holds for new handshakes; connections that stand are left alone.

use super::draft::set;
use super::key::Effect::{Ignored, NewConnections, NotYet};
use super::key::{BOOL, DURATION, Row, SIZE, TEXT};
use super::tls_value;
use crate::translate::value::{Invalid, boolean, duration, size};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "ssl-protocols",
        "TLSv1.2 and TLSv1.3",
        "TLSv1.2 TLSv1.3",
        NewConnections(|d, v| {
            let versions = tls_value::versions(v)?;
            d.spoiled.extend(versions.invalid);
            d.settings.tls.versions = versions.items;
            Ok(())
        }),
    )
    .note("TLS 1.0 and 1.1 are not served (RFC 8996)."),
    Row::new(
        "ssl-ciphers",
        "OpenSSL cipher list",
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
         ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
        NewConnections(|d, v| set(&mut d.settings.tls.ciphers, tls_value::ciphers(v))),
    )
    .note("For TLS 1.2. Without the two DHE suites of ingress-nginx' default: finite-field Diffie-Hellman is not served."),
    Row::new(
        "ssl-ecdh-curve",
        "auto, or curves with colons between them",
        "auto",
        NewConnections(|d, v| set(&mut d.settings.tls.groups, tls_value::groups(v))),
    )
    .note("`auto` is X25519MLKEM768, X25519, P-256, P-384."),
    Row::new(
        "ssl-session-tickets",
        BOOL,
        "false",
        NewConnections(|d, v| set(&mut d.settings.tls.session_tickets, boolean(v))),
    ),
    Row::new(
        "ssl-session-cache",
        BOOL,
        "true",
        NewConnections(|d, v| set(&mut d.settings.tls.session_cache, boolean(v))),
    ),
    Row::new(
        "ssl-session-cache-size",
        SIZE,
        "10m",
        NewConnections(|d, v| {
            let size = size(v)?;
            let valid = (1 << 12..=1 << 30).contains(&size);
            let invalid = || Invalid::new(v, "is out of range", "write a size from 4k to 1g");
            set(&mut d.settings.tls.session_cache_bytes, valid.then_some(size).ok_or_else(invalid))
        }),
    )
    .note("A megabyte is 4,000 sessions, as in nginx."),
    Row::new(
        "ssl-session-timeout",
        DURATION,
        "10m",
        NewConnections(|d, v| {
            let seconds = u32::try_from(duration(v)?.as_secs()).ok().filter(|time| (1..=86_400 * 7).contains(time));
            let invalid = || Invalid::new(v, "is out of range", "write a time from 1s to 7d");
            set(&mut d.settings.tls.session_timeout, seconds.ok_or_else(invalid))
        }),
    )
    .note("Sessions and ticket keys are forgotten all at once, each time that long after the last time."),
    Row::new(
        "ssl-reject-handshake",
        BOOL,
        "false",
        NewConnections(|d, v| set(&mut d.settings.tls.reject_handshake, boolean(v))),
    )
    .note("A client that names no host of an Ingress gets an alert instead of the default certificate."),
    Row::new(
        "use-http2",
        BOOL,
        "true",
        NewConnections(|d, v| set(&mut d.settings.tls.http2, boolean(v))),
    ),
    Row::new(
        "ssl-session-ticket-key",
        TEXT,
        "",
        Ignored("ticket keys are made by each gateway and live as long as its TLS settings; a key in a ConfigMap is readable to many"),
    ),
    Row::new("ssl-dh-param", TEXT, "", Ignored("finite-field Diffie-Hellman is not served")),
    Row::new("ssl-buffer-size", SIZE, "4k", Ignored("records are as large as what is written")),
    Row::new("ssl-early-data", BOOL, "false", NotYet("early data of TLS 1.3, which can be replayed, is not taken")),
    Row::new("enable-ocsp", BOOL, "false", NotYet("answers of OCSP responders are not stapled")),
];
