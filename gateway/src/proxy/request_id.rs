//! `X-Request-ID`: the client's, or 32 hex digits of our own. It identifies, it does not authenticate.

use super::Context;
use ahash::RandomState;
use http::HeaderName;
use pingora::http::RequestHeader;
use std::cell::Cell;

/// The longest ID taken over from a client, in bytes; what is longer stays a header but is not logged.
const MAX_LOGGED: usize = 128;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

thread_local! {
    /// Random keys of this thread and a count: distinct without asking the kernel per request.
    static IDS: (RandomState, RandomState) = (RandomState::new(), RandomState::new());
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Takes the client's ID over, or makes one when `generate-request-id` says so.
pub(super) fn assign(request: &RequestHeader, ctx: &mut Context) {
    match request.headers.get(&X_REQUEST_ID).and_then(|value| value.to_str().ok()) {
        Some(id) if !id.is_empty() => ctx.request_id.push_str(&id[..id.len().min(MAX_LOGGED)]),
        _ if ctx.table().settings().headers.generate_request_id => {
            make(&mut ctx.request_id);
            ctx.made_request_id = true;
        }
        _ => {}
    }
}

fn make(id: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let count = COUNT.get();
    COUNT.set(count.wrapping_add(1));
    let (high, low) = IDS.with(|(high, low)| (high.hash_one(count), low.hash_one(count)));
    let number = u128::from(high) << 64 | u128::from(low);
    let digits: [u8; 32] = std::array::from_fn(|at| HEX[(number >> (124 - 4 * at)) as usize & 15]);
    id.push_str(std::str::from_utf8(&digits).expect("hex digits are ASCII"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_32_hex_digits_and_new_each_time() {
        let mut ids = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let mut id = String::new();
            make(&mut id);
            assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
            assert!(ids.insert(id), "an ID came twice");
        }
    }
}
