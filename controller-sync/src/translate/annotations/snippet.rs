//! Snippets: text in nginx' language, which Ingora never executes. What is in one is looked at, so that its author can be
//! told what says the same as data.

use super::refused::refused;
use super::table::{Guards, OnBad, Risk, Row, Scope};
use directive::Directive;
use std::fmt::Write as _;

mod directive;
mod proposal;

/// The most directives that one hint speaks of.
const MAX_PROPOSALS: usize = 12;

const WHY: &str = "nginx directives are not executed";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "auth-snippet",
        "snippet",
        Scope::Location,
        Risk::Critical,
        OnBad::Ignore,
        refused(
            Guards::Whole,
            WHY,
            "auth-proxy-set-headers, auth-response-headers and auth-method say the same as data",
        ),
    ),
    Row::new(
        "configuration-snippet",
        "snippet",
        Scope::Location,
        Risk::Critical,
        OnBad::Ignore,
        refused(
            Guards::Whole,
            WHY,
            "custom-headers, the rewrite, redirect and CORS annotations say most of it as data; ingora check proposes what fits",
        ),
    ),
    Row::new(
        "server-snippet",
        "snippet",
        Scope::Ingress,
        Risk::Critical,
        OnBad::Ignore,
        refused(
            Guards::Whole,
            WHY,
            "app-root, server-alias, the redirect annotations and the ConfigMap say most of it as data; ingora check proposes what fits",
        ),
    ),
    Row::new(
        "stream-snippet",
        "snippet",
        Scope::Ingress,
        Risk::Critical,
        OnBad::Ignore,
        refused(Guards::Whole, WHY, "expose TCP services with a Service of their own"),
    ),
];

/// What to write instead of the directives of a snippet, directive by directive; `None` when none of them is known.
pub(in crate::translate) fn advice(text: &str) -> Option<String> {
    let directives = directive::read(text);
    let mut advice = String::new();
    let mut unknown = Vec::new();
    let mut count = 0;
    for directive in &directives {
        let Some(proposal) = proposal::of(directive) else {
            unknown.push(name(directive));
            continue;
        };
        count += 1;
        if count <= MAX_PROPOSALS {
            let separator = if advice.is_empty() { "" } else { "; " };
            let _ = write!(advice, "{separator}instead of {}: {proposal}", name(directive));
        }
    }
    if count == 0 {
        return None;
    }
    if count > MAX_PROPOSALS {
        let _ = write!(advice, "; {} directives more can be replaced", count - MAX_PROPOSALS);
    }
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        unknown.truncate(MAX_PROPOSALS);
        let _ = write!(advice, "; nothing replaces {}", unknown.join(", "));
    }
    Some(advice)
}

fn name(directive: &Directive) -> String {
    let name: String = directive.name.chars().take(40).collect();
    name.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::advice;

    fn of(text: &str) -> String {
        advice(text).unwrap_or_default()
    }

    #[test]
    fn the_snippets_people_carry_have_a_proposal() {
        let cases = [
            (
                "more_set_headers \"X-Frame-Options: DENY\";",
                "custom-headers: a ConfigMap with \"X-Frame-Options\": \"DENY\"",
            ),
            (
                "add_header Cache-Control 'no-store' always;",
                "custom-headers: a ConfigMap with \"Cache-Control\": \"no-store\"",
            ),
            ("add_header Access-Control-Allow-Origin *;", "enable-cors"),
            ("add_header Strict-Transport-Security max-age=1;", "hsts"),
            (
                "proxy_set_header X-Tenant $http_x_tenant;",
                "proxy-set-headers with \"X-Tenant\": \"$http_x_tenant\"",
            ),
            ("proxy_set_header Host backend.example;", "upstream-vhost: \"backend.example\""),
            ("proxy_set_header Upgrade $http_upgrade;", "WebSockets pass by themselves"),
            ("more_clear_headers Server;", "hide-headers"),
            (
                "return 301 https://new.example$request_uri;",
                "permanent-redirect: \"https://new.example$request_uri\"",
            ),
            ("return 403;", "denylist-source-range"),
            ("deny 192.0.2.0/24;", "denylist-source-range: \"192.0.2.0/24\""),
            ("allow 10.0.0.0/8; deny all;", "allowlist-source-range: \"10.0.0.0/8\""),
            ("if ($http_user_agent ~* bot) { return 403; }", "block-user-agents"),
            ("if ($http_x_version = 2) { set $x 1; }", "canary-by-header"),
            ("if ($scheme = http) { return 301 https://$host$request_uri; }", "force-ssl-redirect"),
            (
                "rewrite ^/old/(.*)$ /new/$1 break;",
                "a path \"/old/(.*)\" and the annotation rewrite-target: \"/new/$1\"",
            ),
            ("rewrite ^/a$ /b permanent;", "permanent-redirect on a path \"/a\": \"/b\""),
            ("proxy_read_timeout 600s;", "proxy-read-timeout: \"600\""),
            ("client_max_body_size 50m;", "proxy-body-size: \"50m\""),
            ("gzip on;", "use-gzip"),
            ("location /internal { deny all; }", "a path \"/internal\" of its own"),
        ];
        for (snippet, expected) in cases {
            assert!(of(snippet).contains(expected), "{snippet}: {}", of(snippet));
        }
    }

    #[test]
    fn what_nothing_replaces_is_named_and_everything_is_bounded() {
        let text = of("sub_filter a b; add_header X y; lua_code_cache off; sub_filter c d;");
        assert!(text.ends_with("nothing replaces lua_code_cache, sub_filter"), "{text}");
        assert_eq!(advice("sub_filter a b;"), None);
        assert_eq!(advice(""), None);
        let long = format!("add_header X {};", "y".repeat(10_000)).repeat(100);
        assert!(of(&long).len() < 4096);
        assert!(!of("add_header \u{1b}[31m\u{202e} x;").contains(['\u{1b}', '\u{202e}']));
    }
}
