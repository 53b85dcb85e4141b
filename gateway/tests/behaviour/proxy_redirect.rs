//! `proxy-redirect-from`, `proxy-redirect-to`: where clients are told that an upstream redirects to.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress, service};
use crate::support::settings::plan;

const PREFIX: &str = "nginx.ingress.kubernetes.io";

/// Location and Refresh as the client sees them.
fn seen(annotations: &[(&str, &str)], settings: &[(&str, &str)]) -> [String; 2] {
    let backend = Backend::saying(
        "HTTP/1.1 302 Found\r\nLocation: http://web.internal:8080/in/x?q=1\r\nRefresh: 5; url=http://web.internal:8080/\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let site = ingress("site").path("a.test", "Prefix", "/", "web");
    let site = annotations
        .iter()
        .fold(site, |site, (name, value)| site.annotation(&format!("{PREFIX}/{name}"), value));
    let edge = plan(documents([service("web", &[backend.address]), site.text()]), settings).start();
    let answer = edge.get("a.test", "/");
    ["location", "refresh"].map(|name| answer.header(name).unwrap_or_default().to_owned())
}

const FROM: &str = "proxy-redirect-from";
const TO: &str = "proxy-redirect-to";
const AS_SENT: [&str; 2] = ["http://web.internal:8080/in/x?q=1", "5; url=http://web.internal:8080/"];

#[test]
fn the_start_of_location_and_refresh_is_replaced() {
    let want = ["https://a.test/in/x?q=1", "5; url=https://a.test/"];
    assert_eq!(seen(&[(FROM, "http://web.internal:8080/"), (TO, "https://a.test/")], &[]), want);
    assert_eq!(seen(&[(FROM, "web.internal"), (TO, "a.test")], &[]), AS_SENT, "only the start");
    assert_eq!(seen(&[(FROM, "default"), (TO, "x")], &[]), AS_SENT);
    assert_eq!(seen(&[(FROM, "off"), (TO, "x")], &[]), AS_SENT);
    assert_eq!(seen(&[], &[]), AS_SENT);
}

#[test]
fn a_pattern_replaces_the_whole() {
    assert_eq!(
        seen(&[(FROM, "~web.internal:8080/in/"), (TO, "/here")], &[]),
        ["/here", "5; url=http://web.internal:8080/"]
    );
}

#[test]
fn the_config_map_fills_in_what_annotations_leave_out() {
    let settings = [(FROM, "http://web.internal:8080"), (TO, "https://$host")];
    assert_eq!(seen(&[], &settings)[0], "https://a.test/in/x?q=1");
    assert_eq!(seen(&[(TO, "https://own.test")], &settings)[0], "https://own.test/in/x?q=1");
    assert_eq!(seen(&[(FROM, "off")], &settings), AS_SENT);
}

#[test]
fn redirects_of_the_gateway_itself_stay() {
    let backend = Backend::named("web");
    let text = documents([
        service("web", &[backend.address]),
        ingress("site")
            .annotation(&format!("{PREFIX}/permanent-redirect"), "http://b.test/")
            .annotation(&format!("{PREFIX}/{FROM}"), "http://b.test/")
            .annotation(&format!("{PREFIX}/{TO}"), "http://c.test/")
            .path("a.test", "Prefix", "/", "web")
            .text(),
    ]);
    assert_eq!(Edge::with(text).get("a.test", "/").header("location"), Some("http://b.test/"));
}
