//! Walking a plan: every simple command becomes an operation, in the state the shell is in then.

use super::branches::reads_one;
use super::excess;
use super::given::Given;
use super::links::Links;
use super::narrowed;
use super::outline;
use super::plan::{Assignment, Command, Redirect, RedirectKind, ShellPlan, Statement};
use super::scope::{Function, Scope};
use super::written::{Contents, Written};
use crate::program::{Arg, FolderUse, Input, Setting, Situation, add_path, note, setting};
use stayhand_core::facts::{Access, Aspect, Operation, Trait, Traits};
use std::rc::Rc;

/// Most variables that are known to hold data of this machine; beyond, every one may.
pub(super) const MAX_TELLING: usize = 256;
/// The operations of `plan`, started in `scope`'s state.
pub(super) fn walk(
    plan: &ShellPlan,
    situation: &Situation<'_>,
    positional: Option<Vec<Arg>>,
) -> Vec<Operation> {
    let mut scope = Scope::new(situation.folders);
    scope.positional = positional.map(Into::into);
    let mut walker = Walker::new(*situation, scope);
    walker.sequence(&plan.body);
    walker.walk_uncalled();
    walker.found
}

/// The shell, as far as it is known.
pub(super) struct Walker<'p, 's> {
    pub(super) situation: Situation<'s>,
    pub(super) scope: Scope<'p>,
    pub(super) input: Input,
    pub(super) found: Vec<Operation>,
    /// Functions that are being called.
    pub(super) calls: Vec<(&'p str, u32)>,
    /// How many conditions and the like are open, in which a failure does not end the shell (`set -e` or not).
    pub(super) unchecked: u32,
    /// What is known wherever a loop or function may have been left early.
    pub(super) escaped: Option<Scope<'p>>,
    /// The variables that the functions being called have for themselves.
    pub(super) locals: Vec<String>,
    /// Functions that were defined, and whether something called them.
    pub(super) defined: Vec<(Function<'p>, bool)>,
    /// Links that were made on the way.
    pub(super) links: Links,
    /// Files that were written on the way.
    pub(super) written: Written,
    /// How many pipes and copies of the shell are open.
    pub(super) copies: u32,
    /// The words of the command hold data of this machine that another command printed.
    pub(super) told: bool,
    /// The variables that hold such data.
    pub(super) telling: Vec<&'p str>,
}

impl<'p, 's> Walker<'p, 's> {
    pub(super) fn new(situation: Situation<'s>, mut scope: Scope<'p>) -> Self {
        scope.changed = scope.changed.with(situation.budget.changed.get());
        let input = situation.input.clone();
        Self {
            situation,
            scope,
            input,
            found: Vec::new(),
            calls: Vec::new(),
            unchecked: 0,
            escaped: None,
            locals: Vec::new(),
            defined: Vec::new(),
            links: Links::default(),
            written: Written::default(),
            copies: 0,
            told: false,
            telling: Vec::new(),
        }
    }

    /// Runs statements one after the other. What the last one prints is the result.
    pub(super) fn sequence(&mut self, statements: &'p [Statement]) -> Input {
        let mut output = Input::default();
        for statement in statements {
            let before = Rc::clone(&self.scope.folders);
            let local = output.local;
            let fetched = output.fetched;
            output = self.statement(statement);
            if statements.len() > 1 {
                output = Input {
                    local: local | output.local,
                    fetched: fetched | output.fetched,
                    given: true,
                    ..Input::default()
                };
            }
            self.may_have_failed(&before);
        }
        output
    }

    /// A `cd` of its own may fail, and the next command runs all the same.
    fn may_have_failed(&mut self, before: &[String]) {
        let certain =
            |folders: &[String]| folders.iter().all(|folder| folder == "/" || folder == self.situation.home);
        if self.scope.exits_on_error && self.unchecked == 0
            || *self.scope.folders == *before
            || certain(&self.scope.folders)
        {
            return;
        }
        if before.is_empty() {
            return self.scope.forget_folders();
        }
        if !self.scope.folders.is_empty() {
            let parents = before.iter().all(|folder| {
                let parent = folder
                    .rsplit_once('/')
                    .map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
                self.scope.folders.iter().any(|now| now == parent)
            });
            if !parents {
                let mut other = self.scope.clone();
                other.folders = before.into();
                self.scope.join(&other);
            }
        }
    }

    pub(super) fn statement(&mut self, statement: &'p Statement) -> Input {
        let _open = outline::statement(self.situation.budget.trace.as_ref(), statement);
        if !self.situation.budget.take_statement() {
            if !self.found.last().is_some_and(|last| last.hides(Aspect::Program)) {
                self.found
                    .push(Operation::opaque(Aspect::Program, "there are too many statements to look at"));
            }
            return Input::default();
        }
        match statement {
            Statement::Command(command) => self.command(command),
            Statement::Pipeline(stages) => self.pipeline(stages),
            Statement::AndOr { first, rest } => self.and_or(first, rest),
            Statement::Group(body) => self.sequence(body),
            Statement::Negated(body) => self.unchecked(|walker| walker.sequence(body)),
            Statement::Subshell(body) => self.apart(|walker| walker.sequence(body)),
            Statement::Choice { test, arms, repeats: false } => self.choice(test, arms),
            Statement::Choice { test, arms, repeats: true } => {
                self.endless(test, arms);
                match reads_one(test) {
                    Some(variable) if !self.input.names.is_empty() => self.read_each(variable, test, arms),
                    _ => self.repeat(|walker| walker.choice(test, arms)),
                }
            }
            Statement::For { variable, values, body } => self.for_each(variable, values.as_deref(), body),
            Statement::Function { name, body } => self.define(name, body),
            Statement::Redirected { body, redirects } => self.redirected(body, redirects),
            Statement::Evaluate { words, assigned } => {
                for word in words {
                    self.expand_one(word);
                }
                for name in assigned {
                    self.scope.forget(name);
                }
                Input::default()
            }
            Statement::Unread(why) => {
                self.unread(why);
                Input::default()
            }
        }
    }

    /// Something that could not be read: anything might run there.
    pub(super) fn unread(&mut self, why: &str) {
        self.push(Operation::opaque(Aspect::Program, why));
    }

    pub(super) fn push(&mut self, mut operation: Operation) {
        self.links.follow(&mut operation, &self.situation);
        self.links.learn(&operation, &self.scope.folders, &self.situation);
        self.written.learn(&operation);
        if self.situation.budget.take() {
            outline::operation(self.situation.budget.trace.as_ref(), &operation);
            self.found.push(operation);
        } else if !self.found.last().is_some_and(|last| last.hides(Aspect::Program)) {
            self.found.push(Operation::opaque(Aspect::Program, "there are too many commands to look at"));
        }
    }

    /// Runs something whose changes to the shell's state are lost.
    fn apart<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let scope = self.scope.clone();
        self.copies += 1;
        let result = run(self);
        self.copies -= 1;
        self.scope = scope;
        result
    }

    fn pipeline(&mut self, stages: &'p [Statement]) -> Input {
        let outer = self.input.clone();
        for (index, stage) in stages.iter().enumerate() {
            let (local, fetched) = (self.input.local, self.input.fetched);
            let narrowed = stages.get(index + 1).is_some_and(narrowed::to_one_thing);
            let mark = self.found.len();
            let mut output = self.apart(|walker| walker.statement(stage));
            if narrowed && let [shown] = self.found.get_mut(mark..).unwrap_or_default() {
                narrowed::show_less(shown);
            }
            output.given = true;
            if index > 0 {
                output.local |= local;
                output.fetched |= fetched;
            }
            self.input = output;
        }
        if excess::goes_round(stages) {
            self.push(Operation { does: Traits::NONE.with(Trait::Disguise), ..Operation::default() });
        }
        std::mem::replace(&mut self.input, outer)
    }

    fn redirected(&mut self, body: &'p Statement, redirects: &'p [Redirect]) -> Input {
        let mut operation = Operation::default();
        let input = self.redirects(redirects, &mut operation);
        if operation != Operation::default() {
            self.push(operation);
        }
        let outer = input.map(|input| std::mem::replace(&mut self.input, input));
        let unopened = self.unopened(redirects);
        let output = self.statement(body);
        self.join(unopened);
        if let Some(outer) = outer {
            self.input = outer;
        }
        output
    }

    /// The state in which nothing was run because a file could not be opened, if one may not.
    fn unopened(&self, redirects: &[Redirect]) -> Option<Scope<'p>> {
        redirects.iter().any(may_not_open).then(|| self.scope.clone())
    }

    fn join(&mut self, other: Option<Scope<'p>>) {
        if let Some(other) = other {
            self.scope.join(&other);
        }
    }

    /// Adds what redirections open to `operation`; gives the new standard input, if it changes.
    fn redirects(&mut self, redirects: &'p [Redirect], operation: &mut Operation) -> Option<Input> {
        let mut input = None;
        for redirect in redirects {
            let target = self.expand_one(&redirect.target);
            let place = FolderUse { situation: &self.situation, folders: &self.scope.folders };
            let mut open = |access| add_path(operation, access, &target, false, &place);
            match redirect.kind {
                RedirectKind::Read => {
                    open(Access::Read);
                    let fetched = is_connection(&target);
                    let local = !fetched && target.known() != Some("/dev/null");
                    input = Some(Input { given: true, local, fetched, ..Input::default() });
                }
                RedirectKind::Write => open(Access::Write),
                RedirectKind::ReadWrite => {
                    open(Access::Read);
                    open(Access::Write);
                }
                RedirectKind::Duplicate if is_descriptor(&target) => {}
                RedirectKind::Duplicate => open(Access::Write),
                RedirectKind::Text if !redirect.standard => {}
                RedirectKind::Text => {
                    let text = target.known().map(str::to_owned);
                    input = Some(Input { given: true, local: text.is_none(), text, ..Input::default() });
                }
            }
            if is_connection(&target) && !matches!(redirect.kind, RedirectKind::Read | RedirectKind::Text) {
                operation.does.insert(Trait::Disclose);
            }
        }
        input
    }

    fn command(&mut self, command: &'p Command) -> Input {
        self.told = false;
        let words = self.expand_all(&command.words);
        let mut extra = Operation::default();
        let input = self.redirects(&command.redirects, &mut extra);
        let name = words.first().and_then(Arg::known).unwrap_or_default();
        let unopened = self.unopened(&command.redirects);
        for assignment in &command.assignments {
            self.assign(assignment, words.is_empty(), name, &mut extra);
        }
        if command.words.is_empty() {
            self.join(unopened);
            if extra != Operation::default() {
                self.push(extra);
            }
            let local = command.redirects.iter().any(|redirect| redirect.kind == RedirectKind::Read);
            return Input { given: true, local, ..Input::default() };
        }
        if words.is_empty() {
            // Every word expanded to nothing.
            extra.opaque.extend(Operation::opaque(Aspect::Program, "which program runs is not known").opaque);
            self.push(extra);
            return Input::default();
        }
        if name == "eval" && excess::takes_variables(command) {
            extra.does.insert(Trait::Disguise);
        }
        if excess::writes_without_end(&words, &extra) {
            extra.does.insert(Trait::Exhaust);
        }
        let outer = input.map(|input| std::mem::replace(&mut self.input, input));
        let redirected = (!extra.paths.is_empty()).then(|| extra.clone());
        let output = self.dispatch(&words, &command.declared, extra);
        self.join(unopened);
        if let Some(redirected) = redirected {
            let text = output.text.as_deref().map(Into::into);
            self.written.learn_contents(&redirected, &Contents { text, fetched: output.fetched });
        }
        if let Some(outer) = outer {
            self.input = outer;
        }
        output
    }

    /// Sets a variable: for the shell itself, or for the program `name` alone.
    fn assign(&mut self, assignment: &'p Assignment, own: bool, name: &str, operation: &mut Operation) {
        let value = self.expand_assigned(assignment);
        if own {
            if self.told && self.telling.len() < MAX_TELLING {
                self.telling.push(&assignment.name);
            }
            self.remember(assignment, value.clone());
        } else {
            self.situation.budget.change(Given::of(&assignment.name));
        }
        if assignment.name == "IFS" && (own || matches!(name, "read" | "mapfile" | "readarray")) {
            self.scope.splits_unknown |= own;
            return;
        }
        apply_setting(&assignment.name, value.as_ref(), operation);
        if value.as_ref().is_some_and(|value| runs_as_number(&value.text)) {
            note(operation, Aspect::Effects, RUNS_AS_NUMBER);
        }
    }

    pub(super) fn expand_assigned(&mut self, assignment: &'p Assignment) -> Option<Arg> {
        let mut values: Vec<Arg> = Vec::new();
        for word in &assignment.value {
            values.push(self.expand_one(word));
        }
        if !assignment.whole {
            return None;
        }
        Some(values.pop().unwrap_or_else(|| Arg::exact("")))
    }

    pub(super) fn remember(&mut self, assignment: &Assignment, value: Option<Arg>) {
        if self.scope.is_read_only(&assignment.name) {
            self.unread("a read-only variable is set, which ends the line");
        }
        match value.filter(|value| !value.is_unknown()) {
            Some(value) => self.scope.set(&assignment.name, vec![value]),
            None => self.scope.forget(&assignment.name),
        }
    }

    /// What `$( … )` gives.
    pub(super) fn output_of(&mut self, body: &'p [Statement]) -> Option<Vec<Arg>> {
        let _open = outline::part(self.situation.budget.trace.as_ref(), outline::Kind::Output);
        let outer = std::mem::take(&mut self.input);
        let told = self.told;
        let output = self.unchecked(|walker| walker.apart(|walker| walker.sequence(body)));
        self.told = told || output.local && output.text.is_none() && output.names.is_empty();
        self.input = outer;
        if let Some(text) = output.text {
            return Some(vec![Arg::exact(text.trim_end_matches('\n'))]);
        }
        (!output.names.is_empty()).then_some(output.names)
    }

    /// Runs what is in `<( … )` or `>( … )`.
    pub(super) fn substituted(&mut self, body: &'p [Statement]) {
        let _open = outline::part(self.situation.budget.trace.as_ref(), outline::Kind::Process);
        let given = Input { given: true, local: true, ..Input::default() };
        let outer = std::mem::replace(&mut self.input, given);
        self.apart(|walker| walker.sequence(body));
        self.input = outer;
    }
}

/// Whether a redirection may fail: its file is not there, or cannot be written. Then nothing is run.
fn may_not_open(redirect: &Redirect) -> bool {
    match redirect.kind {
        RedirectKind::Text => false,
        RedirectKind::Duplicate if matches!(redirect.target.plain(), Some("0" | "1" | "2" | "-")) => false,
        _ => redirect.target.plain() != Some("/dev/null"),
    }
}

/// Why such a value is opaque.
pub(super) const RUNS_AS_NUMBER: &str = "a value that runs a command where a number is read";

/// Whether the shell would run a part of `text` where it reads it as a number or a variable's name:
/// `name[$(command)]`.
pub(super) fn runs_as_number(text: &str) -> bool {
    let Some((name, subscript)) = text.split_once('[') else { return false };
    name.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_')
        && (subscript.contains("$(") || subscript.contains('`'))
}

/// What setting a variable for programs does to an operation.
pub(super) fn apply_setting(name: &str, value: Option<&Arg>, operation: &mut Operation) {
    match setting(name, value) {
        Setting::Harmless => {}
        Setting::Code => operation.does.insert(Trait::ExecuteCode),
        Setting::Dangerous => {
            operation.does.insert(Trait::Environment);
            note(operation, Aspect::Effects, format!("the variable {name} changes what programs do"));
        }
    }
}

/// Whether opening the file connects to another machine.
fn is_connection(target: &Arg) -> bool {
    target.text.starts_with("/dev/tcp/") || target.text.starts_with("/dev/udp/")
}

/// `2` of `>&2`, or `-`.
fn is_descriptor(target: &Arg) -> bool {
    target.known().is_some_and(|text| {
        let digits = text.strip_suffix('-').unwrap_or(text);
        digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
