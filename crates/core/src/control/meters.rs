//! Everything that is counted, and by whom.

use super::ledger::Spend;
use super::meter::{Amounts, ByTool, Meter};
use super::named::Named;
use super::scope::{Per, Scope};
use crate::request::{Principal, Request};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything that is counted, by whom. Which limits exist does not matter to it: a limit that is written later
/// finds what was used before (L-05).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meters {
    all: ByTool,
    agents: Named<ByTool>,
    sessions: Named<ByTool>,
    principals: Named<Meter>,
}

impl Meters {
    /// Counts an action that was asked for; `permitted` says whether it runs now.
    pub(crate) fn count(&mut self, request: &Request, amounts: Amounts, permitted: bool, at: Timestamp) {
        let added = if permitted { amounts } else { Amounts { attempts: 1, ..Amounts::default() } };
        let (who, tool) = (&request.principal, request.action.0.as_str());
        self.each(who, tool, |meter| {
            meter.add(at, added);
            meter.running += u64::from(permitted);
        });
        self.all.sweep(at);
        for named in [&mut self.agents, &mut self.sessions] {
            named.sweep(at, |meters| {
                meters.sweep(at);
                meters.matters(at)
            });
        }
        self.principals.sweep(at, |meter| meter.matters(at));
    }

    /// An action has ended; `given_back` is what it had reserved and never used.
    pub(crate) fn ended(
        &mut self,
        who: &Principal,
        tool: &str,
        started: Timestamp,
        given_back: Option<Amounts>,
    ) {
        self.each(who, tool, |meter| {
            meter.running = meter.running.saturating_sub(1);
            if let Some(amounts) = given_back {
                meter.give_back(started, amounts);
            }
        });
    }

    /// What of a request is new and cannot be told apart from other new ones, since there are too many already.
    pub(crate) fn without_room(&self, request: &Request) -> Option<&'static str> {
        let (who, tool) = (&request.principal, request.action.0.as_str());
        let principal = who.on_behalf_of.as_deref().unwrap_or_default();
        if !self.agents.has_room_for(&who.agent) {
            Some("agents")
        } else if !self.sessions.has_room_for(&who.session) {
            Some("sessions")
        } else if !self.principals.has_room_for(principal) {
            Some("principals")
        } else {
            // Whatever tools somebody uses are among those of all.
            (!self.all.tools.has_room_for(tool)).then_some("tools")
        }
    }

    /// How long the actions of a session have run, with what is reserved for those that do, in microseconds.
    pub(crate) fn ran_us(&self, session: &str) -> u64 {
        self.sessions.find(session).map_or(0, |meters| meters.ran_us)
    }

    /// Adds to how long the actions of a session have run, and takes back what had been reserved.
    pub(crate) fn ran(&mut self, session: &str, more_us: u64, less_us: u64) {
        let ran_us = &mut self.sessions.at(session).ran_us;
        *ran_us = ran_us.saturating_add(more_us).saturating_sub(less_us);
    }

    fn each(&mut self, who: &Principal, tool: &str, mut change: impl FnMut(&mut Meter)) {
        for meters in [&mut self.all, self.agents.at(&who.agent), self.sessions.at(&who.session)] {
            change(&mut meters.own);
            change(meters.tools.at(tool));
        }
        change(self.principals.at(who.on_behalf_of.as_deref().unwrap_or_default()));
    }

    /// The meters of a scope: its own, or those of some tools.
    pub(super) fn of<'a>(
        &'a self,
        (per, name): (Per, &'a str),
        tools: &'a [String],
    ) -> impl Iterator<Item = &'a Meter> {
        let (by_tool, single, only) = match per {
            Per::All => (Some(&self.all), None, None),
            Per::Agent => (self.agents.find(name), None, None),
            Per::Session => (self.sessions.find(name), None, None),
            Per::Tool => (Some(&self.all), None, Some(name)),
            Per::Principal => (None, self.principals.find(name), None),
        };
        let own = by_tool.filter(|_| tools.is_empty() && only.is_none()).map(|meters| &meters.own);
        let listed = tools.iter().filter(move |_| only.is_none()).map(String::as_str);
        let of_tools = only.into_iter().chain(listed).filter_map(move |tool| by_tool?.tools.find(tool));
        own.into_iter().chain(single).chain(of_tools)
    }

    /// The meter of everything.
    pub(crate) const fn all(&self) -> &Meter {
        &self.all.own
    }

    /// The meter of one agent.
    pub(crate) fn of_agent(&self, agent: &str) -> Option<&Meter> {
        self.agents.find(agent).map(|meters| &meters.own)
    }

    /// The meter of one session.
    pub(crate) fn of_session(&self, session: &str) -> Option<&Meter> {
        self.sessions.find(session).map(|meters| &meters.own)
    }

    /// The meter of one person or tenant.
    pub(crate) fn of_principal(&self, principal: &str) -> Option<&Meter> {
        self.principals.find(principal)
    }

    /// Trues up what an action had reserved when it started: `unused` is given back, `more` was used on top.
    pub(crate) fn true_up(
        &mut self,
        who: &Principal,
        tool: &str,
        (started, unused): (Timestamp, Spend),
        (at, more): (Timestamp, Spend),
    ) {
        self.each(who, tool, |meter| {
            if !unused.is_none() {
                meter.give_back(started, Amounts::of(unused));
            }
            if !more.is_none() {
                meter.add(at, Amounts::of(more));
            }
        });
    }

    /// When something was first counted in a scope.
    pub(super) fn since(&self, (per, name): (Per, &str)) -> Option<Timestamp> {
        match per {
            Per::Agent => self.of_agent(name)?.since,
            Per::Session => self.of_session(name)?.since,
            _ => self.all.own.since,
        }
    }

    /// Permitted actions of an agent with this tool in the hour before `now`.
    pub(crate) fn of_agent_in_last_hour(&self, agent: &str, tool: &str, now: Timestamp) -> u64 {
        actions_in_last_hour(self.agents.find(agent), tool, now)
    }

    /// Permitted actions of all agents with this tool in the hour before `now`.
    pub(crate) fn in_last_hour(&self, tool: &str, now: Timestamp) -> u64 {
        actions_in_last_hour(Some(&self.all), tool, now)
    }

    /// Every scope of this kind that something was counted for.
    pub fn scopes(&self, per: Per) -> Vec<Scope> {
        let names = |named: &Named<ByTool>, scope: fn(String) -> Scope| {
            named.iter().map(|(name, _)| scope(name.to_owned())).collect::<Vec<_>>()
        };
        match per {
            Per::All => vec![Scope::All],
            Per::Agent => names(&self.agents, Scope::Agent),
            Per::Session => names(&self.sessions, Scope::Session),
            Per::Tool => self.all.tools.iter().map(|(name, _)| Scope::Tool(name.to_owned())).collect(),
            Per::Principal => {
                self.principals.iter().map(|(name, _)| Scope::Principal(name.to_owned())).collect()
            }
        }
    }
}

const HOUR_US: u64 = 3_600_000_000;

fn actions_in_last_hour(meters: Option<&ByTool>, tool: &str, now: Timestamp) -> u64 {
    let meter = meters.and_then(|meters| meters.tools.find(tool));
    meter.map_or(0, |meter| meter.sum(HOUR_US, now).actions)
}
