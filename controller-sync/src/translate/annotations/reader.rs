//! Typed access to the annotations of one Ingress; what is wrong with a value is told here, and what follows from it.

use super::table::{self, OnBad, Row};
use crate::object::{ConfigMap, Ingress, Kind, ObjectKey, Secret};
use crate::store::{Options, Store};
use crate::translate::compile::Found;
use crate::translate::gates::Gates;
use crate::translate::reference::{BadReference, resolve_in};
use crate::translate::references::References;
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::{NamespacedName, Reason, Resource};
use ipnet::IpNet;
use std::collections::HashMap;
use std::sync::Arc;

/// The most networks of one list; more is a mistake or an attack.
const MAX_NETWORKS: usize = 1024;

/// Reads annotations, and gathers what follows from bad ones.
pub(in crate::translate) struct Reader<'a, 'f> {
    prefix: &'a str,
    store: &'a Store,
    gates: &'a Gates,
    namespace: &'a str,
    /// The Secrets and ConfigMaps that were asked for, and what was made of them.
    pub(super) references: References,
    /// By the name behind the prefix.
    values: HashMap<&'a str, &'a str>,
    /// Where problems go.
    pub(super) found: &'a mut Found<'f>,
    /// A bad value that keeps the whole Ingress from being served.
    pub(super) rejected: bool,
    /// A bad value that makes every request of the Ingress a 503.
    pub(super) denied: bool,
}

impl<'a, 'f> Reader<'a, 'f> {
    pub(super) fn new(
        ingress: &'a Ingress,
        prefix: &'a str,
        store: &'a Store,
        gates: &'a Gates,
        found: &'a mut Found<'f>,
    ) -> Self {
        let values = super::ours(ingress, prefix).map(|(_, name, value)| (name, value)).collect();
        let namespace = &*ingress.metadata.namespace;
        let references = References::default();
        Self { prefix, store, gates, namespace, references, values, found, rejected: false, denied: false }
    }

    /// The Secret that an annotation names, `name` or `namespace/name`; `None` when there is none of that name yet. The
    /// Ingress is read anew whenever it changes.
    ///
    /// # Errors
    /// When the text names nothing that this Ingress may use.
    pub(super) fn secret(
        &mut self,
        text: &str,
    ) -> Result<(NamespacedName, Option<&'a Secret>), BadReference> {
        let id = self.refer(Kind::Secret, text)?;
        let secret = self.store.secret(&id);
        Ok((id, secret))
    }

    /// The ConfigMap that an annotation names, alike.
    ///
    /// # Errors
    /// When the text names nothing that this Ingress may use.
    pub(super) fn config_map(
        &mut self,
        text: &str,
    ) -> Result<(NamespacedName, Option<&'a ConfigMap>), BadReference> {
        let id = self.refer(Kind::ConfigMap, text)?;
        let map = self.store.config_map(&id).map(|(map, _)| map);
        Ok((id, map))
    }

    fn refer(&mut self, kind: Kind, text: &str) -> Result<NamespacedName, BadReference> {
        let id = resolve_in(self.namespace, text, self.gates.cross_namespace)?;
        self.references.objects.insert(ObjectKey::new(kind, id.clone()));
        Ok(id)
    }

    /// Sends a resource along with the routes of the Ingress. It must depend on its Secret or ConfigMap alone, because all
    /// who name that one share it.
    pub(super) fn attach(&mut self, resource: Resource) {
        self.references.attached.insert(resource.key(), Arc::new(resource));
    }

    /// The flags.
    pub(super) fn options(&self) -> &'a Options {
        self.store.options()
    }

    /// The namespace of the Ingress.
    pub(super) fn namespace(&self) -> &'a str {
        self.namespace
    }

    /// What the ConfigMap allows and refuses.
    pub(super) fn gates(&self) -> &'a Gates {
        self.gates
    }

    /// The names behind the prefix, sorted.
    pub(super) fn names(&self) -> Vec<&'a str> {
        let mut names: Vec<_> = self.values.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// The value of an annotation, each line trimmed as ingress-nginx does; an empty one counts as missing.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.values.get(name)?;
        let lines: Vec<_> = value.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// A truth value as Go's `ParseBool` takes it.
    pub(super) fn bool(&mut self, name: &str) -> Option<bool> {
        self.parse(name, value::boolean)
    }

    /// A whole number; what a number out of the range means is the business of the feature.
    pub(super) fn int(&mut self, name: &str) -> Option<i64> {
        self.parse(name, |text| value::integer(text, i64::from(i32::MIN)..=i64::from(i32::MAX)))
    }

    /// A list of addresses and networks; one bad item, an empty one too, makes the list bad.
    pub(super) fn networks(&mut self, name: &str) -> Option<Vec<IpNet>> {
        self.parse(name, |text| {
            if text.split(',').any(|item| item.trim().is_empty()) {
                return Err(Invalid::new(text, "has an empty item", "remove the comma that is too many"));
            }
            let mut list = value::list(text, MAX_NETWORKS, value::network);
            if list.invalid.is_empty() { Ok(list.items) } else { Err(list.invalid.swap_remove(0)) }
        })
    }

    /// The same of an annotation that has an older name: the newer one counts when both are there.
    pub(super) fn networks_of(&mut self, name: &str, older: &str) -> Option<Vec<IpNet>> {
        if self.text(name).is_none() {
            return self.networks(older);
        }
        if self.text(older).is_some() {
            let message = format!("{name} is there too, and it is the one that counts");
            self.warn(older, message, "remove one of the two; they are names of the same list");
        }
        self.networks(name)
    }

    /// Any value that `parse` takes.
    pub(super) fn parse<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Parsed<T>) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.bad(name, &invalid.message, &invalid.hint);
                None
            }
        }
    }

    /// Tells of a value that cannot be used and does what the annotation's row says.
    pub(super) fn bad(&mut self, name: &str, what: &str, hint: &str) {
        let on_bad = table::row(name).map_or(OnBad::Reject, |row: &Row| row.on_bad);
        let field = self.field(name);
        match on_bad {
            OnBad::Reject => {
                self.rejected = true;
                let message = format!("{what}; nothing of the Ingress is served");
                self.found.error(Reason::AnnotationInvalid, field, message, hint);
            }
            OnBad::Deny => {
                self.denied = true;
                let message = format!("{what}; every request is answered with 503");
                self.found.error(Reason::AnnotationInvalid, field, message, hint);
            }
            OnBad::Ignore => {
                let message = format!("{what}; the Ingress is served as if the annotation were not there");
                self.found.warning(Reason::AnnotationInvalid, field, message, hint);
            }
        }
    }

    /// Tells of something that is odd and harmless.
    pub(super) fn warn(&mut self, name: &str, message: String, hint: &str) {
        let field = self.field(name);
        self.found.warning(Reason::AnnotationInvalid, field, message, hint);
    }

    /// Tells of a value that is well-formed and that Ingora cannot use; the message says what follows.
    pub(super) fn unusable(&mut self, name: &str, message: String, hint: &str) {
        let field = self.field(name);
        self.found.error(Reason::AnnotationInvalid, field, message, hint);
    }

    /// Tells of something that keeps every request of the Ingress from being served: a protection that cannot be had.
    pub(super) fn deny(&mut self, reason: Reason, name: &str, what: &str, hint: &str) {
        self.denied = true;
        let (field, message) = (self.field(name), format!("{what}; every request is answered with 503"));
        self.found.error(reason, field, message, hint);
    }

    /// The field of an annotation.
    pub(super) fn field(&self, name: &str) -> String {
        super::field(&format!("{}/{name}", self.prefix))
    }
}
