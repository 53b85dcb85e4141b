//! Progress, on standard error: results go to files, so that nothing here needs to be parsed.

use std::fmt::Display;
use std::io::Write as _;

/// Says one line. A closed standard error is no reason to end a bench.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "bench: {line}");
}
