//! `backend-protocol`: what the endpoints speak.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value;
use ingora_config::Reason;
use ingora_config::policy::BackendProtocol;

const NAME: &str = "backend-protocol";

pub(super) const ROWS: &[Row] = &[Row::new(
    NAME,
    "backend_protocol",
    Scope::Location,
    Risk::Low,
    OnBad::Ignore,
    Support::Differs(
        "FCGI is refused; GRPCS backends must choose h2 by ALPN; without it a Service port with appProtocol \
         kubernetes.io/h2c is spoken to in HTTP/2",
    ),
)];

const WORDS: [(&str, BackendProtocol); 5] = [
    ("HTTP", BackendProtocol::Http),
    ("HTTPS", BackendProtocol::Https),
    ("AUTO_HTTP", BackendProtocol::AutoHttp),
    ("GRPC", BackendProtocol::Grpc),
    ("GRPCS", BackendProtocol::Grpcs),
];

/// What the annotation says; `None` is as the Service says.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<BackendProtocol> {
    if reader.text(NAME)?.eq_ignore_ascii_case("FCGI") {
        refuse_fcgi(reader);
        return None;
    }
    reader.parse(NAME, |text| value::word(text, &WORDS))
}

fn refuse_fcgi(reader: &mut Reader<'_, '_>) {
    let ignored = reader.gates().ignore_unsupported;
    reader.rejected |= !ignored;
    let then = if ignored { "endpoints are spoken to in HTTP" } else { "nothing of the Ingress is served" };
    let hint = "put an HTTP server such as a sidecar in front of the FastCGI program, and name its port";
    let field = reader.field(NAME);
    let message = format!("FastCGI is not spoken; {then}");
    reader.found.error(Reason::AnnotationUnsupported, field, message, hint);
}
