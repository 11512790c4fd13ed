//! Budgets: so much money, or so many tokens, for each purse over a time.
//!
//! What an action may cost at most is reserved with the decision and trued up at its settlement. All budgets are asked
//! together: one that would be exceeded refuses, and nothing is reserved of any. Every purse that pays for an action
//! is charged, so a purse can never spend more than the one it is a part of allows.

use super::Act;
use super::calendar::Period;
use super::ledger::{Alert, AlertLevel, Payer, Spend};
use super::meter::LONGEST_WINDOW_US;
use super::money::{Dollars, Money};
use super::purses::{Held, Purses};
use super::scope::Scope;
use crate::decision::Effect;
use crate::policy::source::List;
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A budget, as written in a policy.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSource {
    /// A name, unique among the budgets.
    pub name: Option<String>,
    /// Whose spending it is about (default: `all`).
    pub per: Option<Purse>,
    /// The agents of a team, in the place of `per`: they share the budget.
    pub agents: List,
    /// Over what time it counts. Needed unless it is `per: request`.
    pub period: Option<PeriodName>,
    /// The length of a `rolling` period, in seconds.
    pub window_s: Option<u64>,
    /// The most that may be spent, in dollars. Zero = nothing that costs anything.
    pub limit: Option<Dollars>,
    /// The most tokens, in the place of `limit`.
    pub tokens: Option<u64>,
    /// Percent of the limit at which an alert is given, each once for a period (default: 80 and 95). Full is always one.
    pub alerts: Option<List<u8>>,
    /// What happens beyond (default: `deny`).
    pub beyond: Option<Beyond>,
    /// The budget that this one is a part of. It must cover whatever this one covers, and allow as much.
    pub within: Option<String>,
}

/// Whose spending a budget is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purse {
    /// Everybody's together.
    #[default]
    All,
    /// Each agent's.
    Agent,
    /// Each session's.
    Session,
    /// Each task's: what actions name as their `task`.
    Task,
    /// Each person's or tenant's that agents work for.
    Principal,
    /// Of one request alone.
    Request,
    /// Some agents' together. Written as `agents`.
    #[schemars(skip)]
    Team,
}

impl Purse {
    /// How much a purse of this kind is meant to hold, compared with others.
    pub(super) const fn breadth(self) -> u8 {
        match self {
            Self::All => 6,
            Self::Principal => 5,
            Self::Team => 4,
            Self::Agent => 3,
            Self::Session => 2,
            Self::Task => 1,
            Self::Request => 0,
        }
    }
}

/// Over what time a budget counts, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodName {
    /// From a full hour to the next, UTC.
    Hourly,
    /// From midnight to midnight, UTC.
    Daily,
    /// From Monday to Monday, UTC.
    Weekly,
    /// From the first of a month to the next, UTC.
    Monthly,
    /// The last `window_s` seconds.
    Rolling,
    /// Without end.
    Total,
}

/// What happens beyond a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// Nothing but the alert.
    Alert,
    /// A person is asked.
    Approve,
    /// The action is refused, until the period ends.
    #[default]
    Deny,
    /// The action is refused, and whoever pays is paused until a person resumes.
    Pause,
    /// The action is refused, and whoever pays is killed until a person re-arms.
    Kill,
}

/// Over what time a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// A period of the calendar.
    Calendar(Period),
    /// The last so many microseconds.
    Rolling(u64),
    /// Without end.
    Total,
    /// One request.
    Request,
}

impl Span {
    /// The name, as in alerts and refusals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calendar(period) => period.name(),
            Self::Rolling(_) => "rolling",
            Self::Total => "total",
            Self::Request => "request",
        }
    }

    /// When what counts at `at` began, where that is a matter of the calendar.
    pub(crate) const fn start(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Calendar(period) => period.start(at),
            _ => Timestamp(0),
        }
    }

    pub(crate) const fn slides(self) -> bool {
        matches!(self, Self::Rolling(_))
    }

    /// The shortest time that it can be, for comparing one with another.
    pub(super) const fn length_us(self) -> u64 {
        const DAY_US: u64 = 24 * 3_600_000_000;
        match self {
            Self::Request => 0,
            Self::Calendar(Period::Hourly) => DAY_US / 24,
            Self::Calendar(Period::Daily) => DAY_US,
            Self::Calendar(Period::Weekly) => 7 * DAY_US,
            Self::Calendar(Period::Monthly) => 28 * DAY_US,
            Self::Rolling(window_us) => window_us,
            Self::Total => u64::MAX,
        }
    }
}

/// A compiled budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// Whose spending it is about.
    pub purse: Purse,
    /// The agents of a team.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// Over what time.
    pub span: Span,
    /// The most there may be: nano-dollars, or tokens.
    pub limit: u64,
    /// Whether it counts tokens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_tokens: bool,
    /// Percent of the limit at which an alert is given, ascending; without 100, which is always one.
    pub alerts: Vec<u8>,
    /// What happens beyond.
    pub beyond: Beyond,
    /// The budget it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
}

/// A270, A270a: where alerts are given where a budget says nothing.
const ALERTS: &[u8] = &[80, 95];

/// From here on an alert is critical (A270a).
const CRITICAL_PERCENT: u8 = 95;

impl Budget {
    /// Compiles a budget; `number` names one without a name.
    pub fn compile(source: &BudgetSource, number: usize) -> Result<Self, String> {
        let (limit, of_tokens) = match (source.limit, source.tokens) {
            (Some(limit), None) => (limit.0.0, false),
            (None, Some(tokens)) => (tokens, true),
            (None, None) => return Err("a budget needs a `limit` in dollars or in `tokens`".to_owned()),
            (Some(_), Some(_)) => {
                return Err("a budget has a `limit` or `tokens`: write two budgets for both".to_owned());
            }
        };
        let purse = match (source.per, source.agents.is_empty()) {
            (Some(Purse::Team), _) => {
                return Err("a team is written as its `agents`, in the place of `per`".to_owned());
            }
            (Some(_), false) => {
                return Err("a budget of some `agents` is shared by them: leave `per` out".to_owned());
            }
            (None, false) => Purse::Team,
            (per, true) => per.unwrap_or_default(),
        };
        let span = span(source, purse)?;
        let mut alerts = source.alerts.as_ref().map_or(ALERTS, |alerts| &alerts.0).to_vec();
        if let Some(wrong) = alerts.iter().find(|percent| !(1..=100).contains(*percent)) {
            return Err(format!("`{wrong}` percent: alerts are given from 1 to 100 percent"));
        }
        alerts.sort_unstable();
        alerts.retain(|percent| *percent < 100);
        Ok(Self {
            name: source.name.clone().unwrap_or_else(|| format!("budget_{number}")),
            purse,
            agents: source.agents.0.clone(),
            span,
            limit,
            of_tokens,
            alerts,
            beyond: source.beyond.unwrap_or_default(),
            within: source.within.clone(),
        })
    }

    /// What of an amount the budget counts.
    pub const fn part(&self, spend: Spend) -> u64 {
        if self.of_tokens { spend.tokens } else { spend.money.0 }
    }

    /// What is used of it in the purse of this payer.
    pub fn used(&self, purses: &Purses<'_>, now: Timestamp) -> u64 {
        let of = |held: &Held<'_>| match (held.account, self.span) {
            (None, _) | (_, Span::Request) => 0,
            (Some(account), Span::Calendar(period)) => self.part(account.within(period, now)),
            (Some(account), Span::Total) => self.part(account.total()),
            (Some(_), Span::Rolling(window_us)) => {
                held.meter.map_or(0, |meter| self.part(meter.spent(window_us, now)))
            }
        };
        purses.held_by(self).map(|held| of(&held)).fold(0, u64::saturating_add)
    }

    /// What exceeds it, if the request would: exactly the limit is allowed, and what costs nothing always is.
    pub fn exceeded(&self, purses: &Purses<'_>, wanted: Spend, now: Timestamp) -> Option<Excess> {
        let requested = self.part(wanted);
        if requested == 0 {
            return None;
        }
        let used = self.used(purses, now);
        let over = used.checked_add(requested).is_none_or(|sum| sum > self.limit);
        over.then(|| Excess { used, requested, resets_in_us: self.resets_in_us(purses, now) })
    }

    /// Microseconds until something becomes free; zero where that is not a matter of time.
    pub fn resets_in_us(&self, purses: &Purses<'_>, now: Timestamp) -> u64 {
        match self.span {
            Span::Calendar(period) => period.end(now).since(now),
            Span::Rolling(window_us) => {
                let meters = purses.held_by(self).filter_map(|held| held.meter);
                meters.map(|meter| meter.until_less(window_us, now)).max().unwrap_or(0)
            }
            Span::Total | Span::Request => 0,
        }
    }

    /// The sentence of a refusal: its first part is exact (A270), the rest says what L-06 asks for.
    pub fn sentence(&self, excess: &Excess) -> String {
        let Excess { used, requested, resets_in_us } = *excess;
        let sign = if self.of_tokens { "" } else { "$" };
        let beyond = self.shown(used.saturating_add(requested));
        let mut text = format!(
            "Budget exceeded for {}: {sign}{beyond} / {sign}{}",
            self.span.name(),
            self.shown(self.limit)
        );
        let (used, requested) = (self.exact(used), self.exact(requested));
        text.push_str(&format!("; used {used}, requested {requested}"));
        if resets_in_us > 0 {
            text.push_str(&format!(", resets in {} s", resets_in_us.div_ceil(1_000_000)));
        }
        text
    }

    /// The highest threshold that is reached, in percent; zero = none.
    pub(crate) fn threshold(&self, used: u64) -> u8 {
        let reached = |percent: u8| u128::from(used) * 100 >= u128::from(self.limit) * u128::from(percent);
        if used == 0 {
            return 0;
        }
        let highest = self.alerts.iter().copied().rev().find(|percent| reached(*percent));
        if reached(100) { 100 } else { highest.unwrap_or(0) }
    }

    /// The alert that this much is used. Source of the texts: A270, A270a.
    pub(crate) fn alert(
        &self,
        percent: u8,
        used: u64,
        budget: String,
        purse: String,
        at: Timestamp,
    ) -> Alert {
        let (shown, limit) = (self.shown(used), self.shown(self.limit));
        let message = if percent >= 100 {
            format!("Budget EXCEEDED: {shown}/{limit}")
        } else {
            format!("Budget at {}% ({shown}/{limit})", rounded_percent(used, self.limit))
        };
        let level = if percent >= CRITICAL_PERCENT { AlertLevel::Critical } else { AlertLevel::Warning };
        Alert { at, level, budget, purse, period: self.span.name().into(), message }
    }

    /// Whether it counts what this payer spends.
    pub(crate) fn counts(&self, payer: &Payer<'_>) -> bool {
        self.purse != Purse::Team || self.agents.iter().any(|agent| agent == payer.agent)
    }

    /// The purse of this payer, for people and as a key: `all`, `agent:NAME`, `team:BUDGET`.
    pub fn purse_of(&self, payer: &Payer<'_>) -> String {
        match self.purse {
            Purse::All => "all".to_owned(),
            Purse::Agent => format!("agent:{}", payer.agent),
            Purse::Session => format!("session:{}", payer.session),
            Purse::Task => format!("task:{}", payer.task),
            Purse::Principal => format!("principal:{}", payer.principal),
            Purse::Request => "request".to_owned(),
            Purse::Team => format!("team:{}", self.name),
        }
    }

    /// What the budget wants beyond it, and whom it stops.
    pub(crate) fn beyond(&self, payer: &Payer<'_>) -> Option<(Effect, Option<(Act, Scope)>)> {
        let scope = || match self.purse {
            Purse::All => Scope::All,
            Purse::Agent | Purse::Team | Purse::Request => Scope::Agent(payer.agent.to_owned()),
            Purse::Session | Purse::Task => Scope::Session(payer.session.to_owned()),
            Purse::Principal => Scope::Principal(payer.principal.to_owned()),
        };
        match self.beyond {
            Beyond::Alert => None,
            Beyond::Approve => Some((Effect::Approve, None)),
            Beyond::Deny => Some((Effect::Deny, None)),
            Beyond::Pause => Some((Effect::Deny, Some((Act::Pause, scope())))),
            Beyond::Kill => Some((Effect::Deny, Some((Act::Kill, scope())))),
        }
    }

    /// An amount as in alerts: dollars with two places, or tokens.
    pub fn shown(&self, amount: u64) -> String {
        if self.of_tokens { amount.to_string() } else { Money(amount).dollars() }
    }

    fn exact(&self, amount: u64) -> String {
        if self.of_tokens { format!("{amount} tokens") } else { Money(amount).to_string() }
    }
}

fn span(source: &BudgetSource, purse: Purse) -> Result<Span, String> {
    if source.window_s.is_some() && source.period != Some(PeriodName::Rolling) {
        return Err("`window_s` is for `period: rolling`".to_owned());
    }
    if purse == Purse::Request {
        return match source.period {
            None => Ok(Span::Request),
            Some(_) => Err("a budget per request has no `period`".to_owned()),
        };
    }
    Ok(match source.period {
        None => return Err("a budget needs a `period`, as in `daily`".to_owned()),
        Some(PeriodName::Hourly) => Span::Calendar(Period::Hourly),
        Some(PeriodName::Daily) => Span::Calendar(Period::Daily),
        Some(PeriodName::Weekly) => Span::Calendar(Period::Weekly),
        Some(PeriodName::Monthly) => Span::Calendar(Period::Monthly),
        Some(PeriodName::Total) => Span::Total,
        Some(PeriodName::Rolling) if purse == Purse::Task => {
            return Err("a budget per task is for a period of the calendar, or `total`".to_owned());
        }
        Some(PeriodName::Rolling) => {
            let window_us = source.window_s.unwrap_or(0).saturating_mul(1_000_000);
            if !(1..=LONGEST_WINDOW_US).contains(&window_us) {
                return Err("a rolling budget needs a `window_s` from one second to 31 days".to_owned());
            }
            Span::Rolling(window_us)
        }
    })
}

/// Whole percent, as Python's `{:.0f}` rounds: halves to the even neighbour.
fn rounded_percent(used: u64, limit: u64) -> u128 {
    let (scaled, limit) = (u128::from(used) * 100, u128::from(limit.max(1)));
    let (whole, rest) = (scaled / limit, scaled % limit * 2);
    whole + u128::from(rest > limit || (rest == limit && whole % 2 == 1))
}

/// A budget that a request would exceed. Amounts are nano-dollars or tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// What is used already, reservations included.
    pub used: u64,
    /// What the request would add.
    pub requested: u64,
    /// Microseconds until something becomes free; zero where that is not a matter of time.
    pub resets_in_us: u64,
}
