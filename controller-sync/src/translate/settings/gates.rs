//! What tenants may write.

use super::draft::set;
use super::key::Effect::Live;
use super::key::{BOOL, Row};
use crate::translate::annotations::table::Risk;
use crate::translate::value::{Invalid, boolean, items, word};

const LEVELS: [(&str, Risk); 4] =
    [("Low", Risk::Low), ("Medium", Risk::Medium), ("High", Risk::High), ("Critical", Risk::Critical)];
/// The most words of the blocklist, and the longest of them in bytes.
const MAX_WORDS: usize = 256;
const MAX_WORD_BYTES: usize = 256;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "annotations-risk-level",
        "Low, Medium, High or Critical",
        "High",
        Live(|d, v| set(&mut d.gates.risk_level, word(v, &LEVELS))),
    ),
    Row::new(
        "annotation-value-word-blocklist",
        "list of words",
        "",
        Live(|d, v| {
            // One word too many or too long must not leave the door open: the list counts as a whole or not at all.
            if items(v).count() > MAX_WORDS || items(v).any(|word| word.len() > MAX_WORD_BYTES) {
                let hint = format!("write at most {MAX_WORDS} words of at most {MAX_WORD_BYTES} bytes");
                return Err(Invalid::new(v, "is too long", hint));
            }
            d.gates.word_blocklist = items(v).map(str::to_owned).collect();
            Ok(())
        }),
    ),
    Row::new(
        "allow-snippet-annotations",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.gates.allow_snippet_annotations, boolean(v))),
    )
    .note("Snippets are never executed. `true` keeps an Ingress that has one from being served."),
    Row::new(
        "unsupported-annotations",
        "reject or ignore",
        "reject",
        Live(|d, v| set(&mut d.gates.ignore_unsupported, word(v, &[("reject", false), ("ignore", true)]))),
    )
    .note("Of Ingora alone: `ignore` serves Ingresses although a protection that they ask for is missing."),
    Row::new(
        "strict-validate-path-type",
        BOOL,
        "true",
        Live(|d, v| set(&mut d.gates.strict_path_type, boolean(v))),
    ),
    Row::new(
        "allow-cross-namespace-resources",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.gates.cross_namespace, boolean(v))),
    )
    .note("`true` lets every tenant use the Secrets and ConfigMaps of all others in annotations."),
];
