//! Whom is believed, and whom not.

use super::*;
use proptest::prelude::*;

fn settings(trusted: &[&str]) -> ClientAddress {
    ClientAddress {
        use_forwarded_headers: true,
        proxy_real_ip_cidr: trusted.iter().map(|network| network.parse().unwrap()).collect(),
        ..ClientAddress::default()
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn client(settings: &ClientAddress, neighbour: &str, chain: &[&str]) -> String {
    let lines: Vec<_> = chain.iter().map(|line| ("x-forwarded-for", *line)).collect();
    let (client, _) = Rule::new(settings).read(neighbour.parse().unwrap(), None, &headers(&lines));
    client.to_string()
}

#[test]
fn without_trust_the_neighbour_is_the_client() {
    let nobody = ClientAddress::default();
    assert_eq!(client(&nobody, "192.0.2.1", &["1.2.3.4"]), "192.0.2.1");
    assert_eq!(client(&settings(&["10.0.0.0/8"]), "192.0.2.1", &["1.2.3.4"]), "192.0.2.1");
    assert_eq!(client(&settings(&[]), "192.0.2.1", &["1.2.3.4"]), "192.0.2.1");
}

#[test]
fn the_client_is_the_rightmost_address_that_is_not_trusted() {
    let trusted = settings(&["10.0.0.0/8", "2001:db8::/32"]);
    for (chain, want) in [
        (&["1.2.3.4"] as &[&str], "1.2.3.4"),
        (&["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (&["6.6.6.6, 1.2.3.4, 10.2.2.2,10.3.3.3"], "1.2.3.4"),
        (&["6.6.6.6, 1.2.3.4", "10.2.2.2"], "1.2.3.4"),
        (&["1.2.3.4, 2001:db8::7"], "1.2.3.4"),
        (&["1.2.3.4:5678"], "1.2.3.4"),
        (&["[2001:db9::1]:443"], "2001:db9::1"),
        (&["[2001:db9::1]"], "2001:db9::1"),
        (&["::ffff:1.2.3.4"], "1.2.3.4"),
        (&["10.9.9.9, 10.8.8.8"], "10.9.9.9"),
        (&["6.6.6.6, nonsense, 10.8.8.8"], "10.8.8.8"),
        (&["6.6.6.6, ,,10.8.8.8 , "], "6.6.6.6"),
        (&["unknown"], "10.0.0.1"),
        (&[""], "10.0.0.1"),
        (&[], "10.0.0.1"),
    ] {
        assert_eq!(client(&trusted, "10.0.0.1", chain), want, "{chain:?}");
    }
    assert_eq!(client(&trusted, "::ffff:10.0.0.1", &["1.2.3.4"]), "1.2.3.4", "a mapped neighbour is IPv4");
}

#[test]
fn by_default_all_of_ipv4_may_name_the_client_and_ipv6_may_not() {
    let forwarded = ClientAddress { use_forwarded_headers: true, ..ClientAddress::default() };
    assert_eq!(client(&forwarded, "192.0.2.1", &["6.6.6.6, 1.2.3.4"]), "6.6.6.6");
    assert_eq!(client(&forwarded, "2001:db8::1", &["1.2.3.4"]), "2001:db8::1");
}

#[test]
fn a_chain_without_end_ends() {
    let all = settings(&["0.0.0.0/0"]);
    let chain = (0..10_000).map(|at| format!("10.0.{}.{}", at / 250 % 250, at % 250)).collect::<Vec<_>>();
    assert_eq!(client(&all, "10.0.0.1", &[&chain.join(",")]), chain[chain.len() - MAX_HOPS]);
}

#[test]
fn another_header_may_name_the_client() {
    let settings = ClientAddress {
        forwarded_for_header: "CF-Connecting-IP".to_owned(),
        enable_real_ip: true,
        ..ClientAddress::default()
    };
    let lines = headers(&[("cf-connecting-ip", "1.2.3.4"), ("x-forwarded-for", "6.6.6.6")]);
    let (client, _) = Rule::new(&settings).read("10.0.0.1".parse().unwrap(), None, &lines);
    assert_eq!(client.to_string(), "1.2.3.4");
}

#[test]
fn scheme_host_and_port_count_only_of_whom_is_believed() {
    let lines = headers(&[
        ("x-forwarded-proto", "myproto"),
        ("x-forwarded-host", "first.test:8443 , second.test"),
        ("x-forwarded-port", "1234"),
    ]);
    let read = |settings: &ClientAddress, neighbour: &str| {
        let (_, forwarded) = Rule::new(settings).read(neighbour.parse().unwrap(), None, &lines);
        let text = |value: &Option<HeaderValue>| {
            value.as_ref().map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        (forwarded.scheme(false).to_owned(), text(&forwarded.host), text(&forwarded.port))
    };
    let believed = ("myproto".to_owned(), "first.test:8443".to_owned(), "1234".to_owned());
    let not = ("http".to_owned(), String::new(), String::new());
    assert_eq!(read(&settings(&["10.0.0.0/8"]), "10.0.0.1"), believed);
    assert_eq!(read(&settings(&["10.0.0.0/8"]), "11.0.0.1"), not);
    assert_eq!(read(&ClientAddress::default(), "10.0.0.1"), not);
    let real_ip = ClientAddress { enable_real_ip: true, ..ClientAddress::default() };
    assert_eq!(read(&real_ip, "10.0.0.1"), not, "enable-real-ip is about the address alone");
    let untouched = ClientAddress { use_forwarded_headers: true, ..ClientAddress::default() };
    assert_eq!(read(&untouched, "2001:db8::1"), believed);
}

#[test]
fn a_forwarded_host_that_is_none_does_not_count() {
    for host in ["", " ", "a b", "a/b", ",a.test", "user@a.test", "a.test:99999"] {
        let lines = headers(&[("x-forwarded-host", host)]);
        let (_, forwarded) =
            Rule::new(&settings(&["10.0.0.0/8"])).read("10.0.0.1".parse().unwrap(), None, &lines);
        assert_eq!(forwarded.host, None, "{host:?}");
    }
}

#[test]
fn port_443_in_a_proxy_header_means_https() {
    let server = |port| Some(SocketAddr::from(([192, 0, 2, 1], port)));
    let rule = Rule::new(&ClientAddress::default());
    let scheme =
        |server| rule.read("10.0.0.1".parse().unwrap(), server, &HeaderMap::new()).1.scheme(false).to_owned();
    assert_eq!([scheme(server(443)), scheme(server(80)), scheme(None)], ["https", "http", "http"]);
}

#[test]
fn a_proxy_header_names_the_neighbour_only_from_whom_is_trusted() {
    let (source, server): (SocketAddr, SocketAddr) =
        ("1.2.3.4:5".parse().unwrap(), "192.0.2.1:443".parse().unwrap());
    let rule = Rule::new(&settings(&["10.0.0.0/8"]));
    let peer = |text: &str| text.parse::<SocketAddr>().unwrap();
    assert_eq!(rule.neighbour(peer("10.0.0.1:9"), source, server), (source, Some(server)));
    assert_eq!(rule.neighbour(peer("11.0.0.1:9"), source, server), (peer("11.0.0.1:9"), None));
}

proptest! {
    #[test]
    fn no_chain_makes_a_client_of_whom_only_strangers_name(chain in "[0-9a-f.:, \\[\\]]{0,200}") {
        let rule = Rule::new(&settings(&["10.0.0.0/8"]));
        let neighbour: IpAddr = "10.0.0.1".parse().unwrap();
        let (client, _) = rule.read(neighbour, None, &headers(&[("x-forwarded-for", &chain)]));
        let names: Vec<IpAddr> = chain.split([',', ' ']).filter_map(|name| address(name.as_bytes())).collect();
        let last_stranger = names.iter().rev().find(|name| !rule.trusted.contains(**name));
        // Whoever it is, it is the last stranger, or one of the trusted behind them.
        prop_assert!(client == neighbour || rule.trusted.contains(client) || Some(&client) == last_stranger);
    }
}
