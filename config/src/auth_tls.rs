//! Client certificates: what a host asks of its clients, and the authorities it believes.
//!
//! What a host asks is part of its [`crate::VirtualHost`]. The authorities are a resource of their own, one for each Secret: many
//! hosts name the same, and a renewed list touches no host.

use crate::NamespacedName;
use crate::pattern::{self, InvalidPattern};
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest `auth-tls-match-cn`, in bytes.
pub const MAX_SUBJECT_PATTERN: usize = 1024;
/// How large one may be when it is compiled, in bytes.
const MAX_COMPILED: usize = 256 * 1024;

/// `auth-tls-*`: what a host asks of its clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuthTls {
    /// `auth-tls-secret`; `None` when it cannot be used: then every request for the host is answered with 403, as in
    /// ingress-nginx.
    pub authority: Option<NamespacedName>,
    /// `auth-tls-verify-client`.
    pub verify: VerifyClient,
    /// `auth-tls-verify-depth`: the most certificates between that of the client and that of an authority.
    pub depth: u8,
    /// `auth-tls-error-page`: the URL that clients without a valid certificate are redirected to.
    pub error_page: Option<String>,
    /// `auth-tls-pass-certificate-to-upstream`.
    pub pass_certificate: bool,
    /// `auth-tls-match-cn`: what the subject of the certificate must look like.
    pub match_cn: Option<SubjectPattern>,
}

/// `auth-tls-verify-client`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VerifyClient {
    /// There must be a valid certificate.
    #[default]
    On,
    /// None is asked for.
    Off,
    /// There may be none, but not an invalid one.
    Optional,
    /// There may be none, or one of an authority that is not known: the upstream judges.
    OptionalNoCa,
}

/// A regular expression over the subject of a certificate in the form of RFC 2253, as `CN=client,O=Example`. It is found anywhere,
/// with regard to case, in linear time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectPattern(Box<str>);

impl SubjectPattern {
    /// Checks a pattern.
    ///
    /// # Errors
    /// When it is no regular expression, or is too large.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        let pattern = Self(text.into());
        pattern.compile()?;
        Ok(pattern)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes it ready to match.
    ///
    /// # Errors
    /// Never for a value that exists; the caller decides what to do all the same.
    pub fn compile(&self) -> Result<Regex, InvalidPattern> {
        if self.0.len() > MAX_SUBJECT_PATTERN {
            return Err(InvalidPattern::TooLarge);
        }
        pattern::parse(&self.0)?;
        let mut builder = RegexBuilder::new(&self.0);
        builder.unicode(false).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED);
        builder.build().map_err(pattern::refused)
    }
}

impl TryFrom<String> for SubjectPattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<SubjectPattern> for String {
    fn from(pattern: SubjectPattern) -> Self {
        pattern.0.into()
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The authorities of one Secret. Nothing of it is secret; the key of a Secret that has one is not in here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Authority {
    /// The Secret.
    pub secret: NamespacedName,
    /// `ca.crt`: their certificates, PEM.
    pub certificates: String,
    /// `ca.crl`: the lists of what they revoked, PEM. With one, every certificate of a chain needs a list of its issuer.
    pub revoked: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_matched_anywhere_and_with_regard_to_case() {
        let regex = SubjectPattern::new("CN=client[0-9]").unwrap().compile().unwrap();
        assert!(regex.is_match(b"O=Example,CN=client7") && !regex.is_match(b"CN=Client7"));
        let anchored = SubjectPattern::new("^CN=client$").unwrap().compile().unwrap();
        assert!(anchored.is_match(b"CN=client") && !anchored.is_match(b"CN=client,O=x"));
    }

    #[test]
    fn a_pattern_that_is_none_or_too_large_is_refused_from_the_wire_too() {
        for text in ["CN=(", "CN=(?=a)", r"CN=(a)\1", "CN=(a{1000}){1000}", &"a".repeat(2000)] {
            assert!(SubjectPattern::new(text).is_err(), "{text:.20}");
            let wire = postcard::to_stdvec(text).unwrap();
            assert!(postcard::from_bytes::<SubjectPattern>(&wire).is_err(), "{text:.20}");
        }
    }
}
