//! Settings as requests use them: what can be worked out when they are published is worked out then.

use crate::client_address;
use crate::filters::source_range;
use ingora_config::Settings;

/// The settings of one generation, ready for requests.
#[derive(Debug)]
pub struct PreparedSettings {
    /// Who a client is.
    pub client_address: client_address::Rule,
    /// Who may ask at all; `None` when the settings leave that to the routes.
    pub source_range: Option<source_range::Defaults>,
}

impl PreparedSettings {
    /// Prepares settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            client_address: client_address::Rule::new(&settings.client_address),
            source_range: source_range::Defaults::new(&settings.source_range),
        }
    }
}

impl Default for PreparedSettings {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}
