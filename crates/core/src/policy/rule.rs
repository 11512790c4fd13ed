//! One compiled rule.

use super::claude::{self, Selector};
use super::condition::{Condition, Side};
use super::pattern::{HostSet, PathSet, Tri, WordSet};
use super::source::{List, RuleSource};
use crate::decide::Ask;
use crate::decision::{Layer, Level};
use crate::facts::Operation;
use crate::untrusted::Moment;
use std::sync::Arc;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// Its operations may run.
    Allow,
    /// Adds a warning.
    Warn,
    /// Adds an audit entry.
    Audit,
    /// Wants approval.
    Approve,
    /// Refuses.
    Deny,
}

impl RuleKind {
    /// The key that writes it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Audit => "audit",
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }

    pub(crate) const fn side(self) -> Side {
        match self {
            Self::Allow => Side::Loosen,
            _ => Side::Tighten,
        }
    }
}

/// One compiled rule. A written rule with several kinds of tool selectors becomes several of
/// these, which share the name.
#[derive(Debug)]
pub struct Rule {
    /// The name, unique among the written rules.
    pub name: Arc<str>,
    /// Where it comes from.
    pub layer: Layer,
    /// What it does.
    pub kind: RuleKind,
    /// The author's reason.
    pub reason: Option<Arc<str>>,
    /// A possible match counts as a match.
    pub strict: bool,
    /// Seconds until the approval expires.
    pub timeout_s: Option<u64>,
    /// It speaks only where no other rule covers the operation.
    pub otherwise: bool,
    /// What it changes can be taken back.
    pub restore_point: bool,
    /// What it allows has to be confined at least so.
    pub confine: Level,
    pub(crate) tools: Vec<Box<str>>,
    pub(crate) agents: Option<WordSet>,
    /// Whether the index finds the rule for its agents alone.
    filed_by_agent: bool,
    pub(crate) when: Condition,
    pub(crate) except: Option<Condition>,
}

impl Rule {
    /// Compiles a written rule. `lazy`: a shipped pack, whose expressions tests have compiled.
    pub(crate) fn compile(
        source: &RuleSource,
        layer: Layer,
        number: usize,
        lazy: bool,
    ) -> Result<Vec<Self>, String> {
        let (kind, tools) = kind_and_tools(source)?;
        if tools.is_empty() {
            return Err(format!("`{}` names no tool", kind.key()));
        }
        let trusts_words = match (kind, &source.except) {
            (RuleKind::Allow, _) => !source.when.context.is_empty(),
            (_, except) => except.as_ref().is_some_and(|except| !except.context.is_empty()),
        };
        if trusts_words {
            return Err("`context` holds what the agent says of itself, which never loosens".to_owned());
        }
        if source.confine.is_some() && kind != RuleKind::Allow {
            return Err("`confine` is a duty of what a rule allows".to_owned());
        }
        if source.restore_point && !matches!(kind, RuleKind::Allow | RuleKind::Approve) {
            return Err("`restore_point` is a duty of what a rule allows or asks about".to_owned());
        }
        if source.otherwise && kind != RuleKind::Approve {
            return Err("`otherwise` is for rules that ask a person".to_owned());
        }
        let name: Arc<str> = source.name.clone().unwrap_or_else(|| default_name(kind, tools, number)).into();
        let mut plain = Selector::default();
        let mut selectors = Vec::new();
        for tool in tools.iter() {
            let selector = claude::parse(tool, kind != RuleKind::Allow)?;
            if (&selector.command, &selector.path, &selector.host) == (&None, &None, &None) {
                plain.tools.extend(selector.tools);
            } else {
                selectors.push(selector);
            }
        }
        if !plain.tools.is_empty() {
            selectors.push(plain);
        }
        let agents = (!source.agent.is_empty()).then(|| WordSet::parse(source.agent.texts()));
        let condition = |source| -> Result<Condition, String> {
            let mut condition = Condition::compile(source, lazy)?;
            condition.heeds_indefinite = layer != Layer::BuiltIn;
            Ok(condition)
        };
        let build = |selector: Selector| {
            let is_pattern = |tool: &String| tool != "*" && tool.contains(['*', '?']);
            Ok(Self {
                filed_by_agent: agents.as_ref().is_some_and(WordSet::is_plain)
                    && !selector.tools.iter().any(is_pattern),
                name: Arc::clone(&name),
                layer,
                kind,
                reason: source.reason.as_deref().map(Into::into),
                strict: source.strict,
                timeout_s: source.timeout_s,
                otherwise: source.otherwise,
                restore_point: source.restore_point,
                confine: source.confine.unwrap_or(Level::None),
                agents: agents.clone(),
                when: narrowed(condition(&source.when)?, &selector)?,
                except: source.except.as_ref().map(condition).transpose()?,
                tools: selector.tools.into_iter().map(Into::into).collect(),
            })
        };
        selectors.into_iter().map(build).collect()
    }

    /// Whether the rule can cover an operation: a trusted rule that allows, or asks a person.
    pub(crate) const fn covers(&self) -> bool {
        self.layer.may_allow() && matches!(self.kind, RuleKind::Allow | RuleKind::Approve)
    }

    /// Whether the rule is for this agent.
    pub(crate) fn is_for(&self, agent: &str) -> bool {
        self.filed_by_agent || self.agents.as_ref().is_none_or(|agents| agents.contains(agent))
    }

    /// Whether the rule allows every tool, known or not.
    pub(crate) fn allows_every_tool(&self) -> bool {
        self.kind == RuleKind::Allow && self.layer.may_allow() && self.tools.iter().any(|tool| &**tool == "*")
    }

    /// Whether the rule applies to the operation. For an allow rule, `Unknown` means that it has
    /// no conditions and the operation hides something.
    pub(crate) fn applies<'m>(&self, ask: &Ask<'_>, op: &Operation, at: impl Into<Moment<'m>>) -> Tri {
        let at = at.into();
        let side = self.kind.side();
        let when = self.when.holds(side, ask, op, at);
        let when =
            if side == Side::Loosen && !self.when.empty && when == Tri::Unknown { Tri::No } else { when };
        let Some(except) = self.except.as_ref().filter(|_| when != Tri::No) else { return when };
        let excepted = match side {
            Side::Tighten => except.holds(Side::Exempt, ask, op, at) == Tri::Yes,
            Side::Loosen | Side::Exempt => except.holds(Side::Tighten, ask, op, at) != Tri::No,
        };
        if excepted { Tri::No } else { when }
    }
}

/// The one kind a rule names, with its tools.
pub(crate) fn kind_and_tools(source: &RuleSource) -> Result<(RuleKind, &List), String> {
    let kinds = [
        (RuleKind::Allow, &source.allow),
        (RuleKind::Warn, &source.warn),
        (RuleKind::Audit, &source.audit),
        (RuleKind::Approve, &source.approve),
        (RuleKind::Deny, &source.deny),
    ];
    let mut named = kinds.into_iter().filter_map(|(kind, tools)| tools.as_ref().map(|tools| (kind, tools)));
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err("a rule needs one of `allow`, `warn`, `audit`, `approve`, `deny`".to_owned()),
        (Some((first, _)), Some((second, _))) => {
            Err(format!("a rule is either `{}` or `{}`, not both", first.key(), second.key()))
        }
    }
}

fn default_name(kind: RuleKind, tools: &List, number: usize) -> String {
    let tool: String = tools.iter().next().map(|tool| tool.chars().take(20).collect()).unwrap_or_default();
    format!("{}_{tool}_{number}", kind.key())
}

/// Adds what a permission string demands to the written condition.
fn narrowed(mut condition: Condition, selector: &Selector) -> Result<Condition, String> {
    if let Some(command) = &selector.command {
        if condition.command.is_some() || condition.program.is_some() {
            return Err("a permission string and `program` or `args_prefix` both name a command".to_owned());
        }
        condition.command = Some(command.clone());
        condition.empty = false;
    }
    if let Some((accesses, path)) = &selector.path {
        condition.paths.push((accesses.clone(), PathSet::parse([path.as_str()])?));
        condition.empty = false;
    }
    if let Some(host) = &selector.host {
        condition.hosts = Some(HostSet::parse([host.as_str()])?);
        condition.empty = false;
    }
    Ok(condition)
}
