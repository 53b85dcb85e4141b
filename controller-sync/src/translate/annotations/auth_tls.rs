//! `auth-tls-*`: client certificates. What is asked here is asked of all the hosts of the Ingress; of several Ingresses of a host
//! the oldest that asks decides (see `hosts/wishes.rs`).

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::object::Secret;
use crate::translate::quote::quoted;
use crate::translate::value::{Invalid, Parsed};
use ingora_config::{AuthTls, Authority, NamespacedName, Reason, Resource, SubjectPattern, VerifyClient};
use openssl::x509::{X509, X509Crl};

const SECRET: &str = "auth-tls-secret";
const VERIFY: &str = "auth-tls-verify-client";
const DEPTH: &str = "auth-tls-verify-depth";
const ERROR_PAGE: &str = "auth-tls-error-page";
const PASS: &str = "auth-tls-pass-certificate-to-upstream";
const MATCH_CN: &str = "auth-tls-match-cn";

/// The most authorities of one Secret: their names are sent in every handshake.
const MAX_AUTHORITIES: usize = 256;
/// The most lists of revoked certificates.
const MAX_LISTS: usize = 256;
/// The start of a list in PEM.
const LIST: &str = "-----BEGIN X509 CRL-----";

pub(super) const ROWS: &[Row] = &[
    row(
        SECRET,
        Risk::Medium,
        OnBad::Reject,
        Support::Differs(
            "requests over a connection that was opened for another host get 421; over clear text none is served",
        ),
    ),
    row(VERIFY, Risk::Medium, OnBad::Ignore, Support::Full),
    row(DEPTH, Risk::Low, OnBad::Ignore, Support::Full),
    row(
        ERROR_PAGE,
        Risk::High,
        OnBad::Reject,
        Support::Differs("a URL; a path or @name is told, and the page of the gateway shown"),
    ),
    row(PASS, Risk::Low, OnBad::Reject, Support::Full),
    row(MATCH_CN, Risk::High, OnBad::Reject, Support::Differs("without look-around and back-references")),
];

const fn row(name: &'static str, risk: Risk, on_bad: OnBad, support: Support) -> Row {
    Row::new(name, "auth_tls", Scope::Location, risk, on_bad, support)
}

/// What the annotations ask for.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<AuthTls> {
    let verify = reader.parse(VERIFY, verify_client).unwrap_or_default();
    // 0 and what is out of range count as missing, as in ingress-nginx.
    let depth = reader.int(DEPTH).and_then(|depth| u8::try_from(depth).ok()).filter(|depth| *depth > 0);
    let error_page = error_page(reader);
    let pass_certificate = reader.bool(PASS).unwrap_or(false);
    let match_cn = match_cn(reader);
    let secret = reader.parse(SECRET, |text| charset::check(text, charset::basic).map(|()| text.to_owned()));
    let Some(text) = secret else {
        let alone =
            [VERIFY, DEPTH, ERROR_PAGE, PASS, MATCH_CN].into_iter().find(|name| reader.text(name).is_some());
        if let Some(name) = alone.filter(|_| !reader.rejected) {
            let message = format!("without {SECRET} no client certificate is asked for; it has no effect");
            reader.warn(name, message, "name the Secret of the authorities, or remove it");
        }
        return None;
    };
    let authority = authority(reader, &text);
    Some(AuthTls { authority, verify, depth: depth.unwrap_or(1), error_page, pass_certificate, match_cn })
}

fn verify_client(text: &str) -> Parsed<VerifyClient> {
    Ok(match text {
        "on" => VerifyClient::On,
        "off" => VerifyClient::Off,
        "optional" => VerifyClient::Optional,
        "optional_no_ca" => VerifyClient::OptionalNoCa,
        _ => {
            let hint = "write on, off, optional or optional_no_ca";
            return Err(Invalid::new(text, "is no way to verify clients", hint));
        }
    })
}

fn error_page(reader: &mut Reader<'_, '_>) -> Option<String> {
    let text = reader.parse(ERROR_PAGE, |text| {
        charset::check(text, |byte| charset::has(byte, "-._~/:,?&=@%")).map(|()| text.to_owned())
    })?;
    if text.starts_with("https://") || text.starts_with("http://") {
        return Some(text);
    }
    let message = format!(
        "{} is not a URL; clients without a valid certificate get the page of the gateway",
        quoted(&text)
    );
    reader.unusable(ERROR_PAGE, message, "write a URL such as https://help.example.com/certificates");
    None
}

fn match_cn(reader: &mut Reader<'_, '_>) -> Option<SubjectPattern> {
    reader.parse(MATCH_CN, |text| {
        charset::check(text, |byte| charset::regex(byte) || matches!(byte, b',' | b' ' | b'@'))?;
        let hint = "write CN= and a regular expression";
        if !text.starts_with("CN=") {
            return Err(Invalid::new(text, "does not start with CN=", hint));
        }
        SubjectPattern::new(text).map_err(|why| Invalid::new(text, &why.to_string(), hint))
    })
}

/// Sends the authorities along; `None` when there are none to be had, and with them nobody can be told from a stranger.
fn authority(reader: &mut Reader<'_, '_>, text: &str) -> Option<NamespacedName> {
    let create = "create a Secret with ca.crt, and name it as namespace/name";
    let (reason, what) = if !text.contains('/') {
        (Reason::AnnotationInvalid, format!("{} has no namespace", quoted(text)))
    } else {
        match reader.secret(text) {
            Err(why) => (Reason::AnnotationInvalid, format!("{} {why}", quoted(text))),
            Ok((id, None)) => (Reason::SecretNotFound, format!("Secret {id} does not exist")),
            Ok((id, Some(secret))) => match load(&id, secret) {
                Ok(authority) => {
                    reader.attach(Resource::Authority(authority));
                    return Some(id);
                }
                Err(why) => (Reason::SecretInvalid, format!("Secret {id} cannot be used: {why}")),
            },
        }
    };
    let field = reader.field(SECRET);
    let message = format!("{what}; every request for the hosts of the Ingress is answered with 403");
    reader.found.error(reason, field, message, create);
    None
}

/// What is sent is written anew, so that the gateway reads exactly what was checked here.
fn load(id: &NamespacedName, secret: &Secret) -> Result<Authority, &'static str> {
    let pem = secret.other("ca.crt").filter(|pem| !pem.is_empty()).ok_or("it has no ca.crt")?;
    let list = X509::stack_from_pem(pem).map_err(|_| "ca.crt is not a list of PEM certificates")?;
    if list.is_empty() {
        return Err("ca.crt has no PEM certificate");
    }
    if list.len() > MAX_AUTHORITIES {
        return Err("ca.crt has more than 256 certificates");
    }
    let mut certificates = String::new();
    for certificate in list {
        let pem = certificate.to_pem().map_err(|_| "a certificate of ca.crt cannot be written")?;
        certificates.push_str(&String::from_utf8_lossy(&pem));
    }
    let revoked = secret.other("ca.crl").filter(|pem| !pem.is_empty()).map(revoked).transpose()?;
    Ok(Authority { secret: id.clone(), certificates, revoked })
}

fn revoked(pem: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(pem).map_err(|_| "ca.crl is not PEM")?;
    let mut lists = String::new();
    let mut starts: Vec<usize> = text.match_indices(LIST).map(|(at, _)| at).collect();
    if starts.is_empty() {
        return Err("ca.crl has no PEM list of revoked certificates");
    }
    if starts.len() > MAX_LISTS {
        return Err("ca.crl has more than 256 lists");
    }
    starts.push(text.len());
    for pair in starts.windows(2) {
        let list = X509Crl::from_pem(&text.as_bytes()[pair[0]..pair[1]]);
        let list = list.and_then(|list| list.to_pem()).map_err(|_| "a list of ca.crl cannot be read")?;
        lists.push_str(&String::from_utf8_lossy(&list));
    }
    Ok(lists)
}
