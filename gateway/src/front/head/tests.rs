use super::*;

fn read(text: &str) -> Result<Progress, Reason> {
    Scan::default().advance(text.as_bytes())
}

fn framing(text: &str) -> Framing {
    match read(text) {
        Ok(Progress::Complete(head)) => head.framing,
        other => panic!("{text:?} must be a complete head, got {other:?}"),
    }
}

#[test]
fn an_ordinary_request_is_taken() {
    assert_eq!(framing("GET /a?b HTTP/1.1\r\nHost: a.test\r\n\r\n"), Framing::Length(0));
    assert_eq!(
        framing("POST / HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: 12\r\n\r\n"),
        Framing::Length(12)
    );
    assert_eq!(
        framing("POST / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: Chunked\r\n\r\n"),
        Framing::Chunked
    );
    assert_eq!(framing("GET / HTTP/1.0\r\n\r\n"), Framing::Length(0));
    assert_eq!(
        framing("GET http://A.test/x HTTP/1.1\r\nhost: a.TEST\r\nx: \t y\u{e4}\r\n\r\n"),
        Framing::Length(0)
    );
}

#[test]
fn a_head_may_arrive_byte_by_byte() {
    let text = b"GET / HTTP/1.1\r\nHost: a.test\r\nX: y\r\n\r\nbody";
    let mut scan = Scan::default();
    for end in 1..38 {
        assert_eq!(scan.advance(&text[..end]), Ok(Progress::Partial), "after {end} bytes");
    }
    let head = Head { length: 38, framing: Framing::Length(0), upgrade: false, absolute: (0, 0) };
    assert_eq!(scan.advance(text), Ok(Progress::Complete(head)));
}

#[test]
fn whatever_can_be_read_in_two_ways_is_refused() {
    let cases: &[(&str, Reason)] = &[
        ("Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", Reason::BadRequest),
        ("Host: a\r\nContent-Length: 3\r\nContent-Length: 3", Reason::BadRequest),
        ("Host: a\r\nContent-Length: 3, 3", Reason::BadRequest),
        ("Host: a\r\nContent-Length: +3", Reason::BadRequest),
        ("Host: a\r\nContent-Length: 0x3", Reason::BadRequest),
        ("Host: a\r\nContent-Length: ", Reason::BadRequest),
        ("Host: a\r\nContent-Length: 99999999999999999999", Reason::BadRequest),
        ("Host: a\r\nTransfer-Encoding: gzip, chunked", Reason::UnknownTransferCoding),
        ("Host: a\r\nTransfer-Encoding: identity, chunked", Reason::UnknownTransferCoding),
        ("Host: a\r\nTransfer-Encoding: xchunked", Reason::UnknownTransferCoding),
        ("Host: a\r\nTransfer-Encoding: chunked, chunked", Reason::BadRequest),
        ("Host: a\r\nTransfer-Encoding: ", Reason::BadRequest),
        ("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Reason::BadRequest),
        ("X: y", Reason::BadRequest),
        ("Host: ", Reason::BadRequest),
        ("Host: a\r\nHost: a", Reason::BadRequest),
        ("Host: a, b", Reason::BadRequest),
        ("Host: a/x", Reason::BadRequest),
        ("Host: a .test", Reason::BadRequest),
        ("Host: a:80x", Reason::BadRequest),
        ("Host: user@a", Reason::BadRequest),
        ("Host: \u{e4}.test", Reason::BadRequest),
        ("Host: a\r\nX : y", Reason::BadRequest),
        ("Host: a\r\n X: y", Reason::BadRequest),
        ("Host: a\r\nX: y\r\n folded", Reason::BadRequest),
        ("Host: a\r\nno colon", Reason::BadRequest),
        ("Host: a\r\n: empty", Reason::BadRequest),
        ("Host: a\r\nX: a\0b", Reason::BadRequest),
        ("Host: a\r\nX: a\rb", Reason::BadRequest),
        ("Host: a\r\nX: \x0ca", Reason::BadRequest),
        ("Host: a\nX: y", Reason::BadRequest),
        ("Host: a\r\nExpect: 200-ok", Reason::ExpectationFailed),
    ];
    for (headers, reason) in cases {
        assert_eq!(read(&format!("GET / HTTP/1.1\r\n{headers}\r\n\r\n")), Err(*reason), "{headers:?}");
    }
}

#[test]
fn a_request_line_that_is_not_one_is_refused() {
    let cases: &[(&str, Reason)] = &[
        ("GET foo HTTP/1.1", Reason::BadRequest),
        ("GET a.test:80 HTTP/1.1", Reason::BadRequest),
        ("GET * HTTP/1.1", Reason::BadRequest),
        ("GET /a b HTTP/1.1", Reason::BadRequest),
        ("GET  / HTTP/1.1", Reason::BadRequest),
        ("GET /\0 HTTP/1.1", Reason::BadRequest),
        ("GET /# HTTP/1.1", Reason::BadRequest),
        ("GET /", Reason::BadRequest),
        ("GET / HTTP/2.0", Reason::BadRequest),
        ("GET / http/1.1", Reason::BadRequest),
        ("get / HTTP/1.1", Reason::BadRequest),
        ("G@T / HTTP/1.1", Reason::BadRequest),
        ("CONNECT a:443 HTTP/1.1", Reason::MethodNotAllowed),
        ("TRACE / HTTP/1.1", Reason::MethodNotAllowed),
        ("GET http://b.test/ HTTP/1.1", Reason::BadRequest),
        ("GET http://u@a.test/ HTTP/1.1", Reason::BadRequest),
        ("GET ftp://a.test/ HTTP/1.1", Reason::BadRequest),
    ];
    for (line, reason) in cases {
        assert_eq!(read(&format!("{line}\r\nHost: a.test\r\n\r\n")), Err(*reason), "{line:?}");
    }
    assert_eq!(read("\r\nGET / HTTP/1.1\r\n\r\n"), Err(Reason::BadRequest));
    assert_eq!(
        read("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Err(Reason::BadRequest)
    );
}

#[test]
fn scheme_and_authority_of_an_absolute_target_are_found() {
    let text = "GET HTTP://a.test:80?q HTTP/1.1\r\nHost: A.test:80\r\n\r\n";
    let Ok(Progress::Complete(head)) = read(text) else { panic!("it agrees with Host") };
    assert_eq!(&text[head.absolute.0..head.absolute.1], "HTTP://a.test:80");
    assert_eq!(read("GET http://a.test/ HTTP/1.0\r\n\r\n"), Err(Reason::BadRequest));
}

#[test]
fn a_head_is_bounded_before_it_is_complete() {
    let long = format!("GET /{}", "a".repeat(MAX_REQUEST_LINE));
    assert_eq!(read(&long), Err(Reason::UriTooLong));
    let large = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(MAX_HEAD));
    assert_eq!(read(&large), Err(Reason::HeaderTooLarge));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}", "X: y\r\n".repeat(MAX_HEADER_LINES));
    assert_eq!(read(&many), Err(Reason::HeaderTooLarge));
    let fits = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(MAX_HEAD - 64));
    assert!(matches!(read(&fits), Ok(Progress::Complete(_))));
}

proptest::proptest! {
    /// However a head is cut into packets, the verdict is the same, and nothing panics.
    #[test]
    fn the_verdict_does_not_depend_on_packets(
        parts in proptest::collection::vec(
            proptest::sample::select(&[
                "GET / HTTP/1.1", "POST /a HTTP/1.0", "\r\n", "\n", "Host: a.test", "Host: b", "Content-Length: 3",
                "Transfer-Encoding: chunked", "X: y", " folded", ":", "\0", "\u{e4}", "Upgrade: websocket", "Expect: 100-continue",
            ][..]),
            0..24,
        ),
        cuts in proptest::collection::vec(0_usize..400, 0..8),
    ) {
        let text = parts.concat();
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.push(bytes.len());
        cuts.sort_unstable();
        let mut scan = Scan::default();
        let mut piecewise = Ok(Progress::Partial);
        for cut in cuts {
            piecewise = scan.advance(&bytes[..cut]);
            if piecewise != Ok(Progress::Partial) {
                break;
            }
        }
        proptest::prop_assert_eq!(piecewise, Scan::default().advance(bytes));
    }
}
