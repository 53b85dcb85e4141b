//! `ssl-passthrough`: TLS for the hosts goes to the Service of their path `/` unopened.
//!
//! It belongs to the route of that path, so that only who serves `/` of a host decides about it.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::compile::Claim;
use ingora_config::Host;
use std::collections::BTreeSet;

const NAME: &str = "ssl-passthrough";

pub(super) const ROWS: &[Row] = &[Row::new(
    NAME,
    "ssl_passthrough",
    Scope::Ingress,
    Risk::Low,
    OnBad::Reject,
    Support::Differs(
        "to an endpoint of the Service, not to its cluster address; the Ingress that serves / of the host decides",
    ),
)];

/// What the annotation asks for.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> bool {
    let wanted = reader.bool(NAME).unwrap_or(false);
    if wanted && !reader.options().enable_ssl_passthrough {
        let message = "ssl-passthrough is not enabled; TLS is ended at the gateway".to_owned();
        reader.warn(NAME, message, "start ingora sync with --enable-ssl-passthrough");
        return false;
    }
    wanted
}

/// The hosts of an Ingress of which it does not serve `/`.
pub(in crate::translate) fn without_root<'h>(hosts: &'h BTreeSet<Host>, claims: &[Claim]) -> Vec<&'h Host> {
    let root = |host: &Host| {
        claims.iter().any(|claim| claim.key.host == *host && claim.key.path.value.as_str() == "/")
    };
    hosts.iter().filter(|host| !root(host)).collect()
}
