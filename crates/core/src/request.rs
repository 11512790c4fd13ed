//! What is asked: who wants to do what, to what, in which surroundings.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One action that an agent wants to take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// The verb: the tool's name.
    pub action: Action,
    /// The object: the tool's arguments.
    pub resource: Resource,
    /// The surroundings.
    pub context: Context,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Principal {
    /// The agent's name. Set by whoever starts the agent, never by the agent's own words.
    pub agent: String,
    /// The session the action belongs to.
    pub session: String,
    /// The person the agent works for, who may not approve its requests in quorum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

/// The verb of a request: a tool's canonical name (see [`crate::tool`]).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Action(pub String);

/// The object of a request: the arguments of the tool, a JSON object with sorted keys.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource(pub Map<String, Value>);

/// The surroundings of a request. All paths are absolute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The folder relative paths start from.
    pub cwd: String,
    /// The folder the agent is meant to work in.
    pub workspace: String,
    /// The home folder of the user the action runs as.
    pub home: String,
    /// The declared cost in nano-dollars (10⁻⁹ US dollars), where one was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_nanousd: Option<u64>,
    /// The process that starts this program, where the program watch of a sandbox saw it start. Set by the runtime
    /// alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<u32>,
    /// Further declared values (confidence, purpose, …). Rules may read them; they never loosen.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub declared: Map<String, Value>,
}

impl Request {
    /// The digest that names this exact request: who, what, with which arguments, where.
    ///
    /// The session is part of it, so an approval given in one session is worth nothing in another. A log stores it
    /// under a key ([`Digest::keyed`]).
    pub fn digest(&self) -> Digest {
        let resource = Value::Object(self.resource.0.clone()).to_string();
        let cost = self.context.cost_nanousd.map(|cost| cost.to_string()).unwrap_or_default();
        let declared = Value::Object(self.context.declared.clone()).to_string();
        // Only where it is given, so that requests of older logs keep their digest.
        let started_by = self.context.started_by.map(|process| format!("started by {process}"));
        let parts: [&[u8]; 11] = [
            b"stayhand-request-v1",
            self.principal.agent.as_bytes(),
            self.principal.session.as_bytes(),
            self.principal.on_behalf_of.as_deref().unwrap_or_default().as_bytes(),
            self.action.0.as_bytes(),
            resource.as_bytes(),
            self.context.cwd.as_bytes(),
            self.context.workspace.as_bytes(),
            self.context.home.as_bytes(),
            cost.as_bytes(),
            declared.as_bytes(),
        ];
        match &started_by {
            Some(process) => Digest::of_parts(&[&parts[..], &[process.as_bytes()]].concat()),
            None => Digest::of_parts(&parts),
        }
    }
}
