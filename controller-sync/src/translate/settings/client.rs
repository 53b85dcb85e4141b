//! How patient the gateway is with clients, and what their requests may look like.

use super::draft::set;
use super::key::Effect::{Ignored, Live, NewConnections};
use super::key::{BOOL, NUMBER, Row, SECONDS, SIZE};
use crate::translate::value::{Invalid, Parsed, boolean, number, seconds, seconds_or_none, size};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "client-header-timeout",
        SECONDS,
        "60",
        Live(|d, v| set(&mut d.settings.client.client_header_timeout, seconds(v))),
    )
    .note("From the first byte of a request to the end of its header, and for the TLS handshake."),
    Row::new(
        "client-body-timeout",
        SECONDS,
        "60",
        Live(|d, v| set(&mut d.settings.client.client_body_timeout, seconds(v))),
    ),
    Row::new(
        "client-body-total-timeout",
        SECONDS,
        "3600",
        Live(|d, v| set(&mut d.settings.client.client_body_total_timeout, seconds_or_none(v))),
    )
    .note("Of Ingora alone: from the end of the header to the end of the body, whatever its pace; 0 is unlimited."),
    Row::new(
        "keep-alive",
        SECONDS,
        "75",
        Live(|d, v| set(&mut d.settings.client.keep_alive, seconds_or_none(v))),
    )
    .note("0 closes each connection after its answer. HTTP/2 connections keep what they began with."),
    Row::new(
        "keep-alive-requests",
        NUMBER,
        "1000",
        Live(|d, v| set(&mut d.settings.client.keep_alive_requests, number(v, 0..=i64::from(u32::MAX)))),
    )
    .note("HTTP/1; 0 closes each connection after its answer."),
    Row::new(
        "client-header-buffer-size",
        SIZE,
        "1k",
        Live(|d, v| set(&mut d.settings.client.client_header_buffer_size, buffer(v))),
    )
    .note("Counts only where it is more than `large-client-header-buffers` allow. At most 64k."),
    Row::new(
        "large-client-header-buffers",
        "number and size",
        "4 8k",
        Live(|d, v| set(&mut d.settings.client.large_client_header_buffers, buffers(v))),
    )
    .note(
        "The request line fits into one of the size (414 above it), line and header together into all of them (431 \
         above it, where nginx says 400). HTTP/2 connections keep what they began with. At most 64 of 64k, 512k in all.",
    ),
    Row::new(
        "http2-max-concurrent-streams",
        NUMBER,
        "128",
        NewConnections(|d, v| set(&mut d.settings.client.http2_max_concurrent_streams, number(v, 1..=65_535))),
    ),
    Row::new(
        "enable-underscores-in-headers",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.client.enable_underscores_in_headers, boolean(v))),
    ),
    Row::new(
        "ignore-invalid-headers",
        BOOL,
        "true",
        Live(|d, v| set(&mut d.settings.client.ignore_invalid_headers, boolean(v))),
    )
    .note(
        "Drops headers whose names have more than letters, digits and `-`. Names that are no token of RFC 9110 are \
         always refused with 400.",
    ),
    Row::new("http2-max-field-size", SIZE, "", Ignored("obsolete in nginx since 1.19.7; large-client-header-buffers counts")),
    Row::new("http2-max-header-size", SIZE, "", Ignored("obsolete in nginx since 1.19.7; large-client-header-buffers counts")),
    Row::new("http2-max-requests", NUMBER, "0", Ignored("obsolete in nginx since 1.19.7")),
];

const MAX_BUFFER: u64 = 64 * 1024;
const MAX_BUFFERS: u64 = 512 * 1024;

fn buffer(text: &str) -> Parsed<u32> {
    let bytes = size(text)?;
    if (1..=MAX_BUFFER).contains(&bytes) {
        return u32::try_from(bytes).map_err(|_| Invalid::new(text, "is too large", "write at most 64k"));
    }
    Err(Invalid::new(text, "is out of range", "write a size from 1 to 64k"))
}

fn buffers(text: &str) -> Parsed<(u32, u32)> {
    const HINT: &str = "write a number and a size: 4 8k";
    let mut words = text.split_whitespace();
    let (Some(count), Some(bytes), None) = (words.next(), words.next(), words.next()) else {
        return Err(Invalid::new(text, "is not a number and a size", HINT));
    };
    let (count, bytes) = (number::<u32>(count, 1..=64)?, buffer(bytes)?);
    if bytes < 256 || u64::from(count) * u64::from(bytes) > MAX_BUFFERS {
        return Err(Invalid::new(text, "is out of range", "write sizes of at least 256 bytes, 512k in all"));
    }
    Ok((count, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_a_number_and_a_size_within_bounds() {
        assert_eq!(buffers(" 4   8k "), Ok((4, 8192)));
        for text in ["", "4", "8k 4", "4 8k 1", "0 8k", "4 0", "4 10", "64 64k", "4 128k"] {
            assert!(buffers(text).is_err(), "{text:?}");
        }
    }
}
