//! Client certificates (`auth-tls-*`).
//!
//! ```text
//!   handshake  SNI ──▶ table ──▶ HostTls ──▶ a context of its own asks for a certificate ──▶ Presented (of the connection)
//!   request    Host ─▶ table ──▶ HostTls ──▶ check: was the connection opened under the same rule? what did it present?
//!                                     403 authorities missing · 421 another rule · 400 no valid certificate · 403 another subject
//! ```
//!
//! As in nginx a handshake never fails for a bad certificate: the request is told. What the SNI chose is never trusted for
//! another Host: a session that is resumed and a connection that is used again carry the rule they began with.

pub mod authority;
mod check;
mod clear;
mod headers;
pub mod presented;
mod revoked;
mod subject;

pub use authority::Authorities;
pub use check::{Check, check};
pub use clear::check_clear;
pub use headers::set_headers;
pub use presented::{ClientCertificate, Presented};
