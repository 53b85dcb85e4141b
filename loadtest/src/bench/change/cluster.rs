//! What the cluster tests measured against a real API server: each writes one line of JSON into the file that
//! `INGORA_CLUSTER_RESULTS` names. They have a harness for that, so nothing is measured twice.

use super::super::{Doing as _, Failure, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// One line: figures of one test.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Line {
    /// The number of Ingresses, each with a Service and four endpoints.
    pub routes: usize,
    /// Which test: `ready`, `ingress`, `endpoints` or `churn`.
    pub what: String,
    /// Its figures; the unit is the end of the name.
    pub figures: BTreeMap<String, f64>,
}

/// Reads such a file. Of two lines about the same, the later one counts.
///
/// # Errors
/// When it cannot be read or a line is something else.
pub fn read(file: &Path) -> Result<Vec<Line>> {
    let text = std::fs::read_to_string(file).doing(|| format!("cannot read {}", file.display()))?;
    parse(&text).map_err(|why| Failure::said(format!("{}: {why}", file.display())))
}

fn parse(text: &str) -> serde_json::Result<Vec<Line>> {
    let mut last = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line)?;
        last.insert((line.routes, line.what.clone()), line);
    }
    Ok(last.into_values().collect())
}

/// One figure.
#[must_use]
pub fn figure(lines: &[Line], routes: usize, what: &str, name: &str) -> Option<f64> {
    let line = lines.iter().find(|line| line.routes == routes && line.what == what)?;
    line.figures.get(name).copied()
}

/// The numbers of Ingresses that lines are about, smallest first.
#[must_use]
pub fn sizes(lines: &[Line]) -> Vec<usize> {
    let mut sizes: Vec<usize> = lines.iter().map(|line| line.routes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_line_about_the_same_counts() {
        let lines = parse(
            r#"{"routes":10,"what":"ready","figures":{"ready_s":3}}
               {"routes":5,"what":"ready","figures":{"ready_s":2}}

               {"routes":10,"what":"ready","figures":{"ready_s":1.5}}"#,
        )
        .unwrap();
        assert_eq!(sizes(&lines), [5, 10]);
        assert_eq!(figure(&lines, 10, "ready", "ready_s"), Some(1.5));
        assert_eq!(figure(&lines, 10, "ready", "other"), None);
        assert_eq!(figure(&lines, 10, "ingress", "p50_ms"), None);
        assert!(parse("{}").is_err());
    }
}
