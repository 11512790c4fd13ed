//! What people look at: now, each day and each week (L-20, L-21, L-22).

use super::cost::{By, Costs, DAY_US, Spent, dollars, ratio};
use super::money::Money;
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many of the dearest calls are shown (L-21).
const SHOWN: usize = 10;

/// Days that a day is compared with (L-21).
const USUAL_DAYS: u64 = 7;

/// One call, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// When it was permitted.
    pub at: Timestamp,
    /// The number of its decision in the log.
    pub decision: u64,
    /// The agent.
    pub agent: String,
    /// The model, or the tool where no model was named.
    pub model: String,
    /// The task, where one was named.
    pub task: String,
    /// What it cost, in dollars.
    pub cost_dollars: f64,
    /// Whether it ended well.
    pub success: bool,
}

impl From<&Spent> for Call {
    fn from(spent: &Spent) -> Self {
        Self {
            at: spent.at,
            decision: spent.decision,
            agent: spent.agent.clone(),
            model: spent.model.clone(),
            task: spent.task.clone(),
            cost_dollars: dollars(spent.money),
            success: spent.success,
        }
    }
}

/// The dearest calls, the dearest first; of equals the earlier one. Bounded.
#[derive(Debug, Clone, Default)]
pub struct Dearest(Vec<(Money, Call)>);

impl Dearest {
    /// Takes in one call.
    pub fn read(&mut self, spent: &Spent) {
        let place = self.0.partition_point(|(money, _)| *money >= spent.money);
        if place < SHOWN {
            self.0.insert(place, (spent.money, Call::from(spent)));
            self.0.truncate(SHOWN);
        }
    }

    /// The calls.
    pub fn calls(self) -> Vec<Call> {
        self.0.into_iter().map(|(_, call)| call).collect()
    }
}

/// What is spent now (L-20). What is left of each budget stands beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Live {
    /// Dollars an hour, over the hours of the last day that are really covered.
    pub hourly_burn_rate_dollars: f64,
    /// Of all that is known.
    pub cost_per_agent_dollars: BTreeMap<String, f64>,
    /// The dearest calls.
    pub most_expensive_operations: Vec<Call>,
}

impl Live {
    /// The figures as of now.
    pub fn of(costs: &Costs, dearest: Dearest, now: Timestamp) -> Self {
        Self {
            hourly_burn_rate_dollars: costs.hourly_burn_rate(now),
            cost_per_agent_dollars: costs.dollars_by(By::Agent),
            most_expensive_operations: dearest.calls(),
        }
    }
}

/// One day, UTC, beside those before it (L-21).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Daily {
    /// As in 2026-11-29.
    pub day: String,
    /// What was spent.
    pub total_cost_dollars: f64,
    /// Actions that cost something.
    pub total_calls: u64,
    /// The mean of the seven days before, or of as many as there were since something was first spent. `None` = none.
    pub usual_day_dollars: Option<f64>,
    /// How much more than that it is, in percent.
    pub trend_percent: Option<f64>,
    /// Actions that did not end well.
    pub failed_calls: u64,
    /// What those cost.
    pub wasted_dollars: f64,
    /// The dearest calls of the day.
    pub top_calls: Vec<Call>,
}

/// The beginning of the day that a moment lies in.
pub fn day_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - at.0 % DAY_US)
}

/// The beginning of the day before the one that `now` lies in.
pub fn yesterday(now: Timestamp) -> Timestamp {
    Timestamp(day_of(now).0.saturating_sub(DAY_US))
}

/// The first of the days that a day is compared with.
pub fn before(day: Timestamp) -> Timestamp {
    Timestamp(day.0.saturating_sub(USUAL_DAYS * DAY_US))
}

/// Where a day ends.
pub fn end_of(day: Timestamp) -> Timestamp {
    Timestamp(day.0.saturating_add(DAY_US))
}

impl Daily {
    /// The day that begins at `day`. `costs` hold all that came before, too; `dearest` are of that day alone.
    pub fn of(costs: &Costs, dearest: Dearest, day: Timestamp) -> Self {
        let of_day = costs.within(day, end_of(day));
        let before = before(day).max(costs.first_day().unwrap_or(day));
        let days = day.since(before) / DAY_US;
        let usual = (days > 0).then(|| dollars(costs.within(before, day).money) / ratio(days, 1));
        let total = dollars(of_day.money);
        Self {
            day: day.to_string().get(..10).unwrap_or_default().to_owned(),
            total_cost_dollars: total,
            total_calls: of_day.calls,
            usual_day_dollars: usual,
            trend_percent: usual.filter(|usual| *usual > 0.0).map(|usual| (total / usual - 1.0) * 100.0),
            failed_calls: of_day.calls - of_day.successful_calls,
            wasted_dollars: dollars(of_day.failed_money),
            top_calls: dearest.calls(),
        }
    }
}

/// What the work was worth, as somebody says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// Hours of people that it has saved.
    pub hours_saved: f64,
    /// What an hour of theirs costs, in dollars.
    pub hour_dollars: f64,
}

/// The last seven days (L-22). What could be saved stands beside it, as [`super::advice`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weekly {
    /// From when on.
    pub since: Timestamp,
    /// What was spent.
    pub total_cost_dollars: f64,
    /// Actions that cost something.
    pub total_calls: u64,
    /// In dollars.
    pub by_agent: BTreeMap<String, f64>,
    /// In dollars.
    pub by_model: BTreeMap<String, f64>,
    /// At the rate of these days, or of what of them is covered (an hour at least), in 30 days.
    pub projected_monthly_cost_dollars: f64,
    /// What the saved time was worth, where somebody has said how much that is.
    pub saved_dollars: Option<f64>,
    /// What that is more than what was spent, in percent of what was spent.
    pub return_on_investment_percent: Option<f64>,
}

/// Where the seven days begin that end now.
pub fn week_before(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(USUAL_DAYS * DAY_US))
}

impl Weekly {
    /// `costs` are of the last seven days alone, counted since they began or something was first spent.
    pub fn of(costs: &Costs, worth: Option<Worth>, now: Timestamp) -> Self {
        let total = dollars(costs.all().money);
        let saved = worth.map(|worth| worth.hours_saved * worth.hour_dollars);
        Self {
            since: week_before(now),
            total_cost_dollars: total,
            total_calls: costs.all().calls,
            by_agent: costs.dollars_by(By::Agent),
            by_model: costs.dollars_by(By::Model),
            projected_monthly_cost_dollars: costs.in_a_month(costs.all().money, USUAL_DAYS * DAY_US, now),
            saved_dollars: saved,
            return_on_investment_percent: saved
                .filter(|_| total > 0.0)
                .map(|saved| (saved - total) / total * 100.0),
        }
    }
}
