//! Advice on costs, each with the figures it rests on (A274, L-11, section 4.2 of the reference guide).
//!
//! A saving is computed from the prices of the list and what was really used. Percentages of the guide are its claim,
//! and are shown as that (L-37, D266).

use super::cost::{By, Costs, Spent, Sum, dollars, ratio};
use super::money::Money;
use super::price::{LocalModel, Prices};
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// What it is about.
    pub kind: AdviceKind,
    /// What to look at first.
    pub priority: Priority,
    /// When it was given.
    pub created_at: Timestamp,
    /// When it should be asked for again: its figures are old then.
    pub expires_at: Timestamp,
    /// One or two sentences.
    pub text: String,
    /// What would have been saved, in nano-dollars, where that can be computed.
    #[serde(skip_serializing_if = "Option::is_none", rename = "saving_nanousd")]
    pub saving: Option<Money>,
    /// What the guide says it saves. A claim, not a measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<&'static str>,
    /// The figures it rests on.
    pub figures: BTreeMap<&'static str, f64>,
}

/// What advice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdviceKind {
    /// Nothing was spent yet.
    NoData,
    /// A dear model does much.
    DearModel,
    /// Calls that fail cost money.
    FailedCalls,
    /// More than one call in ten fails.
    FailedShare,
    /// Much is spent in an hour.
    BurnRate,
    /// More than twice the usual is spent in the last hour.
    BurnRateSpike,
    /// Short calls of a dear model.
    CheaperModel,
    /// The same question was asked again.
    Cache,
    /// Many calls in a row.
    Batch,
    /// Long prompts.
    LongPrompts,
    /// What a model of one's own could do.
    OwnModel,
    /// Nothing to say.
    Optimal,
}

/// What to look at first: what goes wrong, then what saves most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// At leisure.
    Low,
    /// It saves money.
    Medium,
    /// Something goes wrong.
    High,
}

impl AdviceKind {
    const fn priority(self) -> Priority {
        match self {
            Self::FailedCalls | Self::FailedShare | Self::BurnRate | Self::BurnRateSpike => Priority::High,
            Self::DearModel | Self::CheaperModel | Self::Cache => Priority::Medium,
            Self::Batch | Self::LongPrompts | Self::OwnModel | Self::NoData | Self::Optimal => Priority::Low,
        }
    }
}

/// How long advice is good for, in seconds. Source: T-12.
const GOOD_FOR_S: u64 = 7 * 86_400;

/// A call is short up to here. The guide names simple tasks, classification and extraction, without a figure.
const SHORT_INPUT: u64 = 1000;
/// See [`SHORT_INPUT`].
const SHORT_OUTPUT: u64 = 150;
/// A prompt is long beyond this: the guide's example of one that should be shortened has about 2000 tokens (L-35).
const LONG_PROMPT: u64 = 2000;
/// A batch holds at most so many (L-33); shorter rows of calls are no case for one.
const BATCH: u64 = 10;
/// Calls of a row are at most so far apart.
const ROW_GAP_US: u64 = 10_000_000;
/// Questions that are told apart; what comes later is not looked at for repeats.
const KEPT_QUESTIONS: usize = 100_000;

/// Patterns among what was spent that advice rests on. Bounded.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    short: BTreeMap<String, Group>,
    long: Group,
    asked: BTreeSet<u64>,
    repeats: Group,
    rows: BTreeMap<(String, String), Row>,
    batches: Group,
}

/// Some calls.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    calls: u64,
    money: Money,
    input: u64,
    output: u64,
    duration_us: u64,
}

impl Group {
    fn add(&mut self, spent: &Spent) {
        let tokens = spent.tokens;
        self.calls += 1;
        self.money = Money(self.money.0.saturating_add(spent.money.0));
        let input = tokens.input.saturating_add(tokens.cached).saturating_add(tokens.cache_write);
        self.input = self.input.saturating_add(input);
        self.output = self.output.saturating_add(tokens.output);
        self.duration_us = self.duration_us.saturating_add(spent.duration_us);
    }

    fn join(&mut self, other: Self) {
        self.calls += other.calls;
        self.money = Money(self.money.0.saturating_add(other.money.0));
        self.duration_us = self.duration_us.saturating_add(other.duration_us);
    }
}

/// Calls of one agent and model in a row.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    last: Timestamp,
    group: Group,
}

impl Patterns {
    /// Takes in one action, in the order of the log.
    pub fn read(&mut self, spent: &Spent) {
        let tokens = spent.tokens;
        if tokens.sum() == Some(0) {
            return;
        }
        let input = tokens.input.saturating_add(tokens.cached).saturating_add(tokens.cache_write);
        if input <= SHORT_INPUT && tokens.output <= SHORT_OUTPUT && !spent.estimated {
            let known = self.short.len() < KEPT_QUESTIONS || self.short.contains_key(&spent.model);
            if known {
                self.short.entry(spent.model.clone()).or_default().add(spent);
            }
        }
        if input > LONG_PROMPT {
            self.long.add(spent);
        }
        if self.asked.contains(&spent.question) {
            self.repeats.add(spent);
        } else if self.asked.len() < KEPT_QUESTIONS {
            self.asked.insert(spent.question);
        }
        self.row(spent);
    }

    fn row(&mut self, spent: &Spent) {
        let key = (spent.agent.clone(), spent.model.clone());
        if self.rows.len() >= KEPT_QUESTIONS && !self.rows.contains_key(&key) {
            return;
        }
        let row = self.rows.entry(key).or_default();
        if row.group.calls > 0 && spent.at.since(row.last) > ROW_GAP_US {
            let ended = std::mem::take(&mut row.group);
            if ended.calls > BATCH {
                self.batches.join(ended);
            }
        }
        row.last = spent.at;
        row.group.add(spent);
    }

    fn batches(&self) -> Group {
        let mut batches = self.batches;
        let rows = self.rows.values().filter(|row| row.group.calls > BATCH);
        rows.for_each(|row| batches.join(row.group));
        batches
    }
}

/// Everything there is to say, given now. The texts of the first ones are exact (A274).
pub fn advise(costs: &Costs, patterns: &Patterns, prices: &Prices, now: Timestamp) -> Vec<Advice> {
    let mut advice = collect(costs, patterns, prices, now);
    for one in &mut advice {
        (one.created_at, one.expires_at) = (now, now.plus_seconds(GOOD_FOR_S));
    }
    advice
}

fn collect(costs: &Costs, patterns: &Patterns, prices: &Prices, now: Timestamp) -> Vec<Advice> {
    if costs.all().calls == 0 {
        return vec![plain(AdviceKind::NoData, "No data yet - collect more usage data")];
    }
    let mut advice = of_totals(costs, now);
    advice.extend(spike(costs, now));
    advice.extend(failed_share(costs));
    advice.extend(patterns.short.iter().filter_map(|(model, group)| cheaper(model, *group, prices)));
    advice.extend(cache(patterns.repeats, costs));
    advice.extend(batch(patterns.batches()));
    advice.extend(long_prompts(patterns.long));
    advice.extend(prices.local().and_then(|local| own_model(local, costs, now)));
    if advice.is_empty() {
        advice.push(plain(AdviceKind::Optimal, "Cost usage looks optimal"));
    }
    advice
}

fn plain(kind: AdviceKind, text: &str) -> Advice {
    let (priority, undated) = (kind.priority(), Timestamp::default());
    Advice {
        kind,
        priority,
        created_at: undated,
        expires_at: undated,
        text: text.to_owned(),
        saving: None,
        claim: None,
        figures: BTreeMap::new(),
    }
}

/// A274: the model of the guide, its cheaper neighbour and its threshold.
const DEAR: (&str, &str, f64) = ("gpt-4", "gpt-3.5-turbo", 10.0);

fn of_totals(costs: &Costs, now: Timestamp) -> Vec<Advice> {
    let mut advice = Vec::new();
    let Some(figures) = costs.analytics(now) else { return advice };
    let (dear, cheap, threshold) = DEAR;
    if let Some(spent) = figures.by_model.get(dear).filter(|spent| **spent > threshold) {
        advice.push(Advice {
            figures: BTreeMap::from([("spent_dollars", *spent), ("threshold_dollars", threshold)]),
            ..plain(
                AdviceKind::DearModel,
                &format!("Consider using {cheap} for simple tasks. Current GPT-4 usage: ${spent:.2}/month"),
            )
        });
    }
    let rate = figures.success_rate;
    if rate < 80.0 {
        let wasted = figures.failed_cost_dollars;
        advice.push(Advice {
            figures: BTreeMap::from([("success_rate_percent", rate), ("failed_cost_dollars", wasted)]),
            ..plain(
                AdviceKind::FailedCalls,
                &format!(
                    "Success rate is {rate:.0}%. ${wasted:.2} spent on failed calls. Improve error handling to reduce waste."
                ),
            )
        });
    }
    let (hourly, monthly) = (figures.hourly_burn_rate_dollars, figures.projected_monthly_cost_dollars);
    if hourly > 1.0 {
        advice.push(Advice {
            figures: BTreeMap::from([("hourly_dollars", hourly), ("monthly_dollars", monthly)]),
            ..plain(
                AdviceKind::BurnRate,
                &format!(
                    "High burn rate: ${hourly:.2}/hour (${monthly:.0}/month projected). Consider implementing caching or using cheaper models."
                ),
            )
        });
    }
    advice
}

/// L-11: the last hour against twice the usual one.
fn spike(costs: &Costs, now: Timestamp) -> Option<Advice> {
    let (last, usual) = costs.last_and_usual_hour(now)?;
    (last > 2.0 * usual).then(|| Advice {
        figures: BTreeMap::from([("last_hour_dollars", last), ("usual_hour_dollars", usual)]),
        ..plain(
            AdviceKind::BurnRateSpike,
            &format!(
                "${last:.2} in the last hour, more than twice the usual ${usual:.2}. Find out what changed."
            ),
        )
    })
}

/// L-11: more than a tenth of the calls fails.
fn failed_share(costs: &Costs) -> Option<Advice> {
    let all = costs.all();
    let failed = all.calls - all.successful_calls;
    // In whole numbers, so that exactly a tenth is not over it.
    (failed.saturating_mul(10) > all.calls).then(|| Advice {
        figures: BTreeMap::from([
            ("failed_percent", ratio(failed, all.calls) * 100.0),
            ("failed_cost_dollars", dollars(all.failed_money)),
        ]),
        ..plain(
            AdviceKind::FailedShare,
            &format!("{failed} of {} calls failed. They cost ${:.2}.", all.calls, dollars(all.failed_money)),
        )
    })
}

/// L-30: short calls at the price of the cheapest model of the list that costs anything.
fn cheaper(model: &str, group: Group, prices: &Prices) -> Option<Advice> {
    let own = prices.listed(model)?.price;
    let tokens = super::price::Tokens { input: group.input, output: group.output, ..Default::default() };
    let candidates = prices.models().filter_map(|(name, listed)| Some((listed.price.cost(tokens)?, name)));
    let (cost, cheap) = candidates.filter(|(cost, _)| *cost > Money::ZERO).min()?;
    // What was cached may have cost less than its list price already.
    let before = own.cost(tokens)?.min(group.money);
    let saving = before.less(cost);
    (saving.0 >= before.0 / 2 && saving > Money::ZERO && cheap != model).then(|| Advice {
        saving: Some(saving),
        claim: Some("50-70 % by choosing the model by the task"),
        figures: BTreeMap::from([("calls", count(group.calls)), ("cost_dollars", dollars(before))]),
        ..plain(
            AdviceKind::CheaperModel,
            &format!(
                "{} short calls of {model} (up to {SHORT_INPUT} tokens in and {SHORT_OUTPUT} out) cost {before}; at the price of {cheap} it would have been {cost}.",
                group.calls
            ),
        )
    })
}

/// L-32: repeated questions.
fn cache(repeats: Group, costs: &Costs) -> Option<Advice> {
    (repeats.calls > 0 && repeats.money > Money::ZERO).then(|| Advice {
        saving: Some(repeats.money),
        claim: Some("60-80 % by caching answers"),
        figures: BTreeMap::from([
            ("repeated_calls", count(repeats.calls)),
            ("all_calls", count(costs.all().calls)),
            ("repeats_cost_dollars", dollars(repeats.money)),
        ]),
        ..plain(
            AdviceKind::Cache,
            &format!(
                "{} of {} calls asked what had been asked before, for {}. A cache of answers would have saved that.",
                repeats.calls,
                costs.all().calls,
                repeats.money
            ),
        )
    })
}

/// L-33: long rows of calls.
fn batch(rows: Group) -> Option<Advice> {
    (rows.calls > BATCH).then(|| Advice {
        claim: Some("for 100 files: $5.00 to $1.50, 200 s to 50 s"),
        figures: BTreeMap::from([
            ("calls", count(rows.calls)),
            ("batches", count(rows.calls.div_ceil(BATCH))),
            ("cost_dollars", dollars(rows.money)),
            ("seconds", ratio(rows.duration_us, 1_000_000)),
        ]),
        ..plain(
            AdviceKind::Batch,
            &format!(
                "{} calls came one after another, for {}. In batches of at most {BATCH} they would be {} calls.",
                rows.calls,
                rows.money,
                rows.calls.div_ceil(BATCH)
            ),
        )
    })
}

/// L-35: prompts above the threshold.
fn long_prompts(long: Group) -> Option<Advice> {
    (long.calls > 0).then(|| Advice {
        claim: Some("an example prompt of about 2000 tokens became one of about 200"),
        figures: BTreeMap::from([
            ("calls", count(long.calls)),
            ("mean_input_tokens", ratio(long.input, long.calls)),
            ("cost_dollars", dollars(long.money)),
        ]),
        ..plain(
            AdviceKind::LongPrompts,
            &format!(
                "{} calls sent more than {LONG_PROMPT} tokens, {} on average, for {}. Look for repeated beginnings and for more than three examples.",
                long.calls,
                long.input / long.calls.max(1),
                long.money
            ),
        )
    })
}

/// L-36: what a month of the tasks that a model of one's own could do costs, beside what that model costs.
fn own_model(local: &LocalModel, costs: &Costs, now: Timestamp) -> Option<Advice> {
    let of_task = |(task, _): &(String, Sum)| local.tasks.contains(task);
    let tasks = costs.by(By::Task).into_iter().filter(of_task);
    let sum = tasks.fold(Sum::default(), |all, (_, sum)| all.and(&sum));
    let (month, own) = (costs.in_a_month(sum.money, u64::MAX, now), dollars(local.usd_per_month.0));
    (month > own).then(|| Advice {
        claim: Some("for 100,000 requests a month: $150 to $50"),
        figures: BTreeMap::from([
            ("calls", count(sum.calls)),
            ("cost_dollars", dollars(sum.money)),
            ("month_dollars", month),
            ("own_month_dollars", own),
        ]),
        ..plain(
            AdviceKind::OwnModel,
            &format!(
                "{} calls for {} cost {}, ${month:.2} a month at this rate. {} does them for ${own:.2} a month.",
                sum.calls,
                local.tasks.join(", "),
                sum.money,
                local.model
            ),
        )
    })
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn count(calls: u64) -> f64 {
    calls as f64
}
