//! A byte stream cut into lines, within a bound.

use super::api::Failure;

/// The longest line. etcd takes objects of about 1.5 MiB; their JSON is longer.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// Room that is kept between two lines.
const KEPT_BYTES: usize = 64 * 1024;

/// What came and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where there is no line feed.
    searched: usize,
}

impl Lines {
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        if self.buffer.len() + piece.len() > MAX_LINE_BYTES {
            return Err(Failure::TooLarge);
        }
        self.buffer.extend_from_slice(piece);
        Ok(())
    }

    /// The next whole line that has something in it, without its end.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        loop {
            let found = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
            let Some(found) = found else {
                self.searched = self.buffer.len();
                return None;
            };
            let (start, end) = (self.start, self.searched + found);
            (self.start, self.searched) = (end + 1, end + 1);
            if !self.buffer[start..end].trim_ascii().is_empty() {
                return Some(&self.buffer[start..end]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come() {
        for size in 1..8 {
            let mut lines = Lines::default();
            let mut got = Vec::new();
            for piece in b"one\n\ntwo\r\n three\nfour".chunks(size) {
                lines.push(piece).unwrap();
                while let Some(line) = lines.next() {
                    got.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(got, ["one", "two\r", " three"]);
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; MAX_LINE_BYTES / 4];
        assert!((0..4).all(|_| lines.push(&piece).is_ok()));
        assert_eq!(lines.push(&piece), Err(Failure::TooLarge));
    }
}
