//! The searchable columns of a record, derived from its event and from nothing else.

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use stayhand_core::event::Event;
use std::borrow::Cow;
use std::fmt;

/// What the `record` table stores beside the body, so that queries need not read bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Columns<'a> {
    /// The event's type.
    pub(crate) kind: Cow<'a, str>,
    /// The principal's agent, of a decision.
    pub(crate) agent: Option<Cow<'a, str>>,
    /// The principal's session, of a decision.
    pub(crate) session: Option<Cow<'a, str>>,
    /// The tool, of a decision.
    pub(crate) tool: Option<Cow<'a, str>>,
    /// The answer, of a decision.
    pub(crate) effect: Option<Cow<'a, str>>,
    /// The decision that a settlement, an answer or a doubt belongs to.
    pub(crate) about: Option<u64>,
}

impl<'a> Columns<'a> {
    /// The columns of an event.
    pub(crate) fn of(event: &'a Event) -> Self {
        let kind = Cow::Borrowed(event.kind());
        match event {
            Event::Decided(decided) => Self {
                kind,
                agent: Some(Cow::Borrowed(&decided.request.principal.agent)),
                session: Some(Cow::Borrowed(&decided.request.principal.session)),
                tool: Some(Cow::Borrowed(&decided.request.action.0)),
                effect: Some(Cow::Borrowed(decided.decision.effect.name())),
                about: None,
            },
            Event::Settled(settled) => Self { kind, about: Some(settled.decision), ..Self::default() },
            Event::InDoubt(doubt) => Self { kind, about: Some(doubt.decision), ..Self::default() },
            Event::ApprovalResolved(answer) => {
                Self { kind, about: Some(answer.approval.0), ..Self::default() }
            }
            Event::PolicyLoaded(_)
            | Event::SwitchMoved(_)
            | Event::LockSet(_)
            | Event::LockReleased(_)
            | Event::ContextSaved(_)
            | Event::BreakerMoved(_)
            | Event::Measured(_)
            | Event::Reviewed(_) => Self { kind, ..Self::default() },
        }
    }

    /// The columns of a stored body, without building its event.
    pub(crate) fn of_body(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        let Body { event } = serde_json::from_slice(body)?;
        let (effect, settled) = match event.decision {
            Some(Answer::Effect(effect)) => (effect, None),
            Some(Answer::Seq(seq)) => (None, Some(seq)),
            None => (None, None),
        };
        let request = event.request;
        Ok(Self {
            kind: event.kind,
            agent: request.as_ref().map(|request| request.principal.agent.clone()),
            session: request.as_ref().map(|request| request.principal.session.clone()),
            tool: request.map(|request| request.action),
            effect,
            about: settled.or(event.approval),
        })
    }

    /// The columns with texts of their own.
    pub(crate) fn into_owned(self) -> Columns<'static> {
        let own = |text: Option<Cow<'a, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Columns {
            kind: Cow::Owned(self.kind.into_owned()),
            agent: own(self.agent),
            session: own(self.session),
            tool: own(self.tool),
            effect: own(self.effect),
            about: self.about,
        }
    }
}

/// The few fields of a record that columns are made of; everything else is skipped.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    event: Fields<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    request: Option<Request<'a>>,
    #[serde(borrow)]
    decision: Option<Answer<'a>>,
    approval: Option<u64>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    principal: Principal<'a>,
    #[serde(borrow)]
    action: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Principal<'a> {
    #[serde(borrow)]
    agent: Cow<'a, str>,
    #[serde(borrow)]
    session: Cow<'a, str>,
}

/// The field `decision`: the answer itself in a decision, its sequence number elsewhere.
enum Answer<'a> {
    Effect(Option<Cow<'a, str>>),
    Seq(u64),
}

impl<'de: 'a, 'a> Deserialize<'de> for Answer<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnswerVisitor)
    }
}

struct AnswerVisitor;

impl<'de> Visitor<'de> for AnswerVisitor {
    type Value = Answer<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decision or its sequence number")
    }

    fn visit_u64<E>(self, seq: u64) -> Result<Self::Value, E> {
        Ok(Answer::Seq(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut effect = None;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if key.0 == "effect" {
                effect = Some(map.next_value::<Text<'de>>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Answer::Effect(effect))
    }
}

/// A text that is borrowed from the body where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
