//! Time as logs write it, worked out once per second.

use crate::args::LogFormat;
use std::time::Duration;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The last second that was written.
#[derive(Debug, Default)]
pub(super) struct Stamp {
    second: Option<u64>,
    text: Vec<u8>,
}

impl Stamp {
    /// Appends a moment, given as time since 1970: `2026-11-21T10:41:02.123Z` for JSON, nginx'
    /// `21/Nov/2026:10:41:02 +0000` for text.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, format: LogFormat, since_epoch: Duration) {
        let second = since_epoch.as_secs();
        if self.second != Some(second) {
            self.text.clear();
            match format {
                LogFormat::Json => iso(&mut self.text, second),
                LogFormat::Text => common(&mut self.text, second),
            }
            self.second = Some(second);
        }
        out.extend_from_slice(&self.text);
        if format == LogFormat::Json {
            out.push(b'.');
            padded(out, since_epoch.subsec_millis().into(), 3);
            out.push(b'Z');
        }
    }
}

fn iso(out: &mut Vec<u8>, second: u64) {
    let (year, month, day) = date(second / 86_400);
    padded(out, year, 4);
    out.push(b'-');
    padded(out, month, 2);
    out.push(b'-');
    padded(out, day, 2);
    out.push(b'T');
    clock(out, second);
}

/// A moment as nginx' `$time_iso8601` writes it, in UTC.
pub(super) fn iso_utc(out: &mut Vec<u8>, since_epoch: Duration) {
    iso(out, since_epoch.as_secs());
    out.extend_from_slice(b"+00:00");
}

fn common(out: &mut Vec<u8>, second: u64) {
    let (year, month, day) = date(second / 86_400);
    padded(out, day, 2);
    out.push(b'/');
    out.extend_from_slice(MONTHS[(month - 1) as usize]);
    out.push(b'/');
    padded(out, year, 4);
    out.push(b':');
    clock(out, second);
    out.extend_from_slice(b" +0000");
}

fn clock(out: &mut Vec<u8>, second: u64) {
    padded(out, second / 3600 % 24, 2);
    out.push(b':');
    padded(out, second / 60 % 60, 2);
    out.push(b':');
    padded(out, second % 60, 2);
}

/// Year, month and day of a day since 1970 in the Gregorian calendar: counted from 1 March of year 0, when a leap day is
/// the last of its year, in cycles of 400 years.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (cycle * 400 + year + u64::from(month <= 2), month, day)
}

/// A number with zeros in front.
pub(super) fn padded(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut start = digits.len();
    while rest > 0 || digits.len() - start < width {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(format: LogFormat, millis: u64) -> String {
        let mut out = Vec::new();
        Stamp::default().write(&mut out, format, Duration::from_millis(millis));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn moments_are_written_as_the_formats_want_them() {
        assert_eq!(stamp(LogFormat::Json, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(LogFormat::Json, 951_825_600_007), "2000-02-29T12:00:00.007Z");
        assert_eq!(stamp(LogFormat::Json, 1_709_251_199_999), "2024-02-29T23:59:59.999Z");
        assert_eq!(stamp(LogFormat::Text, 1_795_257_662_000), "21/Nov/2026:10:41:02 +0000");
        assert_eq!(stamp(LogFormat::Json, 4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn a_second_is_worked_out_once_and_the_next_one_anew() {
        let mut stamp = Stamp::default();
        let mut out = Vec::new();
        for millis in [1_000, 1_999, 2_000] {
            stamp.write(&mut out, LogFormat::Json, Duration::from_millis(millis));
            out.push(b' ');
        }
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "1970-01-01T00:00:01.000Z 1970-01-01T00:00:01.999Z 1970-01-01T00:00:02.000Z ");
    }
}
