//! The authority of a request: the one place that reads a Host header or `:authority`.
//!
//! Routing, logs and headers all use its answer, so that no two parts of the gateway can disagree about the host.

/// A host and an optional port, as written by a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host without port and without trailing dot, in the client's case; IPv6 addresses keep their brackets.
    pub host: &'a str,
    /// The port, when there is one.
    pub port: Option<u16>,
}

/// The longest host that is looked at, in bytes (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 255;

/// Reads `host[:port]`. `None` for anything else: empty, user information, a list, a path, characters that are in no
/// DNS name or IP address (RFC 3986 section 3.2 without `userinfo`, and without percent-encoding, which no host needs).
pub fn parse(bytes: &[u8]) -> Option<Authority<'_>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (host, port) = if text.starts_with('[') {
        let end = text.find(']')?;
        let address = &text[1..end];
        address.parse::<std::net::Ipv6Addr>().ok()?;
        (&text[..=end], &text[end + 1..])
    } else {
        let end = text.find(':').unwrap_or(text.len());
        let name = &text[..end];
        let known = |b: u8| b.is_ascii_alphanumeric() | (b == b'-') | (b == b'.') | (b == b'_');
        // To the end in any case: that is one step for sixteen letters.
        if !name.bytes().fold(true, |all, b| all & known(b)) {
            return None;
        }
        (name.strip_suffix('.').unwrap_or(name), &text[end..])
    };
    // An empty label is in no name, and would be one label to a wildcard.
    let empty_label = host.is_empty()
        || host.starts_with('.')
        || host.ends_with('.')
        || host.as_bytes().windows(2).any(|pair| pair == b"..");
    if host.len() > MAX_HOST || empty_label {
        return None;
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return None,
        // `host:` is valid and means the default port.
        Some("") => None,
        Some(digits) if digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().ok()?)
        }
        Some(_) => return None,
    };
    Some(Authority { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_or_without_port_is_read() {
        let read = |text: &'static str| parse(text.as_bytes()).map(|a| (a.host, a.port));
        assert_eq!(read("a.test"), Some(("a.test", None)));
        assert_eq!(read("A.test.:8080"), Some(("A.test", Some(8080))));
        assert_eq!(read("[::1]:80"), Some(("[::1]", Some(80))));
        assert_eq!(read("127.0.0.1:"), Some(("127.0.0.1", None)));
        assert_eq!(read("under_score.test"), Some(("under_score.test", None)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "", ".", "a..b", ".a", "a..", ":80", "a:b", "a:80x", "a:99999", "a:-1", "a b", "a,b", "u@a",
            "a/b", "[::1", "[x]", "[::1]x", "a%41", "ä",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
