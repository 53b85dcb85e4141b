//! What the API server refused: its audit log names user, verb, resource and code of every request of a ServiceAccount.

use serde_json::Value;
use std::path::Path;

/// The policy: requests of ServiceAccounts, without bodies.
pub(crate) const POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- { level: Metadata, userGroups: ['system:serviceaccounts'] }
- { level: None }
";

/// The refusals (403) of one user so far, one sentence each, every sentence once.
pub(crate) fn refusals(log: &Path, user: &str) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut refusals: Vec<_> = text
        .lines()
        .filter(|line| line.contains(user) && line.contains("\"code\":403"))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["user"]["username"] == user)
        .map(|event| {
            let of = |key: &str| event["objectRef"][key].as_str().unwrap_or("-").to_owned();
            let verb = event["verb"].as_str().unwrap_or("-").to_owned();
            format!("{verb} {} of {:?} in {}", of("resource"), of("apiGroup"), of("namespace"))
        })
        .collect();
    refusals.sort();
    refusals.dedup();
    refusals
}
