//! The parser's tree, copied into a flat list in one bounded pass.
//!
//! Node kinds are mapped to our own [`Kind`]; a kind that is not in the map is [`Kind::Unknown`],
//! which later stages treat as unread.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};
use std::sync::LazyLock;
use tree_sitter::{Language, Node as RawNode, ParseOptions, Parser, Tree, TreeCursor};

/// Most nodes that are looked at in one text.
const MAX_NODES: usize = 20_000;
/// Deepest nesting of nodes that is looked at.
const MAX_DEPTH: usize = 150;
/// Most progress reports of the parser before it is stopped; a bound on its work, not on time. It makes 20 to 45 nodes between
/// two of them, so that whatever has no more nodes than are looked at is read to its end.
const MAX_STEPS: usize = 1000;

/// The most digits of a descriptor.
const MAX_DESCRIPTOR: usize = 9;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The kinds of node that are understood.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind {
            $($(#[$doc])* $kind,)*
            /// An operator or keyword.
            Token,
            /// Text that the parser could not read.
            Error,
            /// Not in this list.
            Unknown,
        }

        fn kind_of(name: &str) -> Kind {
            match name {
                $($name => Kind::$kind,)*
                _ => Kind::Unknown,
            }
        }
    };
}

kinds! {
    Program = "program",
    AnsiString = "ansi_c_string",
    ArithmeticExpansion = "arithmetic_expansion",
    Array = "array",
    Binary = "binary_expression",
    BraceRange = "brace_expression",
    CStyleFor = "c_style_for_statement",
    CaseItem = "case_item",
    Case = "case_statement",
    Command = "command",
    CommandName = "command_name",
    Substitution = "command_substitution",
    Comment = "comment",
    Compound = "compound_statement",
    Concatenation = "concatenation",
    Declaration = "declaration_command",
    DoGroup = "do_group",
    Elif = "elif_clause",
    Else = "else_clause",
    Expansion = "expansion",
    ExtGlob = "extglob_pattern",
    Descriptor = "file_descriptor",
    FileRedirect = "file_redirect",
    For = "for_statement",
    Function = "function_definition",
    HeredocBody = "heredoc_body",
    HeredocContent = "heredoc_content",
    HeredocEnd = "heredoc_end",
    Heredoc = "heredoc_redirect",
    HeredocStart = "heredoc_start",
    HereString = "herestring_redirect",
    If = "if_statement",
    List = "list",
    Negated = "negated_command",
    Number = "number",
    Parenthesized = "parenthesized_expression",
    Pipeline = "pipeline",
    Postfix = "postfix_expression",
    ProcessSubstitution = "process_substitution",
    RawString = "raw_string",
    Redirected = "redirected_statement",
    Regex = "regex",
    SimpleExpansion = "simple_expansion",
    SpecialVariable = "special_variable_name",
    String = "string",
    StringContent = "string_content",
    Subscript = "subscript",
    Subshell = "subshell",
    Ternary = "ternary_expression",
    Test = "test_command",
    TestOperator = "test_operator",
    TranslatedString = "translated_string",
    Unary = "unary_expression",
    Unset = "unset_command",
    Assignment = "variable_assignment",
    Assignments = "variable_assignments",
    VariableName = "variable_name",
    While = "while_statement",
    Word = "word",
}

/// The fields whose meaning matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    None,
    Body,
    Condition,
    Destination,
    Name,
    Redirect,
    Right,
    Value,
    Other,
}

/// One node of the flat tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) field: Field,
    start: u32,
    end: u32,
    /// Index after the last descendant.
    next: u32,
}

/// A text and its nodes in preorder.
pub(super) struct Syntax<'a> {
    source: &'a str,
    nodes: Vec<Node>,
    /// Why the tree may be wrong or incomplete.
    pub(super) doubts: Vec<&'static str>,
    /// Where the grammar loses the word `-`, which the text holds.
    pub(super) lost_dashes: Vec<usize>,
}

/// A place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At(u32);

impl<'a> Syntax<'a> {
    /// The tree of `source`.
    pub(super) fn parse(source: &'a str) -> Self {
        let mut syntax =
            Self { source, nodes: Vec::with_capacity(32), doubts: Vec::new(), lost_dashes: Vec::new() };
        if misleads_the_scanner(source) {
            syntax.doubt("an unusual letter follows a brace, which the grammar cannot read");
            return syntax;
        }
        match parse_raw(source) {
            Some(tree) => syntax.copy(&tree),
            None => syntax.doubt("the text takes too long to read"),
        }
        syntax
    }

    pub(super) fn root(&self) -> Option<At> {
        (!self.nodes.is_empty()).then_some(At(0))
    }

    fn node(&self, at: At) -> Node {
        const NOTHING: Node = Node { kind: Kind::Unknown, field: Field::None, start: 0, end: 0, next: 0 };
        self.nodes.get(at.0 as usize).copied().unwrap_or(NOTHING)
    }

    pub(super) fn kind(&self, at: At) -> Kind {
        self.node(at).kind
    }

    pub(super) fn field(&self, at: At) -> Field {
        self.node(at).field
    }

    pub(super) fn range(&self, at: At) -> Range<usize> {
        let node = self.node(at);
        node.start as usize..node.end as usize
    }

    /// The source text of a node.
    pub(super) fn text(&self, at: At) -> &'a str {
        self.slice(self.range(at))
    }

    pub(super) fn source_len(&self) -> usize {
        self.source.len()
    }

    /// A part of the source.
    pub(super) fn slice(&self, range: Range<usize>) -> &'a str {
        self.source.get(range).unwrap_or_default()
    }

    /// The children of a node, comments left out.
    pub(super) fn children(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let end = self.node(at).next;
        let mut index = at.0 + 1;
        std::iter::from_fn(move || {
            while index < end {
                let here = At(index);
                index = self.node(here).next.max(index + 1);
                if self.kind(here) != Kind::Comment {
                    return Some(here);
                }
            }
            None
        })
    }

    /// Every node below `at`.
    pub(super) fn descendants(&self, at: At) -> impl Iterator<Item = At> + '_ {
        (at.0 + 1..self.node(at).next).map(At)
    }

    /// The index after the last descendant, to skip a subtree while walking [`Self::descendants`].
    pub(super) fn contains(&self, outer: At, inner: At) -> bool {
        inner.0 >= outer.0 && inner.0 < self.node(outer).next
    }

    pub(super) fn doubt(&mut self, why: &'static str) {
        if !self.doubts.contains(&why) {
            self.doubts.push(why);
        }
    }

    fn copy(&mut self, tree: &Tree) {
        let mut cursor = tree.walk();
        let mut open: Vec<usize> = Vec::with_capacity(16);
        let mut covered = 0;
        // How deep the open nodes are nested. Lists lean to the left and are unrolled later, so that
        // their length does not count as depth.
        let mut depth = 0;
        loop {
            let descend = self.enter(&cursor, &open, depth, &mut covered);
            if descend && cursor.goto_first_child() {
                let last = self.nodes.len() - 1;
                depth += usize::from(!self.is_list(last));
                open.push(last);
                continue;
            }
            while !cursor.goto_next_sibling() {
                let Some(parent) = open.pop() else { return };
                depth -= usize::from(!self.is_list(parent));
                let next = self.nodes.len() as u32;
                if let Some(node) = self.nodes.get_mut(parent) {
                    node.next = next;
                }
                cursor.goto_parent();
            }
        }
    }

    /// Copies the node under the cursor and says whether its children are wanted.
    fn enter(&mut self, cursor: &TreeCursor<'_>, open: &[usize], depth: usize, covered: &mut usize) -> bool {
        let raw = cursor.node();
        let (mut kind, range) = (self.kind_of(raw), raw.byte_range());
        let leaf = raw.child_count() == 0;
        if kind == Kind::HeredocEnd || self.inside_heredoc(open) {
            *covered = (*covered).max(range.start);
        }
        if kind == Kind::Comment && self.follows_joined_line(range.start) {
            self.doubt("a comment is not understood");
        }
        if leaf && self.holds_line_end(kind, range.clone(), open) {
            self.doubt("a command goes on after the end of its line");
        }
        // The parser takes the longest text that could be one such string, and the shell the shortest.
        if kind == Kind::AnsiString && !ends_at_first_quote(self.slice(range.clone())) {
            self.doubt("a quoted text ends before it seems to");
        }
        if leaf && self.misquotes(kind, self.slice(range.clone()), open) {
            self.doubt("a quote may not be where it seems to");
        }
        if matches!(kind, Kind::Regex | Kind::ExtGlob) && self.overreaches(self.slice(range.clone()), open) {
            self.doubt("a pattern goes on where the shell ends it");
        }
        // A number that is too large for a descriptor is a word for the shell.
        if kind == Kind::Descriptor && range.len() > MAX_DESCRIPTOR {
            self.doubt("a redirection is not understood");
        }
        if breaks_line(self.slice(*covered..range.start.max(*covered))) {
            if kind == Kind::HeredocStart {
                self.doubt("a heredoc is not understood");
            }
            if kind == Kind::Token && self.continues_command(range.clone(), open) {
                self.doubt("a line begins with an operator");
            }
        }
        if leaf && range.end > *covered {
            let between = self.source.get(*covered..range.start).unwrap_or_default();
            if !is_blank(between) {
                let blanks = between.len() - between.trim_start_matches([' ', '\t']).len();
                if between.trim_matches([' ', '\t']) == "-"
                    && blanks > 0
                    && self.slice(range.clone()).starts_with("<<")
                {
                    self.lost_dashes.push(*covered + blanks);
                }
                self.doubt("a part of the text is not understood");
            }
            *covered = range.end;
        }
        if depth >= MAX_DEPTH || self.nodes.len() >= MAX_NODES {
            self.doubt("the text is too deeply nested or too long");
            kind = Kind::Error;
        }
        let next = self.nodes.len() as u32 + 1;
        let field = cursor.field_id().map_or(Field::None, |id| field_of(id.get()));
        self.nodes.push(Node { kind, field, start: range.start as u32, end: range.end as u32, next });
        kind != Kind::Error
    }

    fn is_list(&self, index: usize) -> bool {
        self.nodes.get(index).is_some_and(|node| node.kind == Kind::List)
    }

    /// Whether what looks like a comment follows a joined line, and is part of a word in truth.
    fn follows_joined_line(&self, at: usize) -> bool {
        let before = self.slice(0..at);
        before
            .strip_suffix('\n')
            .is_some_and(|line| (line.len() - line.trim_end_matches('\\').len()) % 2 == 1)
    }

    /// Whether a leaf that should be part of one line holds the end of a line. The grammar lets
    /// some words and operators begin with blanks, and with it swallow the end of a command.
    fn holds_line_end(&self, kind: Kind, range: std::ops::Range<usize>, open: &[usize]) -> bool {
        let text = self.slice(range);
        if !text.contains('\n') || text.trim().is_empty() {
            return false;
        }
        let opens_string =
            text.trim() == "\"" && open.last().is_some_and(|last| last + 1 == self.nodes.len());
        if opens_string || matches!(kind, Kind::RawString | Kind::AnsiString) {
            let before = text.len() - text.trim_start().len();
            return text.get(..before).is_some_and(|blank| blank.contains('\n'));
        }
        let quoting = |index: &usize| {
            self.nodes.get(*index).is_some_and(|node| matches!(node.kind, Kind::String | Kind::HeredocBody))
        };
        let quoted = matches!(kind, Kind::StringContent | Kind::HeredocContent | Kind::HeredocBody)
            || open.iter().rev().take(2).any(quoting);
        !quoted && breaks_line(text)
    }

    /// Whether a leaf holds a quote that the shell may pair with another one than the grammar does. The grammar reads
    /// patterns and what stands within `${…}` by rules of its own; the shell takes a single quote there for itself or for
    /// an opening one, by the operator and by whether double quotes are around.
    fn misquotes(&self, kind: Kind, text: &str, open: &[usize]) -> bool {
        match kind {
            Kind::Comment | Kind::StringContent => false,
            Kind::HeredocStart | Kind::HeredocBody | Kind::HeredocContent | Kind::HeredocEnd => false,
            Kind::Token if matches!(text.trim(), "\"" | "$\"" | "`") => false,
            Kind::RawString | Kind::AnsiString => self.expands_within_quotes(open),
            Kind::Regex | Kind::ExtGlob => match quotes(text) {
                Quotes::None => false,
                Quotes::Paired => self.expands_within_quotes(open),
                Quotes::Open => true,
            },
            _ => quotes(text) != Quotes::None,
        }
    }

    /// Whether a pattern goes on behind a character that ends a word. The grammar reads one up to the next `]]`, even where no
    /// `[[` is open. Within `${…}` only the first brace ends it.
    fn overreaches(&self, text: &str, open: &[usize]) -> bool {
        let parent = open.last().and_then(|index| self.nodes.get(*index));
        let within = parent.is_some_and(|parent| parent.kind == Kind::Expansion);
        if within {
            return text.replace("\\}", "").contains('}');
        }
        let quoted = quotes(text) == Quotes::Paired;
        quoted || text.trim().replace("\\ ", "").contains([' ', '\t', '\n', ';', '&', '<', '>'])
    }

    /// Whether the innermost open nodes are a `${…}` within double quotes or in a heredoc.
    fn expands_within_quotes(&self, open: &[usize]) -> bool {
        let kinds = open.iter().rev().filter_map(|index| self.nodes.get(*index)).map(|node| node.kind);
        let own = kinds.take_while(|kind| !matches!(kind, Kind::Substitution | Kind::ProcessSubstitution));
        own.skip_while(|kind| *kind != Kind::Expansion)
            .any(|kind| matches!(kind, Kind::String | Kind::TranslatedString | Kind::HeredocBody))
    }

    /// Whether a token is an operator that has to stand on the line of the command before it. The grammar takes a joined
    /// line before it for the undoing of that line's end.
    fn continues_command(&self, range: std::ops::Range<usize>, open: &[usize]) -> bool {
        let parent = open.last().and_then(|index| self.nodes.get(*index));
        // Within these lines end where they like.
        let is_free =
            parent.is_some_and(|parent| matches!(parent.kind, Kind::Binary | Kind::Test | Kind::CStyleFor));
        !is_free && matches!(self.slice(range).trim(), "&&" | "||" | "|" | "|&" | ";" | "&")
    }

    /// Whether the innermost open node is the text of a heredoc, which is not covered by nodes.
    fn inside_heredoc(&self, open: &[usize]) -> bool {
        open.last()
            .and_then(|index| self.nodes.get(*index))
            .is_some_and(|node| node.kind == Kind::HeredocBody)
    }

    fn kind_of(&mut self, raw: RawNode<'_>) -> Kind {
        if raw.is_error() || raw.is_missing() {
            self.doubt("the text is not valid shell, or not understood");
            return Kind::Error;
        }
        if !raw.is_named() {
            return Kind::Token;
        }
        KINDS.get(usize::from(raw.kind_id())).copied().unwrap_or(Kind::Unknown)
    }
}

/// How quotes that are not escaped stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    /// Each is closed.
    Paired,
    /// One is not closed, or opens a command.
    Open,
}

/// How the quotes of `text` stand, read as the shell reads a word.
fn quotes(text: &str) -> Quotes {
    let mut found = Quotes::None;
    let mut within = None;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, within) {
            (b'`', _) => return Quotes::Open,
            (b'\\', None | Some(b'"')) => drop(bytes.next()),
            (b'\'' | b'"', None) => within = Some(byte),
            (_, Some(quote)) if byte == quote => (within, found) = (None, Quotes::Paired),
            _ => {}
        }
    }
    if within.is_some() { Quotes::Open } else { found }
}

/// Whether the first quote of `$'…'` that is not escaped is its last character.
fn ends_at_first_quote(text: &str) -> bool {
    let Some(inner) = text.trim_start().strip_prefix("$'") else { return false };
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'\'' => return bytes.next().is_none(),
            _ => {}
        }
    }
    false
}

/// Whether a line ends in this gap without being joined to the next.
pub(super) fn breaks_line(gap: &str) -> bool {
    gap.contains('\n') && gap.replace("\\\n", "").contains('\n')
}

/// Whether `gap`, which no node covers, means nothing: blanks and joined lines.
fn is_blank(gap: &str) -> bool {
    let mut bytes = gap.bytes();
    while let Some(byte) = bytes.next() {
        let blank = match byte {
            b' ' | b'\t' | b'\n' => true,
            b'\\' => bytes.next() == Some(b'\n'),
            _ => false,
        };
        if !blank {
            return false;
        }
    }
    true
}

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| tree_sitter_bash::LANGUAGE.into());

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    (0..LANGUAGE.node_kind_count())
        .map(|id| {
            u16::try_from(id).ok().and_then(|id| LANGUAGE.node_kind_for_id(id)).map_or(Kind::Unknown, kind_of)
        })
        .collect()
});

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    (0..=LANGUAGE.field_count())
        .map(|id| match u16::try_from(id).ok().and_then(|id| LANGUAGE.field_name_for_id(id)) {
            Some("body") => Field::Body,
            Some("condition") => Field::Condition,
            Some("destination") => Field::Destination,
            Some("name") => Field::Name,
            Some("redirect") => Field::Redirect,
            Some("right") => Field::Right,
            Some("value") => Field::Value,
            _ => Field::Other,
        })
        .collect()
});

fn field_of(id: u16) -> Field {
    FIELDS.get(usize::from(id)).copied().unwrap_or(Field::Other)
}

thread_local! {
    /// One parser a thread: making one costs more than reading an ordinary command.
    static PARSER: RefCell<Option<Parser>> = const { RefCell::new(None) };
}

/// The largest character that C's `isdigit` may be asked about: its table ends there.
const LAST_OF_TABLE: char = '\u{ff}';

fn without_digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// Whether the grammar's scanner would read outside of its memory, and could end the process by it. Behind an opening
/// brace it looks for `1..9}` with `isdigit`, whatever character stands there.
fn misleads_the_scanner(source: &str) -> bool {
    let beyond = |rest: &str| rest.chars().next().is_some_and(|next| next > LAST_OF_TABLE);
    !source.is_ascii()
        && source.match_indices('{').any(|(at, _)| {
            let first = without_digits(source.get(at + 1..).unwrap_or_default());
            beyond(first) || first.strip_prefix("..").is_some_and(|second| beyond(without_digits(second)))
        })
}

fn parse_raw(source: &str) -> Option<Tree> {
    PARSER.with_borrow_mut(|slot| {
        if slot.is_none() {
            let mut parser = Parser::new();
            parser.set_language(&LANGUAGE).ok()?;
            *slot = Some(parser);
        }
        let parser = slot.as_mut()?;
        let mut steps = 0;
        let mut progress = |_: &tree_sitter::ParseState| {
            steps += 1;
            if steps > MAX_STEPS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let bytes = source.as_bytes();
        let mut read = |offset: usize, _| bytes.get(offset..).unwrap_or_default();
        let tree = parser.parse_with_options(&mut read, None, Some(options));
        if tree.is_none() {
            parser.reset();
        }
        tree
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the scanner would look up outside of its table is not shown to it, and is never taken for understood.
    #[test]
    fn letters_behind_braces_do_not_end_the_process() {
        let odd = ['\u{100}', '\u{4e2d}', '\u{ffff}', '\u{1f600}', '\u{10ffff}'];
        for c in odd {
            for text in
                ["{@", "{12@", "{1..@", "{1..9@", "echo '{@}'", "cat <<E\n{@\nE", "x{{@", "${@}", "{..@"]
            {
                let text = text.replace('@', &c.to_string());
                assert!(misleads_the_scanner(&text), "{text}");
                let syntax = Syntax::parse(&text);
                assert!(syntax.root().is_none() && !syntax.doubts.is_empty(), "{text}");
            }
        }
        for harmless in [
            "{1..9}",
            "{é",
            "{ÿ",
            "{ \u{4e2d}",
            "\u{4e2d}{",
            "{a\u{4e2d}",
            "{1.\u{4e2d}",
            "{1..9}\u{4e2d}",
            "{",
        ] {
            assert!(!misleads_the_scanner(harmless), "{harmless}");
        }
    }
}
