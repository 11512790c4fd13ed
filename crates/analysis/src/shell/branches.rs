//! Walking what may run, may not, or runs often: lists with `&&` and `||`, choices, loops.

use super::excess;
use super::operations::{Walker, apply_setting};
use super::plan::{Connector, Statement, Word};
use super::scope::Scope;
use crate::program::{Arg, Input};
use stayhand_core::facts::{Operation, Trait, Traits};

/// Most passes over a loop whose state goes on changing. Nothing is known of it in the one after them.
const MAX_PASSES: usize = 3;
/// Most values of a loop variable that are walked one by one.
const MAX_ROUNDS: usize = 8;

impl<'p> Walker<'p, '_> {
    /// A loop that never ends and starts processes all the time.
    pub(super) fn endless(&mut self, test: &'p [Statement], arms: &'p [Vec<Statement>]) {
        if excess::never_ends(test, arms) && excess::forks(arms) {
            self.exhausts();
        }
    }

    pub(super) fn exhausts(&mut self) {
        self.push(Operation { does: Traits::NONE.with(Trait::Exhaust), ..Operation::default() });
    }

    pub(super) fn and_or(&mut self, first: &'p Statement, rest: &'p [(Connector, Statement)]) -> Input {
        let (mut output, mut failed) = self.attempt(first);
        let mut silent = self.prints_nothing(first);
        for (connector, next) in rest {
            let other = match connector {
                Connector::And => failed,
                Connector::Or => std::mem::replace(&mut self.scope, failed),
            };
            let more;
            (more, failed) = self.attempt(next);
            match connector {
                _ if self.leaves(next) => (self.scope, failed) = (other.clone(), other),
                Connector::And => failed.join(&other),
                Connector::Or => self.scope.join(&other),
            }
            output = Input {
                local: output.local | more.local,
                fetched: output.fetched | more.fetched,
                given: true,
                // What came before is in the output, too, and nobody knows its words.
                ..if silent { more } else { Input::default() }
            };
            silent &= self.prints_nothing(next);
        }
        self.scope.join(&failed);
        output
    }

    /// Runs a statement, which leaves the state after its success, and gives the one after its failure as well.
    fn attempt(&mut self, statement: &'p Statement) -> (Input, Scope<'p>) {
        let mut failed = self.scope.clone();
        let output = self.unchecked(|walker| walker.statement(statement));
        // What cannot change its folder is where it was.
        let only_moves = matches!(statement, Statement::Command(command) if excess::first_word(command) == Some("cd"))
            && !self.may_be_function("cd");
        if !only_moves {
            failed.join(&self.scope);
        }
        (output, failed)
    }

    /// Runs what ends no shell by its failure, whatever is set.
    pub(super) fn unchecked(&mut self, run: impl FnOnce(&mut Self) -> Input) -> Input {
        self.unchecked += 1;
        let output = run(self);
        self.unchecked -= 1;
        output
    }

    /// Keeps the state in which a loop or function is left early.
    pub(super) fn escape(&mut self) {
        match &mut self.escaped {
            Some(escaped) => escaped.join(&self.scope),
            None => self.escaped = Some(self.scope.clone()),
        }
    }

    /// What follows may come after any early end.
    pub(super) fn join_escaped(&mut self) {
        if let Some(escaped) = &self.escaped {
            self.scope.join(escaped);
        }
    }

    /// Whether what follows a statement never runs.
    fn leaves(&self, statement: &Statement) -> bool {
        match statement {
            Statement::Command(command) => excess::first_word(command).is_some_and(|name| {
                matches!(name, "exit" | "return" | "break" | "continue")
                    && self.scope.function(name).is_none()
            }),
            Statement::Group(body) | Statement::Negated(body) => {
                body.last().is_some_and(|last| self.leaves(last))
            }
            _ => false,
        }
    }

    /// Whether a statement prints nothing for certain. A function may have the name of a program that does not.
    fn prints_nothing(&self, statement: &Statement) -> bool {
        excess::silent_program(statement).is_some_and(|name| !self.may_be_function(name))
    }

    pub(super) fn may_be_function(&self, name: &str) -> bool {
        self.defined.iter().any(|(function, _)| function.name == name)
    }

    pub(super) fn choice(&mut self, test: &'p [Statement], arms: &'p [Vec<Statement>]) -> Input {
        let mut output = self.unchecked(|walker| walker.sequence(test));
        output.names.clear();
        output.text = None;
        let start = self.scope.clone();
        for arm in arms {
            let after = std::mem::replace(&mut self.scope, start.clone());
            let more = self.sequence(arm);
            output.local |= more.local;
            output.fetched |= more.fetched;
            self.scope.join(&after);
        }
        output
    }

    /// Runs something that may run any number of times: what it changes is not known within it.
    pub(super) fn repeat(&mut self, mut run: impl FnMut(&mut Self) -> Input) -> Input {
        let mark = self.found.len();
        let mut earlier: Vec<Operation> = Vec::new();
        let mut passes = 0;
        loop {
            if passes == MAX_PASSES {
                self.scope.forget_all();
                self.scope.forget_folders();
            }
            let before = self.scope.clone();
            let output = run(self);
            self.scope.join(&before);
            self.join_escaped();
            for operation in earlier.drain(..) {
                if !self.found.get(mark..).is_some_and(|found| found.contains(&operation)) {
                    self.found.push(operation);
                }
            }
            if passes == MAX_PASSES || !self.scope.differs(&before) {
                return output;
            }
            passes += 1;
            earlier = self.found.split_off(mark);
        }
    }

    pub(super) fn for_each(
        &mut self,
        variable: &'p str,
        values: Option<&'p [Word]>,
        body: &'p [Statement],
    ) -> Input {
        let values = match values {
            Some(words) => Some(self.expand_all(words)),
            None => self.scope.positional.as_deref().map(<[Arg]>::to_vec),
        };
        let values = values.filter(|values| values.iter().all(|value| !value.is_unknown()));
        self.sets(variable, values.as_deref());
        let Some(values) = values.filter(|values| values.len() <= MAX_ROUNDS) else {
            self.scope.forget(variable);
            return self.repeat(|walker| {
                walker.scope.forget(variable);
                walker.sequence(body)
            });
        };
        let mut output = Input::default();
        for value in values {
            output = self.repeat(|walker| {
                walker.scope.set(variable, vec![value.clone()]);
                walker.sequence(body)
            });
        }
        Input { names: Vec::new(), text: None, ..output }
    }

    /// `while read NAME`: the body runs once for each name that comes in.
    pub(super) fn read_each(
        &mut self,
        variable: &'p str,
        test: &'p [Statement],
        arms: &'p [Vec<Statement>],
    ) -> Input {
        let names = std::mem::take(&mut self.input.names);
        let mut output = Input::default();
        for name in names.iter().take(MAX_ROUNDS) {
            output = self.repeat(|walker| {
                let mut output = walker.sequence(test);
                if name.is_unknown() {
                    walker.scope.forget(variable);
                } else {
                    walker.scope.set(variable, vec![name.clone()]);
                }
                for arm in arms {
                    output = walker.sequence(arm);
                }
                output
            });
        }
        if names.len() > MAX_ROUNDS {
            output = self.repeat(|walker| walker.choice(test, arms));
        }
        self.input.names = names;
        Input { names: Vec::new(), text: None, ..output }
    }

    /// Variables of loops may be ones that programs heed.
    fn sets(&mut self, variable: &str, values: Option<&[Arg]>) {
        let mut operation = Operation::default();
        match values {
            Some(values) => {
                values.iter().for_each(|value| apply_setting(variable, Some(value), &mut operation));
            }
            None => apply_setting(variable, None, &mut operation),
        }
        if operation != Operation::default() {
            self.push(operation);
        }
    }
}

/// The variable of a loop's `read NAME`, where it takes whole lines into one variable.
pub(super) fn reads_one(test: &[Statement]) -> Option<&str> {
    let [Statement::Command(command)] = test else { return None };
    let words: Vec<&str> = command.words.iter().map(Word::plain).collect::<Option<_>>()?;
    match words.as_slice() {
        ["read", variable]
        | ["read", "-r", variable]
        | ["read", "-d" | "-rd", "", variable]
        | ["read", "-r", "-d", "", variable]
        | ["read", "-d", "", "-r", variable] => Some(variable),
        _ => None,
    }
}
