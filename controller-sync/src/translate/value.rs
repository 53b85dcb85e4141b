//! Values that users write as text, in ConfigMaps and annotations alike: one parser per form, each with an error that says
//! what the value is not and what to write instead.
//!
//! Every parser takes the text as it stands; white space around it does not count. What the empty text means is the
//! caller's business.

use super::quote::quoted;
use http::HeaderName;
use ingora_config::policy::HttpVersion;
use ipnet::IpNet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Why a value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invalid {
    /// What the value is not; the value is bounded and quoted in it: `"yes" is neither true nor false`.
    pub(super) message: String,
    /// What to write.
    pub(super) hint: String,
}

impl Invalid {
    /// `what` follows the quoted value.
    pub(super) fn new(value: &str, what: &str, hint: impl Into<String>) -> Self {
        Self { message: format!("{} {what}", quoted(value)), hint: hint.into() }
    }
}

/// A value, or why there is none.
pub(super) type Parsed<T> = Result<T, Invalid>;

/// A list: the items that can be used, and what is wrong with the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    pub(super) invalid: Vec<Invalid>,
}

/// The words that Go's `strconv.ParseBool` takes, and no others: `yes` and `on` are mistakes in ingress-nginx, too.
pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text.trim() {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        other => {
            let meant = match other.to_ascii_lowercase().as_str() {
                "yes" | "y" | "on" | "enable" | "enabled" => "write \"true\"",
                "no" | "n" | "off" | "disable" | "disabled" => "write \"false\"",
                _ => "write \"true\" or \"false\"",
            };
            Err(Invalid::new(text, "is neither true nor false", meant))
        }
    }
}

/// A decimal number, with or without a sign.
pub(super) fn integer(text: &str, range: RangeInclusive<i64>) -> Parsed<i64> {
    let hint = || format!("write a number from {} to {}", range.start(), range.end());
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Invalid::new(text, "is not a whole number", hint()));
    }
    match trimmed.parse::<i64>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Invalid::new(text, "is out of range", hint())),
    }
}

/// A number that fits into `T`.
pub(super) fn number<T: TryFrom<i64>>(text: &str, range: RangeInclusive<i64>) -> Parsed<T> {
    let value = integer(text, range)?;
    T::try_from(value).map_err(|_| Invalid::new(text, "is out of range", "write a smaller number"))
}

/// The longest deadline that can be set, in seconds: a year.
const MAX_SECONDS: i64 = 365 * 24 * 3600;

/// Whole seconds without a unit, at least one, as the timeouts of ingress-nginx are written.
pub(super) fn seconds(text: &str) -> Parsed<u32> {
    if text.trim().ends_with(|last: char| last.is_ascii_alphabetic()) {
        return Err(Invalid::new(text, "is not a number of seconds", "write the seconds without a unit"));
    }
    number(text, 1..=MAX_SECONDS)
}

/// The same, and 0 is allowed: it turns off what is timed.
pub(super) fn seconds_or_none(text: &str) -> Parsed<u32> {
    if text.trim() == "0" { Ok(0) } else { seconds(text) }
}

/// A number of bytes as nginx writes sizes: digits, then `k`, `m` or `g` or nothing.
pub(super) fn size(text: &str) -> Parsed<u64> {
    const HINT: &str = "write a number of bytes, or one with k, m or g behind it: 8m";
    let trimmed = text.trim();
    let (digits, shift) = match trimmed.as_bytes().last().map(u8::to_ascii_lowercase) {
        Some(b'k') => (&trimmed[..trimmed.len() - 1], 10),
        Some(b'm') => (&trimmed[..trimmed.len() - 1], 20),
        Some(b'g') => (&trimmed[..trimmed.len() - 1], 30),
        _ => (trimmed, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Invalid::new(text, "is not a size", HINT));
    }
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    // What is beyond it no machine holds, and sums of such sizes would overflow.
    bytes.filter(|bytes| *bytes <= 1 << 50).ok_or_else(|| Invalid::new(text, "is too large", HINT))
}

/// A duration as nginx writes times: `30s`, `5m`, `1h30m`, `500ms`; a number alone is seconds.
pub(super) fn duration(text: &str) -> Parsed<Duration> {
    let invalid = |what| Invalid::new(text, what, "write a number with ms, s, m, h or d behind it: 10m");
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(invalid("is not a duration"));
    }
    let (mut rest, mut total) = (trimmed, Duration::ZERO);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let count: u64 = rest[..end].parse().map_err(|_| invalid("is not a duration"))?;
        let unit_end = rest[end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| end + at);
        let millis = match rest[end..unit_end].trim() {
            "ms" => 1,
            "" | "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(invalid("is not a duration")),
        };
        let part = count.checked_mul(millis).map(Duration::from_millis);
        let longest = Duration::from_secs(MAX_SECONDS.unsigned_abs());
        total = part.and_then(|part| total.checked_add(part)).unwrap_or(Duration::MAX);
        if total > longest {
            return Err(invalid("is longer than a year"));
        }
        rest = &rest[unit_end..];
    }
    Ok(total)
}

/// The items of a list with commas between them, in order, without empty ones.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A list whose items are looked at one by one; at most `most` of them count.
pub(super) fn list<T>(text: &str, most: usize, mut item: impl FnMut(&str) -> Parsed<T>) -> List<T> {
    let mut list = List { items: Vec::new(), invalid: Vec::new() };
    for (index, word) in items(text).enumerate() {
        if index == most {
            let message = format!("the list has more than {most} items; the others do not count");
            list.invalid.push(Invalid { message, hint: "shorten it".to_owned() });
            break;
        }
        match item(word) {
            Ok(value) => list.items.push(value),
            Err(invalid) => list.invalid.push(invalid),
        }
    }
    list
}

/// A network such as `10.0.0.0/8`; an address alone is a network of one. Bits behind the prefix do not count.
pub(super) fn network(text: &str) -> Parsed<IpNet> {
    let trimmed = text.trim();
    let net = match trimmed.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => trimmed.parse::<IpNet>().ok(),
    };
    let hint = "write an address or a network: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32";
    net.map(|net| net.trunc()).ok_or_else(|| Invalid::new(text, "is neither an address nor a network", hint))
}

/// The name of a header (RFC 9110 section 5.1), in lower case.
pub(super) fn header_name(text: &str) -> Parsed<HeaderName> {
    let trimmed = text.trim();
    let name = if trimmed.len() > 256 { None } else { HeaderName::try_from(trimmed).ok() };
    name.ok_or_else(|| {
        Invalid::new(text, "is not the name of a header", "use letters, digits, - and _ as in X-My-Header")
    })
}

/// One of several words, whatever their case.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Parsed<T> {
    let trimmed = text.trim();
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(trimmed));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        Invalid::new(text, "is not a known value", format!("write one of {}", known.join(", ")))
    })
}

/// The two words of nginx.
pub(super) fn on_off(text: &str) -> Parsed<bool> {
    word(text, &[("on", true), ("off", false)])
}

/// A version of HTTP/1.
pub(super) fn http_version(text: &str) -> Parsed<HttpVersion> {
    word(text, &[("1.0", HttpVersion::Http10), ("1.1", HttpVersion::Http11)])
}

/// The known name nearest to an unknown one, if it is near enough to be a slip: at most two letters off, or a third of it.
pub(super) fn nearest<'n>(unknown: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if unknown.len() > 64 {
        return None;
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '.', ' '], "-");
    let wanted = plain(unknown);
    let allowed = (wanted.len() / 3).clamp(1, 3);
    let near = known.into_iter().map(|name| (distance(&wanted, name), name));
    near.filter(|(far, _)| *far <= allowed).min_by_key(|(far, _)| *far).map(|(_, name)| name)
}

/// How many letters must be inserted, removed or replaced.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_gos_and_a_near_miss_is_told_the_word() {
        for (text, value) in [("1", true), ("True", true), (" t\n", true), ("0", false), ("FALSE", false)] {
            assert_eq!(boolean(text), Ok(value), "{text:?}");
        }
        for (text, hint) in [("yes", "\"true\""), ("Off", "\"false\""), ("tRUE", "or"), ("", "or")] {
            let invalid = boolean(text).unwrap_err();
            assert!(invalid.hint.contains(hint), "{text:?}: {invalid:?}");
        }
    }

    #[test]
    fn numbers_keep_to_their_range() {
        assert_eq!(number::<u32>(" +75 ", 0..=100), Ok(75));
        assert_eq!(integer("-1", -1..=5), Ok(-1));
        for text in ["", "-", "1.5", "0x10", "1e3", "101", "-1", "99999999999999999999", "１"] {
            assert!(number::<u32>(text, 0..=100).is_err(), "{text:?}");
        }
        assert_eq!(seconds("60"), Ok(60));
        assert!(seconds("0").is_err() && seconds("60s").unwrap_err().hint.contains("without a unit"));
        assert_eq!(seconds_or_none("0"), Ok(0));
    }

    #[test]
    fn sizes_have_the_units_of_nginx() {
        for (text, bytes) in [("0", 0), ("512", 512), ("8k", 8192), ("1M", 1 << 20), ("2g", 2 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text:?}");
        }
        for text in ["", "k", "1.5m", "-1", "8mb", "1 m", "99999999999g", "18446744073709551615"] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn durations_have_the_units_of_nginx() {
        let cases = [("10", 10_000), ("10s", 10_000), ("5m", 300_000), ("1h30m", 5_400_000), ("500ms", 500)];
        for (text, millis) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text:?}");
        }
        for text in ["", "s", "1x", "-1s", "1.5h", "400d", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_bad_item_spoils_only_itself() {
        let list = list("10.1.2.3/8, nonsense,,192.0.2.1, ::1", 10, network);
        let shown: Vec<String> = list.items.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "192.0.2.1/32", "::1/128"]);
        assert_eq!(list.invalid.len(), 1);
        assert!(list.invalid[0].message.starts_with("\"nonsense\""), "{list:?}");
    }

    #[test]
    fn a_list_without_end_is_cut() {
        let list = list(&"192.0.2.1,".repeat(1000), 100, network);
        assert_eq!((list.items.len(), list.invalid.len()), (100, 1));
    }

    #[test]
    fn slips_find_the_name_that_was_meant_and_strangers_none() {
        let known = ["proxy-read-timeout", "proxy-send-timeout", "hsts", "keep-alive"];
        assert_eq!(nearest("proxy-read-timout", known), Some("proxy-read-timeout"));
        assert_eq!(nearest("PROXY_READ_TIMEOUT", known), Some("proxy-read-timeout"));
        assert_eq!(nearest("keepalive", known), Some("keep-alive"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn header_names_are_tokens() {
        assert_eq!(header_name(" X-My_Header ").unwrap().as_str(), "x-my_header");
        for text in ["", "a b", "x:y", "ä", &"x".repeat(300)] {
            assert!(header_name(text).is_err(), "{text:.10?}");
        }
    }
}
