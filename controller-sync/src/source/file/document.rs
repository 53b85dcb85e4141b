//! The text of one file, taken apart into objects with their lines.
//!
//! YAML files are split at the `---` lines first, so that each document has a line and a mistake names its own. That
//! is exact: YAML 1.2.2 (section 9.1.2) forbids a line that starts with `---` or `...` inside any scalar.
//! How a document becomes a bounded value is in `value.rs`.

use super::value::{self, Budget};
use serde_json::Value;

/// The largest file that is read, in bytes. etcd's own limit for one object is 1.5 MiB.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// How deep lists may stand in lists (`kind: List`).
const MAX_LIST_DEPTH: usize = 4;

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2 with any number of documents; JSON is nearly a part of it.
    Yaml,
    /// JSON texts, one after the other.
    Json,
}

/// One object of a file.
#[derive(Debug)]
pub struct Document {
    /// The line it starts on, 1-based.
    pub line: u64,
    /// The object; not checked to be a Kubernetes object.
    pub value: Value,
}

/// Why a file as a whole cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line, 1-based; 0 when it is about the file as a whole.
    pub line: u64,
    /// One sentence without the path.
    pub message: String,
}

impl Unreadable {
    /// About the file as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { line: 0, message: message.into() }
    }
}

/// Takes a file apart. `List` objects are replaced by their items.
///
/// # Errors
/// When any of it does not parse or it is larger than the limits; half a file is never returned.
pub fn read(bytes: &[u8], format: Format) -> Result<Vec<Document>, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|error| Unreadable {
        line: line_of(bytes, error.valid_up_to()),
        message: "the file is not UTF-8 text".into(),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let budget = Budget::default();
    let mut documents = Vec::new();
    match format {
        Format::Json => read_json(text, &budget, &mut documents)?,
        Format::Yaml => {
            for part in split(text) {
                read_yaml(&part, &budget, &mut documents)?;
            }
        }
    }
    Ok(documents)
}

fn line_of(bytes: &[u8], offset: usize) -> u64 {
    1 + bytes[..offset.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// A document's text and the number of lines before it.
struct Part<'a> {
    text: &'a str,
    lines_before: u64,
}

/// Splits a YAML stream at its document markers and drops parts that say nothing.
fn split(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut start, mut lines_before) = (0, 0);
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = offset + line.len();
        if is_marker(line, "---") {
            parts.push(Part { text: &text[start..offset], lines_before });
            (start, lines_before) = (offset, number as u64);
        } else if is_marker(line, "...") {
            parts.push(Part { text: &text[start..offset], lines_before });
            (start, lines_before) = (end, number as u64 + 1);
        }
        offset = end;
    }
    parts.push(Part { text: &text[start..], lines_before });
    parts.retain(|part| part.text.lines().any(says_something));
    parts
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Not blank, not a comment, not a directive, not a bare `---`.
fn says_something(line: &str) -> bool {
    let line = if is_marker(line, "---") { &line[3..] } else { line };
    let trimmed = line.trim();
    !(trimmed.is_empty() || trimmed.starts_with('#') || line.starts_with('%'))
}

fn read_yaml(part: &Part<'_>, budget: &Budget, out: &mut Vec<Document>) -> Result<(), Unreadable> {
    let moved = |line: u64| if line == 0 { 0 } else { part.lines_before + line };
    let value = value::from_yaml(part.text, budget)
        .map_err(|error| Unreadable { line: moved(error.line), ..error })?;
    let first = part.text.lines().position(says_something).unwrap_or(0) as u64 + 1;
    let lines = || value::item_lines(part.text).unwrap_or_default().into_iter().map(moved).collect();
    expand(value, moved(first), lines, MAX_LIST_DEPTH, out);
    Ok(())
}

fn read_json(text: &str, budget: &Budget, out: &mut Vec<Document>) -> Result<(), Unreadable> {
    let mut rest = text;
    let mut offset = 0;
    loop {
        let blank = rest.len() - rest.trim_ascii_start().len();
        offset += blank;
        rest = &rest[blank..];
        if rest.is_empty() {
            return Ok(());
        }
        let line = line_of(text.as_bytes(), offset);
        let (value, used) = value::from_json(rest, budget)
            .map_err(|error| Unreadable { line: (line + error.line).saturating_sub(1), ..error })?;
        let lines = || {
            let lines = value::item_lines(&rest[..used]).unwrap_or_default();
            lines.into_iter().map(|item| item + line - 1).collect()
        };
        expand(value, line, lines, MAX_LIST_DEPTH, out);
        offset += used;
        rest = &rest[used..];
    }
}

/// Adds `value`, or the items of it when it is a list (`List`, `IngressList`, …), each with the kind and version it
/// does not repeat.
fn expand(
    mut value: Value,
    line: u64,
    item_lines: impl FnOnce() -> Vec<u64>,
    depth: usize,
    out: &mut Vec<Document>,
) {
    let list_kind = value.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"));
    let item_kind = list_kind.map(str::to_owned);
    let is_list =
        item_kind.is_some() && value.get("items").is_some_and(|items| items.is_array() || items.is_null());
    if value.is_null() {
        return;
    }
    let (true, Some(item_kind), true) = (is_list, item_kind, depth > 0) else {
        out.push(Document { line, value });
        return;
    };
    let version = value.get("apiVersion").cloned();
    let Some(Value::Array(items)) = value.get_mut("items").map(Value::take) else { return };
    let lines = item_lines();
    for (index, mut item) in items.into_iter().enumerate() {
        let item_line = lines.get(index).copied().unwrap_or(line);
        if let (Value::Object(fields), false) = (&mut item, item_kind.is_empty()) {
            fields.entry("kind").or_insert_with(|| Value::String(item_kind.clone()));
            if let Some(version) = &version {
                fields.entry("apiVersion").or_insert_with(|| version.clone());
            }
        }
        expand(item, item_line, Vec::new, depth - 1, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_and_names(text: &str, format: Format) -> Vec<(u64, String)> {
        let documents = read(text.as_bytes(), format).expect("it parses");
        documents.iter().map(|d| (d.line, d.value["name"].as_str().unwrap_or("?").to_owned())).collect()
    }

    #[test]
    fn each_document_knows_its_line() {
        let text = "# a head\nname: a\n---\n# about b\n\nname: b\n---\n---\n# nothing\n--- {name: c}\n...\n%YAML 1.2\n---\nname: d\n";
        let found = lines_and_names(text, Format::Yaml);
        assert_eq!(found, [(2, "a".into()), (6, "b".into()), (10, "c".into()), (14, "d".into())]);
    }

    #[test]
    fn a_line_of_dashes_inside_a_block_scalar_does_not_split() {
        let text = "name: a\ntext: |\n  ---\n  ----\n  more\nother: '---'\n";
        assert_eq!(lines_and_names(text, Format::Yaml), [(1, "a".into())]);
    }

    #[test]
    fn a_mistake_names_its_line_in_the_file() {
        let error = read(b"name: a\n---\nname: b\n---\nname: [c\nx: y\n", Format::Yaml).unwrap_err();
        assert!((5..=7).contains(&error.line), "{error:?}");
        assert!(!error.message.contains("line"), "the line is data, not text: {error:?}");
        let error = read(b"{\"a\": 1}\n{\"b\": \n!}", Format::Json).unwrap_err();
        assert_eq!(error.line, 3, "{error:?}");
        let error = read(b"name: a\nb: \xff\n", Format::Yaml).unwrap_err();
        assert_eq!(error.line, 2, "{error:?}");
    }

    #[test]
    fn items_of_a_list_have_their_own_lines_and_inherit_kind_and_version() {
        let text = "apiVersion: v1\nkind: ServiceList\nitems:\n- name: a\n- name: b\n  kind: Other\n";
        assert_eq!(lines_and_names(text, Format::Yaml), [(4, "a".into()), (5, "b".into())]);
        let documents = read(text.as_bytes(), Format::Yaml).unwrap();
        assert_eq!(documents[0].value["kind"], "Service");
        assert_eq!(documents[0].value["apiVersion"], "v1");
        assert_eq!(documents[1].value["kind"], "Other");
        let json = "\n{\"kind\": \"List\", \"items\": [\n  {\"name\": \"a\"},\n  {\"name\": \"b\"}\n]}\n{\"name\": \"c\"}";
        assert_eq!(lines_and_names(json, Format::Json), [(3, "a".into()), (4, "b".into()), (6, "c".into())]);
    }

    #[test]
    fn empty_files_and_byte_order_marks_are_fine() {
        for text in ["", "\n", "# only a comment\n", "---\n", "---\n---\n", "null\n"] {
            assert!(lines_and_names(text, Format::Yaml).is_empty(), "{text:?}");
        }
        assert!(lines_and_names(" \n", Format::Json).is_empty());
        assert_eq!(lines_and_names("\u{feff}name: a\n", Format::Yaml), [(1, "a".into())]);
        assert_eq!(
            lines_and_names("name: a\r\n---\r\nname: b\r\n", Format::Yaml),
            [(1, "a".into()), (3, "b".into())]
        );
    }
}
