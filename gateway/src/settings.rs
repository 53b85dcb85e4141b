//! Settings as requests use them: whatever can be worked out beforehand is, when they are published.

use crate::client_address;
use crate::filters::source_range;
use ingora_config::Settings;

/// The settings of one generation, worked out.
#[derive(Debug)]
pub struct CompiledSettings {
    /// Who a client is.
    pub client_address: client_address::Rule,
    /// Who may ask at all; `None` when the settings leave that to the routes.
    pub source_range: Option<source_range::Defaults>,
}

impl CompiledSettings {
    /// Works them out.
    pub fn new(settings: &Settings) -> Self {
        Self {
            client_address: client_address::Rule::new(&settings.client_address),
            source_range: source_range::Defaults::new(&settings.source_range),
        }
    }
}

impl Default for CompiledSettings {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}
