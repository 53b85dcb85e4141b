//! A line in the form of `log-format-upstream`: its parts one after the other, into the buffer.

use super::escape;
use super::record::Record;
use super::stamp::{Stamp, iso_utc, padded};
use crate::address_text::AddressText;
use crate::args;
use http::HeaderMap;
use ingora_config::settings::{LogEscape, LogFormat, LogPart, LogVariable};
use std::sync::LazyLock;
use std::time::Duration;

/// Appends the line without its end.
pub(super) fn write(
    out: &mut Vec<u8>,
    stamp: &mut Stamp,
    now: Duration,
    format: &LogFormat,
    record: &Record<'_>,
) {
    let mut line = Line { out, stamp, now, escape: format.escape, record };
    for part in &format.parts {
        match part {
            LogPart::Text(text) => line.out.extend_from_slice(text.as_bytes()),
            LogPart::Variable(variable) => line.variable(*variable),
            LogPart::RequestHeader(name) => line.header(record.request_headers, name),
            LogPart::ResponseHeader(name) => line.header(record.response_headers, name),
        }
    }
}

struct Line<'a> {
    out: &'a mut Vec<u8>,
    stamp: &'a mut Stamp,
    now: Duration,
    escape: LogEscape,
    record: &'a Record<'a>,
}

impl Line<'_> {
    fn variable(&mut self, variable: LogVariable) {
        use LogVariable as V;
        let record = self.record;
        let route = record.route;
        let answered = record.header_time.is_some();
        match variable {
            V::RemoteAddr => self.out.extend_from_slice(AddressText::new(record.client).as_bytes()),
            V::RemoteUser => self.text(record.user),
            V::ProxyAlternativeUpstreamName => {
                self.text(record.canary.map_or("", |canary| canary.group.name()))
            }
            V::TimeLocal => self.stamp.write(self.out, args::LogFormat::Text, self.now),
            V::TimeIso8601 => iso_utc(self.out, self.now),
            V::Msec => self.seconds(Some(self.now)),
            V::Request => self.request(),
            V::RequestMethod => self.text(record.method),
            V::RequestUri => self.text(record.path),
            V::Scheme => self.text(if record.tls { "https" } else { "http" }),
            V::Https => self.text(if record.tls { "on" } else { "" }),
            V::Host => self.text(record.host),
            V::ServerProtocol => self.text(record.protocol),
            V::Status => self.number(true, record.status.into()),
            V::BodyBytesSent => self.number(true, record.bytes_out),
            V::RequestLength => self.number(true, record.bytes_in),
            V::RequestTime => self.seconds(Some(record.duration)),
            V::ProxyUpstreamName => self.text(route.map_or("", |route| route.upstream())),
            V::UpstreamAddr => self.text(record.upstream_address.unwrap_or("")),
            V::UpstreamStatus => self.number(answered, record.status.into()),
            V::UpstreamResponseLength => self.number(answered, record.bytes_out),
            V::UpstreamResponseTime => self.seconds(record.upstream_time),
            V::UpstreamConnectTime => self.seconds(record.connect_time),
            V::UpstreamHeaderTime => self.seconds(record.header_time),
            V::RequestId => self.text(record.request_id),
            V::Namespace => self.text(route.map_or("", |route| route.namespace())),
            V::IngressName => self.text(route.map_or("", |route| route.ingress())),
            V::ServiceName => self.text(route.map_or("", |route| route.service())),
            V::ServicePort => self.text(route.map_or("", |route| route.service_port())),
            V::LocationPath => self.text(route.map_or("", |route| route.path())),
            V::Hostname => self.text(&HOSTNAME),
            V::Pid => self.number(true, std::process::id().into()),
        }
    }

    fn request(&mut self) {
        let record = self.record;
        if record.method.is_empty() {
            return self.text("");
        }
        for (index, part) in [record.method, record.path, record.protocol].into_iter().enumerate() {
            self.out.extend_from_slice(if index > 0 { b" " } else { b"" });
            self.text(part);
        }
    }

    /// All values of a header; what may carry a query is cut before it.
    fn header(&mut self, headers: Option<&HeaderMap>, name: &str) {
        let mut any = false;
        for value in headers.into_iter().flat_map(|headers| headers.get_all(name)) {
            let text = String::from_utf8_lossy(value.as_bytes());
            let text = match name {
                "referer" | "location" | "content-location" => text.split(['?', '#']).next().unwrap_or(""),
                _ => &text,
            };
            self.out.extend_from_slice(if any { b", " } else { b"" });
            any = true;
            self.text(text);
        }
        if !any {
            self.text("");
        }
    }

    fn text(&mut self, text: &str) {
        match self.escape {
            LogEscape::Default => escape::text(self.out, text),
            LogEscape::Json => escape::json_inside(self.out, text),
            LogEscape::None => escape::controls(self.out, text),
        }
    }

    fn number(&mut self, known: bool, number: u64) {
        if known { padded(self.out, number, 1) } else { self.text("") }
    }

    /// Seconds and milliseconds, as nginx writes times.
    fn seconds(&mut self, time: Option<Duration>) {
        let Some(time) = time else { return self.text("") };
        padded(self.out, time.as_secs(), 1);
        self.out.push(b'.');
        padded(self.out, time.subsec_millis().into(), 3);
    }
}

static HOSTNAME: LazyLock<String> = LazyLock::new(|| {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
});
