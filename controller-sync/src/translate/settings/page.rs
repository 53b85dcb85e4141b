//! The page of all keys for users, `docs/configmap.md`, written from the tables.

use super::GROUPS;
use super::key::{Effect, Row};
use ingora_config::settings::LogVariable;
use std::fmt::Write as _;

const HEAD: &str = "\
# The ConfigMap

<!-- Written from the tables in controller-sync/src/translate/settings/; `make golden` writes it anew. -->

`--configmap NAMESPACE/NAME` names the ConfigMap of gateway-wide settings. Its keys are those of ingress-nginx. Without the flag
every key has its default. Changes take effect at once, without a restart and without dropping a connection; the column
\"effect\" says where that is not so.

- A key that is unknown, or whose value cannot be used, is a problem of the ConfigMap: `ingora check --configmap …` says so, and so
  do the log and the metric `ingora_sync_problems`. The other keys hold all the same. A key without a value has its default.
- \"true or false\" is what Go takes: `true`, `True`, `1`, `t` and their opposites, in quotation marks as every value of a ConfigMap.
- A size is a number of bytes, or one with `k`, `m` or `g` behind it; a duration is `10s`, `5m`, `1h30m`; networks are addresses or
  `10.0.0.0/8`. Lists have commas between their items. A bad item spoils only itself.
- A protection that Ingora does not give yet is an error and says so. With `global-auth-url` nothing is served, unless
  `unsupported-annotations` is `ignore`.

| effect | means |
| --- | --- |
| live | holds from the next request on |
| new connections | holds for connections made from now on |
| not yet | a warning, or an error where it would protect something |
| refused | an error; what to use instead stands beside it |
| ignored | tuning of nginx that means nothing here; told once |
| dead | without effect in the last releases of ingress-nginx, too |
";

/// The whole page.
pub(in crate::translate) fn text() -> String {
    let mut page = String::from(HEAD);
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
