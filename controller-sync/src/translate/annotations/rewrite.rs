//! `rewrite-target`, `x-forwarded-prefix`: another path for the upstream.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value::{Invalid, Parsed};
use ingora_config::Template;
use ingora_config::policy::Rewrite;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "rewrite-target",
        "rewrite",
        Scope::Ingress,
        Risk::Medium,
        OnBad::Ignore,
        Support::Differs("the paths are matched in linear time: look-around and back-references are refused"),
    ),
    Row::new("x-forwarded-prefix", "rewrite", Scope::Location, Risk::Medium, OnBad::Reject, Support::Full),
];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Rewrite> {
    let target = reader.parse("rewrite-target", |text| {
        let target = template(text)?;
        if ["/", "$", "http://", "https://"].iter().any(|start| text.starts_with(start)) {
            return Ok(target);
        }
        Err(Invalid::new(text, "is not an absolute path", "start it with /, such as /$2"))
    });
    let forwarded_prefix = forwarded_prefix(reader);
    let Some(target) = target else {
        if forwarded_prefix.is_some() {
            reader.warn(
                "x-forwarded-prefix",
                "nothing is sent, for there is no rewrite-target that works".into(),
                "set rewrite-target, or remove this one",
            );
        }
        return None;
    };
    Some(Rewrite { target, forwarded_prefix })
}

/// Bad characters reject the Ingress, as the row says; a variable that only nginx knows costs the header alone.
fn forwarded_prefix(reader: &mut Reader<'_, '_>) -> Option<Template> {
    let name = "x-forwarded-prefix";
    let text = reader.parse(name, |text| charset::check(text, charset::rewrite).map(|()| text.to_owned()))?;
    let template = template(&text);
    if let Err(invalid) = &template {
        let message = format!("{}; X-Forwarded-Prefix is not sent", invalid.message);
        reader.unusable(name, message, &invalid.hint);
    }
    template.ok()
}

fn template(text: &str) -> Parsed<Template> {
    charset::check(text, charset::rewrite)?;
    let hint = "use $1 to $9 for the groups of the path, or a variable of docs/annotations/rewrite.md";
    Template::parse(text).map_err(|error| Invalid::new(text, &error.to_string(), hint))
}
