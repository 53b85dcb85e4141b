//! Certificates as handshakes and the sync client see them.

use super::*;
use ingora_config::{Certificate, PrivateKey};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::{X509, X509NameBuilder};

fn ecdsa() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

/// A self-signed certificate for `key`, in PEM.
fn pem(name: &str, key: &PKey<Private>) -> String {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    String::from_utf8(builder.build().to_pem().unwrap()).unwrap()
}

fn key_pem(key: &PKey<Private>) -> PrivateKey {
    PrivateKey::from_pem(key.private_key_to_pem_pkcs8().unwrap())
}

fn secret(name: &str) -> NamespacedName {
    NamespacedName::new("shop", name)
}

fn certificate(name: &str, key: &PKey<Private>) -> Certificate {
    Certificate { secret: secret(name), chain: pem(name, key), key: key_pem(key) }
}

/// A store with the certificates `exact`, `wild` and `default`, and whatever hosts are given.
fn store(hosts: &[(&str, &str)]) -> Store {
    let mut store = Store::new(Arc::new(own::make().unwrap()));
    for name in ["exact", "wild", "default"] {
        store.set(&certificate(name, &ecdsa())).unwrap();
    }
    for (host, name) in hosts {
        store.set_host(&Host::parse(host).unwrap(), Some(&secret(name)));
    }
    store
}

fn served(certificates: &Certificates, name: &str) -> String {
    certificates.find(Some(name)).subject()
}

#[test]
fn server_names_are_looked_up_exact_then_wildcard_then_default() {
    let mut store = store(&[("a.test", "exact"), ("*.test", "wild")]);
    store.set_default(Some(&secret("default")));
    let certificates = store.publish().unwrap();
    for (name, subject) in [
        ("a.test", "CN=exact"),
        ("A.Test.", "CN=exact"),
        ("b.test", "CN=wild"),
        ("c.b.test", "CN=default"),
        ("test", "CN=default"),
        (".test", "CN=default"),
        ("", "CN=default"),
        (".", "CN=default"),
        (&"x".repeat(5000), "CN=default"),
    ] {
        assert_eq!(served(&certificates, name), subject, "{name:?}");
    }
    assert_eq!(certificates.find(None).subject(), "CN=default");
}

#[test]
fn a_host_without_a_certificate_is_served_by_the_wildcard_or_by_the_default() {
    let mut store = store(&[("a.test", "exact"), ("*.test", "wild")]);
    store.set_host(&Host::parse("a.test").unwrap(), None);
    let certificates = store.publish().unwrap();
    assert_eq!(served(&certificates, "a.test"), "CN=wild");
    assert!(served(&certificates, "other").contains("CN=Ingora Default Certificate"));
}

#[test]
fn a_missing_secret_falls_back_to_the_default_and_not_to_the_wildcard() {
    let mut store = store(&[("a.test", "late"), ("*.test", "wild")]);
    let certificates = store.publish().unwrap();
    assert!(served(&certificates, "a.test").contains("Ingora Default"));
    store.set(&certificate("late", &ecdsa())).unwrap();
    assert_eq!(served(&certificates, "a.test"), "CN=late", "seen without a new generation");
    assert!(store.publish().is_none(), "no host changed");
    store.remove(&secret("late"));
    assert!(served(&certificates, "a.test").contains("Ingora Default"));
}

#[test]
fn rsa_and_ecdsa_are_served_and_a_renewed_secret_is_seen_by_the_next_handshake() {
    let mut store = store(&[("a.test", "exact")]);
    let certificates = store.publish().unwrap();
    assert_eq!(certificates.find(Some("a.test")).key_type(), "id-ecPublicKey");
    store.set(&certificate("exact", &rsa(2048))).unwrap();
    assert_eq!(certificates.find(Some("a.test")).key_type(), "rsaEncryption");
}

#[test]
fn an_unchanged_secret_is_not_loaded_again() {
    let mut store = store(&[("a.test", "exact")]);
    let key = ecdsa();
    let certificate = certificate("exact", &key);
    store.set(&certificate).unwrap();
    let certificates = store.publish().unwrap();
    let before = certificates.find(Some("a.test"));
    store.set(&certificate).unwrap();
    assert!(Arc::ptr_eq(&before, &certificates.find(Some("a.test"))));
}

#[test]
fn what_cannot_be_used_is_refused_and_replaces_what_was_there() {
    let key = ecdsa();
    let good = certificate("exact", &key);
    let encrypted = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret").unwrap();
    let weak = rsa(512);
    for (bad, why) in [
        (Certificate { chain: "nonsense".into(), ..good.clone() }, "has 0 certificates"),
        (Certificate { chain: String::new(), ..good.clone() }, "has 0 certificates"),
        (Certificate { chain: good.chain.repeat(17), ..good.clone() }, "has 17 certificates"),
        (Certificate { chain: good.chain.replace("MII", "!!!"), ..good.clone() }, "tls.crt cannot be read"),
        (
            Certificate { key: PrivateKey::from_pem(b"nonsense".to_vec()), ..good.clone() },
            "tls.key cannot be read",
        ),
        (Certificate { key: PrivateKey::from_pem(encrypted), ..good.clone() }, "tls.key cannot be read"),
        (Certificate { key: key_pem(&ecdsa()), ..good.clone() }, "does not belong"),
        (certificate("exact", &weak), "refuses the certificate"),
    ] {
        let mut store = store(&[("a.test", "exact")]);
        let error = store.set(&bad).unwrap_err().to_string();
        assert!(error.contains(why), "{error} is not about {why}");
        assert!(served(&store.publish().unwrap(), "a.test").contains("Ingora Default"));
        store.set(&good).unwrap();
    }
}

#[test]
fn the_chain_is_kept_in_order() {
    let key = ecdsa();
    let chain = format!("{}{}{}", pem("leaf", &key), pem("one", &ecdsa()), pem("two", &ecdsa()));
    let loaded =
        LoadedCertificate::load(&Certificate { secret: secret("x"), chain, key: key_pem(&key) }).unwrap();
    assert_eq!(loaded.subject(), "CN=leaf");
    assert_eq!(loaded.chain.len(), 2);
    assert!(loaded.chain[0].to_text().unwrap().starts_with(b"Certificate"));
    assert_eq!(loaded.fingerprint().len(), 64);
}

#[test]
fn the_own_certificate_says_what_it_is() {
    let own = own::make().unwrap();
    assert_eq!(
        own.subject(),
        "CN=Ingora Default Certificate, O=Ingora, OU=made by the gateway, no certificate is set for this host"
    );
    assert_eq!(own.names(), ["ingora.invalid"]);
    assert!(own.leaf.not_after() > Asn1Time::days_from_now(366).unwrap());
    assert!(own.leaf.not_before() < Asn1Time::days_from_now(0).unwrap());
    assert!(own.leaf.verify(&own.key).unwrap());
    assert!(!format!("{own:?}").contains("PKey"));
}

#[test]
fn a_secret_that_nothing_names_is_forgotten() {
    let mut store = store(&[("a.test", "exact"), ("b.test", "missing")]);
    for name in ["exact", "wild", "default"] {
        store.remove(&secret(name));
    }
    for host in ["a.test", "b.test"] {
        store.set_host(&Host::parse(host).unwrap(), None);
    }
    assert_eq!(store.all().count(), 0);
}
