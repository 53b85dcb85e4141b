//! `proxy-next-upstream`, `-timeout`, `-tries`: when another endpoint gets the request.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::next_upstream::{self, MAX_TIMEOUT, MAX_TRIES};
use crate::translate::value;
use ingora_config::policy::Retry;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "proxy-next-upstream",
        "retry",
        Scope::Location,
        Risk::Medium,
        OnBad::Ignore,
        Support::Differs(
            "an answer that is no HTTP counts as error, too; an endpoint is not asked a second time because of its status",
        ),
    ),
    Row::new(
        "proxy-next-upstream-timeout",
        "retry",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        Support::Full,
    ),
    Row::new(
        "proxy-next-upstream-tries",
        "retry",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        Support::Differs("0 is 16 tries, not as many as there are endpoints"),
    ),
];

/// What the annotations of the feature ask for; `None` without any that can be used.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Retry> {
    let retry = Retry {
        next_upstream: reader.parse("proxy-next-upstream", next_upstream::conditions),
        timeout: reader.parse("proxy-next-upstream-timeout", |text| value::number(text, 0..=MAX_TIMEOUT)),
        tries: reader.parse("proxy-next-upstream-tries", |text| value::number(text, 0..=MAX_TRIES)),
    };
    (retry != Retry::default()).then_some(retry)
}
