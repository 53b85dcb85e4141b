//! Requests that no edge should pass on, and some that it must.
//!
//! Every case names the statuses that are right for it; all of them end the connection.

/// One request.
pub(super) struct Case {
    /// What is wrong with it.
    pub(super) name: String,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// The statuses that are right.
    pub(super) statuses: &'static [u16],
}

fn case(statuses: &'static [u16], name: &str, bytes: impl Into<Vec<u8>>) -> Case {
    Case { name: name.to_owned(), bytes: bytes.into(), statuses }
}

/// A POST with these further header lines and this body.
fn post(statuses: &'static [u16], lines: &str, body: &str) -> Case {
    case(statuses, lines, format!("POST / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n\r\n{body}"))
}

/// A GET with these further header lines, raw.
fn get(statuses: &'static [u16], lines: impl AsRef<[u8]>) -> Case {
    let lines = lines.as_ref();
    let bytes = [b"GET / HTTP/1.1\r\nHost: a.test\r\n", lines, b"\r\n\r\n"].concat();
    case(statuses, &String::from_utf8_lossy(lines).escape_debug().to_string(), bytes)
}

const BAD: &[u16] = &[400];
const BAD_OR_UNKNOWN_CODING: &[u16] = &[400, 501];

/// Content-Length and Transfer-Encoding.
pub(super) fn framing() -> Vec<Case> {
    vec![
        post(BAD, "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        post(BAD, "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
        post(BAD, "Content-Length: 3\r\nContent-Length: 3", "abc"),
        post(BAD, "Content-Length: 3\r\nContent-Length: 4", "abc"),
        post(BAD, "Content-Length: 3, 3", "abc"),
        post(BAD, "Content-Length: 3,", "abc"),
        post(BAD, "Content-Length: +3", "abc"),
        post(BAD, "Content-Length: -3", "abc"),
        post(BAD, "Content-Length: 3a", "abc"),
        post(BAD, "Content-Length: 0x3", "abc"),
        post(BAD, "Content-Length: 3 3", "abc"),
        post(BAD, "Content-Length: 3.0", "abc"),
        post(BAD, "Content-Length:", "abc"),
        post(BAD, "Content-Length: \u{b}3", "abc"),
        post(BAD, "Content-Length: 99999999999999999999", "abc"),
        post(BAD, "Content-Length: 18446744073709551617", "a"),
        post(BAD, "Content-Length: ３", "abc"),
        post(&[501], "Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
        post(&[501], "Transfer-Encoding: gzip", "abc"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: identity", "abc"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: identity, chunked", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: xchunked", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: chunked;q=1", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: \"chunked\"", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: chunked,", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding:", "0\r\n\r\n"),
        post(BAD_OR_UNKNOWN_CODING, "Transfer-Encoding: \u{b}chunked", "0\r\n\r\n"),
        post(BAD, "Transfer-Encoding : chunked", "0\r\n\r\n"),
        post(BAD, " Transfer-Encoding: chunked", "0\r\n\r\n"),
        post(BAD, "X: y\r\n Transfer-Encoding: chunked", "0\r\n\r\n"),
        case(
            BAD,
            "Transfer-Encoding in HTTP/1.0",
            "POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        post(&[417], "Expect: 200-ok\r\nContent-Length: 3", "abc"),
    ]
}

/// The authority.
pub(super) fn hosts() -> Vec<Case> {
    let host = |value: &[u8]| {
        let bytes = [b"GET / HTTP/1.1\r\nHost: ", value, b"\r\n\r\n"].concat();
        case(BAD, &format!("Host: {}", String::from_utf8_lossy(value).escape_debug()), bytes)
    };
    let mut cases: Vec<_> = [
        &b""[..],
        b"a, b",
        b"a.test, a.test",
        b"a/x",
        b"a .test",
        b"a.test b.test",
        b"a:80x",
        b"a:99999",
        b"a:-1",
        b"a.test:80:80",
        b"user@a.test",
        b"a.test#x",
        b"a.test?x",
        b"a\\b",
        b"a%2etest",
        b"\x80.test",
        "\u{e4}.test".as_bytes(),
        b"a..test",
        b".a.test",
        b"[::1",
        b"::1",
        b"<a.test>",
    ]
    .into_iter()
    .map(host)
    .collect();
    cases.extend([
        case(BAD, "no Host", "GET / HTTP/1.1\r\n\r\n"),
        case(BAD, "Host twice, the same", "GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n"),
        case(BAD, "Host twice, another", "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n"),
        case(
            BAD,
            "a name longer than DNS has",
            format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a.".repeat(200)),
        ),
        case(BAD, "absolute-form that disagrees", "GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        case(
            BAD,
            "absolute-form with another port",
            "GET http://a.test:81/ HTTP/1.1\r\nHost: a.test:82\r\n\r\n",
        ),
        case(BAD, "absolute-form with user", "GET http://u@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        case(BAD, "absolute-form without Host", "GET http://a.test/ HTTP/1.1\r\n\r\n"),
        case(BAD, "absolute-form of nobody", "GET http:/// HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    ]);
    cases
}

/// Method, target, version.
pub(super) fn request_lines() -> Vec<Case> {
    let line = |statuses, line: &[u8]| {
        let bytes = [line, b"\r\nHost: a.test\r\n\r\n"].concat();
        case(statuses, &String::from_utf8_lossy(line).escape_debug().to_string(), bytes)
    };
    vec![
        line(BAD, b"GET foo HTTP/1.1"),
        line(BAD, b"GET a.test:80 HTTP/1.1"),
        line(BAD, b"GET * HTTP/1.1"),
        line(BAD, b"GET  / HTTP/1.1"),
        line(BAD, b"GET /  HTTP/1.1"),
        line(BAD, b"GET /a b HTTP/1.1"),
        line(BAD, b"GET /a\x00b HTTP/1.1"),
        line(BAD, b"GET /a\tb HTTP/1.1"),
        line(BAD, b"GET /a\x7fb HTTP/1.1"),
        line(BAD, b"GET\t/\tHTTP/1.1"),
        line(BAD, b"GET /a\rb HTTP/1.1"),
        line(BAD, b" GET / HTTP/1.1"),
        line(BAD, b"GET /"),
        line(BAD, b"GET"),
        line(BAD, b"get / HTTP/1.1"),
        line(BAD, b"G\"T / HTTP/1.1"),
        line(BAD, b"GET: / HTTP/1.1"),
        line(&[400, 505], b"GET / HTTP/1.2"),
        line(&[400, 505], b"GET / HTTP/2.0"),
        line(&[400, 505], b"GET / HTTP/0.9"),
        line(BAD, b"GET / HTTP/1.1x"),
        line(BAD, b"GET / HTTP/11"),
        line(BAD, b"GET / http/1.1"),
        line(BAD, b"GET / HTTPS/1.1"),
        line(&[405], b"TRACE / HTTP/1.1"),
        case(&[405], "CONNECT", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"),
        line(BAD, b"PRI * HTTP/2.0"),
        line(BAD, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        line(BAD, b"GET /a%00b HTTP/1.1"),
    ]
}

/// Names, values, line ends.
pub(super) fn header_lines() -> Vec<Case> {
    vec![
        get(BAD, "X Y: 1"),
        get(BAD, "X : 1"),
        get(BAD, "X\t: 1"),
        get(BAD, ": 1"),
        get(BAD, "X"),
        get(BAD, "X(Y): 1"),
        get(BAD, "X\"Y: 1"),
        get(BAD, "X@Y: 1"),
        get(BAD, b"X\x00Y: 1"),
        get(BAD, b"X\x80: 1"),
        get(BAD, b"X: a\x00b"),
        get(BAD, b"X: a\rb"),
        get(BAD, b"X: a\x01b"),
        get(BAD, b"X: a\x7fb"),
        get(BAD, "X: a\r\n folded"),
        get(BAD, "X: a\r\n\tfolded"),
        get(BAD, "X: a\nY: b"),
        get(BAD, "X: a\n"),
        case(BAD, "LF alone ends every line", "GET / HTTP/1.1\nHost: a.test\n\n"),
        case(BAD, "LF alone ends the request line", "GET / HTTP/1.1\nHost: a.test\r\n\r\n"),
        case(BAD, "LF alone ends the head", "GET / HTTP/1.1\r\nHost: a.test\r\n\n"),
        case(BAD, "a folded first line", "GET / HTTP/1.1\r\n Host: a.test\r\n\r\n"),
    ]
}

/// Sizes.
pub(super) fn limits() -> Vec<Case> {
    let lines: String = (0..300).map(|at| format!("X-{at}: 1\r\n")).collect();
    vec![
        case(
            &[431],
            "64 KiB in one line",
            format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n", "x".repeat(64 << 10)),
        ),
        case(
            &[431],
            "512 KiB in one line",
            format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n", "x".repeat(512 << 10)),
        ),
        case(
            &[431],
            "512 KiB in one name",
            format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}: x\r\n\r\n", "x".repeat(512 << 10)),
        ),
        case(&[431], "300 lines", format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")),
        case(
            &[414],
            "a target of 32 KiB",
            format!("GET /{} HTTP/1.1\r\nHost: a.test\r\n\r\n", "p".repeat(32 << 10)),
        ),
        case(
            &[414, 400],
            "a method of 32 KiB",
            format!("{} / HTTP/1.1\r\nHost: a.test\r\n\r\n", "M".repeat(32 << 10)),
        ),
        case(
            &[413],
            "a body beyond proxy-body-size",
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1048577\r\n\r\nx",
        ),
    ]
}

/// Chunked bodies.
pub(super) fn chunks() -> Vec<Case> {
    let chunked = |body: &str| {
        let name = body.escape_debug().to_string();
        let name = if name.len() > 60 { format!("{}… ({} bytes)", &name[..40], body.len()) } else { name };
        case(
            BAD,
            &name,
            format!("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
        )
    };
    vec![
        chunked("\r\nabc\r\n0\r\n\r\n"),
        chunked("zz\r\nabc\r\n0\r\n\r\n"),
        chunked("-3\r\nabc\r\n0\r\n\r\n"),
        chunked("+3\r\nabc\r\n0\r\n\r\n"),
        chunked("0x3\r\nabc\r\n0\r\n\r\n"),
        chunked(" 3\r\nabc\r\n0\r\n\r\n"),
        chunked("3 3\r\nabc\r\n0\r\n\r\n"),
        chunked("3\nabc\r\n0\r\n\r\n"),
        chunked("3\rabc\r\n0\r\n\r\n"),
        chunked("3;a\nb\r\nabc\r\n0\r\n\r\n"),
        chunked("3\r\nabc0\r\n\r\n"),
        chunked("3\r\nabc\n0\r\n\r\n"),
        chunked("3\r\nabcXX0\r\n\r\n"),
        chunked("ffffffffffffffff0\r\nabc"),
        chunked("fffffffffffffffff\r\nabc"),
        chunked(&format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(20_000))),
        chunked(&format!("{}3\r\nabc\r\n0\r\n\r\n", "0".repeat(20_000))),
        chunked("0\r\nX: y\n\r\n"),
        chunked(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(20_000))),
    ]
}

/// Correct, if unusual; all are answered with 200 and keep the connection.
pub(super) fn correct() -> Vec<Case> {
    vec![
        post(&[200], "Transfer-Encoding: Chunked", "3\r\nabc\r\n0\r\n\r\n"),
        post(&[200], "Transfer-Encoding: chunked", "3;name=\"value\"\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n"),
        post(&[200], "Transfer-Encoding: chunked", "003\r\nabc\r\n00\r\n\r\n"),
        post(&[200], "Content-Length: 003", "abc"),
        post(&[200], "Content-Length:3", "abc"),
        get(&[200], "X-Empty:"),
        get(&[200], b"X-Bytes: \xe4\xf6"),
        get(&[200], "X!#$%&'*+-.^_`|~1: 1"),
        case(&[200], "a port", "GET / HTTP/1.1\r\nHost: a.test:8080\r\n\r\n"),
        case(&[200], "a final dot", "GET / HTTP/1.1\r\nHost: a.test.\r\n\r\n"),
        case(&[200], "an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        case(&[200], "an own method", "PURGE / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    ]
}
