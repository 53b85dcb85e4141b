//! A login service for examples, with the endpoints and headers of oauth2-proxy. It believes everybody: whoever starts to
//! sign in is `ann`, and any session is good.
//!
//! ```text
//!   /oauth2/auth      202 with X-Auth-Request-User and -Email, or 401
//!   /oauth2/sign_in   a page with a link to start
//!   /oauth2/start     302 to the callback
//!   /oauth2/callback  302 to where `rd` said, with the session's cookie
//! ```

use super::wishes::decode;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{HeaderMap, Request, Response, StatusCode};

const USER: HeaderName = HeaderName::from_static("x-auth-request-user");
const EMAIL: HeaderName = HeaderName::from_static("x-auth-request-email");
const SESSION: HeaderValue = HeaderValue::from_static("_oauth2_proxy=ann; Path=/; HttpOnly; SameSite=Lax");

/// The answer of the login service; `None` for every other path.
pub(super) fn answer<B>(request: &Request<B>) -> Option<Response<Full<Bytes>>> {
    let back = || back(request.uri().query().unwrap_or_default());
    Some(match request.uri().path() {
        "/oauth2/auth" if has_session(request.headers()) => build(
            StatusCode::ACCEPTED,
            [(USER, HeaderValue::from_static("ann")), (EMAIL, HeaderValue::from_static("ann@example.test"))],
        ),
        "/oauth2/auth" => build(StatusCode::UNAUTHORIZED, []),
        "/oauth2/sign_in" => {
            let page = "<!doctype html><a href=\"/oauth2/start\">Sign in</a>\n";
            let mut response = build(StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static("text/html"))]);
            *response.body_mut() = Full::from(page);
            response
        }
        "/oauth2/start" => {
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            let callback = HeaderValue::try_from(format!("/oauth2/callback{query}"));
            build(StatusCode::FOUND, [(LOCATION, callback.unwrap_or(HeaderValue::from_static("/")))])
        }
        "/oauth2/callback" => build(StatusCode::FOUND, [(LOCATION, back()), (SET_COOKIE, SESSION)]),
        _ => return None,
    })
}

fn build<const N: usize>(
    status: StatusCode,
    headers: [(HeaderName, HeaderValue); N],
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

fn has_session(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).map(str::trim);
    pairs.any(|pair| pair.strip_prefix("_oauth2_proxy=").is_some_and(|session| !session.is_empty()))
}

/// Where `rd` says, on the same host only: the rest is a door to everywhere.
fn back(query: &str) -> HeaderValue {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let rd = pairs.find(|(name, _)| *name == "rd").map(|(_, value)| decode(value)).unwrap_or_default();
    let path = rd.split_once("://").map_or(&*rd, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let same_host = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    let path = if same_host { path } else { "/" };
    HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(target: &str, cookie: &str) -> Option<Response<Full<Bytes>>> {
        answer(&Request::get(target).header("cookie", cookie).body(()).unwrap())
    }

    #[test]
    fn whoever_has_a_session_is_known() {
        assert_eq!(ask("/oauth2/auth", "").unwrap().status(), 401);
        let answer = ask("/oauth2/auth", "a=b; _oauth2_proxy=ann").unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-auth-request-user"]),
            (202, &HeaderValue::from_static("ann"))
        );
        assert!(ask("/oauth2", "").is_none() && ask("/", "").is_none());
    }

    #[test]
    fn the_way_back_stays_on_the_host() {
        for (rd, want) in [
            ("%2Fa%3Fb%3D1", "/a?b=1"),
            ("http://x.test%2Fa", "/a"),
            ("https%3A%2F%2Fx.test", "/"),
            ("%2F%2Fevil.test", "/"),
            ("https://x.test//evil.test", "/"),
            ("javascript:alert(1)", "/"),
            ("%0d%0aX:y", "/"),
        ] {
            let answer = ask(&format!("/oauth2/callback?rd={rd}"), "").unwrap();
            assert_eq!(answer.headers()["location"], want, "{rd}");
        }
        let start = ask("/oauth2/start?rd=%2Fa", "").unwrap();
        assert_eq!(start.headers()["location"], "/oauth2/callback?rd=%2Fa");
    }
}
