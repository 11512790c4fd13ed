//! What a policy says of breakers: the section `breakers:`.

use super::Key;
use crate::event::Outcome;
use crate::facts::Facts;
use crate::policy::source::List;
use crate::request::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A breaker, as written in a policy. What is left out has the value of the preset, and without one that of R0's
/// breaker.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSource {
    /// A name, unique among the breakers.
    pub name: Option<String>,
    /// Values to begin with.
    pub preset: Option<Preset>,
    /// What has a circuit of its own (default: `tool`).
    pub per: Option<Each>,
    /// Only actions of these tools.
    pub tools: List,
    /// So many failures in a row open the circuit (5).
    pub failure_threshold: Option<u32>,
    /// The failures must come from so many different agents (1, up to 16).
    pub agents: Option<u32>,
    /// So many trial calls must succeed to close it (3).
    pub success_threshold: Option<u32>,
    /// Seconds for which it stays open (60).
    pub timeout_s: Option<u64>,
    /// So many trial calls at once (3).
    pub half_open_max_calls: Option<u32>,
    /// Seconds after which a trial call that has not ended makes room for another (300).
    pub lease_s: Option<u64>,
    /// A share of failures that opens it, too.
    pub failure_rate: Option<RateSource>,
    /// A call that takes so many seconds is slow.
    pub slow_s: Option<f64>,
    /// A share of slow calls that opens it, too.
    pub slow_rate: Option<RateSource>,
    /// Each opening in a row lasts so many times longer than the one before (2).
    pub backoff: Option<f64>,
    /// The longest that an opening lasts, in seconds (16 times `timeout_s`).
    pub max_timeout_s: Option<u64>,
    /// Up to so many percent are added from the second opening on, so that not everybody comes back at once (10).
    pub jitter_percent: Option<u32>,
    /// Endings that are neither failure nor success.
    pub ignore: List<Ending>,
}

/// A share of calls.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateSource {
    /// Percent, from 1 to 100, that may not be reached.
    pub percent: u32,
    /// Of the last so many calls (20, up to 200).
    pub calls: Option<u32>,
    /// Only calls of so many seconds.
    pub within_s: Option<u64>,
    /// Fewer calls than this say nothing (10, or `calls` where that is less).
    pub min_calls: Option<u32>,
}

/// Values to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Language models: 3 failures, 30 s, one trial call (A037).
    LlmApi,
    /// Services: 5 failures, 60 s (A029).
    Api,
    /// Databases: 3 failures, 120 s (A029).
    Database,
}

/// What has a circuit of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// All actions together have one.
    All,
    /// Each tool.
    #[default]
    Tool,
    /// Each host that is contacted.
    Host,
    /// Each model.
    Model,
    /// Each agent.
    Agent,
}

/// How an action can end badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The program ended with a code that is not zero.
    Exit,
    /// A signal ended it.
    Signal,
    /// A limit, or the kill switch, ended it.
    Stopped,
    /// It failed otherwise.
    Failed,
}

/// A compiled breaker. Times are in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breaker {
    /// Its name.
    pub name: String,
    /// What has a circuit of its own.
    pub per: Each,
    /// The tools it is about; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// When a circuit opens and closes.
    #[serde(flatten)]
    pub circuit: CircuitConfig,
    /// Endings that do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Ending>,
}

/// When a circuit opens and closes. The default is R0's breaker (A020), which always waits equally long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CircuitConfig {
    /// Failures in a row that open it.
    pub failure_threshold: u32,
    /// From so many agents.
    pub agents: u32,
    /// Trial calls that must succeed.
    pub success_threshold: u32,
    /// How long it stays open.
    pub timeout_us: u64,
    /// Trial calls at once.
    pub half_open_max_calls: u32,
    /// When a trial call loses its slot.
    pub lease_us: u64,
    /// A share of failures that opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<Rate>,
    /// When a call is slow.
    pub slow_us: u64,
    /// A share of slow calls that opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_rate: Option<Rate>,
    /// How much longer each opening in a row is.
    pub backoff: f64,
    /// The longest opening.
    pub max_timeout_us: u64,
    /// What may be added from the second opening on.
    pub jitter_percent: u32,
}

/// A share of the last calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Percent.
    pub percent: u32,
    /// Of so many calls.
    pub calls: u32,
    /// Within so long; zero = however old.
    pub within_us: u64,
    /// At least so many.
    pub min_calls: u32,
}

impl Default for CircuitConfig {
    fn default() -> Self {
        Self {
            failure_threshold: 5,
            agents: 1,
            success_threshold: 3,
            timeout_us: 60 * SECOND_US,
            half_open_max_calls: 3,
            lease_us: 300 * SECOND_US,
            failure_rate: None,
            slow_us: 0,
            slow_rate: None,
            backoff: 1.0,
            max_timeout_us: u64::MAX,
            jitter_percent: 0,
        }
    }
}

impl CircuitConfig {
    /// The preset of this name.
    pub fn preset(preset: Preset) -> Self {
        let usual = Self::default();
        match preset {
            Preset::LlmApi => Self {
                failure_threshold: 3,
                timeout_us: 30 * SECOND_US,
                success_threshold: 1,
                half_open_max_calls: 1,
                ..usual
            },
            Preset::Api => usual,
            Preset::Database => Self { failure_threshold: 3, timeout_us: 120 * SECOND_US, ..usual },
        }
    }

    /// The most calls that must be remembered.
    pub(super) fn remembered(&self) -> u32 {
        let calls = |rate: Option<Rate>| rate.map_or(0, |rate| rate.calls);
        calls(self.failure_rate).max(calls(self.slow_rate))
    }
}

const SECOND_US: u64 = 1_000_000;

/// The most calls that a share can be of, and agents that failures can be asked from.
const MOST_CALLS: u32 = 200;
const MOST_AGENTS: u32 = 16;

impl Breaker {
    /// Compiles a breaker; `number` names one without a name.
    pub fn compile(source: &BreakerSource, number: usize) -> Result<Self, String> {
        let usual = source.preset.map_or_else(CircuitConfig::default, CircuitConfig::preset);
        let seconds = |given: Option<u64>, usual| given.map_or(usual, |s| s.saturating_mul(SECOND_US));
        let timeout_us = seconds(source.timeout_s, usual.timeout_us);
        let circuit = CircuitConfig {
            failure_threshold: source.failure_threshold.unwrap_or(usual.failure_threshold),
            agents: source.agents.unwrap_or(usual.agents),
            success_threshold: source.success_threshold.unwrap_or(usual.success_threshold),
            timeout_us,
            half_open_max_calls: source.half_open_max_calls.unwrap_or(usual.half_open_max_calls),
            lease_us: seconds(source.lease_s, usual.lease_us),
            failure_rate: source.failure_rate.map(|rate| rate.compile("failure_rate")).transpose()?,
            slow_us: slow_us(source)?,
            slow_rate: source.slow_rate.map(|rate| rate.compile("slow_rate")).transpose()?,
            backoff: source.backoff.unwrap_or(2.0),
            max_timeout_us: seconds(source.max_timeout_s, timeout_us.saturating_mul(16)),
            jitter_percent: source.jitter_percent.unwrap_or(10),
        };
        let positive = [
            ("failure_threshold", u64::from(circuit.failure_threshold)),
            ("success_threshold", u64::from(circuit.success_threshold)),
            ("half_open_max_calls", u64::from(circuit.half_open_max_calls)),
            ("timeout_s", circuit.timeout_us),
            ("lease_s", circuit.lease_us),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{key}` must be one or more"));
        }
        if !(1..=MOST_AGENTS).contains(&circuit.agents) {
            return Err(format!("`agents` must be from 1 to {MOST_AGENTS}"));
        }
        if !(1.0..=100.0).contains(&circuit.backoff) {
            return Err(format!("`backoff` must be a number from 1 to 100, not {}", circuit.backoff));
        }
        if circuit.jitter_percent > 100 {
            return Err("`jitter_percent` must be from 0 to 100".to_owned());
        }
        if circuit.max_timeout_us < circuit.timeout_us {
            return Err("`max_timeout_s` must be no less than `timeout_s`".to_owned());
        }
        Ok(Self {
            name: source.name.clone().unwrap_or_else(|| format!("breaker_{number}")),
            per: source.per.unwrap_or_default(),
            tools: source.tools.0.clone(),
            circuit,
            ignore: source.ignore.0.clone(),
        })
    }

    /// The circuits that an action goes through. None where it is not about the action.
    pub fn keys(&self, request: &Request, facts: &Facts) -> Vec<Key> {
        let tool = request.action.0.as_str();
        if !self.tools.is_empty() && !self.tools.iter().any(|listed| listed == tool) {
            return Vec::new();
        }
        match self.per {
            Each::All => vec![Key::All],
            Each::Tool => vec![Key::Tool(tool.to_owned())],
            Each::Agent => vec![Key::Agent(request.principal.agent.clone())],
            Each::Model => {
                let model = request.context.declared.get("model").and_then(|model| model.as_str());
                model.map(|model| Key::Model(model.to_owned())).into_iter().collect()
            }
            Each::Host => {
                let hosts = facts.operations.iter().flat_map(|op| &op.hosts);
                let mut keys: Vec<Key> = hosts.map(|used| Key::Host(used.host.to_string())).collect();
                keys.sort_unstable();
                keys.dedup();
                keys
            }
        }
    }

    /// Whether an ending is a success; `None` = it says nothing about what was called.
    pub fn is_success(&self, outcome: &Outcome) -> Option<bool> {
        let ending = match outcome {
            Outcome::Done | Outcome::Exit { code: 0 } => return Some(true),
            Outcome::Abandoned { .. } => return None,
            Outcome::Exit { .. } => Ending::Exit,
            Outcome::Signal { .. } => Ending::Signal,
            Outcome::Stopped { .. } => Ending::Stopped,
            Outcome::Failed { .. } => Ending::Failed,
        };
        (!self.ignore.contains(&ending)).then_some(false)
    }
}

fn slow_us(source: &BreakerSource) -> Result<u64, String> {
    match (source.slow_s, source.slow_rate) {
        (None, None) => Ok(0),
        (Some(seconds), Some(_)) if seconds > 0.0 && seconds <= 1e9 =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "above zero, up to 1e15"
            )]
            Ok((seconds * 1e6) as u64)
        }
        (Some(seconds), Some(_)) => {
            Err(format!("`slow_s` must be a number of seconds above zero, not {seconds}"))
        }
        _ => Err("`slow_s` and `slow_rate` belong together: what is slow, and which share of it".to_owned()),
    }
}

impl RateSource {
    fn compile(self, key: &str) -> Result<Rate, String> {
        let calls = self.calls.unwrap_or(20);
        let min_calls = self.min_calls.unwrap_or_else(|| calls.min(10));
        if !(1..=100).contains(&self.percent) {
            return Err(format!("`percent` of `{key}` must be from 1 to 100"));
        }
        if !(1..=MOST_CALLS).contains(&calls) || !(1..=calls).contains(&min_calls) {
            return Err(format!(
                "`calls` of `{key}` must be from 1 to {MOST_CALLS}, and `min_calls` no more than that"
            ));
        }
        let within_us = self.within_s.unwrap_or(0).saturating_mul(SECOND_US);
        Ok(Rate { percent: self.percent, calls, within_us, min_calls })
    }
}
