//! The flags that decide what the store holds and how it is translated.

use ingora_config::NamespacedName;

/// Options of store and translation. They hold for the life of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `--controller-class`: IngressClasses with this `spec.controller` are ours.
    pub controller_class: String,
    /// `--ingress-class`: the value of the annotation `kubernetes.io/ingress.class` that is ours.
    pub ingress_class: String,
    /// `--watch-ingress-without-class`: Ingresses that name no class are ours.
    pub watch_ingress_without_class: bool,
    /// `--watch-namespace`: only Ingresses of this namespace.
    pub watch_namespace: Option<String>,
    /// `--default-backend-service`: where requests go that no route takes; its first port.
    pub default_backend_service: Option<NamespacedName>,
    /// `--default-ssl-certificate`.
    pub default_ssl_certificate: Option<NamespacedName>,
    /// `--configmap`: the ConfigMap of gateway-wide settings.
    pub configmap: Option<NamespacedName>,
    /// `--annotations-prefix`, without the slash.
    pub annotations_prefix: String,
    /// `--disable-catch-all`: an Ingress with a `spec.defaultBackend` is not served.
    pub disable_catch_all: bool,
    /// `--enable-ssl-passthrough`: the annotation `ssl-passthrough` is acted on.
    pub enable_ssl_passthrough: bool,
    /// Addresses of this machine may be endpoints. Off for a cluster, where they would open the gateway's own ports to
    /// whoever may write a Service; on for files. Addresses of the link, such as the cloud's metadata service, never may.
    pub allow_loopback_endpoints: bool,
    /// The IngressClass objects live elsewhere, as when `ingora check` reads a directory of manifests: an Ingress that
    /// names [`Options::ingress_class`] is ours even without such an object, and every class that is not there is
    /// reported.
    pub classes_elsewhere: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controller_class: "ingora.io/ingress-controller".to_owned(),
            ingress_class: "ingora".to_owned(),
            watch_ingress_without_class: false,
            watch_namespace: None,
            default_backend_service: None,
            default_ssl_certificate: None,
            configmap: None,
            annotations_prefix: "nginx.ingress.kubernetes.io".to_owned(),
            disable_catch_all: false,
            enable_ssl_passthrough: false,
            allow_loopback_endpoints: false,
            classes_elsewhere: false,
        }
    }
}
