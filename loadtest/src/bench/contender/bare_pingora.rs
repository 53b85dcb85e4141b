//! The floor: `bare-pingora`, see `src/bin/bare-pingora.rs`. It knows no routes, so their number changes nothing.

use super::{Part, Setup};
use std::path::Path;
use std::process::Command;

/// Says how to start it.
pub(super) fn prepare(program: &Path, setup: &Setup<'_>) -> Vec<Part> {
    let mut command = Command::new(program);
    command.arg("--http").arg(setup.ports.http_address().to_string());
    command.arg("--https").arg(setup.ports.https_address().to_string());
    command.arg("--upstream").arg(setup.backend.to_string());
    command.arg("--certificate").arg(&setup.certificate.certificate);
    command.arg("--key").arg(&setup.certificate.key);
    vec![Part { name: "bare-pingora", command, log: setup.folder.join("output.log") }]
}
