//! From words to what a program receives.

use super::operations::Walker;
use super::plan::{Form, Part, Word};
use crate::program::{Arg, Certainty};

/// Most words that braces may expand to.
const MAX_BRACES: usize = 64;

impl<'p> Walker<'p, '_> {
    /// The words that `words` expand to.
    pub(super) fn expand_all(&mut self, words: &'p [Word]) -> Vec<Arg> {
        let mut args = Vec::with_capacity(words.len());
        for word in words {
            self.expand_into(word, &mut args);
        }
        args
    }

    fn expand_into(&mut self, word: &'p Word, args: &mut Vec<Arg>) {
        if let [Part::Text { text, quoted }] = word.parts.as_slice()
            && (*quoted || !text.contains(['{', '~', '*', '?', '[']))
        {
            return args.push(Arg::exact(text.as_str()));
        }
        let fields = self.fields(word);
        let (home, tilde) = (self.situation.home, fields.tilde);
        for field in fields.finish() {
            field.into_args(home, tilde, args);
        }
    }

    /// The single word that `word` expands to where no splitting happens (assignments, targets).
    pub(super) fn expand_one(&mut self, word: &'p Word) -> Arg {
        let fields = self.fields(word);
        let (home, tilde) = (self.situation.home, fields.tilde);
        let mut args: Vec<Arg> =
            fields.finish().into_iter().map(|field| field.into_arg(home, tilde)).collect();
        match args.len() {
            0 => Arg::exact(""),
            1 => args.pop().unwrap_or_default(),
            // Text with blanks from an unquoted variable stays one word in an assignment.
            _ => {
                let certainty = args.iter().map(|arg| arg.certainty).max().unwrap_or_default();
                let text = args.iter().map(|arg| arg.text.as_str()).collect::<Vec<_>>().join(" ");
                let text = if certainty == Certainty::Unknown { String::new() } else { text };
                Arg { text, certainty, many: false, tilde: false }
            }
        }
    }

    fn fields(&mut self, word: &'p Word) -> Fields {
        let mut fields = Fields { tilde: starts_with_tilde(word), ..Fields::default() };
        for part in &word.parts {
            self.expand_part(part, &mut fields);
        }
        fields
    }

    fn expand_part(&mut self, part: &'p Part, fields: &mut Fields) {
        match part {
            Part::Text { text, quoted } => fields.text(text, *quoted),
            Part::Variable { name, form, quoted } => {
                let values = self.variable(name, form);
                match values {
                    // `"$@"` keeps its words apart, each as it is.
                    Some(values) if *quoted && name == "@" => fields.words(&values),
                    values => self.add_values(values, *quoted, fields),
                }
            }
            Part::Output { body, quoted } => {
                let values = self.output_of(body);
                self.add_values(values, *quoted, fields);
            }
            Part::Process(body) => {
                self.substituted(body);
                fields.text("/dev/fd/63", true);
            }
            Part::Number(words) => {
                for word in words {
                    self.expand_one(word);
                }
                fields.name();
            }
            Part::Unread(why) => {
                self.unread(why);
                fields.unknown(true);
            }
        }
    }

    fn add_values(&self, values: Option<Vec<Arg>>, quoted: bool, fields: &mut Fields) {
        let Some(values) = values else { return fields.unknown(!quoted) };
        let mut first = true;
        for value in &values {
            if !std::mem::take(&mut first) {
                if quoted {
                    return fields.unknown(false);
                }
                fields.split();
            }
            match value.certainty {
                Certainty::Unknown => {
                    fields.text(&value.text, true);
                    fields.unknown(!quoted || value.many && !quoted);
                }
                Certainty::Pattern => fields.pattern(&value.text),
                Certainty::Exact if quoted => fields.text(&value.text, true),
                Certainty::Exact if self.scope.splits_unknown => fields.unknown(true),
                Certainty::Exact => fields.unquoted_value(&value.text),
            }
        }
    }

    /// The value of a variable after `form` is applied.
    fn variable(&mut self, name: &str, form: &'p Form) -> Option<Vec<Arg>> {
        let value = self.plain_variable(name);
        match form {
            Form::Plain => value,
            Form::Required(words) => {
                for word in words {
                    self.expand_one(word);
                }
                value
            }
            Form::Length => Some(vec![Arg::pattern("*")]),
            Form::Default(word) => {
                let default = self.expand_one(word);
                match value {
                    Some(value) if value.iter().any(|arg| !arg.text.is_empty()) => Some(value),
                    _ if self.scope.variable(name).is_some() => Some(vec![default]),
                    // Set or not: either value may be meant.
                    _ => None,
                }
            }
            Form::Alternative(word) => {
                self.expand_one(word);
                None
            }
            Form::TrimEnd(word) => {
                let pattern = self.expand_one(word);
                Some(vec![trim_end(single(value)?, &pattern)])
            }
            Form::TrimStart(word, longest) => {
                let pattern = self.expand_one(word);
                Some(vec![trim_start(single(value)?, &pattern, *longest)])
            }
            Form::Derived(words) => {
                for word in words {
                    self.expand_one(word);
                }
                let value = single(value)?;
                (!value.text.contains('/') && !value.is_unknown()).then(|| vec![Arg::pattern("*")])
            }
        }
    }

    fn plain_variable(&self, name: &str) -> Option<Vec<Arg>> {
        if let Some(value) = self.scope.variable(name) {
            return Some(value.to_vec());
        }
        let exact = |text: &str| Some(vec![Arg::exact(text)]);
        match name {
            "HOME" => exact(self.situation.home),
            "PWD" => match self.scope.folders.as_slice() {
                [folder] => exact(folder),
                _ => None,
            },
            "IFS" => exact(" \t\n"),
            "USER" | "LOGNAME" | "UID" | "EUID" | "HOSTNAME" | "RANDOM" | "SECONDS" | "LINENO" | "PPID"
            | "BASHPID" | "$" | "?" | "#" | "!" | "HOSTTYPE" | "OSTYPE" | "EPOCHSECONDS" | "BASH_VERSION"
            | "SHLVL" => Some(vec![Arg::pattern("*")]),
            "@" | "*" => self.scope.positional.clone(),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let index = digits.parse::<usize>().ok()?.checked_sub(1)?;
                let positional = self.scope.positional.as_ref()?;
                Some(positional.get(index).cloned().into_iter().collect())
            }
            _ => None,
        }
    }
}

/// Whether the word begins with an unquoted `~` and nothing quoted touches the name after it.
fn starts_with_tilde(word: &Word) -> bool {
    match word.parts.as_slice() {
        [Part::Text { text, quoted: false }] => text.starts_with(['~', '{']),
        [Part::Text { text, quoted: false }, ..] => text.starts_with('~') && text.contains('/'),
        _ => false,
    }
}

fn single(value: Option<Vec<Arg>>) -> Option<Arg> {
    let mut value = value?;
    if value.len() == 1 { value.pop() } else { None }
}

fn has_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// `${x%suffix}`: the folder stays the same unless the suffix may hold a slash.
fn trim_end(value: Arg, pattern: &Arg) -> Arg {
    if value.is_exact() && pattern.is_exact() && !has_glob(&pattern.text) {
        let text = value.text.strip_suffix(pattern.text.as_str()).unwrap_or(&value.text);
        return Arg::exact(text);
    }
    let folder = match value.text.rsplit_once('/') {
        Some((folder, _)) => folder,
        None if value.is_unknown() => return Arg { many: false, ..Arg::unknown() },
        None => return Arg::pattern("*"),
    };
    if value.is_unknown() || pattern.is_unknown() {
        return Arg { many: false, ..Arg::unknown() };
    }
    match pattern.text.as_str() {
        "/*" => Arg { text: folder.to_owned(), certainty: value.certainty, many: false, tilde: value.tilde },
        suffix if suffix.contains('/') => Arg { many: false, ..Arg::unknown() },
        _ => Arg { tilde: value.tilde, ..Arg::pattern(format!("{folder}/*")) },
    }
}

/// `${x#prefix}` and `${x##*/}`.
fn trim_start(value: Arg, pattern: &Arg, longest: bool) -> Arg {
    if longest && pattern.text == "*/" {
        return match value.text.rsplit_once('/') {
            Some((_, name)) if value.is_exact() => Arg::exact(name),
            None if value.is_exact() => value,
            _ => Arg::pattern("*"),
        };
    }
    if value.is_exact() && pattern.is_exact() && !has_glob(&pattern.text) {
        let text = value.text.strip_prefix(pattern.text.as_str()).unwrap_or(&value.text);
        return Arg::exact(text);
    }
    if !value.text.contains('/') && !value.is_unknown() {
        return Arg::pattern("*");
    }
    Arg { many: false, ..Arg::unknown() }
}

/// One character of a field.
#[derive(Clone, Copy)]
struct Mark {
    char: char,
    quoted: bool,
}

/// A word in the making.
#[derive(Default, Clone)]
struct Field {
    marks: Vec<Mark>,
    /// The text holds `*` that stands for what is not known.
    pattern: bool,
    /// Where what is known ends.
    unknown: Option<usize>,
    many: bool,
    /// Something was there, even if it is empty.
    present: bool,
}

/// The words that one word turns into.
#[derive(Default)]
struct Fields {
    /// A `~` at the start stands for a home.
    tilde: bool,
    done: Vec<Field>,
    current: Field,
}

impl Fields {
    fn text(&mut self, text: &str, quoted: bool) {
        self.current.marks.extend(text.chars().map(|char| Mark { char, quoted }));
        self.current.present |= quoted || !text.is_empty();
    }

    /// A name or number that is not known but holds no slash.
    fn name(&mut self) {
        self.pattern("*");
    }

    fn pattern(&mut self, text: &str) {
        self.text(text, true);
        self.current.pattern = true;
    }

    fn unknown(&mut self, many: bool) {
        let known = self.current.marks.len();
        self.current.unknown.get_or_insert(known);
        self.current.many |= many;
        self.current.present = true;
    }

    /// The value of an unquoted variable: split at blanks, then matched against names.
    fn unquoted_value(&mut self, value: &str) {
        let mut pieces = value.split([' ', '\t', '\n']);
        if let Some(first) = pieces.next() {
            self.unquoted_piece(first);
        }
        for piece in pieces {
            self.split();
            self.unquoted_piece(piece);
        }
    }

    /// Values are matched against names, but their braces and tildes mean themselves.
    fn unquoted_piece(&mut self, piece: &str) {
        self.current.pattern |= has_glob(piece);
        self.current.marks.extend(piece.chars().map(|char| Mark { char, quoted: true }));
        self.current.present |= !piece.is_empty();
    }

    fn words(&mut self, values: &[Arg]) {
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.split();
            }
            match value.certainty {
                Certainty::Pattern => self.pattern(&value.text),
                _ => self.text(&value.text, true),
            }
            if value.is_unknown() {
                self.unknown(value.many);
            }
        }
    }

    fn split(&mut self) {
        if self.current.present {
            self.done.push(std::mem::take(&mut self.current));
        }
    }

    fn finish(mut self) -> Vec<Field> {
        self.split();
        self.done
    }
}

impl Field {
    fn into_args(self, home: &str, tilde: bool, args: &mut Vec<Arg>) {
        let fields = expand_braces(self);
        args.extend(fields.into_iter().map(|field| field.into_arg(home, tilde)));
    }

    fn into_arg(self, home: &str, expand_tilde: bool) -> Arg {
        let marks = self.marks.get(..self.unknown.unwrap_or(self.marks.len())).unwrap_or_default();
        let glob = marks.iter().any(|mark| !mark.quoted && matches!(mark.char, '*' | '?' | '['));
        let mut text: String = marks.iter().map(|mark| mark.char).collect();
        let mut tilde = false;
        if expand_tilde && text.starts_with('~') {
            match text.get(1..) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => text = format!("{home}{rest}"),
                _ => tilde = true,
            }
        }
        let certainty = if self.unknown.is_some() {
            Certainty::Unknown
        } else if glob || self.pattern {
            Certainty::Pattern
        } else {
            Certainty::Exact
        };
        Arg { text, certainty, many: self.many, tilde }
    }
}

/// `{a,b}` and `{1..3}`, innermost first, bounded.
fn expand_braces(field: Field) -> Vec<Field> {
    let mut ready = Vec::new();
    let mut waiting = vec![field];
    while let Some(field) = waiting.pop() {
        if ready.len() + waiting.len() > MAX_BRACES {
            return vec![Field { unknown: Some(0), many: true, ..field }];
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
    let text_marks = |text: &str| text.chars().map(|char| Mark { char, quoted: true }).collect();
    if let (Ok(from), Ok(to)) = (from.parse::<i32>(), to.parse::<i32>())
        && (0..MAX_BRACES as i32 / 4).contains(&to.saturating_sub(from))
    {
        return Some((from..=to).map(|number| text_marks(&number.to_string())).collect());
    }
    let wild = |char| Mark { char, quoted: false };
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
        Self { marks, unknown: known, ..self.clone() }
    }
}
