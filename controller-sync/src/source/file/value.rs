//! YAML and JSON into a [`Value`] within a budget.
//!
//! The parsers bound what stands in the file; what aliases make of it is bounded here, where the value is built: an
//! alias to a long text costs the file three bytes and us the whole text again.

use super::document::Unreadable;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::fmt;

/// The most values (maps, sequences, scalars) one file may have, aliases counted as what they stand for.
pub(super) const MAX_NODES: usize = 1_000_000;

/// The most bytes of text one file may have, aliases counted as what they stand for.
pub(super) const MAX_TEXT_BYTES: usize = 32 * 1024 * 1024;

/// The deepest nesting.
const MAX_DEPTH: usize = 64;

/// The longest message taken over from a parser, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// What one file may still use.
#[derive(Debug)]
pub(super) struct Budget {
    nodes: Cell<usize>,
    bytes: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: Cell::new(MAX_NODES), bytes: Cell::new(MAX_TEXT_BYTES) }
    }
}

impl Budget {
    fn take<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let nodes = self.nodes.get().checked_sub(1);
        let nodes =
            nodes.ok_or_else(|| E::custom(format_args!("the file has more than {MAX_NODES} values")))?;
        let left = self.bytes.get().checked_sub(bytes);
        let left = left.ok_or_else(|| {
            E::custom(format_args!("the file's values have more than {MAX_TEXT_BYTES} bytes"))
        })?;
        self.nodes.set(nodes);
        self.bytes.set(left);
        Ok(())
    }
}

/// Reads one YAML document.
pub(super) fn from_yaml(text: &str, budget: &Budget) -> Result<Value, Unreadable> {
    let seed = Bounded { budget, depth: MAX_DEPTH };
    serde_saphyr::with_deserializer_from_str_with_options(text, yaml_options(), |yaml| seed.deserialize(yaml))
        .map_err(|error| yaml_error(&error))
}

/// Reads the JSON text at the start of `text`; also says how many bytes it took.
pub(super) fn from_json(text: &str, budget: &Budget) -> Result<(Value, usize), Unreadable> {
    let mut stream = serde_json::Deserializer::from_str(text);
    let seed = Bounded { budget, depth: MAX_DEPTH };
    let value = seed.deserialize(&mut stream).map_err(|error| json_error(&error))?;
    let used = stream.into_iter::<IgnoredAny>().byte_offset();
    Ok((value, used))
}

/// The lines of the elements of `items`, for YAML as well as for JSON.
pub(super) fn item_lines(text: &str) -> Option<Vec<u64>> {
    #[derive(serde::Deserialize)]
    struct Lines {
        items: Vec<serde_saphyr::Spanned<IgnoredAny>>,
    }
    let lines: Lines = serde_saphyr::from_str_with_options(text, yaml_options()).ok()?;
    Some(lines.items.iter().map(|item| item.referenced.line()).collect())
}

fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4 * MAX_NODES,
            max_nodes: MAX_NODES,
            max_documents: 1,
            max_depth: MAX_DEPTH,
            max_total_scalar_bytes: MAX_TEXT_BYTES,
            flow_nesting_limit: MAX_DEPTH,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
            max_replay_stack_depth: 16,
        },
        emit_comments: false,
        with_snippet: false,
    }
}

fn yaml_error(error: &serde_saphyr::Error) -> Unreadable {
    use serde_saphyr::MessageFormatter as _;
    let error = error.without_snippet();
    let message = serde_saphyr::DefaultMessageFormatter.format_message(error);
    Unreadable { line: error.location().map_or(0, |at| at.line()), message: bounded(&message) }
}

fn json_error(error: &serde_json::Error) -> Unreadable {
    let message = error.to_string();
    let plain = message.rsplit_once(" at line ").map_or(message.as_str(), |(plain, _)| plain);
    Unreadable { line: error.line() as u64, message: bounded(plain) }
}

fn bounded(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect()
}

/// Builds a [`Value`] and pays for each part of it.
#[derive(Clone, Copy)]
struct Bounded<'b> {
    budget: &'b Budget,
    depth: usize,
}

impl Bounded<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom(format_args!("values are nested deeper than {MAX_DEPTH}"))),
        }
    }

    fn scalar<E: Error>(self, value: impl Into<Value>) -> Result<Value, E> {
        self.budget.take(0)?;
        Ok(value.into())
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has too")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.budget.take(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.budget.take(0)?;
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.budget.take(0)?;
        let inner = self.deeper()?;
        let mut fields = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            self.budget.take(key.len())?;
            let value = access.next_value_seed(inner)?;
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> Result<Value, Unreadable> {
        from_yaml(text, &Budget::default())
    }

    #[test]
    fn scalars_keep_their_types() {
        let value =
            yaml("a: 80\nb: '80'\nc: true\nd: null\ne: -1\nf: 1.5\ng: [x]\nh: 'true'\n80: key\n").unwrap();
        let expected = serde_json::json!({
            "a": 80, "b": "80", "c": true, "d": null, "e": -1, "f": 1.5, "g": ["x"], "h": "true", "80": "key"
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn anchors_work_and_bombs_do_not() {
        assert_eq!(yaml("a: &x {k: v}\nb: *x\n").unwrap()["b"]["k"], "v");
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let previous = format!("*a{}", level - 1);
            let items = [previous.as_str(); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(yaml(&bomb).is_err());
        let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), ["*a"; 1000].join(", "));
        let error = yaml(&long).unwrap_err();
        assert!(error.message.contains("bytes"), "{error:?}");
    }

    #[test]
    fn deep_and_wide_files_are_refused() {
        for text in ["[".repeat(100_000), format!("{}1{}", "[".repeat(100), "]".repeat(100))] {
            assert!(yaml(&text).is_err());
            assert!(from_json(&text, &Budget::default()).is_err());
        }
        let wide = format!("[{}1]", "1,".repeat(MAX_NODES));
        assert!(from_json(&wide, &Budget::default()).unwrap_err().message.contains("values"));
        assert!(yaml(&wide).is_err());
    }

    #[test]
    fn a_repeated_key_is_refused() {
        assert!(yaml("a: 1\na: 2\n").is_err());
    }
}
