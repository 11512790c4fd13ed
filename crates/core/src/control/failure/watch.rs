//! What a policy wants watched, and what happens then: the section `failures:`.

use super::FailureMode;
use super::history::{KEPT_REFUSALS, KEPT_STEPS};
use crate::control::response::Response;
use crate::policy::source::List;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A sign of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// The same action with the same result, `times` in a row (default 3).
    Repeat,
    /// Two actions in turn: A, B, A, B.
    Alternation,
    /// Three to eight actions in turn, three times.
    Cycle,
    /// Nearly the same action with the same kind of result, `times` in a row (default 8).
    NearRepeat,
    /// The same result `times` in a row (default 5).
    NoProgress,
    /// An action that failed `times` (default 3) since anything went forward is tried again.
    Retries,
    /// `times` different actions (default 3) have each failed three times since anything went forward.
    Strategies,
    /// `usd` dollars (default 10) would be spent since anything went forward.
    Spend,
    /// Arguments do not fit the tool's `schema`, or a path is the name of a missing value.
    ToolMisuse,
    /// A limit or budget is used up to `percent` (default 90).
    Exhaustion,
    /// Actions of `times` agents (default 3) were held or refused for failures within five minutes, and this action
    /// needs what they share.
    Cascade,
    /// The context value `task_context` has lost its goal, its step, or what is done.
    ContextLoss,
    /// The context value `self_check` is false or `failed`.
    SelfCheck,
    /// `times` actions (default 5) of the session were refused within `within_s` seconds (default 60).
    Violations,
    /// What the session wrote within the last `within_s` seconds (default 300) is not what is there.
    Corruption,
}

impl Sign {
    /// The name, as in a policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeat => "repeat",
            Self::Alternation => "alternation",
            Self::Cycle => "cycle",
            Self::NearRepeat => "near_repeat",
            Self::NoProgress => "no_progress",
            Self::Retries => "retries",
            Self::Strategies => "strategies",
            Self::Spend => "spend",
            Self::ToolMisuse => "tool_misuse",
            Self::Exhaustion => "exhaustion",
            Self::Cascade => "cascade",
            Self::ContextLoss => "context_loss",
            Self::SelfCheck => "self_check",
            Self::Violations => "violations",
            Self::Corruption => "corruption",
        }
    }

    /// The mode of failure that it is a sign of.
    pub const fn mode(self) -> FailureMode {
        match self {
            Self::Repeat
            | Self::Alternation
            | Self::Cycle
            | Self::NearRepeat
            | Self::NoProgress
            | Self::Retries
            | Self::Strategies
            | Self::Spend => FailureMode::InfiniteLoop,
            Self::ToolMisuse => FailureMode::ToolMisuse,
            Self::Exhaustion => FailureMode::ResourceExhaustion,
            Self::Cascade => FailureMode::CascadeFailure,
            Self::ContextLoss => FailureMode::ContextLoss,
            Self::SelfCheck => FailureMode::ReasoningError,
            Self::Violations => FailureMode::SecurityViolation,
            Self::Corruption => FailureMode::DataCorruption,
        }
    }

    /// The usual `times`, and the least and most there may be.
    const fn times(self) -> Option<(u32, u32, u32)> {
        match self {
            Self::Repeat => Some((3, 2, KEPT_STEPS as u32)),
            Self::NearRepeat => Some((8, 2, KEPT_STEPS as u32)),
            Self::NoProgress => Some((5, 2, KEPT_STEPS as u32)),
            Self::Retries => Some((3, 1, 1000)),
            Self::Strategies => Some((3, 1, 16)),
            Self::Cascade => Some((3, 2, 1000)),
            Self::Violations => Some((5, 1, KEPT_REFUSALS as u32)),
            _ => None,
        }
    }

    /// The usual `within_s`.
    const fn within_s(self) -> Option<u64> {
        match self {
            Self::Violations => Some(60),
            Self::Corruption => Some(300),
            _ => None,
        }
    }
}

/// One thing to watch for, as written in a policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchSource {
    /// What is watched for.
    pub on: Sign,
    /// What happens then.
    #[serde(rename = "do")]
    pub response: Response,
    /// How often it must be seen.
    pub times: Option<u32>,
    /// In which time, in seconds.
    pub within_s: Option<u64>,
    /// Dollars.
    pub usd: Option<f64>,
    /// Percent of a limit.
    pub percent: Option<u64>,
    /// Only actions of these tools.
    #[serde(default)]
    pub tools: List,
    /// Not actions of these tools, as those that wait for something and are meant to be repeated.
    #[serde(default)]
    pub except: List,
}

/// One thing to watch for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// What is watched for.
    pub on: Sign,
    /// What happens then.
    pub response: Response,
    /// How often it must be seen; zero where that is no matter.
    #[serde(default)]
    pub times: u32,
    /// In which time, in microseconds.
    #[serde(default)]
    pub within_us: u64,
    /// Nano-dollars.
    #[serde(default)]
    pub nanousd: u64,
    /// Percent of a limit.
    #[serde(default)]
    pub percent: u64,
    /// Only actions of these tools, where any are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Not actions of these tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// The most dollars that `usd` may say.
const MOST_USD: f64 = 1e9;

impl Watch {
    /// Compiles what a policy says.
    pub fn compile(source: &WatchSource) -> Result<Self, String> {
        let on = source.on;
        let stray = |key: &str| Err(format!("`{key}` says nothing about `{}`", on.name()));
        let times = match (on.times(), source.times) {
            (None, Some(_)) => return stray("times"),
            (None, None) => 0,
            (Some((usual, least, most)), given) => {
                let times = given.unwrap_or(usual);
                if !(least..=most).contains(&times) {
                    return Err(format!("`times` of `{}` must be from {least} to {most}", on.name()));
                }
                times
            }
        };
        if on.within_s().is_none() && source.within_s.is_some() {
            return stray("within_s");
        }
        let within_s = source.within_s.or(on.within_s()).unwrap_or_default();
        let (takes_usd, takes_percent) = (on == Sign::Spend, on == Sign::Exhaustion);
        if source.usd.is_some() && !takes_usd {
            return stray("usd");
        }
        if source.percent.is_some() && !takes_percent {
            return stray("percent");
        }
        let percent = source.percent.unwrap_or(super::exhaustion::EXHAUSTED_PERCENT);
        if !(1..=100).contains(&percent) {
            return Err("`percent` must be from 1 to 100".to_owned());
        }
        Ok(Self {
            on,
            response: source.response,
            times,
            within_us: within_s.saturating_mul(1_000_000),
            nanousd: if takes_usd { nanousd(source.usd.unwrap_or(10.0))? } else { 0 },
            percent: if takes_percent { percent } else { 0 },
            tools: source.tools.0.clone(),
            except: source.except.0.clone(),
        })
    }

    /// Whether actions of this tool are watched.
    pub fn is_about(&self, tool: &str) -> bool {
        let lists = |names: &[String]| names.iter().any(|name| name == tool);
        (self.tools.is_empty() || lists(&self.tools)) && !lists(&self.except)
    }
}

fn nanousd(usd: f64) -> Result<u64, String> {
    if !(0.0..=MOST_USD).contains(&usd) {
        return Err(format!("`usd` must be a number of dollars, zero or more, not {usd}"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "zero to 1e18 fits")]
    Ok((usd * 1e9).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn compile(source: Value) -> Result<Watch, String> {
        Watch::compile(&serde_json::from_value(source).map_err(|error| error.to_string())?)
    }

    #[test]
    fn defaults_are_those_of_the_requirements() {
        let watch = |on: &str| compile(json!({ "on": on, "do": "warn" })).unwrap();
        for (on, times) in [("repeat", 3), ("no_progress", 5), ("retries", 3), ("cascade", 3), ("cycle", 0)] {
            assert_eq!(watch(on).times, times, "{on}");
        }
        assert_eq!(watch("spend").nanousd, 10_000_000_000);
        assert_eq!((watch("exhaustion").percent, watch("violations").within_us), (90, 60_000_000));
    }

    #[test]
    fn what_says_nothing_is_an_error() {
        for (source, error) in [
            (json!({ "on": "cycle", "do": "warn", "times": 3 }), "`times` says nothing about `cycle`"),
            (
                json!({ "on": "repeat", "do": "warn", "times": 25 }),
                "`times` of `repeat` must be from 2 to 24",
            ),
            (
                json!({ "on": "repeat", "do": "warn", "within_s": 1 }),
                "`within_s` says nothing about `repeat`",
            ),
            (json!({ "on": "repeat", "do": "warn", "usd": 1 }), "`usd` says nothing about `repeat`"),
            (json!({ "on": "spend", "do": "warn", "usd": -1.0 }), "`usd` must be a number of dollars"),
            (json!({ "on": "exhaustion", "do": "warn", "percent": 0 }), "`percent` must be from 1 to 100"),
            (json!({ "on": "spend", "do": "warn", "percent": 9 }), "`percent` says nothing about `spend`"),
            (json!({ "on": "loop", "do": "warn" }), "unknown variant `loop`"),
            (json!({ "on": "repeat", "do": "ignore" }), "unknown variant `ignore`"),
            (json!({ "on": "repeat", "do": "warn", "time": 3 }), "unknown field `time`"),
        ] {
            let found = compile(source.clone()).unwrap_err();
            assert!(found.starts_with(error), "{source}: {found}");
        }
    }

    #[test]
    fn tools_are_listed_or_excepted() {
        let watch = compile(json!({ "on": "repeat", "do": "warn", "except": "BashOutput" })).unwrap();
        assert!(watch.is_about("bash") && !watch.is_about("BashOutput"));
        let watch = compile(json!({ "on": "repeat", "do": "deny", "tools": ["bash"] })).unwrap();
        assert!(watch.is_about("bash") && !watch.is_about("sql"));
    }
}
