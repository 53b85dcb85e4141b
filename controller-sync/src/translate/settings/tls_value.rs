//! Values of the TLS keys. Lists of OpenSSL are tried on OpenSSL: what it takes here it takes in the gateway.

use crate::translate::value::{Invalid, List, Parsed};
use ingora_config::settings::TlsVersion;
use openssl::ssl::{SslContextBuilder, SslMethod};

/// The longest list, in bytes.
const MAX_BYTES: usize = 4096;

/// `ssl-protocols`: versions that are not served any more are told and skipped.
pub(super) fn versions(text: &str) -> Parsed<List<TlsVersion>> {
    let mut list = List { items: Vec::new(), invalid: Vec::new() };
    for word in text.split([' ', ',', '\t', '\n']).filter(|word| !word.is_empty()) {
        match word {
            "TLSv1.2" => list.items.push(TlsVersion::V1_2),
            "TLSv1.3" => list.items.push(TlsVersion::V1_3),
            "SSLv2" | "SSLv3" | "TLSv1" | "TLSv1.0" | "TLSv1.1" => list.invalid.push(Invalid::new(
                word,
                "is not served (RFC 8996)",
                "leave it out; clients that know no TLS 1.2 are not served",
            )),
            _ => return Err(Invalid::new(word, "is no TLS version", "write TLSv1.2, TLSv1.3 or both")),
        }
    }
    list.items.sort_unstable();
    list.items.dedup();
    if list.items.is_empty() {
        return Err(Invalid::new(text, "leaves no version to serve", "write TLSv1.2, TLSv1.3 or both"));
    }
    Ok(list)
}

/// What the library can be asked about at all: it takes no NUL.
fn is_plain(list: &str) -> bool {
    list.len() <= MAX_BYTES && list.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// `ssl-ciphers`.
pub(in crate::translate) fn ciphers(text: &str) -> Parsed<Option<String>> {
    let list = text.trim();
    // A security level would lower what keys and signatures must have at least.
    let usable = is_plain(list) && !list.contains('@') && {
        let builder = SslContextBuilder::new(SslMethod::tls_server());
        builder.and_then(|mut builder| builder.set_cipher_list(list)).is_ok()
    };
    let hint = "write names of OpenSSL with colons between them: ECDHE-RSA-AES128-GCM-SHA256:…";
    if usable { Ok(Some(list.to_owned())) } else { Err(Invalid::new(text, "is not a cipher list", hint)) }
}

/// `ssl-ecdh-curve`.
pub(super) fn groups(text: &str) -> Parsed<Option<String>> {
    let list = text.trim();
    if list == "auto" {
        return Ok(None);
    }
    let usable = is_plain(list) && {
        let builder = SslContextBuilder::new(SslMethod::tls_server());
        builder.and_then(|mut builder| builder.set_groups_list(list)).is_ok()
    };
    let hint = "write auto, or curves with colons between them: X25519:P-256";
    if usable { Ok(Some(list.to_owned())) } else { Err(Invalid::new(text, "is no list of curves", hint)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_skipped_and_unknown_ones_refused() {
        let list = versions("TLSv1 TLSv1.3  TLSv1.2").unwrap();
        assert_eq!((list.items, list.invalid.len()), (vec![TlsVersion::V1_2, TlsVersion::V1_3], 1));
        assert!(
            versions("TLSv1.1").is_err() && versions("TLSv1.4 TLSv1.3").is_err() && versions("").is_err()
        );
    }

    #[test]
    fn lists_are_those_of_openssl() {
        assert!(ciphers("ECDHE-RSA-AES128-GCM-SHA256:!aNULL").is_ok());
        for text in ["", "NO-SUCH-CIPHER", "ALL:@SECLEVEL=0", "\0", &"A".repeat(5000)] {
            assert!(ciphers(text).is_err(), "{text:.20}");
        }
        assert_eq!(groups("auto"), Ok(None));
        assert_eq!(groups("X25519:P-256"), Ok(Some("X25519:P-256".into())));
        assert!(groups("P-1").is_err() && groups("P-256\0").is_err());
    }
}
