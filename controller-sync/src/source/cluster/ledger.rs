//! What one selection has told the store: who is held in which version, and who could not be decoded.
//!
//! Pure bookkeeping: lists and lines in, [`Event`]s out. It makes a new list a difference to the old one, so that
//! whatever happened while nobody looked takes effect in one batch.

use super::decode::{Content, Item};
use crate::object::{DecodeError, Kind, ObjectKey};
use crate::source::Event;
use ingora_config::{NamespacedName, Problem, Reason, Severity};
use std::collections::{BTreeSet, HashMap, HashSet};

/// From how many objects on losing more than half of them is suspicious.
const MANY: usize = 10;

#[derive(Debug)]
struct Held {
    version: Box<str>,
    /// Whether the store has it; not when its namespace is not served.
    served: bool,
}

/// The books of one selection.
#[derive(Debug)]
pub(super) struct Ledger {
    kind: Kind,
    held: HashMap<NamespacedName, Held>,
    undecodable: HashSet<NamespacedName>,
    /// The namespaces whose objects are served; `None` is all.
    namespaces: Option<BTreeSet<String>>,
}

impl Ledger {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, held: HashMap::new(), undecodable: HashSet::new(), namespaces: None }
    }

    fn key(&self, id: &NamespacedName) -> ObjectKey {
        ObjectKey::new(self.kind, id.clone())
    }

    fn serves(&self, id: &NamespacedName) -> bool {
        self.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(&id.namespace))
    }

    /// The version of an object that need not be read again.
    pub(super) fn known(&self, id: &NamespacedName) -> Option<&str> {
        let held = self.held.get(id)?;
        (held.served == self.serves(id)).then_some(&*held.version)
    }

    /// Whether a list of `count` objects loses more than one expects of a list.
    pub(super) fn is_suspicious(&self, count: usize) -> bool {
        let held = self.held.len();
        held > 0 && count == 0 || held >= MANY && count < held / 2
    }

    /// An object came or changed.
    pub(super) fn apply(&mut self, item: Item, events: &mut Vec<Event>) {
        let Item { id, version, content } = item;
        let served = self.serves(&id);
        match content {
            Content::Known => {}
            // The store has nothing to do with it.
            Content::Unread => drop(self.held.insert(id, Held { version, served: false })),
            Content::Undecodable(error) => self.complain(&id, error, events),
            Content::Object(object) => {
                self.forgive(&id, events);
                let old = self.held.insert(id.clone(), Held { version, served });
                if served {
                    events.push(Event::Apply(object, None));
                } else if old.is_some_and(|old| old.served) {
                    events.push(Event::Delete(self.key(&id)));
                }
            }
        }
    }

    /// An object went.
    pub(super) fn remove(&mut self, id: &NamespacedName, events: &mut Vec<Event>) {
        self.forgive(id, events);
        if self.held.remove(id).is_some_and(|held| held.served) {
            events.push(Event::Delete(self.key(id)));
        }
    }

    /// There are these now, and no others.
    pub(super) fn replace(&mut self, items: Vec<Item>) -> Vec<Event> {
        let listed: HashSet<&NamespacedName> = items.iter().map(|item| &item.id).collect();
        let known = self.held.keys().chain(&self.undecodable);
        let gone: BTreeSet<NamespacedName> = known.filter(|id| !listed.contains(id)).cloned().collect();
        let mut events = Vec::with_capacity(items.len());
        for id in &gone {
            self.remove(id, &mut events);
        }
        for item in items {
            self.apply(item, &mut events);
        }
        self.held.shrink_to_fit();
        events
    }

    /// Other namespaces are served now. Whether there are objects that must be read (again) for that.
    pub(super) fn serve(&mut self, namespaces: BTreeSet<String>, events: &mut Vec<Event>) -> bool {
        self.namespaces = Some(namespaces);
        let mut unread = false;
        let mut gone = Vec::new();
        for (id, held) in &self.held {
            match (held.served, self.serves(id)) {
                (true, false) => gone.push(id.clone()),
                (false, true) => unread = true,
                _ => {}
            }
        }
        gone.sort_unstable();
        for id in gone {
            if let Some(held) = self.held.get_mut(&id) {
                held.served = false;
            }
            events.push(Event::Delete(self.key(&id)));
        }
        unread
    }

    /// How many objects are held.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The names of all that is held.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.held.keys().map(|id| id.name.clone()).collect()
    }

    fn complain(&mut self, id: &NamespacedName, error: DecodeError, events: &mut Vec<Event>) {
        let kept = if self.held.contains_key(id) { "; its last good version stays" } else { "" };
        self.undecodable.insert(id.clone());
        let key = self.key(id);
        events.push(Event::Problems {
            origin: key.to_string(),
            problems: vec![Problem {
                severity: Severity::Error,
                object: key.to_ref(),
                reason: Reason::ObjectInvalid,
                field: error.field,
                message: format!("{}{kept}", error.message),
                hint: "correct it; until then it is skipped".into(),
                location: None,
            }],
        });
    }

    fn forgive(&mut self, id: &NamespacedName, events: &mut Vec<Event>) {
        if self.undecodable.remove(id) {
            events.push(Event::Problems { origin: self.key(id).to_string(), problems: Vec::new() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Ingress, Metadata, Object};
    use ingora_config::ObjectRef;

    fn id(name: &str) -> NamespacedName {
        let (namespace, name) = name.split_once('/').unwrap_or(("shop", name));
        NamespacedName::new(namespace, name)
    }

    fn item(name: &str, version: &str, content: Content) -> Item {
        Item { id: id(name), version: version.into(), content }
    }

    fn good(name: &str, version: &str) -> Item {
        let NamespacedName { namespace, name: short } = id(name);
        let metadata = Metadata { name: short, namespace, ..Metadata::default() };
        let object = Object::Ingress(Box::new(Ingress { metadata, ..Ingress::default() }));
        item(name, version, Content::Object(Box::new(object)))
    }

    fn bad(name: &str, version: &str) -> Item {
        let object = ObjectRef::new("Ingress", &id(name));
        let error = DecodeError { object, field: "spec".into(), message: "it is odd".into() };
        item(name, version, Content::Undecodable(error))
    }

    fn told(events: &[Event]) -> Vec<String> {
        let tell = |event: &Event| match event {
            Event::Apply(object, _) => format!("+{}", object.key().id),
            Event::Delete(key) => format!("-{}", key.id),
            Event::Problems { origin, problems } => format!("{origin}: {}", problems.len()),
            other => format!("{other:?}"),
        };
        events.iter().map(tell).collect()
    }

    #[test]
    fn a_new_list_is_the_difference_to_what_was_held() {
        let mut ledger = Ledger::new(Kind::Ingress);
        assert_eq!(told(&ledger.replace(vec![good("a", "1"), good("b", "2")])), ["+shop/a", "+shop/b"]);
        assert_eq!(ledger.known(&id("b")), Some("2"));
        let second = vec![item("b", "2", Content::Known), good("c", "3")];
        assert_eq!(told(&ledger.replace(second)), ["-shop/a", "+shop/c"]);
        assert!(ledger.replace(vec![item("b", "2", Content::Known), good("c", "4")]).len() == 1);
    }

    #[test]
    fn an_object_that_cannot_be_decoded_keeps_its_last_good_version_and_is_named_until_it_is_mended() {
        let mut ledger = Ledger::new(Kind::Ingress);
        ledger.replace(vec![good("a", "1")]);
        let mut events = Vec::new();
        ledger.apply(bad("a", "2"), &mut events);
        assert_eq!(told(&events), ["Ingress shop/a: 1"]);
        let Event::Problems { problems, .. } = &events[0] else { panic!("{events:?}") };
        assert!(problems[0].message.contains("last good version"), "{problems:?}");
        assert_eq!(ledger.known(&id("a")), Some("1"));
        let events = ledger.replace(vec![bad("a", "2"), good("b", "3")]);
        assert_eq!(told(&events), ["Ingress shop/a: 1", "+shop/b"]);
        let events = ledger.replace(vec![good("a", "4"), good("b", "3")]);
        assert_eq!(told(&events), ["Ingress shop/a: 0", "+shop/a", "+shop/b"]);
        ledger.apply(bad("c", "5"), &mut Vec::new());
        assert_eq!(told(&ledger.replace(vec![])), ["-shop/a", "-shop/b", "Ingress shop/c: 0"]);
    }

    #[test]
    fn only_a_list_that_loses_much_is_suspicious() {
        let mut ledger = Ledger::new(Kind::Ingress);
        assert!(!ledger.is_suspicious(0));
        ledger.replace(vec![good("a", "1")]);
        assert!(ledger.is_suspicious(0));
        assert!(!ledger.is_suspicious(1));
        ledger.replace((0..MANY).map(|number| good(&number.to_string(), "1")).collect());
        assert!(ledger.is_suspicious(MANY / 2 - 1));
        assert!(!ledger.is_suspicious(MANY / 2));
    }

    #[test]
    fn objects_follow_their_namespace() {
        let mut ledger = Ledger::new(Kind::Ingress);
        let mut events = Vec::new();
        assert!(!ledger.serve(BTreeSet::from(["shop".into()]), &mut events));
        assert_eq!(told(&ledger.replace(vec![good("a", "1"), good("far/b", "2")])), ["+shop/a"]);
        assert_eq!(ledger.known(&id("far/b")), Some("2"));
        assert!(ledger.serve(BTreeSet::from(["far".into()]), &mut events));
        assert_eq!(told(&events), ["-shop/a"]);
        assert_eq!(ledger.known(&id("far/b")), None, "it was not kept and must be read again");
        let again = vec![item("a", "1", Content::Known), good("far/b", "2")];
        assert_eq!(told(&ledger.replace(again)), ["+far/b"]);
        let mut events = Vec::new();
        ledger.remove(&id("a"), &mut events);
        assert!(events.is_empty(), "it was not served any more");
    }
}
