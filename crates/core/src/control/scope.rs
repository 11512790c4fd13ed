//! Whom a control is about: everybody, or one agent, session, tool or principal.

use crate::request::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Whom a switch or a lock is about. As text: `all`, `agent:NAME`, `session:NAME`, `tool:NAME`, `principal:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every request.
    All,
    /// Requests of this agent.
    Agent(String),
    /// Requests of this session.
    Session(String),
    /// Requests for this tool.
    Tool(String),
    /// Requests of agents that work for this person.
    Principal(String),
}

impl Scope {
    /// Its kind and its name; that of everything is empty.
    pub(crate) fn parts(&self) -> (Per, &str) {
        match self {
            Self::All => (Per::All, ""),
            Self::Agent(name) => (Per::Agent, name),
            Self::Session(name) => (Per::Session, name),
            Self::Tool(name) => (Per::Tool, name),
            Self::Principal(name) => (Per::Principal, name),
        }
    }

    /// Whether the request is within the scope.
    pub fn covers(&self, request: &Request) -> bool {
        let principal = &request.principal;
        match self {
            Self::All => true,
            Self::Agent(name) => *name == principal.agent,
            Self::Session(name) => *name == principal.session,
            Self::Tool(name) => *name == request.action.0,
            Self::Principal(name) => principal.on_behalf_of.as_ref() == Some(name),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Session(name) => write!(f, "session:{name}"),
            Self::Tool(name) => write!(f, "tool:{name}"),
            Self::Principal(name) => write!(f, "principal:{name}"),
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    /// A name may hold colons: the first one ends the kind.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        let named = text.split_once(':').filter(|(_, name)| !name.trim().is_empty());
        let name = named.map(|(_, name)| name.to_owned()).unwrap_or_default();
        match named.map(|(kind, _)| kind) {
            Some("agent") => Ok(Self::Agent(name)),
            Some("session") => Ok(Self::Session(name)),
            Some("tool") => Ok(Self::Tool(name)),
            Some("principal") => Ok(Self::Principal(name)),
            _ => Err(format!(
                "`{text}` is no scope; write `all`, `agent:NAME`, `session:NAME`, `tool:NAME` or `principal:NAME`"
            )),
        }
    }
}

/// By what a limit counts: one count for each agent, session, ….
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// One count for everything.
    All,
    /// One for each agent.
    #[default]
    Agent,
    /// One for each session.
    Session,
    /// One for each tool.
    Tool,
    /// One for each person that agents work for. Requests on nobody's behalf share one.
    Principal,
}

impl Per {
    /// The scope of this kind that the request falls into.
    pub fn scope(self, request: &Request) -> Scope {
        let name = || self.name(request).to_owned();
        match self {
            Self::All => Scope::All,
            Self::Agent => Scope::Agent(name()),
            Self::Session => Scope::Session(name()),
            Self::Tool => Scope::Tool(name()),
            Self::Principal => Scope::Principal(name()),
        }
    }

    /// The name by which a request counts.
    pub fn name(self, request: &Request) -> &str {
        let principal = &request.principal;
        match self {
            Self::All => "",
            Self::Agent => &principal.agent,
            Self::Session => &principal.session,
            Self::Tool => &request.action.0,
            Self::Principal => principal.on_behalf_of.as_deref().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for text in ["all", "agent:a", "session:2026:11", "tool:mcp__x__y", "principal:ada lovelace"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in ["", "agent", "agent:", "agent: ", "user:ada", "ALL"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
