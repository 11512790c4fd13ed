//! Circuit breakers: what keeps failing is left alone for a while, and then tried with a few calls.
//!
//! There is one kind of breaker. What other designs call an LLM breaker, an API breaker or a database breaker is a
//! preset of it. A breaker of a policy has a circuit for each key: each tool, host, model or agent, or one for all.

pub mod breakers;
pub mod called;
pub mod circuit;
pub mod config;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a circuit is about. As text: `all`, `tool:NAME`, `host:NAME`, `model:NAME`, `agent:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// Everything that the breaker is about.
    All,
    /// A tool.
    Tool(String),
    /// A host that an action contacts.
    Host(String),
    /// A model: what an action names as `model` in its context.
    Model(String),
    /// An agent.
    Agent(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Tool(name) => write!(f, "tool:{name}"),
            Self::Host(name) => write!(f, "host:{name}"),
            Self::Model(name) => write!(f, "model:{name}"),
            Self::Agent(name) => write!(f, "agent:{name}"),
        }
    }
}

impl FromStr for Key {
    type Err = String;

    /// A name may hold colons: the first one ends the kind.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        let (kind, name) =
            text.split_once(':').filter(|(_, name)| !name.trim().is_empty()).unwrap_or_default();
        let name = name.to_owned();
        match kind {
            "tool" => Ok(Self::Tool(name)),
            "host" => Ok(Self::Host(name)),
            "model" => Ok(Self::Model(name)),
            "agent" => Ok(Self::Agent(name)),
            _ => Err(format!(
                "`{text}` is no key; write `all`, `tool:NAME`, `host:NAME`, `model:NAME` or `agent:NAME`"
            )),
        }
    }
}

/// What a person orders of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerOrder {
    /// Closed, everything counted forgotten; also ends an isolation.
    Reset,
    /// Open until somebody resets it.
    Isolate,
}

/// A person moved a circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerMoved {
    /// The breaker's name.
    pub breaker: String,
    /// Which of its circuits.
    pub key: Key,
    /// What was asked.
    pub order: BreakerOrder,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for text in ["all", "tool:bash", "host:[::1]", "model:a:b", "agent:reviewer 2"] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        for text in ["", "host", "host:", "session:s", "ALL"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
