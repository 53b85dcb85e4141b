//! One row per key of the ConfigMap: how it is written, what holds without it, and what Ingora does with it.

use super::draft::Draft;
use crate::translate::value::Parsed;

/// Takes a value into the draft.
pub(in crate::translate) type Set = fn(&mut Draft, &str) -> Parsed<()>;

/// What Ingora does with a key.
#[derive(Clone, Copy)]
pub(in crate::translate) enum Effect {
    /// It takes effect with the next request.
    Live(Set),
    /// It takes effect with the next connection; those that stand keep what they began with.
    NewConnections(Set),
    /// It takes effect when a gateway starts; those that run keep what they began with.
    Start(Set),
    /// Tuning of nginx that means nothing here, and why.
    Ignored(&'static str),
    /// What its author wants is missing in this release: what happens instead.
    NotYet(&'static str),
    /// The same, and it would protect something: served without, it lets in whom its author keeps out.
    Unprotected(&'static str),
    /// The same, and it would protect everything: nothing is served without it.
    Closed(&'static str),
    /// Never: why, and what to use instead.
    Refused(&'static str, &'static str),
    /// Without effect in the last releases of ingress-nginx, too.
    Dead,
}

/// A key.
#[derive(Clone, Copy)]
pub(in crate::translate) struct Row {
    /// Its name.
    pub(in crate::translate) key: &'static str,
    /// The form of its value, in a few words.
    pub(in crate::translate) form: &'static str,
    /// What holds without it, as it would be written; empty when that is nothing.
    pub(in crate::translate) default: &'static str,
    /// What it does.
    pub(in crate::translate) effect: Effect,
    /// What is different from ingress-nginx, or worth knowing; may be empty.
    pub(in crate::translate) note: &'static str,
}

impl Row {
    pub(super) const fn new(
        key: &'static str,
        form: &'static str,
        default: &'static str,
        effect: Effect,
    ) -> Self {
        Self { key, form, default, effect, note: "" }
    }

    /// The same row with a note.
    pub(super) const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

pub(super) const BOOL: &str = "true or false";
pub(super) const SECONDS: &str = "seconds";
pub(super) const NUMBER: &str = "number";
pub(super) const SIZE: &str = "size";
pub(super) const DURATION: &str = "duration";
pub(super) const ON_OFF: &str = "on or off";
pub(super) const TEXT: &str = "text";
pub(super) const NETWORKS: &str = "list of networks";
pub(super) const CONFIG_MAP: &str = "name of a ConfigMap";
