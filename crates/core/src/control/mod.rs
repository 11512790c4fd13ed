//! Stateful controls: what is counted, watched, locked and stopped over time.
//!
//! Each control has its configuration (part of [`Controls`], compiled from the policy), its state (part of
//! [`crate::state::State`], folded from the log) and a guard that reads both. The configuration is logged when a
//! policy is loaded, so that the log alone determines the state.

pub mod advice;
pub mod anomaly;
pub mod breaker;
pub mod budget;
pub mod budget_status;
pub mod budgets;
pub mod business;
pub mod calendar;
pub mod cost;
pub mod cost_report;
pub mod failure;
pub mod ledger;
pub mod limit;
pub mod limiter;
pub mod lock;
pub mod meter;
pub mod meters;
pub mod money;
pub mod named;
pub mod notice;
pub mod price;
pub mod purses;
pub mod response;
pub mod routing;
pub mod scope;
pub mod switch;
pub mod tier;

use crate::policy::source::PolicySource;
use anomaly::watch::AnomalyConfig;
use breaker::config::Breaker;
use budgets::Budgets;
use business::rule::BusinessRule;
use failure::watch::Watch;
use limit::Limit;
use scope::Scope;
use serde::{Deserialize, Serialize};
use tier::config::TierConfig;

/// The compiled stateful controls of a policy. Entries of all files stand side by side: each holds by itself, so
/// another file can only tighten.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Controls {
    /// Limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// Budgets.
    #[serde(skip_serializing_if = "Budgets::is_empty")]
    pub budgets: Budgets,
    /// Circuit breakers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<Breaker>,
    /// What is watched of each agent; nothing where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anomaly: Option<AnomalyConfig>,
    /// Rules of business.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub business: Vec<BusinessRule>,
    /// Tiers; none where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<TierConfig>,
    /// Signs of failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Watch>,
}

impl Controls {
    /// Adds the sections of one file. An error names the key of the section and says what is wrong.
    pub(crate) fn add(&mut self, written: &PolicySource) -> Result<(), (&'static str, String)> {
        for source in &written.limits {
            let limit = Limit::compile(source, self.limits.len() + 1).map_err(|error| ("limits", error))?;
            if self.limits.iter().any(|known| known.name == limit.name && source.name.is_some()) {
                return Err(("limits", format!("two limits are called `{}`", limit.name)));
            }
            self.limits.push(limit);
        }
        for source in &written.breakers {
            let breaker =
                Breaker::compile(source, self.breakers.len() + 1).map_err(|error| ("breakers", error))?;
            if self.breakers.iter().any(|known| known.name == breaker.name) {
                return Err(("breakers", format!("two breakers are called `{}`", breaker.name)));
            }
            self.breakers.push(breaker);
        }
        if let Some(source) = &written.anomaly {
            let section = AnomalyConfig::compile(source).map_err(|error| ("anomaly", error))?;
            match &mut self.anomaly {
                Some(known) => known.tighten(section),
                none => *none = Some(section),
            }
        }
        if let Some(source) = &written.tiers {
            let section = TierConfig::compile(source).map_err(|error| ("tiers", error))?;
            match &mut self.tiers {
                Some(known) => known.tighten(&section),
                none => *none = Some(section),
            }
        }
        for source in &written.business {
            let rule = BusinessRule::compile(source, self.business.len() + 1);
            let rule = rule.map_err(|error| ("business", error))?;
            if self.business.iter().any(|known| known.name == rule.name) {
                return Err(("business", format!("two rules of business are called `{}`", rule.name)));
            }
            self.business.push(rule);
        }
        for source in &written.failures {
            self.failures.push(Watch::compile(source).map_err(|error| ("failures", error))?);
        }
        Ok(())
    }

    /// Whether nothing is configured.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that a decision brings about besides its answer: logged with it, and applied in the same step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consequence {
    /// What happens.
    pub act: Act,
    /// To whom.
    pub scope: Scope,
    /// Why, for people.
    pub reason: String,
    /// The tier that calls for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
}

/// What a decision can bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The switch goes to paused.
    Pause,
    /// The safety lock is set.
    Lock,
    /// The switch goes to killed.
    Kill,
}
