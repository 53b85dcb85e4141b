//! Finds the end of a chunked body (RFC 9112 section 7.1) while it passes by.
//!
//! The engine decodes chunks itself and re-frames them; this scanner only makes sure that it sees a well-formed body
//! and not one byte of what follows.

/// The longest chunk-size line with its extensions, in bytes.
const MAX_SIZE_LINE: usize = 1024;
/// The largest trailer section, in bytes. Trailers of HTTP/1 requests are dropped, as RFC 9110 section 6.5.1 allows.
const MAX_TRAILERS: usize = 8 * 1024;

/// The body is not well-formed: the connection cannot be used any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunked body is malformed")]
pub struct Malformed;

/// Where the scanner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the digits of a size; `digits` seen so far.
    Size { size: u64, digits: u8 },
    /// After the digits, up to CR.
    Extension { size: u64, length: usize },
    /// The LF of a size line.
    SizeLineFeed { size: u64 },
    /// In data.
    Data { remaining: u64 },
    /// The CR after data.
    DataReturn,
    /// The LF after data.
    DataLineFeed,
    /// In the trailer section; `line` bytes of the current line, `total` of all.
    Trailer { line: usize, total: usize },
    /// The LF of a trailer line that was empty or not.
    TrailerLineFeed { empty: bool, total: usize },
    /// Behind the body.
    Done,
}

/// A scanner at the start of a chunked body.
#[derive(Clone, Copy, Debug)]
pub struct Chunked(State);

impl Default for Chunked {
    fn default() -> Self {
        Self(State::Size { size: 0, digits: 0 })
    }
}

impl Chunked {
    /// Whether the body is complete.
    pub fn is_done(&self) -> bool {
        self.0 == State::Done
    }

    /// Takes the next bytes and says how many of them belong to the body.
    ///
    /// # Errors
    /// When they cannot be part of a chunked body.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut at = 0;
        while at < bytes.len() && !self.is_done() {
            if let State::Data { remaining } = self.0 {
                let here = remaining.min((bytes.len() - at) as u64);
                at += here as usize;
                self.0 = if here == remaining {
                    State::DataReturn
                } else {
                    State::Data { remaining: remaining - here }
                };
            } else {
                self.0 = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    fn step(&self, byte: u8) -> Result<State, Malformed> {
        let text = |b: u8| (b >= b' ' && b != 0x7f) || b == b'\t';
        match self.0 {
            State::Size { size, digits } => match (byte as char).to_digit(16) {
                Some(digit) if digits < 15 => {
                    Ok(State::Size { size: size * 16 + u64::from(digit), digits: digits + 1 })
                }
                None if digits > 0 && byte == b'\r' => Ok(State::SizeLineFeed { size }),
                None if digits > 0 && byte == b';' => Ok(State::Extension { size, length: 1 }),
                _ => Err(Malformed),
            },
            State::Extension { size, .. } if byte == b'\r' => Ok(State::SizeLineFeed { size }),
            State::Extension { size, length } if length < MAX_SIZE_LINE && text(byte) => {
                Ok(State::Extension { size, length: length + 1 })
            }
            State::SizeLineFeed { size: 0 } if byte == b'\n' => Ok(State::Trailer { line: 0, total: 0 }),
            State::SizeLineFeed { size } if byte == b'\n' => Ok(State::Data { remaining: size }),
            State::DataReturn if byte == b'\r' => Ok(State::DataLineFeed),
            State::DataLineFeed if byte == b'\n' => Ok(State::Size { size: 0, digits: 0 }),
            State::Trailer { line, total } if byte == b'\r' => {
                Ok(State::TrailerLineFeed { empty: line == 0, total })
            }
            State::Trailer { line, total } if total < MAX_TRAILERS && text(byte) => {
                Ok(State::Trailer { line: line + 1, total: total + 1 })
            }
            State::TrailerLineFeed { empty: true, .. } if byte == b'\n' => Ok(State::Done),
            State::TrailerLineFeed { empty: false, total } if byte == b'\n' => {
                Ok(State::Trailer { line: 0, total })
            }
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_ends_where_it_ends() {
        let body = b"5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
        let mut bytes = body.to_vec();
        bytes.extend_from_slice(b"GET /smuggled");
        let mut chunked = Chunked::default();
        assert_eq!(chunked.advance(&bytes), Ok(body.len()));
        assert!(chunked.is_done());
    }

    #[test]
    fn it_may_arrive_byte_by_byte() {
        let body = b"3\r\nabc\r\n0\r\n\r\n";
        let mut chunked = Chunked::default();
        for byte in body {
            assert_eq!(chunked.advance(&[*byte]), Ok(1));
        }
        assert!(chunked.is_done());
    }

    #[test]
    fn malformed_bodies_are_refused() {
        let long = format!("5;{}\r\n", "x".repeat(MAX_SIZE_LINE + 1));
        let trailers = format!("0\r\nX: {}\r\n", "x".repeat(MAX_TRAILERS));
        for body in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "+1\r\n",
            "5\n",
            "5;a\nb",
            "5\r\nhelloX",
            "5\r\nhello\n",
            "0000000000000000f\r\n",
            "0x5\r\n",
            " 5\r\n",
            "5 \r\n",
            "3 3\r\n",
            &long,
            &trailers,
        ] {
            assert_eq!(Chunked::default().advance(body.as_bytes()), Err(Malformed), "{body:?}");
        }
    }
}
