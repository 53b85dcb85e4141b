//! Fifth phase: the headers a client sees.

use super::Context;
use http::header::{HeaderName, HeaderValue, SERVER};
use ingora_config::Settings;
use pingora::Result;
use pingora::http::ResponseHeader;

const STRICT_TRANSPORT_SECURITY: HeaderName = HeaderName::from_static("strict-transport-security");

/// Takes what clients must not see and adds what they must.
pub(super) fn filter(response: &mut ResponseHeader, ctx: &mut Context) -> Result<()> {
    if response.status.is_informational() {
        return Ok(());
    }
    ctx.header_time = ctx.try_started.map(|at| at.elapsed());
    let settings = ctx.table().settings();
    if !settings.allow_backend_server_header {
        response.remove_header(&SERVER);
    }
    if ctx.tls {
        hsts(settings, response)?;
    }
    Ok(())
}

/// For the gateway's own pages.
pub(super) fn own(response: &mut ResponseHeader, ctx: &Context) -> Result<()> {
    if ctx.tls { hsts(ctx.table().settings(), response) } else { Ok(()) }
}

/// `Strict-Transport-Security` (RFC 6797), replacing the upstream's; only over TLS, as the RFC demands.
fn hsts(settings: &Settings, response: &mut ResponseHeader) -> Result<()> {
    if !settings.hsts {
        return Ok(());
    }
    let value = match (settings.hsts_max_age, settings.hsts_include_subdomains, settings.hsts_preload) {
        (31_536_000, true, false) => HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        (age, subdomains, preload) => {
            let subdomains = if subdomains { "; includeSubDomains" } else { "" };
            let preload = if preload { "; preload" } else { "" };
            HeaderValue::try_from(format!("max-age={age}{subdomains}{preload}"))
                .expect("digits and fixed words are a header value")
        }
    };
    response.insert_header(STRICT_TRANSPORT_SECURITY, value)
}
