//! Annotations under our prefix.
//!
//! None of them is acted on yet, and none is ignored in silence: each gives a problem that names it. An annotation that
//! Ingora acts on gets a file of its own below this one and a line in [`read`]. Annotations of other prefixes
//! (cert-manager, external-dns, …) belong to others and are left alone.

use super::compile::Found;
use super::quote::quoted;
use crate::object::Ingress;
use ingora_config::Reason;

/// Reads the annotations of one Ingress.
pub(super) fn read(ingress: &Ingress, prefix: &str, found: &mut Found<'_>) {
    for annotation in ingress.metadata.annotations.keys() {
        if annotation.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/')) {
            found.warning(
                Reason::AnnotationUnsupported,
                format!("metadata.annotations[{}]", quoted(annotation)),
                "Ingora does not act on this annotation; the Ingress is served as if it were not there"
                    .into(),
                "remove it if the Ingress is right without it",
            );
        }
    }
}
