//! Problems with the class of an Ingress. Whose it is, the store has decided.

use super::compile::Found;
use super::problems::Subject;
use super::quote::quoted;
use crate::object::Ingress;
use crate::store::Options;
use ingora_config::{Problem, Reason, SourceLocation};

const FIELD: &str = "spec.ingressClassName";

/// An Ingress that is ours only because its class is taken for granted.
pub(super) fn assumed(options: &Options, found: &mut Found<'_>) {
    let message = format!(
        "IngressClass {} is not among these objects; checked as if it were, with controller {}",
        quoted(&options.ingress_class),
        quoted(&options.controller_class)
    );
    found.warning(
        Reason::ClassNotFound,
        FIELD.into(),
        message,
        "make sure that the cluster has this IngressClass",
    );
}

/// An Ingress whose class does not exist. Only the class that is named like ours is our business: others may be served
/// by a controller that needs no IngressClass, and would be noise.
pub(super) fn missing(
    ingress: &Ingress,
    location: Option<&SourceLocation>,
    options: &Options,
) -> Option<Problem> {
    let name = ingress.spec.ingress_class_name.as_deref().unwrap_or_default();
    if name != options.ingress_class && !options.classes_elsewhere {
        return None;
    }
    let subject = Subject::new("Ingress", &ingress.metadata.id(), location);
    let message = format!("IngressClass {} does not exist; the Ingress is not served", quoted(name));
    let hint = format!(
        "create that IngressClass with spec.controller: {}, or name one that exists",
        quoted(&options.controller_class)
    );
    Some(subject.warning(Reason::ClassNotFound, FIELD, message, &hint))
}
