use super::*;
use http::Uri;

fn compression(change: impl FnOnce(&mut settings::Compression)) -> Option<Compression> {
    let mut settings = settings::Compression::default();
    settings.gzip.on = true;
    settings.brotli.on = true;
    change(&mut settings);
    Compression::compile(&settings)
}

fn request(method: &str, accept: &str) -> RequestHeader {
    let mut request = RequestHeader::build(method, b"/", None).unwrap();
    request.set_uri(Uri::from_static("/"));
    request.insert_header("accept-encoding", accept).unwrap();
    request.insert_header("user-agent", "Mozilla/4.0 (old)").unwrap();
    request
}

fn answer(status: u16, lines: &[(&'static str, &str)]) -> ResponseHeader {
    let mut response = ResponseHeader::build(status, None).unwrap();
    for (name, value) in [("content-type", "text/html; charset=utf-8"), ("content-length", "1000")] {
        response.insert_header(name, value).unwrap();
    }
    for (name, value) in lines {
        match *value {
            "" => drop(response.remove_header(*name)),
            value => response.insert_header(*name, value).unwrap(),
        }
    }
    response
}

/// The coding, and what the header became.
fn begin(
    compression: &Compression,
    request: &RequestHeader,
    mut response: ResponseHeader,
) -> (String, ResponseHeader) {
    let compressor = compression.begin(request, &mut response).unwrap();
    (compressor.map_or("none", |compressor| compressor.name()).to_owned(), response)
}

#[test]
fn the_header_tells_of_another_body() {
    let all = compression(|_| {}).unwrap();
    let lines = [("etag", "\"abc\""), ("accept-ranges", "bytes"), ("vary", "Origin")];
    let (coding, response) = begin(&all, &request("GET", "gzip, br"), answer(200, &lines));
    let header = |name: &str| response.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(coding, "br");
    assert_eq!(header("content-encoding"), Some("br"));
    assert_eq!((header("content-length"), header("transfer-encoding")), (None, Some("chunked")));
    assert_eq!((header("etag"), header("accept-ranges")), (Some("W/\"abc\""), None));
    let vary: Vec<_> = response.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["Origin", "Accept-Encoding"]);
}

#[test]
fn what_must_stay_as_it_is_does() {
    let all = compression(|_| {}).unwrap();
    let get = request("GET", "gzip");
    assert_eq!(begin(&all, &get, answer(200, &[])).0, "gzip");
    for (status, lines) in [
        (206, &[][..]),
        (204, &[]),
        (304, &[]),
        (500, &[]),
        (200, &[("content-encoding", "zstd")]),
        (200, &[("cache-control", "public, No-Transform")]),
        (200, &[("content-digest", "sha-256=:x:")]),
        (200, &[("content-type", "image/png")]),
        (200, &[("content-type", "application/grpc")]),
        (200, &[("content-type", "")]),
        (200, &[("content-length", "10")]),
        (200, &[("content-length", "0")]),
    ] {
        let before = answer(status, lines);
        let (coding, after) = begin(&all, &get, before.clone());
        assert_eq!((&*coding, &after.headers), ("none", &before.headers), "{status} {lines:?}");
    }
}

#[test]
fn caches_are_told_even_when_this_client_wants_none() {
    let all = compression(|_| {}).unwrap();
    let mut old = request("GET", "gzip");
    old.set_version(Version::HTTP_10);
    for request in [request("GET", "identity"), request("HEAD", "gzip"), old] {
        let (coding, response) = begin(&all, &request, answer(200, &[]));
        assert_eq!(coding, "none");
        assert_eq!(response.headers.get("vary").unwrap(), "Accept-Encoding");
        assert_eq!(response.headers.get("content-length").unwrap(), "1000");
    }
}

#[test]
fn each_coding_has_its_own_rules() {
    let both = request("GET", "gzip, br");
    let short = compression(|settings| settings.brotli.min_length = 2000).unwrap();
    assert_eq!(begin(&short, &both, answer(200, &[])).0, "gzip");
    assert_eq!(
        begin(&short, &both, answer(200, &[("content-length", "")])).0,
        "br",
        "nobody knows how long it is"
    );
    let types = compression(|settings| {
        settings.gzip.types = vec!["*".into()];
        settings.brotli.types = vec!["text/css".into()];
    });
    let types = types.unwrap();
    assert_eq!(begin(&types, &both, answer(200, &[("content-type", "image/png")])).0, "gzip");
    assert_eq!(begin(&types, &both, answer(200, &[("content-type", "Text/CSS")])).0, "br");
    let agents = |settings: &mut settings::Compression| {
        settings.brotli.on = false;
        settings.gzip_disable = ingora_config::TextPattern::new("~*mozilla/4").ok();
    };
    assert_eq!(begin(&compression(agents).unwrap(), &both, answer(200, &[])).0, "none");
}

#[test]
fn nothing_is_there_when_all_of_it_is_off() {
    let off = |settings: &mut settings::Compression| (settings.gzip.on, settings.brotli.on) = (false, false);
    assert!(compression(off).is_none());
}
