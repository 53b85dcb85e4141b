//! `upstream-vhost`: the upstream sees another Host.

use crate::proxy::Context;
use crate::table::CompiledRoute;
use crate::template::{Scope, header_value};
use http::header::{HOST, HeaderValue};
use ingora_config::Template;
use ingora_config::policy;
use ingora_config::template::Part;
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, Result};

/// The Host of one route.
#[derive(Debug)]
pub(super) enum UpstreamVhost {
    /// The same for every request.
    Fixed(HeaderValue),
    /// Worked out for each.
    Template(Template),
}

impl UpstreamVhost {
    pub(super) fn compile(policy: &policy::UpstreamVhost) -> Self {
        match policy.value.parts() {
            [] => Self::Fixed(HeaderValue::from_static("")),
            [Part::Literal(text)] => Self::Fixed(header_value(text.as_bytes())),
            _ => Self::Template(policy.value.clone()),
        }
    }

    pub(super) fn apply(
        &self,
        route: &CompiledRoute,
        request: &mut RequestHeader,
        ctx: &Context,
    ) -> Result<()> {
        let value = match self {
            Self::Fixed(value) => value.clone(),
            Self::Template(template) => {
                let value = Scope { request, ctx, route, groups: None }.render(template);
                let too_long = |_| Error::explain(ErrorType::InvalidHTTPHeader, "a template became too long");
                header_value(&value.map_err(too_long)?)
            }
        };
        request.insert_header(HOST, value)
    }
}
