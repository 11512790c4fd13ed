//! Incidents: what was found to fail, what was done about it, and what it cost.

use super::FailureMode;
use super::cascade::{self, Cascade, Failure, WINDOW_US};
use crate::request::Principal;
use crate::time::Timestamp;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The incidents that are kept; older ones are in the log.
const KEPT_INCIDENTS: usize = 1000;

/// The agents whose incidents are counted apart; those of later ones are counted together.
const COUNTED_AGENTS: usize = 10_000;

/// The name under which incidents of further agents are counted.
const OTHERS: &str = "(others)";

/// Within this time, what is found again is the same incident, in microseconds.
const SAME_US: u64 = 300_000_000;

/// The failures of the last minutes that are kept for cascades.
const KEPT_RECENT: usize = 256;

/// How far back the same incident is looked for.
const LOOK_BACK: usize = 64;

/// One failure of one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The sequence number of the record in which it was found first.
    pub id: u64,
    /// Whose.
    pub agent: String,
    /// In which session.
    pub session: String,
    /// How it failed.
    pub mode: FailureMode,
    /// When it was found first.
    pub at: Timestamp,
    /// When it was found last.
    pub last: Timestamp,
    /// How often it was found.
    pub times: u64,
    /// What was found.
    pub description: String,
    /// What came of it.
    pub impact: String,
    /// What it seems to come from.
    pub root_cause: String,
    /// What was done about it.
    pub mitigation: String,
    /// Whether the failing action was kept from running.
    pub prevented: bool,
    /// What was spent without progress until then, in nano-dollars.
    pub cost_nanousd: u64,
    /// Microseconds until the session went forward again; `None` where it has not.
    pub recovered_after_us: Option<u64>,
    /// What the failing action needed: a host, a program, a tool.
    pub dependency: String,
    /// How it failed: what looks alike shares it.
    pub class: u32,
}

impl Incident {
    /// An incident that was found just now, and of which nothing else is known.
    pub fn new(id: u64, at: Timestamp, who: &Principal, mode: FailureMode, description: &str) -> Self {
        Self {
            id,
            agent: who.agent.clone(),
            session: who.session.clone(),
            mode,
            at,
            last: at,
            times: 1,
            description: description.to_owned(),
            impact: String::new(),
            root_cause: String::new(),
            mitigation: String::new(),
            prevented: false,
            cost_nanousd: 0,
            recovered_after_us: None,
            dependency: String::new(),
            class: 0,
        }
    }
}

/// The incidents so far. Bounded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Incidents {
    kept: VecDeque<Incident>,
    /// By mode: all, and those that were prevented.
    by_mode: BTreeMap<FailureMode, (u64, u64)>,
    by_agent: FxHashMap<String, u64>,
    /// The failures of the last minutes that could be part of a cascade, oldest first.
    recent: VecDeque<Recent>,
}

/// One failure of the last minutes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Recent {
    at: Timestamp,
    agent: String,
    dependency: String,
    class: u32,
}

/// Incidents in numbers (A267).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// How many there were.
    pub total_incidents: u64,
    /// How many of them were prevented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevented_incidents: Option<u64>,
    /// The share of those, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevention_rate: Option<f64>,
    /// How many of each mode.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_failure_mode: BTreeMap<&'static str, u64>,
    /// How many of each agent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_agent: BTreeMap<String, u64>,
    /// The mode of most of them; among equals, the first in the order of modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_common_failure: Option<&'static str>,
}

impl Incidents {
    /// Takes in an incident. What is the same as one of the last minutes counts as that one.
    pub fn record(&mut self, incident: Incident) {
        self.remember(&incident);
        let same = |known: &&mut Incident| {
            known.agent == incident.agent
                && known.session == incident.session
                && known.mode == incident.mode
                && known.description == incident.description
                && known.recovered_after_us.is_none()
                && incident.at.since(known.last) < SAME_US
        };
        if let Some(known) = self.kept.iter_mut().rev().take(LOOK_BACK).find(same) {
            known.times = known.times.saturating_add(1);
            known.last = incident.at;
            known.cost_nanousd = known.cost_nanousd.max(incident.cost_nanousd);
            return;
        }
        let (all, prevented) = self.by_mode.entry(incident.mode).or_default();
        *all += 1;
        *prevented += u64::from(incident.prevented);
        let counted = self.by_agent.contains_key(&incident.agent) || self.by_agent.len() < COUNTED_AGENTS;
        let agent = if counted { incident.agent.as_str() } else { OTHERS };
        *self.by_agent.entry(agent.to_owned()).or_default() += 1;
        self.kept.push_back(incident);
        if self.kept.len() > KEPT_INCIDENTS {
            self.kept.pop_front();
        }
    }

    /// A session went forward again: its open incidents are over.
    pub(super) fn recovered(&mut self, agent: &str, session: &str, at: Timestamp) {
        let open = |known: &&mut Incident| {
            known.recovered_after_us.is_none() && known.agent == agent && known.session == session
        };
        for known in self.kept.iter_mut().rev().take(LOOK_BACK).filter(open) {
            known.recovered_after_us = Some(at.since(known.at));
        }
    }

    /// The incidents that are kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.kept.iter()
    }

    /// The cascade of at least `least` agents that is going on, if one is.
    pub fn cascade(&self, now: Timestamp, least: usize) -> Option<Cascade> {
        if self.recent.len() < least {
            return None;
        }
        let failures = self.recent.iter().map(|kept| Failure {
            agent: &kept.agent,
            at: kept.at,
            dependency: &kept.dependency,
            class: kept.class,
        });
        cascade::find(failures, now, least)
    }

    /// Remembers what could be part of a cascade: what was worth more than a warning. A cascade is none of its own
    /// causes.
    fn remember(&mut self, incident: &Incident) {
        let old = |kept: &Recent| incident.at.since(kept.at) > WINDOW_US;
        while self.recent.front().is_some_and(old) || self.recent.len() >= KEPT_RECENT {
            self.recent.pop_front();
        }
        let counts = incident.prevented || incident.mode == FailureMode::DataCorruption;
        if counts && incident.mode != FailureMode::CascadeFailure {
            self.recent.push_back(Recent {
                at: incident.at,
                agent: incident.agent.clone(),
                dependency: incident.dependency.clone(),
                class: incident.class,
            });
        }
    }

    /// All incidents in numbers, those that are no longer kept included.
    pub fn statistics(&self) -> Statistics {
        let total: u64 = self.by_mode.values().map(|(all, _)| all).sum();
        if total == 0 {
            return Statistics::default();
        }
        let prevented: u64 = self.by_mode.values().map(|(_, prevented)| prevented).sum();
        let most = self.by_mode.iter().max_by_key(|(mode, (all, _))| (*all, std::cmp::Reverse(**mode)));
        Statistics {
            total_incidents: total,
            prevented_incidents: Some(prevented),
            prevention_rate: Some(prevented as f64 / total as f64),
            by_failure_mode: self.by_mode.iter().map(|(mode, (all, _))| (mode.name(), *all)).collect(),
            by_agent: self.by_agent.iter().map(|(agent, count)| (agent.clone(), *count)).collect(),
            most_common_failure: most.map(|(mode, _)| mode.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn incident(id: u64, agent: &str, mode: FailureMode, prevented: bool) -> Incident {
        let who = Principal { agent: agent.to_owned(), session: "s".to_owned(), on_behalf_of: None };
        Incident { prevented, ..Incident::new(id, Timestamp(id * 1_000_000), &who, mode, "it fails") }
    }

    /// A267: the numbers, exactly.
    #[test]
    fn a267_statistics() {
        let mut incidents = Incidents::default();
        let shown = |incidents: &Incidents| serde_json::to_value(incidents.statistics()).unwrap();
        assert_eq!(shown(&incidents), json!({ "total_incidents": 0 }));
        incidents.record(incident(1, "a", FailureMode::ToolMisuse, true));
        incidents.record(incident(2, "a", FailureMode::InfiniteLoop, false));
        incidents.record(incident(3, "b", FailureMode::InfiniteLoop, true));
        incidents.record(incident(4, "c", FailureMode::ToolMisuse, true));
        let expected = json!({
            "total_incidents": 4, "prevented_incidents": 3, "prevention_rate": 0.75,
            "by_failure_mode": { "tool_misuse": 2, "infinite_loop": 2 },
            "by_agent": { "a": 2, "b": 1, "c": 1 },
            "most_common_failure": "infinite_loop",
        });
        assert_eq!(shown(&incidents), expected);
    }

    #[test]
    fn what_goes_on_is_one_incident_until_it_is_over() {
        let mut incidents = Incidents::default();
        for id in [1, 2, 301] {
            incidents.record(incident(id, "a", FailureMode::InfiniteLoop, false));
        }
        assert_eq!((incidents.iter().count(), incidents.iter().next().unwrap().times), (1, 3));
        incidents.recovered("a", "s", Timestamp(302_000_000));
        assert_eq!(incidents.iter().next().unwrap().recovered_after_us, Some(301_000_000));
        incidents.record(incident(303, "a", FailureMode::InfiniteLoop, false));
        incidents.record(incident(603, "a", FailureMode::InfiniteLoop, false));
        assert_eq!(incidents.statistics().total_incidents, 3, "five minutes later it is another");
    }

    /// A267, D252, bypass 157: the store does not grow, and its numbers stay exact.
    #[test]
    fn bypass_157_the_store_is_bounded() {
        let mut incidents = Incidents::default();
        let count = COUNTED_AGENTS as u64 + 500;
        for id in 0..count {
            incidents.record(incident(id, &format!("agent {id}"), FailureMode::ToolMisuse, true));
        }
        let statistics = incidents.statistics();
        assert_eq!(incidents.iter().count(), KEPT_INCIDENTS);
        assert_eq!((statistics.total_incidents, statistics.by_agent.len()), (count, COUNTED_AGENTS + 1));
        assert_eq!(statistics.by_agent[OTHERS], 500);
    }
}
