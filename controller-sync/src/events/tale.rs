//! What an Event says, and its name.

use ingora_config::{NamespacedName, ObjectRef, Problem, Severity};
use std::fmt::Write as _;

/// The longest note the API server takes, in bytes.
const MAX_NOTE: usize = 1024;

/// The longest part of an object's name that the name of an Event repeats.
const MAX_PREFIX: usize = 200;

/// The reason of the Event that says that a problem is gone.
pub(super) const SOLVED: &str = "ProblemSolved";

/// The reason and note of the Event that says that an Ingress is taken over, as in ingress-nginx.
pub(super) const SYNC: &str = "Sync";
const SYNC_NOTE: &str = "Scheduled for sync";

/// One Event: everything that makes two of them the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tale {
    pub(super) object: ObjectRef,
    pub(super) warning: bool,
    pub(super) reason: String,
    pub(super) note: String,
    /// Tells apart what may be told anew: the generation of an Ingress.
    pub(super) generation: i64,
}

impl Tale {
    /// What is told of a problem.
    pub(super) fn of(problem: &Problem) -> Self {
        let mut note = String::new();
        if !problem.field.is_empty() {
            note = format!("{}: ", problem.field);
        }
        note += &problem.message;
        if !problem.hint.is_empty() {
            note = note + "; " + &problem.hint;
        }
        Self {
            object: problem.object.clone(),
            warning: problem.severity != Severity::Info,
            reason: problem.reason.to_string(),
            note: bounded(note),
            generation: 0,
        }
    }

    /// What is told when it is gone.
    pub(super) fn solved(&self) -> Self {
        let note = bounded(format!("{} is solved: {}", self.reason, self.note));
        Self { object: self.object.clone(), warning: false, reason: SOLVED.into(), note, generation: 0 }
    }

    /// That an Ingress is taken over.
    pub(super) fn sync(id: &NamespacedName, generation: i64) -> Self {
        let object = ObjectRef::new("Ingress", id);
        Self { object, warning: false, reason: SYNC.into(), note: SYNC_NOTE.into(), generation }
    }

    /// The name of the Event object: the same from every replica, at any time.
    pub(super) fn name(&self, uid: &str) -> String {
        let prefix: String = self.object.name.chars().take(MAX_PREFIX).collect();
        let parts = [uid, kind_of(self.warning), &self.reason, &self.note, &self.generation.to_string()];
        let mut hash = openssl::sha::Sha256::new();
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finish();
        let mut name = format!("{}.", prefix.trim_end_matches(['.', '-']));
        for byte in &digest[..8] {
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// The type of an Event.
pub(super) fn kind_of(warning: bool) -> &'static str {
    if warning { "Warning" } else { "Normal" }
}

/// At most [`MAX_NOTE`] bytes, without control characters.
fn bounded(note: String) -> String {
    let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if note.len() <= MAX_NOTE {
        return note;
    }
    let mark = "…";
    let mut end = MAX_NOTE - mark.len();
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    note[..end].to_owned() + mark
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingora_config::Reason;

    fn problem(message: &str) -> Problem {
        Problem {
            severity: Severity::Error,
            object: ObjectRef::new("Ingress", &NamespacedName::new("shop", "web")),
            reason: Reason::PathConflict,
            field: "spec.rules[0]".into(),
            message: message.into(),
            hint: "remove one".into(),
            location: None,
        }
    }

    #[test]
    fn a_note_says_where_what_and_what_to_do_and_is_short_whatever_the_user_wrote() {
        let tale = Tale::of(&problem("taken"));
        assert_eq!(tale.note, "spec.rules[0]: taken; remove one");
        let long = Tale::of(&problem(&"ä\n".repeat(1000)));
        assert!(long.note.len() <= MAX_NOTE && long.note.ends_with('…'), "{} bytes", long.note.len());
        assert!(!long.note.contains('\n'));
        assert!(long.solved().note.len() <= MAX_NOTE);
    }

    #[test]
    fn the_same_thing_on_the_same_object_has_the_same_name_and_nothing_else_has() {
        let tale = Tale::of(&problem("taken"));
        assert_eq!(tale.name("u1"), tale.clone().name("u1"));
        let others = [
            tale.name("u2"),
            Tale::of(&problem("free")).name("u1"),
            tale.solved().name("u1"),
            Tale { warning: false, ..tale.clone() }.name("u1"),
            Tale { generation: 1, ..tale.clone() }.name("u1"),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, tale.name("u1"), "{index}");
        }
        let long = ObjectRef::new("Ingress", &NamespacedName::new("shop", format!("{}.x", "a".repeat(251))));
        assert!(Tale { object: long, ..tale }.name("u1").len() <= 253);
    }
}
