//! The compressors of answers, piece by piece.

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::write::GzEncoder;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most answers that are compressed at the same time, in the whole process: each needs up to a megabyte until it ends.
/// What comes on top passes as it is.
const MAX_AT_ONCE: usize = 512;

/// The highest level of brotli that is used. The levels above need tens of milliseconds for one piece, in which the core
/// serves nobody else.
const MAX_BROTLI_LEVEL: u32 = 6;

/// The most that brotli looks back, as a power of two, in bytes; less for an answer that is known to be short.
const BROTLI_WINDOW: i32 = 18;

static AT_ONCE: AtomicUsize = AtomicUsize::new(0);

/// One of those that may be compressed at the same time.
#[derive(Debug)]
struct Slot;

impl Slot {
    fn take() -> Option<Self> {
        if AT_ONCE.fetch_add(1, Ordering::Relaxed) < MAX_AT_ONCE {
            return Some(Self);
        }
        AT_ONCE.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        AT_ONCE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The compressor of one answer.
pub struct Compressor {
    encoder: Encoder,
    _slot: Slot,
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    /// The end was written.
    Done,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").field("coding", &self.name()).finish_non_exhaustive()
    }
}

impl Compressor {
    /// gzip (RFC 1952) of a level from 1 to 9; `None` when too much is compressed at the same time.
    pub(super) fn gzip(level: u32) -> Option<Self> {
        let slot = Slot::take()?;
        let encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(level.clamp(1, 9)));
        Some(Self { encoder: Encoder::Gzip(encoder), _slot: slot })
    }

    /// brotli (RFC 7932) for an answer of a length, alike.
    pub(super) fn brotli(level: u32, length: Option<u64>) -> Option<Self> {
        let slot = Slot::take()?;
        let bits = length.and_then(|length| i32::try_from(length.max(2).next_power_of_two().ilog2()).ok());
        let params = BrotliEncoderParams {
            quality: i32::try_from(level.min(MAX_BROTLI_LEVEL)).unwrap_or(4),
            lgwin: bits.unwrap_or(BROTLI_WINDOW).clamp(10, BROTLI_WINDOW),
            size_hint: length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0),
            ..BrotliEncoderParams::default()
        };
        let encoder = Box::new(CompressorWriter::with_params(Vec::new(), 4096, &params));
        Some(Self { encoder: Encoder::Brotli(encoder), _slot: slot })
    }

    /// As Content-Encoding says it.
    pub(super) fn name(&self) -> &'static str {
        match self.encoder {
            Encoder::Gzip(_) | Encoder::Done => "gzip",
            Encoder::Brotli(_) => "br",
        }
    }

    /// Puts the compressed bytes in the place of a piece of the body. Everything of it is in them, so that a client sees it
    /// as soon as it would without compression.
    ///
    /// # Errors
    /// Never when writing into memory cannot fail; the answer must not go on if it does.
    pub fn replace(&mut self, piece: &mut Option<Bytes>, end: bool) -> io::Result<()> {
        let input = piece.take().unwrap_or_default();
        if input.is_empty() && !end {
            return Ok(());
        }
        let out = if end { self.finish(&input)? } else { self.flush(&input)? };
        *piece = (!out.is_empty()).then(|| Bytes::from(out));
        Ok(())
    }

    fn flush(&mut self, input: &[u8]) -> io::Result<Vec<u8>> {
        match &mut self.encoder {
            Encoder::Gzip(encoder) => {
                encoder.write_all(input)?;
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Encoder::Brotli(encoder) => {
                encoder.write_all(input)?;
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Encoder::Done => Ok(Vec::new()),
        }
    }

    fn finish(&mut self, input: &[u8]) -> io::Result<Vec<u8>> {
        match std::mem::replace(&mut self.encoder, Encoder::Done) {
            Encoder::Gzip(mut encoder) => {
                encoder.write_all(input)?;
                encoder.finish()
            }
            Encoder::Brotli(mut encoder) => {
                encoder.write_all(input)?;
                Ok(encoder.into_inner())
            }
            Encoder::Done => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn unpack(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match name {
            "gzip" => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
            _ => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out).unwrap(),
        };
        out
    }

    /// What can be read of an answer that has not ended.
    fn so_far(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 1024];
        let mut filled = 0;
        let mut reader: Box<dyn io::Read> = match name {
            "gzip" => Box::new(flate2::read::GzDecoder::new(bytes)),
            _ => Box::new(brotli::Decompressor::new(bytes, 4096)),
        };
        while let Ok(count) = reader.read(&mut out[filled..]) {
            if count == 0 {
                break;
            }
            filled += count;
        }
        out.truncate(filled);
        out
    }

    fn both(length: Option<u64>) -> [Compressor; 2] {
        [Compressor::gzip(1).unwrap(), Compressor::brotli(11, length).unwrap()]
    }

    #[test]
    fn pieces_come_out_whole_and_at_once() {
        for mut compressor in both(None) {
            let name = compressor.name();
            let mut sent = Vec::new();
            for (number, text) in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"].into_iter().enumerate() {
                let mut piece = Some(Bytes::from(text));
                compressor.replace(&mut piece, false).unwrap();
                sent.extend_from_slice(&piece.expect("a piece is not held back"));
                let expected: String = (1..=number + 1).map(|number| format!("data: {number}\n\n")).collect();
                assert_eq!(so_far(name, &sent), expected.as_bytes(), "{name}");
            }
            let mut end = None;
            compressor.replace(&mut end, true).unwrap();
            sent.extend_from_slice(&end.unwrap());
            assert_eq!(unpack(name, &sent), b"data: 1\n\ndata: 2\n\ndata: 3\n\n", "{name}");
        }
    }

    #[test]
    fn an_answer_of_one_piece_and_an_empty_one_are_whole() {
        for text in ["", "x", &"abc ".repeat(100_000)] {
            for mut compressor in both(Some(text.len() as u64)) {
                let name = compressor.name();
                let mut piece = Some(Bytes::from(text.to_owned()));
                compressor.replace(&mut piece, true).unwrap();
                let sent = piece.unwrap();
                assert_eq!(unpack(name, &sent), text.as_bytes(), "{name}");
                assert!(text.len() < 1000 || sent.len() < text.len() / 20, "{name}: {}", sent.len());
                let mut after = None;
                compressor.replace(&mut after, true).unwrap();
                assert_eq!(after, None, "{name} ends once");
            }
        }
    }

    #[test]
    fn a_piece_without_bytes_costs_none() {
        for mut compressor in both(None) {
            let mut piece = Some(Bytes::new());
            compressor.replace(&mut piece, false).unwrap();
            assert_eq!(piece, None);
        }
    }
}
