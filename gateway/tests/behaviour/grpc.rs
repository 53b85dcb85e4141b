//! gRPC through the gateway, with a real client and a real server: `backend-protocol: GRPC` and `GRPCS`.

use crate::backend_protocol::PROTOCOL;
use crate::support::certificates::{KeyKind, Pair, make};
use crate::support::edge::Edge;
use crate::support::grpc::{ChatServer, Client, Note, Tls, note};
use crate::support::http2::{self, frames};
use crate::support::manifest::{documents, ingress, service};
use crate::support::until;
use crate::support::upstream_authority::{Authority, Usage, secret};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::{Code, Request};

fn pair() -> Pair {
    make("chat", &["chat.test"], KeyKind::Ecdsa, 30)
}

fn site(protocol: &str, address: SocketAddr) -> String {
    // A gRPC client on the port for clear text is not sent elsewhere unless the Ingress has TLS.
    let site = ingress("chat").annotation(PROTOCOL, protocol).path("a.test", "Prefix", "/", "chat");
    documents([service("chat", &[address]), site.text()])
}

/// A stream of notes that the test feeds.
fn fed() -> (mpsc::UnboundedSender<Note>, impl futures_util::Stream<Item = Note> + Send + 'static) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    });
    (sender, stream)
}

#[test]
fn every_kind_of_call_passes_in_clear_text_and_over_tls_on_either_side() {
    let pair = pair();
    for (protocol, server) in [
        ("GRPC", ChatServer::start(None)),
        ("grpcs", ChatServer::start(Some(Tls { pair: &pair, alpn: true }))),
    ] {
        let edge = Edge::with(site(protocol, server.address));
        http2::run(async {
            for tls in [false, true] {
                let mut client = match tls {
                    false => Client::clear(edge.http, "a.test").await,
                    true => Client::tls(edge.https, "a.test").await,
                };
                assert_eq!(client.say(note("hello")).await.unwrap().text, "hello");
                let many = (0..50).map(|at| note(&format!("{at},"))).collect();
                let all: String = (0..50).map(|at| format!("{at},")).collect();
                assert_eq!(client.gather(many).await.unwrap().text, all);
                let spread: Vec<_> = client.spread(all.trim_end_matches(',')).await.unwrap().collect().await;
                assert_eq!(spread.len(), 50);
                assert!(
                    spread.iter().enumerate().all(|(at, note)| note.as_ref().unwrap().text == at.to_string())
                );
                let (feed, notes) = fed();
                feed.send(note("first")).unwrap();
                let mut talk = client.talk(notes).await.unwrap();
                for at in 0..20 {
                    let text = talk.message().await.unwrap().unwrap().text;
                    assert_eq!(text, if at == 0 { "first".to_owned() } else { at.to_string() });
                    feed.send(note(&(at + 1).to_string())).unwrap();
                }
                drop(feed);
                assert_eq!(talk.message().await.unwrap().unwrap().text, "20");
                assert!(talk.message().await.unwrap().is_none(), "it ends as both agreed");
            }
        });
        assert!(server.counts.connections.load(Ordering::SeqCst) <= 2, "one connection per core carries all");
    }
}

#[test]
fn errors_arrive_with_code_message_and_metadata() {
    let server = ChatServer::start(None);
    let edge = Edge::with(site("GRPC", server.address));
    http2::run(async {
        let mut client = Client::clear(edge.http, "a.test").await;
        let status = client.say(note("fail 9 not now: 100 % ✓")).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "not now: 100 % ✓"));
        assert_eq!(status.metadata().get("x-detail").unwrap(), "why");
        // Behind some notes the error is in real trailers.
        let mut spread = client.spread("a,b,fail 8 too much").await.unwrap();
        assert_eq!(spread.message().await.unwrap().unwrap().text, "a");
        assert_eq!(spread.message().await.unwrap().unwrap().text, "b");
        let status = spread.message().await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "too much"));
        assert_eq!(status.metadata().get("x-detail").unwrap(), "why");
        assert_eq!(client.say(note("again")).await.unwrap().text, "again");
    });
}

#[test]
fn a_deadline_reaches_the_server_and_a_call_that_is_given_up_ends_there() {
    let server = ChatServer::start(None);
    let edge = Edge::with(site("GRPC", server.address));
    let given_up = || server.counts.given_up.load(Ordering::SeqCst);
    http2::run(async {
        let mut client = Client::clear(edge.http, "a.test").await;
        let mut request = Request::new(note("deadline"));
        request.set_timeout(Duration::from_secs(7));
        let text = client.say(request).await.unwrap().text;
        assert!(text.starts_with('7') || text.starts_with('6'), "7 seconds in some unit: {text}");
        // The client gives up by itself when its deadline is over.
        let mut request = Request::new(note("hang"));
        request.set_timeout(Duration::from_millis(300));
        assert!(matches!(
            client.say(request).await.unwrap_err().code(),
            Code::Cancelled | Code::DeadlineExceeded
        ));
    });
    until("the server notices a deadline that is over", || given_up() == 1);
    http2::run(async {
        let mut client = Client::tls(edge.https, "a.test").await;
        let mut spread = client.spread("one,hang").await.unwrap();
        assert_eq!(spread.message().await.unwrap().unwrap().text, "one");
        drop(spread);
        tokio::task::spawn_blocking({
            let counts = Arc::clone(&server.counts);
            move || until("a stream that is dropped ends", || counts.given_up.load(Ordering::SeqCst) == 2)
        })
        .await
        .unwrap();
        assert_eq!(client.say(note("the connection lives on")).await.unwrap().load, b"");
    });
}

#[test]
fn a_server_that_says_nothing_is_unavailable_after_the_read_timeout() {
    let server = ChatServer::start(None);
    let edge = Edge::configured(site("GRPC", server.address), &[("proxy-read-timeout", "1")]);
    http2::run(async {
        let mut client = Client::clear(edge.http, "a.test").await;
        let status = client.say(note("hang")).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "Gateway Time-out"));
        let mut spread = client.spread("one,hang").await.unwrap();
        assert_eq!(spread.message().await.unwrap().unwrap().text, "one");
        assert!(spread.message().await.is_err(), "what was cut is no success");
        assert_eq!(client.say(note("next")).await.unwrap().text, "next");
    });
    until("both calls end at the server", || server.counts.given_up.load(Ordering::SeqCst) == 2);
}

#[test]
fn large_messages_pass_both_ways_up_to_the_body_size() {
    let server = ChatServer::start(None);
    let edge = Edge::configured(site("GRPC", server.address), &[("proxy-body-size", "8m")]);
    let large = |size| Note { text: String::new(), load: vec![7; size] };
    http2::run(async {
        let mut client = Client::tls(edge.https, "a.test").await;
        let note = large(6 << 20);
        assert!(client.say(note.clone()).await.unwrap() == note, "6 MiB come back as they went");
        let pieces = vec![large(1 << 20); 7];
        assert_eq!(client.gather(pieces).await.unwrap().load.len(), 7 << 20);
        let status = client.say(large(9 << 20)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert_eq!(client.say(large(1000)).await.unwrap().load.len(), 1000);
    });
}

#[test]
fn what_the_gateway_answers_itself_is_read_as_grpc() {
    let server = ChatServer::start(None);
    let edge = Edge::with(documents([
        site("GRPC", server.address),
        ingress("empty").path("b.test", "Prefix", "/", "none").text(),
    ]));
    http2::run(async {
        let mut nobody = Client::clear(edge.http, "b.test").await;
        let status = nobody.say(note("x")).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "Service Temporarily Unavailable"));
        let mut unknown = Client::tls(edge.https, "unknown.test").await;
        assert_eq!(unknown.say(note("x")).await.unwrap_err().code(), Code::Unimplemented);

        let mut raw = http2::connect(edge.https, "b.test").await;
        let head =
            http2::request(http::Method::POST, "b.test", "/x").header("content-type", "application/grpc");
        let answer = raw.send(head.body(()).unwrap(), Some(Bytes::from_static(b"\0\0\0\0\0"))).await.unwrap();
        assert_eq!((answer.status, answer.headers["grpc-status"].as_bytes()), (503, &b"14"[..]));
        assert_eq!(
            (answer.headers["content-type"].as_bytes(), answer.body.len()),
            (&b"application/grpc"[..], 0)
        );
        let answer = raw.get("b.test", "/x").await.unwrap();
        assert!(
            answer.text().contains("503") && !answer.headers.contains_key("grpc-status"),
            "others get the page"
        );
    });
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_stream_is_an_error_and_not_the_end() {
    let mut server = ChatServer::start(None);
    let edge = Edge::with(site("GRPC", server.address));
    http2::run(async {
        let mut client = Client::clear(edge.http, "a.test").await;
        let mut spread = client.spread("one,hang").await.unwrap();
        assert_eq!(spread.message().await.unwrap().unwrap().text, "one");
        server.kill();
        assert!(spread.message().await.is_err());
        let status = client.say(note("x")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    });
}

#[test]
fn a_server_that_renews_its_connections_costs_no_call() {
    let server = ChatServer::start(None);
    let edge = Edge::with(site("GRPC", server.address));
    http2::run(async {
        let mut client = Client::clear(edge.http, "a.test").await;
        for at in 0..200 {
            if at % 3 == 0 {
                server.renew_connections();
            }
            let answer = client.say(note("hello")).await;
            assert_eq!(answer.unwrap_or_else(|status| panic!("call {at}: {status}")).text, "hello");
        }
    });
    assert!(server.counts.connections.load(Ordering::SeqCst) > 10, "connections were renewed");
}

/// A backend whose first `bad` connections do as `refuse` says with their first call; every other call is answered with OK.
fn reluctant(bad: usize, refuse: Refuse) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let refuse = (counted.fetch_add(1, Ordering::SeqCst) < bad).then_some(refuse);
            std::thread::spawn(move || http2::run(serve(stream, refuse)));
        }
    });
    (address, connections)
}

#[derive(Clone, Copy)]
enum Refuse {
    /// GOAWAY that leaves every stream out.
    GoAway,
    /// RST_STREAM with REFUSED_STREAM.
    Stream,
    /// RST_STREAM with INTERNAL_ERROR: nobody knows what was done.
    Broken,
}

async fn serve(stream: std::net::TcpStream, mut refuse: Option<Refuse>) {
    stream.set_nonblocking(true).unwrap();
    let mut stream = tokio::net::TcpStream::from_std(stream).unwrap();
    if let Some(Refuse::GoAway) = refuse {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut seen = Vec::new();
        // HEADERS of the first stream: type 1, stream 1.
        while !seen.windows(6).any(|part| part[0] == 1 && part[2..] == [0, 0, 0, 1]) {
            if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let goaway = frames::frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0]);
        let _ = stream.write_all(&[frames::frame(4, 0, 0, &[]), goaway].concat()).await;
        while stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {}
        return;
    }
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        match refuse.take() {
            Some(Refuse::Stream) => respond.send_reset(h2::Reason::REFUSED_STREAM),
            Some(_) => respond.send_reset(h2::Reason::INTERNAL_ERROR),
            None => {
                let header = http::Response::builder().header("content-type", "application/grpc");
                let mut body = respond.send_response(header.body(()).unwrap(), false).unwrap();
                body.send_data(Bytes::from_static(b"\0\0\0\0\0"), false).unwrap();
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                body.send_trailers(trailers).unwrap();
            }
        }
        drop(request);
    }
}

#[test]
fn a_call_that_the_server_did_not_touch_is_made_again_and_no_other() {
    for (refuse, good) in [(Refuse::GoAway, true), (Refuse::Stream, true), (Refuse::Broken, false)] {
        let (address, connections) = reluctant(1, refuse);
        let edge = Edge::plan().gateway(&["--threads", "1"]).file("site.yaml", site("GRPC", address)).start();
        http2::run(async {
            let mut client = Client::clear(edge.http, "a.test").await;
            let answer = client.say(note("x")).await;
            assert_eq!(answer.is_ok(), good, "{answer:?}");
        });
        assert_eq!(connections.load(Ordering::SeqCst) > 1, matches!(refuse, Refuse::GoAway));
    }
}

#[test]
fn a_server_that_refuses_without_end_is_given_up() {
    let (address, connections) = reluctant(usize::MAX, Refuse::GoAway);
    let edge = Edge::with(site("GRPC", address));
    http2::run(async {
        let mut client = Client::clear(edge.http, "a.test").await;
        assert_eq!(client.say(note("x")).await.unwrap_err().code(), Code::Unavailable);
    });
    let connections = connections.load(Ordering::SeqCst);
    assert_eq!(connections, 4, "three tries, and one for a connection about to close");
}

#[test]
fn tls_without_h2_is_unavailable_and_verification_holds_for_grpc() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let annotation = |name: &str| format!("nginx.ingress.kubernetes.io/proxy-ssl-{name}");
    for (authority, alpn, good) in [(&right, true, true), (&wrong, true, false), (&right, false, false)] {
        let pair = authority.issue("chat", &["chat.test"], Usage::Server);
        let server = ChatServer::start(Some(Tls { pair: &pair, alpn }));
        let site = ingress("chat")
            .annotation(PROTOCOL, "GRPCS")
            .annotation(&annotation("secret"), "test/inside")
            .annotation(&annotation("verify"), "on")
            .annotation(&annotation("name"), "chat.test")
            .path("a.test", "Prefix", "/", "chat");
        let trust = secret("inside", &[("ca.crt", &right.pem())]);
        let edge = Edge::with(documents([service("chat", &[server.address]), trust, site.text()]));
        http2::run(async {
            let mut client = Client::tls(edge.https, "a.test").await;
            for _ in 0..5 {
                match client.say(note("hello")).await {
                    Ok(answer) => assert!(good && answer.text == "hello"),
                    Err(status) => assert!(!good && status.code() == Code::Unavailable, "{status}"),
                }
            }
        });
        assert_eq!(server.counts.began.load(Ordering::SeqCst), if good { 5 } else { 0 });
    }
}
