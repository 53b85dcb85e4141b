//! The echo backend does what its help says, over real sockets.

#![cfg(test)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Echo {
    process: Child,
    address: SocketAddr,
}

impl Echo {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ingora-echo"))
            .args(["--listen", "127.0.0.1:0", "--name", "one"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
        Self { process, address }
    }

    /// Everything the backend sends on a connection of its own.
    fn say(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, target: &str) -> String {
        self.say(&format!(
            "GET {target} HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: close\r\n\r\n"
        ))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn it_answers_what_it_received() {
    let echo = Echo::start();
    let answer = echo.say(
        "POST /a//b?x=1 HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    for part in [r#""name": "one""#, r#""path": "/a//b?x=1""#, r#""body": "hello""#, r#""body_bytes": 5"#] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    assert_eq!(body.matches(r#""x-a""#).count(), 2, "{body}");
}

#[test]
fn the_query_decides_the_answer() {
    let echo = Echo::start();
    let answer = echo.get("/?status=503&size=70000&header=X-B:two");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("x-b: two") && answer.contains("content-length: 70000"));
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1.len(), 70_000);

    let started = Instant::now();
    let answer = echo.get("/?chunks=3&chunk_delay_ms=40&size=2&trailer=x-t:end&delay_ms=20");
    assert!(started.elapsed() >= Duration::from_millis(100), "two pauses and a delay were asked for");
    assert_eq!(answer.matches("2\r\nxx\r\n").count(), 3, "{answer}");
    assert!(answer.ends_with("0\r\nx-t: end\r\n\r\n"), "{answer}");

    assert_eq!(echo.get("/?reset=1"), "", "a reset is no answer at all");
    assert!(echo.get("/?status=9").starts_with("HTTP/1.1 400"));
}

#[test]
fn every_upgrade_to_websocket_is_accepted_and_echoed() {
    let echo = Echo::start();
    let mut stream = TcpStream::connect(echo.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
        .write_all(
            b"GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    // The example of RFC 6455 section 1.3.
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");

    // A masked text frame "hi" (mask 0) comes back unmasked.
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame, [0x81, 2, b'h', b'i']);
}
