//! An API server behind TLS whose certificate and CA are replaced.

use super::ingress;
use super::listener::Listener;
use super::server::Server;
use ingora_controller_sync::source::cluster::client::ClientOptions;
use ingora_controller_sync::store;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A certificate for 127.0.0.1 that is its own CA.
fn certificate(name: &str) -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let alternative =
        SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None));
    builder.append_extension(alternative.unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

fn acceptor((certificate, key): &(X509, PKey<Private>)) -> SslAcceptor {
    let mut builder = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
    builder.set_certificate(certificate).unwrap();
    builder.set_private_key(key).unwrap();
    builder.build()
}

/// Takes TLS off one connection and passes its one request on.
fn pass(acceptor: &SslAcceptor, client: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let Ok(mut client) = acceptor.accept(client) else { return Ok(()) };
    let mut server = TcpStream::connect(to)?;
    let mut request = [0; 16 * 1024];
    let length = client.read(&mut request)?;
    let Some((line, rest)) = std::str::from_utf8(&request[..length]).unwrap().split_once("\r\n") else {
        return Ok(());
    };
    write!(server, "{line}\r\nconnection: close\r\n{rest}")?;
    let mut piece = [0; 16 * 1024];
    loop {
        let length = server.read(&mut piece)?;
        if length == 0 {
            return client.get_ref().shutdown(Shutdown::Both);
        }
        client.write_all(&piece[..length])?;
    }
}

#[tokio::test]
async fn a_ca_that_is_rotated_is_read_again() {
    let server = Server::start();
    server.put("ingresses", ingress("web", "a.example"));
    let (first, second) = (certificate("first"), certificate("second"));
    let serving = Arc::new(Mutex::new(acceptor(&first)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (to, acceptors) = (server.address(), Arc::clone(&serving));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let acceptor = acceptors.lock().unwrap().clone();
            std::thread::spawn(move || pass(&acceptor, client, to));
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let (ca, kubeconfig) = (dir.path().join("ca.crt"), dir.path().join("config"));
    std::fs::write(&ca, first.0.to_pem().unwrap()).unwrap();
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": url, "certificate-authority": ca}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    });
    std::fs::write(&kubeconfig, text.to_string()).unwrap();
    let options = ClientOptions { kubeconfig: Some(kubeconfig), apiserver_host: None };
    let mut listener = Listener::to(options, store::Options::default(), None).await;
    listener.until_ready().await;
    *serving.lock().unwrap() = acceptor(&second);
    server.cut();
    let failed = "ingora_sync_source_connected{kind=\"Ingress\"} 0";
    listener.until("the refusal of the new certificate", |listener| listener.metric(failed)).await;
    server.put("ingresses", ingress("late", "b.example"));
    assert!(!listener.has("Ingress shop/late"), "a certificate of an unknown CA is not believed");
    std::fs::write(&ca, second.0.to_pem().unwrap()).unwrap();
    listener.until_there("Ingress shop/late").await;
    assert!(listener.has("Ingress shop/web"));
}
