//! The Secret of `proxy-ssl-secret`: a certificate with its key to show, authorities to verify with, or both.

use super::SECRET;
use crate::object::Secret;
use crate::translate::annotations::reader::Reader;
use crate::translate::certificate::{self, State};
use crate::translate::quote::quoted;
use ingora_config::policy::{ClientCertificate, ProxySslSecret};
use ingora_config::{NamespacedName, Reason, Resource};
use openssl::x509::X509;

/// The most authorities of one Secret; more is a mistake.
const MAX_AUTHORITIES: usize = 1024;

/// A Secret that can be used.
pub(super) struct Found {
    pub(super) id: NamespacedName,
    pub(super) has_authorities: bool,
}

/// Finds the Secret and sends it along; one that cannot be used denies.
pub(super) fn read(reader: &mut Reader<'_, '_>, text: &str) -> Option<Found> {
    let (id, secret) = match reader.secret(text) {
        Ok(found) => found,
        Err(why) => {
            let hint = "name a Secret of the Ingress' own namespace";
            reader.deny(Reason::SecretNotFound, SECRET, &format!("{} {why}", quoted(text)), hint);
            return None;
        }
    };
    let Some(secret) = secret else {
        let what = format!("Secret {id} does not exist");
        reader.deny(Reason::SecretNotFound, SECRET, &what, "create the Secret, or correct its name");
        return None;
    };
    match parse(&id, secret) {
        Ok(parsed) => {
            let has_authorities = !parsed.authorities.is_empty();
            reader.attach(Resource::ProxySslSecret(parsed));
            Some(Found { id, has_authorities })
        }
        Err(why) => {
            let hint = "put tls.crt and tls.key, or ca.crt, or all three into the Secret, in PEM";
            let what = format!("Secret {id} cannot be used: {why}");
            reader.deny(Reason::SecretInvalid, SECRET, &what, hint);
            None
        }
    }
}

/// What of the Secret is sent: written anew, so that the gateway reads exactly what was checked here.
fn parse(id: &NamespacedName, secret: &Secret) -> Result<ProxySslSecret, &'static str> {
    let authorities = authorities(secret.other("ca.crt").unwrap_or_default())?;
    let certificate = certificate(secret)?;
    if certificate.is_none() && authorities.is_empty() {
        return Err("it has neither tls.crt and tls.key nor ca.crt");
    }
    Ok(ProxySslSecret { secret: id.clone(), certificate, authorities })
}

fn certificate(secret: &Secret) -> Result<Option<ClientCertificate>, &'static str> {
    let empty = secret.certificate.as_ref().is_none_or(Vec::is_empty)
        && secret.key.as_ref().is_none_or(|key| key.expose_pem().is_empty());
    if empty {
        return Ok(None);
    }
    match certificate::read(secret) {
        State::Usable(usable) => match &*usable.resource {
            Resource::Certificate(pair) => {
                Ok(Some(ClientCertificate { chain: pair.chain.clone(), key: pair.key.clone() }))
            }
            _ => Err("its certificate cannot be read"),
        },
        State::Invalid(why) => Err(why),
        State::Missing => Err("it does not exist"),
    }
}

fn authorities(pem: &[u8]) -> Result<String, &'static str> {
    if pem.iter().all(u8::is_ascii_whitespace) {
        return Ok(String::new());
    }
    let unreadable = "ca.crt is not a list of PEM certificates";
    let list = X509::stack_from_pem(pem).map_err(|_| unreadable)?;
    if list.is_empty() {
        return Err(unreadable);
    }
    if list.len() > MAX_AUTHORITIES {
        return Err("ca.crt has too many certificates");
    }
    let mut text = Vec::new();
    for authority in &list {
        text.extend(authority.to_pem().map_err(|_| unreadable)?);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
