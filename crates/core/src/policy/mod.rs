//! Policies: read from YAML, compiled once, immutable, named by their digest.

pub mod boundary;
mod claude;
pub(crate) mod condition;
pub mod error;
mod examples;
pub(crate) mod index;
pub mod lint;
pub mod packs;
pub(crate) mod pattern;
pub mod rule;
pub mod source;
pub(crate) mod text_pattern;

use crate::decision::{Layer, Level, PolicyId};
use crate::digest::Digest;
use crate::facts::{Facts, SqlClass};
use crate::request::Request;
use crate::risk::Risk;
use crate::tool::Declaration;
use boundary::{ActionPolicy, Boundaries};
use error::{PolicyError, Problem, Source};
use index::RuleIndex;
use rule::Rule;
use rustc_hash::FxHashMap;
use serde_saphyr::Spanned;
use source::{PolicySource, Stance};
use std::collections::HashMap;
use std::sync::Arc;

/// What an analysis makes of a request. Examples in a policy file are checked with it.
pub type Analyse = fn(&Request, Option<&Declaration>) -> Facts;

/// One policy file, as read by the caller.
#[derive(Debug, Clone)]
pub struct LayerText {
    /// How far the file is trusted.
    pub layer: Layer,
    /// Its name, for people: a path or the name of a pack.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    id: PolicyId,
    sources: Vec<String>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) index: RuleIndex,
    pub(crate) actions: FxHashMap<Box<str>, Vec<ActionPolicy>>,
    pub(crate) boundaries: Vec<Boundaries>,
    pub(crate) defaults: Defaults,
    tools: HashMap<String, Declaration>,
    any_tool: bool,
}

/// The merged defaults of all layers; the strictest wins.
#[derive(Debug)]
pub(crate) struct Defaults {
    pub(crate) confine: Level,
    pub(crate) approval_timeout_s: u64,
    pub(crate) undecided: Stance,
    pub(crate) outgoing_secret: Stance,
    pub(crate) sql_deny: Vec<SqlClass>,
    pub(crate) sql_approve: Option<Vec<SqlClass>>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            confine: Level::None,
            approval_timeout_s: APPROVAL_TIMEOUT_S,
            undecided: Stance::Approve,
            outgoing_secret: Stance::Approve,
            sql_deny: Vec::new(),
            sql_approve: None,
        }
    }
}

/// Seconds until an unanswered approval turns into a refusal. Source: R1's default (A112).
const APPROVAL_TIMEOUT_S: u64 = 300;

/// The largest policy file, in bytes.
const MAX_FILE_BYTES: usize = 4 << 20;

/// Kinds of SQL that want approval where nothing is said.
const SQL_APPROVE: &[SqlClass] =
    &[SqlClass::UnfilteredWrite, SqlClass::Schema, SqlClass::Privilege, SqlClass::File, SqlClass::Unknown];

impl Policy {
    /// Compiles files of any layers into one policy.
    ///
    /// Where neither an organisation's nor a user's file is among them, the default pack is added
    /// in front. Examples are checked with `analyse`. On any error nothing is loaded.
    pub fn compile(layers: &[LayerText], analyse: Analyse) -> Result<Self, PolicyError> {
        let mut builder = Builder::default();
        if !layers.iter().any(|file| matches!(file.layer, Layer::Organisation | Layer::User)) {
            builder.add_pack(packs::DEFAULT, Layer::BuiltIn, None);
        }
        for file in layers {
            builder.add(file.layer, &file.name, &file.text);
        }
        builder.finish(analyse)
    }

    /// The pack called `name` alone.
    pub fn pack(name: &str, analyse: Analyse) -> Result<Self, PolicyError> {
        let mut builder = Builder::default();
        builder.add_pack(name, Layer::BuiltIn, None);
        builder.finish(analyse)
    }

    /// The digest that names this policy.
    pub const fn id(&self) -> PolicyId {
        self.id
    }

    /// The packs and files it was made of.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The compiled rules, in the order of layers and files.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What the arguments of `tool` mean, if a file declares it.
    pub fn declaration(&self, tool: &str) -> Option<&Declaration> {
        self.tools.get(tool)
    }

    /// Whether a file names this tool as an action, in a rule or under `tools:`.
    pub(crate) fn knows(&self, tool: &str) -> bool {
        self.actions.contains_key(tool) || self.tools.contains_key(tool) || self.index.names(tool)
    }

    /// Whether some rule allows every tool, known or not (`permissive`).
    pub(crate) fn allows_any_tool(&self) -> bool {
        self.any_tool
    }

    /// The action policies for `action`.
    pub fn actions(&self, action: &str) -> &[ActionPolicy] {
        self.actions.get(action).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether an action wants approval by its action policy; unknown actions do (A208).
    pub fn action_requires_approval(&self, action: &str) -> bool {
        let policies = self.actions(action);
        policies.is_empty() || policies.iter().any(|policy| policy.approval)
    }

    /// The risk of an action by its action policy; critical for unknown actions (A208).
    pub fn action_risk(&self, action: &str) -> Risk {
        self.actions(action).iter().map(|policy| policy.risk).max().unwrap_or(Risk::Critical)
    }

    /// Seconds until an approval asked for by these rules expires: the shortest that applies (A126).
    pub(crate) fn approval_timeout_s(&self, rules: impl Iterator<Item = u64>) -> u64 {
        rules.min().unwrap_or(self.defaults.approval_timeout_s)
    }

    /// The kinds of SQL that want approval.
    pub(crate) fn sql_approve(&self) -> &[SqlClass] {
        self.defaults.sql_approve.as_deref().unwrap_or(SQL_APPROVE)
    }
}

/// Collects files, problems and compiled parts.
#[derive(Default)]
struct Builder {
    sources: Vec<String>,
    digests: Vec<Digest>,
    rules: Vec<Rule>,
    actions: FxHashMap<Box<str>, Vec<ActionPolicy>>,
    boundaries: Vec<Boundaries>,
    defaults: Defaults,
    tools: HashMap<String, Declaration>,
    problems: Vec<Problem>,
    examples: Vec<examples::Case>,
    packs: Vec<(String, Layer)>,
}

impl Builder {
    fn add_pack(&mut self, name: &str, layer: Layer, from: Option<(&Source, Option<(usize, usize)>)>) {
        if self.packs.iter().any(|(pack, at)| pack == name && *at == layer) {
            return;
        }
        match packs::text(name) {
            Some(text) => {
                self.packs.push((name.to_owned(), layer));
                self.add_text(layer, &format!("pack:{name}"), text, true);
            }
            None => {
                let unnamed: Source = Arc::new(miette::NamedSource::new("policy", String::new()));
                let (source, span) = from.unwrap_or((&unnamed, None));
                let known: Vec<&str> = packs::PACKS.iter().map(|(pack, _)| *pack).collect();
                let problem = Problem::error(source, span, format!("there is no pack called `{name}`"));
                self.problems.push(problem.help(format!("the packs are: {}", known.join(", "))));
            }
        }
    }

    fn add(&mut self, layer: Layer, name: &str, text: &str) {
        self.add_text(layer, name, text, false);
    }

    fn add_text(&mut self, layer: Layer, name: &str, text: &str, shipped: bool) {
        let source: Source = Arc::new(miette::NamedSource::new(name, text.to_owned()));
        self.sources.push(format!("{}:{name}", layer.name()));
        self.digests.push(Digest::of_parts(&[layer.name().as_bytes(), text.as_bytes()]));
        match parse(&source) {
            Ok(file) => self.add_file(layer, &source, file, shipped),
            Err(problem) => self.problems.push(problem),
        }
    }

    fn add_file(&mut self, layer: Layer, source: &Source, file: PolicySource, shipped: bool) {
        if file.version.is_some_and(|version| version != 1) {
            let problem = Problem::error(
                source,
                find(source, "version"),
                "this version of the policy language is not known",
            );
            self.problems.push(problem.help("write `version: 1`"));
        }
        for pack in file.extends.iter() {
            // What an untrusted file builds on is trusted no more than the file.
            let trusted = if layer.may_allow() { Layer::BuiltIn } else { layer };
            self.add_pack(pack, trusted, Some((source, find(source, "extends"))));
        }
        self.merge_defaults(&file);
        match Boundaries::compile(&file.boundaries) {
            Ok(boundaries) => self.boundaries.push(boundaries),
            Err(message) => self.problems.push(Problem::error(source, find(source, "boundaries"), message)),
        }
        for (name, tool) in file.tools {
            self.add_tool(layer, source, name, &tool);
        }
        for (name, action) in &file.actions {
            match ActionPolicy::compile(name, layer, &action.value, shipped) {
                Ok(policy) => self.actions.entry(name.as_str().into()).or_default().push(policy),
                Err(message) => self.problems.push(Problem::error(source, place(source, action), message)),
            }
        }
        self.add_rules(layer, source, &file.rules, shipped);
    }

    fn merge_defaults(&mut self, file: &PolicySource) {
        let (merged, given) = (&mut self.defaults, &file.defaults);
        merged.confine = merged.confine.max(given.confine.unwrap_or(Level::None));
        if let Some(seconds) = given.approval_timeout_s {
            merged.approval_timeout_s = merged.approval_timeout_s.min(seconds);
        }
        if given.undecided == Some(Stance::Deny) {
            merged.undecided = Stance::Deny;
        }
        if given.outgoing_secret == Some(Stance::Deny) {
            merged.outgoing_secret = Stance::Deny;
        }
        merged.sql_deny.extend(given.sql_deny.iter());
        if let Some(classes) = &given.sql_approve {
            merged.sql_approve.get_or_insert_default().extend(classes.iter());
        }
    }

    fn add_tool(&mut self, layer: Layer, source: &Source, name: String, tool: &Spanned<source::ToolSource>) {
        if let Some(pointer) = tool.value.fields.keys().find(|pointer| !pointer.starts_with('/')) {
            let message = format!("`{pointer}` is not a JSON pointer");
            self.problems.push(
                Problem::error(source, place(source, tool), message).help(format!("write `/{pointer}`")),
            );
        }
        let declared =
            self.tools.entry(name).or_insert_with(|| Declaration { infer: true, ..Declaration::default() });
        // A file that may only tighten adds meaning and never takes any away.
        for (pointer, kind) in &tool.value.fields {
            if layer.may_allow() || !declared.fields.contains_key(pointer) {
                declared.fields.insert(pointer.clone(), *kind);
            }
        }
        if layer.may_allow() && tool.value.infer == Some(false) {
            declared.infer = false;
        }
    }

    fn add_rules(
        &mut self,
        layer: Layer,
        source: &Source,
        rules: &[Spanned<source::RuleSource>],
        shipped: bool,
    ) {
        let mut names = std::collections::HashSet::new();
        for (number, rule) in rules.iter().enumerate() {
            let at = place(source, rule);
            match Rule::compile(&rule.value, layer, number + 1, shipped) {
                Ok(compiled) => {
                    if let Some(first) = compiled.first()
                        && !names.insert(Arc::clone(&first.name))
                    {
                        let message = format!("two rules are called `{}`", first.name);
                        self.problems.push(
                            Problem::error(source, at, message).help("give each rule a name of its own"),
                        );
                    }
                    self.problems.extend(lint::impossible(&rule.value, source, at));
                    if !shipped {
                        let first = self.rules.len()..self.rules.len() + compiled.len();
                        self.examples.push(examples::Case::new(&rule.value, first, source, at));
                    }
                    self.rules.extend(compiled);
                }
                Err(message) => self.problems.push(Problem::error(source, at, message)),
            }
        }
    }

    fn finish(mut self, analyse: Analyse) -> Result<Policy, PolicyError> {
        let index = match RuleIndex::build(&self.rules) {
            Ok(index) => index,
            Err(message) => {
                let source: Source = Arc::new(miette::NamedSource::new("policy", String::new()));
                return Err(Problem::error(&source, None, message).into());
            }
        };
        for case in &self.examples {
            case.check(&self.rules, &self.tools, analyse, &mut self.problems);
        }
        if self.problems.iter().any(|problem| !problem.warning) {
            return Err(PolicyError { problems: self.problems });
        }
        let parts: Vec<&[u8]> = self.digests.iter().map(|digest| &digest.0[..]).collect();
        let any_tool = self.rules.iter().any(Rule::allows_every_tool);
        Ok(Policy {
            id: Digest::of_parts(&parts),
            sources: self.sources,
            rules: self.rules,
            index,
            actions: self.actions,
            boundaries: self.boundaries,
            defaults: self.defaults,
            tools: self.tools,
            any_tool,
        })
    }
}

/// Reads a file, with limits on its size, depth, aliases and nodes.
pub(crate) fn parse(source: &Source) -> Result<PolicySource, Problem> {
    let text = source.inner();
    if text.len() > MAX_FILE_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20);
        return Err(Problem::error(source, None, message));
    }
    if text.trim().is_empty() {
        return Ok(PolicySource::default());
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: 64, max_nodes: 500_000, max_aliases: 1_000, max_documents: 1 },
    };
    let parsed: Result<Option<PolicySource>, _> = serde_saphyr::from_str_with_options(text, options);
    parsed.map(Option::unwrap_or_default).map_err(|error| {
        let at = error.location().map(|location| byte_span(text, location));
        let mut message = error.render();
        if let Some(end) = message.find(" at line ") {
            message.truncate(end);
        }
        Problem::error(source, at, message).help("`stayhand policy schema` prints the keys that exist")
    })
}

fn byte_span(text: &str, at: serde_saphyr::Location) -> (usize, usize) {
    let line = usize::try_from(at.line()).unwrap_or(1).max(1);
    let column = usize::try_from(at.column()).unwrap_or(1).max(1);
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let rest = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let skipped: usize = rest.chars().take(column - 1).map(char::len_utf8).sum();
    let word = rest.get(skipped..).unwrap_or_default();
    let length = word.find([':', ' ', ',', ']', '}']).unwrap_or(word.len()).max(1);
    let offset = (start + skipped).min(text.len());
    (offset, length.min(text.len() - offset))
}

/// The place of a written value.
fn place<T>(source: &Source, value: &Spanned<T>) -> Option<(usize, usize)> {
    Some(byte_span(source.inner(), value.defined))
}

/// The first top-level occurrence of `key`.
fn find(source: &Source, key: &str) -> Option<(usize, usize)> {
    let text = source.inner();
    let at = text
        .match_indices(key)
        .map(|(at, _)| at)
        .find(|at| *at == 0 || text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'\n'))?;
    Some((at, key.len()))
}
