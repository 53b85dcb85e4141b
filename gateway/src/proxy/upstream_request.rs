//! Fourth phase: the headers an upstream sees. What it may trust is what we say, never what a client says.
//!
//! The list is ingress-nginx' (its template's `proxy_set_header` lines), and so is how the names are written; the engine
//! has removed hop-by-hop headers already.

use super::{Context, PublicPorts};
use crate::address_text::AddressText;
use crate::auth_tls;
use crate::client_address::{X_FORWARDED_FOR, X_FORWARDED_HOST, joined};
use crate::filters::{self, error_pages};
use http::header::{CONNECTION, HOST, HeaderName, HeaderValue, TE};
use pingora::http::RequestHeader;
use pingora::{ErrorType, OrErr, Result};
use std::net::IpAddr;

const PROXY: HeaderName = HeaderName::from_static("proxy");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_ORIGINAL_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-original-forwarded-for");
const X_ORIGINAL_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-original-forwarded-host");

/// Sets what ingress-nginx sets, from what the gateway knows; `client` is the request as it came.
pub(super) fn filter(
    ports: &PublicPorts,
    client: &RequestHeader,
    request: &mut RequestHeader,
    ctx: &Context,
) -> Result<()> {
    if error_pages::asks_for_page(ctx) {
        tidy(client, request, ctx);
        return error_pages::ask(client, request, ctx);
    }
    introduce(ports, client, request, ctx)?;
    if let Some(route) = &ctx.route {
        filters::upstream_phase(route, request, ctx)?;
    }
    if ctx.detour.is_some() {
        error_pages::tell(client, request, ctx)?;
    }
    ctx.table().compiled().set_on(client, request, ctx)
}

/// The request as somebody else than its upstream sees it, without what its route and `proxy-set-headers` say.
pub(super) fn introduced(
    ports: &PublicPorts,
    client: &RequestHeader,
    mut request: RequestHeader,
    ctx: &Context,
) -> Result<RequestHeader> {
    introduce(ports, client, &mut request, ctx)?;
    Ok(request)
}

/// What holds for every request: who asks, how, and for what.
fn introduce(
    ports: &PublicPorts,
    client: &RequestHeader,
    request: &mut RequestHeader,
    ctx: &Context,
) -> Result<()> {
    let table = ctx.table();
    let settings = table.settings();
    tidy(client, request, ctx);
    let chain = table.compiled().client_address.header();
    let claims = client.headers.keys().any(|name| name.as_str().starts_with("x-") || name == chain);
    if claims {
        move_header(client, request, chain, X_ORIGINAL_FORWARDED_FOR)?;
        move_header(client, request, &X_FORWARDED_HOST, X_ORIGINAL_FORWARDED_HOST)?;
    }
    set_client(client, request, ctx)?;
    if let Some(host) = &ctx.forwarded.host {
        request.insert_header(HOST, host.clone())?;
    }
    match request.headers.get(HOST).cloned() {
        Some(host) => request.insert_header("X-Forwarded-Host", host)?,
        None => {
            request.remove_header(&X_FORWARDED_HOST);
        }
    }
    set_scheme(ports, request, ctx)?;
    auth_tls::set_headers(request, ctx)?;
    let missing = || !request.headers.contains_key(&X_REQUEST_ID);
    if !ctx.request_id.is_empty() && (ctx.made_request_id || missing()) {
        request.insert_header("X-Request-ID", &ctx.request_id)?;
    }
    if settings.headers.proxy_add_original_uri_header {
        request.insert_header(
            "X-Original-URI",
            HeaderValue::from_bytes(client.raw_path())
                .or_err(ErrorType::InvalidHTTPHeader, "the target cannot be a header")?,
        )?;
    }
    Ok(())
}

/// Takes what nobody behind the gateway may see.
fn tidy(client: &RequestHeader, request: &mut RequestHeader, ctx: &Context) {
    let settings = ctx.table().settings();
    if settings.client.ignore_invalid_headers {
        drop_invalid(request, settings.client.enable_underscores_in_headers);
    }
    // httpoxy: CGI programs read it as HTTP_PROXY.
    request.remove_header(&PROXY);
    // The engine keeps `TE: trailers` between two HTTP/2 sides, where gRPC needs it.
    if client.version != http::Version::HTTP_2 {
        request.remove_header(&TE);
    }
}

/// Who asks. The chain, where it is kept, grows by whom we know, as in ingress-nginx: the neighbour.
pub(crate) fn set_client(client: &RequestHeader, request: &mut RequestHeader, ctx: &Context) -> Result<()> {
    let address = address(ctx.client)?;
    if !ctx.forwarded.append {
        request.insert_header("X-Forwarded-For", address.clone())?;
        return request.insert_header("X-Real-IP", address);
    }
    let mut chain = match joined(&client.headers, &X_FORWARDED_FOR) {
        Some(chain) if !chain.is_empty() => [chain.as_bytes(), b", "].concat(),
        _ => Vec::new(),
    };
    chain.extend_from_slice(AddressText::new(ctx.neighbour).as_bytes());
    let chain = HeaderValue::from_bytes(&chain).unwrap_or_else(|_| address.clone());
    request.insert_header("X-Forwarded-For", chain)?;
    request.insert_header("X-Real-IP", address)
}

/// An address as the value of a header.
pub(crate) fn address(address: IpAddr) -> Result<HeaderValue> {
    HeaderValue::from_bytes(AddressText::new(address).as_bytes())
        .or_err(ErrorType::InternalError, "an address cannot be a header")
}

/// How the client asked.
fn set_scheme(ports: &PublicPorts, request: &mut RequestHeader, ctx: &Context) -> Result<()> {
    let own = if ctx.tls { &ports.https } else { &ports.http };
    match (&ctx.forwarded.port, ctx.forwarded.server_port) {
        (Some(port), _) => request.insert_header("X-Forwarded-Port", port.clone())?,
        (None, Some(port)) => request.insert_header("X-Forwarded-Port", HeaderValue::from(port))?,
        (None, None) => request.insert_header("X-Forwarded-Port", own)?,
    }
    let scheme = match ctx.scheme() {
        "http" => HeaderValue::from_static("http"),
        "https" => HeaderValue::from_static("https"),
        // It was a header's value before.
        other => HeaderValue::try_from(other).unwrap_or(HeaderValue::from_static("http")),
    };
    request.insert_header("X-Forwarded-Proto", scheme.clone())?;
    request.insert_header("X-Forwarded-Scheme", scheme.clone())?;
    request.insert_header("X-Scheme", scheme)
}

/// What the client said goes under another name; under the old one only we speak.
fn move_header(
    client: &RequestHeader,
    request: &mut RequestHeader,
    from: &HeaderName,
    to: HeaderName,
) -> Result<()> {
    request.remove_header(&to);
    if let Some(value) = joined(&client.headers, from) {
        request.insert_header(to, value.into_owned())?;
    }
    Ok(())
}

/// Whether a name has only what `ignore-invalid-headers` lets pass.
pub(crate) fn is_valid(name: &HeaderName, underscores: bool) -> bool {
    let valid = |b: u8| b.is_ascii_alphanumeric() | (b == b'-') | (underscores & (b == b'_'));
    // To the end in any case: that is one step for sixteen letters.
    name.as_str().bytes().fold(true, |all, b| all & valid(b))
}

/// The headers that `Connection` makes hop-by-hop; those the upstream must be able to trust are no client's to remove.
pub(crate) fn nominated(client: &RequestHeader) -> Vec<String> {
    let values = client.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| name != "host" && !name.starts_with("x-") && !name.starts_with("sec-websocket"))
        .filter(|name| !name.is_empty() && name.bytes().all(crate::front::head::is_token))
        .collect()
}

/// As nginx: names have letters, digits and `-`, and `_` only where that is allowed. `X_Forwarded_For` and
/// `X-Forwarded-For` are one variable to many applications.
fn drop_invalid(request: &mut RequestHeader, underscores: bool) {
    let bad = |name: &HeaderName| !is_valid(name, underscores);
    if !request.headers.keys().any(bad) {
        return;
    }
    let names: Vec<HeaderName> = request.headers.keys().filter(|name| bad(name)).cloned().collect();
    for name in names {
        request.remove_header(&name);
    }
}

/// A request without what concerned only the connection it came on, for what the engine does not forward itself.
pub(super) fn end_to_end(client: &RequestHeader) -> RequestHeader {
    let mut request = client.clone();
    for name in nominated(client) {
        request.remove_header(name.as_str());
    }
    for name in
        ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]
    {
        request.remove_header(name);
    }
    request
}
