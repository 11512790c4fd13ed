//! What was spent, summed up from the log: by agent, model, task and hour, and at what rate (A273, L-11).
//!
//! Sums are exact. Ratios and rates are floating-point numbers, because they are for people alone.

use super::money::Money;
use super::price::Tokens;
use crate::event::{Decided, Event, Record, Settled};
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One action that cost something, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// When it was permitted.
    pub at: Timestamp,
    /// The number of that decision in the log.
    pub decision: u64,
    /// The agent.
    pub agent: String,
    /// The model, or the tool where no model was named.
    pub model: String,
    /// The task, where one was named.
    pub task: String,
    /// Names the question: tool, arguments and model, whoever asks.
    pub question: u64,
    /// What it cost.
    pub money: Money,
    /// What it used.
    pub tokens: Tokens,
    /// Whether it ended well.
    pub success: bool,
    /// Whether the cost is that of the reservation, or an estimate.
    pub estimated: bool,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}

/// Sums over some actions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Actions.
    pub calls: u64,
    /// Those that ended well.
    pub successful_calls: u64,
    /// Those whose cost is a reservation or an estimate.
    pub estimated_calls: u64,
    /// What they cost, in nano-dollars.
    #[serde(rename = "cost_nanousd")]
    pub money: Money,
    /// What those cost that did not end well, in nano-dollars.
    #[serde(rename = "failed_cost_nanousd")]
    pub failed_money: Money,
    /// Input tokens of all kinds.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
}

impl Sum {
    /// Adds one action. Saturating: sums are for people, and nothing is decided by them.
    pub fn add(&mut self, spent: &Spent) {
        let Tokens { input, cached, cache_write, output } = spent.tokens;
        self.calls += 1;
        self.successful_calls += u64::from(spent.success);
        self.estimated_calls += u64::from(spent.estimated);
        self.money = sum(self.money, spent.money);
        if !spent.success {
            self.failed_money = sum(self.failed_money, spent.money);
        }
        self.input_tokens =
            [input, cached, cache_write].into_iter().fold(self.input_tokens, u64::saturating_add);
        self.output_tokens = self.output_tokens.saturating_add(output);
    }

    /// The sum of both. Saturating, as [`Sum::add`].
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            successful_calls: self.successful_calls.saturating_add(other.successful_calls),
            estimated_calls: self.estimated_calls.saturating_add(other.estimated_calls),
            money: sum(self.money, other.money),
            failed_money: sum(self.failed_money, other.failed_money),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
        }
    }

    /// The share that ended well, in percent.
    pub fn success_rate(&self) -> f64 {
        ratio(self.successful_calls, self.calls) * 100.0
    }
}

fn sum(a: Money, b: Money) -> Money {
    Money(a.0.saturating_add(b.0))
}

/// By what costs are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By agent.
    Agent,
    /// By model.
    Model,
    /// By task.
    Task,
    /// By full hour, UTC.
    Hour,
}

/// Groups of a kind that are told apart; the rest share one.
const KEPT_GROUPS: usize = 100_000;

/// The name of what is not told apart any more.
const REST: &str = "(others)";

/// What was spent so far.
#[derive(Debug, Clone, Default)]
pub struct Costs {
    open: BTreeMap<u64, Spent>,
    all: Sum,
    by_agent: BTreeMap<String, Sum>,
    by_model: BTreeMap<String, Sum>,
    by_task: BTreeMap<String, Sum>,
    by_hour: BTreeMap<Timestamp, Sum>,
    /// Money by minute, of a little more than the last day.
    by_minute: BTreeMap<Timestamp, Money>,
    first: Option<Timestamp>,
}

const MINUTE_US: u64 = 60_000_000;
const HOUR_US: u64 = 60 * MINUTE_US;
/// A day, in microseconds.
pub(super) const DAY_US: u64 = 24 * HOUR_US;

impl Costs {
    /// Takes in one record of the log, in order. The answer: the action that is now known to have cost something.
    pub fn read(&mut self, record: &Record) -> Option<Spent> {
        match &record.event {
            Event::Decided(decided) => {
                if decided.decision.effect == crate::decision::Effect::Allow && !decided.dry {
                    self.open.insert(record.seq, Spent::begun(decided, record.seq, record.at));
                }
                None
            }
            Event::Settled(settled) => {
                let spent = self.open.remove(&settled.decision)?.ended(settled)?;
                self.add(&spent);
                Some(spent)
            }
            _ => None,
        }
    }

    /// Adds one action.
    pub fn add(&mut self, spent: &Spent) {
        self.all.add(spent);
        for (groups, name) in [
            (&mut self.by_agent, &spent.agent),
            (&mut self.by_model, &spent.model),
            (&mut self.by_task, &spent.task),
        ] {
            let known = groups.len() < KEPT_GROUPS || groups.contains_key(name);
            groups.entry(if known { name.clone() } else { REST.to_owned() }).or_default().add(spent);
        }
        self.by_hour.entry(Timestamp(spent.at.0 - spent.at.0 % HOUR_US)).or_default().add(spent);
        while self.by_hour.len() > KEPT_GROUPS {
            self.by_hour.pop_first();
        }
        let minute = Timestamp(spent.at.0 - spent.at.0 % MINUTE_US);
        let of_minute = self.by_minute.entry(minute).or_default();
        *of_minute = sum(*of_minute, spent.money);
        let newest = self.by_minute.last_key_value().map_or(minute, |(newest, _)| *newest);
        while let Some(oldest) = self.by_minute.first_entry()
            && newest.since(*oldest.key()) > DAY_US + HOUR_US
        {
            oldest.remove();
        }
        self.first = Some(self.first.map_or(spent.at, |first| first.min(spent.at)));
    }

    /// Everything together.
    pub const fn all(&self) -> &Sum {
        &self.all
    }

    /// The groups of one kind, by name.
    pub fn by(&self, by: By) -> Vec<(String, Sum)> {
        let named =
            |groups: &BTreeMap<String, Sum>| groups.iter().map(|(name, sum)| (name.clone(), *sum)).collect();
        match by {
            By::Agent => named(&self.by_agent),
            By::Model => named(&self.by_model),
            By::Task => named(&self.by_task),
            By::Hour => {
                let name = |hour: &Timestamp| hour.to_string().get(..13).unwrap_or_default().to_owned();
                self.by_hour.iter().map(|(hour, sum)| (name(hour), *sum)).collect()
            }
        }
    }

    /// What each group of one kind has cost, in dollars.
    pub fn dollars_by(&self, by: By) -> BTreeMap<String, f64> {
        self.by(by).into_iter().map(|(name, sum)| (name, dollars(sum.money))).collect()
    }

    /// Says since when what is spent was looked at, where that is before something was.
    pub fn counted_since(&mut self, at: Timestamp) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
    }

    /// When something was first spent.
    pub const fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Reservations of actions that have not ended, crashed ones among them.
    pub fn reserved(&self) -> Money {
        self.open.values().map(|spent| spent.money).fold(Money::ZERO, sum)
    }

    /// Money spent between two ages, in microseconds before `now`.
    fn between(&self, now: Timestamp, youngest_us: u64, oldest_us: u64) -> Money {
        let inside = |minute: &Timestamp| (youngest_us..oldest_us).contains(&now.since(*minute));
        self.by_minute
            .iter()
            .filter(|(minute, _)| inside(minute))
            .map(|(_, money)| *money)
            .fold(Money::ZERO, sum)
    }

    /// What was spent in the full hours from `from` on and before `to`.
    pub fn within(&self, from: Timestamp, to: Timestamp) -> Sum {
        self.by_hour.range(from..to).fold(Sum::default(), |all, (_, sum)| all.and(sum))
    }

    /// The beginning of the day, UTC, on which something was first spent.
    pub fn first_day(&self) -> Option<Timestamp> {
        self.first.map(super::cost_report::day_of)
    }

    /// What so much would be in 30 days, in dollars, if it was spent within `window_us`: over what of that is really
    /// covered, an hour at least.
    pub fn in_a_month(&self, money: Money, window_us: u64, now: Timestamp) -> f64 {
        let Some(first) = self.first else { return 0.0 };
        let covered_us = now.since(first).clamp(HOUR_US, window_us.max(HOUR_US));
        dollars(money) / hours(covered_us) * 24.0 * 30.0
    }

    /// Dollars an hour, over the hours of the last day that are really covered: a minute at least (A273, D265).
    pub fn hourly_burn_rate(&self, now: Timestamp) -> f64 {
        let Some(first) = self.first else { return 0.0 };
        let covered_us = now.since(first).clamp(MINUTE_US, DAY_US);
        dollars(self.between(now, 0, DAY_US)) / hours(covered_us)
    }

    /// Dollars in the last hour, and in a usual one: the mean of those before it, at most 23. `None` = too little is
    /// known to say what is usual.
    pub fn last_and_usual_hour(&self, now: Timestamp) -> Option<(f64, f64)> {
        let covered_us =
            now.since(self.first?).min(DAY_US).checked_sub(HOUR_US).filter(|us| *us >= HOUR_US)?;
        let usual = dollars(self.between(now, HOUR_US, DAY_US)) / hours(covered_us);
        Some((dollars(self.between(now, 0, HOUR_US)), usual))
    }

    /// The figures of A273. `None` = nothing was spent.
    pub fn analytics(&self, now: Timestamp) -> Option<Analytics> {
        let all = &self.all;
        if all.calls == 0 {
            return None;
        }
        let hourly = self.hourly_burn_rate(now);
        // Of equals, the first by name.
        let dearest = self.by_agent.iter().rev().max_by_key(|(_, sum)| sum.money);
        Some(Analytics {
            total_cost_dollars: dollars(all.money),
            total_calls: all.calls,
            successful_calls: all.successful_calls,
            success_rate: all.success_rate(),
            average_cost_per_call_cents: per(all.money, all.calls),
            cost_per_successful_call_cents: per(all.money, all.successful_calls),
            by_agent: self.dollars_by(By::Agent),
            by_model: self.dollars_by(By::Model),
            most_expensive_agent: dearest.map(|(agent, _)| agent.clone()),
            hourly_burn_rate_dollars: hourly,
            projected_monthly_cost_dollars: hourly * 24.0 * 30.0,
            failed_cost_dollars: dollars(all.failed_money),
            reserved_dollars: dollars(self.reserved()),
            estimated_calls: all.estimated_calls,
        })
    }
}

/// The figures of A273, by R3's names, and a few more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analytics {
    /// What was spent.
    pub total_cost_dollars: f64,
    /// Actions that cost something.
    pub total_calls: u64,
    /// Those that ended well.
    pub successful_calls: u64,
    /// In percent.
    pub success_rate: f64,
    /// In cents.
    pub average_cost_per_call_cents: f64,
    /// All that was spent, for each action that ended well, in cents. Zero where none did.
    pub cost_per_successful_call_cents: f64,
    /// In dollars.
    pub by_agent: BTreeMap<String, f64>,
    /// In dollars.
    pub by_model: BTreeMap<String, f64>,
    /// The agent that has spent most.
    pub most_expensive_agent: Option<String>,
    /// Dollars an hour, over the hours of the last day that are really covered.
    pub hourly_burn_rate_dollars: f64,
    /// At this rate, in 30 days.
    pub projected_monthly_cost_dollars: f64,
    /// What was spent on actions that did not end well.
    pub failed_cost_dollars: f64,
    /// Reserved for actions that have not ended; not among what was spent.
    pub reserved_dollars: f64,
    /// Actions whose cost is a reservation or an estimate.
    pub estimated_calls: u64,
}

impl Spent {
    fn begun(decided: &Decided, seq: u64, at: Timestamp) -> Self {
        let request = &decided.request;
        let declared = |name: &str| request.context.declared.get(name).and_then(|value| value.as_str());
        let model = declared("model").unwrap_or(&request.action.0).to_owned();
        let resource = serde_json::Value::Object(request.resource.0.clone()).to_string();
        let question = crate::digest::Digest::of_parts(&[
            request.action.0.as_bytes(),
            resource.as_bytes(),
            model.as_bytes(),
        ]);
        let (head, _) = question.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
        Self {
            at,
            decision: seq,
            agent: request.principal.agent.clone(),
            task: declared("task").unwrap_or_default().to_owned(),
            question: u64::from_le_bytes(*head),
            model,
            money: decided.decision.spend.money,
            tokens: Tokens { input: decided.decision.spend.tokens, ..Tokens::default() },
            success: false,
            estimated: true,
            duration_us: 0,
        }
    }

    /// With what is known at its end. `None` = it cost nothing.
    fn ended(mut self, settled: &Settled) -> Option<Self> {
        let reserved = super::ledger::Spend { money: self.money, tokens: self.tokens.input };
        let spend = settled.spend(reserved);
        if spend.is_none() && settled.usage.is_none() {
            return None;
        }
        self.money = spend.money;
        self.estimated = settled.cost_nanousd.is_none() || settled.is_estimated();
        if let Some(usage) = &settled.usage {
            self.tokens = usage.tokens();
            if !usage.model.is_empty() {
                self.model.clone_from(&usage.model);
            }
        }
        self.success = settled.outcome.is_success();
        self.duration_us = settled.duration_us;
        Some(self)
    }
}

/// As a number, for people.
#[expect(clippy::cast_precision_loss, reason = "for people, and nothing is decided by it")]
pub(super) fn dollars(money: Money) -> f64 {
    money.0 as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "for people, and nothing is decided by it")]
fn hours(us: u64) -> f64 {
    us as f64 / HOUR_US as f64
}

#[expect(clippy::cast_precision_loss, reason = "for people, and nothing is decided by it")]
fn per(money: Money, calls: u64) -> f64 {
    if calls == 0 { 0.0 } else { dollars(money) * 100.0 / calls as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "for people, and nothing is decided by it")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
