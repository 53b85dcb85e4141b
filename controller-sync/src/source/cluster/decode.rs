//! What an API server sends: pages of lists and lines of watches, straight into slim types.
//!
//! An object is first only looked at (who is it, which version), then decoded by itself: one that cannot be decoded
//! harms no other, and one whose version is known already is not decoded at all. Fields that no slim type has,
//! `managedFields` above all, are skipped by the parser.

use super::api::{Failure, Status};
use super::selection::Subject;
use crate::object::{DecodeError, Object};
use ingora_config::NamespacedName;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Marks the bookmark that ends the initial events of a streaming list (Kubernetes, "Streaming lists").
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// One object as the API server has it now.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: NamespacedName,
    pub(super) version: Box<str>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// The version is known already.
    Known,
    /// It exists, and that is all that is asked.
    Unread,
    Object(Box<Object>),
    Undecodable(DecodeError),
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    pub(super) version: String,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

/// One line of a watch.
#[derive(Debug)]
pub(super) enum Line {
    /// An object came or changed.
    Apply(Item),
    /// An object went; the version is that of its going.
    Delete(NamespacedName, Box<str>),
    /// Nothing changed up to this version.
    Bookmark {
        version: String,
        /// What there was when the watch began has been sent.
        complete: bool,
    },
    /// Something newer than this program.
    Unknown,
}

/// Which version of an object is known already.
pub(super) type Known<'k> = &'k (dyn Fn(&NamespacedName) -> Option<&'k str> + Sync);

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    metadata: HeadMetadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadMetadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
}

impl Head<'_> {
    fn id(&self) -> NamespacedName {
        NamespacedName::new(&*self.metadata.namespace, &*self.metadata.name)
    }
}

fn nonsense(error: &serde_json::Error) -> Failure {
    // The text of the error can quote what it met, and that may be a Secret.
    Failure::Nonsense(format!(
        "it is not what was expected at line {} column {}",
        error.line(),
        error.column()
    ))
}

fn item(subject: Subject, json: &str, known: Known<'_>) -> Result<Item, Failure> {
    let head: Head<'_> = serde_json::from_str(json).map_err(|error| nonsense(&error))?;
    let id = head.id();
    let version: Box<str> = head.metadata.resource_version.into();
    let content = match subject {
        Subject::Namespaces => Content::Unread,
        Subject::Objects(_) if !version.is_empty() && known(&id) == Some(&*version) => Content::Known,
        Subject::Objects(kind) => match Object::from_json(kind, json) {
            Ok(object) => Content::Object(Box::new(object)),
            Err(error) => Content::Undecodable(error),
        },
    };
    Ok(Item { id, version, content })
}

/// Reads one page of a list.
pub(super) fn page(subject: Subject, json: &[u8], known: Known<'_>) -> Result<Page, Failure> {
    #[derive(Deserialize)]
    struct List<'a> {
        metadata: ListMetadata,
        #[serde(borrow, default)]
        items: Option<Vec<&'a RawValue>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ListMetadata {
        #[serde(default)]
        resource_version: String,
        #[serde(default, rename = "continue")]
        next: Option<String>,
    }
    let list: List<'_> = serde_json::from_slice(json).map_err(|error| nonsense(&error))?;
    let items = list.items.unwrap_or_default();
    let items = items.into_iter().map(|json| item(subject, json.get(), known)).collect::<Result<_, _>>()?;
    let next = list.metadata.next.filter(|next| !next.is_empty());
    Ok(Page { items, version: list.metadata.resource_version, next })
}

/// Reads one line of a watch. What the API server reports as an error of the watch is a failure.
pub(super) fn line(subject: Subject, json: &[u8], known: Known<'_>) -> Result<Line, Failure> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
        #[serde(borrow)]
        object: &'a RawValue,
    }
    let event: Event<'_> = serde_json::from_slice(json).map_err(|error| nonsense(&error))?;
    let json = event.object.get();
    match &*event.kind {
        "ADDED" | "MODIFIED" => item(subject, json, known).map(Line::Apply),
        "DELETED" => {
            let head: Head<'_> = serde_json::from_str(json).map_err(|error| nonsense(&error))?;
            Ok(Line::Delete(head.id(), head.metadata.resource_version.into()))
        }
        "BOOKMARK" => bookmark(json),
        "ERROR" => {
            let status: Status = serde_json::from_str(json).map_err(|error| nonsense(&error))?;
            Err(status.into_failure())
        }
        _ => Ok(Line::Unknown),
    }
}

fn bookmark(json: &str) -> Result<Line, Failure> {
    #[derive(Deserialize)]
    struct Bookmark {
        metadata: BookmarkMetadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct BookmarkMetadata {
        #[serde(default)]
        resource_version: String,
        #[serde(default)]
        annotations: std::collections::BTreeMap<String, String>,
    }
    let Bookmark { metadata } = serde_json::from_str(json).map_err(|error| nonsense(&error))?;
    let complete = metadata.annotations.get(INITIAL_EVENTS_END).is_some_and(|value| value == "true");
    Ok(Line::Bookmark { version: metadata.resource_version, complete })
}
