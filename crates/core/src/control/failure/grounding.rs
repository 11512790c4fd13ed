//! The check for hallucination: is what an agent says found in its sources (A260)?
//!
//! It compares words, numbers and negations; it does not understand. It finds claims that no source speaks of, and
//! claims that contradict the source they come from. A claim in other words than the source counts as not grounded.

use std::collections::HashSet;

/// The share of a claim's content words that must occur in one source: more than this. Source: A260.
const WORDS: f64 = 0.5;

/// The share of grounded claims below which an output is flagged. Source: A260.
const GROUNDED: f64 = 0.7;

/// What the check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Grounding {
    /// Whether the output looks invented.
    pub flagged: bool,
    /// How sure that is, from 0 to 1.
    pub confidence: f64,
    /// `no_sources`, or the claims that are not grounded, each with the reason why.
    pub evidence: Vec<String>,
    /// Whether a claim contradicts its source in a number or a negation.
    pub contradiction: bool,
}

/// How a claim stands to the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Grounded,
    Contradicts,
    Unknown,
}

/// Checks an output against its sources.
pub fn check(output: &str, sources: &[&str]) -> Grounding {
    let claims: Vec<Sentence<'_>> = sentences(output).filter(|claim| !claim.words.is_empty()).collect();
    if claims.is_empty() {
        return Grounding { flagged: false, confidence: 0.0, evidence: Vec::new(), contradiction: false };
    }
    if sources.is_empty() {
        let evidence = vec!["no_sources".to_owned()];
        return Grounding { flagged: true, confidence: 1.0, evidence, contradiction: false };
    }
    let sources: Vec<Source<'_>> = sources.iter().map(|text| Source::read(text)).collect();
    let (mut grounded, mut contradiction, mut evidence) = (0_u32, false, Vec::new());
    for claim in &claims {
        match stand(claim, &sources) {
            Standing::Grounded => grounded += 1,
            Standing::Contradicts => {
                contradiction = true;
                evidence.push(format!("contradicts its source: {}", claim.text));
            }
            Standing::Unknown => evidence.push(format!("in no source: {}", claim.text)),
        }
    }
    let rate = f64::from(grounded) / claims.len() as f64;
    let distance = ((rate - GROUNDED).abs() / (1.0 - GROUNDED)).min(1.0);
    // One contradiction is enough, however much else is grounded.
    let confidence = if contradiction && rate >= GROUNDED { 1.0 - distance / 2.0 } else { distance };
    Grounding { flagged: contradiction || rate < GROUNDED, confidence, evidence, contradiction }
}

/// A source: the words and numbers of all of it, and its sentences.
struct Source<'a> {
    words: HashSet<String>,
    sentences: Vec<Sentence<'a>>,
}

impl<'a> Source<'a> {
    fn read(text: &'a str) -> Self {
        let sentences: Vec<_> = sentences(text).collect();
        Self {
            words: sentences.iter().flat_map(|sentence| sentence.words.iter().cloned()).collect(),
            sentences,
        }
    }
}

fn stand(claim: &Sentence<'_>, sources: &[Source<'_>]) -> Standing {
    let mut best = Standing::Unknown;
    for source in sources {
        let shared = claim.words.iter().filter(|word| source.words.contains(*word)).count();
        if shared as f64 <= WORDS * claim.words.len() as f64 {
            continue;
        }
        let numbers_agree = claim.words.iter().all(|word| !is_number(word) || source.words.contains(word));
        if numbers_agree && negations_agree(claim, source) {
            return Standing::Grounded;
        }
        best = Standing::Contradicts;
    }
    best
}

/// Whether the sentences of the source that speak most of the claim's subject deny what it denies.
fn negations_agree(claim: &Sentence<'_>, source: &Source<'_>) -> bool {
    let shared =
        |sentence: &Sentence<'_>| claim.words.iter().filter(|word| sentence.words.contains(word)).count();
    let most = source.sentences.iter().map(shared).max().unwrap_or(0);
    let closest = source.sentences.iter().filter(|sentence| shared(sentence) == most);
    closest.into_iter().any(|sentence| sentence.denies == claim.denies)
}

/// One sentence.
struct Sentence<'a> {
    text: &'a str,
    /// Its content words and numbers, lower case.
    words: Vec<String>,
    denies: bool,
}

/// The sentences of a text. A point ends one only before a blank, and not behind an abbreviation.
fn sentences(text: &str) -> impl Iterator<Item = Sentence<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let (sentence, after) = rest.split_at(end_of_sentence(rest));
        rest = after;
        Some(read(sentence.trim()))
    })
}

/// Abbreviations that end with a point and do not end a sentence.
const ABBREVIATIONS: &[&str] =
    &["e.g", "i.e", "etc", "vs", "approx", "dr", "mr", "mrs", "ms", "fig", "cf", "st"];

fn end_of_sentence(text: &str) -> usize {
    for (at, mark) in text.char_indices() {
        let end = at + mark.len_utf8();
        let after = text.get(end..).unwrap_or_default();
        let ends = match mark {
            '\n' => true,
            '!' | '?' | ';' => after.starts_with(char::is_whitespace),
            '.' => {
                let word =
                    text.get(..at).unwrap_or_default().rsplit(char::is_whitespace).next().unwrap_or_default();
                after.starts_with(char::is_whitespace)
                    && !ABBREVIATIONS.iter().any(|known| word.eq_ignore_ascii_case(known))
            }
            _ => false,
        };
        if ends {
            return end;
        }
    }
    text.len()
}

/// Words that say nothing by themselves.
static STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "been", "by", "can", "did", "do", "does", "for", "from",
    "had", "has", "have", "if", "in", "into", "is", "it", "its", "of", "on", "or", "than", "that", "the",
    "their", "then", "there", "these", "they", "this", "those", "to", "was", "were", "which", "will", "with",
];

/// Words that deny.
const DENIALS: &[&str] =
    &["not", "no", "never", "none", "neither", "nor", "without", "cannot", "nothing", "nobody"];

fn read(text: &str) -> Sentence<'_> {
    let mut sentence = Sentence { text, words: Vec::new(), denies: false };
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\'' | '’' | '-' | ',');
    for word in text.split(|c: char| !inside(c)) {
        for part in parts(word) {
            let part = part.trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_lowercase();
            if DENIALS.contains(&part.as_str()) || part.ends_with("n't") || part.ends_with("n’t") {
                sentence.denies = true;
            } else if !part.is_empty() && !STOP_WORDS.contains(&part.as_str()) {
                sentence.words.push(number(&part).unwrap_or(part));
            }
        }
    }
    sentence
}

/// A word as it is if it is a number (`1,000.5`, `-3`), else what commas divide.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    let whole = number(word.trim_matches(|c: char| matches!(c, '.' | ',' | '\'' | '’'))).is_some();
    word.split(move |c| c == ',' && !whole)
}

/// The plain form of a number with marks between thousands: `1,000` is `1000`.
fn number(word: &str) -> Option<String> {
    let first = word.trim_start_matches('-').bytes().next()?;
    let digits = word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-'));
    let plain = || {
        let groups: Vec<&str> = word.split(',').collect();
        let thousands =
            groups.iter().skip(1).all(|group| group.split('.').next().is_some_and(|g| g.len() == 3));
        thousands.then(|| groups.concat())
    };
    if first.is_ascii_digit() && digits { plain() } else { None }
}

fn is_number(word: &str) -> bool {
    word.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: &[&str] = &[
        "The service listens on port 8080 and uses TLS 1.3. It never stores passwords, e.g. in logs.",
        "API documentation: Endpoint /users returns {id, name, email}",
    ];

    /// A260, D250: each claim beside its nearest grounded neighbour.
    #[test]
    fn a260_claims_beside_their_neighbours() {
        for (claim, flagged, contradiction) in [
            ("The service listens on port 8080.", false, false),
            ("The service listens on port 8081.", true, true),
            ("The service listens on port 80801.", true, true),
            ("The service uses TLS 1.3", false, false),
            ("The service uses TLS 1.30", true, true),
            ("The service does not listen on port 8080", true, true),
            ("The service doesn't use TLS 1.3", true, true),
            ("It never stores passwords in logs", false, false),
            ("It stores passwords in logs", true, true),
            ("Endpoint /users returns id, name and email", false, false),
            ("Cats are liquid", true, false),
            ("It is on the and of", false, false),
            ("", false, false),
        ] {
            let found = check(claim, SOURCES);
            assert_eq!((found.flagged, found.contradiction), (flagged, contradiction), "{claim} {found:?}");
            assert!((0.0..=1.0).contains(&found.confidence), "{claim}");
        }
    }

    /// G-01: the confidence stays between 0 and 1, and a contradiction counts among many grounded claims.
    #[test]
    fn g_01_confidence_is_clamped() {
        let many = "The service listens on port 8080. ".repeat(9) + "The service uses TLS 1.2.";
        let found = check(&many, SOURCES);
        assert!(found.flagged && found.contradiction && (0.5..=1.0).contains(&found.confidence), "{found:?}");
        assert_eq!(check("anything", &[]).evidence, ["no_sources"]);
        assert_eq!(check("", &[]).confidence, 0.0);
    }

    #[test]
    fn points_inside_numbers_and_abbreviations_end_no_sentence() {
        let texts = |text| sentences(text).map(|sentence| sentence.text.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            texts("Version 3.5 is out. Use v1.2.3, e.g. now!"),
            ["Version 3.5 is out.", "Use v1.2.3, e.g. now!"]
        );
        assert_eq!(texts("One? Two\nThree"), ["One?", "Two", "Three"]);
    }
}
