//! The parser's tree, copied into a flat list in one bounded pass.
//!
//! Node kinds are mapped to our own [`Kind`]; a kind that is not in the map is [`Kind::Unknown`],
//! which later stages treat as unread.

mod misreadings;

pub(super) use misreadings::breaks_line;
use misreadings::is_blank;
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
        self.doubt_misread(kind, range.clone(), leaf, open);
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
