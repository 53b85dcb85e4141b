//! TLS: one context for all cores, the certificate chosen per handshake by server name.
//!
//! A renewed certificate is served by the next handshake; no listener and no context is touched.

use crate::live::Live;
use openssl::ssl::{
    AlpnError, NameType, SslAcceptor, SslMethod, SslOptions, SslSessionCacheMode, SslVersion,
    select_next_proto,
};
use pingora::listeners::TlsAccept;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::{SslStream, TlsRef, server::handshake_with_callback};
use pingora::tls::ext;
use std::sync::Arc;

/// The suites of ingress-nginx' `ssl-ciphers` default that need no DH parameters; TLS 1.3 has its own.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                       ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// Mozilla "intermediate" with the hybrid group that browsers offer first; the library's own list has X448 and P-521 too.
const GROUPS: &str = "X25519MLKEM768:X25519:P-256:P-384";
/// In order of preference, in wire format (RFC 7301 section 3.1).
const PROTOCOLS: &[u8] = b"\x02h2\x08http/1.1";
/// Sessions that can be resumed; ingress-nginx' `ssl-session-cache-size` of 10m holds about as many.
const SESSIONS: i32 = 40_000;

/// The TLS side of a listener.
#[derive(Clone)]
pub struct Tls {
    acceptor: SslAcceptor,
    certificates: Arc<BySni>,
}

struct BySni(Arc<Live>);

impl Tls {
    /// A context with the gateway's protocol versions, suites, groups and session cache.
    ///
    /// # Errors
    /// When the TLS library refuses one of them.
    pub fn new(live: Arc<Live>) -> Result<Self, openssl::error::ErrorStack> {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_cipher_list(CIPHERS)?;
        builder.set_groups_list(GROUPS)?;
        builder.set_alpn_select_callback(|_, offered| {
            select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::NOACK)
        });
        // Stateful sessions as in ingress-nginx: tickets would hang on one key for the life of the process.
        builder.set_options(SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION);
        builder.set_session_cache_mode(SslSessionCacheMode::SERVER);
        builder.set_session_cache_size(SESSIONS);
        builder.set_session_id_context(b"ingora")?;
        // One read per record instead of two.
        builder.set_read_ahead(true);
        Ok(Self { acceptor: builder.build(), certificates: Arc::new(BySni(live)) })
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// When the client does not speak TLS, or nothing that both speak.
    pub async fn accept(&self, stream: L4Stream) -> pingora::Result<SslStream<L4Stream>> {
        handshake_with_callback(&self.acceptor, stream, &*self.certificates).await
    }
}

#[async_trait::async_trait]
impl TlsAccept for BySni {
    async fn certificate_callback(&self, ssl: &mut TlsRef) {
        let certificate = self.0.certificates().find(ssl.servername(NameType::HOST_NAME));
        let mut set = || {
            ext::ssl_use_certificate(ssl, &certificate.leaf)?;
            ext::ssl_use_private_key(ssl, &certificate.key)?;
            certificate.chain.iter().try_for_each(|link| ext::ssl_add_chain_cert(ssl, link))
        };
        // Without a certificate the handshake fails, which is all that can be done here.
        if let Err(error) = set() {
            tracing::error!(%error, "a certificate that was checked cannot be used");
        }
    }
}
