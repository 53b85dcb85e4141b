//! TLS: one context for all cores, the certificate chosen per handshake by server name.
//!
//! A renewed certificate is served by the next handshake; no listener and no context is touched. Settings that change make
//! a new context, which the next handshake takes; whoever is connected notices nothing.

use crate::live::Live;
use arc_swap::ArcSwap;
use ingora_config::settings::{Tls as Settings, TlsVersion};
use openssl::error::ErrorStack;
use openssl::ssl::{
    AlpnError, NameType, SniError, SslAcceptor, SslAlert, SslMethod, SslOptions, SslSessionCacheMode,
    SslVersion, select_next_proto,
};
use pingora::listeners::TlsAccept;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::{SslStream, TlsRef, server::handshake_with_callback};
use pingora::tls::ext;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The suites of ingress-nginx' `ssl-ciphers` default that need no DH parameters; TLS 1.3 has its own.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                       ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// Mozilla "intermediate" with the hybrid group that browsers offer first; the library's own list has X448 and P-521 too.
const GROUPS: &str = "X25519MLKEM768:X25519:P-256:P-384";
/// In order of preference, in wire format (RFC 7301 section 3.1).
const PROTOCOLS: &[u8] = b"\x02h2\x08http/1.1";
const HTTP1: &[u8] = b"\x08http/1.1";
/// How `ssl-session-cache-size` is counted: nginx holds about 4,000 sessions in a megabyte.
const BYTES_PER_SESSION: u64 = 262;

/// The TLS side of a listener.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    current: ArcSwap<Context>,
    /// Held by whoever makes the next context.
    making: Mutex<()>,
    certificates: BySni,
}

/// A context and what it was made from. Handshakes and connections that began with it keep it.
struct Context {
    acceptor: SslAcceptor,
    settings: Settings,
    made: Instant,
}

impl Context {
    /// Whether it is what new handshakes want. The library keeps a session for two hours and cannot be told otherwise, so
    /// that the context with its sessions and ticket keys lives no longer than `ssl-session-timeout`.
    fn serves(&self, settings: &Settings) -> bool {
        let lifetime = Duration::from_secs(settings.session_timeout.into());
        self.settings == *settings && self.made.elapsed() < lifetime
    }
}

struct BySni(Arc<Live>);

impl Tls {
    /// A context as the settings want it.
    ///
    /// # Errors
    /// When the TLS library refuses it.
    pub fn new(live: Arc<Live>) -> Result<Self, ErrorStack> {
        let settings = live.table().settings().tls.clone();
        let context = Context { acceptor: acceptor(&settings, &live)?, settings, made: Instant::now() };
        Ok(Self(Arc::new(Inner {
            current: ArcSwap::from_pointee(context),
            making: Mutex::new(()),
            certificates: BySni(live),
        })))
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// When the client does not speak TLS, or nothing that both speak.
    pub async fn accept(&self, stream: L4Stream) -> pingora::Result<SslStream<L4Stream>> {
        let context = self.context();
        handshake_with_callback(&context.acceptor, stream, &self.0.certificates).await
    }

    /// The context for a handshake that begins now.
    fn context(&self) -> Arc<Context> {
        let inner = &self.0;
        let context = inner.current.load_full();
        let table = inner.certificates.0.table();
        let settings = &table.settings().tls;
        if context.serves(settings) {
            return context;
        }
        // One core makes it; the others go on with the one before.
        let Ok(_making) = inner.making.try_lock() else { return context };
        let context = inner.current.load_full();
        if context.serves(settings) {
            return context;
        }
        let made = acceptor(settings, &inner.certificates.0).unwrap_or_else(|error| {
            // controller-sync tries each value on the same library; another release of it may still differ.
            tracing::error!(%error, "the TLS library refuses the settings; those before stay");
            context.acceptor.clone()
        });
        let next = Arc::new(Context { acceptor: made, settings: settings.clone(), made: Instant::now() });
        inner.current.store(Arc::clone(&next));
        next
    }
}

fn acceptor(settings: &Settings, live: &Arc<Live>) -> Result<SslAcceptor, ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    let version = |version: &TlsVersion| match version {
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    };
    builder
        .set_min_proto_version(Some(settings.versions.iter().min().map_or(SslVersion::TLS1_2, version)))?;
    builder.set_max_proto_version(settings.versions.iter().max().map(version))?;
    builder.set_cipher_list(settings.ciphers.as_deref().unwrap_or(CIPHERS))?;
    builder.set_groups_list(settings.groups.as_deref().unwrap_or(GROUPS))?;
    let protocols = if settings.http2 { PROTOCOLS } else { HTTP1 };
    builder.set_alpn_select_callback(move |_, offered| {
        select_next_proto(protocols, offered).ok_or(AlpnError::NOACK)
    });
    builder.clear_options(SslOptions::NO_TICKET);
    builder.set_options(SslOptions::NO_RENEGOTIATION);
    if !settings.session_tickets {
        builder.set_options(SslOptions::NO_TICKET);
    }
    let cache = if settings.session_cache { SslSessionCacheMode::SERVER } else { SslSessionCacheMode::OFF };
    builder.set_session_cache_mode(cache);
    let sessions = settings.session_cache_bytes / BYTES_PER_SESSION;
    builder.set_session_cache_size(i32::try_from(sessions).unwrap_or(i32::MAX).max(1));
    builder.set_session_id_context(b"ingora")?;
    // One read per record instead of two.
    builder.set_read_ahead(true);
    if settings.reject_handshake {
        let live = Arc::clone(live);
        builder.set_servername_callback(move |ssl, alert| {
            let name = ssl.servername(NameType::HOST_NAME).map(str::to_ascii_lowercase);
            if name.is_some_and(|name| live.table().serves(name.strip_suffix('.').unwrap_or(&name))) {
                return Ok(());
            }
            *alert = SslAlert::UNRECOGNIZED_NAME;
            Err(SniError::ALERT_FATAL)
        });
    }
    Ok(builder.build())
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
