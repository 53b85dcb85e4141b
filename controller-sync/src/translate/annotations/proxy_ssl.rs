//! `proxy-ssl-*`: who the gateway is to endpoints that speak TLS, and who they must be.
//!
//! What should keep strangers from playing the endpoint closes when it cannot be had: a Secret that is missing or unusable,
//! verification without authorities or without a name. [`ciphers`] and [`secret`] are below this file.

mod ciphers;
mod secret;

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::policy::{BackendProtocol, PeerName, ProxySsl, Verify};
use ingora_config::settings::TlsVersion;
use ingora_config::{HostName, Reason};
use std::net::IpAddr;

const SECRET: &str = "proxy-ssl-secret";
const VERIFY: &str = "proxy-ssl-verify";
const DEPTH: &str = "proxy-ssl-verify-depth";
const NAME: &str = "proxy-ssl-name";
const SERVER_NAME: &str = "proxy-ssl-server-name";
const CIPHERS: &str = "proxy-ssl-ciphers";
const PROTOCOLS: &str = "proxy-ssl-protocols";

const fn row(name: &'static str, risk: Risk, on_bad: OnBad, support: Support) -> Row {
    Row::new(name, "proxy_ssl", Scope::Ingress, risk, on_bad, support)
}

pub(super) const ROWS: &[Row] = &[
    row(
        SECRET,
        Risk::Medium,
        OnBad::Reject,
        Support::Differs(
            "holds for the paths of its own Ingress, not for others of the host; the Secret may lack ca.crt or the key pair",
        ),
    ),
    row(
        VERIFY,
        Risk::Low,
        OnBad::Deny,
        Support::Differs(
            "without ca.crt or proxy-ssl-name every request gets 503; ingress-nginx does not verify, or always fails",
        ),
    ),
    row(DEPTH, Risk::Low, OnBad::Ignore, Support::Full),
    row(NAME, Risk::High, OnBad::Ignore, Support::Differs("a host or an address, no variables")),
    row(
        SERVER_NAME,
        Risk::Low,
        OnBad::Ignore,
        Support::Differs(
            "without proxy-ssl-name no server name is sent; ingress-nginx sends a name of its own",
        ),
    ),
    row(
        CIPHERS,
        Risk::Medium,
        OnBad::Ignore,
        Support::Differs(
            "every suite of the gateway is offered, and a backend that chooses one outside the list is refused",
        ),
    ),
    row(
        PROTOCOLS,
        Risk::Low,
        OnBad::Ignore,
        Support::Differs("a lower bound: newer versions are as good; TLS 1.1 and older are never spoken"),
    ),
];

/// What the annotations of the feature ask for; `None` without a Secret that can be used.
pub(super) fn read(reader: &mut Reader<'_, '_>, protocol: Option<BackendProtocol>) -> Option<ProxySsl> {
    if reader.text(SECRET).is_none() {
        tell_without_secret(reader);
        return None;
    }
    if !protocol.is_some_and(BackendProtocol::may_be_tls) {
        tell_without_tls(reader);
    }
    let text = reader.parse(SECRET, |text| charset::check(text, charset::basic).map(|()| text.to_owned()))?;
    let found = secret::read(reader, &text)?;
    let name = reader.parse(NAME, peer_name);
    let verify = verify(reader, name.clone(), found.has_authorities);
    let server_name = server_name(reader, name);
    let oldest = oldest(reader);
    let ciphers = reader.parse(CIPHERS, ciphers::numbers).flatten();
    Some(ProxySsl { secret: found.id, verify, server_name, oldest, ciphers })
}

/// As in ingress-nginx, nothing acts without the Secret. Who asks for verification must know that there is none.
fn tell_without_secret(reader: &mut Reader<'_, '_>) {
    let hint = "set proxy-ssl-secret to a Secret with ca.crt, or tls.crt and tls.key, or remove this one";
    for name in [VERIFY, DEPTH, NAME, SERVER_NAME, CIPHERS, PROTOCOLS] {
        let text = reader.text(name);
        if text.is_none() {
            continue;
        }
        if name == VERIFY && is_asked(text) {
            let message = "without proxy-ssl-secret the certificates of endpoints are NOT verified";
            reader.unusable(name, message.to_owned(), hint);
        } else {
            reader.warn(name, "it has no effect without proxy-ssl-secret".to_owned(), hint);
        }
    }
}

fn tell_without_tls(reader: &mut Reader<'_, '_>) {
    let hint = "set backend-protocol to HTTPS or GRPCS, or remove it";
    if is_asked(reader.text(VERIFY)) {
        let message = "endpoints are not spoken to over TLS: nothing is verified".to_owned();
        reader.unusable(VERIFY, message, hint);
    }
    reader.warn(SECRET, "it has no effect: endpoints are not spoken to over TLS".to_owned(), hint);
}

/// Whether a value of `proxy-ssl-verify` may mean that somebody relies on it.
fn is_asked(verify: Option<String>) -> bool {
    verify.is_some_and(|text| !text.eq_ignore_ascii_case("off"))
}

fn on_or_off(text: &str) -> Parsed<bool> {
    value::word(text, &[("on", true), ("off", false)])
}

fn peer_name(text: &str) -> Parsed<PeerName> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(PeerName::Address(address));
    }
    let hint = "write the name that the endpoint's certificate is for, such as shop.internal";
    HostName::new(text)
        .map(PeerName::Host)
        .map_err(|_| Invalid::new(text, "is neither a host nor an address", hint))
}

/// Whom the certificates of endpoints must be for; verification that cannot be had denies.
fn verify(reader: &mut Reader<'_, '_>, name: Option<PeerName>, has_authorities: bool) -> Option<Verify> {
    if !reader.parse(VERIFY, on_or_off)? {
        return None;
    }
    let depth = reader.parse(DEPTH, |text| value::number(text, 0..=100)).unwrap_or(1);
    if !has_authorities {
        let hint = "put the certificate of the authority under ca.crt into the Secret of proxy-ssl-secret";
        reader.deny(Reason::SecretInvalid, VERIFY, "the Secret has no ca.crt to verify with", hint);
    }
    let Some(name) = name else {
        let what = "there is no name that the certificate of an endpoint must be for";
        let hint = "set proxy-ssl-name to the name in that certificate";
        reader.deny(Reason::AnnotationInvalid, VERIFY, what, hint);
        return None;
    };
    Some(Verify { name, depth })
}

fn server_name(reader: &mut Reader<'_, '_>, name: Option<PeerName>) -> Option<HostName> {
    if !reader.parse(SERVER_NAME, on_or_off)? {
        return None;
    }
    match name {
        Some(PeerName::Host(name)) => Some(name),
        Some(PeerName::Address(_)) | None => {
            let message = "no server name is sent: proxy-ssl-name is no host".to_owned();
            reader.warn(SERVER_NAME, message, "set proxy-ssl-name to a host, or remove this one");
            None
        }
    }
}

/// The lowest version of `proxy-ssl-protocols`.
fn oldest(reader: &mut Reader<'_, '_>) -> TlsVersion {
    let versions =
        reader.parse(PROTOCOLS, |text| text.split_whitespace().map(version).collect::<Parsed<Vec<_>>>());
    let Some(versions) = versions else { return TlsVersion::V1_2 };
    if versions.contains(&None) {
        let message = "TLS 1.1 and older are not spoken (RFC 8996)".to_owned();
        reader.warn(PROTOCOLS, message, "leave them out");
    }
    versions.into_iter().flatten().min().unwrap_or(TlsVersion::V1_2)
}

/// `None` is one that is not spoken any more.
fn version(word: &str) -> Parsed<Option<TlsVersion>> {
    match word {
        "TLSv1.2" => Ok(Some(TlsVersion::V1_2)),
        "TLSv1.3" => Ok(Some(TlsVersion::V1_3)),
        "SSLv2" | "SSLv3" | "TLSv1" | "TLSv1.1" => Ok(None),
        _ => Err(Invalid::new(word, "is no TLS version", "write TLSv1.2, TLSv1.3 or both")),
    }
}
