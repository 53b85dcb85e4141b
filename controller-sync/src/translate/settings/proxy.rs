//! How upstreams are spoken to: the defaults of the annotations of the same names.

use super::draft::set;
use super::key::Effect::{Ignored, Live, NotYet};
use super::key::{BOOL, DURATION, NUMBER, Row, SECONDS, SIZE, TEXT};
use super::next_upstream;
use crate::translate::value::{boolean, duration, number, seconds, size};

const BUFFERS: &str = "bodies are streamed in both directions, nothing is gathered in buffers or files";
const REWRITES: &str = "answers pass with their Location and Set-Cookie as the upstream wrote them";

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
        Live(|d, v| next_upstream::conditions(v).map(|found| d.take_conditions(found))),
    )
    .note("`error`, `timeout`, `invalid_header`, `http_500`, `http_502`, `http_503`, `http_504`, `http_403`, `http_404`, `http_429`, `non_idempotent`, `off`. An answer that is no HTTP counts as `error`."),
    Row::new(
        "proxy-next-upstream-tries",
        NUMBER,
        "3",
        Live(|d, v| set(&mut d.settings.proxy.proxy_next_upstream_tries, number(v, 0..=1000))),
    )
    .note("The first try is counted; 0 is as many as there are endpoints, 16 at most."),
    Row::new(
        "proxy-next-upstream-timeout",
        SECONDS,
        "0",
        Live(|d, v| set(&mut d.settings.proxy.proxy_next_upstream_timeout, number(v, 0..=86_400))),
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
        "320",
        Ignored("each core keeps up to 1024 idle connections, of all upstreams together"),
    ),
    Row::new(
        "upstream-keepalive-requests",
        NUMBER,
        "10000",
        Ignored("connections to upstreams end by their age and by being idle, not by a count"),
    ),
    Row::new("proxy-http-version", TEXT, "1.1", NotYet("upstreams are spoken to in HTTP/1.1, or HTTP/2 where the Service says so")),
    Row::new("proxy-buffering", "on or off", "off", NotYet(BUFFERS)),
    Row::new("proxy-request-buffering", "on or off", "on", NotYet(BUFFERS)),
    Row::new("proxy-buffers-number", NUMBER, "4", NotYet(BUFFERS)),
    Row::new("proxy-buffer-size", SIZE, "4k", NotYet(BUFFERS)),
    Row::new("proxy-busy-buffers-size", SIZE, "", NotYet(BUFFERS)),
    Row::new("proxy-max-temp-file-size", SIZE, "1024m", NotYet(BUFFERS)),
    Row::new("proxy-cookie-path", TEXT, "off", NotYet(REWRITES)),
    Row::new("proxy-cookie-domain", TEXT, "off", NotYet(REWRITES)),
    Row::new("proxy-redirect-from", TEXT, "off", NotYet(REWRITES)),
    Row::new("proxy-redirect-to", TEXT, "off", NotYet(REWRITES)),
    Row::new(
        "proxy-ssl-location-only",
        BOOL,
        "false",
        Ignored("proxy-ssl-* always hold for the paths of their own Ingress, and for no other of the host"),
    ),
    Row::new("load-balance", "word", "round_robin", NotYet("requests go round robin")),
    Row::new("service-upstream", BOOL, "false", NotYet("requests go to the endpoints, not to the Service's address")),
    Row::new("grpc-buffer-size-kb", NUMBER, "0", Ignored("bodies are streamed, nothing is gathered")),
];
