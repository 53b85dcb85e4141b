//! A TLS client that asks for exactly what the test says and believes any certificate.

use super::authority::Identity;
use super::http1::Connection;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::ssl::{Ssl, SslConnector, SslMethod, SslStream, SslVerifyMode, SslVersion};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What the client offers.
#[derive(Clone, Default)]
pub(crate) struct Offer {
    /// The server name; `None` sends none.
    pub(crate) sni: Option<String>,
    /// The protocols, best first.
    pub(crate) alpn: Vec<&'static str>,
    /// The only protocol version, if there is to be only one.
    pub(crate) version: Option<SslVersion>,
    /// TLS 1.2 and older: OpenSSL's cipher list; also sets security level 0, so that old versions may be offered.
    pub(crate) ciphers: Option<&'static str>,
    /// TLS 1.3 signature algorithms, to ask for a certain kind of key.
    pub(crate) signatures: Option<&'static str>,
    /// What the client presents when it is asked.
    pub(crate) identity: Option<Identity>,
}

/// An offer for a host, HTTP/1.1 only.
pub(crate) fn offer(sni: &str) -> Offer {
    Offer { sni: Some(sni.to_owned()), alpn: vec!["http/1.1"], ..Offer::default() }
}

/// An established TLS connection.
pub(crate) struct Tls {
    /// The stream.
    pub(crate) stream: SslStream<TcpStream>,
}

impl Tls {
    /// The Common Name of the server's certificate.
    pub(crate) fn common_name(&self) -> String {
        let certificate = self.stream.ssl().peer_certificate().expect("a server shows a certificate");
        let name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next();
        name.map_or_else(String::new, |entry| entry.data().to_string().unwrap())
    }

    /// The protocol that both agreed on by ALPN.
    pub(crate) fn protocol(&self) -> Option<String> {
        self.stream.ssl().selected_alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned())
    }

    /// HTTP/1 over it.
    pub(crate) fn http1(self) -> Connection<SslStream<TcpStream>> {
        Connection::over(self.stream)
    }
}

impl Offer {
    fn ssl(&self) -> Result<Ssl, ErrorStack> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_verify(SslVerifyMode::NONE);
        builder.set_min_proto_version(self.version)?;
        builder.set_max_proto_version(self.version)?;
        if let Some(ciphers) = self.ciphers {
            builder.set_security_level(0);
            builder.set_cipher_list(ciphers)?;
        }
        if let Some(signatures) = self.signatures {
            builder.set_sigalgs_list(signatures)?;
        }
        if let Some(identity) = &self.identity {
            builder.set_certificate(&identity.certificate)?;
            builder.set_private_key(&identity.key)?;
            for link in &identity.chain {
                builder.add_extra_chain_cert(link.clone())?;
            }
        }
        let mut protocols = Vec::new();
        for protocol in &self.alpn {
            protocols.push(protocol.len() as u8);
            protocols.extend_from_slice(protocol.as_bytes());
        }
        if !protocols.is_empty() {
            builder.set_alpn_protos(&protocols)?;
        }
        let context = builder.build().into_context();
        let mut ssl = Ssl::new(&context)?;
        if let Some(sni) = &self.sni {
            ssl.set_hostname(sni)?;
        }
        Ok(ssl)
    }

    /// Shakes hands.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<Tls> {
        let ssl = self.ssl()?;
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        let stream = ssl.connect(stream).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Tls { stream })
    }

    /// An [`Ssl`] for an asynchronous stream.
    pub(crate) fn bare(&self) -> Ssl {
        self.ssl().unwrap()
    }

    /// The Common Name that the server shows, or what went wrong.
    pub(crate) fn common_name(&self, address: SocketAddr) -> String {
        match self.connect(address) {
            Ok(tls) => tls.common_name(),
            Err(error) => error.to_string(),
        }
    }
}
