//! Words around a number that say what it is.

/// How far before a number a word may stand, in bytes.
const REACH: usize = 32;

/// Words that announce a telephone number, also within a name like `phone_number`.
const PHONE: &[&str] = &[
    "cellphone",
    "fax",
    "handy",
    "helpline",
    "hotline",
    "landline",
    "mobil",
    "mobile",
    "phone",
    "phones",
    "sms",
    "tel",
    "telefon",
    "telefono",
    "telefoon",
    "telephone",
    "voicemail",
    "whatsapp",
];

/// Words that announce a telephone number in a sentence.
const REACHED: &[&str] = &[
    "answering at",
    "call",
    "calling",
    "cell",
    "contact",
    "desk",
    "dial",
    "direct line",
    "message",
    "mob",
    "my number",
    "ph",
    "portable",
    "reach",
    "ring",
    "text",
    "tfn",
    "toll free",
];

/// Words that follow a telephone number.
const PHONE_AFTER: &[&str] = &["cell", "desk", "fax", "home", "mobile", "office", "phone", "tel", "work"];

/// Words that announce another kind of number.
const OTHER: &[&str] = &[
    "account", "address", "commit", "id", "invoice", "isbn", "issue", "license", "licence", "order",
    "passport", "serial", "ticket", "tracking", "version", "zip",
];

/// Whether the words before `start` or after `end` speak of a telephone.
pub(super) fn says_phone(text: &str, start: usize, end: usize) -> bool {
    let before = line_before(text, start);
    let last_of = |words: &[&str]| words.iter().filter_map(|word| last_word(&before, word)).max();
    let in_sentence = |start: &usize| {
        let around = before.get(start.saturating_sub(1)..).unwrap_or_default();
        !around.contains(&b'_') && !around.contains(&b'=')
    };
    let announced = last_of(PHONE).max(last_of(REACHED).filter(in_sentence));
    announced > last_of(OTHER) || is_followed(text, end)
}

fn is_followed(text: &str, end: usize) -> bool {
    let after = text.as_bytes().get(end..text.len().min(end + 12)).unwrap_or_default().to_ascii_lowercase();
    let word =
        after.strip_prefix(b" (").or_else(|| after.strip_prefix(b" ")).or_else(|| after.strip_prefix(b"-"));
    word.is_some_and(|word| {
        PHONE_AFTER.iter().any(|cue| {
            word.strip_prefix(cue.as_bytes())
                .is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
        })
    })
}

/// Whether the words before `start` speak of a social security number.
pub(super) fn says_ssn(text: &str, start: usize) -> bool {
    let before = line_before(text, start);
    ["ssn", "social security", "soc sec"].iter().any(|word| last_word(&before, word).is_some())
}

/// Whether the words before `start` speak of a payment card.
pub(super) fn says_card(text: &str, start: usize) -> bool {
    const CARD: [&str; 9] = ["amex", "card", "cc", "credit", "debit", "jcb", "maestro", "mastercard", "visa"];
    let before = line_before(text, start);
    CARD.iter().any(|word| last_word(&before, word).is_some())
}

/// The end of the line before `start`, in lower case. Bytes: a character may be cut.
fn line_before(text: &str, start: usize) -> Vec<u8> {
    let before = text.as_bytes().get(start.saturating_sub(REACH)..start).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    line.to_ascii_lowercase()
}

/// Where `word` stands last in `line`, as a word of its own.
fn last_word(line: &[u8], word: &str) -> Option<usize> {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphabetic());
    (0..=line.len().checked_sub(word.len())?).rev().find(|index| {
        line.get(*index..).is_some_and(|rest| rest.starts_with(word.as_bytes()))
            && !is_letter(index.checked_sub(1).and_then(|before| line.get(before)))
            && !is_letter(line.get(index + word.len()))
    })
}
