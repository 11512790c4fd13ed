//! R0's resource limiter: a preset of [`Limit`]s with R0's names, for callers who ask and record by hand.

use super::limit::{self, Limit, Measure, NO_VALUE};
use super::meter::{Amounts, Meter};
use super::scope::Per;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// R0's limits and their defaults (A050). Zero = nothing is allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceLimits {
    /// Actions in a sliding hour.
    pub max_actions_per_hour: u64,
    /// Dollars of one action.
    pub max_value_per_action: f64,
    /// Dollars of a sliding hour.
    pub max_total_value_per_hour: f64,
    /// Calls in a sliding minute.
    pub max_api_calls_per_minute: u64,
    /// Mebibytes of memory; enforced where the action runs.
    pub max_memory_mb: u64,
    /// Seconds from the first moment on.
    pub max_execution_time_seconds: u64,
}

impl Default for ResourceLimits {
    fn default() -> Self {
        Self {
            max_actions_per_hour: 1000,
            max_value_per_action: 10_000.0,
            max_total_value_per_hour: 100_000.0,
            max_api_calls_per_minute: 60,
            max_memory_mb: 1024,
            max_execution_time_seconds: 300,
        }
    }
}

const MINUTE_US: u64 = 60_000_000;
const HOUR_US: u64 = 60 * MINUTE_US;

impl ResourceLimits {
    /// A limiter that starts now. An error: a limit that is negative or no number (L-04).
    pub fn limiter(self, now: Timestamp) -> Result<ResourceLimiter, String> {
        let limit = |of, window_us, max| Limit {
            name: String::new(),
            of,
            per: Per::All,
            tools: Vec::new(),
            window_us,
            max,
            ask: false,
        };
        let value = |of, dollars| limit::whole(of, dollars);
        let actions = vec![
            limit(Measure::Time, 0, self.max_execution_time_seconds.saturating_mul(1_000_000)),
            limit(Measure::Actions, HOUR_US, self.max_actions_per_hour),
            limit(Measure::ValuePerAction, 0, value(Measure::ValuePerAction, self.max_value_per_action)?),
            limit(Measure::Value, HOUR_US, value(Measure::Value, self.max_total_value_per_hour)?),
        ];
        let calls = limit(Measure::ApiCalls, MINUTE_US, self.max_api_calls_per_minute);
        Ok(ResourceLimiter { limits: self, actions, calls, meter: Meter::default(), started: now })
    }
}

/// Counts actions and calls against R0's limits.
#[derive(Debug, Clone)]
pub struct ResourceLimiter {
    limits: ResourceLimits,
    actions: Vec<Limit>,
    calls: Limit,
    meter: Meter,
    started: Timestamp,
}

/// What is used. Values in dollars, times in seconds. Source: A060.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are R0's and say it")]
pub struct UsageReport {
    pub actions_this_hour: u64,
    pub actions_limit: u64,
    pub value_this_hour: f64,
    pub value_limit: f64,
    pub api_calls_last_minute: u64,
    pub api_limit: u64,
    pub execution_seconds: f64,
    pub execution_limit: u64,
}

impl ResourceLimiter {
    /// Whether an action of this value, in dollars, may run now. The error says why not.
    pub fn check_action(&self, value: f64, now: Timestamp) -> Result<(), String> {
        let wanted = amounts(value)?;
        self.actions.iter().try_for_each(|limit| self.within(limit, wanted, now))
    }

    /// Counts an action. The error: the value is no finite, not negative number, and nothing was counted.
    pub fn record_action(&mut self, value: f64, now: Timestamp) -> Result<(), String> {
        self.meter.add(now, amounts(value)?);
        Ok(())
    }

    /// Whether a call may be made now.
    pub fn check_api_call(&self, now: Timestamp) -> Result<(), String> {
        self.within(&self.calls, Amounts { api_calls: 1, ..Amounts::default() }, now)
    }

    /// Counts a call.
    pub fn record_api_call(&mut self, now: Timestamp) {
        self.meter.add(now, Amounts { api_calls: 1, ..Amounts::default() });
    }

    /// What is used at the moment.
    pub fn usage_report(&self, now: Timestamp) -> UsageReport {
        let (hour, minute) = (self.meter.sum(HOUR_US, now), self.meter.sum(MINUTE_US, now));
        UsageReport {
            actions_this_hour: hour.actions,
            actions_limit: self.limits.max_actions_per_hour,
            value_this_hour: float(hour.value_nanousd) / 1e9,
            value_limit: self.limits.max_total_value_per_hour,
            api_calls_last_minute: minute.api_calls,
            api_limit: self.limits.max_api_calls_per_minute,
            execution_seconds: float(now.since(self.started)) / 1e6,
            execution_limit: self.limits.max_execution_time_seconds,
        }
    }

    fn within(&self, limit: &Limit, wanted: Amounts, now: Timestamp) -> Result<(), String> {
        let used = match limit.of {
            Measure::Time => now.since(self.started),
            Measure::ValuePerAction => 0,
            of => of.part(self.meter.sum(limit.window_us, now)),
        };
        match limit.excess(used, wanted, || 0) {
            Some(excess) => Err(limit.sentence(&excess)),
            None => Ok(()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
const fn float(amount: u64) -> f64 {
    amount as f64
}

fn amounts(value: f64) -> Result<Amounts, String> {
    let value = if value.is_finite() { value.to_string() } else { return Err(NO_VALUE.to_owned()) };
    Ok(Amounts { actions: 1, value_nanousd: limit::nanousd(&value)?, ..Amounts::default() })
}
