//! Cookies as text.

use super::*;

fn policy(change: impl FnOnce(&mut SessionCookie)) -> policy::Affinity {
    let mut cookie = SessionCookie {
        name: "INGRESSCOOKIE".into(),
        secure: false,
        path: None,
        domain: None,
        same_site: None,
        conditional_same_site_none: false,
        expires: None,
        max_age: None,
    };
    change(&mut cookie);
    policy::Affinity { mode: AffinityMode::Balanced, change_on_failure: false, cookie }
}

const PLACE: &Tag = b"0123456789abcdef0123456789abcdef";
const GROUP: &Tag = b"ffffffffffffffffffffffffffffffff";
const VALUE: &str = "INGRESSCOOKIE=0123456789abcdef0123456789abcdef|ffffffffffffffffffffffffffffffff";

fn written(path: &str, tls: bool, change: impl FnOnce(&mut SessionCookie)) -> String {
    let affinity = Affinity::compile(&policy(change), path);
    let request = RequestHeader::build("GET", b"/", None).unwrap();
    let ctx = Context { tls, ..Context::new() };
    affinity.write(PLACE, GROUP, &request, &ctx)
}

#[test]
fn attributes_come_in_the_order_of_the_original() {
    assert_eq!(written("/", false, |_| {}), format!("{VALUE}; Path=/; HttpOnly"));
    assert_eq!(written("/shop", true, |_| {}), format!("{VALUE}; Path=/shop; Secure; HttpOnly"));
    let all = written("/shop", false, |cookie| {
        cookie.secure = true;
        cookie.path = Some("/own".into());
        cookie.domain = Some("example.com".into());
        cookie.same_site = Some("Lax".into());
        cookie.max_age = Some(-5);
        cookie.expires = Some(i64::from(i32::MIN));
    });
    let want = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=-5; Domain=example.com; Path=/own; Secure; HttpOnly; SameSite=Lax";
    assert_eq!(all, format!("{VALUE}{want}"));
}

#[test]
fn an_expiry_is_counted_from_now() {
    let text = written("/", false, |cookie| cookie.expires = Some(3600));
    let date = text.split("; ").find_map(|attribute| attribute.strip_prefix("Expires=")).unwrap();
    let left = httpdate::parse_http_date(date).unwrap().duration_since(SystemTime::now()).unwrap();
    assert!((3500..=3600).contains(&left.as_secs()), "{text}");
}

#[test]
fn a_path_is_plain_and_ends_no_attribute() {
    for (path, want) in [
        ("/", "/"),
        ("/shop", "/shop"),
        ("/something(/|$)(.*)", "/"),
        ("/a/b[0-9]+/c", "/a/"),
        ("/a;Domain=x", "/"),
        ("/ünï", "/%C3%BCn%C3%AF"),
    ] {
        assert_eq!(cookie_path(path), want, "{path}");
    }
}

#[test]
fn places_are_read_of_any_cookie_of_the_name_and_of_the_group_alone() {
    let affinity = Affinity::compile(&policy(|_| {}), "/");
    let place = |lines: &[String]| {
        let mut headers = HeaderMap::new();
        lines.iter().for_each(|line| _ = headers.append(COOKIE, line.parse().unwrap()));
        affinity.place(&headers, GROUP)
    };
    let other = VALUE.replace('f', "e");
    assert_eq!(place(&[VALUE.into()]), Some(*PLACE));
    assert_eq!(place(&[format!("a=b;{VALUE} ;c=d")]), Some(*PLACE));
    assert_eq!(place(&["a=b".into(), format!("{other}; {VALUE}")]), Some(*PLACE));
    for nothing in
        [other, format!("X{VALUE}"), VALUE.to_lowercase(), format!("{VALUE}0"), "INGRESSCOOKIE=".into()]
    {
        assert_eq!(place(std::slice::from_ref(&nothing)), None, "{nothing}");
    }
}

#[test]
fn a_browser_that_misreads_none_is_not_told_it() {
    let write = |same_site: &str, conditional| {
        let policy = policy(|cookie| {
            cookie.same_site = Some(same_site.into());
            cookie.conditional_same_site_none = conditional;
        });
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        let agent = "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.1.2 Safari/537.36";
        request.insert_header(USER_AGENT, agent).unwrap();
        Affinity::compile(&policy, "/").write(PLACE, GROUP, &request, &Context::new())
    };
    assert!(write("None", false).ends_with("; SameSite=None"));
    assert!(write("None", true).ends_with("; HttpOnly"));
    assert!(
        write("none", true).ends_with("; SameSite=none"),
        "as in the original only this spelling is conditional"
    );
    assert!(write("Strict", true).ends_with("; SameSite=Strict"));
}
