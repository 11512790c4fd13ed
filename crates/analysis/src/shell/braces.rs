//! Braces: `{a,b}` and `{1..3}`.

use super::fields::{Field, Mark};

/// Most words that braces may expand to.
const MAX_BRACES: usize = 64;

/// `{a,b}` and `{1..3}`, innermost first, bounded.
pub(super) fn expand_braces(field: Field) -> Vec<Field> {
    let mut ready = Vec::new();
    let mut waiting = vec![field];
    while let Some(field) = waiting.pop() {
        if ready.len() + waiting.len() > MAX_BRACES {
            return vec![field.lost()];
        }
        match alternatives(&field) {
            Some(mut more) => {
                more.reverse();
                waiting.append(&mut more);
            }
            None => ready.push(field),
        }
    }
    ready
}

/// The alternatives of the first group of braces.
fn alternatives(field: &Field) -> Option<Vec<Field>> {
    let plain = |mark: &Mark, char| !mark.quoted && mark.char == char;
    let marks = &field.marks;
    let mut from = 0;
    loop {
        let open = from + marks.get(from..)?.iter().position(|mark| plain(mark, '{'))?;
        let mut depth = 0usize;
        let mut cuts = vec![open];
        let mut close = None;
        for (at, mark) in marks.iter().enumerate().skip(open) {
            if plain(mark, '{') {
                depth += 1;
            } else if plain(mark, '}') {
                depth -= 1;
                if depth == 0 {
                    close = Some(at);
                    break;
                }
            } else if depth == 1 && plain(mark, ',') {
                cuts.push(at);
            }
        }
        let Some(close) = close else {
            from = open + 1;
            continue;
        };
        cuts.push(close);
        let pieces = if cuts.len() > 2 { pieces(marks, &cuts) } else { range(marks.get(open + 1..close)?) };
        let Some(pieces) = pieces else {
            from = open + 1;
            continue;
        };
        return Some(pieces.into_iter().map(|piece| field.with(open, close, &piece)).collect());
    }
}

fn pieces(marks: &[Mark], cuts: &[usize]) -> Option<Vec<Vec<Mark>>> {
    cuts.windows(2)
        .map(|pair| match pair {
            [start, end] => marks.get(start + 1..*end).map(<[Mark]>::to_vec),
            _ => None,
        })
        .collect()
}

/// `{1..5}`: short ranges of numbers are written out, others stand for any name.
fn range(inner: &[Mark]) -> Option<Vec<Vec<Mark>>> {
    let text: String = inner.iter().map(|mark| mark.char).collect();
    let (from, to) = text.split_once("..")?;
    let text_marks =
        |text: &str| text.chars().map(|char| Mark { char, quoted: true, hollow: false }).collect();
    if let (Ok(from), Ok(to)) = (from.parse::<i32>(), to.parse::<i32>())
        && (0..MAX_BRACES as i32 / 4).contains(&to.saturating_sub(from))
    {
        return Some((from..=to).map(|number| text_marks(&number.to_string())).collect());
    }
    let wild = |char| Mark { char, quoted: false, hollow: false };
    Some(vec![vec![wild('*')]])
}

impl Field {
    /// The field with the braces from `open` to `close` replaced.
    fn with(&self, open: usize, close: usize, piece: &[Mark]) -> Self {
        let mut marks = self.marks.get(..open).unwrap_or_default().to_vec();
        marks.extend_from_slice(piece);
        let known = self.unknown.map(|known| {
            if known > close { known - (close + 1 - open) + piece.len() } else { known.min(marks.len()) }
        });
        marks.extend_from_slice(self.marks.get(close + 1..).unwrap_or_default());
        self.like(marks, known)
    }
}
