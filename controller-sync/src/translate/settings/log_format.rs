//! `log-format-upstream`: nginx variables in free text, read once into parts.
//!
//! What could show a credential or the query of a request is refused rather than written: a log is read by more people
//! than a request.

use crate::translate::value::{Invalid, Parsed, nearest};
use ingora_config::settings::{LogPart, LogVariable};

/// The longest format, in bytes, and the most parts of one.
const MAX_BYTES: usize = 8 * 1024;
const MAX_PARTS: usize = 256;

/// Headers that carry credentials.
const SECRET_HEADERS: [&str; 7] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
    "x-amz-security-token",
];

/// Reads the format.
pub(super) fn parse(text: &str) -> Parsed<Vec<LogPart>> {
    if text.len() > MAX_BYTES {
        return Err(Invalid::new(text, "is too long", format!("write at most {MAX_BYTES} bytes")));
    }
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        let (name, behind) = name(&rest[at + 1..])?;
        if !plain.is_empty() {
            parts.push(LogPart::Text(std::mem::take(&mut plain)));
        }
        parts.push(variable(name)?);
        rest = behind;
    }
    plain.push_str(rest);
    // A line is a line: nginx would write the end of line that a YAML block leaves, too.
    let plain = plain.trim_end_matches(['\n', '\r']);
    if !plain.is_empty() {
        parts.push(LogPart::Text(plain.to_owned()));
    }
    for part in &mut parts {
        if let LogPart::Text(text) = part {
            text.retain(|c| !c.is_control() || c == '\t');
        }
    }
    if parts.len() > MAX_PARTS {
        return Err(Invalid::new(
            text,
            "has too many parts",
            format!("write at most {MAX_PARTS} variables and texts"),
        ));
    }
    Ok(parts)
}

/// The name behind a `$`, in braces or not, and what follows it.
fn name(text: &str) -> Parsed<(&str, &str)> {
    let invalid = || Invalid::new(text, "is no variable", "write $name or ${name}");
    if let Some(inside) = text.strip_prefix('{') {
        return inside.split_once('}').filter(|(name, _)| is_name(name)).ok_or_else(invalid);
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if is_name(name) { Ok((name, rest)) } else { Err(invalid()) }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn variable(name: &str) -> Parsed<LogPart> {
    if let Some(variable) = LogVariable::named(name) {
        return Ok(LogPart::Variable(variable));
    }
    let shown = format!("${name}");
    let secret =
        name == "args" || name == "query_string" || name.starts_with("arg_") || name.starts_with("cookie_");
    if secret {
        let hint = "leave it out: queries and cookies are not logged, and $request_uri is the path alone";
        return Err(Invalid::new(&shown, "shows what a log must not", hint));
    }
    let header =
        |prefix: &str| name.strip_prefix(prefix).map(|header| header.to_ascii_lowercase().replace('_', "-"));
    let part = header("sent_http_")
        .or_else(|| header("upstream_http_"))
        .map(LogPart::ResponseHeader)
        .or_else(|| header("http_").map(LogPart::RequestHeader));
    match part {
        Some(LogPart::RequestHeader(header) | LogPart::ResponseHeader(header))
            if SECRET_HEADERS.contains(&header.as_str()) =>
        {
            Err(Invalid::new(&shown, "shows a credential", "leave it out: credentials are not logged"))
        }
        Some(part) => Ok(part),
        None => {
            let names = LogVariable::ALL.iter().flat_map(|(_, names, _)| names.iter().copied());
            let hint = match nearest(name, names) {
                Some(near) => format!("did you mean ${near}?"),
                None => "docs/configmap.md lists the variables".to_owned(),
            };
            Err(Invalid::new(&shown, "is a variable that Ingora does not have", hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_variables_take_turns() {
        let parts =
            parse("{\"a\": \"$remote_addr\", \"r\": \"${request_method}x$http_x_forwarded_for\"}\n").unwrap();
        let text = |text: &str| LogPart::Text(text.to_owned());
        assert_eq!(
            parts,
            [
                text("{\"a\": \""),
                LogPart::Variable(LogVariable::RemoteAddr),
                text("\", \"r\": \""),
                LogPart::Variable(LogVariable::RequestMethod),
                text("x"),
                LogPart::RequestHeader("x-forwarded-for".into()),
                text("\"}"),
            ]
        );
    }

    #[test]
    fn what_is_unknown_or_secret_is_refused() {
        for (format, hint) in [
            ("$remote_adr", "$remote_addr"),
            ("$http_authorization", "credentials"),
            ("$http_cookie", "credentials"),
            ("$args", "queries"),
            ("$arg_token", "queries"),
            ("$cookie_session", "queries"),
            ("${status", "${name}"),
            ("cost: 5$", "$name"),
            ("$geoip2_city", "docs/configmap.md"),
        ] {
            let invalid = parse(format).unwrap_err();
            assert!(invalid.hint.contains(hint), "{format}: {invalid:?}");
        }
        assert!(parse(&"$status".repeat(300)).is_err() && parse(&"x".repeat(10_000)).is_err());
    }

    #[test]
    fn the_default_format_of_ingress_nginx_is_understood() {
        let format = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \
            \"$http_user_agent\" $request_length $request_time [$proxy_upstream_name] \
            [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time \
            $upstream_status $req_id";
        assert_eq!(parse(format).unwrap().len(), 33);
    }
}
