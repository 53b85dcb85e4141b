//! Inputs from seeds: spliced, cut, repeated, with bytes changed. The sequence is the same in every run.

/// Texts that parsers of any kind stumble over.
const WORDS: &[&str] = &[
    "\r\n",
    "\0",
    "%0d%0a",
    "$",
    "$1",
    "${",
    "}",
    "\\",
    "\"",
    "'",
    ";",
    ",",
    ",,",
    " ",
    "\t",
    "/",
    "//",
    "..",
    "*",
    "*.",
    "~",
    "^",
    "(",
    ")",
    "[",
    "(?=",
    "(?i)",
    "{1000}",
    "{",
    "|",
    "-",
    "+",
    "0",
    "-1",
    "1e9",
    "99999999999999999999",
    "4294967296",
    "::",
    "::/0",
    "0.0.0.0/0",
    "/33",
    "true",
    "on",
    "http://",
    "https://",
    "null",
    "\u{202e}",
    "ä",
    "\u{1f600}",
    "k",
    "g",
    "m",
];

/// Makes inputs.
pub(crate) struct Mutator {
    state: u64,
    pool: Vec<String>,
}

impl Mutator {
    /// Starts from seeds.
    pub(crate) fn new(seeds: &[&str]) -> Self {
        let seed = std::env::var("INGORA_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
        Self {
            state: seed.unwrap_or(0x9e37_79b9_7f4a_7c15_u64) | 1,
            pool: seeds.iter().map(|seed| (*seed).to_owned()).collect(),
        }
    }

    /// A number below `bound`; 0 when that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(random).unwrap_or(0) % bound.max(1)
    }

    /// The next input.
    pub(crate) fn next(&mut self) -> String {
        let pick = self.below(self.pool.len());
        let mut text: Vec<char> = self.pool[pick].chars().collect();
        for _ in 0..=self.below(4) {
            self.change(&mut text);
        }
        let text: String = text.into_iter().take(20_000).collect();
        // What came of one input is the start of others.
        if self.below(16) == 0 && text.len() < 2000 {
            if self.pool.len() < 500 {
                self.pool.push(text.clone());
            } else {
                let place = self.below(self.pool.len());
                self.pool[place].clone_from(&text);
            }
        }
        text
    }

    fn change(&mut self, text: &mut Vec<char>) {
        let at = self.below(text.len() + 1);
        match self.below(7) {
            0 => text.truncate(at),
            1 => {
                let word = WORDS[self.below(WORDS.len())];
                text.splice(at..at, word.chars());
            }
            2 => {
                let other = self.below(self.pool.len());
                let other: Vec<char> = self.pool[other].chars().collect();
                text.splice(at..at, other);
            }
            3 => {
                let end = (at + self.below(8)).min(text.len());
                text.drain(at..end);
            }
            4 if at < text.len() => {
                let code = u32::try_from(self.below(0x300)).unwrap_or(0);
                text[at] = char::from_u32(code).unwrap_or('?');
            }
            5 => {
                let times = self.below(300);
                let part: Vec<char> = text[..at.min(20)].to_vec();
                for _ in 0..times {
                    text.extend(&part);
                }
            }
            _ => text.reverse(),
        }
    }
}
