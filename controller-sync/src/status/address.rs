//! One address in a status: an IP or a name.

use crate::object::ingress::LoadBalancerIngress;
use std::net::IpAddr;
use std::str::FromStr;

/// More addresses than an Ingress sensibly has; a status is written into every one.
const MAX_ADDRESSES: usize = 1000;

/// A text that is neither an IP address nor a DNS name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither an IP address nor a DNS name")]
pub struct NotAnAddress;

impl FromStr for LoadBalancerIngress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self { ip: ip.to_string(), hostname: String::new() });
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // Digits and dots alone are an address with a mistake in it.
        let like_an_ip = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if name.len() > 253 || like_an_ip || !name.split('.').all(label) {
            return Err(NotAnAddress);
        }
        Ok(Self { ip: String::new(), hostname: name })
    }
}

/// The usable ones of `texts`, each once, in the order in which ingress-nginx writes them.
pub(super) fn addresses<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<LoadBalancerIngress> {
    let mut all: Vec<LoadBalancerIngress> = texts.into_iter().filter_map(|text| text.parse().ok()).collect();
    all.sort();
    all.dedup();
    all.truncate(MAX_ADDRESSES);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ip_or_a_name_and_nothing_else() {
        let read =
            |text: &str| text.parse::<LoadBalancerIngress>().map(|address| (address.ip, address.hostname));
        assert_eq!(read(" 192.0.2.1"), Ok(("192.0.2.1".into(), String::new())));
        assert_eq!(read("2001:DB8::1"), Ok(("2001:db8::1".into(), String::new())));
        assert_eq!(read("LB.example.com."), Ok((String::new(), "lb.example.com".into())));
        for text in ["", "1.2.3", "a b", "a..b", "-a.example", "http://a.example", "1.2.3.4:80"] {
            assert_eq!(read(text), Err(NotAnAddress), "{text:?}");
        }
    }

    #[test]
    fn addresses_come_first_sorted_as_text_then_names() {
        let all = addresses(["192.0.2.9", "b.example", "192.0.2.10", "a.example", "192.0.2.9", "no good"]);
        let shown: Vec<_> = all.iter().map(|address| format!("{}{}", address.hostname, address.ip)).collect();
        assert_eq!(shown, ["192.0.2.10", "192.0.2.9", "a.example", "b.example"]);
    }
}
