//! The file source over real directories: what is read, what is followed, what survives mistakes.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ingora_config::{Problem, Reason};
use ingora_controller_sync::object::{Kind, ObjectKey};
use ingora_controller_sync::source::{self, Batch, Event, file};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// What a listener of the source knows: each object's host and place, and the problems of each origin.
struct Listener {
    batches: mpsc::Receiver<Batch>,
    objects: BTreeMap<ObjectKey, (String, String)>,
    problems: BTreeMap<String, Vec<Problem>>,
    ready: bool,
    applied: usize,
    deleted: usize,
}

impl Listener {
    /// Follows paths up to `Ready`.
    fn follow(paths: &[PathBuf]) -> Self {
        let (sender, batches) = source::channel();
        file::follow(paths, sender).expect("the paths exist");
        let mut listener = Self {
            batches,
            objects: BTreeMap::new(),
            problems: BTreeMap::new(),
            ready: false,
            applied: 0,
            deleted: 0,
        };
        listener.until("ready", |listener| listener.ready);
        listener
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Apply(object, location) => {
                let location = location.expect("a file source knows the place");
                let host = match &*object {
                    ingora_controller_sync::object::Object::Ingress(ingress) => {
                        ingress.spec.rules.first().and_then(|rule| rule.host.clone())
                    }
                    _ => None,
                };
                let name = Path::new(&location.file).file_name().unwrap().to_str().unwrap().to_owned();
                self.objects
                    .insert(object.key(), (host.unwrap_or_default(), format!("{name}:{}", location.line)));
                self.applied += 1;
            }
            Event::Delete(key) => {
                assert!(self.objects.remove(&key).is_some(), "{key} was deleted and never there");
                self.deleted += 1;
            }
            Event::Problems { origin, problems } => {
                let name = Path::new(&origin).file_name().unwrap().to_str().unwrap().to_owned();
                self.problems.insert(name, problems);
            }
            Event::Answered(key) => panic!("nobody asked for {key}"),
            Event::Ready => {
                assert!(!self.ready, "ready comes once");
                self.ready = true;
            }
        }
    }

    /// Takes batches until a condition holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            match self.batches.try_recv() {
                Ok(batch) => batch.into_iter().for_each(|event| self.take(event)),
                Err(_) => {
                    assert!(
                        Instant::now() < deadline,
                        "{what} does not happen: {:?} {:?}",
                        self.objects,
                        self.problems
                    );
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    fn until_host(&mut self, name: &str, host: &str) {
        self.until(&format!("{name} has {host}"), |listener| listener.host(name) == Some(host));
    }

    fn until_gone(&mut self, name: &str) {
        self.until(&format!("{name} is gone"), |listener| listener.host(name).is_none());
    }

    fn until_reasons(&mut self, file: &str, reasons: &[Reason]) {
        self.until(&format!("{file} has {reasons:?}"), |listener| listener.reasons(file) == reasons);
    }

    fn host(&self, name: &str) -> Option<&str> {
        self.objects.get(&key(name)).map(|(host, _)| host.as_str())
    }

    fn place(&self, name: &str) -> &str {
        &self.objects[&key(name)].1
    }

    fn reasons(&self, file: &str) -> Vec<Reason> {
        self.problems.get(file).into_iter().flatten().map(|problem| problem.reason).collect()
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(Kind::Ingress, ingora_config::NamespacedName::new("default", name))
}

fn ingress(name: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\nspec:\n  rules:\n  - host: {host}\n"
    )
}

fn directory() -> (TempDir, impl Fn(&str) -> PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_owned();
    (dir, move |name: &str| root.join(name))
}

/// As an editor or `kubectl apply -o yaml` would: never half of it under the name.
fn rename_over(path: &Path, text: &str) {
    let new = path.with_extension("tmp");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn an_object_that_does_not_decode_any_more_keeps_its_last_good_version() {
    let (dir, at) = directory();
    let other = ingress("b", "b.example");
    fs::write(at("a.yaml"), format!("{}---\n{other}", ingress("a", "a.example"))).unwrap();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    let odd = ingress("a", "new.example").replace("rules:", "rules: none\n  old:");
    for host in ["c.example", "d.example"] {
        rename_over(&at("a.yaml"), &format!("{odd}---\n{}", other.replace("b.example", host)));
        listener.until(host, |listener| listener.host("b") == Some(host));
        assert_eq!(listener.host("a"), Some("a.example"));
        assert_eq!(listener.reasons("a.yaml"), [Reason::ObjectInvalid]);
        assert!(listener.problems["a.yaml"][0].message.ends_with("its last good version stays"));
    }
    rename_over(&at("a.yaml"), &format!("{}---\n{other}", ingress("a", "new.example")));
    listener.until_reasons("a.yaml", &[]);
    assert_eq!(listener.host("a"), Some("new.example"));
    rename_over(&at("a.yaml"), &other);
    listener.until("the end of it", |listener| listener.host("a").is_none());
}

#[test]
fn all_kinds_of_files_are_read_with_their_lines() {
    let (dir, at) = directory();
    fs::create_dir(at("sub")).unwrap();
    fs::write(
        at("a.yaml"),
        format!("# two\n{}---\n{}", ingress("a", "a.example"), ingress("b", "b.example")),
    )
    .unwrap();
    let json = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "c"},
         "spec": {"rules": [{"host": "c.example"}]}}]});
    fs::write(at("sub/c.json"), serde_json::to_string_pretty(&json).unwrap()).unwrap();
    fs::write(at("notes.txt"), "not: [yaml").unwrap();
    fs::write(at("other.yml"), "apiVersion: v1\nkind: Event\nmetadata: {name: x}\n").unwrap();
    let listener = Listener::follow(&[dir.path().to_owned()]);
    assert_eq!(listener.objects.len(), 3);
    assert_eq!(
        (listener.place("a"), listener.place("b"), listener.place("c")),
        ("a.yaml:2", "a.yaml:10", "c.json:4")
    );
    assert_eq!(listener.reasons("other.yml"), [Reason::KindIgnored]);
    assert_eq!(listener.problems.len(), 1);
}

#[test]
fn changes_of_every_kind_are_followed() {
    let (dir, at) = directory();
    fs::write(at("a.yaml"), ingress("a", "one.example")).unwrap();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    fs::write(at("a.yaml"), ingress("a", "two.example")).unwrap();
    listener.until_host("a", "two.example");
    rename_over(&at("a.yaml"), &ingress("a", "three.example"));
    listener.until_host("a", "three.example");
    fs::create_dir_all(at("new/deeper")).unwrap();
    fs::write(at("new/deeper/b.yaml"), ingress("b", "b.example")).unwrap();
    listener.until_host("b", "b.example");
    fs::write(at("new/deeper/b.yaml"), ingress("b", "b2.example")).unwrap();
    listener.until_host("b", "b2.example");
    fs::rename(at("new"), at("moved")).unwrap();
    listener
        .until("moved", |listener| listener.host("b").is_some() && listener.place("b").starts_with("b.yaml"));
    fs::write(at("moved/deeper/b.yaml"), ingress("b", "b3.example")).unwrap();
    listener.until_host("b", "b3.example");
    fs::remove_dir_all(at("moved")).unwrap();
    listener.until_gone("b");
    fs::create_dir_all(at("moved")).unwrap();
    fs::write(at("moved/b.yaml"), ingress("b", "b4.example")).unwrap();
    listener.until_host("b", "b4.example");
    fs::remove_file(at("a.yaml")).unwrap();
    listener.until_gone("a");
}

#[test]
fn a_mounted_configmap_is_read_once_and_followed_through_its_swap() {
    let (dir, at) = directory();
    let write_state = |state: &str, host: &str| {
        fs::create_dir(at(state)).unwrap();
        fs::write(at(state).join("a.yaml"), ingress("a", host)).unwrap();
        fs::write(at(state).join("b.yaml"), ingress("b", host)).unwrap();
    };
    write_state("..2026_01", "one.example");
    symlink("..2026_01", at("..data")).unwrap();
    symlink("..data/a.yaml", at("a.yaml")).unwrap();
    symlink("..data/b.yaml", at("b.yaml")).unwrap();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    assert_eq!((listener.applied, listener.problems.len()), (2, 0), "read once, without duplicates");
    for (number, host) in [(2, "two.example"), (3, "three.example")] {
        let state = format!("..2026_0{number}");
        write_state(&state, host);
        symlink(&state, at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        fs::remove_dir_all(at(&format!("..2026_0{}", number - 1))).unwrap();
        listener.until_host("a", host);
        assert_eq!(listener.host("b"), Some(host), "the swap is one batch");
    }
}

#[test]
fn a_single_file_behind_a_swapped_link_is_followed() {
    let (_dir, at) = directory();
    for (state, host) in [("..1", "one.example"), ("..2", "two.example")] {
        fs::create_dir(at(state)).unwrap();
        fs::write(at(state).join("a.yaml"), ingress("a", host)).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/a.yaml", at("a.yaml")).unwrap();
    let mut listener = Listener::follow(&[at("a.yaml")]);
    assert_eq!(listener.host("a"), Some("one.example"));
    symlink("..2", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    listener.until_host("a", "two.example");
}

#[test]
fn a_half_written_file_keeps_its_last_good_objects() {
    let (dir, at) = directory();
    fs::write(at("a.yaml"), ingress("a", "one.example")).unwrap();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    fs::write(at("a.yaml"), "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: \"a").unwrap();
    listener.until_reasons("a.yaml", &[Reason::FileUnreadable]);
    let problem = &listener.problems["a.yaml"][0];
    assert_eq!(problem.object.kind, "File");
    assert!(problem.object.name.ends_with("a.yaml"));
    assert!(problem.location.as_ref().is_some_and(|location| location.line == 3), "{problem:?}");
    assert_eq!(listener.host("a"), Some("one.example"));
    fs::write(at("a.yaml"), ingress("a", "two.example")).unwrap();
    listener.until_host("a", "two.example");
    listener.until_reasons("a.yaml", &[]);
}

#[test]
fn a_file_that_is_emptied_while_it_is_written_keeps_its_objects() {
    use std::io::Write as _;
    let (dir, at) = directory();
    fs::write(at("a.yaml"), ingress("a", "one.example")).unwrap();
    fs::write(at("z.yaml"), ingress("z", "one.example")).unwrap();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    let mut slow = fs::File::create(at("a.yaml")).unwrap();
    // Other changes are followed meanwhile, and prove that the source has looked for longer than it waits for quiet.
    let begin = Instant::now();
    for number in 0.. {
        let host = format!("{number}.example");
        rename_over(&at("z.yaml"), &ingress("z", &host));
        listener.until_host("z", &host);
        assert_eq!(listener.host("a"), Some("one.example"));
        if begin.elapsed() > Duration::from_millis(500) {
            break;
        }
    }
    slow.write_all(ingress("a", "two.example").as_bytes()).unwrap();
    drop(slow);
    listener.until_host("a", "two.example");
    // Emptied and closed is meant.
    drop(fs::File::create(at("a.yaml")).unwrap());
    listener.until_gone("a");
}

#[test]
fn a_file_that_is_rewritten_by_removing_it_first_does_not_blink() {
    let (dir, at) = directory();
    fs::write(at("a.yaml"), ingress("a", "0.example")).unwrap();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    for round in 1..=20 {
        fs::remove_file(at("a.yaml")).unwrap();
        // The kernel keeps the order: who has heard of the marker has heard that the file is gone.
        let marker = format!("marker{round}.example");
        rename_over(&at("marker.yaml"), &ingress("marker", &marker));
        listener.until_host("marker", &marker);
        let host = format!("{round}.example");
        fs::write(at("a.yaml"), ingress("a", &host)).unwrap();
        listener.until_host("a", &host);
    }
    assert_eq!(listener.deleted, 0);
    fs::remove_file(at("a.yaml")).unwrap();
    listener.until_gone("a");
    assert_eq!(listener.deleted, 1);
}

#[test]
fn an_object_that_moves_to_another_file_does_not_blink() {
    let (dir, at) = directory();
    fs::write(at("a.yaml"), ingress("a", "a.example")).unwrap();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    fs::rename(at("a.yaml"), at("b.yaml")).unwrap();
    listener.until("moved", |listener| listener.host("a").is_some() && listener.place("a") == "b.yaml:1");
    listener.until_reasons("b.yaml", &[]);
    assert_eq!(listener.deleted, 0);
}

#[test]
fn a_writer_that_never_closes_is_read_when_it_pauses() {
    use std::io::Write as _;
    let (dir, at) = directory();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    let mut open = fs::File::create(at("a.yaml")).unwrap();
    open.write_all(ingress("a", "one.example").as_bytes()).unwrap();
    listener.until_host("a", "one.example");
    drop(open);
}

#[test]
fn one_bad_object_does_not_harm_the_others() {
    let (dir, at) = directory();
    let text = format!(
        "{}---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: b}}\nspec: {{rules: 7}}\n---\njust text\n---\n{}",
        ingress("a", "a.example"),
        ingress("c", "c.example")
    );
    fs::write(at("all.yaml"), text).unwrap();
    let listener = Listener::follow(&[dir.path().to_owned()]);
    assert_eq!(
        (listener.host("a"), listener.host("b"), listener.host("c")),
        (Some("a.example"), None, Some("c.example"))
    );
    assert_eq!(listener.reasons("all.yaml"), [Reason::ObjectInvalid, Reason::ObjectInvalid]);
    let lines: Vec<_> =
        listener.problems["all.yaml"].iter().map(|p| p.location.as_ref().unwrap().line).collect();
    assert_eq!(lines, [9, 14]);
}

#[test]
fn of_two_equal_objects_the_first_file_counts_and_the_second_takes_over() {
    let (dir, at) = directory();
    fs::write(at("b.yaml"), ingress("x", "b.example")).unwrap();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    assert_eq!(listener.host("x"), Some("b.example"));
    // A file that sorts first wins although it came later.
    fs::write(at("a.yaml"), ingress("x", "a.example")).unwrap();
    listener.until_host("x", "a.example");
    listener.until_reasons("b.yaml", &[Reason::DuplicateObject]);
    assert!(listener.problems["b.yaml"][0].message.contains("a.yaml:1"));
    fs::write(at("b.yaml"), ingress("x", "b2.example")).unwrap();
    fs::write(at("c.yaml"), ingress("x", "c.example")).unwrap();
    listener.until_reasons("c.yaml", &[Reason::DuplicateObject]);
    assert_eq!(listener.host("x"), Some("a.example"));
    fs::remove_file(at("a.yaml")).unwrap();
    listener.until_host("x", "b2.example");
    listener.until_reasons("b.yaml", &[]);
    assert_eq!(listener.reasons("c.yaml"), [Reason::DuplicateObject]);
    fs::remove_file(at("b.yaml")).unwrap();
    listener.until_host("x", "c.example");
    listener.until_reasons("c.yaml", &[]);
    fs::remove_file(at("c.yaml")).unwrap();
    listener.until_gone("x");
}

#[test]
fn a_path_that_vanishes_keeps_its_objects_and_may_come_back() {
    let (_dir, at) = directory();
    fs::create_dir(at("root")).unwrap();
    fs::write(at("root/a.yaml"), ingress("a", "one.example")).unwrap();
    let mut listener = Listener::follow(&[at("root")]);
    fs::rename(at("root"), at("away")).unwrap();
    listener.until_reasons("root", &[Reason::FileUnreadable]);
    assert_eq!(listener.host("a"), Some("one.example"));
    fs::write(at("away/a.yaml"), ingress("a", "two.example")).unwrap();
    fs::rename(at("away"), at("root")).unwrap();
    listener.until_host("a", "two.example");
    listener.until_reasons("root", &[]);
    fs::write(at("root/a.yaml"), ingress("a", "three.example")).unwrap();
    listener.until_host("a", "three.example");
}

#[test]
fn a_root_that_is_a_link_is_followed_when_it_is_swapped() {
    let (_dir, at) = directory();
    for (name, host) in [("v1", "one.example"), ("v2", "two.example")] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("a.yaml"), ingress("a", host)).unwrap();
    }
    symlink("v1", at("current")).unwrap();
    let mut listener = Listener::follow(&[at("current")]);
    assert_eq!(listener.host("a"), Some("one.example"));
    symlink("v2", at("next")).unwrap();
    fs::rename(at("next"), at("current")).unwrap();
    listener.until_host("a", "two.example");
    fs::write(at("v2/a.yaml"), ingress("a", "three.example")).unwrap();
    listener.until_host("a", "three.example");
}

#[test]
fn directories_that_trade_names_are_both_followed_afterwards() {
    let (dir, at) = directory();
    for name in ["a", "b"] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("x.yaml"), ingress(name, "one.example")).unwrap();
    }
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    fs::rename(at("a"), at("c")).unwrap();
    fs::rename(at("b"), at("a")).unwrap();
    fs::rename(at("c"), at("b")).unwrap();
    fs::write(at("marker.yaml"), ingress("marker", "marker.example")).unwrap();
    listener.until_host("marker", "marker.example");
    fs::write(at("a/x.yaml"), ingress("b", "two.example")).unwrap();
    fs::write(at("b/x.yaml"), ingress("a", "two.example")).unwrap();
    listener.until_host("a", "two.example");
    listener.until_host("b", "two.example");
}

#[test]
fn files_too_large_to_be_manifests_are_a_problem_and_no_more() {
    let (dir, at) = directory();
    fs::write(at("a.yaml"), ingress("a", "a.example")).unwrap();
    fs::File::create(at("huge.yaml")).unwrap().set_len(17 << 20).unwrap();
    let listener = Listener::follow(&[dir.path().to_owned()]);
    assert_eq!(listener.reasons("huge.yaml"), [Reason::FileUnreadable]);
    assert!(listener.problems["huge.yaml"][0].message.contains("16 MiB"));
    assert_eq!(listener.host("a"), Some("a.example"));
}

#[test]
fn a_path_that_is_not_there_at_the_start_is_refused_with_its_name() {
    let (sender, _batches) = source::channel();
    let error = file::follow(&[PathBuf::from("/nonexistent/manifests")], sender).unwrap_err();
    assert_eq!(error.to_string(), "/nonexistent/manifests: it does not exist");
}

#[test]
fn a_change_among_thousands_of_files_is_heard_at_once() {
    let (dir, at) = directory();
    for number in 0..5000 {
        fs::write(at(&format!("{number:04}.yaml")), ingress(&format!("i{number}"), "one.example")).unwrap();
    }
    let begin = Instant::now();
    let mut listener = Listener::follow(&[dir.path().to_owned()]);
    println!("5000 files read in {:?}", begin.elapsed());
    assert_eq!(listener.objects.len(), 5000);
    let applied = listener.applied;
    let mut times: Vec<_> = (0..20)
        .map(|round| {
            let host = format!("{round}.example");
            let begin = Instant::now();
            fs::write(at("2500.yaml"), ingress("i2500", &host)).unwrap();
            listener.until_host("i2500", &host);
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("one change heard after {:?} (median), {:?} (worst)", times[10], times[19]);
    assert_eq!(listener.applied, applied + 20, "only the changed file is read");
    assert!(times[10] < Duration::from_millis(100), "{times:?}");
}

#[test]
fn a_pipe_among_the_files_stops_nothing() {
    let directory = TempDir::new().unwrap();
    let pipe = directory.path().join("pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut listener = Listener::follow(&[directory.path().to_owned()]);
    fs::write(directory.path().join("class.yaml"), CLASS).unwrap();
    listener.until("the class is heard of", |listener| listener.applied == 1);
}

const CLASS: &str = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: ingora}\n\
    spec: {controller: ingora.io/ingress-controller}\n";
