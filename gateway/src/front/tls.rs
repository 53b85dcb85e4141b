//! TLS: one context for all cores, the certificate chosen per handshake by server name.
//!
//! ```text
//!   no host asks for more       ─▶ the one context
//!   else ClientHello ─▶ name ─▶ table ─┬▶ ssl-passthrough: nothing is opened, see super::passthrough
//!                                      └▶ HostTls::handshake ─▶ a context of its own, made when it is first used
//! ```
//!
//! A renewed certificate is served by the next handshake; no listener and no context is touched. Settings that change make
//! a new context, which the next handshake takes; whoever is connected notices nothing.

use super::client_hello;
use crate::auth_tls::Presented;
use crate::auth_tls::authority::LoadedAuthority;
use crate::host_tls::Handshake;
use crate::live::Live;
use crate::table::{CompiledRoute, RouteTable};
use arc_swap::ArcSwapOption;
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
use pingora::{ErrorType::TLSHandshakeFailure, OrErr as _};
use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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

/// How many contexts were made so far.
static CONTEXTS: AtomicU64 = AtomicU64::new(0);

/// The TLS side of a listener.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    contexts: Contexts,
    certificates: BySni,
}

/// The context of one kind of handshake, made anew when what it was made from changes.
#[derive(Default)]
pub struct Contexts {
    current: ArcSwapOption<Context>,
    /// Held by whoever makes the next context.
    making: Mutex<()>,
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contexts")
    }
}

/// A context and what it was made from. Handshakes and connections that began with it keep it.
struct Context {
    acceptor: SslAcceptor,
    settings: Settings,
    /// Those that client certificates are judged by.
    authority: Option<Arc<LoadedAuthority>>,
    made: Instant,
}

impl Context {
    fn make(
        settings: &Settings,
        live: &Arc<Live>,
        handshake: Option<&Handshake>,
        authority: Option<Arc<LoadedAuthority>>,
    ) -> Result<Self, ErrorStack> {
        let acceptor = acceptor(settings, live, handshake, authority.as_deref())?;
        Ok(Self { acceptor, settings: settings.clone(), authority, made: Instant::now() })
    }

    /// Whether it is what new handshakes want. The library keeps a session for two hours and cannot be told otherwise, so
    /// that the context with its sessions and ticket keys lives no longer than `ssl-session-timeout`.
    fn serves(&self, settings: &Settings, authority: Option<&Arc<LoadedAuthority>>) -> bool {
        let lifetime = Duration::from_secs(settings.session_timeout.into());
        let same = match (&self.authority, authority) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        same && self.settings == *settings && self.made.elapsed() < lifetime
    }
}

impl Contexts {
    /// The context for a handshake that begins now.
    fn get(&self, live: &Arc<Live>, handshake: Option<&Handshake>) -> Result<Arc<Context>, ErrorStack> {
        let table = live.table();
        let settings = &table.settings().tls;
        let authority = handshake.and_then(|handshake| handshake.authority.as_ref()?.0.loaded());
        let serves = |context: &Arc<Context>| context.serves(settings, authority.as_ref());
        let current = self.current.load_full();
        if let Some(context) = current.clone().filter(serves) {
            return Ok(context);
        }
        // One core makes it; the others go on with the one before, or wait where there is none. Whoever is let in by
        // authorities that are gone is judged again when its request comes.
        let making = match (self.making.try_lock(), current) {
            (Ok(making), _) => making,
            (Err(_), Some(before)) => return Ok(before),
            (Err(_), None) => self.making.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let before = self.current.load_full();
        if let Some(context) = before.clone().filter(serves) {
            return Ok(context);
        }
        let made = match (Context::make(settings, live, handshake, authority), before) {
            (Ok(made), _) => made,
            (Err(error), None) => return Err(error),
            (Err(error), Some(before)) => {
                // controller-sync tries each value on the same library; another release of it may still differ.
                tracing::error!(%error, "the TLS library refuses the settings; those before stay");
                let (acceptor, authority) = (before.acceptor.clone(), before.authority.clone());
                Context { acceptor, settings: settings.clone(), authority, made: Instant::now() }
            }
        };
        let made = Arc::new(made);
        self.current.store(Some(Arc::clone(&made)));
        drop(making);
        Ok(made)
    }
}

struct BySni(Arc<Live>);

impl Tls {
    /// A context as the settings want it.
    ///
    /// # Errors
    /// When the TLS library refuses it.
    pub fn new(live: Arc<Live>) -> Result<Self, ErrorStack> {
        let contexts = Contexts::default();
        contexts.get(&live, None)?;
        Ok(Self(Arc::new(Inner { contexts, certificates: BySni(live) })))
    }

    /// Shakes hands, or finds out that it is not ours to do.
    ///
    /// # Errors
    /// When the client does not speak TLS, or nothing that both speak.
    pub async fn accept(&self, stream: L4Stream) -> pingora::Result<Accepted> {
        let table = self.0.certificates.0.table();
        if !table.asks_by_name() {
            return self.shake(stream, None).await;
        }
        let mut stream = stream;
        let read = client_hello::read(&mut stream).await;
        let (name, hello) = read.or_err(TLSHandshakeFailure, "no ClientHello")?;
        if let Some(route) = table.passthrough(&name).cloned() {
            return Ok(Accepted::Unopened(Box::new(Unopened { stream, hello, name, route, table })));
        }
        stream.rewind(&hello);
        drop(hello);
        let host = table.host_tls(table.host(&name)).cloned();
        drop(table);
        self.shake(stream, host.as_ref().and_then(|host| host.handshake.as_deref())).await
    }

    async fn shake(&self, stream: L4Stream, handshake: Option<&Handshake>) -> pingora::Result<Accepted> {
        let inner = &*self.0;
        let live = &inner.certificates.0;
        let Some(handshake) = handshake else {
            let context = inner.contexts.get(live, None).or_err(TLSHandshakeFailure, "no context")?;
            let stream = handshake_with_callback(&context.acceptor, stream, &inner.certificates).await?;
            return Ok(Accepted::Tls(stream));
        };
        let context =
            handshake.contexts.get(live, Some(handshake)).or_err(TLSHandshakeFailure, "no context")?;
        let asking = Asking { certificates: &inner.certificates, handshake, context: &context };
        Ok(Accepted::Tls(handshake_with_callback(&context.acceptor, stream, &asking).await?))
    }
}

/// What a connection to the TLS port turned out to be.
pub enum Accepted {
    /// For us.
    Tls(SslStream<L4Stream>),
    /// For the upstream of its host alone.
    Unopened(Box<Unopened>),
}

/// A connection whose TLS is not ours to end.
pub struct Unopened {
    /// The connection.
    pub stream: L4Stream,
    /// What was read of it already.
    pub hello: Vec<u8>,
    /// The name it asks for.
    pub name: String,
    /// Where it goes.
    pub route: Arc<CompiledRoute>,
    /// The table that says so.
    pub table: Arc<RouteTable>,
}

/// A handshake with a rule of its own.
struct Asking<'h> {
    certificates: &'h BySni,
    handshake: &'h Handshake,
    context: &'h Context,
}

#[async_trait::async_trait]
impl TlsAccept for Asking<'_> {
    async fn certificate_callback(&self, ssl: &mut TlsRef) {
        self.certificates.certificate_callback(ssl).await;
    }

    /// Requests find it in the digest of their connection.
    async fn handshake_complete_callback(&self, ssl: &TlsRef) -> Option<Arc<dyn Any + Send + Sync>> {
        let (slot, depth) = self.handshake.authority.as_ref()?;
        let authority = Arc::clone(self.context.authority.as_ref()?);
        Some(Arc::new(Presented::read(ssl, slot, *depth, authority)))
    }
}

fn acceptor(
    settings: &Settings,
    live: &Arc<Live>,
    handshake: Option<&Handshake>,
    authority: Option<&LoadedAuthority>,
) -> Result<SslAcceptor, ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    let version = |version: &TlsVersion| match version {
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    };
    builder
        .set_min_proto_version(Some(settings.versions.iter().min().map_or(SslVersion::TLS1_2, version)))?;
    builder.set_max_proto_version(settings.versions.iter().max().map(version))?;
    let own = handshake.and_then(|handshake| handshake.ciphers.as_deref());
    builder.set_cipher_list(own.or(settings.ciphers.as_deref()).unwrap_or(CIPHERS))?;
    if handshake.and_then(|handshake| handshake.prefer_server).unwrap_or(true) {
        // The order of the list counts, but for clients that put ChaCha20 first because AES is slow on them.
        builder.set_options(SslOptions::CIPHER_SERVER_PREFERENCE | SslOptions::PRIORITIZE_CHACHA);
    }
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
    // Of each context its own: no session is resumed in another, were its keys the same.
    let number = CONTEXTS.fetch_add(1, Ordering::Relaxed);
    builder.set_session_id_context(format!("ingora {number}").as_bytes())?;
    if let (Some((_, depth)), Some(authority)) = (handshake.and_then(|it| it.authority.as_ref()), authority) {
        authority.ask(&mut builder, *depth)?;
    }
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
