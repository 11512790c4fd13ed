//! Other readings of a path: percent and overlong encodings, backslashes, look-alike separators.
//!
//! Nothing is decoded silently: the literal path is judged as it stands, and every other reading
//! is judged as well, so that all of them have to pass.

use unicode_normalization::UnicodeNormalization as _;

/// How often an encoding may be nested.
const MAX_ROUNDS: usize = 3;

/// Whether `text` is encoded as no file name is: overlong or broken UTF-8, nested or `%u` escapes,
/// an escaped end of text. What such a text stands for depends on who decodes it.
pub(super) fn is_disguised(text: &str) -> bool {
    if !text.contains('%') && !text.contains("0x") {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let decoded = percent_decoded(lower.as_bytes());
    let nested = decoded.windows(3).any(|three| matches!(three, [b'%', a, b] if hex(&[*a, *b]).is_some()));
    let digits =
        ["0x2e", "0x2f", "0x5c"].into_iter().map(|digits| lower.matches(digits).count()).sum::<usize>();
    let climbs = [b"..", b".?", b"?.", b"??"].iter().any(|climb| decoded.windows(2).any(|two| two == *climb));
    let stray =
        (climbs && has_stray_percent(lower.as_bytes())) || lower.contains("%%3") || lower.contains("%%2");
    let controls = climbs && decoded.iter().any(u8::is_ascii_control);
    std::str::from_utf8(&decoded).is_err()
        || has_unit_escape(lower.as_bytes())
        || decoded.contains(&0)
        || (nested && lower.contains("%25"))
        || digits > 1
        || stray
        || controls
}

/// A percent sign that begins no escape.
fn has_stray_percent(text: &[u8]) -> bool {
    text.windows(3).any(|three| matches!(three, [b'%', a, b] if hex(&[*a, *b]).is_none()))
}

/// `%u002e`
fn has_unit_escape(text: &[u8]) -> bool {
    text.windows(6).any(|window| matches!(window, [b'%', b'u', digits @ ..] if hex(digits).is_some()))
}

/// The other paths that some program reads in `text`, each once, without `text` itself.
pub(super) fn other_readings(text: &str) -> Vec<String> {
    if text.bytes().all(is_unambiguous)
        && !["...", "0x", "..2f", "..5c"].iter().any(|sign| text.contains(sign))
    {
        return Vec::new();
    }
    let mut readings: Vec<String> = Vec::new();
    let mut current = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let decoded = decode(&current);
        if decoded == current {
            break;
        }
        current = decoded;
        keep(&mut readings, text, &current);
    }
    for reading in [text.to_owned(), current] {
        let plain = without_digits(&with_slashes(&reading));
        keep(&mut readings, text, &without_parameters(&plain));
        keep(&mut readings, text, &without_nested_climbs(&plain));
        keep(&mut readings, text, &plain);
        let unescaped = reading.replace('\\', "");
        if unescaped.len() < reading.len() && unescaped.contains("./") {
            // What is left when a filter takes out every `./` as well.
            keep(&mut readings, text, &unescaped.replace("./", ""));
        }
        keep(&mut readings, text, &unescaped);
    }
    readings
}

fn is_unambiguous(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'~' | b'+' | b' ' | b'@' | b'$' | b':' | b',' | b'=')
}

/// Keeps a reading up to its first NUL, where C ends the name, and without control characters.
fn keep(readings: &mut Vec<String>, original: &str, reading: &str) {
    let name = reading.split('\0').next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if !name.is_empty() && name != original && !readings.contains(&name) {
        readings.push(name);
    }
}

/// One round of percent decoding (`%2e`, `%u002e`), with overlong UTF-8 read as what it stands for.
pub(super) fn decode(text: &str) -> String {
    let bytes = percent_decoded(text.as_bytes());
    String::from_utf8_lossy(&without_overlong(&bytes)).into_owned()
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'%', b'u' | b'U', a, b, c, d, after @ ..] if let Some(unit) = hex(&[*a, *b, *c, *d]) => {
                let c = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                decoded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                after
            }
            [b'%', a, b, after @ ..] if let Some(byte) = hex(&[*a, *b]) => {
                decoded.push(u8::try_from(byte).unwrap_or_default());
                after
            }
            _ => {
                decoded.push(*first);
                tail
            }
        };
    }
    decoded
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
}

/// Reads UTF-8 sequences that are longer than need be (`C0 AE` for `.`) as lenient decoders do,
/// and leaves out lead bytes that nothing fitting follows.
fn without_overlong(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let fill = match first {
            0xc0 | 0xc1 => Some(0),
            0xe0 => Some(1),
            0xf0 => Some(2),
            0xf8 => Some(3),
            0xfc => Some(4),
            _ => None,
        };
        let overlong = fill.and_then(|fill| of_overlong(*first, tail, fill));
        rest = match (overlong, first) {
            (Some((byte, length)), _) => {
                plain.push(byte);
                tail.get(length..).unwrap_or_default()
            }
            (None, 0xc0 | 0xc1) => tail,
            _ => {
                plain.push(*first);
                tail
            }
        };
    }
    plain
}

/// The ASCII byte of an overlong sequence, and how many bytes follow its lead byte.
fn of_overlong(lead: u8, tail: &[u8], fill: usize) -> Option<(u8, usize)> {
    let (padding, [last, ..]) = tail.split_at_checked(fill)? else { return None };
    let high = match padding.split_last() {
        None => lead & 1,
        Some((nearest, zeros)) => {
            if zeros.iter().any(|byte| *byte != 0x80) || !matches!(nearest, 0x80 | 0x81) {
                return None;
            }
            nearest & 1
        }
    };
    (0x80..=0xbf).contains(last).then(|| (high << 6 | (last & 0x3f), fill + 1))
}

/// Backslashes and characters that look like slashes as slashes, letters in compatibility form.
fn with_slashes(text: &str) -> String {
    let folded: String = text.nfkc().collect();
    folded.replace(['\\', '\u{2215}', '\u{2044}', '\u{29f8}', '\u{2216}', '\u{29f5}'], "/")
}

/// Digits that stand for dots and slashes in loosely decoded text.
fn without_digits(text: &str) -> String {
    const DIGITS: [(&str, &str); 5] =
        [("0x2e", "."), ("0x2f", "/"), ("0x5c", "/"), ("..2f", "../"), ("..5c", "../")];
    let mut plain = text.to_owned();
    for (digits, meaning) in DIGITS {
        if plain.contains(digits) {
            plain = plain.replace(digits, meaning);
        }
    }
    plain
}

/// Components without what follows `;` or surrounds them with dots and blanks: `..;/` as `../`.
fn without_parameters(text: &str) -> String {
    let parts: Vec<&str> = text
        .split('/')
        .map(|part| {
            let name = part.split(';').next().unwrap_or_default();
            if stands_for_parent(name) { ".." } else { name }
        })
        .collect();
    parts.join("/")
}

/// Dots among characters that some system drops or lets stand for a dot: `...`, `.?`, `.. `.
fn stands_for_parent(name: &str) -> bool {
    let loose = name.bytes().all(|byte| matches!(byte, b'.' | b' ' | b'"' | b'\'' | b'<' | b'>' | b'?'));
    loose && (name.len() > 2 || (name.len() == 2 && name.contains('?')))
}

/// What is left when a filter takes every `../` out once: `....//` becomes `../`.
fn without_nested_climbs(text: &str) -> String {
    if text.contains("....") || text.contains(".../.") {
        text.replace("../", "").replace("./", "../")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_readings_decode_what_some_program_decodes() {
        for (text, reading) in [
            ("%2e%2e%2fetc%2fpasswd", "../etc/passwd"),
            ("%252e%252e%252fetc/passwd", "../etc/passwd"),
            ("%c0%ae%c0%ae%c0%afetc/passwd", "../etc/passwd"),
            ("%e0%80%ae%e0%80%ae/etc", "../etc"),
            ("%uff0e%uff0e%u2215etc", "../etc"),
            (r"..\..\etc\passwd", "../../etc/passwd"),
            ("..;/..;/etc", "../../etc"),
            ("x.pdf%00.txt", "x.pdf"),
            ("／etc／passwd", "/etc/passwd"),
            (r".\/.\/.//etc/passwd", "/etc/passwd"),
        ] {
            let readings = other_readings(text);
            assert!(readings.iter().any(|found| found == reading), "{text} read as {readings:?}");
        }
    }

    #[test]
    fn ordinary_paths_have_one_reading() {
        for text in ["src/main.rs", "docs/My File.md", "/etc/hosts", "a-b_c/d.e+f", "~/x", "../x"] {
            assert!(other_readings(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn disguises_are_told_from_ordinary_escapes() {
        for text in [
            "%c0%ae%c0%ae/x",
            "%252e%252e/x",
            "%u002e",
            "x%00.png",
            "..%01x",
            "0x2e0x2e0x2f",
            "%%32%%65%%32%%65/x",
            "%ff%fe",
            "..%bg%qf..%bg%qfetc",
        ] {
            assert!(is_disguised(text), "{text}");
        }
        for text in [
            "My%20File.md",
            "img_%03d.png",
            "100% sure.txt",
            "M%C3%BCnchen.md",
            "%2e%2e/x",
            "0x2f.bin",
            "a%25b.txt",
        ] {
            assert!(!is_disguised(text), "{text}");
        }
    }
}
