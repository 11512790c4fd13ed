//! The models of all agents, fed from the log.

use super::agent::AgentModel;
use super::ending::Ending;
use super::observation::Observation;
use super::watch::AnomalyConfig;
use crate::control::Consequence;
use crate::control::named::Named;
use crate::control::scope::Scope;
use crate::event::{Decided, Outcome, Settled};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An agent that has asked for nothing in so many microseconds is forgotten: 31 days. It is unknown when it comes back.
const FORGOTTEN_US: u64 = 31 * 24 * 3600 * 1_000_000;

/// One model for each agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Models {
    agents: Named<AgentModel>,
}

impl Models {
    /// The model of an agent that has asked for something.
    pub fn find(&self, agent: &str) -> Option<&AgentModel> {
        self.agents.find(agent)
    }

    /// Takes in a decision about an action that moves so many nano-dollars and, if `runs`, runs now.
    pub(crate) fn decided(
        &mut self,
        config: &AnomalyConfig,
        decided: &Decided,
        value_nanousd: u64,
        runs: bool,
        at: Timestamp,
    ) {
        let again = decided.decision.approval.is_some();
        let seen = Observation::of(config, at, (&decided.request, &decided.facts), value_nanousd, again);
        self.agents.at(&decided.request.principal.agent).attempted(config, &seen, runs);
        self.agents.sweep(at, |model| model.last().is_some_and(|last| at.since(last) < FORGOTTEN_US));
    }

    /// Takes in how an action of the agent ended. What an alert brings about, if there is one.
    pub(crate) fn settled(
        &mut self,
        config: &AnomalyConfig,
        agent: &str,
        settled: &Settled,
    ) -> Option<Consequence> {
        if matches!(settled.outcome, Outcome::Abandoned { .. }) {
            return None;
        }
        let tokens = settled.usage.as_ref().map(|usage| usage.tokens().sum().unwrap_or(u64::MAX) as f64);
        let ending = Ending {
            seconds: settled.duration_us as f64 / 1e6,
            failed: !settled.outcome.is_success(),
            cost: settled.cost_nanousd.map(|cost| cost as f64 / 1e9),
            tokens,
        };
        let found = self.agents.at(agent).ended(config, &ending);
        let alert = found.iter().find(|unusual| unusual.alerts(config))?;
        Some(alert.consequence(config, agent))
    }
}

impl super::agent::Unusual {
    /// What an alert brings about (A010, A099).
    pub fn consequence(&self, config: &AnomalyConfig, agent: &str) -> Consequence {
        let reason = format!("Anomaly detected: {}", self.sentence(config));
        Consequence { act: config.act(), scope: Scope::Agent(agent.to_owned()), reason, tier: None }
    }
}
