//! Conditions: compiled from `when:` and `except:`, decided in three values.
//!
//! A condition that *tightens* (deny, approve, warn, audit) holds if some part of the operation
//! matches, and is unknown where the part is hidden. A condition that *loosens* (allow) holds only
//! if every part matches and nothing is hidden. One that *exempts* (`except:` of a rule that
//! tightens) also wants that there is something to match: what is not there excuses nothing.

use super::claude::CommandText;
use super::pattern::{HostSet, PathSet, Tri, WordSet, wildcard};
use super::source::{ConditionSource, Day, List, ValueTest};
use super::text_pattern::TextPattern;
use crate::decide::Ask;
use crate::facts::{Access, Aspect, HostUse, Operation, PathUse, SqlClass, Trait, Traits};
use crate::risk::Risk;
use crate::time::Timestamp;
use crate::untrusted::{Exposure, Moment};
use serde_json::{Map, Value};

/// Which way a condition is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Tighten,
    Loosen,
    Exempt,
}

/// All parts must hold; a part that was not asked for always does.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    pub(crate) program: Option<WordSet>,
    pub(crate) subcommand: Option<WordSet>,
    pub(crate) command: Option<CommandText>,
    pub(crate) args: Vec<Box<str>>,
    pub(crate) paths: Vec<(Accesses, PathSet)>,
    pub(crate) hosts: Option<HostSet>,
    pub(crate) ports: Vec<u16>,
    pub(crate) methods: Option<WordSet>,
    pub(crate) sql: Vec<SqlClass>,
    pub(crate) sql_verb: Option<WordSet>,
    pub(crate) tables: Option<WordSet>,
    pub(crate) does: Traits,
    pub(crate) secrets: Option<WordSet>,
    pub(crate) opaque: Option<bool>,
    /// What only confinement bounds leaves the condition undecided. Shipped rules leave it to the
    /// confinement that their allow rules ask for.
    pub(crate) heeds_indefinite: bool,
    pub(crate) matches: Vec<TextPattern>,
    pub(crate) input: Vec<(Box<str>, ValueTest)>,
    pub(crate) context: Vec<(Box<str>, ValueTest)>,
    pub(crate) risk_at_least: Option<Risk>,
    pub(crate) cost_over_cents: Option<u64>,
    pub(crate) when: Option<Hours>,
    pub(crate) trust: Trust,
    /// Nothing was asked for.
    pub(crate) empty: bool,
    /// Whether anything is asked about the request as a whole.
    request: bool,
}

/// The accesses a path list speaks about; empty = all.
pub(crate) type Accesses = Vec<Access>;

impl Condition {
    /// Compiles the written form. The error is a sentence for the author.
    pub(crate) fn compile(source: &ConditionSource, lazy: bool) -> Result<Self, String> {
        let words = |list: &List| (!list.is_empty()).then(|| WordSet::parse(list.texts()));
        let lower = |list: &List| words(&List(list.texts().map(str::to_lowercase).collect()));
        let prefix: Vec<String> = source.args_prefix.iter().cloned().collect();
        let of_request = ConditionSource {
            matches: source.matches.clone(),
            input: source.input.clone(),
            context: source.context.clone(),
            risk_at_least: source.risk_at_least,
            cost_over_cents: source.cost_over_cents,
            hours: source.hours.clone(),
            days: source.days.clone(),
            tainted: source.tainted,
            untrusted_argument: source.untrusted_argument,
            untrusted_seen: source.untrusted_seen,
            private_read: source.private_read,
            ..ConditionSource::default()
        };
        Ok(Self {
            request: of_request != ConditionSource::default(),
            program: words(&source.program),
            subcommand: words(&source.subcommand),
            command: (!prefix.is_empty()).then_some(CommandText::Prefix(prefix)),
            args: source.args.texts().map(Into::into).collect(),
            paths: path_lists(source)?,
            hosts: (!source.hosts.is_empty()).then(|| HostSet::parse(source.hosts.texts())).transpose()?,
            ports: source.ports.0.clone(),
            methods: words(&source.methods),
            sql: source.sql.0.clone(),
            sql_verb: lower(&source.sql_verb),
            tables: lower(&source.tables),
            does: source.does.iter().copied().collect(),
            secrets: words(&source.secrets),
            opaque: source.opaque,
            heeds_indefinite: false,
            matches: source
                .matches
                .texts()
                .map(|text| TextPattern::new(text, lazy))
                .collect::<Result<_, _>>()?,
            input: tests(&source.input, true)?,
            context: tests(&source.context, false)?,
            risk_at_least: source.risk_at_least,
            cost_over_cents: source.cost_over_cents,
            trust: Trust {
                tainted: source.tainted,
                untrusted_argument: source.untrusted_argument,
                untrusted_seen: source.untrusted_seen,
                private_read: source.private_read,
            },
            when: Hours::parse(source.hours.texts(), &source.days.0)?,
            empty: *source == ConditionSource::default(),
        })
    }

    /// Whether the condition holds for one operation of a request.
    pub(crate) fn holds(&self, side: Side, ask: &Ask<'_>, op: &Operation, at: Moment<'_>) -> Tri {
        if self.empty {
            // Whoever allows a tool without conditions has not said that it may do what nobody
            // understands.
            let unsure =
                side != Side::Tighten && (!op.opaque.is_empty() || op.does.contains(Trait::Indefinite));
            return if unsure { Tri::Unknown } else { Tri::Yes };
        }
        if side != Side::Tighten && !op.opaque.is_empty() && self.opaque != Some(true) {
            return Tri::No;
        }
        // Only a rule that names it can have meant it.
        let indefinite = op.does.contains(Trait::Indefinite);
        let named = self.does.contains(Trait::Indefinite) || self.opaque == Some(true);
        if side != Side::Tighten && indefinite && !named {
            return Tri::No;
        }
        let mut answer = if self.request { self.request(side, ask, op, at) } else { Tri::Yes };
        if answer != Tri::No {
            answer = and(answer, self.effects(side, op));
        }
        if answer != Tri::No {
            answer = and(answer, self.commands(side, op));
        }
        if answer != Tri::No {
            answer = and(answer, self.path_uses(side, ask, op));
        }
        if answer != Tri::No {
            answer = and(answer, self.host_uses(side, op));
        }
        if answer != Tri::No {
            answer = and(answer, self.sql_uses(side, op));
        }
        answer
    }

    fn commands(&self, side: Side, op: &Operation) -> Tri {
        let mut answer = Tri::Yes;
        if let Some(set) = &self.program {
            answer = and(answer, program_in(set, side, op));
        }
        if let Some(set) = &self.subcommand {
            let known = op.program.as_ref().and_then(|program| program.subcommand.as_deref());
            answer = and(
                answer,
                match known {
                    Some(name) => Tri::of(set.contains(name)),
                    None => hidden(op, Aspect::Arguments, op.program.is_some() || op.hides(Aspect::Program)),
                },
            );
        }
        if let Some(command) = &self.command {
            // `args_prefix` speaks of the words behind the program, a permission string of all.
            answer = and(answer, command_is(command, self.program.is_some(), side, op));
        }
        for want in &self.args {
            let found = op.args.iter().any(|have| wildcard(want, have));
            answer = and(answer, if found { Tri::Yes } else { hidden(op, Aspect::Arguments, true) });
        }
        answer
    }

    fn path_uses(&self, side: Side, ask: &Ask<'_>, op: &Operation) -> Tri {
        let mut answer = Tri::Yes;
        for (accesses, set) in &self.paths {
            let asked = |used: &&PathUse| accesses.is_empty() || accesses.contains(&used.access);
            let mut uses = op.paths.iter().filter(asked);
            answer = and(
                answer,
                match side {
                    Side::Loosen | Side::Exempt => {
                        let there = side == Side::Loosen || uses.clone().next().is_some();
                        Tri::of(there && uses.all(|used| set.contains(used, &ask.request.context)))
                    }
                    Side::Tighten => {
                        let mut found = self.hidden(op, Aspect::Paths);
                        for used in uses {
                            found = or(found, set.touches(used, &ask.request.context));
                        }
                        found
                    }
                },
            );
        }
        answer
    }

    fn host_uses(&self, side: Side, op: &Operation) -> Tri {
        let mut answer = Tri::Yes;
        if let Some(set) = &self.hosts {
            let is_meant = |host: &HostUse| match side {
                Side::Tighten => set.touches(host),
                Side::Loosen | Side::Exempt => set.contains(host),
            };
            let found = each(side, &op.hosts, op, Aspect::Hosts, is_meant);
            answer = and(answer, if found == Tri::No { self.unsaid_hosts(side, op) } else { found });
        }
        if !self.ports.is_empty() {
            let asked = |port: Option<u16>| port.is_some_and(|port| self.ports.contains(&port));
            answer = and(answer, each(side, &op.hosts, op, Aspect::Hosts, |host| asked(host.port)));
        }
        if let Some(set) = &self.methods {
            let asked = |method: Option<&str>| set.contains(method.unwrap_or("GET"));
            answer =
                and(answer, each(side, &op.hosts, op, Aspect::Hosts, |host| asked(host.method.as_deref())));
        }
        answer
    }

    /// Unknown where `aspect` is hidden, or may hold more and this condition heeds that.
    fn hidden(&self, op: &Operation, aspect: Aspect) -> Tri {
        let may_have_more = self.heeds_indefinite && op.may_have_more(aspect);
        if may_have_more { Tri::Unknown } else { hidden(op, aspect, true) }
    }

    fn unsaid_hosts(&self, side: Side, op: &Operation) -> Tri {
        if side == Side::Tighten { self.hidden(op, Aspect::Hosts) } else { Tri::No }
    }

    fn sql_uses(&self, side: Side, op: &Operation) -> Tri {
        let aspect = Aspect::Statements;
        let mut answer = Tri::Yes;
        if !self.sql.is_empty() {
            answer = and(answer, each(side, &op.statements, op, aspect, |sql| self.sql.contains(&sql.class)));
        }
        if let Some(set) = &self.sql_verb {
            let asked = |verb: &str| set.contains(&verb.to_lowercase());
            answer = and(answer, each(side, &op.statements, op, aspect, |sql| asked(&sql.verb)));
        }
        if let Some(set) = &self.tables {
            let all = |tables: &[String]| tables.iter().all(|table| set.contains(table));
            let any = |tables: &[String]| tables.iter().any(|table| set.contains(table));
            answer = and(
                answer,
                each(side, &op.statements, op, aspect, |sql| match side {
                    Side::Loosen => all(&sql.tables),
                    Side::Exempt => !sql.tables.is_empty() && all(&sql.tables),
                    Side::Tighten => any(&sql.tables),
                }),
            );
        }
        answer
    }

    fn effects(&self, side: Side, op: &Operation) -> Tri {
        let mut answer = Tri::Yes;
        if !self.does.is_empty() {
            answer = and(
                answer,
                match side {
                    Side::Loosen => Tri::of(self.does.contains_all(op.does)),
                    Side::Exempt => Tri::of(!op.does.is_empty() && self.does.contains_all(op.does)),
                    Side::Tighten if op.does.intersects(self.does) => Tri::Yes,
                    Side::Tighten => hidden(op, Aspect::Effects, true),
                },
            );
        }
        if let Some(set) = &self.secrets {
            answer = and(
                answer,
                each(side, &op.secrets, op, Aspect::Effects, |secret| set.contains(&secret.kind)),
            );
        }
        if let Some(wanted) = self.opaque {
            let heeds = side != Side::Tighten || self.heeds_indefinite;
            let hides = !op.opaque.is_empty() || heeds && op.does.contains(Trait::Indefinite);
            answer = and(answer, Tri::of(hides == wanted));
        }
        answer
    }

    /// The parts that speak about the whole request.
    fn request(&self, side: Side, ask: &Ask<'_>, op: &Operation, at: Moment<'_>) -> Tri {
        let mut answer = Tri::Yes;
        if !self.matches.is_empty() {
            let mut texts = ask.facts.texts.iter();
            let found = |text: &str| self.matches.iter().any(|pattern| pattern.is_match(text));
            answer = and(
                answer,
                Tri::of(match side {
                    Side::Tighten => texts.any(|text| found(&text.text)),
                    Side::Loosen | Side::Exempt => {
                        !ask.facts.texts.is_empty() && texts.all(|text| found(&text.text))
                    }
                }),
            );
        }
        for (pointer, test) in &self.input {
            answer = and(answer, value_test(test, pointer_in(&ask.request.resource.0, pointer)));
        }
        for (name, test) in &self.context {
            answer = and(answer, value_test(test, ask.request.context.declared.get(&**name)));
        }
        if let Some(least) = self.risk_at_least {
            let known = Tri::of(op.risk() >= least);
            // What is hidden could be worse than it looks.
            answer = and(answer, if op.opaque.is_empty() { known } else { or(known, Tri::Unknown) });
        }
        if let Some(cents) = self.cost_over_cents {
            let limit = cents.saturating_mul(NANOUSD_PER_CENT);
            answer = and(
                answer,
                ask.request.context.cost_nanousd.map_or(Tri::Unknown, |cost| Tri::of(cost > limit)),
            );
        }
        if let Some(hours) = &self.when {
            answer = and(answer, Tri::of(hours.contains(at.now)));
        }
        if self.trust != Trust::default() {
            answer = and(answer, Tri::of(self.trust.holds(ask, at)));
        }
        answer
    }
}

/// What is asked about untrusted content; `None` = nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    tainted: Option<bool>,
    untrusted_argument: Option<bool>,
    untrusted_seen: Option<bool>,
    private_read: Option<bool>,
}

impl Trust {
    fn holds(self, ask: &Ask<'_>, at: Moment<'_>) -> bool {
        let exposure = at.state.and_then(|state| state.exposure(&ask.request.principal.session));
        let now = ask.facts.untrusted.as_deref();
        let passages = now.is_some_and(|now| !now.passages.is_empty());
        let tainted = passages || exposure.is_some_and(|before| !before.passages.is_empty());
        let argument = now.is_some_and(|now| !now.arguments.is_empty() || now.follows.is_some());
        let seen = tainted || exposure.is_some_and(Exposure::saw_untrusted);
        let private = exposure.is_some_and(|before| before.private.is_some());
        let wants = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        wants(self.tainted, tainted)
            && wants(self.untrusted_argument, argument)
            && wants(self.untrusted_seen, seen)
            && wants(self.private_read, private)
    }
}

/// A cent in nano-dollars.
pub(crate) const NANOUSD_PER_CENT: u64 = 10_000_000;

fn path_lists(source: &ConditionSource) -> Result<Vec<(Accesses, PathSet)>, String> {
    let lists = [
        (vec![Access::Read], &source.reads),
        (vec![Access::Write], &source.writes),
        (vec![Access::Delete], &source.deletes),
        (vec![Access::List], &source.lists),
        (vec![Access::Execute], &source.executes),
        (vec![], &source.paths),
    ];
    let asked = lists.into_iter().filter(|(_, list)| !list.is_empty());
    asked.map(|(accesses, list)| Ok((accesses, PathSet::parse(list.texts())?))).collect()
}

fn tests(
    source: &std::collections::BTreeMap<String, ValueTest>,
    pointer: bool,
) -> Result<Vec<(Box<str>, ValueTest)>, String> {
    source
        .iter()
        .map(|(key, test)| {
            if pointer && !key.starts_with('/') {
                return Err(format!("`{key}` is not a JSON pointer; write `/{key}`"));
            }
            if *test == ValueTest::default() {
                return Err(format!("the test on `{key}` asks for nothing"));
            }
            Ok((key.as_str().into(), test.clone()))
        })
        .collect()
}

const fn and(a: Tri, b: Tri) -> Tri {
    match (a, b) {
        (Tri::No, _) | (_, Tri::No) => Tri::No,
        (Tri::Unknown, _) | (_, Tri::Unknown) => Tri::Unknown,
        _ => Tri::Yes,
    }
}

const fn or(a: Tri, b: Tri) -> Tri {
    match (a, b) {
        (Tri::Yes, _) | (_, Tri::Yes) => Tri::Yes,
        (Tri::Unknown, _) | (_, Tri::Unknown) => Tri::Unknown,
        _ => Tri::No,
    }
}

/// Unknown where `aspect` is hidden, else no. `possible`: whether it could exist at all.
fn hidden(op: &Operation, aspect: Aspect, possible: bool) -> Tri {
    if possible && op.hides(aspect) { Tri::Unknown } else { Tri::No }
}

fn each<T>(side: Side, items: &[T], op: &Operation, aspect: Aspect, test: impl Fn(&T) -> bool) -> Tri {
    match side {
        Side::Loosen => Tri::of(items.iter().all(test)),
        Side::Exempt => Tri::of(!items.is_empty() && items.iter().all(test)),
        Side::Tighten if items.iter().any(test) => Tri::Yes,
        Side::Tighten => hidden(op, aspect, true),
    }
}

fn program_in(set: &WordSet, side: Side, op: &Operation) -> Tri {
    match &op.program {
        Some(program) => Tri::of(set.contains(&program.name) && (side == Side::Tighten || program.trusted)),
        None => hidden(op, Aspect::Program, true),
    }
}

fn command_is(command: &CommandText, behind_program: bool, side: Side, op: &Operation) -> Tri {
    let Some(program) = &op.program else { return hidden(op, Aspect::Program, true) };
    if side != Side::Tighten && !program.trusted {
        return Tri::No;
    }
    let name = (!behind_program).then_some(program.name.as_str());
    if name.is_some_and(|name| !command.may_begin(name)) {
        return Tri::No;
    }
    let found = match command {
        CommandText::Exact(words) => {
            name.into_iter().chain(op.args.iter().map(String::as_str)).eq(words.iter())
        }
        CommandText::Prefix(words) => {
            let starts = |mut have: Box<dyn Iterator<Item = &str> + '_>| {
                words.iter().all(|want| have.next() == Some(want.as_str()))
            };
            let plain = || name.into_iter().chain(op.args.iter().map(String::as_str));
            starts(Box::new(plain()))
                // A refusal also sees through options in between: `git -C x push`.
                || side == Side::Tighten
                    && (starts(Box::new(plain().filter(|word| !word.starts_with('-'))))
                        || starts(Box::new(name.into_iter().chain(after_subcommand(op)))))
        }
        CommandText::Like(pattern) => {
            let words: Vec<String> = name
                .into_iter()
                .chain(op.args.iter().map(String::as_str))
                .map(|word| word.replace(char::is_whitespace, "\u{1}"))
                .collect();
            wildcard(pattern, &words.join(" "))
        }
    };
    if found { Tri::Yes } else { hidden(op, Aspect::Arguments, true) }
}

/// The words from the sub-command on.
fn after_subcommand(op: &Operation) -> impl Iterator<Item = &str> {
    let name = op.program.as_ref().and_then(|program| program.subcommand.as_deref());
    op.args.iter().map(String::as_str).skip_while(move |word| Some(*word) != name)
}

pub(crate) fn pointer_in<'v>(map: &'v Map<String, Value>, pointer: &str) -> Option<&'v Value> {
    let rest = pointer.strip_prefix('/')?;
    let (first, deeper) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    map.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(deeper)
}

fn value_test(test: &ValueTest, value: Option<&Value>) -> Tri {
    let Some(value) = value else { return Tri::Unknown };
    let number = value.as_f64().filter(|number| number.is_finite());
    let compare = |limit: Option<f64>, holds: fn(f64, f64) -> bool| match (limit, number) {
        (None, _) => Tri::Yes,
        (Some(limit), Some(number)) => Tri::of(holds(number, limit)),
        (Some(_), None) => Tri::Unknown,
    };
    let text =
        |pattern: &String| value.as_str().map_or(Tri::Unknown, |text| Tri::of(wildcard(pattern, text)));
    [
        compare(test.over, |number, limit| number > limit),
        compare(test.under, |number, limit| number < limit),
        compare(test.at_least, |number, limit| number >= limit),
        compare(test.at_most, |number, limit| number <= limit),
        Tri::of(test.one_of.is_empty() || test.one_of.iter().any(|one| same(one, value))),
        Tri::of(!test.not_in.iter().any(|one| same(one, value))),
        test.like.as_ref().map_or(Tri::Yes, text),
    ]
    .into_iter()
    .fold(Tri::Yes, and)
}

/// Whether two values are the same, `1` and `1.0` among them.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

/// Hours of the day and days of the week, UTC.
#[derive(Debug, Clone)]
pub(crate) struct Hours {
    /// From and to, in minutes of the day; a range may run over midnight.
    ranges: Vec<(u16, u16)>,
    /// Bit n = day n of the week, Monday first; all bits = every day.
    days: u8,
}

impl Hours {
    /// Nothing given = no condition.
    pub(crate) fn parse<'a>(
        ranges: impl IntoIterator<Item = &'a str>,
        days: &[Day],
    ) -> Result<Option<Self>, String> {
        let ranges: Vec<_> = ranges.into_iter().map(range).collect::<Result<_, _>>()?;
        if ranges.is_empty() && days.is_empty() {
            return Ok(None);
        }
        let bits = days.iter().fold(0, |bits, day| bits | 1u8 << *day as u8);
        Ok(Some(Self { ranges, days: if days.is_empty() { u8::MAX } else { bits } }))
    }

    pub(crate) fn contains(&self, now: Timestamp) -> bool {
        let (day, minute) = now.weekday_and_minute();
        let inside = |&(from, to): &(u16, u16)| {
            if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
        };
        self.days & (1 << day) != 0 && (self.ranges.is_empty() || self.ranges.iter().any(inside))
    }
}

fn range(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("`{text}` is not a range of hours, as in `08:00-18:00`");
    let minute = |clock: &str| -> Option<u16> {
        let (hours, minutes) = clock.trim().split_once(':')?;
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60 || (hours, minutes) == (24, 0)).then_some(hours * 60 + minutes)
    };
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    minute(from).zip(minute(to)).ok_or_else(wrong)
}
