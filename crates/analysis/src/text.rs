//! Text as patterns should see it: one form for each letter, nothing invisible.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization as _;

/// `text` in Unicode normal form KC, without invisible and control characters. Newlines and tabs
/// stay; a carriage return becomes a newline, since some readers end a line there.
pub fn normalised(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfkc().map(|c| if c == '\r' { '\n' } else { c }).filter(|c| !is_invisible(*c)).collect())
}

/// Printable ASCII, newline and tab: what normalisation never changes.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\t')
}

/// Whether `c` is not seen by a reader: control characters, joiners, direction marks, variation
/// selectors, fillers and tags.
pub fn is_invisible(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => true,
        '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_compatible_characters_are_folded() {
        for (text, expected) in [
            ("rm -rf /", "rm -rf /"),
            ("r\u{200b}m -rf /", "rm -rf /"),
            ("ｒｍ -rf /", "rm -rf /"),
            ("a\r\nb", "a\n\nb"),
            ("tab\tstays\n", "tab\tstays\n"),
            ("\u{202e}abc\u{7}", "abc"),
            ("naïve", "naïve"),
        ] {
            assert_eq!(normalised(text), expected, "{text:?}");
        }
    }
}
