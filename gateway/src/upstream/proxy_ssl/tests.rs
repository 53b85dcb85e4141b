use super::*;
use crate::certificate::own;
use ingora_config::policy::{ClientCertificate, PeerName, ProxySslSecret, Verify};
use ingora_config::{HostName, NamespacedName, PrivateKey};
use pingora::upstreams::peer::Peer as _;

fn secret(certificate: bool, authorities: bool) -> ProxySslSecret {
    let pair = own::make().unwrap();
    let pem = String::from_utf8(pair.leaf.to_pem().unwrap()).unwrap();
    let key = PrivateKey::from_pem(pair.key.private_key_to_pem_pkcs8().unwrap());
    ProxySslSecret {
        secret: NamespacedName::new("shop", "inside"),
        certificate: certificate.then(|| ClientCertificate { chain: pem.clone(), key }),
        authorities: if authorities { pem } else { String::new() },
    }
}

fn wanted(verify: bool) -> ProxySsl {
    let name = HostName::new("inside.test").unwrap();
    ProxySsl {
        secret: NamespacedName::new("shop", "inside"),
        verify: verify.then(|| Verify { name: PeerName::Host(name.clone()), depth: 1 }),
        server_name: Some(name),
        oldest: TlsVersion::V1_2,
        ciphers: None,
    }
}

fn try_it(tls: &Tls) -> Result<HttpPeer, Unready> {
    let mut peer = HttpPeer::new(("127.0.0.1", 443), false, String::new());
    tls.apply(&mut peer).map(|()| peer)
}

fn key(tls: &Tls) -> u64 {
    try_it(tls).unwrap().reuse_hash()
}

#[test]
fn nothing_goes_out_before_the_secret_is_there_nor_after_it_is_gone() {
    let mut secrets = Secrets::default();
    let tls = Tls::compile(Some(&wanted(true)), false, &mut secrets);
    assert!(try_it(&tls).is_err());
    let secret = secret(true, true);
    secrets.set(&secret).unwrap();
    let peer = try_it(&tls).unwrap();
    assert!(peer.is_tls() && peer.client_cert_key.is_some());
    assert_eq!(peer.sni, "inside.test");
    secrets.remove(&secret.secret);
    assert!(try_it(&tls).is_err());
}

#[test]
fn verification_without_authorities_is_never_taken_for_none() {
    let mut secrets = Secrets::default();
    secrets.set(&secret(true, false)).unwrap();
    assert!(try_it(&Tls::compile(Some(&wanted(true)), false, &mut secrets)).is_err());
    assert!(try_it(&Tls::compile(Some(&wanted(false)), false, &mut secrets)).is_ok());
}

#[test]
fn a_secret_that_cannot_be_used_replaces_what_was_there() {
    let mut secrets = Secrets::default();
    secrets.set(&secret(true, true)).unwrap();
    let tls = Tls::compile(Some(&wanted(true)), false, &mut secrets);
    assert!(try_it(&tls).is_ok());
    let mut bad = secret(true, true);
    bad.certificate.as_mut().unwrap().key = PrivateKey::from_pem(b"TOP-SECRET".to_vec());
    let error = secrets.set(&bad).unwrap_err().to_string();
    assert!(error.contains("tls.key") && !error.contains("TOP-SECRET"), "{error}");
    assert!(try_it(&tls).is_err());
    let nonsense =
        ProxySslSecret { authorities: "-----BEGIN CERTIFICATE-----\n!".into(), ..secret(true, true) };
    assert!(secrets.set(&nonsense).is_err());
}

#[test]
fn connections_are_shared_only_where_everything_is_the_same() {
    let mut secrets = Secrets::default();
    let first = secret(true, true);
    secrets.set(&first).unwrap();
    let mut of = |wanted: &ProxySsl, http2| key(&Tls::compile(Some(wanted), http2, &mut secrets));
    let plain = wanted(true);
    let key_of_plain = of(&plain, false);
    assert_eq!(of(&plain, false), key_of_plain, "two routes that want the same");
    let other = Verify { name: PeerName::Host(HostName::new("other.test").unwrap()), depth: 1 };
    let deeper = Verify { depth: 2, ..plain.verify.clone().unwrap() };
    for different in [
        ProxySsl { verify: None, ..plain.clone() },
        ProxySsl { verify: Some(other), ..plain.clone() },
        ProxySsl { verify: Some(deeper), ..plain.clone() },
        ProxySsl { server_name: None, ..plain.clone() },
        ProxySsl { oldest: TlsVersion::V1_3, ..plain.clone() },
        ProxySsl { ciphers: Some(vec![0xc02f]), ..plain.clone() },
    ] {
        assert_ne!(of(&different, false), key_of_plain, "{different:?}");
    }
    assert_ne!(of(&plain, true), key_of_plain, "HTTP/2");
    let bare = Tls::compile(None, false, &mut secrets);
    assert_ne!(key(&bare), key_of_plain);

    let tls = Tls::compile(Some(&plain), false, &mut secrets);
    assert_eq!(key(&tls), key_of_plain);
    secrets.set(&first).unwrap();
    assert_eq!(key(&tls), key_of_plain, "an unchanged Secret");
    secrets.set(&secret(true, true)).unwrap();
    assert_ne!(key(&tls), key_of_plain, "a renewed Secret");
}

#[test]
fn a_connection_that_nobody_looked_at_is_refused_and_not_found_again() {
    let tls = Tls::compile(None, false, &mut Secrets::default());
    let before = key(&tls);
    assert_eq!(tls.check(None), Err(Refusal::Unchecked));
    let digest = SslDigest::new("cipher", "TLSv1.3", None, None, Vec::new());
    assert_eq!(tls.check(Some(&digest)), Err(Refusal::Unchecked));
    assert_ne!(key(&tls), before);
}

#[test]
fn slots_that_nothing_uses_are_forgotten() {
    let mut secrets = Secrets::default();
    let secret = secret(false, true);
    secrets.set(&secret).unwrap();
    let tls = Tls::compile(Some(&wanted(true)), false, &mut secrets);
    assert_eq!(secrets.keys().count(), 1);
    secrets.remove(&secret.secret);
    assert_eq!(secrets.keys().count(), 0);
    assert!(format!("{secrets:?}").contains("inside"), "the route still waits for it");
    drop(tls);
    secrets.remove(&secret.secret);
    assert_eq!(format!("{secrets:?}"), "{}");
}
