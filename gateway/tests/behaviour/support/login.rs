//! A login service with the endpoints, headers and cookies of oauth2-proxy. Whoever starts to sign in is user `ann` at once.
//!
//! ```text
//!   /oauth2/auth      202 with X-Auth-Request-User, -Email, or 401
//!   /oauth2/sign_in   a page with a link to start
//!   /oauth2/start     302 to callback, with a cookie against forgery
//!   /oauth2/callback  302 to where rd said, with the session's cookie
//! ```

use super::backend::{Backend, Received};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of the session's cookie.
pub(crate) const COOKIE: &str = "_oauth2_proxy";
const CSRF: &str = "_oauth2_proxy_csrf";

/// Runs until dropped.
pub(crate) struct Login {
    /// What it received.
    pub(crate) backend: Backend,
    sessions: Arc<AtomicU64>,
}

impl Login {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let sessions = Arc::new(AtomicU64::new(1000));
        let known = Arc::clone(&sessions);
        Self { backend: Backend::start(move |request, stream| answer(request, stream, &known)), sessions }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.backend.address
    }

    /// A session of a user who is signed in: a whole `Cookie`.
    pub(crate) fn session(&self) -> String {
        format!("{COOKIE}={}", self.sessions.fetch_add(1, Ordering::SeqCst))
    }

    /// The questions so far.
    pub(crate) fn questions(&self) -> Vec<Received> {
        let received = self.backend.received();
        received.iter().filter(|request| request.target().starts_with("/oauth2/auth")).cloned().collect()
    }
}

/// The value of a cookie.
fn cookie<'r>(request: &'r Received, name: &str) -> Option<&'r str> {
    let pairs = request.head.all("cookie").into_iter().flat_map(|line| line.split("; "));
    pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The decoded value of a parameter.
fn parameter(target: &str, name: &str) -> Option<String> {
    let query = target.split_once('?')?.1;
    let (_, value) =
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, behind @ ..] = rest {
        let hex = behind.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn answer(request: &Received, stream: &mut TcpStream, sessions: &AtomicU64) -> io::Result<()> {
    let target = request.target();
    let back = || parameter(target, "rd").unwrap_or_else(|| "/".to_owned());
    let escaped = |text: &str| text.replace('%', "%25").replace('&', "%26").replace('?', "%3F");
    let (status, lines, body) = match target.split('?').next().unwrap_or_default() {
        "/oauth2/auth" => match cookie(request, COOKIE).and_then(|id| id.parse::<u64>().ok()) {
            Some(id) if id < sessions.load(Ordering::SeqCst) => {
                let user =
                    "X-Auth-Request-User: ann\r\nX-Auth-Request-Email: ann@example.test\r\n".to_owned();
                // As with --cookie-refresh.
                let cookie = if target.contains("refresh") {
                    format!("Set-Cookie: {COOKIE}={id}; Path=/; HttpOnly\r\nSet-Cookie: seen=1; Path=/\r\n")
                } else {
                    String::new()
                };
                ("202 Accepted", user + &cookie, "Authenticated".to_owned())
            }
            _ => (
                "401 Unauthorized",
                "WWW-Authenticate: Bearer realm=\"login\"\r\n".into(),
                "Unauthorized".into(),
            ),
        },
        "/oauth2/sign_in" => {
            let page = format!("<a id=\"start\" href=\"/oauth2/start?rd={}\">Sign in</a>", escaped(&back()));
            ("200 OK", "Content-Type: text/html\r\n".into(), page)
        }
        "/oauth2/start" => {
            let lines = format!(
                "Set-Cookie: {CSRF}=1; Path=/; HttpOnly; SameSite=Lax\r\nLocation: /oauth2/callback?rd={}\r\n",
                escaped(&back())
            );
            ("302 Found", lines, String::new())
        }
        "/oauth2/callback" if cookie(request, CSRF) == Some("1") => {
            let id = sessions.fetch_add(1, Ordering::SeqCst);
            let lines = format!(
                "Set-Cookie: {COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax\r\nLocation: {}\r\n",
                back()
            );
            ("302 Found", lines, String::new())
        }
        "/oauth2/callback" => ("403 Forbidden", String::new(), "no cookie against forgery".into()),
        _ => ("404 Not Found", String::new(), "no such page".into()),
    };
    write!(stream, "HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len())
}
