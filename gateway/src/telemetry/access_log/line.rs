//! One line of the access log.

use super::escape;
use super::stamp::{Stamp, padded};
use super::{Custom, Record, custom};
use crate::args::LogFormat;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Appends the line and its end.
pub(super) fn write(out: &mut Vec<u8>, stamp: &mut Stamp, format: LogFormat, record: &Record<'_>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match format {
        LogFormat::Json => json(out, stamp, now, record),
        LogFormat::Text => text(out, stamp, now, record),
    }
    out.push(b'\n');
}

/// The same in the form that the operator wrote.
pub(super) fn write_custom(out: &mut Vec<u8>, stamp: &mut Stamp, format: &Custom, record: &Record<'_>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    custom::write(out, stamp, now, format, record);
    out.push(b'\n');
}

/// Fields that are empty or unknown are left out.
fn json(out: &mut Vec<u8>, stamp: &mut Stamp, now: Duration, record: &Record<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    stamp.write(out, LogFormat::Json, now);
    out.extend_from_slice(b"\",\"client\":\"");
    address(out, record);
    out.push(b'"');
    string(out, "user", record.user);
    string(out, "method", record.method);
    string(out, "scheme", if record.tls { "https" } else { "http" });
    string(out, "host", record.host);
    string(out, "path", record.path);
    string(out, "rewritten", record.rewritten);
    string(out, "protocol", record.protocol);
    number(out, "status", record.status.into());
    string(out, "reason", record.reason.map_or("", |reason| reason.label()));
    if let Some(status) = record.error_status {
        number(out, "error_status", status.into());
    }
    if let Some(route) = record.route {
        string(out, "namespace", route.namespace());
        string(out, "ingress", route.ingress());
        string(out, "service", route.service());
        string(out, "upstream", route.upstream());
        string(out, "canary", record.canary.map_or("", |canary| canary.group.name()));
    }
    string(out, "upstream_address", record.upstream_address.unwrap_or(""));
    number(out, "tries", record.tries.into());
    number(out, "bytes_in", record.bytes_in);
    number(out, "bytes_out", record.bytes_out);
    let times = [
        ("duration", Some(record.duration)),
        ("upstream_connect_time", record.connect_time),
        ("upstream_header_time", record.header_time),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            field(out, name);
            padded(out, time.as_secs(), 1);
            out.push(b'.');
            padded(out, time.subsec_micros().into(), 6);
        }
    }
    string(out, "request_id", record.request_id);
    string(out, "user_agent", record.user_agent);
    out.push(b'}');
}

fn field(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn string(out: &mut Vec<u8>, name: &str, value: &str) {
    if !value.is_empty() {
        field(out, name);
        escape::json(out, value);
    }
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    field(out, name);
    padded(out, value, 1);
}

/// The fields of ingress-nginx' `upstreaminfo` format in its order, then scheme, host, Ingress, tries, reason, and the status
/// that an error page stands in for.
/// The referrer is always `-`: its query may carry secrets.
fn text(out: &mut Vec<u8>, stamp: &mut Stamp, now: Duration, record: &Record<'_>) {
    address(out, record);
    out.extend_from_slice(b" - ");
    escape::text(out, record.user);
    out.extend_from_slice(b" [");
    stamp.write(out, LogFormat::Text, now);
    out.extend_from_slice(b"] \"");
    for (index, part) in [record.method, record.path, record.protocol].into_iter().enumerate() {
        out.extend_from_slice(if index > 0 { b" " } else { b"" });
        escape::text(out, part);
    }
    out.extend_from_slice(b"\" ");
    padded(out, record.status.into(), 3);
    out.push(b' ');
    padded(out, record.bytes_out, 1);
    out.extend_from_slice(b" \"-\" \"");
    escape::text(out, record.user_agent);
    out.extend_from_slice(b"\" ");
    padded(out, record.bytes_in, 1);
    out.push(b' ');
    seconds(out, Some(record.duration));
    out.extend_from_slice(b" [");
    escape::text(out, record.route.map_or("", |route| route.upstream()));
    out.extend_from_slice(b"] [");
    if let Some(canary) = record.canary {
        escape::text(out, canary.group.name());
    }
    out.extend_from_slice(b"] ");
    escape::text(out, record.upstream_address.unwrap_or(""));
    out.push(b' ');
    // Of the last try; ingress-nginx lists all of them.
    let answered = record.header_time.is_some();
    if answered {
        padded(out, record.bytes_out, 1)
    } else {
        out.push(b'-')
    }
    out.push(b' ');
    seconds(out, record.header_time);
    out.push(b' ');
    if answered {
        padded(out, record.status.into(), 3)
    } else {
        out.push(b'-')
    }
    out.push(b' ');
    escape::text(out, record.request_id);
    out.extend_from_slice(if record.tls { b" https \"" } else { b" http \"" });
    escape::text(out, record.host);
    out.extend_from_slice(b"\" ");
    match record.route {
        Some(route) => {
            escape::text(out, route.namespace());
            out.push(b'/');
            escape::text(out, route.ingress());
        }
        None => out.push(b'-'),
    }
    out.push(b' ');
    padded(out, record.tries.into(), 1);
    out.push(b' ');
    out.extend_from_slice(record.reason.map_or("-", |reason| reason.label()).as_bytes());
    if let Some(status) = record.error_status {
        out.push(b' ');
        padded(out, status.into(), 3);
    }
}

/// Seconds and milliseconds, as nginx writes times.
fn seconds(out: &mut Vec<u8>, time: Option<Duration>) {
    let Some(time) = time else { return out.push(b'-') };
    padded(out, time.as_secs(), 1);
    out.push(b'.');
    padded(out, time.subsec_millis().into(), 3);
}

fn address(out: &mut Vec<u8>, record: &Record<'_>) {
    // Formats digits in place; a Vec takes all of them.
    write!(out, "{}", record.client).expect("writing into a Vec cannot fail");
}
