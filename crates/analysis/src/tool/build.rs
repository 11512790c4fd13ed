//! Builds facts from the arguments, one by one.

use super::decode::{decode, is_disguised, other_readings};
use super::fields::{Leaf, Leaves, Source};
use super::is_outgoing;
use crate::path::{cleaned, literal_use, path_use};
use crate::program::Input;
use crate::text::normalised;
use crate::{Programs, Surroundings, host, program, secret, shell, sql, url};
use stayhand_core::facts::{
    Access, Aspect, Facts, FieldKind, HostUse, Injected, Invalid, Opaque, Operation, PathUse, SecretUse,
    Text, Trait,
};
use stayhand_core::tool::Tool;
use std::borrow::Cow;

/// How many earlier uses a path is compared with, to name each use once.
const MAX_COMPARED: usize = 16;

/// Collects what the arguments say.
pub(super) struct Builder<'a> {
    known: Option<&'static Tool>,
    at: Surroundings<'a>,
    programs: &'a Programs,
    /// The standard input of the commands it runs.
    input: Input,
    /// What the tool does by itself, apart from commands it runs.
    own: Operation,
    /// SQL is read last, when the dialect is known.
    sql: Vec<&'a str>,
    /// URLs are read last, when the method is known.
    urls: Vec<&'a str>,
    commands: Vec<Operation>,
    facts: Facts,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        known: Option<&'static Tool>,
        at: Surroundings<'a>,
        programs: &'a Programs,
        input: Input,
    ) -> Self {
        Self {
            known,
            at,
            programs,
            input,
            own: Operation::default(),
            sql: Vec::new(),
            urls: Vec::new(),
            commands: Vec::new(),
            facts: Facts::default(),
        }
    }

    /// Adds what one argument says.
    pub(super) fn add(&mut self, leaf: &Leaf<'a>) {
        let commands_before = self.commands.len();
        match leaf.kind {
            FieldKind::Path => self.add_path(leaf, self.reading_access()),
            FieldKind::WritePath => self.add_path(leaf, Access::Write),
            FieldKind::DeletePath => self.add_path(leaf, Access::Delete),
            FieldKind::Url => self.add_url(leaf),
            FieldKind::Host => self.add_host(leaf.text()),
            FieldKind::Command => self.add_command(leaf),
            FieldKind::Argv => self.add_argv(leaf),
            FieldKind::Sql => self.sql.push(leaf.text()),
            FieldKind::Code => self.add_code(leaf),
            FieldKind::Data => self.add_data(leaf),
            FieldKind::Secret => {}
            FieldKind::Amount | FieldKind::Recipient | FieldKind::Outgoing | FieldKind::Text => {}
        }
        self.add_texts(leaf);
        self.add_secrets(leaf, commands_before);
    }

    /// The facts of all arguments.
    pub(super) fn finish(mut self, leaves: &Leaves<'_>) -> Facts {
        self.add_amounts(leaves);
        self.read_urls(leaves);
        self.read_sql(leaves);
        if leaves.is_incomplete() {
            self.own.opaque.push(Opaque {
                aspect: Aspect::Effects,
                why: "the arguments are too many or too deep".to_owned(),
            });
        }
        let runs_only = self.own == Operation::default() && !self.commands.is_empty();
        if !runs_only {
            self.facts.operations.push(self.own);
        }
        self.facts.operations.append(&mut self.commands);
        self.facts
    }

    /// What a tool does to a path that it only names.
    fn reading_access(&self) -> Access {
        if self.known.is_some_and(|tool| tool.name == "list_dir") { Access::List } else { Access::Read }
    }

    fn add_path(&mut self, leaf: &Leaf<'_>, access: Access) {
        let text = leaf.text().trim_matches(is_margin);
        if text.is_empty() && leaf.source == Source::Inferred {
            return;
        }
        if text.contains(char::is_control) {
            return self.invalid(leaf, "holds control characters");
        }
        let local = match of_file_url(text) {
            Some(Ok(path)) => Cow::Owned(path),
            Some(Err(opaque)) => return self.own.opaque.push(opaque),
            None if url::looks_like_url(text) => {
                return self.contact(url::host_use(text, None));
            }
            None => Cow::Borrowed(text),
        };
        self.add_reading(&local, access);
        if is_disguised(&local) {
            self.own.opaque.push(Opaque {
                aspect: Aspect::Paths,
                why: "the path is encoded as no file name is".to_owned(),
            });
        }
        for reading in other_readings(&local) {
            self.add_reading(&reading, access);
        }
    }

    /// One reading of a path. Tools that take one file take its name literally; what others make
    /// of wildcards is not known.
    fn add_reading(&mut self, text: &str, access: Access) {
        let literal = self.known.is_some_and(|tool| !matches!(tool.name, "list_dir" | "bash" | "exec"));
        let used =
            if literal { literal_use(access, text, &self.at) } else { path_use(access, text, &self.at) };
        if let Some(used) = self.taken(used) {
            self.add_use(used);
        }
    }

    fn add_use(&mut self, used: PathUse) {
        if !self.own.paths.iter().rev().take(MAX_COMPARED).any(|earlier| *earlier == used) {
            self.own.paths.push(used);
        }
    }

    /// A URL names a host, or a file on this machine.
    fn add_url(&mut self, leaf: &Leaf<'a>) {
        if of_file_url(leaf.text().trim_matches(is_margin)).is_some() {
            self.add_path(leaf, Access::Read);
        } else {
            self.urls.push(leaf.text());
        }
    }

    fn add_host(&mut self, text: &str) {
        self.contact(host::host_use(text.trim_matches(is_margin)));
    }

    fn contact(&mut self, used: Result<HostUse, Opaque>) {
        if let Some(used) = self.taken(used) {
            self.own.hosts.push(used);
        }
    }

    /// The value, or `None` with the reason kept.
    fn taken<T>(&mut self, result: Result<T, Opaque>) -> Option<T> {
        result.map_err(|opaque| self.own.opaque.push(opaque)).ok()
    }

    fn add_command(&mut self, leaf: &Leaf<'_>) {
        if leaf.text().contains('\0') {
            self.invalid(leaf, "holds a NUL character");
        }
        if !(leaf.text().trim().is_empty() && leaf.source == Source::Inferred) {
            self.commands.extend(shell::operations_given(leaf.text(), &self.at, self.programs, &self.input));
        }
    }

    fn add_argv(&mut self, leaf: &Leaf<'_>) {
        if leaf.words.iter().any(|word| word.contains('\0')) {
            self.invalid(leaf, "holds a NUL character");
        }
        let argv: Vec<String> = leaf.words.iter().map(|word| (*word).to_owned()).collect();
        self.commands.extend(program::operations_of_argv(&argv, &self.at, self.programs, &self.input));
    }

    /// Code of the `python` tool is looked into; what other tools make of code is not known.
    fn add_code(&mut self, leaf: &Leaf<'_>) {
        if self.known.is_some_and(|tool| tool.name == "python") {
            return self.commands.extend(program::operations_of_python(
                leaf.text(),
                &self.at,
                self.programs,
                &self.input,
            ));
        }
        self.own.does.insert(Trait::ExecuteCode);
        self.own.opaque.push(Opaque { aspect: Aspect::Effects, why: "inline code".to_owned() });
    }

    fn add_data(&mut self, leaf: &Leaf<'_>) {
        if let Some(why) = sql::injection(leaf.text()) {
            self.facts.injected.push(Injected { field: leaf.pointer.clone(), why: why.to_owned() });
        }
    }

    /// An amount counts the same, be it a number or a text.
    fn add_amounts(&mut self, leaves: &Leaves<'_>) {
        let amount = |(field, text): &(String, String)| Text {
            field: field.clone(),
            kind: FieldKind::Amount,
            text: text.clone(),
        };
        self.facts.texts.extend(leaves.amounts.iter().map(amount));
    }

    fn read_urls(&mut self, leaves: &Leaves<'_>) {
        let fetches = self.known.is_some_and(|tool| tool.name == "fetch");
        let sends = ["body", "data", "json", "form", "files", "payload"].iter().any(|name| leaves.has(name));
        let method = match leaves.method {
            // What sends data changes something over there, whatever it calls itself.
            Some(method) if !(sends && is_reading(method)) => Some(method),
            _ if fetches && sends => Some("POST"),
            stated => stated.or(fetches.then_some("GET")),
        };
        for text in std::mem::take(&mut self.urls) {
            self.contact(url::host_use(text.trim_matches(is_margin), method));
        }
    }

    fn read_sql(&mut self, leaves: &Leaves<'_>) {
        for text in std::mem::take(&mut self.sql) {
            let statements = self.taken(sql::statements(text, leaves.dialect));
            self.own.statements.extend(statements.unwrap_or_default());
        }
    }

    fn add_texts(&mut self, leaf: &Leaf<'_>) {
        if leaf.kind == FieldKind::Secret {
            return;
        }
        if leaf.kind == FieldKind::Argv {
            let words: Vec<Cow<'_, str>> = leaf.words.iter().map(|word| normalised(word)).collect();
            return self.push_text(leaf, words.join(" "));
        }
        let text = normalised(leaf.text());
        if !matches!(leaf.kind, FieldKind::Path | FieldKind::WritePath | FieldKind::DeletePath) {
            return self.push_text(leaf, text.into_owned());
        }
        let trimmed = text.trim_matches(is_margin);
        let local = of_file_url(trimmed).and_then(Result::ok);
        let local = local.as_deref().unwrap_or(trimmed);
        self.push_text(leaf, cleaned(local).into_owned());
        for reading in other_readings(local) {
            self.push_text(leaf, cleaned(&reading).into_owned());
        }
    }

    fn push_text(&mut self, leaf: &Leaf<'_>, text: String) {
        let mut earlier = self.facts.texts.iter().rev().take_while(|earlier| earlier.field == leaf.pointer);
        if !earlier.any(|earlier| earlier.text == text) {
            self.facts.texts.push(Text { field: leaf.pointer.clone(), kind: leaf.kind, text });
        }
    }

    fn add_secrets(&mut self, leaf: &Leaf<'_>, commands_before: usize) {
        let mut kinds: Vec<&'static str> =
            leaf.words.iter().flat_map(|word| secret::find(word)).map(|found| found.kind).collect();
        if kinds.is_empty() && leaf.kind == FieldKind::Secret && !leaf.text().is_empty() {
            kinds.push("field");
        }
        kinds.dedup();
        let commands = self.commands.get_mut(commands_before..).unwrap_or_default();
        let outgoing = if commands.is_empty() {
            is_outgoing(leaf, self.known)
        } else {
            commands.iter().any(reaches_out)
        };
        let uses = kinds.into_iter().map(|kind| SecretUse {
            kind: kind.to_owned(),
            field: leaf.pointer.clone(),
            outgoing,
        });
        match commands.first_mut() {
            Some(operation) => operation.secrets.extend(uses),
            None => self.own.secrets.extend(uses),
        }
    }

    fn invalid(&mut self, leaf: &Leaf<'_>, why: &str) {
        self.facts.invalid.push(Invalid { field: leaf.pointer.clone(), why: why.to_owned() });
    }
}

/// Whether a command sends anything to other machines, or may.
fn reaches_out(operation: &Operation) -> bool {
    !operation.hosts.is_empty()
        || operation.does.contains(Trait::Network)
        || operation.does.contains(Trait::Disclose)
        || operation.does.contains(Trait::Publish)
        || operation.hides(Aspect::Hosts)
}

/// Blanks and line ends around a path or a URL, which are not part of it.
fn is_margin(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The path of a `file:` URL.
fn of_file_url(text: &str) -> Option<Result<String, Opaque>> {
    let scheme = text.get(..5)?;
    if !scheme.eq_ignore_ascii_case("file:") {
        return None;
    }
    let rest = text.get(5..).unwrap_or_default();
    let path = match rest.strip_prefix("//") {
        Some(after) => {
            let (machine, path) = after.find('/').map_or((after, ""), |slash| after.split_at(slash));
            if !matches!(machine, "" | "localhost" | "127.0.0.1") {
                return Some(Err(Opaque {
                    aspect: Aspect::Paths,
                    why: "the file lies on another machine".to_owned(),
                }));
            }
            path
        }
        None => rest,
    };
    let decoded = decode(path.split(['?', '#']).next().unwrap_or_default());
    Some(Ok(decoded))
}

/// Whether a request method only asks.
fn is_reading(method: &str) -> bool {
    ["GET", "HEAD", "OPTIONS"].iter().any(|known| method.trim().eq_ignore_ascii_case(known))
}
