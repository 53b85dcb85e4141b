//! Small objects for tests, decoded from the JSON that users and the API server write.

use crate::object::Object;
use crate::store::Store;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Name};
use serde_json::{Value, json};

/// For how many days after day 1000, on which the tests live, a certificate of [`pem`] is valid.
pub(super) const DAYS_VALID: u64 = 200;

pub(super) fn decode(document: Value) -> Object {
    Object::from_value(document).unwrap().unwrap()
}

pub(super) fn remove(store: &mut Store, object: &Object) {
    store.remove(&object.key());
}

/// An Ingress that sends a host to port 80 of the Service `web`.
pub(super) fn ingress(name: &str, host: &str) -> Object {
    ingress_with(name, host, &json!({}))
}

/// The same with more in its `spec`.
pub(super) fn ingress_with(name: &str, host: &str, more: &Value) -> Object {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let mut spec = json!({"rules": [{"host": host, "http": {"paths": [path]}}]});
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    decode(
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": spec}),
    )
}

pub(super) fn service(name: &str) -> Object {
    decode(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}]}}))
}

/// A slice of a Service with one address.
pub(super) fn slice(service: &str, address: &str) -> Object {
    decode(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{service}-1"), "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"addresses": [address]}], "ports": [{"port": 8080}]}))
}

/// A Secret with a new certificate for a name.
pub(super) fn secret(name: &str, host: &str) -> Object {
    let (chain, key) = pem(host);
    decode(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "stringData": {"tls.crt": chain, "tls.key": key}}))
}

/// A new self-signed certificate and its key.
pub(super) fn pem(host: &str) -> (String, String) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut builder = X509::builder().unwrap();
    let name = X509Name::builder().unwrap().build();
    let day = |day: u64| Asn1Time::from_unix((day * super::DAY).try_into().unwrap()).unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&day(900)).unwrap();
    builder.set_not_after(&day(1000 + DAYS_VALID)).unwrap();
    let names = SubjectAlternativeName::new().dns(host).build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let text = |pem: Vec<u8>| String::from_utf8(pem).unwrap();
    (text(builder.build().to_pem().unwrap()), text(key.private_key_to_pem_pkcs8().unwrap()))
}
