//! Patterns against what ingress-nginx makes of the same paths.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn pattern(path: &str) -> Result<PathPattern, InvalidPattern> {
    PathPattern::new(&PathValue::new(path).unwrap())
}

fn matches(path: &str, request: &str) -> bool {
    pattern(path).unwrap().is_match(request.as_bytes())
}

#[test]
fn a_path_is_anchored_at_its_start_open_at_its_end_and_blind_to_case() {
    for (path, request, want) in [
        ("/foo", "/foo", true),
        ("/foo", "/FOObar", true),
        ("/foo", "/x/foo", false),
        ("/foo", "/fo", false),
        ("/foo/bar/[a-z]{3}", "/foo/bar/XYZ/and/more", true),
        ("/foo/bar/[a-z]{3}", "/foo/bar/ab", false),
        ("/a.c", "/abc", true),
        ("/a\\.c", "/abc", false),
        ("/a\\.c", "/A.C", true),
        ("/(foo|bar)/x$", "/BAR/x", true),
        ("/(foo|bar)/x$", "/bar/xy", false),
        ("/fo*", "/f", true),
        ("/foo?", "/fo", true),
        ("/foo{0}x", "/fox", true),
        ("/users/{id}/x", "/users/{ID}/xyz", true),
        ("/users/{id}/x", "/users/7/x", false),
        ("/{2}", "/{2}", false),
        // Only the first branch of a bare alternation is anchored: `^/foo|/bar`.
        ("/foo|/bar", "/x/bar", true),
        ("/foo|/bar", "/x/foo", false),
        ("/ü", "/üx", true),
        ("/", "/anything", true),
    ] {
        assert_eq!(matches(path, request), want, "{path} {request}");
    }
}

#[test]
fn what_cannot_be_matched_in_linear_time_is_named() {
    for path in ["/(?!admin)", "/(?=a)b", "/a(?<!b)c", "/a(?<=b)"] {
        assert_eq!(pattern(path).unwrap_err(), InvalidPattern::LookAround, "{path}");
    }
    assert_eq!(pattern("/(a)\\1").unwrap_err(), InvalidPattern::BackReference);
    assert_eq!(pattern("/[a-z]{1,1000}{1,1000}").unwrap_err(), InvalidPattern::TooLarge);
    for path in ["/(", "/[a", "/a)", "/\\", "/*?*+[", "/(?P<n>a)(?P<n>b)"] {
        let error = pattern(path).unwrap_err();
        assert!(matches!(error, InvalidPattern::Syntax(_)), "{path}: {error}");
        assert!(error.to_string().len() < 200 && !error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn groups_are_those_of_the_first_match_anywhere() {
    let groups = |path: &str, request: &'static str| {
        let groups = pattern(path).unwrap().groups(request.as_bytes());
        (1..=3).map(|group| std::str::from_utf8(groups.get(group)).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(groups("/something(/|$)(.*)", "/something"), ["", "", ""]);
    assert_eq!(groups("/something(/|$)(.*)", "/Something/new/x"), ["/", "new/x", ""]);
    assert_eq!(groups("/a(b)?(c)", "/ac"), ["", "c", ""]);
    assert_eq!(groups("/plain", "/plain/x"), ["", "", ""]);
    // The rewrite searches without the anchor that made the location match.
    assert_eq!(groups("/a(.)|/b(.)", "/xx/a1/b2"), ["1", "", ""]);
}

#[test]
fn ordinary_patterns_are_far_below_the_limit() {
    for path in [
        "/api/v[0-9]+/(users|orders)/([a-z0-9-]{1,63})(/.*)?",
        "/[^/]+/[^/]+/(.*)\\.(jpe?g|png|gif|css|js|woff2?)$",
        "/(\\w+)/(\\w+)/(\\w+)/(\\d{4})-(\\d{2})-(\\d{2})",
        "/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ] {
        assert!(pattern(path).is_ok(), "{path}");
    }
    assert!(pattern(&format!("/{}", "a".repeat(4095))).is_ok(), "a plain path needs no engine");
}

#[test]
fn a_hostile_pattern_on_a_long_path_costs_linear_time() {
    let hostile = ["/(a|a|a|aa)*b", "/(a*)*(a*)*b", "/(.*)(.*)(.*)(.*)b", "/((a|b)*a(a|b){12})*c"];
    for path in hostile {
        let pattern = pattern(path).unwrap();
        let time = |length: usize| {
            let request = format!("/{}", "a".repeat(length));
            (0..5)
                .map(|_| {
                    let started = Instant::now();
                    assert!(!pattern.is_match(request.as_bytes()));
                    let _ = pattern.groups(request.as_bytes()).get(1);
                    started.elapsed()
                })
                .min()
                .unwrap()
        };
        let (short, long) = (time(1_000), time(8_000));
        // Eight times the length: far from 64 times the time, which a quadratic engine would take.
        assert!(long < short * 32 + Duration::from_millis(2), "{path}: {short:?} became {long:?}");
    }
}

#[test]
fn a_host_pattern_is_checked_when_it_travels() {
    let bytes = postcard::to_stdvec(&"(?!x)".to_owned()).unwrap();
    assert!(postcard::from_bytes::<HostPattern>(&bytes).is_err());
    let pattern = HostPattern::new(r"^shop\d{1,3}\.test$").unwrap();
    let regex = pattern.compile().unwrap();
    assert!(regex.is_match(b"SHOP12.test") && !regex.is_match(b"shop1234.test"));
    let bytes = postcard::to_stdvec(&pattern).unwrap();
    assert_eq!(postcard::from_bytes::<HostPattern>(&bytes).unwrap(), pattern);
}

proptest! {
    #[test]
    fn the_literal_start_changes_no_answer(
        path in r"/[ab./]{0,3}(\(a\|b\)|a\*|b\?|\[ab\]|\||\\\.|a\{2\}|\{b\}|[ab]|\^|\$){0,4}",
        request in "/[abAB./{}]{0,8}",
    ) {
        let Ok(pattern) = pattern(&path) else { return Ok(()) };
        let naive = compile(&format!("^{}", with_literal_braces(&path)));
        if let Ok(naive) = naive {
            prop_assert_eq!(pattern.is_match(request.as_bytes()), naive.is_match(request.as_bytes()), "{} {}", path, request);
        }
    }

    #[test]
    fn no_text_breaks_the_parser(path in "/[ -~]{0,40}") {
        if let Ok(value) = PathValue::new(&path) {
            let _ = PathPattern::new(&value).map(|pattern| pattern.is_match(path.as_bytes()));
        }
        let _ = HostPattern::new(&path);
    }
}
