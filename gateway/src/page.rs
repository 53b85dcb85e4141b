//! The pages the gateway makes itself: small HTML in the manner of nginx.

use crate::reason::Reason;
use bytes::Bytes;
use pingora::http::ResponseHeader;

/// The body for a reason.
pub fn body(reason: Reason) -> Bytes {
    let status = reason.status();
    let phrase = reason.phrase();
    Bytes::from(format!(
        "<html>\r\n<head><title>{status} {phrase}</title></head>\r\n<body>\r\n<center><h1>{status} {phrase}</h1></center>\r\n\
         <hr><center>ingora</center>\r\n</body>\r\n</html>\r\n"
    ))
}

/// The header for a reason, without what the engine adds (Date, Connection).
///
/// # Errors
/// Never for the statuses of [`Reason`].
pub fn header(reason: Reason, body: &Bytes) -> pingora::Result<ResponseHeader> {
    let mut header = ResponseHeader::build(reason.status(), Some(6))?;
    header.insert_header(http::header::CONTENT_TYPE, "text/html")?;
    header.insert_header(http::header::CONTENT_LENGTH, body.len())?;
    Ok(header)
}

/// A whole HTTP/1.1 answer that ends its connection, for requests that never reach the engine.
pub fn raw(reason: Reason) -> Vec<u8> {
    let body = body(reason);
    let mut answer = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reason.status(),
        reason.phrase(),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    answer
}
