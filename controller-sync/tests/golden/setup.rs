//! Reads a case: options from an optional first document without `kind`, then the objects.

use ingora_controller_sync::object::Object;
use ingora_controller_sync::object::metadata::Timestamp;
use ingora_controller_sync::store::Options;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// The first document. What it leaves out is the flag's default, except that Ingresses without a class are ours, so that
/// only the cases about classes need to mention them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Setup {
    watch_ingress_without_class: bool,
    watch_namespace: Option<String>,
    default_backend_service: Option<String>,
    default_ssl_certificate: Option<String>,
    configmap: Option<String>,
    annotations_prefix: Option<String>,
    disable_catch_all: bool,
    enable_ssl_passthrough: bool,
    allow_loopback_endpoints: bool,
    classes_elsewhere: bool,
    /// The time of the translation.
    now: String,
    /// DNS answers: addresses, or the text of a failure.
    names: BTreeMap<String, Answer>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Answer {
    Addresses(Vec<IpAddr>),
    Failure(String),
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            watch_ingress_without_class: true,
            watch_namespace: None,
            default_backend_service: None,
            default_ssl_certificate: None,
            configmap: None,
            annotations_prefix: None,
            disable_catch_all: false,
            enable_ssl_passthrough: false,
            allow_loopback_endpoints: false,
            classes_elsewhere: false,
            now: "2027-01-01T00:00:00Z".to_owned(),
            names: BTreeMap::new(),
        }
    }
}

impl Setup {
    pub(crate) fn options(&self) -> Options {
        let name = |text: &Option<String>| text.as_ref().map(|text| text.parse().expect("namespace/name"));
        let defaults = Options::default();
        Options {
            watch_ingress_without_class: self.watch_ingress_without_class,
            watch_namespace: self.watch_namespace.clone(),
            default_backend_service: name(&self.default_backend_service),
            default_ssl_certificate: name(&self.default_ssl_certificate),
            configmap: name(&self.configmap),
            annotations_prefix: self.annotations_prefix.clone().unwrap_or(defaults.annotations_prefix),
            disable_catch_all: self.disable_catch_all,
            enable_ssl_passthrough: self.enable_ssl_passthrough,
            allow_loopback_endpoints: self.allow_loopback_endpoints,
            classes_elsewhere: self.classes_elsewhere,
            ..Options::default()
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        let seconds = Timestamp::parse(&self.now).expect("now is a time").0;
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().expect("a time after 1970"))
    }

    pub(crate) fn answer(&self, name: &str) -> Option<Result<Vec<IpAddr>, String>> {
        Some(match self.names.get(name)?.clone() {
            Answer::Addresses(addresses) => Ok(addresses),
            Answer::Failure(error) => Err(error),
        })
    }
}

pub(crate) fn read(text: &str) -> (Setup, Vec<Object>) {
    let mut documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(text).expect("the case is YAML");
    documents.retain(|document| !document.is_null());
    let setup = if documents.first().is_some_and(|first| first.get("kind").is_none()) {
        serde_json::from_value(documents.remove(0)).expect("the first document sets known options")
    } else {
        Setup::default()
    };
    let decode = |document| Object::from_value(document).expect("an object").expect("a kind that is read");
    (setup, documents.into_iter().map(decode).collect())
}
