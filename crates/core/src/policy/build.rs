//! Puts the files of a policy together.

use super::boundary::{ActionPolicy, Boundaries};
use super::error::{PolicyError, Problem, Source, Span};
use super::index::RuleIndex;
use super::read::{place, read};
use super::rule::Rule;
use super::sandbox::SandboxGrants;
use super::source::{List, PolicySource, ProgramSource, RuleSource, Stance, ToolSource};
use super::text_pattern::TextPattern;
use super::{Analyse, Defaults, Policy, SQL_APPROVE, examples, lint, packs};
use crate::control::Controls;
use crate::control::budget::BudgetSource;
use crate::control::failure::schema::Schema;
use crate::control::notice::{Notifier, NotifierSource};
use crate::control::price::{Prices, PricesSource, UnknownModel};
use crate::decision::Layer;
use crate::digest::Digest;
use crate::program::ProgramSection;
use crate::tool::Declaration;
use rustc_hash::FxHashMap;
use serde_saphyr::Spanned;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The most regular expressions in one policy. Plain texts do not count: they are searched for
/// together. Building a regular expression of the largest permitted size takes milliseconds.
const MAX_EXPRESSIONS: usize = 1000;

/// Collects files, problems and compiled parts.
#[derive(Default)]
pub(super) struct Builder {
    sources: Vec<String>,
    digests: Vec<Digest>,
    rules: Vec<Rule>,
    actions: FxHashMap<Box<str>, Vec<ActionPolicy>>,
    boundaries: Boundaries,
    sandbox: SandboxGrants,
    defaults: Defaults,
    controls: Controls,
    prices: Prices,
    notifiers: Vec<Notifier>,
    tools: HashMap<String, Declaration>,
    schemas: HashMap<String, Vec<Schema>>,
    programs: Vec<Written>,
    problems: Vec<Problem>,
    examples: Vec<examples::Case>,
    packs: Vec<(String, Layer)>,
    expressions: usize,
}

/// What a file says about a program, and where.
struct Written {
    section: ProgramSection,
    source: Source,
    /// The place of each line.
    lines: Vec<Option<Span>>,
}

/// A file that is being added.
#[derive(Clone, Copy)]
struct File<'a> {
    layer: Layer,
    /// The layer of the file that a person wrote: this one, or one that builds on this one.
    written_at: Layer,
    source: &'a Source,
    /// A pack of the binary, whose expressions and examples tests have checked.
    shipped: bool,
}

impl Builder {
    /// `written_at` is the layer of the file that builds on it.
    pub(super) fn add_pack(&mut self, name: &str, layer: Layer, written_at: Layer) {
        match packs::text(name) {
            Some(text) if !self.packs.iter().any(|(pack, at)| pack == name && *at == layer) => {
                self.packs.push((name.to_owned(), layer));
                self.add_text(layer, written_at, &format!("pack:{name}"), text, true);
            }
            Some(_) => {}
            None => {
                let unnamed: Source = Arc::new(miette::NamedSource::new("policy", String::new()));
                self.problems.push(no_such_pack(name, &unnamed, None));
            }
        }
    }

    pub(super) fn add(&mut self, layer: Layer, name: &str, text: &str) {
        self.add_text(layer, layer, name, text, false);
    }

    fn add_text(&mut self, layer: Layer, written_at: Layer, name: &str, text: &str, shipped: bool) {
        let source: Source = Arc::new(miette::NamedSource::new(name, text.to_owned()));
        self.sources.push(format!("{}:{name}", layer.name()));
        self.digests.push(Digest::of_parts(&[layer.name().as_bytes(), text.as_bytes()]));
        let shipped_form = if shipped { packs::read(text) } else { None };
        match shipped_form.map_or_else(|| read(&source), Ok) {
            Ok(written) => self.add_file(File { layer, written_at, source: &source, shipped }, &written),
            Err(problem) => self.problems.push(problem),
        }
    }

    fn add_file(&mut self, file: File<'_>, written: &PolicySource) {
        let File { layer, written_at, source, shipped } = file;
        if written.version.is_some_and(|version| version != 1) {
            let message = "this version of the policy language is not known";
            let problem = Problem::error(source, source_line(source, "version"), message);
            self.problems.push(problem.help("write `version: 1`"));
        }
        for pack in written.extends.iter() {
            if packs::text(pack).is_none() {
                let at = source_line(source, "extends");
                self.problems.push(no_such_pack(pack, source, at));
                continue;
            }
            // What an untrusted file builds on is trusted no more than the file.
            self.add_pack(pack, if layer.may_allow() { Layer::BuiltIn } else { layer }, written_at);
        }
        self.merge_defaults(file, written);
        if let Err(message) = self.boundaries.add(&written.boundaries, layer) {
            let at = source_line(source, "boundaries");
            self.problems.push(Problem::about(source, at, None, message));
        }
        if let Err(message) = self.sandbox.add(&written.sandbox, layer, shipped) {
            self.problems.push(Problem::about(source, source_line(source, "sandbox"), None, message));
        }
        if let Err((key, message)) = self.controls.add(written) {
            self.problems.push(Problem::about(source, source_line(source, key), None, message));
        }
        self.add_budgets(source, &written.budgets);
        self.add_prices(file, &written.prices);
        self.add_notifiers(file, &written.notify);
        for (name, tool) in &written.tools {
            self.add_tool(file, name, tool);
        }
        for (heading, program) in &written.programs {
            self.programs.push(Written::new(file, heading, program));
        }
        for (name, action) in &written.actions {
            let at = place(source, action);
            if !self.count_expressions(expressions(action.value.forbidden_patterns.texts()), source, at) {
                break;
            }
            match ActionPolicy::compile(name, layer, &action.value, shipped) {
                Ok(policy) => self.actions.entry(name.as_str().into()).or_default().push(policy),
                Err(message) => self.problems.push(Problem::about(source, at, None, message)),
            }
        }
        self.add_rules(file, &written.rules);
    }

    fn merge_defaults(&mut self, file: File<'_>, written: &PolicySource) {
        let File { layer, written_at, shipped, .. } = file;
        let (merged, given) = (&mut self.defaults, &written.defaults);
        if let Some(level) = given.confine {
            merged.confine.ask(level, written_at, shipped);
        }
        if let Some(seconds) = given.approval_timeout_s {
            // The shortest holds. Only a trusted file may lengthen the built-in time.
            let trusted = merged.approval_timeout_s.unwrap_or(u64::MAX);
            let current = if layer.may_allow() { trusted } else { merged.timeout_s() };
            merged.approval_timeout_s = Some(current.min(seconds));
        }
        if given.undecided == Some(Stance::Deny) {
            merged.undecided = Stance::Deny;
        }
        if given.outgoing_secret == Some(Stance::Deny) {
            merged.outgoing_secret = Stance::Deny;
        }
        merged.sql_deny.extend(given.sql_deny.iter());
        if let Some(classes) = &given.sql_approve {
            if layer.may_allow() {
                merged.sql_approve.get_or_insert_default().extend(classes.iter());
            } else {
                merged.sql_approve_also.extend(classes.iter());
            }
        }
    }

    /// Adds what a trusted file says about the arguments of a tool. Meaning that a project's file
    /// gives would hide an argument from the checks that infer its meaning, so it counts nothing.
    fn add_tool(&mut self, file: File<'_>, name: &str, tool: &Spanned<ToolSource>) {
        if let Some(pointer) = tool.value.fields.keys().find(|pointer| !pointer.starts_with('/')) {
            let message = format!("`{pointer}` is not a JSON pointer");
            let problem = Problem::about(file.source, place(file.source, tool), None, message);
            self.problems.push(problem.help(format!("write `/{pointer}`")));
        }
        // A schema only tightens: that of any file counts.
        match tool.value.schema.as_ref().map(Schema::compile) {
            Some(Ok(schema)) => self.schemas.entry(name.to_owned()).or_default().push(schema),
            Some(Err(message)) => {
                self.problems.push(Problem::about(file.source, place(file.source, tool), None, message));
            }
            None => {}
        }
        let private = tool.value.private == Some(true);
        if !file.layer.may_allow() && !private {
            return;
        }
        let declared = self
            .tools
            .entry(name.to_owned())
            .or_insert_with(|| Declaration { infer: true, ..Declaration::default() });
        declared.private |= private;
        if !file.layer.may_allow() {
            return;
        }
        declared.fields.extend(tool.value.fields.iter().map(|(pointer, kind)| (pointer.clone(), *kind)));
        declared.infer &= tool.value.infer.unwrap_or(true);
    }

    fn add_budgets(&mut self, source: &Source, budgets: &[Spanned<BudgetSource>]) {
        let mut last = None;
        for budget in budgets {
            let at = place(source, budget);
            last = at;
            if let Err(message) = self.controls.budgets.add(&budget.value) {
                self.problems.push(Problem::about(source, at, None, message));
            }
        }
        if let Err(message) = self.controls.budgets.check_tree() {
            self.problems.push(Problem::about(source, last, None, message));
        }
    }

    /// Adds the prices of a trusted file. Those of another one would make an action look cheaper than it is; it may
    /// only refuse models that have no price.
    fn add_prices(&mut self, file: File<'_>, written: &PricesSource) {
        if file.layer.may_allow() {
            if let Err(message) = self.prices.add(written, file.layer) {
                let at = source_line(file.source, "prices");
                self.problems.push(Problem::about(file.source, at, None, message));
            }
        } else if written.unknown_model == Some(UnknownModel::Deny) {
            self.prices.restrict(UnknownModel::Deny);
        }
    }

    /// Adds where notices go. A file that is not trusted may not name programs to run, nor addresses to tell.
    fn add_notifiers(&mut self, file: File<'_>, written: &[NotifierSource]) {
        for source in written {
            let compiled = Notifier::compile(source).and_then(|notifier| {
                let refused =
                    || "only the organisation's and the user's file say where notices go".to_owned();
                file.layer.may_allow().then_some(notifier).ok_or_else(refused)
            });
            match compiled {
                Ok(notifier) => self.notifiers.push(notifier),
                Err(message) => {
                    let at = source_line(file.source, "notify");
                    self.problems.push(Problem::about(file.source, at, None, message));
                }
            }
        }
    }

    fn add_rules(&mut self, file: File<'_>, rules: &[Spanned<RuleSource>]) {
        let File { layer, source, shipped, .. } = file;
        self.rules.reserve(rules.len());
        let mut names = HashSet::new();
        for (number, rule) in rules.iter().enumerate() {
            let at = place(source, rule);
            let end = rules.get(number + 1).and_then(|next| place(source, next)).map(|(offset, _)| offset);
            let excepted = rule.value.except.iter().flat_map(|except| except.matches.texts());
            let more = expressions(rule.value.when.matches.texts().chain(excepted));
            if !self.count_expressions(more, source, at) {
                return;
            }
            let compiled = match Rule::compile(&rule.value, layer, number + 1, shipped) {
                Ok(compiled) => compiled,
                Err(message) => {
                    self.problems.push(Problem::about(source, at, end, message));
                    continue;
                }
            };
            if let Some(first) = compiled.first()
                && !names.insert(Arc::clone(&first.name))
            {
                let message = format!("two rules are called `{}`", first.name);
                let problem = Problem::about(source, at, end, message);
                self.problems.push(problem.help("give each rule a name of its own"));
            }
            if !shipped {
                self.problems.extend(lint::impossible(&rule.value, source, at, end));
                let range = self.rules.len()..self.rules.len() + compiled.len();
                self.examples.push(examples::Case::new(&rule.value, range, source));
            }
            self.rules.extend(compiled);
        }
    }

    /// Counts regular expressions. The answer: whether there are few enough.
    fn count_expressions(&mut self, more: usize, source: &Source, at: Option<Span>) -> bool {
        let before = self.expressions;
        self.expressions = before.saturating_add(more);
        if before <= MAX_EXPRESSIONS && self.expressions > MAX_EXPRESSIONS {
            let message = format!("the policy has more than {MAX_EXPRESSIONS} regular expressions");
            let help = "compare facts instead of texts, as in `program:` or `paths:`";
            self.problems.push(Problem::error(source, at, message).help(help));
        }
        self.expressions <= MAX_EXPRESSIONS
    }

    pub(super) fn finish(mut self, analyse: impl Analyse) -> Result<Policy, PolicyError> {
        let index = match RuleIndex::build(&self.rules) {
            Ok(index) => index,
            Err(message) => {
                let source: Source = Arc::new(miette::NamedSource::new("policy", String::new()));
                return Err(Problem::error(&source, None, message).into());
            }
        };
        self.problems.extend(self.programs.iter().filter_map(|written| written.check(analyse)));
        let programs: Vec<ProgramSection> =
            self.programs.into_iter().map(|written| written.section).collect();
        let known = examples::Known { tools: &self.tools, programs: &programs };
        for case in &self.examples {
            case.check(&self.rules, known, analyse, &mut self.problems);
        }
        if self.problems.iter().any(|problem| !problem.warning) {
            return Err(PolicyError { problems: self.problems });
        }
        self.digests.push(self.prices.digest());
        let parts: Vec<&[u8]> = self.digests.iter().map(|digest| &digest.0[..]).collect();
        let any_tool = self.rules.iter().any(Rule::allows_every_tool);
        self.boundaries.finish();
        self.defaults.finish(SQL_APPROVE);
        Ok(Policy {
            id: Digest::of_parts(&parts),
            sources: self.sources,
            rules: self.rules,
            index,
            actions: self.actions,
            boundaries: self.boundaries,
            sandbox: self.sandbox,
            defaults: self.defaults,
            controls: Arc::new(self.controls),
            prices: self.prices,
            notifiers: self.notifiers,
            tools: self.tools,
            schemas: self.schemas,
            programs,
            any_tool,
        })
    }
}

/// The keys that a price file may have.
const PRICE_FILE_KEYS: &[&str] = &["version", "name", "description", "prices"];

pub(super) fn check_prices(name: &str, text: &str) -> Result<Prices, PolicyError> {
    let source: Source = Arc::new(miette::NamedSource::new(name, text.to_owned()));
    let written = read(&source)?;
    let keys: HashMap<String, serde::de::IgnoredAny> = serde_saphyr::from_str(text).unwrap_or_default();
    if let Some(key) = keys.keys().find(|key| !PRICE_FILE_KEYS.contains(&key.as_str())) {
        let message = format!("a price file holds `prices` and not `{key}`");
        return Err(Problem::error(&source, source_line(&source, key), message).into());
    }
    if written.prices.models.is_empty() {
        return Err(
            Problem::error(&source, None, "the file has no prices: write `prices:` with `models:`").into()
        );
    }
    let mut prices = Prices::default();
    match prices.add(&written.prices, Layer::BuiltIn) {
        Ok(()) => Ok(prices),
        Err(message) => Err(Problem::about(&source, source_line(&source, "prices"), None, message).into()),
    }
}

impl Written {
    fn new(file: File<'_>, heading: &str, program: &Spanned<ProgramSource>) -> Self {
        let words = |list: &Spanned<List>| list.value.0.join(" ");
        // `options:` holds what the tables write as lines of one word.
        let lines = program.value.iter().flat_map(|(key, list)| match key.as_str() {
            "options" => list.value.iter().map(|word| (word.clone(), list)).collect(),
            _ => vec![(format!("{key}: {}", words(list)), list)],
        });
        let (lines, places): (Vec<String>, Vec<Option<Span>>) =
            lines.map(|(line, list)| (line, place(file.source, list))).unzip();
        Self {
            section: ProgramSection { heading: heading.to_owned(), lines, trusted: file.layer.may_allow() },
            source: Arc::clone(file.source),
            lines: places,
        }
    }

    fn check(&self, analyse: impl Analyse) -> Option<Problem> {
        let misread = analyse.check(&self.section).err()?;
        let value = misread.line.and_then(|line| self.lines.get(line).copied().flatten());
        // The key stands before its value.
        let line = |offset: usize| self.source.inner().get(..offset).and_then(|text: &str| text.rfind('\n'));
        let at = value.map(|(offset, length)| (line(offset).map_or(0, |end| end + 1), length));
        let mut problem = Problem::about(&self.source, at, None, misread.message).help(misread.help);
        if problem.span == at {
            problem.span = value;
        }
        Some(problem)
    }
}

fn expressions<'a>(patterns: impl Iterator<Item = &'a str>) -> usize {
    patterns.filter(|pattern| !TextPattern::is_plain(pattern)).count()
}

fn no_such_pack(name: &str, source: &Source, at: Option<Span>) -> Problem {
    let known: Vec<&str> = packs::PACKS.iter().map(|(pack, _)| *pack).collect();
    Problem::about(source, at, None, format!("there is no pack called `{name}`"))
        .help(format!("the packs are: {}", known.join(", ")))
}

/// The first line that starts with `key`.
fn source_line(source: &Source, key: &str) -> Option<Span> {
    let mut offset = 0;
    for line in source.inner().split_inclusive('\n') {
        if line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')) {
            return Some((offset, key.len()));
        }
        offset += line.len();
    }
    None
}
