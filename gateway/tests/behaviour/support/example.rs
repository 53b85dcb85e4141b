//! The folders of `examples/`, served as they are; only the port of their backend is the test's.

use super::echo::Echo;
use super::edge::{Edge, Plan};
use super::manifest::CLASS;
use std::path::Path;

/// The port of the backend in every example.
const PORT: &str = "port: 9001";

/// Starts both programs on the manifests of one example, and the backend it names.
pub(crate) fn serve(name: &str) -> (Edge, Echo) {
    let (plan, echo) = plan(name);
    (plan.start(), echo)
}

/// The same, not started yet.
pub(crate) fn plan(name: &str) -> (Plan, Echo) {
    let echo = Echo::start(name);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let mut plan = Edge::plan();
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.replace(PORT, &format!("port: {}", echo.address.port()));
            plan = plan.file(path.file_name().unwrap().to_str().unwrap(), text);
        }
    }
    (plan.file("class.yaml", CLASS), echo)
}
