//! `proxy-connect-timeout`, `proxy-send-timeout`, `proxy-read-timeout`.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value;
use ingora_config::policy::Timeouts;

const AT_LEAST_ONE: Support = Support::Differs("0 counts as missing, where nginx would give up at once");

const SEND: Support = Support::Differs(
    "0 counts as missing; an endpoint that takes no more is given proxy-read-timeout to say why",
);

pub(super) const ROWS: &[Row] = &[
    Row::new("proxy-connect-timeout", "timeouts", Scope::Location, Risk::Low, OnBad::Ignore, AT_LEAST_ONE),
    Row::new("proxy-send-timeout", "timeouts", Scope::Location, Risk::Low, OnBad::Ignore, SEND),
    Row::new("proxy-read-timeout", "timeouts", Scope::Location, Risk::Low, OnBad::Ignore, AT_LEAST_ONE),
];

/// What the annotations of the feature ask for; `None` without any that can be used.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Timeouts> {
    let mut seconds = |name| reader.parse(name, value::seconds);
    let timeouts = Timeouts {
        connect: seconds("proxy-connect-timeout"),
        send: seconds("proxy-send-timeout"),
        read: seconds("proxy-read-timeout"),
    };
    (timeouts != Timeouts::default()).then_some(timeouts)
}
