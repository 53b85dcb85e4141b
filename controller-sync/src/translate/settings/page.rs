//! The tables of all keys for users: the end of `docs/configmap.md`.

use super::GROUPS;
use super::key::{Effect, Row};
use ingora_config::settings::LogVariable;
use std::fmt::Write as _;

/// The tables.
pub(in crate::translate) fn text() -> String {
    let mut page = String::new();
    for (title, rows) in GROUPS {
        let _ = write!(
            page,
            "\n## {title}\n\n| key | value | default | effect | |\n| --- | --- | --- | --- | --- |\n"
        );
        for row in *rows {
            line(&mut page, row);
        }
    }
    page.push_str(VARIABLES);
    for (_, names, meaning) in LogVariable::ALL {
        let names: Vec<String> = names.iter().map(|name| format!("`${name}`")).collect();
        let _ = writeln!(page, "| {} | {meaning} |", names.join(", "));
    }
    page.push_str(
        "| `$http_NAME` | a header of the request, but none that carries credentials; of `Referer` the part before its query |\n\
         | `$sent_http_NAME`, `$upstream_http_NAME` | a header of the answer |\n",
    );
    page
}

const VARIABLES: &str = "
## Variables of `log-format-upstream`

A format with any other variable is ignored and told as a problem. Queries, cookies and credentials are never logged, whatever the
format says: `$args`, `$arg_NAME`, `$cookie_NAME`, `$http_cookie` and `$http_authorization` are refused.

| variable | shows |
| --- | --- |
";

fn line(page: &mut String, row: &Row) {
    let (effect, why) = match row.effect {
        Effect::Live(_) => ("live", String::new()),
        Effect::NewConnections(_) => ("new connections", String::new()),
        Effect::Start(_) => ("start of the gateway", String::new()),
        Effect::Ignored(why) => ("ignored", sentence(why)),
        Effect::NotYet(instead) => ("not yet", sentence(instead)),
        Effect::Unprotected(why) | Effect::Closed(why) => ("**not yet**", sentence(why)),
        Effect::Refused(why, instead) => ("refused", sentence(&format!("{why}; {instead}"))),
        Effect::Dead => ("dead", String::new()),
    };
    let default = if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) };
    let note: Vec<&str> = [row.note, &why].into_iter().filter(|text| !text.is_empty()).collect();
    let _ = writeln!(page, "| `{}` | {} | {default} | {effect} | {} |", row.key, row.form, note.join(" "));
}

/// Begins with a capital letter and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
