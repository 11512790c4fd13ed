//! Whether all of a text was read.

use super::plan::{Assignment, Form, Part, Redirect, ShellPlan, Statement, Word};

impl ShellPlan {
    /// Whether nothing in the plan is unread.
    pub(super) fn is_read(&self) -> bool {
        statements(&self.body)
    }
}

fn statements(body: &[Statement]) -> bool {
    body.iter().all(statement)
}

fn statement(statement: &Statement) -> bool {
    match statement {
        Statement::Command(command) => {
            words(&command.words)
                && command.assignments.iter().chain(&command.declared).all(assignment)
                && redirects(&command.redirects)
        }
        Statement::Pipeline(body)
        | Statement::Group(body)
        | Statement::Negated(body)
        | Statement::Subshell(body) => statements(body),
        Statement::AndOr { first, rest } => {
            self::statement(first) && rest.iter().all(|(_, next)| self::statement(next))
        }
        Statement::Choice { test, arms, .. } => statements(test) && arms.iter().all(|arm| statements(arm)),
        Statement::For { values, body, .. } => values.as_deref().is_none_or(words) && statements(body),
        Statement::Function { body, .. } => statements(body),
        Statement::Redirected { body, redirects: opened } => self::statement(body) && redirects(opened),
        Statement::Evaluate { words: evaluated, .. } => words(evaluated),
        Statement::Unread(_) => false,
    }
}

fn assignment(assignment: &Assignment) -> bool {
    words(&assignment.value)
}

fn redirects(redirects: &[Redirect]) -> bool {
    redirects.iter().all(|redirect| word(&redirect.target))
}

fn words(words: &[Word]) -> bool {
    words.iter().all(word)
}

fn word(word: &Word) -> bool {
    word.parts.iter().all(part)
}

fn part(part: &Part) -> bool {
    match part {
        Part::Text { .. } => true,
        Part::Variable { form, .. } => match form {
            Form::Plain | Form::Length => true,
            Form::Default(more, _)
            | Form::Alternative(more)
            | Form::TrimEnd(more, _)
            | Form::TrimStart(more, _) => word(more),
            Form::Required(more, _) => words(more),
            Form::Derived(used, inserted) => words(used) && words(inserted),
        },
        Part::Output { body, .. } | Part::Process(body) => statements(body),
        Part::Number(parts) => words(parts),
        Part::Unread(_) => false,
    }
}
