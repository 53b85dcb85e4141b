//! What would happen to a set of objects: the logic of `ingora check`.
//!
//! The objects go through the same store and translation as everything that is served.

use crate::object::{Kind, Object};
use crate::store::{Options, Store};
use crate::translate::Translator;
use ingora_config::{Problem, Reason, Resource, Severity, SourceLocation};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::SystemTime;

mod annotations;

pub use annotations::{IngressAnnotations, Verdict};

/// The answer of [`check`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// All problems, errors first.
    pub problems: Vec<Problem>,
    /// Every Ingress with annotations under the prefix, and what becomes of each of them.
    pub annotations: Vec<IngressAnnotations>,
    /// What would be served.
    pub summary: Summary,
}

/// Counts of what would be served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Ingresses among the objects.
    pub ingresses: usize,
    /// Those of them that are ours.
    pub served: usize,
    /// Hosts, "every host" counted as one.
    pub hosts: usize,
    /// Host and path conditions that requests are matched against.
    pub routes: usize,
    /// Problems that keep something from being served as written.
    pub errors: usize,
    /// Problems with something that is served, but not as its author probably thinks.
    pub warnings: usize,
}

/// Checks objects as they would be served together. `file_problems` are those found while reading them; they become part
/// of the report. Manifests rarely have EndpointSlices, so that missing endpoints are no problem unless there are slices;
/// for IngressClasses see [`Options::classes_elsewhere`].
pub fn check(
    objects: impl IntoIterator<Item = (Object, Option<SourceLocation>)>,
    file_problems: Vec<Problem>,
    options: Options,
    now: SystemTime,
) -> Report {
    let mut store = Store::new(options);
    let (mut ingresses, mut slices) = (0, 0);
    let mut annotations = Vec::new();
    for (object, location) in objects {
        if let Object::Ingress(ingress) = &object {
            annotations.extend(IngressAnnotations::of(ingress, &store.options().annotations_prefix));
        }
        match object.key().kind {
            Kind::Ingress => ingresses += 1,
            Kind::EndpointSlice => slices += 1,
            _ => {}
        }
        store.insert(object, location);
    }
    let mut translator = Translator::new();
    translator.translate(&mut store, now);

    let found = translator.problems().filter(|problem| slices > 0 || problem.reason != Reason::NoEndpoints);
    let mut problems: Vec<Problem> = found.cloned().chain(file_problems).collect();
    problems.sort();
    problems.dedup();
    let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let mut summary = Summary {
        ingresses,
        served: translator.ingresses(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        ..Summary::default()
    };
    for resource in translator.resources() {
        match **resource {
            Resource::VirtualHost(_) => summary.hosts += 1,
            Resource::Route(_) => summary.routes += 1,
            _ => {}
        }
    }
    annotations.sort_by(|a, b| a.ingress.cmp(&b.ingress));
    Report { problems, annotations, summary }
}

impl Report {
    /// Whether any problem is an error: the exit code 1.
    pub fn has_errors(&self) -> bool {
        self.summary.errors > 0
    }

    /// For people: problem by problem with its place and hint, then the summary. Ends with a line feed.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            text.push_str(&describe(problem));
            text.push('\n');
        }
        let Summary { ingresses, served, hosts, routes, errors, warnings } = self.summary;
        let line = format!(
            "{served} of {} served, with {} and {}: {}, {}",
            counted(ingresses, "Ingress", "Ingresses"),
            counted(hosts, "host", "hosts"),
            counted(routes, "route", "routes"),
            counted(errors, "error", "errors"),
            counted(warnings, "warning", "warnings"),
        );
        text + &line + "\n"
    }

    /// For people who migrate: what becomes of every annotation of every Ingress, before [`Report::to_text`].
    pub fn to_migration_text(&self) -> String {
        annotations::to_text(&self.annotations) + &self.to_text()
    }

    /// For programs: one JSON object with `problems`, `annotations` and `summary`.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has string keys only, so it always serialises")
    }
}

fn describe(problem: &Problem) -> String {
    let Problem { severity, object, reason, field, message, hint, location } = problem;
    let mut text = format!("{severity}: {object}: {message} ({reason})\n");
    let mut detail = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "  {name:<6} {value}");
    };
    if let Some(location) = location {
        detail("at", location);
    }
    if !field.is_empty() {
        detail("field", field);
    }
    if !hint.is_empty() {
        detail("hint", hint);
    }
    text
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ingress(class: Option<&str>, host: &str) -> (Object, Option<SourceLocation>) {
        let document = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"},
            "spec": {"ingressClassName": class, "rules": [{"host": host, "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
            ]}}]},
        });
        let location = SourceLocation { file: "web.yaml".into(), line: 3 };
        (Object::from_value(document).unwrap().unwrap(), Some(location))
    }

    fn service() -> (Object, Option<SourceLocation>) {
        let document = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"ports": [{"port": 80}]}});
        (Object::from_value(document).unwrap().unwrap(), None)
    }

    fn run(objects: Vec<(Object, Option<SourceLocation>)>) -> Report {
        let options = Options { classes_elsewhere: true, ..Options::default() };
        check(objects, Vec::new(), options, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn our_class_is_taken_for_granted_with_a_warning() {
        let report = run(vec![ingress(Some("ingora"), "a.example"), service()]);
        assert!(!report.has_errors(), "{}", report.to_text());
        assert_eq!(report.problems[0].reason, Reason::ClassNotFound);
        let Summary { ingresses, served, hosts, routes, .. } = report.summary;
        assert_eq!((ingresses, served, hosts, routes), (1, 1, 1, 1));
    }

    #[test]
    fn any_other_class_that_is_not_there_is_reported_and_not_served() {
        let report = run(vec![ingress(Some("nginx"), "a.example"), service()]);
        assert_eq!(report.problems.len(), 1);
        assert_eq!(report.problems[0].reason, Reason::ClassNotFound);
        assert_eq!(report.summary.served, 0);
    }

    #[test]
    fn an_error_is_told_with_place_field_and_hint() {
        let report = run(vec![ingress(Some("ingora"), "a b"), service()]);
        assert!(report.has_errors());
        let text = report.to_text();
        for part in
            ["error: Ingress default/web", "(InvalidHost)", "web.yaml:3", "spec.rules[0].host", "  hint "]
        {
            assert!(text.contains(part), "{part:?} is missing in:\n{text}");
        }
        assert!(
            text.ends_with("1 of 1 Ingress served, with 0 hosts and 0 routes: 1 error, 1 warning\n"),
            "{text}"
        );
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["problems"][0]["reason"], "InvalidHost");
        assert_eq!(json["summary"]["errors"], 1);
    }

    #[test]
    fn missing_endpoints_are_told_only_when_there_are_slices() {
        let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "other", "labels": {"kubernetes.io/service-name": "other"}}});
        let slice = (Object::from_value(slice).unwrap().unwrap(), None);
        let endpoints = |report: Report| report.problems.iter().any(|p| p.reason == Reason::NoEndpoints);
        assert!(!endpoints(run(vec![ingress(Some("ingora"), "a.example"), service()])));
        assert!(endpoints(run(vec![ingress(Some("ingora"), "a.example"), service(), slice])));
    }

    #[test]
    fn problems_of_files_are_part_of_the_report() {
        let file = Problem {
            severity: Severity::Error,
            object: ingora_config::ObjectRef {
                kind: "File".into(),
                namespace: String::new(),
                name: "a.yaml".into(),
            },
            reason: Reason::FileUnreadable,
            field: String::new(),
            message: "line 3: expected a map".into(),
            hint: String::new(),
            location: None,
        };
        let report = check(Vec::new(), vec![file.clone()], Options::default(), SystemTime::UNIX_EPOCH);
        assert_eq!(report.problems, [file]);
        assert!(report.has_errors());
    }
}
