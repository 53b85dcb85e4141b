//! The pages the gateway makes itself: small HTML in the manner of nginx.

use crate::reason::{self, Reason};
use bytes::Bytes;

/// The body of an answer: that of its status, where nginx says no more about the reason.
pub fn of(reason: Reason, status: u16) -> Bytes {
    let what = match reason {
        _ if status != reason.status() => return body(status),
        Reason::CertificateMissing => "No required SSL certificate was sent",
        Reason::CertificateInvalid => "The SSL certificate error",
        Reason::CertificateForbidden => return Bytes::from_static(b"client certificate unauthorized"),
        _ => return body(status),
    };
    Bytes::from(format!(
        "<html>\r\n<head><title>400 {what}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n\
         <center>{what}</center>\r\n<hr><center>ingora</center>\r\n</body>\r\n</html>\r\n"
    ))
}

/// The body for a status.
pub fn body(status: u16) -> Bytes {
    let phrase = reason::phrase(status);
    Bytes::from(format!(
        "<html>\r\n<head><title>{status} {phrase}</title></head>\r\n<body>\r\n<center><h1>{status} {phrase}</h1></center>\r\n\
         <hr><center>ingora</center>\r\n</body>\r\n</html>\r\n"
    ))
}

/// A whole HTTP/1.1 answer that ends its connection, for requests that never reach the engine.
pub fn raw(reason: Reason) -> Vec<u8> {
    let body = body(reason.status());
    let mut answer = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reason.status(),
        reason::phrase(reason.status()),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    answer
}
