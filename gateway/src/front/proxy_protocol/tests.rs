//! Headers as balancers send them, and as attackers do.

use super::*;
use proptest::prelude::*;

fn addresses(source: &str, server: &str) -> Option<Addresses> {
    Some(Addresses { source: source.parse().unwrap(), server: server.parse().unwrap() })
}

/// A header of version 2.
fn version2_bytes(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE.as_slice(), &[command, family], &length, rest].concat()
}

const V4: &[u8] = &[192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 1, 187];

async fn read(bytes: &[u8]) -> Result<(Option<Addresses>, usize), ProxyError> {
    let mut stream = bytes;
    let addresses = receive(&mut stream).await?;
    Ok((addresses, stream.len()))
}

#[tokio::test]
async fn version_1_names_both_ends_and_nothing_behind_it_is_read() {
    for (line, want) in [
        ("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", addresses("192.0.2.7:56324", "198.51.100.1:443")),
        ("PROXY TCP6 2001:db8::7 2001:db8::1 1 80\r\n", addresses("[2001:db8::7]:1", "[2001:db8::1]:80")),
        ("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 80\r\n", addresses("192.0.2.7:1", "192.0.2.1:80")),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff::1 whatever it is\r\n", None),
    ] {
        let bytes = format!("{line}GET / HTTP/1.1\r\n");
        assert_eq!(read(bytes.as_bytes()).await.unwrap(), (want, 16), "{line:?}");
    }
}

#[tokio::test]
async fn version_2_names_both_ends_and_its_tlvs_are_skipped() {
    let v6 = [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]; 2].concat();
    let v6 = [v6.as_slice(), &[0, 9, 1, 187]].concat();
    let tlvs = [V4, &[0x04, 0, 3, 1, 2, 3]].concat();
    let v4 = addresses("192.0.2.7:56324", "198.51.100.1:443");
    for (name, bytes, want) in [
        ("TCP over IPv4", version2_bytes(0x21, 0x11, V4), v4),
        ("with TLVs", version2_bytes(0x21, 0x11, &tlvs), v4),
        ("TCP over IPv6", version2_bytes(0x21, 0x21, &v6), addresses("[2001:db8::7]:9", "[2001:db8::7]:443")),
        ("LOCAL", version2_bytes(0x20, 0x00, &[]), None),
        ("LOCAL with addresses", version2_bytes(0x20, 0x11, V4), None),
        ("UNSPEC", version2_bytes(0x21, 0x00, &[]), None),
        ("UNSPEC with more", version2_bytes(0x21, 0x00, &[1; 300]), None),
        ("a Unix socket", version2_bytes(0x21, 0x31, &[b'/'; 216]), None),
        ("UDP", version2_bytes(0x21, 0x12, V4), None),
        ("the largest", version2_bytes(0x21, 0x11, &[V4, &[0; MAX_REST - 12]].concat()), v4),
    ] {
        let bytes = [bytes.as_slice(), b"rest"].concat();
        assert_eq!(read(&bytes).await.unwrap(), (want, 4), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_exactly_a_header_is_refused() {
    for line in [
        "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 9\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 65536\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 0443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 +443\r\n",
        "PROXY TCP4 192.0.2.7  198.51.100.1 56324 443\r\n",
        "PROXY  TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.07 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 56324 443\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 56324 443\r\n",
        "proxy TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 \r\n",
        &format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_LINE)),
    ] {
        assert!(matches!(read(line.as_bytes()).await, Err(ProxyError::Invalid)), "{line:?}");
    }
    for (name, bytes) in [
        ("version 1 in binary", version2_bytes(0x11, 0x11, V4)),
        ("an unknown command", version2_bytes(0x22, 0x11, V4)),
        ("an unknown family", version2_bytes(0x21, 0x41, V4)),
        ("an unknown transport", version2_bytes(0x21, 0x13, V4)),
        ("too short for IPv4", version2_bytes(0x21, 0x11, &V4[..11])),
        ("too short for IPv6", version2_bytes(0x21, 0x21, V4)),
        ("too short for Unix", version2_bytes(0x21, 0x31, V4)),
        ("too large", version2_bytes(0x21, 0x11, &[0; MAX_REST + 1])),
    ] {
        assert!(matches!(read(&bytes).await, Err(ProxyError::Invalid)), "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_early_has_no_header() {
    for bytes in [&b""[..], b"PROXY TCP4 192.0.2.7 198", &version2_bytes(0x21, 0x11, V4)[..20]] {
        assert!(matches!(read(bytes).await, Err(ProxyError::Broken(_))), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn every_pair_of_addresses_is_read_as_it_was_written(
        source: SocketAddr, server: SocketAddr, tlvs in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let v6 = source.is_ipv6();
        prop_assume!(v6 == server.is_ipv6());
        let want = Some(Some(Addresses { source: plain(source), server: plain(server) }));
        let word = if v6 { "TCP6" } else { "TCP4" };
        let (ip, to, port, to_port) = (source.ip(), server.ip(), source.port(), server.port());
        let line = format!("PROXY {word} {ip} {to} {port} {to_port}\r\n");
        prop_assert_eq!(version1(line.as_bytes()), want);
        let octets = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let rest = [octets(ip), octets(to), port.to_be_bytes().into(), to_port.to_be_bytes().into(), tlvs].concat();
        let bytes = version2_bytes(0x21, if v6 { 0x21 } else { 0x11 }, &rest);
        prop_assert_eq!(version2(bytes[..FIXED].try_into().unwrap(), &bytes[FIXED..]), want);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), start in 0..3u8) {
        let lead: &[u8] = [b"".as_slice(), WORD, SIGNATURE][usize::from(start)];
        let bytes = [lead, &bytes].concat();
        let _ = version1(&bytes);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime.block_on(receive(&mut bytes.as_slice()));
    }
}
