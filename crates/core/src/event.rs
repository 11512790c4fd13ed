//! What happened: the only history there is. State is the fold of these over the log.

use crate::control::Controls;
use crate::control::breaker::BreakerMoved;
use crate::control::failure::checkpoint::ContextSaved;
use crate::control::ledger::Spend;
use crate::control::lock::{LockReleased, LockSet};
use crate::control::money::Money;
use crate::control::price::Tokens;
use crate::control::switch::SwitchMoved;
use crate::control::tier::Measured;
use crate::decision::{ApprovalId, Decision, PolicyId};
use crate::digest::Digest;
use crate::facts::Facts;
use crate::request::Request;
use crate::time::Timestamp;
use crate::untrusted::Passage;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The version of the logged form. A log with a newer version is refused.
pub const EVENT_VERSION: u32 = 2;

/// One fact of the log. As JSON, an object that begins with its `type`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A policy came into force.
    PolicyLoaded(Box<PolicyLoaded>),
    /// A request was decided.
    Decided(Box<Decided>),
    /// A person answered an approval.
    ApprovalResolved(ApprovalResolved),
    /// A permitted action ended.
    Settled(Settled),
    /// A decision without settlement was found after a crash. It is never run again by itself.
    InDoubt(InDoubt),
    /// The kill switch was moved.
    SwitchMoved(SwitchMoved),
    /// A safety lock was set.
    LockSet(LockSet),
    /// A person took a safety lock off.
    LockReleased(LockReleased),
    /// An agent's context was saved.
    ContextSaved(ContextSaved),
    /// A person moved a circuit breaker.
    BreakerMoved(BreakerMoved),
    /// A figure about an agent was measured outside.
    Measured(Measured),
    /// A person dealt with what a run had changed.
    Reviewed(Reviewed),
}

/// A policy came into force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyLoaded {
    /// The policy's digest.
    pub policy: PolicyId,
    /// Where it came from: pack names and files, in order of layers.
    pub sources: Vec<String>,
    /// The program's version.
    pub program: String,
    /// The stateful controls, by which the events under this policy are folded.
    #[serde(default, skip_serializing_if = "Controls::is_empty")]
    pub controls: Controls,
}

/// A request was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// The request, secrets replaced.
    pub request: Request,
    /// The digest of the full request.
    pub request_digest: Digest,
    /// What was observed.
    pub facts: Facts,
    /// The policy that decided.
    pub policy: PolicyId,
    /// The answer.
    pub decision: Decision,
    /// When the approval this decision asks for turns into a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The engine that decided: a random number each engine draws when it starts. A permit dies with it.
    pub engine: u64,
    /// Decided only: nobody will execute it (`check --record`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry: bool,
}

/// A person answered an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalResolved {
    /// Which approval.
    pub approval: ApprovalId,
    /// Who answered.
    pub by: String,
    /// Yes or no.
    pub grant: bool,
    /// The person's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// A permitted action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The sequence number of the decision.
    pub decision: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Measured wall-clock microseconds.
    pub duration_us: u64,
    /// Measured cost in nano-dollars, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_nanousd: Option<u64>,
    /// Measured tokens, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What it carried, where it is a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// The level of confinement that was in force.
    pub confined: crate::decision::Level,
    /// What made that level up, where something was confined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Boundary>,
    /// Digest of the output that was collected, before redaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Digest>,
    /// Passages of the output that read like instructions to the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tainted: Vec<Passage>,
}

/// The boundary that a program ran in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boundary {
    /// The mechanisms of the kernel that were seen to be on.
    pub mechanisms: Vec<String>,
    /// What could not be had: why the level is not a higher one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

/// A person dealt with what a run had changed and its sandbox had kept aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// The run.
    pub run: String,
    /// The folder that it worked in.
    pub workspace: String,
    /// What was done.
    pub verdict: ReviewVerdict,
    /// Who did it.
    pub by: String,
    /// Paths that were dealt with so.
    pub paths: u64,
    /// Paths that were to be and could not.
    pub left_out: u64,
    /// Digest of the paths that were, each followed by a zero byte.
    pub digest: Digest,
}

/// What was done with changes that were kept aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    /// They are in the folder now.
    Committed,
    /// They are gone.
    Discarded,
    /// What had been committed was taken back.
    Undone,
}

impl ReviewVerdict {
    /// Its name, as in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Discarded => "discarded",
            Self::Undone => "undone",
        }
    }
}

/// The bytes that a connection carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// To the other side.
    pub sent: u64,
    /// From there.
    pub received: u64,
}

/// The tokens that an action used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// The model, by the name that prices are listed under.
    pub model: String,
    /// Input tokens that were read anew.
    pub input: u64,
    /// Input tokens from a cache.
    pub cached: u64,
    /// Input tokens written into a cache.
    pub cache_write: u64,
    /// Output tokens.
    pub output: u64,
    /// Whether the figures are an estimate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl Usage {
    /// The same tokens, as prices count them.
    pub const fn tokens(&self) -> Tokens {
        Tokens { input: self.input, cached: self.cached, cache_write: self.cache_write, output: self.output }
    }

    /// Takes later figures of the same call. They are counts from its beginning on, so they replace the former ones
    /// and are never added to them.
    pub fn replace(&mut self, later: &Self) {
        let former = self.clone();
        *self = Self {
            input: later.input.max(former.input),
            cached: later.cached.max(former.cached),
            cache_write: later.cache_write.max(former.cache_write),
            output: later.output.max(former.output),
            ..later.clone()
        };
    }

    /// Usage as services report it that count cached tokens among the prompt's, as OpenAI's do.
    pub fn of_prompt(model: &str, prompt: u64, cached_of_it: u64, output: u64) -> Self {
        let cached = cached_of_it.min(prompt);
        Self { model: model.to_owned(), input: prompt - cached, cached, output, ..Self::default() }
    }
}

impl Settled {
    /// What the action has spent, where `reserved` was held for it. What is not known counts as reserved; what is
    /// estimated, as no less than that.
    pub fn spend(&self, reserved: Spend) -> Spend {
        if matches!(self.outcome, Outcome::Abandoned { .. }) {
            return Spend::NONE;
        }
        let measured = Spend {
            money: self.cost_nanousd.map_or(reserved.money, Money),
            tokens: self
                .usage
                .as_ref()
                .map_or(reserved.tokens, |usage| usage.tokens().sum().unwrap_or(u64::MAX)),
        };
        if self.is_estimated() { measured.plus(reserved.less(measured)) } else { measured }
    }

    /// Whether its figures are an estimate.
    pub fn is_estimated(&self) -> bool {
        self.usage.as_ref().is_some_and(|usage| usage.estimated)
    }
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it was asked.
    Done,
    /// A program ended with this code.
    Exit {
        /// The exit code.
        code: i32,
    },
    /// A program was ended by this signal.
    Signal {
        /// The signal's number.
        number: i32,
    },
    /// A limit stopped it.
    Stopped {
        /// Which limit.
        limit: String,
    },
    /// It failed.
    Failed {
        /// Why, in plain words.
        error: String,
    },
    /// It was never started (the permit expired, a duty could not be fulfilled).
    Abandoned {
        /// Why, in plain words.
        why: String,
    },
}

impl Outcome {
    /// Whether it ended well.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Done | Self::Exit { code: 0 })
    }
}

/// A decision without settlement, found after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InDoubt {
    /// The sequence number of the decision.
    pub decision: u64,
}

impl Event {
    /// The name of the kind, as in the log.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PolicyLoaded(_) => "policy_loaded",
            Self::Decided(_) => "decided",
            Self::ApprovalResolved(_) => "approval_resolved",
            Self::Settled(_) => "settled",
            Self::InDoubt(_) => "in_doubt",
            Self::SwitchMoved(_) => "switch_moved",
            Self::LockSet(_) => "lock_set",
            Self::LockReleased(_) => "lock_released",
            Self::ContextSaved(_) => "context_saved",
            Self::BreakerMoved(_) => "breaker_moved",
            Self::Measured(_) => "measured",
            Self::Reviewed(_) => "reviewed",
        }
    }
}

/// An event and its place in the log. This is what is stored, byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`EVENT_VERSION`] of the writer.
    pub v: u32,
    /// The place: 0, 1, 2, …; also the leaf's index in the Merkle tree.
    pub seq: u64,
    /// When. Never before the record in front.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// Reads an event whose `type` comes first, as it is written: nothing has to be kept until the type is known,
/// which is most of the time that reading a log takes.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EventVisitor)
    }
}

struct EventVisitor;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tag {
    Type,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    PolicyLoaded,
    Decided,
    ApprovalResolved,
    Settled,
    InDoubt,
    SwitchMoved,
    LockSet,
    LockReleased,
    ContextSaved,
    BreakerMoved,
    Measured,
    Reviewed,
}

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event, which begins with its type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let Some((Tag::Type, kind)) = map.next_entry()? else { return Err(A::Error::missing_field("type")) };
        let fields = MapAccessDeserializer::new(map);
        Ok(match kind {
            Kind::PolicyLoaded => Event::PolicyLoaded(Deserialize::deserialize(fields)?),
            Kind::Decided => Event::Decided(Deserialize::deserialize(fields)?),
            Kind::ApprovalResolved => Event::ApprovalResolved(Deserialize::deserialize(fields)?),
            Kind::Settled => Event::Settled(Deserialize::deserialize(fields)?),
            Kind::InDoubt => Event::InDoubt(Deserialize::deserialize(fields)?),
            Kind::SwitchMoved => Event::SwitchMoved(Deserialize::deserialize(fields)?),
            Kind::LockSet => Event::LockSet(Deserialize::deserialize(fields)?),
            Kind::LockReleased => Event::LockReleased(Deserialize::deserialize(fields)?),
            Kind::ContextSaved => Event::ContextSaved(Deserialize::deserialize(fields)?),
            Kind::BreakerMoved => Event::BreakerMoved(Deserialize::deserialize(fields)?),
            Kind::Measured => Event::Measured(Deserialize::deserialize(fields)?),
            Kind::Reviewed => Event::Reviewed(Deserialize::deserialize(fields)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_what_it_writes() {
        let settled = Settled {
            decision: 3,
            outcome: Outcome::Exit { code: 2 },
            duration_us: 4,
            cost_nanousd: None,
            usage: None,
            traffic: None,
            confined: crate::decision::Level::None,
            boundary: Some(Boundary { mechanisms: vec!["private root".to_owned()], without: Vec::new() }),
            output: Some(Digest::of(b"x")),
            tainted: Vec::new(),
        };
        let answer = ApprovalResolved {
            approval: ApprovalId(1),
            by: "ada".to_owned(),
            grant: true,
            comment: String::new(),
        };
        let loaded = PolicyLoaded {
            policy: Digest::of(b"p"),
            sources: vec!["pack".to_owned()],
            program: "0.1".to_owned(),
            controls: Controls::default(),
        };
        for event in [
            Event::PolicyLoaded(Box::new(loaded)),
            Event::ApprovalResolved(answer),
            Event::Settled(settled),
            Event::InDoubt(InDoubt { decision: 9 }),
        ] {
            let text = serde_json::to_string(&event).unwrap();
            assert!(text.starts_with(&format!("{{\"type\":\"{}\"", event.kind())), "{text}");
            assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        }
    }

    #[test]
    fn an_event_begins_with_its_type() {
        for text in [r#"{"decision":9,"type":"in_doubt"}"#, r#"{}"#, r#"{"type":"guess"}"#, "[]", "7"] {
            assert!(serde_json::from_str::<Event>(text).is_err(), "{text}");
        }
    }
}
