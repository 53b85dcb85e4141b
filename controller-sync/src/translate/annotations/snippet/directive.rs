//! nginx configuration text, read as far as it takes to know its directives. Nothing of it is ever executed.
//!
//! A directive is words up to `;`, or words and a block in braces; words may be quoted, `#` begins a comment (nginx,
//! "Beginner's Guide", section "Configuration File's Structure").

/// The most text that is looked at, in bytes, and the most directives and the deepest block in it.
const MAX_BYTES: usize = 64 * 1024;
const MAX_DIRECTIVES: usize = 200;
const MAX_DEPTH: usize = 8;

/// One directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// Its first word.
    pub(super) name: String,
    /// The other words, without their quotation marks.
    pub(super) words: Vec<String>,
    /// What stands in its braces.
    pub(super) block: Vec<Directive>,
}

impl Directive {
    /// A word by its place, the empty text where there is none.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }
}

/// The directives of a text, as far as it can be read.
pub(super) fn read(text: &str) -> Vec<Directive> {
    let end = text.floor_char_boundary(MAX_BYTES.min(text.len()));
    Reader { rest: &text[..end], left: MAX_DIRECTIVES }.block(0)
}

enum Token {
    Word(String),
    End,
    Open,
    Close,
}

struct Reader<'t> {
    rest: &'t str,
    left: usize,
}

impl Reader<'_> {
    /// Directives up to the brace that closes the block, or to the end.
    fn block(&mut self, depth: usize) -> Vec<Directive> {
        let mut directives = Vec::new();
        let mut words: Vec<String> = Vec::new();
        loop {
            let token = self.token();
            let (ends, block) = match token {
                Some(Token::Word(word)) => {
                    words.push(word);
                    continue;
                }
                Some(Token::Open) if depth < MAX_DEPTH => (false, self.block(depth + 1)),
                Some(Token::Open | Token::End) => (false, Vec::new()),
                Some(Token::Close) | None => (true, Vec::new()),
            };
            let mut all = std::mem::take(&mut words).into_iter();
            if let (Some(name), Some(left)) = (all.next(), self.left.checked_sub(1)) {
                self.left = left;
                directives.push(Directive { name, words: all.collect(), block });
            }
            if ends {
                return directives;
            }
        }
    }

    fn token(&mut self) -> Option<Token> {
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.strip_prefix('#') {
                Some(comment) => self.rest = comment.find('\n').map_or("", |end| &comment[end..]),
                None => break,
            }
        }
        let first = self.rest.chars().next()?;
        match first {
            ';' => Some(self.sign(Token::End)),
            '{' => Some(self.sign(Token::Open)),
            '}' => Some(self.sign(Token::Close)),
            '"' | '\'' => Some(Token::Word(self.quoted(first))),
            _ => Some(Token::Word(self.plain())),
        }
    }

    fn sign(&mut self, token: Token) -> Token {
        self.rest = &self.rest[1..];
        token
    }

    fn quoted(&mut self, quote: char) -> String {
        let mut word = String::new();
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if escaped => {
                    escaped = false;
                    word.push(c);
                }
                '\\' => escaped = true,
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    return word;
                }
                c => word.push(c),
            }
        }
        self.rest = "";
        word
    }

    /// A word without quotation marks; `${name}` in it has no block.
    fn plain(&mut self) -> String {
        let mut in_name = false;
        let mut before = ' ';
        let end = self.rest.find(|c: char| {
            match c {
                '{' if before == '$' => in_name = true,
                '}' if in_name => {
                    in_name = false;
                    before = c;
                    return false;
                }
                ';' | '{' | '}' => return true,
                c if c.is_whitespace() => return true,
                _ => {}
            }
            before = c;
            false
        });
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str) -> Vec<String> {
        read(text).into_iter().map(|directive| directive.name).collect()
    }

    #[test]
    fn words_quotation_marks_comments_and_blocks_are_told_apart() {
        let text = "more_set_headers \"X-A: b; c\" 'X-D: {e}'; # a comment; with { signs\n\
                    if ($http_x ~* ${y}z) { return 403; }\nproxy_read_timeout 600s";
        let directives = read(text);
        assert_eq!(names(text), ["more_set_headers", "if", "proxy_read_timeout"]);
        assert_eq!(directives[0].words, ["X-A: b; c", "X-D: {e}"]);
        assert_eq!(directives[1].words, ["($http_x", "~*", "${y}z)"]);
        assert_eq!(directives[1].block[0].name, "return");
        assert_eq!(directives[2].word(0), "600s", "the last ; may be missing");
        assert_eq!(directives[2].word(1), "");
    }

    #[test]
    fn text_without_end_or_of_any_depth_is_bounded() {
        assert_eq!(read("").len(), 0);
        assert_eq!(read(";;}{").len(), 0);
        assert_eq!(read("add_header X \"never closed").len(), 1);
        assert!(read(&"a {".repeat(100_000)).len() < MAX_DIRECTIVES);
        assert!(read(&"a;".repeat(100_000)).len() <= MAX_DIRECTIVES);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in r#"[a-z"'{};#$\\ \n]{0,200}"#) {
            prop_assert!(read(&text).len() <= MAX_DIRECTIVES);
        }
    }
}
