//! What upstreams are told of the client's certificate: `ssl-client-verify`, `ssl-client-subject-dn`, `ssl-client-issuer-dn`,
//! and `ssl-client-cert` on request.

use super::presented::Presented;
use crate::proxy::Context;
use http::header::{HeaderName, HeaderValue};
use pingora::Result;
use pingora::http::RequestHeader;

const VERIFY: HeaderName = HeaderName::from_static("ssl-client-verify");
const SUBJECT: HeaderName = HeaderName::from_static("ssl-client-subject-dn");
const ISSUER: HeaderName = HeaderName::from_static("ssl-client-issuer-dn");
const CERTIFICATE: HeaderName = HeaderName::from_static("ssl-client-cert");

/// Sets them. What a client says of its own certificate goes on every host: an application that believes these headers
/// mostly has other hosts too. A proxy in front that is trusted may have asked for a certificate in our place.
///
/// # Errors
/// When the header map is full.
pub fn set_headers(request: &mut RequestHeader, ctx: &Context) -> Result<()> {
    if ctx.client_certificate.is_some() || !ctx.forwarded.trusted {
        remove(request);
    }
    let Some(certificate) = ctx.client_certificate.as_deref().filter(|_| ctx.tls) else { return Ok(()) };
    request.insert_header(VERIFY, certificate.verdict.header())?;
    let presented = certificate.presented.as_ref();
    let mut set =
        |name: HeaderName, value: Option<&HeaderValue>| match value.filter(|value| !value.is_empty()) {
            Some(value) => request.insert_header(name, value.clone()),
            None => Ok(()),
        };
    set(SUBJECT, presented.and_then(Presented::subject))?;
    set(ISSUER, presented.and_then(Presented::issuer))?;
    if certificate.pass {
        set(CERTIFICATE, presented.and_then(Presented::escaped))?;
    }
    Ok(())
}

/// With `_` instead of `-` as well, which is the same to many applications. Costs a look at each name.
fn remove(request: &mut RequestHeader) {
    let ours = |name: &HeaderName| {
        let name = name.as_str();
        name.starts_with("ssl")
            && [&VERIFY, &SUBJECT, &ISSUER, &CERTIFICATE].iter().any(|ours| {
                ours.as_str().len() == name.len()
                    && ours
                        .as_str()
                        .bytes()
                        .zip(name.bytes())
                        .all(|(a, b)| a == b || (a == b'-' && b == b'_'))
            })
    };
    if request.headers.keys().any(ours) {
        let names: Vec<HeaderName> = request.headers.keys().filter(|name| ours(name)).cloned().collect();
        for name in names {
            request.remove_header(&name);
        }
    }
}
