//! Policies: read from YAML, compiled once, immutable, named by their digest.

pub mod boundary;
mod build;
mod claude;
pub(crate) mod condition;
pub mod error;
mod examples;
mod fit;
pub(crate) mod index;
pub mod lint;
pub mod packs;
pub(crate) mod pattern;
pub mod profiles;
mod read;
pub mod rule;
pub mod sandbox;
mod shape;
pub mod source;
pub(crate) mod text_pattern;

use crate::control::Controls;
use crate::control::failure::schema::Schema;
use crate::control::notice::Notifier;
use crate::control::price::Prices;
use crate::decision::{Layer, Level, PolicyId};
use crate::facts::{Facts, SqlClass};
use crate::program::{Misread, ProgramSection};
use crate::request::Request;
use crate::risk::Risk;
use crate::tool::Declaration;
use boundary::{ActionPolicy, Boundaries};
use build::Builder;
use error::PolicyError;
use index::RuleIndex;
use rule::Rule;
use rustc_hash::FxHashMap;
use sandbox::SandboxGrants;
use serde_json::{Map, Value};
use source::Stance;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// An analysis, with which what a policy file says is checked.
///
/// Any function from a request to facts is one that knows of no programs.
pub trait Analyse: Copy {
    /// What a request would do. Examples are checked with it.
    fn facts(
        self,
        request: &Request,
        declaration: Option<&Declaration>,
        programs: &[ProgramSection],
    ) -> Facts;

    /// Whether what a file says about a program can be read.
    fn check(self, section: &ProgramSection) -> Result<(), Misread>;
}

impl<F: Fn(&Request, Option<&Declaration>) -> Facts + Copy> Analyse for F {
    fn facts(self, request: &Request, declaration: Option<&Declaration>, _: &[ProgramSection]) -> Facts {
        self(request, declaration)
    }

    fn check(self, _: &ProgramSection) -> Result<(), Misread> {
        Err(no_programs())
    }
}

fn no_programs() -> Misread {
    let message = "this analysis knows of no programs".to_owned();
    Misread { line: None, message, help: "remove `programs:`".to_owned() }
}

/// An analysis that finds nothing, for policies that are not checked by examples.
#[derive(Debug, Clone, Copy)]
pub struct NoAnalysis;

impl Analyse for NoAnalysis {
    fn facts(self, _: &Request, _: Option<&Declaration>, _: &[ProgramSection]) -> Facts {
        Facts::default()
    }

    fn check(self, _: &ProgramSection) -> Result<(), Misread> {
        Err(no_programs())
    }
}

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
    pub(crate) boundaries: Boundaries,
    sandbox: SandboxGrants,
    pub(crate) defaults: Defaults,
    pub(crate) controls: Arc<Controls>,
    prices: Prices,
    notifiers: Vec<Notifier>,
    tools: HashMap<String, Declaration>,
    schemas: HashMap<String, Vec<Schema>>,
    programs: Vec<ProgramSection>,
    any_tool: bool,
}

/// The merged defaults of all layers; the strictest wins.
#[derive(Debug)]
pub(crate) struct Defaults {
    confine: Confine,
    /// Seconds until an approval expires, where a file says so.
    approval_timeout_s: Option<u64>,
    pub(crate) undecided: Stance,
    pub(crate) outgoing_secret: Stance,
    pub(crate) sql_deny: Vec<SqlClass>,
    /// What trusted files say in place of the usual list.
    sql_approve: Option<Vec<SqlClass>>,
    /// What other files add to it.
    sql_approve_also: Vec<SqlClass>,
}

/// The least confinement of programs, by the layer that asks for it. What a layer states stands in place of what the packs
/// that it builds on find usual; the strictest of all layers holds.
#[derive(Debug, Default)]
struct Confine {
    asked: BTreeMap<Layer, Asked>,
    least: Level,
}

#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    usual: Level,
    stated: Option<Level>,
}

impl Confine {
    fn ask(&mut self, level: Level, written_at: Layer, shipped: bool) {
        let asked = self.asked.entry(written_at).or_default();
        match shipped {
            true => asked.usual = asked.usual.max(level),
            false => asked.stated = asked.stated.max(Some(level)),
        }
        let levels = self.asked.values().map(|asked| asked.stated.unwrap_or(asked.usual));
        self.least = levels.max().unwrap_or_default();
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            confine: Confine::default(),
            approval_timeout_s: None,
            undecided: Stance::Approve,
            outgoing_secret: Stance::Approve,
            sql_deny: Vec::new(),
            sql_approve: None,
            sql_approve_also: Vec::new(),
        }
    }
}

impl Defaults {
    /// The least confinement of programs.
    pub(crate) const fn confine(&self) -> Level {
        self.confine.least
    }

    const fn timeout_s(&self) -> u64 {
        match self.approval_timeout_s {
            Some(seconds) => seconds,
            None => APPROVAL_TIMEOUT_S,
        }
    }

    /// Puts `usual` where no trusted file says which SQL wants approval, and adds what others say.
    fn finish(&mut self, usual: &[SqlClass]) {
        let also = std::mem::take(&mut self.sql_approve_also);
        self.sql_approve.get_or_insert_with(|| usual.to_vec()).extend(also);
    }

    /// The kinds of SQL that want approval.
    pub(crate) fn sql_approve(&self) -> &[SqlClass] {
        self.sql_approve.as_deref().unwrap_or(SQL_APPROVE)
    }
}

/// Seconds until an unanswered approval turns into a refusal. Source: R1's default (A112).
const APPROVAL_TIMEOUT_S: u64 = 300;

/// Kinds of SQL that want approval where nothing is said.
const SQL_APPROVE: &[SqlClass] =
    &[SqlClass::UnfilteredWrite, SqlClass::Schema, SqlClass::Privilege, SqlClass::File, SqlClass::Unknown];

impl Policy {
    /// The path boundaries of all files, as written: for whoever has the kernel keep them.
    pub fn path_lists(&self) -> impl Iterator<Item = &boundary::PathLists> {
        self.boundaries.paths.iter().map(|paths| &paths.lists)
    }

    /// What programs in a sandbox get besides the workspace and the system.
    pub const fn sandbox(&self) -> &SandboxGrants {
        &self.sandbox
    }

    /// Compiles files of any layers into one policy.
    ///
    /// Where neither an organisation's nor a user's file is among them, the default pack is added
    /// in front. Examples are checked with `analyse`. On any error nothing is loaded.
    pub fn compile(layers: &[LayerText], analyse: impl Analyse) -> Result<Self, PolicyError> {
        let mut builder = Builder::default();
        if !layers.iter().any(|file| matches!(file.layer, Layer::Organisation | Layer::User)) {
            builder.add_pack(packs::DEFAULT, Layer::BuiltIn, Layer::BuiltIn);
        }
        let mut by_trust: Vec<&LayerText> = layers.iter().collect();
        by_trust.sort_by_key(|file| file.layer);
        for file in by_trust {
            builder.add(file.layer, &file.name, &file.text);
        }
        builder.finish(analyse)
    }

    /// The pack called `name` alone.
    pub fn pack(name: &str, analyse: impl Analyse) -> Result<Self, PolicyError> {
        let mut builder = Builder::default();
        builder.add_pack(name, Layer::BuiltIn, Layer::BuiltIn);
        builder.finish(analyse)
    }

    /// Checks a price file: a policy file that holds `prices` and nothing else. The answer: the shipped prices with
    /// its own over them.
    pub fn check_prices(name: &str, text: &str) -> Result<Prices, PolicyError> {
        build::check_prices(name, text)
    }

    /// The digest that names this policy.
    pub const fn id(&self) -> PolicyId {
        self.id
    }

    /// Its stateful controls.
    pub const fn controls(&self) -> &Arc<Controls> {
        &self.controls
    }

    /// Where notices go.
    pub fn notifiers(&self) -> &[Notifier] {
        &self.notifiers
    }

    /// What models cost.
    pub const fn prices(&self) -> &Prices {
        &self.prices
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

    /// What does not fit the schemas that any file gives for the arguments of `tool`, in a sentence.
    pub(crate) fn misfit(&self, tool: &str, arguments: &Map<String, Value>) -> Option<String> {
        if self.schemas.is_empty() {
            return None;
        }
        let found = self.schemas.get(tool)?.iter().find_map(|schema| schema.misfit(arguments, &[]));
        found.map(|misfit| misfit.to_string())
    }

    /// What files say about programs, in the order of layers.
    pub fn programs(&self) -> &[ProgramSection] {
        &self.programs
    }

    /// Whether a trusted file says that this tool may run, be it after a question, or what its
    /// arguments mean. A rule that only refuses makes no tool known.
    pub(crate) fn knows(&self, tool: &str) -> bool {
        let listed = |policy: &ActionPolicy| policy.layer.may_allow();
        self.index.knows(tool, &self.rules)
            || (!self.tools.is_empty() && self.tools.contains_key(tool))
            || (!self.actions.is_empty() && self.actions(tool).iter().any(listed))
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

    /// Seconds until an approval expires where the rule that asks for it does not say.
    pub(crate) fn approval_timeout_s(&self) -> u64 {
        self.defaults.timeout_s()
    }
}
