//! One line of the access log.

use super::escape;
use super::stamp::{Stamp, padded};
use super::{Custom, Record, custom};
use crate::address_text::AddressText;
use crate::args::LogFormat;
use ingora_config::NamespacedName;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a line usually is at most, in bytes.
const USUAL: usize = 768;

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

/// Fields that are empty or unknown are left out. Each is given with what stands before its value.
fn json(out: &mut Vec<u8>, stamp: &mut Stamp, now: Duration, record: &Record<'_>) {
    out.reserve(USUAL);
    out.extend_from_slice(b"{\"time\":\"");
    stamp.write(out, LogFormat::Json, now);
    out.extend_from_slice(b"\",\"client\":\"");
    address(out, record);
    out.push(b'"');
    string(out, b",\"user\":", record.user);
    string(out, b",\"method\":", record.method);
    out.extend_from_slice(if record.tls { b",\"scheme\":\"https\"" } else { b",\"scheme\":\"http\"" });
    string(out, b",\"host\":", record.host);
    string(out, b",\"path\":", record.path);
    string(out, b",\"rewritten\":", record.rewritten);
    string(out, b",\"protocol\":", record.protocol);
    number(out, b",\"status\":", record.status.into());
    string(out, b",\"reason\":", record.reason.map_or("", |reason| reason.label()));
    if let Some(status) = record.error_status {
        number(out, b",\"error_status\":", status.into());
    }
    if let Some(route) = record.route {
        out.extend_from_slice(&route.log_fields);
        string(out, b",\"canary\":", record.canary.map_or("", |canary| canary.group.name()));
    }
    string(out, b",\"upstream_address\":", record.upstream_address.unwrap_or(""));
    number(out, b",\"tries\":", record.tries.into());
    number(out, b",\"bytes_in\":", record.bytes_in);
    number(out, b",\"bytes_out\":", record.bytes_out);
    time(out, b",\"duration\":", Some(record.duration));
    time(out, b",\"upstream_connect_time\":", record.connect_time);
    time(out, b",\"upstream_header_time\":", record.header_time);
    string(out, b",\"request_id\":", record.request_id);
    string(out, b",\"user_agent\":", record.user_agent);
    out.push(b'}');
}

/// The fields of a JSON line that are the same for all requests of a route, prepared when it is published.
pub fn route_fields(ingress: &NamespacedName, service: &str, upstream: &str) -> Box<[u8]> {
    let mut out = Vec::new();
    string(&mut out, b",\"namespace\":", &ingress.namespace);
    string(&mut out, b",\"ingress\":", &ingress.name);
    string(&mut out, b",\"service\":", service);
    string(&mut out, b",\"upstream\":", upstream);
    out.into()
}

fn string(out: &mut Vec<u8>, name: &[u8], value: &str) {
    if !value.is_empty() {
        out.extend_from_slice(name);
        escape::json(out, value);
    }
}

fn number(out: &mut Vec<u8>, name: &[u8], value: u64) {
    out.extend_from_slice(name);
    padded(out, value, 1);
}

/// Seconds and microseconds.
fn time(out: &mut Vec<u8>, name: &[u8], time: Option<Duration>) {
    let Some(time) = time else { return };
    number(out, name, time.as_secs());
    out.push(b'.');
    padded(out, time.subsec_micros().into(), 6);
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
    out.extend_from_slice(AddressText::new(record.client).as_bytes());
}
