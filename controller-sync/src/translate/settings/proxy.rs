//! How upstreams are spoken to: the defaults of the annotations of the same names.

use super::draft::set;
use super::key::Effect::{Ignored, Live, Start};
use super::key::{BOOL, DURATION, NUMBER, ON_OFF, Row, SECONDS, SIZE, TEXT};
use crate::translate::next_upstream::{self, MAX_TIMEOUT, MAX_TRIES};
use crate::translate::replacement;
use crate::translate::value::{boolean, duration, http_version, number, on_off, seconds, size, word};
use ingora_config::policy::Algorithm;

const BUFFERS: &str = "answers are streamed to the client as fast as it takes them, in bounded memory";
const HEADS: &str = "the header of an answer may have 1 MiB and 256 lines";
const FILES: &str = "no body is written to a file";

const ALGORITHMS: [(&str, Algorithm); 2] =
    [("round_robin", Algorithm::RoundRobin), ("ewma", Algorithm::Ewma)];

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "proxy-connect-timeout",
        SECONDS,
        "5",
        Live(|d, v| set(&mut d.settings.proxy.proxy_connect_timeout, seconds(v))),
    ),
    Row::new(
        "proxy-read-timeout",
        SECONDS,
        "60",
        Live(|d, v| set(&mut d.settings.proxy.proxy_read_timeout, seconds(v))),
    )
    .note("Between two reads; of a WebSocket, between two bytes in either direction."),
    Row::new(
        "proxy-send-timeout",
        SECONDS,
        "60",
        Live(|d, v| set(&mut d.settings.proxy.proxy_send_timeout, seconds(v))),
    ),
    Row::new(
        "proxy-body-size",
        SIZE,
        "1m",
        Live(|d, v| set(&mut d.settings.proxy.proxy_body_size, size(v))),
    )
    .note("0 is unlimited; 413 above it."),
    Row::new(
        "proxy-next-upstream",
        "words",
        "error timeout",
        Live(|d, v| set(&mut d.settings.proxy.proxy_next_upstream, next_upstream::conditions(v))),
    )
    .note("`error`, `timeout`, `invalid_header`, `http_500`, `http_502`, `http_503`, `http_504`, `http_403`, `http_404`, `http_429`, `non_idempotent`, `off`. An answer that is no HTTP counts as `error`."),
    Row::new(
        "proxy-next-upstream-tries",
        NUMBER,
        "3",
        Live(|d, v| set(&mut d.settings.proxy.proxy_next_upstream_tries, number(v, 0..=MAX_TRIES))),
    )
    .note("The first try is counted; 0 is 16."),
    Row::new(
        "proxy-next-upstream-timeout",
        SECONDS,
        "0",
        Live(|d, v| set(&mut d.settings.proxy.proxy_next_upstream_timeout, number(v, 0..=MAX_TIMEOUT))),
    )
    .note("No further try begins later than this after the first; 0 is unlimited."),
    Row::new(
        "retry-non-idempotent",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.proxy.retry_non_idempotent, boolean(v))),
    ),
    Row::new(
        "upstream-keepalive-timeout",
        SECONDS,
        "60",
        Live(|d, v| set(&mut d.settings.proxy.upstream_keepalive_timeout, seconds(v))),
    ),
    Row::new(
        "upstream-keepalive-time",
        DURATION,
        "1h",
        Live(|d, v| {
            let seconds = duration(v).map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
            set(&mut d.settings.proxy.upstream_keepalive_time, seconds)
        }),
    )
    .note("A connection that is older gets its last request; whole seconds, 0 is unlimited."),
    Row::new(
        "upstream-keepalive-connections",
        NUMBER,
        "1024",
        Start(|d, v| set(&mut d.settings.proxy.upstream_keepalive_connections, number(v, 0..=1_000_000))),
    )
    .note("Idle connections that each core keeps, of all upstreams together, as in ingress-nginx, where it is 320. 0 closes each connection after its answer."),
    Row::new(
        "upstream-keepalive-requests",
        NUMBER,
        "10000",
        Live(|d, v| set(&mut d.settings.proxy.upstream_keepalive_requests, number(v, 0..=i64::from(u32::MAX)))),
    )
    .note("Of connections that speak HTTP/1; 0 is unlimited."),
    Row::new(
        "proxy-http-version",
        "1.0 or 1.1",
        "1.1",
        Live(|d, v| set(&mut d.settings.proxy.proxy_http_version, http_version(v))),
    )
    .note("For upstreams that speak HTTP/1. A request whose length is unknown goes out as HTTP/1.1."),
    Row::new(
        "proxy-request-buffering",
        ON_OFF,
        "on",
        Live(|d, v| set(&mut d.settings.proxy.proxy_request_buffering, on_off(v))),
    )
    .note("A body of known length that fits into `client-body-buffer-size` is received before an endpoint is bothered; any other is streamed."),
    Row::new(
        "client-body-buffer-size",
        SIZE,
        "8k",
        Live(|d, v| set(&mut d.settings.proxy.client_body_buffer_size, size(v))),
    )
    .note("See `proxy-request-buffering`; more than 64k counts as 64k."),
    Row::new("proxy-buffering", ON_OFF, "off", Ignored(BUFFERS)),
    Row::new("proxy-buffers-number", NUMBER, "4", Ignored(BUFFERS)),
    Row::new("proxy-buffer-size", SIZE, "4k", Ignored(HEADS)),
    Row::new("proxy-busy-buffers-size", SIZE, "", Ignored(BUFFERS)),
    Row::new("proxy-max-temp-file-size", SIZE, "1024m", Ignored(FILES)),
    Row::new(
        "proxy-cookie-path",
        TEXT,
        "off",
        Live(|d, v| set(&mut d.settings.proxy_cookie.path, replacement::pair(v).map(replacement::unless_off))),
    ),
    Row::new(
        "proxy-cookie-domain",
        TEXT,
        "off",
        Live(|d, v| set(&mut d.settings.proxy_cookie.domain, replacement::pair(v).map(replacement::unless_off))),
    ),
    Row::new(
        "proxy-redirect-from",
        TEXT,
        "off",
        Live(|d, v| {
            d.gates.proxy_redirect.0 = Some(replacement::from(v)?);
            d.redirect()
        }),
    ),
    Row::new(
        "proxy-redirect-to",
        TEXT,
        "off",
        Live(|d, v| {
            d.gates.proxy_redirect.1 = Some(replacement::to(v)?);
            d.redirect()
        }),
    ),
    Row::new(
        "proxy-ssl-location-only",
        BOOL,
        "false",
        Ignored("proxy-ssl-* always hold for the paths of their own Ingress, and for no other of the host"),
    ),
    Row::new(
        "load-balance",
        "round_robin or ewma",
        "round_robin",
        Live(|d, v| set(&mut d.settings.load_balance.load_balance, word(v, &ALGORITHMS))),
    ),
    Row::new(
        "service-upstream",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.load_balance.service_upstream, boolean(v))),
    )
    .note("Headless and ExternalName Services have no address of their own: requests go to their endpoints."),
    Row::new("grpc-buffer-size-kb", NUMBER, "0", Ignored("bodies are streamed, nothing is gathered")),
];
