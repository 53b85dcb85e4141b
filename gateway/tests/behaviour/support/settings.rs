//! The ConfigMap of gateway-wide settings: set before the start and changed while both programs run.

use super::edge::{Edge, Plan};
use super::until;
use serde_json::Value;

const FILE: &str = "settings.yaml";

/// A ConfigMap of the namespace `test`.
pub(crate) fn config_map(name: &str, data: &[(&str, &str)]) -> String {
    let mut text =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}, namespace: test }}\ndata:");
    for (key, value) in data {
        text += &format!("\n  {key}: {}", serde_json::to_string(value).unwrap());
    }
    if data.is_empty() {
        text += " {}";
    }
    text
}

/// A plan with one site and these settings.
pub(crate) fn plan(site: impl Into<String>, data: &[(&str, &str)]) -> Plan {
    Edge::plan()
        .sync(&["--configmap", "test/settings"])
        .file(FILE, config_map("settings", data))
        .file("site.yaml", site)
}

impl Edge {
    /// Started with one site and these settings.
    pub(crate) fn configured(site: impl Into<String>, data: &[(&str, &str)]) -> Self {
        plan(site, data).start()
    }

    /// Writes the ConfigMap anew and waits until the gateway has taken it: `pointer` into the settings of the admin
    /// port's dump is `want` then.
    #[track_caller]
    pub(crate) fn configure(&self, data: &[(&str, &str)], pointer: &str, want: impl Into<Value>) {
        self.write(FILE, config_map("settings", data));
        self.until_setting(pointer, want);
    }

    /// Waits until a setting is what is wanted.
    #[track_caller]
    pub(crate) fn until_setting(&self, pointer: &str, want: impl Into<Value>) {
        let want = want.into();
        until(&format!("the setting {pointer} is {want}"), || {
            let dump: Value = serde_json::from_slice(&self.admin("/config").body).unwrap();
            dump["settings"].pointer(pointer) == Some(&want)
        });
    }
}
