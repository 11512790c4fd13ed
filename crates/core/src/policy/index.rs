//! Finds the few rules that could concern an operation, so that the cost of a decision does not
//! grow with the policy: tool → agent → program, folder, host or literal text.

use super::claude::CommandText;
use super::pattern::under;
use super::rule::{Rule, RuleKind};
use crate::decide::Ask;
use crate::facts::{Access, Aspect, Operation};
use aho_corasick::AhoCorasick;
use rustc_hash::FxHashMap;

/// The number of a rule in the policy.
type RuleId = u32;

/// The index over all rules of a policy.
#[derive(Debug, Default)]
pub(crate) struct RuleIndex {
    tools: FxHashMap<Box<str>, Bucket>,
    /// Rules for every tool.
    every: Bucket,
    /// Rules for tools by pattern: (pattern, rule).
    patterns: Vec<(Box<str>, RuleId)>,
}

/// The rules of one tool.
#[derive(Debug, Default)]
struct Bucket {
    agents: FxHashMap<Box<str>, Shelf>,
    /// Rules for every agent, or for agents by pattern.
    every: Shelf,
}

/// The rules of one tool and agent, by what they demand first.
#[derive(Debug, Default)]
struct Shelf {
    all: Vec<RuleId>,
    always: Vec<RuleId>,
    programs: FxHashMap<Box<str>, Vec<RuleId>>,
    folders: FxHashMap<Box<str>, Vec<RuleId>>,
    /// Folders relative to the workspace.
    inside: FxHashMap<Box<str>, Vec<RuleId>>,
    /// Every rule of `folders` and `inside`.
    by_path: Vec<RuleId>,
    /// The allow rules among them, by the accesses they speak about: they hold where no path is
    /// touched in such a way.
    idle: Vec<(Vec<Access>, Vec<RuleId>)>,
    hosts: FxHashMap<Box<str>, Vec<RuleId>>,
    /// The allow rules among them, which hold where no host is contacted.
    hostless: Vec<RuleId>,
    literals: Vec<(Box<str>, RuleId)>,
    automaton: Option<AhoCorasick>,
}

impl RuleIndex {
    /// Builds the index. The numbers are positions in `rules`.
    pub(crate) fn build(rules: &[Rule]) -> Result<Self, String> {
        let mut index = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            let id = RuleId::try_from(number).map_err(|_| "too many rules".to_owned())?;
            for tool in &rule.tools {
                match &**tool {
                    "*" => index.every.insert(rule, id),
                    name if name.contains(['*', '?']) => index.patterns.push((tool.clone(), id)),
                    _ => index.tools.entry(tool.clone()).or_default().insert(rule, id),
                }
            }
        }
        for bucket in index.tools.values_mut().chain([&mut index.every]) {
            for shelf in bucket.agents.values_mut().chain([&mut bucket.every]) {
                shelf.finish()?;
            }
        }
        Ok(index)
    }

    /// Whether some rule names this tool, be it by a pattern other than `*`.
    pub(crate) fn names(&self, tool: &str) -> bool {
        self.tools.contains_key(tool)
            || self.patterns.iter().any(|(pattern, _)| super::pattern::wildcard(pattern, tool))
    }

    /// Collects into `found` the rules that could apply to `op`, sorted, each once.
    pub(crate) fn candidates(&self, ask: &Ask<'_>, op: &Operation, found: &mut Vec<RuleId>) {
        found.clear();
        let tool = ask.request.action.0.as_str();
        let agent = ask.request.principal.agent.as_str();
        for bucket in self.tools.get(tool).into_iter().chain([&self.every]) {
            bucket.every.collect(ask, op, found);
            if !bucket.agents.is_empty()
                && let Some(shelf) = bucket.agents.get(agent)
            {
                shelf.collect(ask, op, found);
            }
        }
        for (pattern, id) in &self.patterns {
            if super::pattern::wildcard(pattern, tool) {
                found.push(*id);
            }
        }
        if found.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
    }
}

impl Bucket {
    fn insert(&mut self, rule: &Rule, id: RuleId) {
        match rule.agents.as_ref().and_then(|agents| agents.literals()) {
            Some(names) => {
                for name in names {
                    self.agents.entry(name.clone()).or_default().insert(rule, id);
                }
            }
            None => self.every.insert(rule, id),
        }
    }
}

impl Shelf {
    fn insert(&mut self, rule: &Rule, id: RuleId) {
        self.all.push(id);
        let when = &rule.when;
        if let Some(names) = when.program.as_ref().and_then(|set| set.literals()) {
            return names.iter().for_each(|name| file(&mut self.programs, name, id));
        }
        if let Some(CommandText::Exact(words) | CommandText::Prefix(words)) = &when.command
            && let Some(first) = words.first().filter(|_| when.program.is_none())
        {
            return file(&mut self.programs, first, id);
        }
        if let Some(hosts) = when.hosts.as_ref().and_then(|set| set.literals()) {
            hosts.iter().for_each(|host| file(&mut self.hosts, host, id));
            if rule.kind == RuleKind::Allow {
                self.hostless.push(id);
            }
            return;
        }
        if let [(accesses, set)] = &when.paths[..]
            && let Some(prefixes) = set.prefixes()
        {
            self.by_path.push(id);
            if rule.kind == RuleKind::Allow {
                match self.idle.iter_mut().find(|(group, _)| group == accesses) {
                    Some((_, ids)) => ids.push(id),
                    None => self.idle.push((accesses.clone(), vec![id])),
                }
            }
            for (inside, prefix) in prefixes {
                file(if inside { &mut self.inside } else { &mut self.folders }, &prefix, id);
            }
            return;
        }
        if let [pattern] = &when.matches[..]
            && let Some(literal) = pattern.literal()
        {
            self.literals.push((literal.into(), id));
            return;
        }
        self.always.push(id);
    }

    fn finish(&mut self) -> Result<(), String> {
        if !self.literals.is_empty() {
            let texts = self.literals.iter().map(|(text, _)| text.as_bytes());
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(texts);
            self.automaton = Some(automaton.map_err(|error| format!("too many literal patterns: {error}"))?);
        }
        Ok(())
    }

    fn collect(&self, ask: &Ask<'_>, op: &Operation, found: &mut Vec<RuleId>) {
        if self.all.is_empty() {
            return;
        }
        // What is hidden could match anything; a decision about it looks at every rule.
        if op.hides(Aspect::Program) || op.hides(Aspect::Hosts) {
            return found.extend_from_slice(&self.all);
        }
        found.extend_from_slice(&self.always);
        if let Some(program) = op.program.as_ref().filter(|_| !self.programs.is_empty()) {
            pick(&self.programs, &program.name, found);
        }
        if !self.hosts.is_empty() {
            if op.hosts.is_empty() {
                found.extend_from_slice(&self.hostless);
            }
            op.hosts.iter().for_each(|host| pick(&self.hosts, &host.host, found));
        }
        if !self.by_path.is_empty() {
            self.collect_paths(ask, op, found);
        }
        if let Some(automaton) = &self.automaton {
            for text in &ask.facts.texts {
                for hit in automaton.find_overlapping_iter(text.text.as_bytes()) {
                    found.extend(self.literals.get(hit.pattern().as_usize()).map(|(_, id)| *id));
                }
            }
        }
    }

    fn collect_paths(&self, ask: &Ask<'_>, op: &Operation, found: &mut Vec<RuleId>) {
        if op.paths.iter().any(|used| used.recursive || used.glob) || op.hides(Aspect::Paths) {
            return found.extend_from_slice(&self.by_path);
        }
        for (accesses, ids) in &self.idle {
            if !op.paths.iter().any(|used| accesses.is_empty() || accesses.contains(&used.access)) {
                found.extend_from_slice(ids);
            }
        }
        for view in op.paths.iter().flat_map(|used| used.views()) {
            climb(&self.folders, view, found);
            if let Some(rest) = under(view, &ask.request.context.workspace) {
                climb(&self.inside, rest, found);
            }
        }
    }
}

/// Looks up the path and each folder above it.
fn climb(folders: &FxHashMap<Box<str>, Vec<RuleId>>, path: &str, found: &mut Vec<RuleId>) {
    if folders.is_empty() {
        return;
    }
    let mut folder = path;
    loop {
        pick(folders, folder, found);
        match folder.rfind('/') {
            Some(at) => folder = folder.get(..at).unwrap_or_default(),
            None => return,
        }
    }
}

fn pick(map: &FxHashMap<Box<str>, Vec<RuleId>>, key: &str, found: &mut Vec<RuleId>) {
    if let Some(ids) = map.get(key) {
        found.extend_from_slice(ids);
    }
}

fn file(map: &mut FxHashMap<Box<str>, Vec<RuleId>>, key: &str, id: RuleId) {
    map.entry(key.into()).or_default().push(id);
}
