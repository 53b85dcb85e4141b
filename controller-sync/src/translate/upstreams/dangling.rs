//! References that lead to no Service port, said about the object that refers.

use super::{Status, Use, service_of};
use crate::translate::compile::{Compiled, Place};
use crate::translate::problems::Subject;
use crate::translate::quote::quoted;
use crate::translate::reference::Referrer;
use ingora_config::{NamespacedName, Problem, Reason, ServicePort, UpstreamId};
use std::collections::HashMap;
use std::sync::Arc;

/// The problem of a reference that leads to no Service port.
pub(super) fn dangling(
    id: &UpstreamId,
    status: Status,
    referrer: &Referrer,
    ingresses: &HashMap<NamespacedName, Arc<Compiled>>,
) -> Option<Problem> {
    let service = service_of(id);
    let mut way = Use::Ordinary;
    let (subject, field, by) = match referrer {
        Referrer::Ingress(ingress) => {
            let ingress = ingresses.get(ingress)?;
            let place = ingress.upstreams.get(id)?;
            way = Use::of(ingress, *place);
            let backend = match place {
                Place::Path { .. } => format!("{place}.backend.service"),
                Place::DefaultBackend => format!("{place}.service"),
                Place::Annotation(name) => ingress.wishes.field(name),
                Place::AuthUrl => {
                    return unasked(id, status, &ingress.subject, ingress.wishes.field("auth-url"), UNASKED);
                }
                Place::MirrorTarget => {
                    let field = ingress.wishes.field("mirror-target");
                    return unasked(id, status, &ingress.subject, field, "nothing is copied");
                }
            };
            (ingress.subject.clone(), backend, "")
        }
        Referrer::GlobalAuth(map) => {
            let subject = Subject::new("ConfigMap", map, None);
            return unasked(id, status, &subject, "data[\"global-auth-url\"]".into(), UNASKED);
        }
        Referrer::Options => {
            (Subject::new("Service", &service, None), String::new(), "; --default-backend-service names it")
        }
    };
    let then = way.then();
    // An annotation has no fields below it.
    let below = |field: String, name: &str| match way {
        Use::Spare => field,
        _ if field.is_empty() => field,
        _ => format!("{field}.{name}"),
    };
    let no_port = match &id.port {
        ServicePort::Name(name) if name.is_empty() => {
            format!("the backend names no port of Service {service}; {then}")
        }
        ServicePort::First => format!("Service {service} has no TCP port; {then}"),
        port => format!("Service {service} has no TCP port {}; {then}", quoted(&port.to_string())),
    };
    match status {
        Status::Found | Status::NotResolved | Status::Forbidden => None,
        Status::ServiceMissing => Some(subject.error(
            Reason::ServiceNotFound,
            below(field, "name"),
            format!("Service {service} does not exist; {then}"),
            &format!("create the Service, or correct the name{by}"),
        )),
        Status::PortMissing => Some(subject.error(
            Reason::PortNotFound,
            below(field, "port"),
            no_port,
            &format!("name one of the Service's ports, by number or by name{by}"),
        )),
    }
}

/// What follows when there is nobody to ask.
const UNASKED: &str = "nobody can be asked, and requests get 500";

/// The problem of a URL that leads nowhere, and what follows from it.
fn unasked(id: &UpstreamId, status: Status, subject: &Subject, field: String, then: &str) -> Option<Problem> {
    let service = service_of(id);
    let (reason, what, hint) = match status {
        Status::Found => return None,
        Status::ServiceMissing => (
            Reason::ServiceNotFound,
            format!("Service {service} does not exist"),
            "create the Service, or correct the URL",
        ),
        Status::PortMissing => (
            Reason::PortNotFound,
            format!("Service {service} has no TCP port {}", quoted(&id.port.to_string())),
            "write one of the Service's ports into the URL",
        ),
        Status::NotResolved => (
            Reason::NameNotResolved,
            format!("the name {} is not resolved", quoted(&id.service)),
            "see whether the name exists and the cluster's DNS answers",
        ),
        Status::Forbidden => (
            Reason::NameNotResolved,
            format!("{} leads to addresses of the machine or the link only", quoted(&id.service)),
            "name a host of the network",
        ),
    };
    let message = format!("{what}; {then}");
    Some(subject.error(reason, field, message, hint))
}
