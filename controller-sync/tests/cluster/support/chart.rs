//! Helm and the chart: what it renders, and how it speaks to a server.

use super::object::documents;
use crate::enclosure;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The chart's folder.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../helm/ingora")
}

/// A program that the chart is tested with.
pub(crate) fn tool(name: &str) -> Command {
    let mut command = Command::new(enclosure::tools().join(name));
    // Helm keeps caches and looks for plugins; none of the user's.
    for folder in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(folder, enclosure::home().join("helm"));
    }
    command.current_dir(folder()).stdin(Stdio::null());
    command
}

/// What a program printed, or what it complained about.
pub(crate) fn said(output: Output) -> Result<String, String> {
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Runs Helm without a server.
pub(crate) fn helm(arguments: &[&str]) -> Result<String, String> {
    said(tool("helm").args(arguments).output().unwrap())
}

/// The text of the release `ingora` in the namespace `ingora`.
#[track_caller]
pub(crate) fn rendered(arguments: &[&str]) -> String {
    let all = [&["template", "ingora", ".", "--namespace", "ingora"], arguments].concat();
    helm(&all).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

/// Its objects.
#[track_caller]
pub(crate) fn objects(arguments: &[&str]) -> Vec<Value> {
    documents(&rendered(arguments))
}

/// The shapes that are documented: names and files of `ci/`.
pub(crate) fn shapes() -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder().join("ci")).unwrap();
    let mut shapes: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name.strip_suffix("-values.yaml").expect("NAME-values.yaml").to_owned(), path)
        })
        .collect();
    shapes.sort();
    shapes
}

/// The DaemonSet or Deployment of the gateway.
pub(crate) fn workload(objects: &[Value]) -> &Value {
    let is_one = |object: &&Value| {
        ["DaemonSet", "Deployment"].iter().any(|kind| object["kind"] == *kind)
            && object["metadata"]["labels"]["app.kubernetes.io/component"] == "controller"
    };
    objects.iter().find(is_one).expect("a workload")
}

/// A container of a Pod by its name.
pub(crate) fn container<'o>(pod: &'o Value, name: &str) -> &'o Value {
    let containers = pod["spec"]["containers"].as_array().unwrap();
    containers.iter().find(|container| container["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}
