//! ConfigMap (`v1`): its `data`. What the keys mean, translation knows.

use super::metadata::Metadata;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The largest `data` of a ConfigMap in bytes, keys and values together, as in Kubernetes.
pub const MAX_DATA_BYTES: usize = 1024 * 1024;

/// A ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Raw")]
pub struct ConfigMap {
    /// Its name.
    pub metadata: Metadata,
    /// `data`; a value of null is the empty text. `binaryData` is not read.
    pub data: BTreeMap<String, String>,
}

/// The shape in the API.
#[derive(Deserialize)]
struct Raw {
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, Option<String>>>,
}

impl From<Raw> for ConfigMap {
    fn from(raw: Raw) -> Self {
        let data = raw.data.unwrap_or_default();
        let data = data.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect();
        Self { metadata: raw.metadata, data }
    }
}

impl ConfigMap {
    /// The bound that the API server keeps; a file has no other.
    pub(super) fn check_size(&self) -> Result<(), (&'static str, String)> {
        let bytes: usize = self.data.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > MAX_DATA_BYTES {
            return Err(("data", format!("it has {bytes} bytes; at most {MAX_DATA_BYTES} are read")));
        }
        Ok(())
    }
}
