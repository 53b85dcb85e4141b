//! `proxy-body-size`, `client-body-buffer-size`, `proxy-request-buffering`, `proxy-buffer*`: what is held of bodies and headers.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value::{self, Parsed};
use ingora_config::policy::Buffers;

const STREAMED: Support =
    Support::Differs("accepted; answers are streamed as fast as the client takes them, in bounded memory");
const AHEAD: Support = Support::Differs(
    "a body of known length up to client-body-buffer-size, 64k at most, is received before an endpoint is bothered; any other is streamed",
);
const HEAD: Support =
    Support::Differs("accepted; the header of an answer may have 1 MiB and 256 lines whatever it says");
const FILES: Support = Support::Differs("accepted; no body is written to a file");

pub(super) const ROWS: &[Row] = &[
    Row::new("proxy-body-size", "buffers", Scope::Location, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("client-body-buffer-size", "buffers", Scope::Location, Risk::Low, OnBad::Reject, AHEAD),
    Row::new("proxy-request-buffering", "buffers", Scope::Location, Risk::Low, OnBad::Ignore, AHEAD),
    Row::new("proxy-buffering", "buffers", Scope::Location, Risk::Low, OnBad::Ignore, STREAMED),
    Row::new("proxy-buffers-number", "buffers", Scope::Location, Risk::Low, OnBad::Ignore, STREAMED),
    Row::new("proxy-buffer-size", "buffers", Scope::Location, Risk::Low, OnBad::Ignore, HEAD),
    Row::new("proxy-busy-buffers-size", "buffers", Scope::Location, Risk::Low, OnBad::Ignore, STREAMED),
    Row::new("proxy-max-temp-file-size", "buffers", Scope::Location, Risk::Low, OnBad::Ignore, FILES),
];

/// What the annotations of the feature ask for; `None` without any that can be used.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Buffers> {
    check(reader, "proxy-buffering", value::on_off);
    check(reader, "proxy-buffers-number", |text| value::integer(text, 1..=i64::from(i32::MAX)));
    for name in ["proxy-buffer-size", "proxy-busy-buffers-size", "proxy-max-temp-file-size"] {
        check(reader, name, value::size);
    }
    let buffers = Buffers {
        body_size: reader.parse("proxy-body-size", value::size),
        body_buffer_size: reader.parse("client-body-buffer-size", value::size),
        request_buffering: reader.parse("proxy-request-buffering", value::on_off),
    };
    (buffers != Buffers::default()).then_some(buffers)
}

/// A value that changes nothing here is told when it is a mistake: with ingress-nginx it is one as well.
fn check<T>(reader: &mut Reader<'_, '_>, name: &str, parse: impl FnOnce(&str) -> Parsed<T>) {
    let _ = reader.parse(name, parse);
}
