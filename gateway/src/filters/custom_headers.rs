//! `custom-headers`: headers of answers, in place of the upstream's.

use crate::settings::{SetHeader, lines};
use ingora_config::policy;
use pingora::Result;
use pingora::http::ResponseHeader;

/// The headers of a route.
#[derive(Debug)]
pub(super) struct CustomHeaders(Box<[SetHeader]>);

impl CustomHeaders {
    pub(super) fn compile(policy: &policy::CustomHeaders) -> Self {
        Self(lines(&policy.lines))
    }

    /// Sets them.
    ///
    /// # Errors
    /// When a header cannot be set.
    pub(super) fn apply(&self, response: &mut ResponseHeader) -> Result<()> {
        self.0.iter().try_for_each(|line| line.set_on_answer(response, None))
    }
}
