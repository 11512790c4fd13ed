//! The section `business:` of a policy.

use super::past::{Past, Place};
use crate::control::meter::LONGEST_WINDOW_US;
use crate::control::money::{Dollars, Money};
use crate::control::response::Response;
use crate::control::scope::Per;
use crate::policy::condition::pointer_in;
use crate::policy::source::List;
use crate::request::Request;
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A rule of business, as written in a policy. It has exactly one of `sum`, `ratio`, `cool_down_s`, `transitions`,
/// `conflicts`, `blackout` and `four_eyes_over`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BusinessSource {
    /// A name, unique among the rules of business.
    pub name: Option<String>,
    /// The tools it is about. Not with `conflicts`, which names its own.
    pub tools: List,
    /// By whom it counts (default: `agent`).
    pub per: Per,
    /// A JSON pointer to the argument by which it counts besides, as in `/symbol`.
    pub key: Option<String>,
    /// A JSON pointer to the amount, as in `/value`.
    pub value: Option<String>,
    /// The most that all amounts of a window may come to.
    pub sum: Option<SumSource>,
    /// The most that an amount may be, compared with the mean of those before it.
    pub ratio: Option<RatioSource>,
    /// Seconds that must pass after the action before.
    pub cool_down_s: Option<u64>,
    /// Which state may follow which. What is not listed is followed by nothing.
    pub transitions: Option<BTreeMap<String, List>>,
    /// With `transitions`: a JSON pointer to the new state.
    pub state: Option<String>,
    /// With `transitions`: the state of what was never seen (default: `new`).
    pub start: Option<String>,
    /// Pairs of tools that undo each other: one does not follow the other within `within_s`.
    pub conflicts: Vec<[String; 2]>,
    /// With `conflicts`: so many seconds (default: a day), up to 31 days.
    pub within_s: Option<u64>,
    /// Days, UTC, on which nothing happens: `2026-12-25`, or the first and last of several, `2026-12-31/2027-01-01`.
    pub blackout: List,
    /// Amounts above this need the yes of two people.
    pub four_eyes_over: Option<Dollars>,
    /// What happens to an action that does not fit (default: `deny`). Not with `four_eyes_over`.
    pub then: Option<Response>,
}

/// The most that all amounts of a window may come to.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SumSource {
    /// So much.
    pub at_most: Dollars,
    /// In so many seconds, up to 31 days.
    pub window_s: u64,
}

/// The most that an amount may be, compared with the mean of those before it.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatioSource {
    /// So many times the mean.
    pub times: u32,
    /// Of the last so many (20, up to 200).
    pub of_last: Option<u32>,
    /// Fewer than this say nothing (5).
    pub at_least: Option<u32>,
}

/// A compiled rule of business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessRule {
    /// Its name.
    pub name: String,
    /// The tools it is about.
    pub tools: Vec<String>,
    /// By whom it counts.
    pub per: Per,
    /// By which argument besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where the amount stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is asked.
    pub test: Test,
    /// What happens to an action that does not fit.
    pub then: Response,
}

/// What a rule of business asks. Times are in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The most that all amounts of a window may come to.
    Sum {
        /// So much.
        at_most: Money,
        /// In so long.
        window_us: u64,
    },
    /// The most that an amount may be.
    Ratio {
        /// So many times the mean.
        times: u32,
        /// Of the last so many.
        of_last: u32,
        /// At least so many.
        at_least: u32,
    },
    /// The time that must pass.
    CoolDown(u64),
    /// Which state may follow which.
    Transitions {
        /// Where the new state stands.
        state: String,
        /// The state of what was never seen.
        start: String,
        /// What may follow.
        allowed: BTreeMap<String, Vec<String>>,
    },
    /// Pairs of tools, neither of which follows the other within so long.
    Conflicts {
        /// The pairs.
        pairs: Vec<[String; 2]>,
        /// So long.
        window_us: u64,
    },
    /// First and last days, as year, month, day.
    Blackout(Vec<(Day, Day)>),
    /// Amounts above this need two people.
    FourEyes(Money),
}

/// Year, month, day.
pub type Day = (u64, u64, u64);

/// What an action says about a rule of business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Where it counts.
    pub place: Place,
    /// Its amount; zero where the rule asks for none.
    pub value: Money,
    /// The state it leads to.
    pub state: Option<String>,
}

const SECOND_US: u64 = 1_000_000;

/// Amounts that a ratio can look back to.
const MOST_OF_LAST: u32 = 200;

impl BusinessRule {
    /// Compiles a rule; `number` names one without a name.
    pub fn compile(source: &BusinessSource, number: usize) -> Result<Self, String> {
        if source.conflicts.is_empty() && source.tools.is_empty() {
            return Err("a rule of business needs `tools`".to_owned());
        }
        if !source.conflicts.is_empty() && !source.tools.is_empty() {
            return Err("`conflicts` names its tools: leave `tools` out".to_owned());
        }
        for pointer in [&source.key, &source.value, &source.state].into_iter().flatten() {
            if !pointer.starts_with('/') {
                return Err(format!("`{pointer}` is not a JSON pointer; write `/{pointer}`"));
            }
        }
        let test = test(source)?;
        let wants_value = matches!(test, Test::Sum { .. } | Test::Ratio { .. } | Test::FourEyes(_));
        if wants_value != source.value.is_some() {
            return Err(if wants_value {
                "this rule needs a `value`: the pointer to the amount".to_owned()
            } else {
                "this rule has no `value`: it asks for no amount".to_owned()
            });
        }
        if matches!(test, Test::FourEyes(_)) && source.then.is_some() {
            return Err("`four_eyes_over` always asks: leave `then` out".to_owned());
        }
        let tools = match &test {
            Test::Conflicts { pairs, .. } => pairs.iter().flatten().cloned().collect(),
            _ => source.tools.0.clone(),
        };
        Ok(Self {
            name: source.name.clone().unwrap_or_else(|| format!("business_{number}")),
            tools,
            per: source.per,
            key: source.key.clone(),
            value: source.value.clone(),
            test,
            then: source.then.unwrap_or(Response::Deny),
        })
    }

    /// Whether it is about this request.
    pub fn is_about(&self, request: &Request) -> bool {
        self.tools.contains(&request.action.0)
    }

    /// What the request says about it. An error: what is missing or cannot be read.
    pub fn read(&self, request: &Request) -> Result<Said, String> {
        let mut key = match &self.key {
            None => String::new(),
            Some(pointer) => text(argument(request, pointer)?),
        };
        if matches!(self.test, Test::Conflicts { .. }) {
            key = of_tool(&request.action.0, &key);
        }
        let value = match &self.value {
            None => Money::ZERO,
            Some(pointer) => {
                let found = argument(request, pointer)?.clone();
                let amount: Dollars =
                    serde_json::from_value(found).map_err(|error| format!("`{pointer}`: {error}"))?;
                amount.0
            }
        };
        let state = match &self.test {
            Test::Transitions { state, .. } => Some(text(argument(request, state)?)),
            _ => None,
        };
        let place =
            Place { rule: self.name.as_str().into(), scope: self.per.scope(request), key: key.into() };
        Ok(Said { place, value, state })
    }

    /// The places that say whether the action fits: its own, or those of the tools that it conflicts with.
    pub fn looks_at(&self, said: &Said, request: &Request) -> Vec<Place> {
        let Test::Conflicts { pairs, .. } = &self.test else { return vec![said.place.clone()] };
        let tool = request.action.0.as_str();
        let key =
            said.place.key.strip_prefix(tool).and_then(|rest| rest.strip_prefix(' ')).unwrap_or_default();
        let others = pairs.iter().filter_map(|[one, other]| match () {
            () if one == tool => Some(other),
            () if other == tool => Some(one),
            () => None,
        });
        others.map(|other| Place { key: of_tool(other, key).into(), ..said.place.clone() }).collect()
    }

    /// Why the action does not fit, given what came before. The words stay the same while nothing else happens.
    pub fn misfit(&self, said: &Said, past: Option<&Past>, now: Timestamp) -> Option<String> {
        match &self.test {
            Test::Sum { at_most, window_us } => {
                let sum = past.map_or(0, |past| past.sum(*window_us, now)).saturating_add(said.value.0);
                let seconds = window_us / SECOND_US;
                (sum > at_most.0).then(|| format!("{} within {seconds} s is more than {at_most}", Money(sum)))
            }
            Test::Ratio { times, of_last, at_least } => {
                let mean = past?.mean(*of_last, *at_least)?;
                let most = mean.0.saturating_mul(u64::from(*times));
                (said.value.0 > most)
                    .then(|| format!("{} is more than {times} times the usual {mean}", said.value))
            }
            Test::CoolDown(wait_us) => {
                let seconds = wait_us / SECOND_US;
                (now.since(past?.last()) < *wait_us)
                    .then(|| format!("less than {seconds} s after the one before"))
            }
            Test::Transitions { start, allowed, .. } => {
                let from = past.and_then(Past::state).unwrap_or(start);
                let to = said.state.as_deref().unwrap_or_default();
                let may = allowed.get(from).map_or(&[][..], Vec::as_slice);
                let then = if may.is_empty() { "nothing".to_owned() } else { may.join(" or ") };
                (!may.iter().any(|state| state == to))
                    .then(|| format!("`{from}` is followed by {then}, and not by `{to}`"))
            }
            Test::Conflicts { window_us, .. } => {
                let seconds = window_us / SECOND_US;
                (now.since(past?.last()) < *window_us)
                    .then(|| format!("less than {seconds} s after an action that it conflicts with"))
            }
            Test::Blackout(days) => {
                let today = now.date();
                let (year, month, day) = today;
                let is_in = |(first, last): &(Day, Day)| (*first..=*last).contains(&today);
                days.iter().any(is_in).then(|| format!("nothing happens on {year:04}-{month:02}-{day:02}"))
            }
            Test::FourEyes(over) => {
                (said.value > *over).then(|| format!("amounts above {over} need the yes of two people"))
            }
        }
    }

    /// Whether something must be remembered for it.
    pub(super) const fn remembers(&self) -> bool {
        !matches!(self.test, Test::Blackout(_) | Test::FourEyes(_))
    }

    /// How many amounts it looks back to, and how far.
    pub(super) const fn reach(&self) -> (usize, u64) {
        match self.test {
            Test::Sum { window_us, .. } => (usize::MAX, window_us),
            Test::Ratio { of_last, .. } => (of_last as usize, u64::MAX),
            _ => (0, 0),
        }
    }
}

fn argument<'a>(request: &'a Request, pointer: &str) -> Result<&'a Value, String> {
    let found = pointer_in(&request.resource.0, pointer);
    found.filter(|value| !value.is_null()).ok_or_else(|| format!("`{pointer}` is missing"))
}

/// The key of one tool, where each has its own. No tool has a blank in its name.
fn of_tool(tool: &str, key: &str) -> String {
    format!("{tool} {key}")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn test(source: &BusinessSource) -> Result<Test, String> {
    let mut tests = Vec::new();
    if let Some(sum) = source.sum {
        let window_us = sum.window_s.saturating_mul(SECOND_US);
        if !(1..=LONGEST_WINDOW_US).contains(&window_us) {
            return Err("`window_s` must be from one second to 31 days".to_owned());
        }
        tests.push(Test::Sum { at_most: sum.at_most.0, window_us });
    }
    if let Some(RatioSource { times, of_last, at_least }) = source.ratio {
        let (of_last, at_least) = (of_last.unwrap_or(20), at_least.unwrap_or(5));
        if times == 0 || !(1..=MOST_OF_LAST).contains(&of_last) || !(1..=of_last).contains(&at_least) {
            return Err(format!(
                "`times` must be one or more, `of_last` up to {MOST_OF_LAST}, and `at_least` no more than that"
            ));
        }
        tests.push(Test::Ratio { times, of_last, at_least });
    }
    tests.extend(source.cool_down_s.map(|seconds| Test::CoolDown(seconds.saturating_mul(SECOND_US))));
    if let Some(transitions) = &source.transitions {
        let state = source.state.clone().ok_or("`transitions` need a `state`: the pointer to the new one")?;
        let start = source.start.clone().unwrap_or_else(|| "new".to_owned());
        let allowed: BTreeMap<_, _> =
            transitions.iter().map(|(from, to)| (from.clone(), to.0.clone())).collect();
        if !allowed.contains_key(&start) {
            return Err(format!("nothing follows the first state, `{start}`"));
        }
        tests.push(Test::Transitions { state, start, allowed });
    } else if source.state.is_some() || source.start.is_some() {
        return Err("`state` and `start` are for `transitions`".to_owned());
    }
    if source.conflicts.is_empty() && source.within_s.is_some() {
        return Err("`within_s` is for `conflicts`".to_owned());
    }
    if !source.conflicts.is_empty() {
        let window_us = source.within_s.unwrap_or(86_400).saturating_mul(SECOND_US);
        if !(1..=LONGEST_WINDOW_US).contains(&window_us) {
            return Err("`within_s` must be from one second to 31 days".to_owned());
        }
        let odd = |tool: &&String| tool.is_empty() || tool.contains(' ');
        if let Some(tool) = source.conflicts.iter().flatten().find(odd) {
            return Err(format!("`{tool}` is no name of a tool"));
        }
        tests.push(Test::Conflicts { pairs: source.conflicts.clone(), window_us });
    }
    if !source.blackout.is_empty() {
        tests
            .push(Test::Blackout(source.blackout.0.iter().map(|text| days(text)).collect::<Result<_, _>>()?));
    }
    tests.extend(source.four_eyes_over.map(|over| Test::FourEyes(over.0)));
    match (tests.pop(), tests.is_empty()) {
        (Some(test), true) => Ok(test),
        _ => Err(
            "a rule of business has exactly one of `sum`, `ratio`, `cool_down_s`, `transitions`, `conflicts`, \
                  `blackout` and `four_eyes_over`"
                .to_owned(),
        ),
    }
}

/// One day, or the first and last of several.
fn days(text: &str) -> Result<(Day, Day), String> {
    let wrong = || format!("`{text}` is no day; write 2026-12-25, or 2026-12-31/2027-01-01");
    let (first, last) = text.split_once('/').unwrap_or((text, text));
    let day = |text: &str| {
        let at: Timestamp = format!("{text}T00:00:00Z").parse().map_err(|_| wrong())?;
        Ok::<_, String>(at.date())
    };
    let (first, last) = (day(first)?, day(last)?);
    if first > last { Err(format!("`{text}` ends before it begins")) } else { Ok((first, last)) }
}
