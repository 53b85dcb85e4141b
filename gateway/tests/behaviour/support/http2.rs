//! An HTTP/2 client over TLS, and the bare frames for tests that break the rules.

use super::tls::Offer;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Method, Request};
use pingora::tls::tokio_ssl::SslStream;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A connection and the task that drives it; the task's result is how the connection ended.
pub(crate) struct Http2 {
    /// For requests.
    pub(crate) send: SendRequest<Bytes>,
    /// Ends with the connection.
    pub(crate) driver: JoinHandle<Result<(), h2::Error>>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Its header.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// Its trailers, if it had any.
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Runs an asynchronous test with a deadline.
#[track_caller]
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test must end within 60 s")
    })
}

/// TLS with ALPN h2.
pub(crate) async fn tls(address: SocketAddr, sni: &str) -> SslStream<TcpStream> {
    tls_of(address, Offer { sni: Some(sni.to_owned()), ..Offer::default() }).await
}

/// The same as somebody offers it.
pub(crate) async fn tls_of(address: SocketAddr, offer: Offer) -> SslStream<TcpStream> {
    let offer = Offer { alpn: vec!["h2", "http/1.1"], ..offer };
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut stream = SslStream::new(offer.bare(), tcp).unwrap();
    Pin::new(&mut stream).connect().await.unwrap();
    assert_eq!(stream.ssl().selected_alpn_protocol(), Some(&b"h2"[..]), "the gateway must choose h2");
    stream
}

/// Connects.
pub(crate) async fn connect(address: SocketAddr, sni: &str) -> Http2 {
    let (send, connection) = h2::client::handshake(tls(address, sni).await).await.unwrap();
    Http2 { send, driver: tokio::spawn(connection) }
}

/// Connects as somebody offers it.
pub(crate) async fn connect_as(address: SocketAddr, offer: Offer) -> Http2 {
    let (send, connection) = h2::client::handshake(tls_of(address, offer).await).await.unwrap();
    Http2 { send, driver: tokio::spawn(connection) }
}

/// A request head.
pub(crate) fn request(method: Method, authority: &str, target: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("https://{authority}{target}"))
}

impl Http2 {
    /// One GET.
    pub(crate) async fn get(&mut self, authority: &str, target: &str) -> Result<Answer, h2::Error> {
        self.send(request(Method::GET, authority, target).body(()).unwrap(), None).await
    }

    /// One request with a body or without.
    pub(crate) async fn send(&mut self, head: Request<()>, body: Option<Bytes>) -> Result<Answer, h2::Error> {
        self.send = self.send.clone().ready().await?;
        let (response, mut stream) = self.send.send_request(head, body.is_none())?;
        if let Some(body) = body {
            stream.send_data(body, true)?;
        }
        read(response).await
    }
}

/// Reads an answer to its end.
pub(crate) async fn read(response: ResponseFuture) -> Result<Answer, h2::Error> {
    let (head, mut stream) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = stream.trailers().await?;
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, trailers })
}

/// Frames as bytes (RFC 9113 section 4.1).
pub(crate) mod frames {
    /// The connection preface and an empty SETTINGS frame.
    pub(crate) fn preface() -> Vec<u8> {
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat()
    }

    /// One frame.
    pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// The HPACK block of `GET https://authority/`, without indexing.
    pub(crate) fn get_block(authority: &str) -> Vec<u8> {
        // Indexed: 2 = GET, 4 = path "/", 7 = https; literal without indexing, name 1 = :authority.
        let mut block = vec![0x82, 0x84, 0x87, 0x01, authority.len() as u8];
        block.extend_from_slice(authority.as_bytes());
        block
    }

    /// HEADERS that open and half-close a stream: a whole GET request.
    pub(crate) fn get(stream: u32, authority: &str) -> Vec<u8> {
        frame(1, 0x5, stream, &get_block(authority))
    }

    /// RST_STREAM with CANCEL.
    pub(crate) fn reset(stream: u32) -> Vec<u8> {
        frame(3, 0, stream, &8_u32.to_be_bytes())
    }

    /// The GOAWAY error code in a buffer of whole and partial frames, if there is one.
    pub(crate) fn goaway(mut bytes: &[u8]) -> Option<u32> {
        while bytes.len() >= 9 {
            let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
            let payload = bytes.get(9..9 + length)?;
            if bytes[3] == 7 {
                return Some(u32::from_be_bytes(payload.get(4..8)?.try_into().unwrap()));
            }
            bytes = &bytes[9 + length..];
        }
        None
    }
}
