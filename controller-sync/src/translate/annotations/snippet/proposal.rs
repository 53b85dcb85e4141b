//! Which annotation, key or object says the same as a directive of nginx.

use super::directive::Directive;

/// What to write instead of a directive; `None` where Ingora has nothing for it.
pub(super) fn of(directive: &Directive) -> Option<String> {
    let first = directive.word(0);
    let text = match directive.name.as_str() {
        "more_set_headers" | "add_header" => return response_header(directive),
        "more_clear_headers" | "proxy_hide_header" | "grpc_hide_header" => {
            format!("the ConfigMap's hide-headers: {}", shown(first))
        }
        "proxy_set_header" | "grpc_set_header" | "more_set_input_headers" => {
            return request_header(directive);
        }
        "return" => return returned(directive),
        "rewrite" => rewritten(directive),
        "if" => return condition(directive),
        "deny" if first == "all" => {
            "the annotation allowlist-source-range with the networks of its allow lines".into()
        }
        "deny" => format!("the annotation denylist-source-range: {}", shown(first)),
        "allow" => format!("the annotation allowlist-source-range: {}", shown(first)),
        "location" => format!(
            "a path {} of its own in an Ingress",
            shown(directive.words.last().map_or("", |word| word))
        ),
        "access_log" if first == "off" => "the annotation enable-access-log: \"false\"".into(),
        "error_page" => "the annotations custom-http-errors and default-backend".into(),
        "proxy_redirect" => "the annotations proxy-redirect-from and proxy-redirect-to".into(),
        "proxy_pass" => "the Ingress' backend: a Service, of type ExternalName for a host outside".into(),
        "auth_basic" | "auth_basic_user_file" => "the annotations auth-type and auth-secret".into(),
        "auth_request" | "auth_request_set" => "the annotations auth-url and auth-response-headers".into(),
        "limit_req" | "limit_req_zone" => "the annotation limit-rps or limit-rpm".into(),
        "limit_conn" | "limit_conn_zone" => "the annotation limit-connections".into(),
        "mirror" => "the annotation mirror-target".into(),
        "ssl_client_certificate" | "ssl_verify_client" | "ssl_verify_depth" => {
            "the annotations auth-tls-secret, auth-tls-verify-client and auth-tls-verify-depth".into()
        }
        "server_name" => format!("the annotation server-alias: {}", shown(first)),
        "set_real_ip_from" => format!("the ConfigMap's proxy-real-ip-cidr: {}", shown(first)),
        "real_ip_header" => "the ConfigMap's enable-real-ip and forwarded-for-header".into(),
        "server_tokens"
        | "underscores_in_headers"
        | "ignore_invalid_headers"
        | "keepalive_timeout"
        | "keepalive_requests"
        | "client_header_timeout"
        | "client_body_timeout"
        | "client_header_buffer_size"
        | "large_client_header_buffers"
        | "gzip"
        | "gzip_types"
        | "gzip_comp_level"
        | "gzip_min_length"
        | "brotli"
        | "brotli_types"
        | "ssl_protocols"
        | "ssl_session_cache"
        | "ssl_session_timeout"
        | "ssl_session_tickets"
        | "ssl_buffer_size"
        | "ssl_ecdh_curve" => {
            format!("the ConfigMap's {}: {}", key(&directive.name), shown(first))
        }
        "expires" => "a Cache-Control line in the ConfigMap of the annotation custom-headers".into(),
        "absolute_redirect" if first == "off" => "the annotation relative-redirects: \"true\"".into(),
        "port_in_redirect" => "the annotation use-port-in-redirects".into(),
        // The response of an upstream is never gathered, names are resolved without it, WebSockets need no help.
        "resolver" | "proxy_buffers" | "proxy_temp_path" | "chunked_transfer_encoding" => {
            "nothing: Ingora does not need it".into()
        }
        name => {
            return annotation_of(name)
                .map(|annotation| format!("the annotation {annotation}: {}", value(first)));
        }
    };
    Some(text)
}

/// The annotation that has the name of the directive, or nearly so.
fn annotation_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "client_max_body_size" => "proxy-body-size",
        "client_body_buffer_size" => "client-body-buffer-size",
        "proxy_connect_timeout" | "grpc_connect_timeout" => "proxy-connect-timeout",
        "proxy_read_timeout" | "grpc_read_timeout" => "proxy-read-timeout",
        "proxy_send_timeout" | "grpc_send_timeout" => "proxy-send-timeout",
        "proxy_buffering" => "proxy-buffering",
        "proxy_buffer_size" | "grpc_buffer_size" => "proxy-buffer-size",
        "proxy_busy_buffers_size" => "proxy-busy-buffers-size",
        "proxy_max_temp_file_size" => "proxy-max-temp-file-size",
        "proxy_request_buffering" => "proxy-request-buffering",
        "proxy_http_version" => "proxy-http-version",
        "proxy_next_upstream" => "proxy-next-upstream",
        "proxy_next_upstream_timeout" => "proxy-next-upstream-timeout",
        "proxy_next_upstream_tries" => "proxy-next-upstream-tries",
        "proxy_cookie_domain" => "proxy-cookie-domain",
        "proxy_cookie_path" => "proxy-cookie-path",
        "proxy_intercept_errors" => "disable-proxy-intercept-errors",
        "proxy_ssl_name" => "proxy-ssl-name",
        "proxy_ssl_server_name" => "proxy-ssl-server-name",
        "proxy_ssl_verify" => "proxy-ssl-verify",
        "proxy_ssl_verify_depth" => "proxy-ssl-verify-depth",
        "proxy_ssl_protocols" => "proxy-ssl-protocols",
        "proxy_ssl_ciphers" => "proxy-ssl-ciphers",
        "proxy_ssl_certificate" | "proxy_ssl_certificate_key" | "proxy_ssl_trusted_certificate" => {
            "proxy-ssl-secret"
        }
        "limit_rate" => "limit-rate",
        "limit_rate_after" => "limit-rate-after",
        "satisfy" => "satisfy",
        "ssl_ciphers" => "ssl-ciphers",
        "ssl_prefer_server_ciphers" => "ssl-prefer-server-ciphers",
        "rewrite_log" => "enable-rewrite-log",
        _ => return None,
    })
}

/// The ConfigMap key of a directive.
fn key(name: &str) -> String {
    match name {
        "underscores_in_headers" => "enable-underscores-in-headers".into(),
        "keepalive_timeout" => "keep-alive".into(),
        "keepalive_requests" => "keep-alive-requests".into(),
        "gzip" => "use-gzip".into(),
        "gzip_comp_level" => "gzip-level".into(),
        "brotli" => "enable-brotli".into(),
        name => name.replace('_', "-"),
    }
}

/// A header of the answer: `more_set_headers "Name: value"`, `add_header Name value`.
fn response_header(directive: &Directive) -> Option<String> {
    let words = directive.words.iter().filter(|word| !word.starts_with('-'));
    let (name, value) = match directive.name.as_str() {
        "add_header" => (directive.word(0).to_owned(), directive.word(1).to_owned()),
        _ => {
            let first = words.clone().find(|word| word.contains(':'))?;
            let (name, value) = first.split_once(':')?;
            (name.trim().to_owned(), value.trim().to_owned())
        }
    };
    let lower = name.to_ascii_lowercase();
    Some(match lower.as_str() {
        "strict-transport-security" => "the ConfigMap's hsts keys".into(),
        "server" => "nothing: Ingora removes Server".into(),
        lower if lower.starts_with("access-control-") => {
            "the annotations enable-cors and cors-allow-*".into()
        }
        _ => format!(
            "the annotation custom-headers: a ConfigMap with {}: {}, the name listed in the ConfigMap's global-allowed-response-headers",
            shown(&name),
            shown(&value)
        ),
    })
}

/// A header of the request to the upstream.
fn request_header(directive: &Directive) -> Option<String> {
    let (name, value) = match directive.name.as_str() {
        "more_set_input_headers" => {
            let first = directive.words.iter().find(|word| word.contains(':'))?;
            let (name, value) = first.split_once(':')?;
            (name.trim().to_owned(), value.trim().to_owned())
        }
        _ => (directive.word(0).to_owned(), directive.word(1).to_owned()),
    };
    let lower = name.to_ascii_lowercase();
    Some(match lower.as_str() {
        "host" => format!("the annotation upstream-vhost: {}", shown(&value)),
        "upgrade" => "nothing: WebSockets pass by themselves".into(),
        "connection" if value.contains("upgrade") => "nothing: WebSockets pass by themselves".into(),
        "connection" => "the annotation connection-proxy-header".into(),
        "x-real-ip" | "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-port" | "x-forwarded-proto"
        | "x-scheme" | "x-forwarded-scheme" | "x-request-id" => {
            format!("nothing: Ingora sets {} itself", shown(&name))
        }
        "x-forwarded-prefix" => format!("the annotation x-forwarded-prefix: {}", shown(&value)),
        "accept-encoding" => {
            "the ConfigMap's proxy-set-headers with an empty Accept-Encoding, for all Ingresses".into()
        }
        _ => format!(
            "the ConfigMap's proxy-set-headers with {}: {}, for all Ingresses",
            shown(&name),
            shown(&value)
        ),
    })
}

/// `return CODE [text | URL]` or `return URL`.
fn returned(directive: &Directive) -> Option<String> {
    let (code, target) = match directive.word(0).parse::<u16>() {
        Ok(code) => (code, directive.words[1..].join(" ")),
        Err(_) => (302, directive.word(0).to_owned()),
    };
    Some(match code {
        301 | 308 => format!(
            "the annotations permanent-redirect: {} and permanent-redirect-code: \"{code}\"",
            shown(&target)
        ),
        302 | 303 | 307 => {
            format!(
                "the annotations temporal-redirect: {} and temporal-redirect-code: \"{code}\"",
                shown(&target)
            )
        }
        401 | 403 | 444 => {
            "the annotation denylist-source-range: \"0.0.0.0/0,::/0\", or no path in the Ingress at all"
                .into()
        }
        404 => "no path in the Ingress: what no rule takes gets 404".into(),
        200..=299 => "a small Service that answers".into(),
        _ => return None,
    })
}

/// `rewrite REGEX TARGET [flag]`.
fn rewritten(directive: &Directive) -> String {
    let (pattern, target) =
        (directive.word(0).trim_start_matches('^').trim_end_matches('$'), directive.word(1));
    match directive.word(2) {
        "permanent" => {
            format!("the annotation permanent-redirect on a path {}: {}", shown(pattern), shown(target))
        }
        "redirect" => {
            format!("the annotation temporal-redirect on a path {}: {}", shown(pattern), shown(target))
        }
        _ => format!("a path {} and the annotation rewrite-target: {}", shown(pattern), shown(target)),
    }
}

/// `if (…) { … }`, by what it looks at.
fn condition(directive: &Directive) -> Option<String> {
    let text = directive.words.join(" ");
    let variable = text.trim_start_matches(['(', ' ']).trim_start_matches('!');
    let refuses = directive.block.iter().any(|inner| {
        inner.name == "deny" || (inner.name == "return" && ["401", "403", "444"].contains(&inner.word(0)))
    });
    let moves = directive.block.iter().any(|inner| {
        inner.name == "rewrite"
            || (inner.name == "return" && !["401", "403", "404", "444"].contains(&inner.word(0)))
    });
    Some(match variable.split([' ', ')', '=', '~']).next().unwrap_or_default() {
        "$http_user_agent" if refuses => "the ConfigMap's block-user-agents".into(),
        "$http_referer" if refuses => "the ConfigMap's block-referers".into(),
        "$remote_addr" | "$http_x_forwarded_for" | "$the_real_ip" if refuses => {
            "the annotation denylist-source-range or allowlist-source-range".into()
        }
        "$scheme" | "$http_x_forwarded_proto" => "the annotation force-ssl-redirect: \"true\"".into(),
        "$host" | "$http_host" if moves => {
            "the annotation from-to-www-redirect, or an Ingress of that host with permanent-redirect".into()
        }
        "$request_method" if text.contains("OPTIONS") => "the annotation enable-cors: \"true\"".into(),
        "$request_uri" | "$uri" | "$document_uri" if moves || refuses => {
            "a path of its own with permanent-redirect, rewrite-target or denylist-source-range".into()
        }
        name if name.starts_with("$http_") => {
            "an Ingress with canary-by-header, if the header chooses a backend".into()
        }
        name if name.starts_with("$cookie_") => {
            "an Ingress with canary-by-cookie, if the cookie chooses a backend".into()
        }
        _ => return None,
    })
}

/// What a value of a directive is as the value of an annotation: seconds have no unit there.
fn value(text: &str) -> String {
    let seconds = text
        .strip_suffix('s')
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    let minutes = text.strip_suffix('m').and_then(|digits| digits.parse::<u32>().ok());
    match (seconds, minutes) {
        (Some(seconds), _) => shown(seconds),
        // Sizes have an m, too; nobody waits for less than 5 megabytes' worth of minutes.
        (None, Some(minutes)) if minutes < 5 => format!("{} (or \"{}\" seconds)", shown(text), minutes * 60),
        _ => shown(text),
    }
}

/// A word of the user, short and escaped.
fn shown(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}
