//! Finds rules that cannot do what their author thinks.

use super::condition::Side;
use super::error::{PolicyError, Problem, Source, Span};
use super::fit::{Key, keys_of, may_show};
use super::read::{distance, place, read};
use super::rule::{RuleKind, kind_and_tools};
use super::source::{ConditionSource, List, PolicySource, RuleSource};
use super::{Analyse, LayerText, Policy};
use crate::decision::Layer;
use crate::tool;
use serde_saphyr::Spanned;
use std::collections::HashMap;
use std::sync::Arc;

/// Rules that can never apply: errors, since a refusal that never refuses is a false comfort.
pub(crate) fn impossible(
    rule: &RuleSource,
    source: &Source,
    at: Option<Span>,
    end: Option<usize>,
) -> Vec<Problem> {
    let Ok((kind, tools)) = kind_and_tools(rule) else { return Vec::new() };
    let mut problems = Vec::new();
    let mut never = |message: String, help: &str| {
        let message = format!("this rule can never match: {message}");
        problems.push(Problem::about(source, at, end, message).help(help));
    };
    for (key, patterns) in path_keys(&rule.when) {
        for pattern in patterns.texts().map(|pattern| pattern.trim_start_matches('!')) {
            if pattern.starts_with("$") || pattern.contains("/../") || pattern.starts_with("../") {
                never(
                    format!("`{pattern}` is not a path; `{key}` compares resolved paths"),
                    "write an absolute path, `./…` for the workspace or `~/…` for the home folder",
                );
            }
        }
    }
    // What an allow rule says of paths or SQL that are never there is no obstacle: worth a warning.
    for (name, key) in
        mismatches(rule, tools).filter(|(_, key)| kind.side() == Side::Tighten || key.must_be_there())
    {
        let (why, help) = key.mismatch();
        never(format!("`{name}` {why}"), help);
    }
    if kind != RuleKind::Allow && rule.except.as_ref() == Some(&rule.when) {
        never("its exception is the same as its condition".to_owned(), "narrow or remove `except:`");
    }
    for (key, program) in [("program", &rule.when.program)] {
        for name in program.texts().filter(|name| name.contains(['/', ' '])) {
            never(
                format!("`{name}` is not a base name, which `{key}` compares"),
                "write the name alone (`rm`); put arguments under `args` or `args_prefix`",
            );
        }
    }
    problems
}

const UNTRUSTED: &str = "a project's file can only tighten; put it in the user's policy";

/// The keys of a rule that none of its tools can ever show.
fn mismatches(rule: &RuleSource, tools: &List) -> impl Iterator<Item = (&'static str, Key)> {
    keys_of(&rule.when).filter(|(_, key)| !tools.iter().any(|tool| may_show(tool, *key)))
}

fn path_keys(when: &ConditionSource) -> [(&'static str, &List); 6] {
    [
        ("reads", &when.reads),
        ("writes", &when.writes),
        ("deletes", &when.deletes),
        ("lists", &when.lists),
        ("executes", &when.executes),
        ("paths", &when.paths),
    ]
}

/// Everything worth saying about a file: its errors, and warnings about rules that are shadowed,
/// wider than their examples suggest, or without effect in their layer.
pub fn lint(file: &LayerText, analyse: impl Analyse) -> Vec<Problem> {
    let source: Source = Arc::new(miette::NamedSource::new(&file.name, file.text.clone()));
    let parsed = match read(&source) {
        Ok(parsed) => parsed,
        Err(problem) => return vec![problem],
    };
    let mut problems = match Policy::compile(std::slice::from_ref(file), analyse) {
        Ok(_) => Vec::new(),
        Err(PolicyError { problems }) => problems,
    };
    if file.text.trim().is_empty()
        || (parsed.rules.is_empty() && parsed.actions.is_empty() && parsed.extends.is_empty())
    {
        let problem = Problem::error(&source, None, "nothing is allowed here, so every action is refused");
        problems
            .push(problem.help("extend a pack, as in `extends: coding-agent`, or add rules").into_warning());
    }
    problems.extend(shadowed(&parsed, &source));
    if !file.layer.may_allow() {
        for tool in parsed.tools.values() {
            let message = "what this layer says about a tool's arguments counts nothing";
            problems
                .push(Problem::error(&source, place(&source, tool), message).help(UNTRUSTED).into_warning());
        }
    }
    if !file.layer.may_allow() {
        problems.extend(unheard(&parsed, &source));
    }
    for rule in &parsed.rules {
        problems.extend(warnings(&rule.value, file.layer, &source, place(&source, rule)));
    }
    problems
}

/// What a file that can only tighten says about programs, beyond the effects it adds.
fn unheard(file: &PolicySource, source: &Source) -> Vec<Problem> {
    let lines = file.programs.values().flat_map(|program| &program.value);
    let unheard = lines.filter(|(key, _)| key.as_str() != "does");
    unheard
        .map(|(key, list)| {
            let message = format!("of what this layer says about programs, only `does` counts, not `{key}`");
            Problem::error(source, place(source, list), message).help(UNTRUSTED).into_warning()
        })
        .collect()
}

/// Names that are nearly those of known tools.
fn mistyped(tools: &List) -> Vec<(&str, &'static str)> {
    const NEAR: usize = 2;
    let names = tools.iter().map(|tool| tool.split('(').next().unwrap_or_default());
    let unknown = names.filter(|name| name.len() > NEAR + 1 && !tool::names().any(|known| known == *name));
    let nearest = |name: &str| tool::names().find(|known| distance(name, known) <= NEAR);
    unknown.filter_map(|name| Some((name, nearest(name)?))).collect()
}

fn warnings(rule: &RuleSource, layer: Layer, source: &Source, at: Option<Span>) -> Vec<Problem> {
    let Ok((kind, tools)) = kind_and_tools(rule) else { return Vec::new() };
    let mut problems = Vec::new();
    let mut warn = |message: &str, help: &str| {
        problems.push(Problem::error(source, at, message).help(help).into_warning());
    };
    for (written, meant) in mistyped(tools) {
        warn(&format!("no tool is called `{written}`"), &format!("did you mean `{meant}`?"));
    }
    if kind == RuleKind::Allow && !layer.may_allow() {
        warn("an allow rule of this layer grants nothing", UNTRUSTED);
    }
    if kind == RuleKind::Allow
        && rule.when == ConditionSource::default()
        && tools.iter().any(|tool| tool == "*")
    {
        warn("this rule allows every tool to do everything", "add conditions, or name the tools");
    }
    for (name, key) in
        mismatches(rule, tools).filter(|(_, key)| kind == RuleKind::Allow && !key.must_be_there())
    {
        let (why, help) = key.mismatch();
        warn(&format!("`{name}` limits nothing here: it {why}"), help);
    }
    if kind == RuleKind::Allow && says_half(rule, tools) {
        warn(
            "this rule allows commands by what they read, and says nothing of what they change",
            "add `writes:` and `deletes:`, or `program:`; a key limits only what it names",
        );
    }
    if rule.matches.is_empty()
        && matches!(kind, RuleKind::Deny | RuleKind::Approve)
        && rule.when != ConditionSource::default()
    {
        warn(
            "this rule has no example",
            "add `match:` and `not_match:`; they are checked when the file is loaded",
        );
    }
    if kind != RuleKind::Allow
        && !rule.matches.is_empty()
        && rule.when == ConditionSource::default()
        && !has_specifier(tools)
    {
        warn(
            "this rule is wider than its examples: it matches every use of its tools",
            "add a `when:` condition",
        );
    }
    if rule.strict && kind != RuleKind::Deny {
        warn("`strict` only means something in a deny rule", "remove it");
    }
    problems
}

/// Whether a rule that allows commands limits some accesses and leaves changes open.
fn says_half(rule: &RuleSource, tools: &List) -> bool {
    let when = &rule.when;
    let runs = tools.iter().any(|tool| matches!(tool.as_str(), "bash" | "exec" | "Bash" | "*"));
    let some = !(when.reads.is_empty() && when.lists.is_empty() && when.executes.is_empty());
    let open = when.paths.is_empty() && (when.writes.is_empty() || when.deletes.is_empty());
    runs && some && open && when.program.is_empty()
}

fn has_specifier(tools: &List) -> bool {
    tools.iter().any(|tool| tool.contains('('))
}

/// Rules that a stricter rule without conditions makes superfluous, and exact repetitions.
fn shadowed(file: &PolicySource, source: &Source) -> Vec<Problem> {
    let rules: Vec<Seen<'_>> = file.rules.iter().enumerate().filter_map(Seen::new).collect();
    let wide: Vec<&Seen<'_>> = rules
        .iter()
        .filter(|seen| seen.binds_all() && seen.rule.when == ConditionSource::default())
        .collect();
    let mut first: HashMap<String, &Seen<'_>> = HashMap::new();
    let mut problems = Vec::new();
    for seen in &rules {
        let stronger = wide.iter().copied().find(|other| other.outranks(seen));
        let twin = first.get(&seen.key()).copied();
        if seen.binds_all() {
            first.entry(seen.key()).or_insert(seen);
        }
        if let Some(other) = stronger.or(twin) {
            let name = other.rule.name.clone().unwrap_or_else(|| format!("rule {}", other.number + 1));
            let message = format!("this rule changes nothing: `{name}` already decides what it matches");
            let at = file.rules.get(seen.number).and_then(|rule| place(source, rule));
            problems.push(Problem::error(source, at, message).help("remove one of them").into_warning());
        }
    }
    problems
}

/// A written rule that is compared with the others.
struct Seen<'a> {
    number: usize,
    kind: RuleKind,
    tools: &'a List,
    rule: &'a RuleSource,
}

impl<'a> Seen<'a> {
    fn new((number, rule): (usize, &'a Spanned<RuleSource>)) -> Option<Self> {
        let (kind, tools) = kind_and_tools(&rule.value).ok()?;
        Some(Self { number, kind, tools, rule: &rule.value })
    }

    /// Whether it holds for every agent and without exception.
    fn binds_all(&self) -> bool {
        self.rule.except.is_none() && self.rule.agent.is_empty()
    }

    fn outranks(&self, other: &Self) -> bool {
        let covers = |tool: &String| self.tools.0.contains(tool) || self.tools.iter().any(|any| any == "*");
        rank(self.kind) > rank(other.kind) && other.tools.iter().all(covers)
    }

    /// Equal for rules that say the same.
    fn key(&self) -> String {
        format!("{:?} {:?} {:?}", self.kind, self.tools, self.rule.when)
    }
}

const fn rank(kind: RuleKind) -> u8 {
    match kind {
        RuleKind::Allow => 1,
        RuleKind::Warn | RuleKind::Audit => 0,
        RuleKind::Approve => 2,
        RuleKind::Deny => 3,
    }
}
