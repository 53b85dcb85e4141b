//! A client of the API server: blocking, HTTP/1.1, verifies the server's certificate, one connection that it keeps.

use super::http1::{Connection, Response};
use super::object;
use openssl::ssl::{SslConnector, SslMethod, SslStream};
use openssl::x509::X509;
use serde_json::Value;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

/// A secured connection to the server.
pub(crate) type Secured = Connection<SslStream<TcpStream>>;

/// Where a server is, how it proves itself, and who asks.
pub(crate) struct Api {
    /// The server.
    pub(crate) address: SocketAddr,
    /// Its certificate, PEM.
    pub(crate) authority: String,
    /// The bearer token; empty sends none.
    pub(crate) token: String,
    connector: SslConnector,
    kept: Mutex<Option<Secured>>,
}

impl Api {
    /// A client; nothing is connected yet.
    pub(crate) fn new(address: SocketAddr, authority: &str, token: &str) -> Self {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.cert_store_mut().add_cert(X509::from_pem(authority.as_bytes()).unwrap()).unwrap();
        Self {
            address,
            authority: authority.to_owned(),
            token: token.to_owned(),
            connector: builder.build(),
            kept: Mutex::default(),
        }
    }

    /// The same server with another token, and with a connection of its own.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self::new(self.address, &self.authority, token)
    }

    /// Another client like this one, for another thread.
    pub(crate) fn another(&self) -> Self {
        self.with_token(&self.token)
    }

    /// A new connection; `read_timeout` of `None` waits for ever.
    pub(crate) fn connect(&self, read_timeout: Option<Duration>) -> io::Result<Secured> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(read_timeout)?;
        let host = self.address.ip().to_string();
        let stream =
            self.connector.connect(&host, stream).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Connection::over(stream))
    }

    /// The text of a request.
    pub(crate) fn request(&self, method: &str, path: &str, content_type: &str, body: &str) -> String {
        let authorization = match self.token.as_str() {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        format!(
            "{method} {path} HTTP/1.1\r\nHost: api\r\n{authorization}Accept: application/json\r\n\
             Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// One call.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> io::Result<Response> {
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let request = self.request(method, path, content_type, body);
        let ask = |mut connection: Secured| {
            connection.send(&request)?;
            let answer = connection.response()?;
            Ok((connection, answer))
        };
        // The server closes what nobody used for a while.
        let answer = kept.take().map(&ask).and_then(io::Result::ok);
        let (connection, answer) = match answer {
            Some(answer) => answer,
            None => ask(self.connect(Some(super::PATIENCE))?)?,
        };
        if answer.header("connection").is_none_or(|value| value != "close") {
            *kept = Some(connection);
        }
        Ok(answer)
    }

    #[track_caller]
    fn expect(&self, method: &str, path: &str, content_type: &str, body: &str) -> Value {
        let answer = self
            .call(method, path, content_type, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    /// Reads an object or a list.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.expect("GET", path, "application/json", "")
    }

    /// Creates an object in its collection.
    #[track_caller]
    pub(crate) fn create(&self, object: &Value) -> Value {
        self.post(&object::collection(object), object)
    }

    /// Posts to any path, such as a sub-resource.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.expect("POST", path, "application/json", &body.to_string())
    }

    /// Server-side apply: creates or changes.
    #[track_caller]
    pub(crate) fn apply(&self, object: &Value) -> Value {
        let path = format!("{}?fieldManager=tests&force=true", object::path(object));
        self.expect("PATCH", &path, "application/apply-patch+yaml", &object.to_string())
    }

    /// Merges into an object or one of its sub-resources.
    #[track_caller]
    pub(crate) fn merge(&self, path: &str, patch: &Value) -> Value {
        self.expect("PATCH", path, "application/merge-patch+json", &patch.to_string())
    }

    /// Deletes an object.
    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        self.expect("DELETE", path, "application/json", "");
    }
}
