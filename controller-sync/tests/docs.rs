//! The parts of the documentation that the code writes. `make golden` (`UPDATE_DOCS=1`) rewrites them.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use ingora_controller_sync::translate::annotations::table;
use std::path::Path;

/// Everything behind this line of a file is written by the code.
const MARK: &str = "<!-- From here on written by the code: make golden -->\n";

#[test]
fn the_table_of_annotations_is_that_of_the_code() {
    check("docs/annotations.md", &table::to_markdown());
}

#[test]
fn the_tables_of_the_config_map_are_those_of_the_code() {
    check("docs/configmap.md", &ingora_controller_sync::translate::config_map_page());
}

fn check(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let (written, found) = text.split_once(MARK).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{written}{MARK}{generated}")).unwrap();
    } else {
        assert!(found == generated, "{file} is not what the code says; run make golden and look at the diff");
    }
}
