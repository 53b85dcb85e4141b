//! The test itself is the controller and speaks the wire: for settings without a flag, and policies without an annotation.

use super::edge::Edge;
use ingora_config::wire::{FromGateway, FromSync, PREFACE_BYTES, Preface, decode, encode};
use ingora_config::{
    Backend as Destination, Endpoint, Endpoints, Host, NamespacedName, PathKind, PathMatch, PathValue,
    Policy, Protocol, Resource, Route, RouteKey, ServicePort, Settings, Upstream, UpstreamId, VirtualHost,
};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

/// Serves `a.test` from these addresses, with these settings, for as long as the stream lives.
pub(crate) fn edge_with(settings: Settings, addresses: &[SocketAddr]) -> (Edge, UnixStream) {
    edge_of(settings, Policy::default(), addresses)
}

/// The same with a policy of the one route.
pub(crate) fn edge_of(settings: Settings, policy: Policy, addresses: &[SocketAddr]) -> (Edge, UnixStream) {
    let mut edge = Edge::plan().start_unready();
    edge.sync.kill();
    let socket = edge.home().join("sync.sock");
    // Whether sync got as far as making it does not matter.
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut preface = [0; PREFACE_BYTES];
    stream.write_all(&Preface::ours().encode()).unwrap();
    stream.read_exact(&mut preface).unwrap();
    let resources = resources(settings, policy, addresses);
    let upserts = resources.into_iter().map(|resource| FromSync::Upsert(Box::new(resource)));
    let messages = [FromSync::Begin].into_iter().chain(upserts).chain([FromSync::Commit { revision: 7 }]);
    for message in messages {
        let payload = encode(&message).unwrap();
        stream.write_all(&u32::try_from(payload.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(&payload).unwrap();
    }
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut payload = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut payload).unwrap();
    let FromGateway::Ack { revision, refused } = decode(&payload).unwrap();
    assert_eq!((revision, refused), (7, vec![]));
    edge.wait_ready();
    (edge, stream)
}

fn resources(settings: Settings, policy: Policy, addresses: &[SocketAddr]) -> Vec<Resource> {
    let id = UpstreamId { namespace: "test".into(), service: "web".into(), port: ServicePort::Number(80) };
    let key = RouteKey {
        host: Host::parse("a.test").unwrap(),
        path: PathMatch { kind: PathKind::Prefix, value: PathValue::new("/").unwrap() },
    };
    let endpoint = |address: &SocketAddr| Endpoint { address: *address, target: String::new() };
    let route =
        Route::new(key.clone(), NamespacedName::new("test", "web"), Destination::Upstream(id.clone()));
    vec![
        Resource::Settings(settings),
        Resource::VirtualHost(VirtualHost::new(key.host, None)),
        Resource::Route(Route { policy: Arc::new(policy), ..route }),
        Resource::Upstream(Upstream { id: id.clone(), protocol: Protocol::Http1 }),
        Resource::Endpoints(Endpoints { upstream: id, endpoints: addresses.iter().map(endpoint).collect() }),
    ]
}
