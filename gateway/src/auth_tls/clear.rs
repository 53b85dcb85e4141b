//! Requests in clear text for a host that demands a certificate. ingress-nginx serves them where nothing redirects to HTTPS, so
//! that leaving out the `s` lets anybody in; here they are refused.

use crate::answer::Answer;
use crate::proxy::Context;
use crate::reason::Reason;
use crate::table::CompiledRoute;

/// What authorities ask for when they issue the certificate of the host itself (RFC 8555 section 8.3): always in clear text, and
/// served by a rule of its own.
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Lets a request pass that was not redirected.
///
/// # Errors
/// 400, when the host demands a certificate.
pub fn check_clear(route: &CompiledRoute, ctx: &Context) -> Result<(), Answer> {
    match &ctx.client_certificate {
        Some(certificate) if certificate.missing && !route.path().starts_with(CHALLENGES) => {
            Err(Answer::close(Reason::CertificateMissing))
        }
        _ => Ok(()),
    }
}
