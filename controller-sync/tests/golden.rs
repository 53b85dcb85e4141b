//! Golden tests of the whole pure half: documents in, resources and problems out.
//!
//! ```text
//!   tests/golden/<feature>/<case>.in.yaml ──decode──▶ store ──translate──▶ compared with <case>.out.yaml
//! ```
//!
//! `UPDATE_GOLDEN=1 cargo test -p ingora-controller-sync --test golden` writes the expected files anew; read the
//! difference before you commit it. An optional first document without `kind` sets the options (`golden/setup.rs`).
//!
//! Every case must also come to the same state when its documents arrive in reverse, one by one, and when each of them is
//! deleted and inserted again.

use ingora_config::{Key, Problem, Resource};
use ingora_controller_sync::object::Object;
use ingora_controller_sync::store::Store;
use ingora_controller_sync::translate::{Change, Translator};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[path = "golden/setup.rs"]
mod setup;
#[path = "golden/view.rs"]
mod view;

use setup::Setup;

/// A store with its translator, and what a listener made of the changes alone.
struct Run<'a> {
    setup: &'a Setup,
    store: Store,
    translator: Translator,
    heard: BTreeMap<Key, Arc<Resource>>,
    known: BTreeSet<Problem>,
}

impl<'a> Run<'a> {
    fn new(setup: &'a Setup) -> Self {
        let store = Store::new(setup.options());
        let (heard, known) = (BTreeMap::new(), BTreeSet::new());
        let mut run = Self { setup, store, translator: Translator::new(), heard, known };
        run.translate();
        run
    }

    fn insert(&mut self, object: &Object) {
        self.store.insert(object.clone(), None);
    }

    /// Translates, answers what is asked of DNS, and translates again.
    fn settle(&mut self) {
        self.translate();
        for name in self.store.names_to_resolve() {
            if let Some(answer) = self.setup.answer(&name) {
                self.store.resolved(&name, answer);
            }
        }
        self.translate();
    }

    fn translate(&mut self) {
        let output = self.translator.translate(&mut self.store, self.setup.now());
        for change in output.changes {
            match change {
                Change::Upsert(resource) => {
                    let old = self.heard.insert(resource.key(), resource.clone());
                    assert_ne!(old.as_ref(), Some(&resource), "an unchanged resource was sent again");
                }
                Change::Remove(key) => {
                    assert!(self.heard.remove(&key).is_some(), "{key:?} was removed twice");
                }
            }
        }
        for problem in output.solved_problems {
            assert!(self.known.remove(&problem), "{problem} was solved but never told");
        }
        for problem in output.new_problems {
            assert!(self.known.insert(problem.clone()), "{problem} was told twice");
        }
        let current: BTreeMap<Key, Arc<Resource>> =
            self.translator.resources().map(|resource| (resource.key(), resource.clone())).collect();
        assert_eq!(self.heard, current, "the changes do not add up to the state");
        let problems: BTreeSet<Problem> = self.translator.problems().cloned().collect();
        assert_eq!(self.known, problems, "the new and solved problems do not add up");
    }

    fn view(&self) -> String {
        view::render(self.translator.resources().map(|resource| &**resource), self.translator.problems())
    }
}

fn fresh<'o>(setup: &Setup, objects: impl IntoIterator<Item = &'o Object>) -> String {
    let mut run = Run::new(setup);
    objects.into_iter().for_each(|object| run.insert(object));
    run.settle();
    run.view()
}

/// The same content must give the same state on every way to it.
fn assert_order_does_not_matter(setup: &Setup, objects: &[Object], expected: &str) {
    assert_eq!(fresh(setup, objects.iter().rev()), expected, "documents in reverse");
    for reverse in [false, true] {
        let mut run = Run::new(setup);
        let empty = run.view();
        let order: Vec<&Object> =
            if reverse { objects.iter().rev().collect() } else { objects.iter().collect() };
        for object in &order {
            run.insert(object);
            run.settle();
        }
        assert_eq!(run.view(), expected, "documents one by one (reverse: {reverse})");
        for object in &order {
            run.store.remove(&object.key());
            run.settle();
            run.insert(object);
            run.settle();
            assert_eq!(run.view(), expected, "{} deleted and inserted again", object.key());
        }
        for object in &order {
            run.store.remove(&object.key());
            run.settle();
        }
        assert_eq!(run.view(), empty, "everything deleted");
        assert!(run.store.names_to_resolve().is_empty(), "names stay although nobody uses them");
        assert!(run.store.counts().values().all(|count| *count == 0), "objects stay in the store");
    }
}

fn cases(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of the cases is readable") {
        let path = entry.expect("the folder of the cases is readable").path();
        if path.is_dir() {
            cases(&path, found);
        } else if path.to_string_lossy().ends_with(".in.yaml") {
            found.push(path);
        }
    }
    found.sort();
}

/// What is wrong with a case, or nothing.
fn run_case(input: &Path) -> Result<(), String> {
    let (setup, objects) = setup::read(&std::fs::read_to_string(input).expect("a case is readable"));
    let actual = fresh(&setup, &objects);
    assert!(!actual.contains("PRIVATE KEY"), "a key is shown");
    assert_order_does_not_matter(&setup, &objects, &actual);
    let output = PathBuf::from(input.to_string_lossy().replace(".in.yaml", ".out.yaml"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&output, &actual).expect("the folder of the cases is writable");
        return Ok(());
    }
    let expected = std::fs::read_to_string(&output).unwrap_or_default();
    if expected == actual { Ok(()) } else { Err(view::difference(&expected, &actual)) }
}

#[test]
fn every_case_translates_as_written_down_in_whatever_order_it_arrives() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut inputs = Vec::new();
    cases(&root, &mut inputs);
    assert!(inputs.len() > 40, "only {} cases were found", inputs.len());
    let mut failures = Vec::new();
    for input in &inputs {
        let name = input.strip_prefix(&root).unwrap().display().to_string();
        match std::panic::catch_unwind(|| run_case(input)) {
            Ok(Ok(())) => {}
            Ok(Err(difference)) => failures.push(format!("{name} differs:\n{difference}")),
            Err(_) => failures.push(format!("{name} panicked, see above")),
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases fail; UPDATE_GOLDEN=1 accepts what they are now\n{}",
        failures.len(),
        inputs.len(),
        failures.join("\n")
    );
}
