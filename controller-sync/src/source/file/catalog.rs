//! What all files together say: which object stands where, who wins when one stands twice, what changed.
//!
//! Pure bookkeeping: contents in, [`Event`]s out, no I/O. The first place in file order (path, then position in the
//! file) wins, whatever came first in time.

use super::document::{Document, Unreadable};
use crate::object::{Kind, Object, ObjectKey};
use crate::source::Event;
use ingora_config::{NamespacedName, ObjectRef, Problem, Reason, Severity, SourceLocation};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The longest name taken over from an object that does not decode.
const MAX_NAME_CHARS: usize = 253;

/// The objects of one file that could be read, and the problems of the others.
#[derive(Debug, Default)]
pub struct Content {
    objects: Vec<Held>,
    problems: Vec<Problem>,
    /// Those of the problems that are about an object that does not decode.
    undecodable: Vec<usize>,
}

#[derive(Debug)]
struct Held {
    key: ObjectKey,
    object: Object,
    line: u64,
}

impl Content {
    /// Decodes the documents of the file that is shown as `file`.
    pub fn decode(file: &str, documents: Vec<Document>) -> Self {
        let mut content = Self::default();
        for Document { line, value } in documents {
            let ignored = Ignored::of(&value);
            match Object::from_value(value) {
                Ok(Some(object)) => content.objects.push(Held { key: object.key(), object, line }),
                Ok(None) => content.problems.push(ignored.problem(at(file, line))),
                Err(error) => {
                    content.undecodable.push(content.problems.len());
                    content.problems.push(Problem {
                        severity: Severity::Error,
                        object: named(error.object),
                        reason: Reason::ObjectInvalid,
                        field: error.field,
                        message: error.message,
                        hint: "correct it; until then it is skipped".into(),
                        location: Some(at(file, line)),
                    });
                }
            }
        }
        content
    }

    /// Takes over what `old` had of the objects that do not decode now: a mistake in an object must not take the object
    /// away.
    fn keep_undecodable(&mut self, old: &Self) {
        for index in std::mem::take(&mut self.undecodable) {
            let Some(problem) = self.problems.get_mut(index) else { continue };
            let same = |held: &&Held| held.key.to_ref() == problem.object;
            let Some(last) = old.objects.iter().find(same) else { continue };
            if self.objects.iter().any(|held| held.key == last.key) {
                continue;
            }
            problem.message.push_str("; its last good version stays");
            let line = problem.location.as_ref().map_or(last.line, |location| location.line);
            self.objects.push(Held { key: last.key.clone(), object: last.object.clone(), line });
        }
    }

    /// Whether there is no object in it.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

fn at(file: &str, line: u64) -> SourceLocation {
    SourceLocation { file: file.to_owned(), line }
}

/// An object's own words about what it is, for the case that its kind is not read.
struct Ignored {
    version: String,
    object: ObjectRef,
}

impl Ignored {
    fn of(value: &Value) -> Self {
        let text = |value: Option<&Value>| -> String {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            text.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect()
        };
        let metadata = value.get("metadata");
        let field = |name: &str| text(metadata.and_then(|metadata| metadata.get(name)));
        let id = NamespacedName::new(field("namespace"), field("name"));
        Self { version: text(value.get("apiVersion")), object: ObjectRef::new(text(value.get("kind")), &id) }
    }

    /// A kind that nobody expects to be read is worth knowing; an old version of one that is read is a mistake.
    fn problem(self, location: SourceLocation) -> Problem {
        let Self { version, object } = self;
        let known = Kind::ALL.into_iter().find(|kind| kind.as_str() == object.kind);
        Problem {
            severity: if known.is_some() { Severity::Warning } else { Severity::Info },
            message: format!("objects of {version} {} are not read", object.kind),
            object: named(object),
            reason: Reason::KindIgnored,
            field: String::new(),
            hint: known.map(|kind| format!("write it for {}", kind.api_version())).unwrap_or_default(),
            location: Some(location),
        }
    }
}

/// Gives an object that does not say what it is something to be called by.
fn named(object: ObjectRef) -> ObjectRef {
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    ObjectRef { kind: or(object.kind, "Object"), name: or(object.name, "(without a name)"), ..object }
}

/// A place an object may stand at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    path: PathBuf,
    index: usize,
}

#[derive(Debug, Default)]
struct File {
    shown: String,
    content: Content,
    /// The newest state does not parse; `content` is the last good one.
    unreadable: Option<Problem>,
    /// What was last reported.
    reported: Vec<Problem>,
}

/// Everything the files say.
#[derive(Debug, Default)]
pub struct Catalog {
    files: BTreeMap<PathBuf, File>,
    places: HashMap<ObjectKey, BTreeSet<Place>>,
}

impl Catalog {
    /// The paths that something is known of, at or below `path`.
    pub fn below(&self, path: &Path) -> Vec<PathBuf> {
        let from = self.files.range(path.to_owned()..);
        // Paths sort by element, so what is below comes without a gap.
        from.take_while(|(known, _)| known.starts_with(path)).map(|(known, _)| known.clone()).collect()
    }

    /// Whether the last good state of a file had objects.
    pub fn has_objects(&self, path: &Path) -> bool {
        self.files.get(path).is_some_and(|file| !file.content.is_empty())
    }

    /// A file says this now.
    pub fn replace(&mut self, path: &Path, shown: &str, mut content: Content) -> Vec<Event> {
        if let Some(old) = self.files.get(path) {
            content.keep_undecodable(&old.content);
        }
        self.change(path, Some((shown, content)))
    }

    /// A file is gone, and with it its objects and problems.
    pub fn remove(&mut self, path: &Path) -> Vec<Event> {
        if self.files.contains_key(path) { self.change(path, None) } else { Vec::new() }
    }

    /// A file (or a directory) cannot be read now; what was known of it stays.
    pub fn keep(&mut self, path: &Path, shown: &str, why: &Unreadable) -> Vec<Event> {
        let file = self.files.entry(path.to_owned()).or_default();
        shown.clone_into(&mut file.shown);
        let kept = match file.content.objects.len() {
            0 => String::new(),
            1 => "; the object last read from it stays".to_owned(),
            count => format!("; the {count} objects last read from it stay"),
        };
        file.unreadable = Some(Problem {
            severity: Severity::Error,
            object: ObjectRef::new("File", &NamespacedName::new("", shown)),
            reason: Reason::FileUnreadable,
            field: String::new(),
            message: format!("it cannot be read: {}{kept}", why.message),
            hint: String::new(),
            location: Some(at(shown, why.line)),
        });
        let mut events = Vec::new();
        self.report(path, &mut events);
        events
    }

    fn change(&mut self, path: &Path, new: Option<(&str, Content)>) -> Vec<Event> {
        let mut old = self.files.remove(path).unwrap_or_default();
        let mut touched = BTreeSet::new();
        let mut winners = HashMap::new();
        let new_objects = new.as_ref().map(|(_, content)| content.objects.as_slice()).unwrap_or_default();
        for held in old.content.objects.iter().chain(new_objects) {
            if touched.insert(held.key.clone()) {
                winners.insert(held.key.clone(), self.winner(&held.key).cloned());
            }
        }
        self.forget_places(path, &old);
        if let Some((shown, content)) = new {
            for (index, held) in content.objects.iter().enumerate() {
                let place = Place { path: path.to_owned(), index };
                self.places.entry(held.key.clone()).or_default().insert(place);
            }
            let reported = std::mem::take(&mut old.reported);
            let file = File { shown: shown.to_owned(), content, unreadable: None, reported };
            self.files.insert(path.to_owned(), file);
        }
        let mut events = Vec::new();
        for (key, before) in touched.iter().map(|key| (key, winners.get(key).cloned().flatten())) {
            self.settle(key, before.as_ref(), path, &old, &mut events);
        }
        self.report_touched(path, &old, &touched, &mut events);
        events
    }

    fn winner(&self, key: &ObjectKey) -> Option<&Place> {
        self.places.get(key)?.first()
    }

    fn held(&self, place: &Place) -> Option<(&File, &Held)> {
        let file = self.files.get(&place.path)?;
        Some((file, file.content.objects.get(place.index)?))
    }

    fn forget_places(&mut self, path: &Path, old: &File) {
        for (index, held) in old.content.objects.iter().enumerate() {
            if let Some(places) = self.places.get_mut(&held.key) {
                places.remove(&Place { path: path.to_owned(), index });
                if places.is_empty() {
                    self.places.remove(&held.key);
                }
            }
        }
    }

    /// Says what became of one key whose winner was `before`; `old` is what the changed file was.
    fn settle(
        &self,
        key: &ObjectKey,
        before: Option<&Place>,
        path: &Path,
        old: &File,
        events: &mut Vec<Event>,
    ) {
        let Some((file, now)) = self.winner(key).and_then(|place| self.held(place)) else {
            events.push(Event::Delete(key.clone()));
            return;
        };
        let same_file =
            before.is_some_and(|before| self.winner(key).is_some_and(|place| place.path == before.path));
        let unchanged = same_file
            && before.is_some_and(|before| {
                // In another file than the changed one nothing can be different.
                before.path != path
                    || old
                        .content
                        .objects
                        .get(before.index)
                        .is_some_and(|was| was.line == now.line && was.object == now.object)
            });
        if !unchanged {
            events.push(Event::Apply(Box::new(now.object.clone()), Some(at(&file.shown, now.line))));
        }
    }

    /// Reports the problems of the changed file and of those it shares objects with.
    fn report_touched(
        &mut self,
        path: &Path,
        old: &File,
        touched: &BTreeSet<ObjectKey>,
        events: &mut Vec<Event>,
    ) {
        let mut affected = BTreeSet::new();
        for places in touched.iter().filter_map(|key| self.places.get(key)) {
            affected.extend(places.iter().map(|place| place.path.clone()));
        }
        affected.insert(path.to_owned());
        for path in affected {
            self.report(&path, events);
        }
        if !self.files.contains_key(path) && !old.reported.is_empty() {
            events.push(Event::Problems { origin: old.shown.clone(), problems: Vec::new() });
        }
    }

    fn report(&mut self, path: &Path, events: &mut Vec<Event>) {
        let Some(file) = self.files.get(path) else { return };
        let mut problems: Vec<_> = file.unreadable.iter().chain(&file.content.problems).cloned().collect();
        for (index, held) in file.content.objects.iter().enumerate() {
            let Some(winner) = self.winner(&held.key) else { continue };
            if (winner.path.as_path(), winner.index) != (path, index)
                && let Some((other, first)) = self.held(winner)
            {
                problems.push(duplicate(&file.shown, held, &at(&other.shown, first.line)));
            }
        }
        let Some(file) = self.files.get_mut(path) else { return };
        if file.reported != problems {
            file.reported.clone_from(&problems);
            events.push(Event::Problems { origin: file.shown.clone(), problems });
        }
    }
}

fn duplicate(file: &str, held: &Held, first: &SourceLocation) -> Problem {
    Problem {
        severity: Severity::Warning,
        object: held.key.to_ref(),
        reason: Reason::DuplicateObject,
        field: String::new(),
        message: format!("it also stands in {first}, which counts"),
        hint: "remove one of the two".into(),
        location: Some(at(file, held.line)),
    }
}
