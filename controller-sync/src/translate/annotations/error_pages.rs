//! `custom-http-errors`, `default-backend`, `disable-proxy-intercept-errors`: who answers instead of an error.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::object::metadata::is_name;
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::policy::ErrorPages;
use ingora_config::{ServicePort, UpstreamId};
use std::collections::BTreeSet;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "custom-http-errors",
        "error_pages",
        Scope::Location,
        Risk::Low,
        OnBad::Reject,
        Support::Differs(
            "the error backend gets neither the request's body nor its Authorization, Range and conditions, and when it \
             fails itself the client gets the status that it should have explained",
        ),
    ),
    Row::new("default-backend", "error_pages", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
    Row::new(
        "disable-proxy-intercept-errors",
        "error_pages",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        Support::Full,
    ),
];

/// The name of the annotation that names a Service.
pub(in crate::translate) const DEFAULT_BACKEND: &str = "default-backend";

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<ErrorPages> {
    let statuses = reader.parse("custom-http-errors", statuses);
    let namespace = reader.namespace().to_owned();
    let backend = reader.parse(DEFAULT_BACKEND, |text| {
        if !is_name(text) {
            let hint = "write the name of a Service of the Ingress' own namespace";
            return Err(Invalid::new(text, "is not the name of a Service", hint));
        }
        Ok(UpstreamId { namespace, service: text.to_owned(), port: ServicePort::First })
    });
    let pass_upstream = reader.bool("disable-proxy-intercept-errors");
    if statuses.is_some() && backend.is_none() && reader.options().default_backend_service.is_none() {
        let message = "nobody serves error pages: there is neither default-backend nor --default-backend-service; clients \
                       get 404 in place of these statuses";
        let hint = "name a Service in the annotation default-backend";
        reader.warn("custom-http-errors", message.into(), hint);
    }
    let pages = ErrorPages { statuses, backend, pass_upstream };
    (pages != ErrorPages::default()).then_some(pages)
}

/// A list of statuses, of which one bad item makes the whole bad.
fn statuses(text: &str) -> Parsed<Vec<u16>> {
    let status = |item: &str| value::number::<u16>(item, 400..=599);
    let parsed: Parsed<BTreeSet<u16>> = text.split(',').map(|item| status(item.trim())).collect();
    parsed.map(|statuses| statuses.into_iter().collect())
}
