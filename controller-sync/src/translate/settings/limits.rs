//! What limited clients are told, and limits that hold for all.

use super::draft::set;
use super::key::Effect::{Live, NotYet};
use super::key::{Row, TEXT};
use crate::translate::value::number;

const CODE: &str = "400 to 599";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "limit-req-status-code",
        CODE,
        "503",
        Live(|d, v| set(&mut d.settings.limits.limit_req_status_code, number(v, 400..=599))),
    ),
    Row::new(
        "limit-conn-status-code",
        CODE,
        "503",
        Live(|d, v| set(&mut d.settings.limits.limit_conn_status_code, number(v, 400..=599))),
    ),
    Row::new(
        "limit-rate",
        "kilobytes a second",
        "0",
        Live(|d, v| set(&mut d.settings.limits.limit_rate, number(v, 0..=1 << 40))),
    ),
    Row::new(
        "limit-rate-after",
        "kilobytes",
        "0",
        Live(|d, v| set(&mut d.settings.limits.limit_rate_after, number(v, 0..=1 << 40))),
    ),
    Row::new(
        "limit-ipv6-prefix",
        "bits",
        "128",
        Live(|d, v| set(&mut d.settings.limits.limit_ipv6_prefix, number(v, 1..=128))),
    )
    .note("Of Ingora alone: how many bits of an IPv6 address make one client; 64 is a household."),
    Row::new(
        "limit-conn-zone-variable",
        TEXT,
        "$binary_remote_addr",
        NotYet("clients are told apart by their address"),
    ),
];
