//! The admin port over a real socket.

use super::*;
use crate::args::LogFormat;
use crate::drain::Drain;
use crate::live::Batch;
use ingora_config::{
    Backend, Certificate, Endpoint, Endpoints, Host, NamespacedName, PathKind, PathMatch, PathValue,
    PrivateKey, Resource, Route, RouteKey, ServicePort, Upstream, UpstreamId, VirtualHost,
};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONG: Duration = Duration::from_secs(20);

struct Setting {
    live: Arc<Live>,
    serving: Arc<AtomicBool>,
    address: SocketAddr,
}

impl Setting {
    fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let live = Live::new().unwrap();
        let serving = Arc::new(AtomicBool::new(true));
        let telemetry = Telemetry::start(LogFormat::Json, Drain::new(10));
        let ready = {
            let serving = Arc::clone(&serving);
            move || serving.load(Ordering::Relaxed)
        };
        tokio::spawn(serve(listener, Arc::clone(&live), telemetry, ready));
        Self { live, serving, address }
    }

    async fn send(&self, request: &str) -> String {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // A refused request may end in a reset after its answer.
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8(answer).unwrap()
        };
        timeout(LONG, exchange).await.expect("an answer")
    }

    /// Status and body of a GET.
    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }
}

#[tokio::test]
async fn readiness_follows_the_configuration_and_the_drain_and_health_does_not() {
    let setting = Setting::new();
    assert_eq!(setting.get("/readyz").await, (503, "not ready: no configuration yet\n".into()));
    setting.live.apply(Batch::full(1, []));
    assert_eq!(setting.get("/readyz?verbose").await, (200, "ok\n".into()));
    setting.serving.store(false, Ordering::Relaxed);
    assert_eq!(setting.get("/readyz").await, (503, "not ready: starting or leaving\n".into()));
    assert_eq!(setting.get("/healthz").await, (200, "ok\n".into()));
}

#[tokio::test]
async fn pages_say_what_they_are() {
    let setting = Setting::new();
    assert!(setting.get("/metrics").await.1.ends_with("# EOF\n"));
    assert!(setting.get("/").await.1.contains("/metrics"));
    assert_eq!(setting.get("/nothing").await.0, 404);
    let head = setting.send("HEAD /healthz HTTP/1.1\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n")
            && head.contains("Content-Length: 3\r\n")
            && head.ends_with("\r\n\r\n")
    );
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let setting = Setting::new();
    for (request, status) in [
        ("POST / HTTP/1.1\r\n\r\n".to_owned(), "405"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (format!("GET /{} HTTP/1.1\r\n", "x".repeat(9000)), "431"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65)), "431"),
    ] {
        let answer = setting.send(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
    }
}

#[tokio::test]
async fn the_dump_shows_everything_but_keys() {
    let setting = Setting::new();
    let own = crate::certificate::own::make().unwrap();
    let key = own.key.private_key_to_pem_pkcs8().unwrap();
    let secret = NamespacedName::new("shop", "tls");
    let id = UpstreamId { namespace: "shop".into(), service: "web".into(), port: ServicePort::Number(80) };
    let certificate = Certificate {
        secret: secret.clone(),
        chain: String::from_utf8(own.leaf.to_pem().unwrap()).unwrap(),
        key: PrivateKey::from_pem(key.clone()),
    };
    let path = PathMatch { kind: PathKind::Prefix, value: PathValue::new("/a").unwrap() };
    let host = Host::parse("a.test").unwrap();
    setting.live.apply(Batch::full(
        7,
        [
            Resource::VirtualHost(VirtualHost::new(host.clone(), Some(secret))),
            Resource::Route(Route::new(
                RouteKey { host, path },
                NamespacedName::new("shop", "front"),
                Backend::Upstream(id.clone()),
            )),
            Resource::Upstream(Upstream {
                id: id.clone(),
                protocol: Default::default(),
                service_address: None,
            }),
            Resource::Endpoints(Endpoints {
                upstream: id,
                endpoints: vec![Endpoint { address: "10.0.0.1:80".parse().unwrap(), target: "pod".into() }],
            }),
            Resource::Certificate(certificate),
        ],
    ));
    let (status, body) = setting.get("/config").await;
    assert_eq!(status, 200);
    let dump: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(dump["revision"], 7);
    assert_eq!(dump["settings"]["proxy"]["proxy_read_timeout"], 60);
    assert_eq!(
        dump["hosts"],
        serde_json::json!([{ "host": "a.test", "served": true, "certificate": "shop/tls", "routes": [
            { "path": "/a", "path_type": "Prefix", "ingress": "shop/front", "upstream": "shop-web-80" }
        ] }])
    );
    assert_eq!(dump["upstreams"][0]["endpoints"][0]["address"], "10.0.0.1:80");
    let details = &dump["certificates"][0]["certificate"];
    assert_eq!(
        (&details["names"][0], &details["sha256"]),
        (&"ingora.invalid".into(), &own.fingerprint().into())
    );
    // Neither the PEM nor any line of it.
    let pem = String::from_utf8(key).unwrap();
    assert!(!body.contains("PRIVATE") && pem.lines().all(|line| !body.contains(line)));
}
