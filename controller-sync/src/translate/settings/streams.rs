//! TCP and UDP services.

use super::key::Effect::NotYet;
use super::key::{BOOL, DURATION, NUMBER, Row};

const STREAMS: &str = "TCP and UDP services are not served";

pub(super) const ROWS: &[Row] = &[
    Row::new("proxy-stream-timeout", DURATION, "600s", NotYet(STREAMS)),
    Row::new("proxy-stream-next-upstream", BOOL, "true", NotYet(STREAMS)),
    Row::new("proxy-stream-next-upstream-timeout", DURATION, "600s", NotYet(STREAMS)),
    Row::new("proxy-stream-next-upstream-tries", NUMBER, "3", NotYet(STREAMS)),
    Row::new("proxy-stream-responses", NUMBER, "1", NotYet(STREAMS)),
];
