use super::*;
use proptest::prelude::*;

fn wildcard(scheme: &str, suffix: &str) -> CorsOrigin {
    CorsOrigin::Wildcard { scheme: scheme.into(), suffix: suffix.into() }
}

fn cors(origins: AllowedOrigins) -> policy::Cors {
    policy::Cors {
        origins,
        allow_methods: "GET, PUT".into(),
        allow_headers: "X-One".into(),
        allow_credentials: true,
        expose_headers: None,
        max_age: 5,
    }
}

fn listed(origins: &[CorsOrigin]) -> Cors {
    Cors::compile(&cors(AllowedOrigins::Listed(origins.to_vec()))).unwrap()
}

fn request(method: &str, origins: &[&str]) -> RequestHeader {
    let mut request = RequestHeader::build(method, b"/", None).unwrap();
    for origin in origins {
        request.append_header(ORIGIN, *origin).unwrap();
    }
    request
}

/// The headers of an answer that came with `upstream`.
fn answered(
    cors: &Cors,
    request: &RequestHeader,
    upstream: &[(&'static str, &str)],
) -> Vec<(String, String)> {
    let mut response = ResponseHeader::build(200, None).unwrap();
    for (name, value) in upstream {
        response.append_header(*name, *value).unwrap();
    }
    cors.respond(request, &mut response).unwrap();
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let mut lines: Vec<_> =
        response.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    lines.sort();
    lines
}

fn lines(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn an_allowed_origin_gets_our_headers_in_place_of_the_upstreams() {
    let cors = listed(&[CorsOrigin::Exact("https://a.test".into())]);
    let upstream =
        [("access-control-allow-origin", "*"), ("access-control-allow-methods", "TRACE"), ("vary", "Accept")];
    assert_eq!(
        answered(&cors, &request("GET", &["HTTPS://A.test"]), &upstream),
        lines(&[
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "X-One"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-origin", "HTTPS://A.test"),
            ("access-control-max-age", "5"),
            ("vary", "Accept"),
            ("vary", "Origin"),
        ])
    );
}

#[test]
fn another_origin_sees_the_upstreams_headers_alone() {
    let cors = listed(&[CorsOrigin::Exact("https://a.test".into())]);
    let upstream = [("access-control-allow-origin", "https://b.test"), ("vary", "accept, ORIGIN")];
    for origins in [&["https://b.test"][..], &[], &["https://a.test", "https://a.test"]] {
        assert_eq!(answered(&cors, &request("GET", origins), &upstream), lines(&upstream), "{origins:?}");
        assert!(cors.preflight(&request("OPTIONS", origins)).is_ok(), "{origins:?}");
    }
}

#[test]
fn any_origin_is_a_literal_star_even_without_one() {
    let cors = Cors::compile(&cors(AllowedOrigins::Any)).unwrap();
    let told = answered(&cors, &request("GET", &[]), &[]);
    assert!(told.contains(&("access-control-allow-origin".to_owned(), "*".to_owned())), "{told:?}");
    assert!(told.iter().all(|(name, _)| name != "vary"), "one answer for all: {told:?}");
}

#[test]
fn credentials_that_are_off_are_off_for_the_upstream_too() {
    let off = policy::Cors { allow_credentials: false, ..cors(AllowedOrigins::Any) };
    let told = answered(
        &Cors::compile(&off).unwrap(),
        &request("GET", &["null"]),
        &[("access-control-allow-credentials", "true")],
    );
    assert!(told.iter().all(|(name, _)| name != "access-control-allow-credentials"), "{told:?}");
}

#[test]
fn a_preflight_is_an_empty_204() {
    let cors = listed(&[wildcard("https://", ".a.test")]);
    let answer = cors.preflight(&request("OPTIONS", &["https://x.a.test"])).unwrap_err();
    assert_eq!((answer.status, answer.page, answer.close), (204, false, false));
    assert!(cors.preflight(&request("GET", &["https://x.a.test"])).is_ok());
}

#[test]
fn values_that_are_no_header_values_make_no_cors() {
    let evil = |change: fn(&mut policy::Cors)| {
        let mut cors = cors(AllowedOrigins::Any);
        change(&mut cors);
        Cors::compile(&cors).is_err()
    };
    assert!(evil(|cors| cors.allow_methods = "GET\r\nX-Evil: 1".into()));
    assert!(evil(|cors| cors.allow_headers = "X\n".into()));
    assert!(evil(|cors| cors.expose_headers = Some("X\0".into())));
}

#[test]
fn wildcards_stand_for_exactly_one_label() {
    let allowed = wildcard("https://", ".a.test:8443");
    for (origin, want) in [
        ("https://x.a.test:8443", true),
        ("https://X-1.A.TEST:8443", true),
        ("https://.a.test:8443", false),
        ("https://x.y.a.test:8443", false),
        ("https://x.a.test", false),
        ("https://x.a.test:8443/", false),
        ("xhttps://x.a.test:8443", false),
        ("https://a.test:8443", false),
        ("https://evil.test/.a.test:8443", false),
        ("https://u@x.a.test:8443", false),
        (".a.test:8443", false),
        ("", false),
    ] {
        assert_eq!(is(&allowed, origin.as_bytes()), want, "{origin}");
    }
}

/// What `is` means, said as plainly as possible.
fn naive(allowed: &CorsOrigin, origin: &str) -> bool {
    let origin = origin.to_ascii_lowercase();
    match allowed {
        CorsOrigin::Exact(text) => origin == *text,
        CorsOrigin::Wildcard { scheme, suffix } => {
            let label =
                origin.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_suffix(suffix.as_str()));
            label.is_some_and(|label| {
                !label.is_empty() && label.chars().all(|c| c == '-' || c.is_ascii_alphanumeric())
            })
        }
    }
}

proptest! {
    #[test]
    fn origins_are_matched_as_the_naive_oracle_does(
        wild: bool,
        host in "[ab.-]{0,4}",
        port in prop::sample::select(vec!["", ":8", ":80"]),
        origin in "x?(HTTPS?|https?)?(://)?[abAB.*-]{0,5}(:8|:80)?",
    ) {
        let allowed = if wild { wildcard("https://", &format!(".{host}{port}")) }
            else { CorsOrigin::Exact(format!("https://{host}{port}")) };
        prop_assert_eq!(is(&allowed, origin.as_bytes()), naive(&allowed, &origin));
        // One that is meant to match, and its neighbours.
        let label = if wild { "b." } else { "" };
        for near in [format!("https://{label}{host}{port}"), format!("https://{label}{host}{port}0"), format!("https://b{label}{host}")] {
            prop_assert_eq!(is(&allowed, near.as_bytes()), naive(&allowed, &near), "{}", near);
        }
    }
}
