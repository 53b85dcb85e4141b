//! Whose an Ingress is (`ingress-nginx` semantics, Kubernetes "Ingress class").
//!
//! ```text
//!   spec.ingressClassName set ──▶ the class exists and names our controller
//!   else annotation kubernetes.io/ingress.class ──▶ equals --ingress-class
//!   else ──▶ --watch-ingress-without-class, or a class of ours is the default class
//! ```
//!
//! Two differences from ingress-nginx, both for the better: a class that is created after its Ingresses is picked up,
//! and a default class of ours also takes Ingresses that were created before it.

use super::Options;
use crate::object::{Ingress, IngressClass};
use ingora_config::NamespacedName;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// Whose an Ingress is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is served.
    Ours,
    /// It is served although its class is not there, see [`Options::classes_elsewhere`].
    OursByName,
    /// It names a class that does not exist.
    ClassMissing,
    /// It is somebody else's.
    Foreign,
}

/// What an Ingress says about its class.
enum Claim<'a> {
    Class(&'a str),
    Annotation(&'a str),
    Nothing,
}

fn claim(ingress: &Ingress) -> Claim<'_> {
    let class = ingress.spec.ingress_class_name.as_deref().filter(|name| !name.is_empty());
    let annotation = ingress.metadata.annotations.get(CLASS_ANNOTATION).filter(|name| !name.is_empty());
    match (class, annotation) {
        (Some(class), _) => Claim::Class(class),
        (None, Some(annotation)) => Claim::Annotation(annotation),
        (None, None) => Claim::Nothing,
    }
}

/// Whether no IngressClass, present or future, makes this Ingress ours.
pub(super) fn can_never_be_ours(ingress: &Ingress, options: &Options) -> bool {
    matches!(claim(ingress), Claim::Annotation(name) if name != options.ingress_class)
}

/// The IngressClasses, and the Ingresses that depend on each.
#[derive(Default)]
pub(super) struct Classes {
    classes: BTreeMap<String, IngressClass>,
    /// Names of our classes that are marked as the default.
    defaults: BTreeSet<String>,
    by_class: HashMap<String, BTreeSet<NamespacedName>>,
    without_class: BTreeSet<NamespacedName>,
}

impl Classes {
    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    pub(super) fn link(&mut self, id: &NamespacedName, ingress: &Ingress) {
        match claim(ingress) {
            Claim::Class(name) => {
                self.by_class.entry(name.to_owned()).or_default().insert(id.clone());
            }
            Claim::Nothing => {
                self.without_class.insert(id.clone());
            }
            Claim::Annotation(_) => {}
        }
    }

    pub(super) fn unlink(&mut self, id: &NamespacedName, ingress: &Ingress) {
        match claim(ingress) {
            Claim::Class(name) => {
                if let Some(ids) = self.by_class.get_mut(name) {
                    ids.remove(id);
                    if ids.is_empty() {
                        self.by_class.remove(name);
                    }
                }
            }
            Claim::Nothing => {
                self.without_class.remove(id);
            }
            Claim::Annotation(_) => {}
        }
    }

    /// Sets or removes a class and answers which Ingresses may have changed hands.
    pub(super) fn change(
        &mut self,
        name: String,
        class: Option<IngressClass>,
        options: &Options,
    ) -> BTreeSet<NamespacedName> {
        if self.classes.get(&name) == class.as_ref() {
            return BTreeSet::new();
        }
        let had_default = !self.defaults.is_empty();
        let ours = |class: &IngressClass| class.spec.controller == options.controller_class;
        if class.as_ref().is_some_and(|class| ours(class) && class.is_default()) {
            self.defaults.insert(name.clone());
        } else {
            self.defaults.remove(&name);
        }
        let mut affected = self.by_class.get(&name).cloned().unwrap_or_default();
        if had_default == self.defaults.is_empty() {
            affected.extend(self.without_class.iter().cloned());
        }
        match class {
            Some(class) => self.classes.insert(name, class),
            None => self.classes.remove(&name),
        };
        affected
    }

    pub(super) fn standing(&self, ingress: &Ingress, options: &Options) -> Standing {
        let ours = |yes: bool| if yes { Standing::Ours } else { Standing::Foreign };
        match claim(ingress) {
            Claim::Class(name) => match self.classes.get(name) {
                Some(class) => ours(class.spec.controller == options.controller_class),
                None if options.classes_elsewhere && name == options.ingress_class => Standing::OursByName,
                None => Standing::ClassMissing,
            },
            Claim::Annotation(name) => ours(name == options.ingress_class),
            Claim::Nothing => ours(options.watch_ingress_without_class || !self.defaults.is_empty()),
        }
    }
}
