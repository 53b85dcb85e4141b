//! Text that users wrote, on its way into a message: escaped and bounded, whatever it is.

/// The most of it that is shown, in characters.
const SHOWN: usize = 100;

/// The text in quotation marks, control characters escaped; the rest of a long one is `…`.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn long_and_odd_text_is_shown_short_and_escaped() {
        assert_eq!(quoted("/a\n"), r#""/a\n""#);
        let shown = quoted(&"ä".repeat(1_000_000));
        assert_eq!(shown.chars().count(), 103);
        assert!(!quoted("\u{1b}[31m\u{202e}").contains(['\u{1b}', '\u{202e}']));
    }
}
