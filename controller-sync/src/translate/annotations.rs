//! Annotations under our prefix.
//!
//! None of them is acted on yet, and none is ignored in silence: each gives a problem that names it. An Ingress that asks
//! for protection which Ingora does not give is not served at all (see [`Weight::Refused`]): its author believes that
//! strangers are kept out. An annotation that Ingora acts on gets a file of its own below this one. Annotations of other
//! prefixes (cert-manager, external-dns, …) belong to others and are left alone.

use super::compile::Found;
use super::quote::quoted;
use crate::object::Ingress;
use ingora_config::Reason;

/// What follows from not acting on an annotation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Serving without it would let in whom its author keeps out: nothing of the Ingress is served.
    Refused,
    /// Part of a protection that by itself guards nothing, or a guard behind the gateway's own: an error.
    Unprotected,
    /// Something else is missing.
    Missing,
}

/// Of an annotation, by its name behind the prefix.
fn weight(name: &str) -> Weight {
    let refused = matches!(name, "auth-type" | "auth-url" | "auth-tls-secret");
    if refused || name.ends_with("-source-range") || name.ends_with("-snippet") {
        Weight::Refused
    } else if name.starts_with("auth-") || name.contains("modsecurity") {
        Weight::Unprotected
    } else {
        Weight::Missing
    }
}

/// Whether an annotation keeps the Ingress from being served; each that does is a problem.
pub(super) fn refuse(ingress: &Ingress, prefix: &str, found: &mut Found<'_>) -> bool {
    let mut refused = false;
    for (annotation, _) in ours(ingress, prefix).filter(|(_, name)| weight(name) == Weight::Refused) {
        refused = true;
        found.error(
            Reason::AnnotationUnsupported,
            field(annotation),
            "Ingora does not act on this annotation yet, and requests would NOT be protected by it; nothing of the \
             Ingress is served"
                .into(),
            "remove it if the Ingress may be served to everybody without it",
        );
    }
    refused
}

/// Tells of the annotations that an Ingress is served without.
pub(super) fn read(ingress: &Ingress, prefix: &str, found: &mut Found<'_>) {
    for (annotation, name) in ours(ingress, prefix) {
        match weight(name) {
            Weight::Refused => {}
            Weight::Unprotected => found.error(
                Reason::AnnotationUnsupported,
                field(annotation),
                "Ingora does not act on this annotation; requests are NOT protected by it".into(),
                "remove it if the Ingress may be served without it",
            ),
            Weight::Missing => found.warning(
                Reason::AnnotationUnsupported,
                field(annotation),
                "Ingora does not act on this annotation; the Ingress is served as if it were not there"
                    .into(),
                "remove it if the Ingress is right without it",
            ),
        }
    }
}

/// The annotations under the prefix, each with its name behind it.
fn ours<'a>(ingress: &'a Ingress, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let name = move |annotation: &'a str| annotation.strip_prefix(prefix)?.strip_prefix('/');
    ingress.metadata.annotations.keys().filter_map(move |key| Some((key.as_str(), name(key)?)))
}

fn field(annotation: &str) -> String {
    format!("metadata.annotations[{}]", quoted(annotation))
}
