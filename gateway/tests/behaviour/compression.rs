//! `use-gzip`, `enable-brotli`: answers are compressed for clients that want it, and streams do not stall.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::http2::{self, request};
use crate::support::manifest::site;
use http::Method;
use std::io::{Read as _, Write as _};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

const BOTH: [(&str, &str); 2] = [("use-gzip", "true"), ("enable-brotli", "true")];

fn text() -> String {
    "all work and no play makes Jack a dull boy\n".repeat(5000)
}

/// A backend that answers with [`text`], in the framing that the path names.
fn backend() -> Backend {
    Backend::start(|received, stream| {
        let body = text();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"v1\"\r\n";
        match received.target() {
            "/chunked" => {
                write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n")?;
                for piece in body.as_bytes().chunks(10_000) {
                    write!(stream, "{:x}\r\n", piece.len())?;
                    stream.write_all(piece)?;
                    stream.write_all(b"\r\n")?;
                }
                stream.write_all(b"0\r\n\r\n")
            }
            "/encoded" => write!(
                stream,
                "{head}Content-Encoding: zstd\r\nContent-Length: 300\r\n\r\n{}",
                "z".repeat(300)
            ),
            "/short" => write!(stream, "{head}Content-Length: 2\r\n\r\nok"),
            _ if received.head.first.starts_with("HEAD") => {
                write!(stream, "{head}Content-Length: {}\r\n\r\n", body.len())
            }
            _ => write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()),
        }
    })
}

fn unpack(coding: Option<&str>, body: &[u8]) -> String {
    let mut out = String::new();
    match coding {
        Some("gzip") => flate2::read::MultiGzDecoder::new(body).read_to_string(&mut out).unwrap(),
        Some("br") => brotli::Decompressor::new(body, 4096).read_to_string(&mut out).unwrap(),
        _ => return String::from_utf8_lossy(body).into_owned(),
    };
    out
}

fn ask(
    connection: &mut Connection<std::net::TcpStream>,
    method: &str,
    target: &str,
    accept: &str,
) -> Response {
    let head = format!("{method} {target} HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: {accept}\r\n\r\n");
    connection.send(head).unwrap();
    connection.response_to(method).unwrap()
}

#[test]
fn clients_that_want_it_get_smaller_answers_on_one_connection() {
    let backend = backend();
    let edge = Edge::configured(site("a.test", "web", backend.address), &BOTH);
    let mut connection = Connection::open(edge.http).unwrap();
    for target in ["/", "/chunked"] {
        for (accept, coding) in [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("gzip, br;q=0.1", "gzip")] {
            let answer = ask(&mut connection, "GET", target, accept);
            assert_eq!(answer.header("content-encoding"), Some(coding), "{target} {accept}");
            assert_eq!(unpack(Some(coding), &answer.body), text(), "{target} {accept}");
            assert!(answer.body.len() < text().len() / 20, "{} bytes of {coding}", answer.body.len());
            assert_eq!(
                (answer.header("vary"), answer.header("etag")),
                (Some("Accept-Encoding"), Some("W/\"v1\""))
            );
            assert_eq!(answer.header("content-length"), None);
        }
    }
    let answer = ask(&mut connection, "GET", "/", "identity");
    assert_eq!((answer.header("content-encoding"), answer.text()), (None, text()));
    assert_eq!((answer.header("vary"), answer.header("etag")), (Some("Accept-Encoding"), Some("\"v1\"")));
}

#[test]
fn what_is_encoded_short_or_has_no_body_stays() {
    let backend = backend();
    let edge = Edge::configured(site("a.test", "web", backend.address), &BOTH);
    let mut connection = Connection::open(edge.http).unwrap();
    assert_eq!(ask(&mut connection, "GET", "/encoded", "gzip").header("content-encoding"), Some("zstd"));
    assert_eq!(ask(&mut connection, "GET", "/short", "gzip, br").text(), "ok");
    let answer = ask(&mut connection, "HEAD", "/", "gzip");
    assert_eq!((answer.status, answer.header("content-encoding")), (200, None));
    let mut old = Connection::open(edge.http).unwrap();
    old.send("GET / HTTP/1.0\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n").unwrap();
    assert_eq!(old.response().unwrap().text(), text());
}

#[test]
fn it_is_off_until_it_is_turned_on_and_follows_its_keys() {
    let backend = backend();
    let edge = Edge::configured(site("a.test", "web", backend.address), &[]);
    let coding = || {
        let mut connection = Connection::open(edge.http).unwrap();
        ask(&mut connection, "GET", "/", "gzip, br").header("content-encoding").map(str::to_owned)
    };
    assert_eq!(coding(), None);
    edge.configure(&[("use-gzip", "true")], "/compression/gzip/on", true);
    assert_eq!(coding().as_deref(), Some("gzip"));
    edge.configure(
        &[("use-gzip", "true"), ("gzip-types", "text/css")],
        "/compression/gzip/types/0",
        "text/css",
    );
    assert_eq!(coding(), None);
    edge.configure(
        &[("use-gzip", "true"), ("gzip-min-length", "10m")],
        "/compression/gzip/min_length",
        10 << 20,
    );
    assert_eq!(coding(), None);
    edge.configure(&[("enable-brotli", "true"), ("brotli-level", "11")], "/compression/brotli/level", 11);
    assert_eq!(coding().as_deref(), Some("br"));
    edge.configure(&[("use-gzip", "true"), ("gzip-disable", "^$")], "/compression/gzip_disable", "~*^$");
    assert_eq!(coding(), None, "a client without User-Agent");
}

#[test]
fn pieces_of_a_stream_arrive_when_they_are_sent() {
    let (go, gone): (Sender<()>, Receiver<()>) = channel();
    let gone = Mutex::new(gone);
    let backend = Backend::start(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        for number in 1..=3 {
            let event = format!("data: {number}\n\n");
            write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
            // The next one only after the client has this one.
            let _ = gone.lock().unwrap().recv();
        }
        stream.write_all(b"0\r\n\r\n")
    });
    let settings = [("use-gzip", "true"), ("gzip-types", "text/event-stream")];
    let edge = Edge::configured(site("a.test", "web", backend.address), &settings);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n").unwrap();
    assert_eq!(connection.head().unwrap().header("content-encoding"), Some("gzip"));
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    for number in 1..=3 {
        let want = format!("data: {number}\n\n");
        while !decoder.get_ref().ends_with(want.as_bytes()) {
            let chunk = connection.chunk().unwrap();
            assert!(!chunk.is_empty(), "the stream ended before event {number}");
            decoder.write_all(&chunk).unwrap();
            decoder.flush().unwrap();
        }
        go.send(()).unwrap();
    }
    loop {
        let chunk = connection.chunk().unwrap();
        if chunk.is_empty() {
            break;
        }
        decoder.write_all(&chunk).unwrap();
    }
    assert_eq!(decoder.finish().unwrap(), b"data: 1\n\ndata: 2\n\ndata: 3\n\n");
}

#[test]
fn http2_clients_get_it_too() {
    let backend = backend();
    let edge = Edge::configured(site("a.test", "web", backend.address), &BOTH);
    http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        for target in ["/", "/chunked"] {
            for coding in ["br", "gzip"] {
                let head = request(Method::GET, "a.test", target).header("accept-encoding", coding);
                let answer = client.send(head.body(()).unwrap(), None).await.unwrap();
                assert_eq!(answer.headers.get("content-encoding").unwrap(), coding);
                assert_eq!(answer.headers.get("content-length"), None);
                assert_eq!(unpack(Some(coding), &answer.body), text(), "{target}");
            }
        }
    });
}
