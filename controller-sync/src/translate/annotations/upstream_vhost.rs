//! `upstream-vhost`: another Host for the upstream.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::quote::quoted;
use ingora_config::Template;
use ingora_config::policy::UpstreamVhost;

pub(super) const ROWS: &[Row] = &[Row::new(
    "upstream-vhost",
    "upstream_vhost",
    Scope::Location,
    Risk::Low,
    OnBad::Reject,
    Support::Differs("a listed set of variables instead of all of nginx'"),
)];

/// What the annotation asks for; `None` without it.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<UpstreamVhost> {
    let text = reader.parse("upstream-vhost", |text| {
        charset::check(text, charset::regex)?;
        Ok(text.to_owned())
    })?;
    let problem = match Template::parse(&text) {
        Ok(value) if value.has_groups() => "has a group, which only rewrite-target can have".to_owned(),
        Ok(value) => return Some(UpstreamVhost { value }),
        Err(error) => error.to_string(),
    };
    reader.unusable(
        "upstream-vhost",
        format!("{} {problem}; upstreams see the client's Host", quoted(&text)),
        "use a name, or the variables of docs/annotations/upstream_vhost.md",
    );
    None
}
