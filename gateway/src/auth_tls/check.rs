//! Whether a request may use its host, by the certificate of its connection.

use super::authority::Slot;
use super::presented::{ClientCertificate, Presented, Verdict};
use crate::answer::Answer;
use crate::proxy::Context;
use crate::reason::Reason;
use http::HeaderValue;
use ingora_config::{AuthTls, VerifyClient};
use pingora::protocols::Digest;
use regex::bytes::Regex;
use std::sync::Arc;

/// What a host asks, ready for requests.
#[derive(Debug)]
pub struct Check {
    rule: AuthTls,
    /// `None` when the Secret cannot be used.
    slot: Option<Arc<Slot>>,
    /// `auth-tls-match-cn`; an inner `None` matches nobody.
    subject: Option<Option<Regex>>,
    error_page: Option<HeaderValue>,
}

impl Check {
    /// Prepares the rule of a host; `slot` is that of its authorities.
    pub fn new(rule: AuthTls, slot: Option<Arc<Slot>>) -> Self {
        // Values that exist compile; one that would not must not let anybody in.
        let subject = rule.match_cn.as_ref().map(|pattern| pattern.compile().ok());
        let error_page = rule.error_page.as_ref().and_then(|url| HeaderValue::try_from(url).ok());
        Self { rule, slot, subject, error_page }
    }

    fn judge(&self, presented: Option<&Presented>) -> Result<ClientCertificate, Reason> {
        let slot = self.slot.as_ref().ok_or(Reason::AuthorityMissing)?;
        let authority = slot.loaded().ok_or(Reason::AuthorityMissing)?;
        let none = ClientCertificate {
            presented: None,
            verdict: Verdict::None,
            missing: false,
            pass: self.rule.pass_certificate,
        };
        if self.rule.verify == VerifyClient::Off {
            return Ok(none);
        }
        let presented = presented.filter(|presented| presented.is_for(slot, self.rule.depth));
        let presented = presented.ok_or(Reason::MisdirectedRequest)?;
        let verdict = presented.verdict(&authority).ok_or(Reason::MisdirectedRequest)?;
        match (self.rule.verify, verdict) {
            (VerifyClient::On, Verdict::None) => return Err(Reason::CertificateMissing),
            (_, Verdict::None | Verdict::Success) => {}
            (VerifyClient::OptionalNoCa, failed) if failed.is_unknown_authority() => {}
            _ => return Err(Reason::CertificateInvalid),
        }
        Ok(ClientCertificate { presented: Some(presented.clone()), verdict, ..none })
    }

    /// Whether the subject is one that is let in.
    fn takes(&self, certificate: &ClientCertificate) -> bool {
        let Some(pattern) = &self.subject else { return true };
        let subject = certificate.presented.as_ref().and_then(Presented::subject);
        let subject = subject.map_or(&b""[..], |subject| subject.as_bytes());
        pattern.as_ref().is_some_and(|pattern| pattern.is_match(subject))
    }

    fn answer(&self, reason: Reason) -> Answer {
        match (&self.error_page, reason) {
            (Some(url), Reason::CertificateMissing | Reason::CertificateInvalid) => {
                Answer::redirect(reason, 302, url.clone())
            }
            (_, Reason::AuthorityMissing | Reason::CertificateForbidden) => Answer::page(reason),
            // Another handshake is needed to get any further.
            _ => Answer::close(reason),
        }
    }
}

/// What is known of the client of a request that may use its host.
///
/// # Errors
/// The answer, when it may not.
pub fn check(check: &Check, connection: Option<&Digest>, ctx: &Context) -> Result<ClientCertificate, Answer> {
    if !ctx.tls {
        return clear_text(check);
    }
    let digest = connection.and_then(|digest| digest.ssl_digest.as_ref());
    let presented = digest.and_then(|digest| digest.extension.get::<Presented>());
    let certificate = check.judge(presented).map_err(|reason| check.answer(reason))?;
    if !check.takes(&certificate) {
        return Err(check.answer(Reason::CertificateForbidden));
    }
    Ok(certificate)
}

/// In clear text nobody can present anything. Redirects to HTTPS still come first; see [`super::check_clear`].
fn clear_text(check: &Check) -> Result<ClientCertificate, Answer> {
    if check.slot.as_ref().and_then(|slot| slot.loaded()).is_none() {
        return Err(check.answer(Reason::AuthorityMissing));
    }
    Ok(ClientCertificate {
        presented: None,
        verdict: Verdict::None,
        missing: check.rule.verify == VerifyClient::On || check.subject.is_some(),
        pass: false,
    })
}
