//! IP addresses as text on the stack: each request names its client in two headers and in its log line.

use std::io::Write;
use std::net::IpAddr;

/// The longest text of an address in bytes: an IPv6 address without abbreviation.
const LONGEST: usize = 39;

/// An address as text, as its `Display` writes it.
#[derive(Clone, Copy, Debug)]
pub struct AddressText {
    bytes: [u8; LONGEST],
    length: usize,
}

impl AddressText {
    /// Writes `address`.
    pub fn new(address: IpAddr) -> Self {
        let mut text = Self { bytes: [0; LONGEST], length: 0 };
        match address {
            // Without the machinery of formatting, which costs more than the rest of a log line.
            IpAddr::V4(address) => {
                for (index, octet) in address.octets().into_iter().enumerate() {
                    if index > 0 {
                        text.push(b'.');
                    }
                    text.octet(octet);
                }
            }
            IpAddr::V6(address) => {
                let mut rest = &mut text.bytes[..];
                write!(rest, "{address}").expect("no address is longer");
                text.length = LONGEST - rest.len();
            }
        }
        text
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn octet(&mut self, octet: u8) {
        if octet >= 100 {
            self.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            self.push(b'0' + octet / 10 % 10);
        }
        self.push(b'0' + octet % 10);
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_display_writes(address: IpAddr) {
            let text = AddressText::new(address);
            prop_assert_eq!(std::str::from_utf8(text.as_bytes()).unwrap(), address.to_string());
        }
    }

    #[test]
    fn the_longest_and_the_shortest_fit() {
        for address in
            ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:1.2.3.4"]
        {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(AddressText::new(parsed).as_bytes(), address.as_bytes());
        }
    }
}
