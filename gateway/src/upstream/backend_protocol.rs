//! `backend-protocol`: how a route wants its endpoints spoken to.
//!
//! ```text
//!   Target.peer (HTTP/1 or h2c, as the Service says) ──clone, once per try──▶ Transport::apply ──▶ what the engine connects to
//!   connection, new or from the pool ──────────────────────────────────────▶ Transport::check ──▶ used, or never
//! ```
//!
//! It is worked out when the route is published. A route without the annotation has none of it. What TLS needs besides
//! stands in [`super::proxy_ssl`].

use super::proxy_ssl::{Refusal, Secrets, Tls, Unready};
use super::target::{STREAMS, mix};
use ingora_config::policy::BackendProtocol;
use ingora_config::{Policy, Protocol};
use pingora::protocols::tls::SslDigest;
use pingora::upstreams::peer::HttpPeer;

/// How the endpoints of a route are spoken to, whatever their Service says.
#[derive(Debug)]
pub struct Transport {
    protocol: BackendProtocol,
    /// There is one whenever a request may go over TLS.
    tls: Option<Tls>,
}

impl Transport {
    /// Prepares what the policy of a route asks for; `None` where the Service decides.
    pub fn compile(policy: &Policy, secrets: &mut Secrets) -> Option<Box<Self>> {
        let protocol = policy.backend_protocol?;
        let http2 = version(protocol) == Protocol::H2c;
        let tls = protocol.may_be_tls().then(|| Tls::compile(policy.proxy_ssl.as_deref(), http2, secrets));
        Some(Box::new(Self { protocol, tls }))
    }

    /// The version of HTTP, over TLS or not.
    pub fn protocol(&self) -> Protocol {
        version(self.protocol)
    }

    /// Whether the endpoints speak gRPC, whose streams last as long as both sides like.
    pub fn is_grpc(&self) -> bool {
        matches!(self.protocol, BackendProtocol::Grpc | BackendProtocol::Grpcs)
    }

    /// Makes of an endpoint's peer what this route needs. Connections are shared with those that need the same alone.
    ///
    /// # Errors
    /// When the Secret of `proxy-ssl-secret` is not there or cannot be used.
    pub fn apply(
        &self,
        prepared_for: Protocol,
        peer: &mut HttpPeer,
        client_tls: bool,
    ) -> Result<(), Unready> {
        let version = self.protocol();
        if version != prepared_for {
            peer.group_key = mix(peer.group_key, &version);
            match version {
                Protocol::Http1 => {
                    peer.options.set_http_version(1, 1);
                    peer.options.max_h2_streams = 1;
                }
                Protocol::H2c => {
                    peer.options.set_http_version(2, 2);
                    peer.options.max_h2_streams = STREAMS;
                }
            }
        }
        self.tls(client_tls).map_or(Ok(()), |tls| tls.apply(peer))
    }

    /// Looks at a connection before the first byte of a request goes out on it.
    ///
    /// # Errors
    /// When the endpoint is not who it must be, or does not speak what it must.
    pub fn check(&self, connection: Option<&SslDigest>, client_tls: bool) -> Result<(), Refusal> {
        self.tls(client_tls).map_or(Ok(()), |tls| tls.check(connection))
    }

    /// `None` when the endpoints are spoken to in clear text.
    fn tls(&self, client_tls: bool) -> Option<&Tls> {
        self.tls.as_ref().filter(|_| client_tls || self.protocol != BackendProtocol::AutoHttp)
    }
}

fn version(protocol: BackendProtocol) -> Protocol {
    match protocol {
        BackendProtocol::Http | BackendProtocol::Https | BackendProtocol::AutoHttp => Protocol::Http1,
        BackendProtocol::Grpc | BackendProtocol::Grpcs => Protocol::H2c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Target;
    use ingora_config::Endpoint;
    use pingora::upstreams::peer::{Peer as _, Scheme};

    /// The peer of a try, and whether it shares connections with a plain route to the same endpoint.
    fn peer(service: Protocol, wanted: BackendProtocol, client_tls: bool) -> (HttpPeer, bool) {
        let endpoint = Endpoint { address: ([10, 0, 0, 1], 80).into(), target: "pod".into() };
        let target = Target::new(service, &endpoint);
        let policy = Policy { backend_protocol: Some(wanted), ..Policy::default() };
        let transport = Transport::compile(&policy, &mut Secrets::default()).unwrap();
        let mut peer = target.peer.clone();
        transport.apply(service, &mut peer, client_tls).unwrap();
        let shared = peer.reuse_hash() == target.peer.reuse_hash();
        (peer, shared)
    }

    #[test]
    fn each_protocol_has_its_scheme_and_version_and_its_own_connections() {
        let cases = [
            (Protocol::Http1, BackendProtocol::Http, false, Scheme::HTTP, 1, true),
            (Protocol::H2c, BackendProtocol::Grpc, false, Scheme::HTTP, 2, true),
            (Protocol::H2c, BackendProtocol::Http, false, Scheme::HTTP, 1, false),
            (Protocol::Http1, BackendProtocol::Grpc, true, Scheme::HTTP, 2, false),
            (Protocol::Http1, BackendProtocol::Https, false, Scheme::HTTPS, 1, false),
            (Protocol::Http1, BackendProtocol::Grpcs, false, Scheme::HTTPS, 2, false),
            (Protocol::Http1, BackendProtocol::AutoHttp, false, Scheme::HTTP, 1, true),
            (Protocol::Http1, BackendProtocol::AutoHttp, true, Scheme::HTTPS, 1, false),
        ];
        for (service, wanted, client_tls, scheme, version, shared) in cases {
            let (peer, really_shared) = peer(service, wanted, client_tls);
            let of = format!("{service:?} {wanted:?} {client_tls}");
            assert_eq!(peer.scheme, scheme, "{of}");
            assert_eq!(peer.options.alpn.get_max_http_version(), version, "{of}");
            assert_eq!(peer.options.alpn.get_min_http_version(), version, "{of}");
            assert_eq!(really_shared, shared, "{of}");
        }
    }

    #[test]
    fn without_the_annotation_there_is_nothing() {
        assert!(Transport::compile(&Policy::default(), &mut Secrets::default()).is_none());
    }
}
