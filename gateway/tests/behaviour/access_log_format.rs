//! What is logged and in which form, by the keys of the ConfigMap, each changed while both programs run.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::site;
use crate::support::until;
use serde_json::json;

const FORMAT: &str = "custom $remote_addr|$host|$request_method|$request_uri|$status|$http_referer|$http_x_odd|\
    $namespace/$ingress_name/$service_name:$service_port|$upstream_status|$sent_http_x_version|$http_none";

fn edge(backend: &Backend) -> Edge {
    Edge::configured(site("a.test", "web", backend.address), &[])
}

fn talkative() -> Backend {
    Backend::saying("HTTP/1.1 200 OK\r\nX-Version: 7\r\nContent-Length: 2\r\n\r\nok")
}

/// Waits for a line of the log that has a text.
#[track_caller]
fn line(edge: &Edge, wanted: &str) -> String {
    let mut found = None;
    until(&format!("a line with {wanted}"), || {
        let log = edge.gateway.log();
        found = log.lines().find(|line| line.contains(wanted)).map(str::to_owned);
        found.is_some()
    });
    found.unwrap()
}

fn ask(edge: &Edge, target: &str) {
    let mut connection = Connection::open(edge.http).unwrap();
    let odd = "a\"b\u{e4}";
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: a.test\r\nReferer: http://r.test/x?token=secret\r\nX-Odd: {odd}\r\n\r\n"
    );
    connection.send(head).unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
}

#[test]
fn a_format_of_ones_own_shows_what_it_names_and_no_query() {
    let backend = talkative();
    let edge = edge(&backend);
    edge.configure(&[("log-format-upstream", FORMAT)], "/access_log/format/escape", "Default");
    ask(&edge, "/one?token=secret");
    assert_eq!(
        line(&edge, "|/one|"),
        "custom 127.0.0.1|a.test|GET|/one|200|http://r.test/x|a\\x22b\\xC3\\xA4|test/web/web:80|200|7|-"
    );
    let json = [
        (
            "log-format-upstream",
            "{\"at\":\"$request_uri\",\"odd\":\"$http_x_odd\",\"none\":\"$http_none\",\"status\":$status}",
        ),
        ("log-format-escape-json", "true"),
    ];
    edge.configure(&json, "/access_log/format/escape", "Json");
    ask(&edge, "/two?token=secret");
    let parsed: serde_json::Value = serde_json::from_str(&line(&edge, "/two")).unwrap();
    assert_eq!(parsed, json!({"at": "/two", "odd": "a\"b\u{e4}", "none": "", "status": 200}));
    let none = [
        ("log-format-upstream", "raw $request_uri $http_x_odd"),
        ("log-format-escape-none", "true"),
        ("log-format-escape-json", "true"),
    ];
    edge.configure(&none, "/access_log/format/escape", "None");
    ask(&edge, "/three");
    assert_eq!(line(&edge, "/three"), "raw /three a\"b\u{e4}");
    edge.configure(&[], "/access_log/format", serde_json::Value::Null);
    ask(&edge, "/four");
    assert_eq!(edge.logged("/four")["status"], 200, "the flag's own form is back");
    assert!(!edge.gateway.log().contains("secret"));
}

#[test]
fn a_format_with_an_unknown_variable_is_told_and_ignored() {
    let backend = talkative();
    let edge = edge(&backend);
    edge.configure(&[("log-format-upstream", "$remote_adr"), ("keep-alive", "9")], "/client/keep_alive", 9);
    until("it is told", || edge.sync.log().contains("did you mean $remote_addr?"));
    ask(&edge, "/plain");
    assert_eq!(edge.logged("/plain")["status"], 200);
}

#[test]
fn what_is_not_wanted_is_not_logged() {
    let backend = talkative();
    let edge = edge(&backend);
    let skip = [
        ("skip-access-log-urls", "/skipped,~^/static/,~*ICON"),
        ("enable-access-log-for-default-backend", "false"),
    ];
    edge.configure(&skip, "/access_log/default_backend", false);
    for target in ["/skipped", "/static/a", "/favicon.png"] {
        ask(&edge, target);
    }
    assert_eq!(edge.get("nobody.test", "/unrouted").status, 404);
    ask(&edge, "/last-of-the-first");
    edge.logged("/last-of-the-first");
    edge.configure(&[("disable-access-log", "true")], "/access_log/enabled", false);
    ask(&edge, "/silent");
    edge.configure(&[], "/access_log/enabled", true);
    assert_eq!(edge.get("nobody.test", "/unrouted-again").status, 404);
    edge.logged("/unrouted-again");
    ask(&edge, "/last");
    edge.logged("/last");
    let log = edge.gateway.log();
    for path in ["\"/skipped", "/static", "/favicon", "\"/unrouted\"", "/silent"] {
        assert!(!log.contains(path), "{path}");
    }
}
