//! `permanent-redirect` and `temporal-redirect`: every request is sent elsewhere.

use serde::{Deserialize, Serialize};

/// The answer to every request of the route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Redirect {
    /// 300 to 308.
    pub code: u16,
    /// The value of Location, as written.
    pub location: String,
}
