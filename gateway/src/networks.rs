//! Sets of addresses: whether one of them is in a list of networks, however long the list is.
//!
//! Lists become sorted ranges that do not overlap, so that asking is one binary search: 1,024 networks are ten steps.

use ipnet::IpNet;
use std::net::IpAddr;

/// The addresses of a list of networks.
///
/// An IPv4 address in an IPv6 network's clothes (`::ffff:192.0.2.0/120`) counts as IPv4, as the addresses that are asked
/// for do; any other IPv6 network, `::/0` too, holds no IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Networks {
    /// Takes a list, in any order, with any repetition.
    pub fn new(list: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in list {
            match network {
                IpNet::V4(network) => v4.push((network.network().to_bits(), network.broadcast().to_bits())),
                IpNet::V6(network) => {
                    let (first, last) = (network.network(), network.broadcast());
                    match (first.to_ipv4_mapped(), last.to_ipv4_mapped()) {
                        (Some(first), Some(last)) => v4.push((first.to_bits(), last.to_bits())),
                        _ => v6.push((first.to_bits(), last.to_bits())),
                    }
                }
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }

    /// Whether it holds no address at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether the address is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => holds(&self.v4, address.to_bits()),
            IpAddr::V6(address) => holds(&self.v6, address.to_bits()),
        }
    }
}

/// Sorts ranges and joins those that overlap.
fn merged<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged.into()
}

fn holds<T: Ord + Copy>(ranges: &[(T, T)], value: T) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= value);
    behind > 0 && value <= ranges[behind - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn networks(list: &[&str]) -> Networks {
        Networks::new(&list.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn an_address_is_in_its_networks_and_in_no_other() {
        let set = networks(&["10.0.0.0/8", "192.0.2.7/32", "10.1.0.0/16", "2001:db8::/32", "::1/128"]);
        for inside in
            ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8:ffff::1", "::1", "::ffff:10.9.9.9"]
        {
            assert!(set.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.8", "2001:db9::", "::2", "::"] {
            assert!(!set.contains(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn all_of_one_family_is_none_of_the_other() {
        let (v4, v6) = (networks(&["0.0.0.0/0"]), networks(&["::/0"]));
        let addresses: [IpAddr; 2] = ["203.0.113.9".parse().unwrap(), "2001:db8::9".parse().unwrap()];
        assert_eq!(addresses.map(|address| v4.contains(address)), [true, false]);
        assert_eq!(addresses.map(|address| v6.contains(address)), [false, true]);
        assert!(networks(&[]).is_empty() && !networks(&[]).contains(addresses[0]));
        assert!(networks(&["::ffff:203.0.113.0/120"]).contains(addresses[0]));
    }

    fn network() -> impl Strategy<Value = IpNet> {
        // Few bits differ, so that networks and addresses meet.
        let v4 = (0u32..64, 24u8..=32).prop_map(|(bits, prefix)| {
            IpNet::new(Ipv4Addr::from_bits(0x0a00_0000 | bits << 2).into(), prefix).unwrap()
        });
        let v6 = (0u128..64, 120u8..=128).prop_map(|(bits, prefix)| {
            IpNet::new(Ipv6Addr::from_bits(0x2001 << 112 | bits << 2).into(), prefix).unwrap()
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn the_set_answers_as_its_list_does(list in prop::collection::vec(network(), 0..40), bits in 0u32..300) {
            let set = Networks::new(&list);
            let v4 = IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 | bits));
            let v6 = IpAddr::from(Ipv6Addr::from_bits(0x2001 << 112 | u128::from(bits)));
            for address in [v4, v6] {
                prop_assert_eq!(set.contains(address), list.iter().any(|network| network.contains(&address)));
            }
        }
    }
}
