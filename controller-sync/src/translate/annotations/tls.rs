//! `ssl-ciphers`, `ssl-prefer-server-ciphers`: what the handshakes of the Ingress' hosts may use.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::settings::tls_value;
use ingora_config::HostCiphers;

pub(super) const CIPHERS: &str = "ssl-ciphers";
pub(super) const PREFER: &str = "ssl-prefer-server-ciphers";

pub(super) const ROWS: &[Row] = &[
    Row::new(CIPHERS, "tls", Scope::Ingress, Risk::Low, OnBad::Reject, Support::Full),
    Row::new(PREFER, "tls", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
];

/// What the annotations ask for.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> HostCiphers {
    let list = reader.parse(CIPHERS, tls_value::ciphers).flatten();
    HostCiphers { list, prefer_server: reader.bool(PREFER) }
}
