//! Finds the few rules that could concern an operation, so that the cost of a decision does not
//! grow with the policy: tool → agent → program, folder, host or literal text.

use super::claude::CommandText;
use super::condition::{NANOUSD_PER_CENT, Side};
use super::pattern::under;
use super::rule::{Rule, RuleKind};
use super::shape::Shape;
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
    /// Whether a trusted rule allows the tool or asks for it.
    known: bool,
    agents: FxHashMap<Box<str>, Shelf>,
    /// Rules for every agent, or for agents by pattern.
    every: Shelf,
}

/// The rules of one tool and agent, by what they demand first.
#[derive(Debug, Default)]
struct Shelf {
    /// Which of the kinds below there are, so that nothing else of an unused kind is looked at.
    kinds: u8,
    all: Vec<RuleId>,
    /// Rules that cannot be found by a key, each with what an operation must have of it.
    others: Vec<(Shape, RuleId)>,
    programs: FxHashMap<Box<str>, Vec<RuleId>>,
    folders: Folders,
    /// Folders relative to the workspace.
    inside: Folders,
    /// Every rule of `folders` and `inside`.
    by_path: Vec<RuleId>,
    /// The allow rules among them, by the accesses they speak about: they hold where no path is
    /// touched in such a way.
    idle: Vec<(Vec<Access>, Vec<RuleId>)>,
    hosts: FxHashMap<Box<str>, Vec<RuleId>>,
    /// The allow rules among them, which hold where no host is contacted.
    hostless: Vec<RuleId>,
    /// Rules on the declared cost, by their limit in nano-dollars, lowest first.
    costs: Vec<(u64, RuleId)>,
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
                    _ => {
                        let bucket = index.tools.entry(tool.clone()).or_default();
                        bucket.known |= rule.covers();
                        bucket.insert(rule, id);
                    }
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

    /// Whether a trusted rule that allows the tool, or asks for it, names it: itself or by a
    /// pattern other than `*`.
    pub(crate) fn knows(&self, tool: &str, rules: &[Rule]) -> bool {
        let by_pattern = |(pattern, id): &(Box<str>, RuleId)| {
            super::pattern::wildcard(pattern, tool) && rules.get(*id as usize).is_some_and(Rule::covers)
        };
        self.tools.get(tool).is_some_and(|bucket| bucket.known) || self.patterns.iter().any(by_pattern)
    }

    /// Collects into `found` the rules that could apply to `op`, sorted, each once.
    pub(crate) fn candidates(&self, ask: &Ask<'_>, op: &Operation, found: &mut Found) {
        found.clear();
        let shape = Shape::of(op);
        let tool = ask.request.action.0.as_str();
        let agent = ask.request.principal.agent.as_str();
        for bucket in self.tools.get(tool).into_iter().chain([&self.every]) {
            bucket.every.collect(ask, op, shape, found);
            if !bucket.agents.is_empty()
                && let Some(shelf) = bucket.agents.get(agent)
            {
                shelf.collect(ask, op, shape, found);
            }
        }
        for (pattern, id) in &self.patterns {
            if super::pattern::wildcard(pattern, tool) {
                found.push(*id);
            }
        }
        found.sort();
    }
}

/// A list of rules that lives on the stack while it is short.
#[derive(Debug)]
pub(crate) struct Found {
    near: [RuleId; Self::NEAR],
    /// How many of `near` are in use; if `far` is in use, none.
    count: usize,
    far: Vec<RuleId>,
}

impl Found {
    const NEAR: usize = 32;

    pub(crate) const fn new() -> Self {
        Self { near: [0; Self::NEAR], count: 0, far: Vec::new() }
    }

    fn clear(&mut self) {
        self.count = 0;
        self.far.clear();
    }

    fn push(&mut self, id: RuleId) {
        match self.near.get_mut(self.count).filter(|_| self.far.is_empty()) {
            Some(free) => {
                *free = id;
                self.count += 1;
            }
            None => {
                self.far.extend_from_slice(self.near.get(..self.count).unwrap_or_default());
                self.count = 0;
                self.far.push(id);
            }
        }
    }

    fn extend(&mut self, ids: &[RuleId]) {
        ids.iter().for_each(|id| self.push(*id));
    }

    fn sort(&mut self) {
        let near = self.near.get_mut(..self.count).unwrap_or_default();
        if !near.is_sorted() {
            near.sort_unstable();
        }
        if !self.far.is_sorted() {
            self.far.sort_unstable();
        }
    }

    /// The rules, each once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RuleId> + '_ {
        let near = self.near.get(..self.count).unwrap_or_default();
        let all = || near.iter().chain(&self.far);
        let before = std::iter::once(None).chain(all().map(Some));
        all().zip(before).filter(|(id, before)| *before != Some(id)).map(|(id, _)| *id)
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
    const OTHERS: u8 = 1;
    const PROGRAMS: u8 = 2;
    const HOSTS: u8 = 4;
    const PATHS: u8 = 8;
    const COSTS: u8 = 16;
    const TEXTS: u8 = 32;

    const fn has(&self, kind: u8) -> bool {
        self.kinds & kind != 0
    }

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
                if inside { &mut self.inside } else { &mut self.folders }.insert(&prefix, id);
            }
            return;
        }
        if let [pattern] = &when.matches[..]
            && let Some(literal) = pattern.literal()
        {
            self.literals.push((literal.into(), id));
            return;
        }
        if let Some(cents) = when.cost_over_cents {
            return self.costs.push((cents.saturating_mul(NANOUSD_PER_CENT), id));
        }
        let needs = if rule.kind.side() == Side::Tighten { Shape::needed(when) } else { Shape::ANY };
        self.others.push((needs, id));
    }

    fn finish(&mut self) -> Result<(), String> {
        self.costs.sort_unstable();
        let used = [
            (Self::OTHERS, self.others.is_empty()),
            (Self::PROGRAMS, self.programs.is_empty()),
            (Self::HOSTS, self.hosts.is_empty()),
            (Self::PATHS, self.by_path.is_empty()),
            (Self::COSTS, self.costs.is_empty()),
            (Self::TEXTS, self.literals.is_empty()),
        ];
        self.kinds = used.into_iter().filter(|(_, empty)| !empty).fold(0, |kinds, (kind, _)| kinds | kind);
        if !self.literals.is_empty() {
            let texts = self.literals.iter().map(|(text, _)| text.as_bytes());
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(texts);
            self.automaton = Some(automaton.map_err(|error| format!("too many literal patterns: {error}"))?);
        }
        Ok(())
    }

    fn collect(&self, ask: &Ask<'_>, op: &Operation, shape: Shape, found: &mut Found) {
        if self.kinds == 0 {
            return;
        }
        // What is hidden could match anything; a decision about it looks at every rule.
        if op.hides(Aspect::Program) || op.may_have_more(Aspect::Hosts) {
            return found.extend(&self.all);
        }
        if self.has(Self::OTHERS) {
            self.others.iter().filter(|(needs, _)| shape.meets(*needs)).for_each(|(_, id)| found.push(*id));
        }
        if self.has(Self::PROGRAMS)
            && let Some(program) = &op.program
        {
            pick(&self.programs, &program.name, found);
        }
        if self.has(Self::HOSTS) {
            if op.hosts.is_empty() {
                found.extend(&self.hostless);
            }
            for host in &op.hosts {
                pick(&self.hosts, &host.host, found);
                // A rule that refuses an address means every name that leads there.
                for address in &host.addresses {
                    pick(&self.hosts, &address.to_canonical().to_string(), found);
                }
            }
        }
        if self.has(Self::PATHS) {
            self.collect_paths(ask, op, found);
        }
        if self.has(Self::COSTS) {
            // An unknown cost could be over any limit.
            let cost = ask.request.context.cost_nanousd.unwrap_or(u64::MAX);
            let exceeded = self.costs.partition_point(|(limit, _)| *limit < cost);
            self.costs.iter().take(exceeded).for_each(|(_, id)| found.push(*id));
        }
        if self.has(Self::TEXTS)
            && let Some(automaton) = &self.automaton
        {
            // Most texts hold none, which is found out sooner than which.
            for text in ask.facts.texts.iter().filter(|text| automaton.is_match(text.text.as_bytes())) {
                for hit in automaton.find_overlapping_iter(text.text.as_bytes()) {
                    let rule = self.literals.get(hit.pattern().as_usize());
                    rule.iter().for_each(|(_, id)| found.push(*id));
                }
            }
        }
    }

    fn collect_paths(&self, ask: &Ask<'_>, op: &Operation, found: &mut Found) {
        if op.paths.iter().any(|used| used.recursive || used.glob) || op.may_have_more(Aspect::Paths) {
            return found.extend(&self.by_path);
        }
        for (accesses, ids) in &self.idle {
            if !op.paths.iter().any(|used| accesses.is_empty() || accesses.contains(&used.access)) {
                found.extend(ids);
            }
        }
        for view in op.paths.iter().flat_map(|used| used.views()) {
            self.folders.collect(view, found);
            if let Some(rest) = under(view, &ask.request.context.workspace) {
                self.inside.collect(rest, found);
            }
        }
    }
}

/// Rules by the folder they are about.
#[derive(Debug, Default)]
struct Folders {
    rules: FxHashMap<Box<str>, Vec<RuleId>>,
    /// Bit n: some folder has n slashes. The last bit stands for all that have more.
    depths: u64,
}

impl Folders {
    fn insert(&mut self, folder: &str, id: RuleId) {
        self.depths |= 1 << folder.bytes().filter(|byte| *byte == b'/').count().min(63);
        file(&mut self.rules, folder, id);
    }

    /// Looks up the path and each folder above it, where a folder of that depth is known.
    fn collect(&self, path: &str, found: &mut Found) {
        if self.rules.is_empty() {
            return;
        }
        let slashes = path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| at);
        for (depth, end) in slashes.chain([path.len()]).enumerate() {
            if self.depths & 1 << depth.min(63) != 0 {
                pick(&self.rules, path.get(..end).unwrap_or_default(), found);
            }
        }
    }
}

fn pick(map: &FxHashMap<Box<str>, Vec<RuleId>>, key: &str, found: &mut Found) {
    if let Some(ids) = map.get(key) {
        found.extend(ids);
    }
}

fn file(map: &mut FxHashMap<Box<str>, Vec<RuleId>>, key: &str, id: RuleId) {
    map.entry(key.into()).or_default().push(id);
}

#[cfg(test)]
#[expect(dead_code, reason = "the tests outside use more of it")]
#[path = "../../tests/common/random.rs"]
mod random;

#[cfg(test)]
mod tests {
    use super::random::{KINDS, Scene, rule, scene, text};
    use super::*;
    use crate::digest::Digest;
    use crate::policy::pattern::{Tri, wildcard};
    use crate::policy::{LayerText, Policy};
    use proptest::prelude::*;

    /// Every rule that applies, by looking at each.
    fn scan(policy: &Policy, scene: &Scene, ask: &Ask<'_>, op: &Operation) -> Vec<RuleId> {
        let applies = |rule: &Rule| {
            let agent = &scene.request.principal.agent;
            rule.tools.iter().any(|tool| wildcard(tool, &scene.request.action.0))
                && rule.agents.as_ref().is_none_or(|agents| agents.contains(agent))
                && rule.applies(ask, op, scene.now) != Tri::No
        };
        let all = (0..).zip(policy.rules());
        all.filter(|(_, rule)| applies(rule)).map(|(id, _)| id).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// The index leaves out no rule that applies, and names each once, in order.
        #[test]
        fn finds_what_a_scan_finds(rules in proptest::collection::vec(rule(KINDS), 0..40), scene in scene(true)) {
            let text = text(&rules, &serde_json::json!({}));
            let file = LayerText { layer: crate::decision::Layer::User, name: "p".into(), text };
            let policy = Policy::compile(&[file], crate::policy::NoAnalysis).unwrap();
            let ask = Ask { request: &scene.request, digest: Digest([0; 32]), facts: &scene.facts };
            for op in &scene.facts.operations {
                let mut found = Found::new();
                policy.index.candidates(&ask, op, &mut found);
                let found: Vec<RuleId> = found.iter().collect();
                prop_assert!(found.is_sorted_by(|a, b| a < b), "{found:?}");
                for id in scan(&policy, &scene, &ask, op) {
                    prop_assert!(found.contains(&id), "rule {id} is missing: {:#?}", policy.rules()[id as usize]);
                }
            }
        }
    }
}
