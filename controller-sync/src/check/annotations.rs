//! The migration part of `ingora check`: every annotation of every Ingress, and what becomes of it.

use crate::object::Ingress;
use crate::translate::annotations::table;
use ingora_config::NamespacedName;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The annotations of one Ingress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IngressAnnotations {
    /// The Ingress.
    pub ingress: NamespacedName,
    /// Its class, by `spec.ingressClassName` or by annotation.
    pub class: Option<String>,
    /// Those under the prefix, by name.
    pub annotations: Vec<Verdict>,
}

/// What becomes of one annotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Its name behind the prefix.
    pub name: String,
    /// `supported`, `supported with a difference`, `refused` or `unknown`.
    pub verdict: &'static str,
    /// The difference, what follows, what to use instead; may be empty.
    pub note: String,
}

impl IngressAnnotations {
    /// Judges the annotations of an Ingress; `None` when it has none under the prefix.
    pub fn of(ingress: &Ingress, prefix: &str) -> Option<Self> {
        let names = ingress.metadata.annotations.keys();
        let names = names.filter_map(|name| name.strip_prefix(prefix)?.strip_prefix('/'));
        let annotations: Vec<Verdict> = names.map(Verdict::of).collect();
        let class = ingress.spec.ingress_class_name.clone();
        let class =
            class.or_else(|| ingress.metadata.annotations.get("kubernetes.io/ingress.class").cloned());
        let ingress = ingress.metadata.id();
        (!annotations.is_empty()).then_some(Self { ingress, class, annotations })
    }
}

impl Verdict {
    fn of(name: &str) -> Self {
        let (verdict, note) = match table::row(name) {
            Some(row) => (row.support.word(), row.support.note()),
            None => ("unknown", "ingress-nginx does not know it either; it has no effect".to_owned()),
        };
        Self { name: name.chars().take(128).collect(), verdict, note }
    }
}

/// For people: Ingress by Ingress, then how often each verdict was given.
pub(super) fn to_text(ingresses: &[IngressAnnotations]) -> String {
    let mut text = String::from("Annotations\n\n");
    let mut counts = BTreeMap::<&str, usize>::new();
    for ingress in ingresses {
        let class = ingress.class.as_deref().unwrap_or("none");
        let _ = writeln!(text, "Ingress {} (class {})", ingress.ingress, class.escape_debug());
        for Verdict { name, verdict, note } in &ingress.annotations {
            *counts.entry(verdict).or_default() += 1;
            let note = if note.is_empty() { String::new() } else { format!(": {note}") };
            let _ = writeln!(text, "  {:<32} {verdict}{note}", name.escape_debug().to_string());
        }
        text.push('\n');
    }
    let counts: Vec<String> = counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let total = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let _ = writeln!(text, "Annotations in all: {total}\n");
    text
}
