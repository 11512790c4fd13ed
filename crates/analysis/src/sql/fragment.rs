//! Pieces of SQL as lenient databases read them, for text that is no statement by itself.
//!
//! Any text has tokens here: this reader never fails, and reads each byte once.

/// One piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// The text; of a string what stands between the quotes.
    pub(super) text: &'a str,
    /// Where the token ends in the text.
    pub(super) end: usize,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// Quoted text. An end that is missing is the end of the text.
    Text,
    Word,
    /// `@x`, `@@version`.
    Variable,
    /// `=`, `<>`, `+`, `||`, `&&`, …
    Operator,
    Open,
    Close,
    Comma,
    Semicolon,
    /// `-- …`, `# …`, `/* … */`.
    Comment,
    /// `/*! …`, which MySQL runs.
    LiveComment,
    Other,
}

impl Token<'_> {
    /// Whether this is the word `word`, in any letter case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether this is one of the words.
    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }
}

/// The quotes inside of which a value may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Nothing,
    Single,
    Double,
}

/// The tokens of `text` as it reads inside of `inside`, at most `limit` of them.
pub(super) fn tokens(text: &str, inside: Inside, limit: usize) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    match inside {
        Inside::Nothing => {}
        Inside::Single => at = push_text(&mut tokens, text, 0, b'\''),
        Inside::Double => at = push_text(&mut tokens, text, 0, b'"'),
    }
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at)
        && tokens.len() < limit
    {
        at = match byte {
            b'\'' | b'"' => push_text(&mut tokens, text, at + 1, *byte),
            _ if byte.is_ascii_whitespace() || *byte == 0 || text.get(at..).is_some_and(is_wide_space) => {
                at + space_len(text, at)
            }
            _ => {
                let (kind, len) = piece(bytes.get(at..).unwrap_or_default());
                let end = ceil_boundary(text, at + len);
                tokens.push(Token { kind, text: text.get(at..end).unwrap_or_default(), end });
                end
            }
        };
    }
    tokens
}

fn is_wide_space(rest: &str) -> bool {
    rest.starts_with(['\u{a0}', '\u{2003}', '\u{3000}'])
}

fn space_len(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

fn ceil_boundary(text: &str, mut index: usize) -> usize {
    while index < text.len() && !text.is_char_boundary(index) {
        index += 1;
    }
    index.min(text.len())
}

/// Adds the quoted text that begins at `start`, and returns where to go on. A doubled quote and a
/// quote after a backslash stand for themselves.
fn push_text<'a>(tokens: &mut Vec<Token<'a>>, text: &'a str, start: usize, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    let end = loop {
        match bytes.get(at) {
            None => break text.len(),
            Some(b'\\') => at += 2,
            Some(byte) if *byte == quote => {
                if bytes.get(at + 1) != Some(&quote) {
                    break at;
                }
                at += 2;
            }
            Some(_) => at += 1,
        }
    };
    tokens.push(Token { kind: Kind::Text, text: text.get(start..end).unwrap_or_default(), end });
    end + 1
}

/// The kind and length of the piece that `rest` begins with.
fn piece(rest: &[u8]) -> (Kind, usize) {
    match rest {
        [b'/', b'*', b'!', ..] | [b'/', b'*', b'M', b'!', ..] => (Kind::LiveComment, 3),
        [b'/', b'*', body @ ..] => (Kind::Comment, 2 + until(body, b"*/")),
        [b'-', b'-', body @ ..] => (Kind::Comment, 2 + until(body, b"\n")),
        [b'#', body @ ..] => (Kind::Comment, 1 + until(body, b"\n")),
        [b'*', b'/', ..] => (Kind::Other, 2),
        [b'(', ..] => (Kind::Open, 1),
        [b')', ..] => (Kind::Close, 1),
        [b',', ..] => (Kind::Comma, 1),
        [b';', ..] => (Kind::Semicolon, 1),
        [b'@', ..] => (Kind::Variable, run(rest, |byte| is_word(byte) || byte == b'@')),
        [b'0'..=b'9', ..] => number(rest),
        [b'.', b'0'..=b'9', ..] => number(rest),
        [b'`' | b'[' | 0x80..=0xff, ..] => {
            (Kind::Word, run(rest, |byte| is_word(byte) || b"`[]".contains(&byte)))
        }
        [byte, ..] if is_word(*byte) => (Kind::Word, run(rest, |byte| is_word(byte) || byte == b'.')),
        [byte, ..] if is_operator(*byte) => (Kind::Operator, operator(rest)),
        _ => (Kind::Other, 1),
    }
}

/// `12`, `1.5e3`, `0x3a`. What goes on as a word (`3rd`) is one.
fn number(rest: &[u8]) -> (Kind, usize) {
    let len = run(rest, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || byte >= 0x80);
    let text = rest.get(..len).unwrap_or_default();
    let plain = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let hex = matches!(text, [b'0', b'x' | b'X', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit));
    let power = text.iter().filter(|byte| !plain(byte)).all(|byte| matches!(byte, b'e' | b'E'))
        && text.iter().filter(|byte| !plain(byte)).count() <= 1;
    if hex || power {
        return (Kind::Number, len);
    }
    // `1union select`, `5or 1=1`: databases end the number where the letters begin.
    let digits = run(rest, |byte| plain(&byte));
    let word = text.get(digits..).unwrap_or_default().to_ascii_lowercase();
    let keyword =
        [&b"union"[..], b"or", b"and", b"order", b"having", b"like", b"from"].contains(&word.as_slice());
    if keyword { (Kind::Number, digits) } else { (Kind::Word, len) }
}

fn until(body: &[u8], mark: &[u8]) -> usize {
    body.windows(mark.len()).position(|window| window == mark).map_or(body.len(), |at| at + mark.len())
}

fn run(rest: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    rest.iter().take_while(|byte| belongs(**byte)).count().max(1)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

fn is_operator(byte: u8) -> bool {
    b"=<>!+-*/%^&|~".contains(&byte)
}

/// The length of the operator: signs that form one together.
fn operator(rest: &[u8]) -> usize {
    const PAIRS: [&[u8]; 9] = [b"<=", b">=", b"<>", b"!=", b"||", b"&&", b"==", b":=", b"!<"];
    if rest.starts_with(b"<=>") {
        return 3;
    }
    if PAIRS.iter().any(|pair| rest.starts_with(pair)) { 2 } else { 1 }
}
