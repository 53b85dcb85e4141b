//! What a gRPC client is told when the gateway answers itself: the status of HTTP as ever, and beside it the same as
//! `grpc-status`, without a page (the protocol's "Trailers-Only").
//!
//! The status of HTTP stays, so that logs and dashboards show what they always showed, and clients that look at it alone
//! come to the same code: they map it as here (gRPC's "HTTP to gRPC Status Code Mapping").

use crate::answer::Answer;
use crate::reason;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{StatusCode, Version};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether the answer to this request is read as one of gRPC. Redirects are none, and gRPC-Web has no trailers.
pub(super) fn is_asked(request: &RequestHeader, answer: &Answer) -> bool {
    request.version == Version::HTTP_2
        && answer.status >= 400
        && request.headers.get(CONTENT_TYPE).is_some_and(|value| is_grpc(value.as_bytes()))
}

/// `application/grpc`, alone or with a format behind it.
fn is_grpc(content_type: &[u8]) -> bool {
    let name = b"application/grpc";
    let (Some(start), rest) = (content_type.get(..name.len()), content_type.get(name.len()..)) else {
        return false;
    };
    start.eq_ignore_ascii_case(name)
        && rest.is_none_or(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// The header, which is the whole answer.
pub(super) fn header(answer: &Answer) -> Result<ResponseHeader> {
    let mut header = ResponseHeader::build(answer.status, Some(6 + answer.headers.len()))?;
    header.insert_header(CONTENT_TYPE, HeaderValue::from_static("application/grpc"))?;
    header.insert_header(GRPC_STATUS, HeaderValue::from_static(code(answer.status)))?;
    // The phrases are visible ASCII without `%`, which needs no encoding.
    header.insert_header(GRPC_MESSAGE, HeaderValue::from_static(reason::phrase(answer.status)))?;
    for (name, value) in &answer.headers {
        header.insert_header(name, value)?;
    }
    Ok(header)
}

/// The mapping of the protocol; where that says UNKNOWN, a better one if there is one.
fn code(status: u16) -> &'static str {
    match StatusCode::from_u16(status) {
        Ok(StatusCode::BAD_REQUEST) => "13",
        Ok(StatusCode::UNAUTHORIZED) => "16",
        Ok(StatusCode::FORBIDDEN) => "7",
        Ok(StatusCode::NOT_FOUND) => "12",
        Ok(
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT,
        ) => "14",
        // RESOURCE_EXHAUSTED and DEADLINE_EXCEEDED.
        Ok(StatusCode::PAYLOAD_TOO_LARGE) => "8",
        Ok(StatusCode::REQUEST_TIMEOUT) => "4",
        _ => "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    #[test]
    fn only_grpc_itself_is_answered_as_grpc() {
        for (text, grpc) in [
            ("application/grpc", true),
            ("Application/GRPC", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=x", true),
            ("application/grpc-web", false),
            ("application/grp", false),
            ("text/html", false),
            ("", false),
        ] {
            assert_eq!(is_grpc(text.as_bytes()), grpc, "{text}");
        }
    }

    #[test]
    fn an_answer_carries_both_statuses() {
        let header = header(&Answer::page(Reason::NoEndpoints)).unwrap();
        assert_eq!(header.status, 503);
        assert_eq!(header.headers[GRPC_STATUS], "14");
        assert_eq!(header.headers[GRPC_MESSAGE], "Service Temporarily Unavailable");
    }
}
