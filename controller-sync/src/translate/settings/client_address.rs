//! Who a client is: which neighbours may say whom they speak for.

use super::draft::set;
use super::key::Effect::{Live, NewConnections, NotYet};
use super::key::{BOOL, DURATION, NETWORKS, Row, TEXT};
use crate::translate::value::{Invalid, boolean, duration, header_name, network};

const NAME: &str = "name of a header";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "use-forwarded-headers",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.client_address.use_forwarded_headers, boolean(v))),
    ),
    Row::new(
        "enable-real-ip",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.client_address.enable_real_ip, boolean(v))),
    ),
    Row::new(
        "proxy-real-ip-cidr",
        NETWORKS,
        "0.0.0.0/0",
        Live(|d, v| {
            // Trusting everybody because nobody in the list can be read would be the wrong way round.
            d.settings.client_address.proxy_real_ip_cidr = d.list(v, network);
            Ok(())
        }),
    ),
    Row::new(
        "forwarded-for-header",
        NAME,
        "X-Forwarded-For",
        Live(|d, v| {
            let name = header_name(v).map(|_| v.trim().to_owned());
            set(&mut d.settings.client_address.forwarded_for_header, name)
        }),
    ),
    Row::new(
        "compute-full-forwarded-for",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.client_address.compute_full_forwarded_for, boolean(v))),
    ),
    Row::new(
        "use-proxy-protocol",
        BOOL,
        "false",
        NewConnections(|d, v| set(&mut d.settings.client_address.use_proxy_protocol, boolean(v))),
    )
    .note("On both ports at once; a connection without the header is dropped."),
    Row::new(
        "proxy-protocol-header-timeout",
        DURATION,
        "5s",
        NewConnections(|d, v| {
            let time = duration(v)?.as_secs();
            let time = u32::try_from(time).ok().filter(|time| (1..=3600).contains(time));
            let invalid = || Invalid::new(v, "is out of range", "write a time from 1s to 1h");
            set(&mut d.settings.client_address.proxy_protocol_header_timeout, time.ok_or_else(invalid))
        }),
    ),
    Row::new("forwarded-host-header", NAME, "X-Forwarded-Host", NotYet("X-Forwarded-Host is read")),
    Row::new(
        "forwarded-for-proxy-protocol-header",
        TEXT,
        "X-Forwarded-For-Proxy-Protocol",
        NotYet("X-Forwarded-For is walked behind the address of the PROXY header without another header"),
    ),
];
