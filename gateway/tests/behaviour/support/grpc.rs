//! A gRPC server and client of `tonic`, in clear text and over TLS, with a service written by hand.
//!
//! ```text
//!   Chat client ──h2c or TLS──▶ gateway ──h2c or TLS──▶ ChatServer: say (unary), gather (client streams),
//!                                                                   spread (server streams), talk (both)
//! ```
//!
//! What the server does with a note stands in its text, see [`act`].

use super::certificates::Pair;
use super::tls::Offer;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use openssl::pkey::PKey;
use openssl::ssl::{AlpnError, Ssl, SslAcceptor, SslMethod, select_next_proto};
use openssl::x509::X509;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_openssl::SslStream;
use tonic::server::{ClientStreamingService, ServerStreamingService, StreamingService, UnaryService};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, IntoRequest, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// The one message.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Note {
    /// What is said, or what the server shall do.
    #[prost(string, tag = "1")]
    pub(crate) text: String,
    /// Anything.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) load: Vec<u8>,
}

/// A note without load.
pub(crate) fn note(text: &str) -> Note {
    Note { text: text.to_owned(), load: Vec::new() }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What a server counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Calls that began.
    pub(crate) began: AtomicUsize,
    /// Calls that were given up before their end.
    pub(crate) given_up: AtomicUsize,
    /// Connections.
    pub(crate) connections: AtomicUsize,
}

/// Counts its call as given up unless it is told that the call is over.
struct Watched(Arc<Counts>, bool);

impl Watched {
    fn over(&mut self) {
        self.1 = true;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.1 {
            self.0.given_up.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Does what a note says: `fail CODE MESSAGE`, `hang`, `deadline` (says what deadline arrived); everything else is echoed.
async fn act(note: Note, deadline: Option<String>) -> Result<Note, Status> {
    let words: Vec<&str> = note.text.splitn(3, ' ').collect();
    match words[..] {
        ["fail", code, message] => {
            let mut status = Status::new(Code::from_i32(code.parse().unwrap()), message);
            status.metadata_mut().insert("x-detail", "why".parse().unwrap());
            Err(status)
        }
        ["hang"] => std::future::pending().await,
        ["deadline"] => Ok(self::note(&deadline.unwrap_or_default())),
        _ => Ok(note),
    }
}

/// The service; a clone for each call.
#[derive(Clone)]
struct Chat(Arc<Counts>);

fn deadline<T>(request: &Request<T>) -> Option<String> {
    Some(request.metadata().get("grpc-timeout")?.to_str().unwrap().to_owned())
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

impl Chat {
    fn watched(&self) -> Watched {
        self.0.began.fetch_add(1, Ordering::SeqCst);
        Watched(Arc::clone(&self.0), false)
    }
}

impl UnaryService<Note> for Chat {
    type Response = Note;
    type Future = Answer<Note>;

    fn call(&mut self, request: Request<Note>) -> Self::Future {
        let mut watched = self.watched();
        Box::pin(async move {
            let deadline = deadline(&request);
            let answer = act(request.into_inner(), deadline).await;
            watched.over();
            answer.map(Response::new)
        })
    }
}

impl ClientStreamingService<Note> for Chat {
    type Response = Note;
    type Future = Answer<Note>;

    fn call(&mut self, request: Request<Streaming<Note>>) -> Self::Future {
        let mut watched = self.watched();
        Box::pin(async move {
            let (mut notes, mut all) = (request.into_inner(), Note::default());
            while let Some(note) = notes.message().await? {
                all.text += &note.text;
                all.load.extend(note.load);
            }
            watched.over();
            Ok(Response::new(all))
        })
    }
}

impl ServerStreamingService<Note> for Chat {
    type Response = Note;
    type ResponseStream = BoxStream<'static, Result<Note, Status>>;
    type Future = Answer<Self::ResponseStream>;

    /// One note per word; then as the last word says.
    fn call(&mut self, request: Request<Note>) -> Self::Future {
        let watched = self.watched();
        Box::pin(async move {
            let words: Vec<String> = request.into_inner().text.split(',').map(str::to_owned).collect();
            let notes = stream::unfold((words.into_iter(), watched), |(mut words, mut watched)| async move {
                let Some(word) = words.next() else {
                    watched.over();
                    return None;
                };
                let answer = act(note(&word), None).await;
                if answer.is_err() {
                    watched.over();
                }
                Some((answer, (words, watched)))
            });
            Ok(Response::new(notes.boxed()))
        })
    }
}

impl StreamingService<Note> for Chat {
    type Response = Note;
    type ResponseStream = BoxStream<'static, Result<Note, Status>>;
    type Future = Answer<Self::ResponseStream>;

    fn call(&mut self, request: Request<Streaming<Note>>) -> Self::Future {
        let watched = self.watched();
        Box::pin(async move {
            let notes = request.into_inner();
            let answers = stream::unfold((notes, watched), |(mut notes, mut watched)| async move {
                match notes.message().await {
                    Ok(Some(note)) => Some((act(note, None).await, (notes, watched))),
                    Ok(None) => {
                        watched.over();
                        None
                    }
                    Err(status) => Some((Err(status), (notes, watched))),
                }
            });
            Ok(Response::new(answers.boxed()))
        })
    }
}

impl<B> tower_service::Service<http::Request<B>> for Chat
where
    B: tonic::codegen::Body + Send + 'static,
    B::Error: Into<tonic::codegen::StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let chat = self.clone();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Note, Note>::default())
                .max_decoding_message_size(usize::MAX);
            Ok(match request.uri().path() {
                "/chat.Chat/Say" => grpc.unary(chat, request).await,
                "/chat.Chat/Gather" => grpc.client_streaming(chat, request).await,
                "/chat.Chat/Spread" => grpc.server_streaming(chat, request).await,
                "/chat.Chat/Talk" => grpc.streaming(chat, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

/// Serves until dropped.
pub(crate) struct ChatServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What happened so far.
    pub(crate) counts: Arc<Counts>,
    /// Each change ends every connection that stands, gracefully.
    renew: watch::Sender<u32>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What a server shows, and whether it chooses h2 by ALPN.
pub(crate) struct Tls<'a> {
    /// Certificate and key.
    pub(crate) pair: &'a Pair,
    /// Whether it chooses h2 by ALPN.
    pub(crate) alpn: bool,
}

impl ChatServer {
    /// In clear text, or over TLS.
    pub(crate) fn start(tls: Option<Tls<'_>>) -> Self {
        let acceptor = tls.map(|tls| acceptor(&tls));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let (renew, renewed) = watch::channel(0);
        let counting = Arc::clone(&counts);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (acceptor, counts, renewed) = (acceptor.clone(), Arc::clone(&counting), renewed.clone());
                tokio::spawn(async move {
                    let stream: Box<dyn Io> = match &acceptor {
                        None => Box::new(stream),
                        Some(acceptor) => {
                            let ssl = Ssl::new(acceptor.context()).unwrap();
                            let mut stream = SslStream::new(ssl, stream).unwrap();
                            if Pin::new(&mut stream).accept().await.is_err() {
                                return;
                            }
                            Box::new(stream)
                        }
                    };
                    counts.connections.fetch_add(1, Ordering::SeqCst);
                    serve(stream, Chat(counts), renewed).await;
                });
            }
        });
        Self { address, counts, renew, runtime: Some(runtime) }
    }

    /// Ends every connection with GOAWAY, as soon as its calls are over.
    pub(crate) fn renew_connections(&self) {
        self.renew.send_modify(|count| *count += 1);
    }

    /// Ends at once, with every connection.
    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for ChatServer {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serve(stream: Box<dyn Io>, chat: Chat, mut renewed: watch::Receiver<u32>) {
    renewed.mark_unchanged();
    let builder = Builder::new(TokioExecutor::new()).http2_only();
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(chat));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        _ = renewed.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

fn acceptor(tls: &Tls<'_>) -> SslAcceptor {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    let mut chain = X509::stack_from_pem(tls.pair.certificate.as_bytes()).unwrap().into_iter();
    builder.set_certificate(&chain.next().unwrap()).unwrap();
    chain.for_each(|link| builder.add_extra_chain_cert(link).unwrap());
    builder.set_private_key(&PKey::private_key_from_pem(tls.pair.key.as_bytes()).unwrap()).unwrap();
    if tls.alpn {
        builder.set_alpn_select_callback(|_, offered| {
            select_next_proto(b"\x02h2", offered).ok_or(AlpnError::ALERT_FATAL)
        });
    }
    builder.build()
}

/// A client, over one connection.
pub(crate) struct Client(tonic::client::Grpc<Channel>);

/// Connects wherever it was told, whatever the URI says.
#[derive(Clone)]
struct Connector {
    address: SocketAddr,
    server_name: Option<String>,
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Io>>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { address, server_name } = self.clone();
        Box::pin(async move {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            let stream: Box<dyn Io> = match server_name {
                None => Box::new(tcp),
                Some(name) => {
                    let offer = Offer { sni: Some(name), alpn: vec!["h2"], ..Offer::default() };
                    let mut stream = SslStream::new(offer.bare(), tcp)?;
                    Pin::new(&mut stream).connect().await.map_err(std::io::Error::other)?;
                    Box::new(stream)
                }
            };
            Ok(TokioIo::new(stream))
        })
    }
}

impl Client {
    /// HTTP/2 in clear text with prior knowledge, as host `host`.
    pub(crate) async fn clear(address: SocketAddr, host: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{host}")).unwrap();
        Self::over(endpoint, Connector { address, server_name: None }).await
    }

    /// TLS with ALPN h2, as host `host`.
    pub(crate) async fn tls(address: SocketAddr, host: &str) -> Self {
        let origin = format!("https://{host}").parse().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{host}")).unwrap().origin(origin);
        Self::over(endpoint, Connector { address, server_name: Some(host.to_owned()) }).await
    }

    async fn over(endpoint: Endpoint, connector: Connector) -> Self {
        let channel = endpoint.connect_with_connector(connector).await.unwrap();
        Self(tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX))
    }

    async fn ready(&mut self) -> Result<ProstCodec<Note, Note>, Status> {
        self.0.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        Ok(ProstCodec::default())
    }

    /// One note there, one back.
    pub(crate) async fn say(&mut self, request: impl IntoRequest<Note>) -> Result<Note, Status> {
        let codec = self.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/chat.Chat/Say");
        Ok(self.0.unary(request.into_request(), path, codec).await?.into_inner())
    }

    /// Many there, one back.
    pub(crate) async fn gather(&mut self, notes: Vec<Note>) -> Result<Note, Status> {
        let codec = self.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/chat.Chat/Gather");
        let notes = Request::new(stream::iter(notes));
        Ok(self.0.client_streaming(notes, path, codec).await?.into_inner())
    }

    /// One there, many back.
    pub(crate) async fn spread(&mut self, text: &str) -> Result<Streaming<Note>, Status> {
        let codec = self.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/chat.Chat/Spread");
        Ok(self.0.server_streaming(Request::new(note(text)), path, codec).await?.into_inner())
    }

    /// Many both ways, at the same time.
    pub(crate) async fn talk(
        &mut self,
        notes: impl futures_util::Stream<Item = Note> + Send + 'static,
    ) -> Result<Streaming<Note>, Status> {
        let codec = self.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/chat.Chat/Talk");
        Ok(self.0.streaming(Request::new(notes), path, codec).await?.into_inner())
    }
}
