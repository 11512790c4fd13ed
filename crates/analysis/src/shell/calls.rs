//! Functions, and texts that run in the shell's own state.

use super::operations::Walker;
use super::outline;
use super::plan::{ShellPlan, Statement};
use super::scope::Function;
use crate::program::{Arg, Input, MAX_DEPTH, Situation};

/// Most functions of one text that are walked.
const MAX_DEFINED: usize = 512;
/// Deepest calls of functions by functions.
const MAX_CALLS: usize = 8;

impl<'p> Walker<'p, '_> {
    pub(super) fn define(&mut self, name: &'p str, body: &'p [Statement]) -> Input {
        let function = Function { name, body, certain: true };
        if !self.scope.define(function) || self.defined.len() >= MAX_DEFINED {
            self.unread("there are too many functions");
            return Input::default();
        }
        if !self.defined.iter().any(|(known, _)| std::ptr::eq(known.body, body)) {
            self.defined.push((function, false));
        }
        Input::default()
    }

    /// Runs the body of a function with its words.
    pub(super) fn call(&mut self, function: Function<'p>, words: Vec<Arg>) -> Input {
        for (known, called) in &mut self.defined {
            *called |= std::ptr::eq(known.body, function.body);
        }
        if let Some((_, copies)) = self.calls.iter().find(|(name, _)| *name == function.name) {
            // A function that calls itself in copies of the shell multiplies.
            if self.copies > *copies {
                self.exhausts();
            }
            return Input::default();
        }
        if self.calls.len() >= MAX_CALLS {
            self.unread("functions call each other too deeply");
            return Input::default();
        }
        self.calls.push((function.name, self.copies));
        let positional = self.scope.positional.replace(words.into());
        let (outer, before) = (std::mem::take(&mut self.locals), self.scope.clone());
        let escaped = self.escaped.take();
        let output = self.sequence(function.body);
        self.join_escaped();
        self.escaped = escaped;
        for name in std::mem::replace(&mut self.locals, outer) {
            self.scope.restore(&name, &before);
        }
        self.scope.positional = positional;
        self.calls.pop();
        output
    }

    pub(super) fn is_in_function(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Functions that nothing called yet may be called later, in a state that is not known.
    pub(super) fn walk_uncalled(&mut self) {
        let mut index = 0;
        while let Some((function, called)) = self.defined.get(index).copied() {
            index += 1;
            if !called {
                self.scope.forget_all();
                self.calls.push((function.name, self.copies));
                self.sequence(function.body);
                self.calls.pop();
            }
        }
    }

    /// Reads and walks a text in the shell's own state, as `eval` does.
    pub(super) fn evaluate_text(&mut self, text: &str) {
        let _open = outline::part(self.situation.budget.trace.as_ref(), outline::Kind::Text);
        if self.situation.depth >= MAX_DEPTH {
            return self.unread("commands are nested too deeply");
        }
        let plan = ShellPlan::parse(text);
        let situation = Situation { depth: self.situation.depth + 1, ..self.situation };
        let mut inner = Walker::new(situation, self.scope.clone());
        inner.input = self.input.clone();
        inner.calls.clone_from(&self.calls);
        inner.links.clone_from(&self.links);
        inner.written.clone_from(&self.written);
        inner.copies = self.copies;
        inner.unchecked = self.unchecked;
        inner.sequence(&plan.body);
        inner.walk_uncalled();
        let names: Vec<String> = inner.defined.iter().map(|(function, _)| function.name.to_owned()).collect();
        let found = std::mem::take(&mut inner.found);
        self.locals.append(&mut inner.locals);
        let left = inner.escaped.is_some();
        let state = inner.scope.without_functions();
        self.scope.take_state(state);
        if left {
            self.scope.forget_all();
            self.scope.forget_folders();
            self.escape();
        }
        self.scope.add_aliases(names);
        for operation in found {
            self.push(operation);
        }
    }
}
