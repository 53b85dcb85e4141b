//! Everything there is, read once: what `ingora check --cluster` reports on.

use super::Options;
use super::api::{Api, Failure};
use super::decode::Content;
use super::list::list;
use super::selection::{Selection, Subject};
use super::standing::forbidden;
use crate::object::{Object, ObjectKey};
use crate::source::Event;
use crate::store;
use ingora_config::{NamespacedName, ObjectRef, Problem, Reason, Severity};
use kube::Client;
use std::collections::BTreeSet;

/// A list failed for another reason than that it may not be read.
#[derive(Debug, thiserror::Error)]
#[error("objects of kind {kind} cannot be read from the API server: {why}")]
pub struct ListError {
    kind: &'static str,
    why: String,
}

/// Reads what [`super::follow`] would follow: the events of a source that then ends. A kind that may not be read becomes a
/// problem, and the others are read.
///
/// # Errors
/// When a list fails for any other reason.
pub async fn read_once(
    client: Client,
    store: &store::Options,
    options: &Options,
) -> Result<Vec<Event>, ListError> {
    let api = Api::new(client, options.timing);
    let mut events = Vec::new();
    let mut namespaces = None;
    if let Some(selector) = options.namespace_selector.as_deref().filter(|selector| !selector.is_empty()) {
        let items = read(&api, &Selection::namespaces(selector), &mut events).await?;
        namespaces = Some(items.into_iter().map(|(id, _)| id.name).collect::<BTreeSet<_>>());
    }
    for selection in Selection::all(store) {
        for (_, object) in read(&api, &selection, &mut events).await? {
            let Some(object) = object else { continue };
            let namespace = object.key().id.namespace;
            if !selection.is_of_ingresses()
                || namespaces.as_ref().is_none_or(|names| names.contains(&namespace))
            {
                events.push(Event::Apply(object, None));
            }
        }
    }
    events.push(Event::Ready);
    Ok(events)
}

async fn read(
    api: &Api,
    selection: &Selection,
    events: &mut Vec<Event>,
) -> Result<Vec<(NamespacedName, Option<Box<Object>>)>, ListError> {
    let listing = match list(api, selection, &|_| None).await {
        Ok(listing) => listing,
        Err(failure) if failure.is_forbidden() => {
            events.push(unread(selection, &failure));
            return Ok(Vec::new());
        }
        Err(failure) => {
            return Err(ListError { kind: selection.subject.kind(), why: failure.to_string() });
        }
    };
    let mut read = Vec::with_capacity(listing.items.len());
    for item in listing.items {
        match item.content {
            Content::Object(object) => read.push((item.id, Some(object))),
            Content::Known | Content::Unread => read.push((item.id, None)),
            Content::Undecodable(error) => events.push(Event::Problems {
                origin: item.id.to_string(),
                problems: vec![Problem {
                    severity: Severity::Error,
                    object: named(selection.subject, &item.id),
                    reason: Reason::ObjectInvalid,
                    field: error.field,
                    message: error.message,
                    hint: "correct it; it is skipped".into(),
                    location: None,
                }],
            }),
        }
    }
    Ok(read)
}

fn named(subject: Subject, id: &NamespacedName) -> ObjectRef {
    match subject {
        Subject::Objects(kind) => ObjectKey::new(kind, id.clone()).to_ref(),
        Subject::Namespaces => ObjectRef::new(subject.kind(), id),
    }
}

fn unread(selection: &Selection, failure: &Failure) -> Event {
    let problem = forbidden(selection, failure, false);
    let problem = Problem {
        message: format!(
            "objects of kind {} may not be read ({failure}); the report is without them",
            selection.subject.kind()
        ),
        hint: format!("the user of the kubeconfig needs {}", selection.rule()),
        ..problem
    };
    Event::Problems { origin: selection.name(), problems: vec![problem] }
}
