//! The tree of a command line: what stands in what, with the operation that each command comes to.
//!
//! The tree is recorded while the plan is walked, so that it cannot say anything else than the facts.

use super::plan::{Connector, Statement};
use stayhand_core::facts::Operation;
use std::cell::RefCell;

/// Most events that are recorded; more would not be read.
const MAX_EVENTS: usize = 20_000;

/// A part of a command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// What joins it to what stands before it in a list: `&&` or `||`.
    pub joined: Option<&'static str>,
    /// What it does by itself.
    pub operation: Option<Operation>,
    /// Its parts, in the order in which they run.
    pub children: Vec<Node>,
}

/// Kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A simple command, or something that a command starts.
    Command,
    /// Commands one after the other.
    Script,
    /// Commands whose output feeds the next one.
    Pipeline,
    /// Commands joined by `&&` and `||`.
    List,
    /// `{ …; }`
    Group,
    /// `( … )` and `… &`
    Subshell,
    /// `if`, `case`
    Choice,
    /// `while`, `until`, `for`, `select`
    Loop,
    /// A function that is defined: it runs when it is called.
    Function,
    /// `$( … )`: the output becomes a part of the command.
    Output,
    /// `<( … )` and `>( … )`
    Process,
    /// Text that the shell reads as commands: `eval`, `trap`.
    Text,
}

/// What happens while a plan is walked.
#[derive(Debug)]
enum Event {
    Open(Kind, Vec<&'static str>),
    /// A program begins: its operation is the first of those it comes to.
    Program,
    Operation(Box<Operation>),
    Close,
}

/// Records the walk, where somebody wants to see it.
#[derive(Debug, Default)]
pub(crate) struct Trace(RefCell<Vec<Event>>);

/// Closes what was opened.
pub(crate) struct Open<'t>(Option<&'t Trace>);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(trace) = self.0 {
            trace.0.borrow_mut().push(Event::Close);
        }
    }
}

impl Trace {
    fn record(&self, event: Event) -> bool {
        let mut events = self.0.borrow_mut();
        let room = events.len() < MAX_EVENTS;
        if room {
            events.push(event);
        }
        room
    }

    fn opened(&self, event: Event) -> Open<'_> {
        Open(self.record(event).then_some(self))
    }
}

/// Opens a statement.
pub(crate) fn statement<'t>(trace: Option<&'t Trace>, statement: &Statement) -> Open<'t> {
    let Some(trace) = trace else { return Open(None) };
    let (kind, joins) = match statement {
        Statement::Command(_) | Statement::Evaluate { .. } | Statement::Unread(_) => {
            (Kind::Command, Vec::new())
        }
        Statement::Pipeline(_) => (Kind::Pipeline, Vec::new()),
        Statement::AndOr { rest, .. } => {
            let joins = rest.iter().map(|(connector, _)| match connector {
                Connector::And => "&&",
                Connector::Or => "||",
            });
            (Kind::List, joins.collect())
        }
        Statement::Group(_) | Statement::Negated(_) | Statement::Redirected { .. } => {
            (Kind::Group, Vec::new())
        }
        Statement::Subshell(_) => (Kind::Subshell, Vec::new()),
        Statement::Choice { repeats: false, .. } => (Kind::Choice, Vec::new()),
        Statement::Choice { .. } | Statement::For { .. } => (Kind::Loop, Vec::new()),
        Statement::Function { .. } => (Kind::Function, Vec::new()),
    };
    trace.opened(Event::Open(kind, joins))
}

/// Opens a part of another kind.
pub(crate) fn part(trace: Option<&Trace>, kind: Kind) -> Open<'_> {
    trace.map_or(Open(None), |trace| trace.opened(Event::Open(kind, Vec::new())))
}

/// Opens a program.
pub(crate) fn program(trace: Option<&Trace>) -> Open<'_> {
    trace.map_or(Open(None), |trace| trace.opened(Event::Program))
}

/// Records an operation of the shell that is being walked.
pub(crate) fn operation(trace: Option<&Trace>, operation: &Operation) {
    if let Some(trace) = trace {
        trace.record(Event::Operation(Box::new(operation.clone())));
    }
}

/// The tree of what was recorded.
pub(crate) fn tree(trace: Trace) -> Vec<Node> {
    let mut stack = vec![Draft::new(Kind::Script, Vec::new())];
    for event in trace.0.into_inner() {
        match event {
            Event::Open(kind, joins) => stack.push(Draft::new(kind, joins)),
            Event::Program => stack.push(Draft { program: true, ..Draft::new(Kind::Command, Vec::new()) }),
            Event::Operation(operation) => {
                // Programs record nothing themselves: what they do is told to the statement around them.
                if let Some(draft) = stack.iter_mut().rev().find(|draft| !draft.program) {
                    draft.told.push(*operation);
                }
            }
            Event::Close => {
                if let (Some(draft), Some(outer)) = (stack.pop(), stack.last_mut()) {
                    outer.take(draft);
                }
            }
        }
    }
    while let Some(draft) = stack.pop() {
        match stack.last_mut() {
            Some(outer) => outer.take(draft),
            None => {
                let root = draft.finished();
                return if root.kind == Kind::Script { root.children } else { vec![root] };
            }
        }
    }
    Vec::new()
}

/// A part that is being read.
struct Draft {
    kind: Kind,
    /// Whether it stands for a program, whose operation is told later.
    program: bool,
    joins: Vec<&'static str>,
    told: Vec<Operation>,
    /// The parts, and whether what they do is told to this one.
    nodes: Vec<(Node, bool)>,
}

impl Draft {
    const fn new(kind: Kind, joins: Vec<&'static str>) -> Self {
        Self { kind, program: false, joins, told: Vec::new(), nodes: Vec::new() }
    }

    fn take(&mut self, draft: Self) {
        // What a program starts, and what a text comes to, is told where it was started.
        let told_here = draft.program || self.program || self.kind == Kind::Text;
        self.nodes.push((draft.finished(), told_here));
    }

    fn finished(mut self) -> Node {
        let mut node = Node { kind: self.kind, joined: None, operation: None, children: Vec::new() };
        if self.program {
            node.operation = Some(Operation::default());
            node.children = self.nodes.into_iter().map(|(child, _)| child).collect();
            return node;
        }
        let slots: usize = self.nodes.iter().filter(|(_, told)| *told).map(|(child, _)| count(child)).sum();
        let fits = slots == self.told.len();
        let mut told = self.told.into_iter();
        // Where what was told does not fit the programs, they are left out, and it is not.
        self.nodes.retain(|(_, told_here)| fits || !told_here);
        for (mut child, told_here) in self.nodes {
            if told_here {
                fill(&mut child, &mut told);
            }
            node.children.push(child);
        }
        node.children.extend(told.map(|operation| Node {
            kind: Kind::Command,
            joined: None,
            operation: Some(operation),
            children: Vec::new(),
        }));
        for (child, joined) in node.children.iter_mut().skip(1).zip(self.joins) {
            child.joined = Some(joined);
        }
        simplify(&mut node);
        node
    }
}

/// The operations in a part.
fn count(node: &Node) -> usize {
    usize::from(node.operation.is_some()) + node.children.iter().map(count).sum::<usize>()
}

fn fill(node: &mut Node, told: &mut impl Iterator<Item = Operation>) {
    if node.operation.is_none() {
        return node.children.iter_mut().for_each(|child| fill(child, told));
    }
    // A command's own operation is told after those of the substitutions in its words.
    let comes_before = |child: &Node| matches!(child.kind, Kind::Output | Kind::Process);
    node.children.iter_mut().filter(|child| comes_before(child)).for_each(|child| fill(child, told));
    node.operation = told.next();
    node.children.iter_mut().filter(|child| !comes_before(child)).for_each(|child| fill(child, told));
}

/// Takes away what says nothing: a command around one command, rounds of a loop that are the same.
fn simplify(node: &mut Node) {
    if node.kind == Kind::Loop {
        let mut distinct: Vec<Node> = Vec::with_capacity(node.children.len());
        for child in std::mem::take(&mut node.children) {
            if !distinct.contains(&child) {
                distinct.push(child);
            }
        }
        node.children = distinct;
    }
    node.children.retain(|child| child.operation.is_some() || !child.children.is_empty());
    if node.kind == Kind::Command && node.operation.is_none() {
        let own = node.children.iter().position(|child| child.kind == Kind::Command);
        let several = node.children.iter().filter(|child| child.kind == Kind::Command).count() > 1;
        if let Some(own) = own.filter(|_| !several) {
            let mut inner = node.children.remove(own);
            node.operation = inner.operation.take();
            node.children.append(&mut inner.children);
        }
    }
    let says_little = match node.kind {
        Kind::Group | Kind::Script => true,
        Kind::Subshell | Kind::Loop => node.children.first().is_some_and(|child| child.kind == node.kind),
        _ => false,
    };
    let alone = says_little && node.children.len() == 1 && node.operation.is_none();
    if let Some(only) = node.children.pop_if(|_| alone) {
        *node = only;
    }
}
