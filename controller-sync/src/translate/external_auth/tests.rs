use super::*;
use proptest::prelude::*;

fn upstream(namespace: &str, service: &str, port: u16, host: &str, tls: bool) -> AuthService {
    let id = UpstreamId {
        namespace: namespace.to_owned(),
        service: service.to_owned(),
        port: ServicePort::Number(port),
    };
    AuthService::Upstream { id, host: host.to_owned(), tls }
}

fn service_of(text: &str) -> Parsed<AuthService> {
    url(text, Some("shop")).map(|(service, _)| service)
}

#[test]
fn names_of_the_cluster_are_services_and_all_others_are_hosts_outside() {
    for (text, want) in [
        (
            "http://proxy.auth.svc.cluster.local/check",
            upstream("auth", "proxy", 80, "proxy.auth.svc.cluster.local", false),
        ),
        ("HTTPS://proxy.auth.svc:4180", upstream("auth", "proxy", 4180, "proxy.auth.svc", true)),
        ("http://proxy.$namespace.svc", upstream("shop", "proxy", 80, "proxy.shop.svc", false)),
        ("https://Login.Example.com./x", upstream("", "login.example.com", 443, "login.example.com", true)),
        ("http://10.0.0.7:8080?x=1", upstream("", "10.0.0.7", 8080, "10.0.0.7", false)),
        ("http://proxy.auth/x", upstream("", "proxy.auth", 80, "proxy.auth", false)),
        ("http://a.b.proxy.auth.svc/x", upstream("", "a.b.proxy.auth.svc", 80, "a.b.proxy.auth.svc", false)),
    ] {
        assert_eq!(service_of(text), Ok(want), "{text}");
    }
}

#[test]
fn the_clients_own_host_is_the_only_variable_in_place_of_a_host() {
    for text in
        ["https://$host/oauth2/auth", "http://$http_host/x", "https://$best_http_host", "https://$host:443/x"]
    {
        assert_eq!(service_of(text), Ok(AuthService::ClientHost), "{text}");
    }
    for text in [
        "https://$arg_who/x",
        "https://$http_x_forwarded_host/x",
        "https://$host.evil.test/x",
        "https://auth.$host/x",
        "https://$host:8443/x",
        "https://$service_name.shop.svc/x",
        "https://$request_uri",
        "$scheme://auth.test/x",
    ] {
        let invalid = service_of(text).expect_err(text);
        assert!(
            invalid.message.contains("client") || invalid.message.contains("http://"),
            "{text}: {invalid:?}"
        );
    }
    assert!(url("http://proxy.$namespace.svc", None).is_err(), "the ConfigMap has no namespace to fill in");
}

#[test]
fn what_is_no_url_is_refused() {
    for text in [
        "",
        "auth.test/x",
        "ftp://auth.test",
        "http://",
        "http:///x",
        "http://a..b/",
        "http://auth.test:0/",
        "http://auth.test:99999/",
        "http://auth.test:+80/",
        "http://auth.test:80:80/",
        "http://user@auth.test/",
        "http://auth.test/a b",
        "http://auth.test/\nx",
        "http://auth.test/#x",
        "http://auth.test/$1",
        "http://auth.test/$nobody_knows",
        "http://auth.test/;evil{",
    ] {
        assert!(url(text, Some("shop")).is_err(), "{text:?}");
    }
}

#[test]
fn a_target_is_what_stands_behind_the_host() {
    for (text, want) in [
        ("http://a.test", "/"),
        ("http://a.test?x=$arg_y", "/?x=$arg_y"),
        ("http://a.test/x?y=$request_uri", "/x?y=$request_uri"),
    ] {
        assert_eq!(url(text, None).unwrap().1.as_str(), want);
    }
}

#[test]
fn the_way_back_is_added_unless_it_is_there() {
    const BACK: &str = "$pass_access_scheme://$http_host$escaped_request_uri";
    for (text, param, want) in [
        ("https://a.test/in", "rd", format!("https://a.test/in?rd={BACK}")),
        ("https://a.test/in?x=1", "rd", format!("https://a.test/in?x=1&rd={BACK}")),
        ("https://$host/in?rd=$escaped_request_uri", "rd", "https://$host/in?rd=$escaped_request_uri".into()),
        ("https://a.test/in?rd=", "rd", format!("https://a.test/in?rd=&rd={BACK}")),
        ("https://a.test/in?rd=x", "back", format!("https://a.test/in?rd=x&back={BACK}")),
        ("/in?", "rd", format!("/in?rd={BACK}")),
    ] {
        assert_eq!(signin(text, param).unwrap().as_str(), want, "{text}");
    }
    for text in
        ["https://a.test/%2F", "https://a.test/$nobody", "https://a.test/\r\nX: y", "https://a.test/$1"]
    {
        assert!(signin(text, "rd").is_err(), "{text:?}");
    }
}

#[test]
fn framing_is_not_taken_from_an_answer() {
    assert_eq!(response_headers("X-User, x-user,X-Email,").unwrap(), ["x-user", "x-email"]);
    for text in ["Content-Length", "X-User,Transfer-Encoding", "Host", "connection", "X User", "", ",", "X:Y"]
    {
        assert!(response_headers(text).is_err(), "{text:?}");
    }
}

#[test]
fn durations_are_statuses_and_a_time() {
    let of = |list: &[(Option<u16>, u32)]| -> Vec<AuthDuration> {
        list.iter().map(|(status, seconds)| AuthDuration { status: *status, seconds: *seconds }).collect()
    };
    assert_eq!(durations(DURATIONS), Ok(of(&[(Some(200), 300), (Some(202), 300), (Some(401), 300)])));
    assert_eq!(durations("200 5m, any 10s"), Ok(of(&[(Some(200), 300), (None, 10)])));
    assert_eq!(durations("1h"), Ok(of(&[(Some(200), 3600)])));
    for text in
        ["", "200", "5x", "200 5m 401", "2000 5m", "abc 5m", "+200 5m", "99 1s", &"200 1s,".repeat(40)]
    {
        // "200" alone is a duration of 200 seconds, as nginx reads it.
        assert_eq!(durations(text).is_err(), text != "200", "{text:.20?}");
    }
}

#[test]
fn methods_are_a_closed_set() {
    assert_eq!(method("POST"), Ok(AuthMethod::Post));
    for text in ["", "post", "CONNECT", "GET\r\nX: y", "GET;", "PROPFIND"] {
        assert!(method(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_variable_ever_reaches_the_name_of_a_host(authority in "[a-z$.:_0-9{}-]{0,24}", tail in "(/[a-z$?=&]{0,8})?") {
        match service_of(&format!("http://{authority}{tail}")) {
            Ok(AuthService::Upstream { id, host, .. }) => {
                prop_assert!(!host.contains('$') && !id.service.contains('$'), "{host}");
                prop_assert!(!id.service.is_empty() && !id.namespace.contains('$'));
            }
            Ok(AuthService::ClientHost) => prop_assert!(authority.starts_with('$')),
            Err(_) => {}
        }
    }
}
