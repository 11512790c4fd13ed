//! What rules of business remember, fed from the log. Counted when an action is permitted, given back if it never starts.

use super::rule::BusinessRule;
use crate::control::money::Money;
use crate::control::named::Sweeps;
use crate::control::scope::Scope;
use crate::event::{Outcome, Settled};
use crate::request::Request;
use crate::time::Timestamp;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Where something counts: the rule, by whom, and the value of its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The rule's name.
    pub rule: Box<str>,
    /// By whom.
    pub scope: Scope,
    /// The argument by which it counts besides; empty where there is none.
    pub key: Box<str>,
}

/// What was permitted in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    last: Timestamp,
    amounts: VecDeque<(Timestamp, u64)>,
    state: Option<Box<str>>,
}

/// What a permitted action has left in a place, so that it can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    place: Place,
    at: Timestamp,
    value: u64,
    last: Timestamp,
    from: Option<Box<str>>,
    to: Option<Box<str>>,
}

/// Everything that rules of business remember.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    places: FxHashMap<Place, Past>,
    sweeps: Sweeps,
}

/// Places that are remembered. Where there are so many, an action that needs another one is refused, since to forget
/// one would allow more.
pub const MOST_PLACES: usize = 200_000;

/// Amounts of a place. Beyond, the two oldest are counted together, as late as the later one: never too little.
const KEPT_AMOUNTS: usize = 1000;

/// A place without a state that nothing happened in for so long is forgotten: 31 days, the longest window.
const IDLE_US: u64 = 31 * 24 * 3600 * 1_000_000;

impl Past {
    /// The sum of the window's amounts.
    pub fn sum(&self, window_us: u64, now: Timestamp) -> u64 {
        let recent = self.amounts.iter().rev().take_while(|(at, _)| now.since(*at) < window_us);
        recent.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// The mean of the last amounts, if there are enough.
    pub fn mean(&self, of_last: u32, at_least: u32) -> Option<Money> {
        let recent = self.amounts.iter().rev().take(of_last as usize);
        let (count, sum) =
            recent.fold((0_u64, 0_u128), |(count, sum), (_, amount)| (count + 1, sum + u128::from(*amount)));
        let mean = sum.checked_div(u128::from(count)).filter(|_| count >= u64::from(at_least))?;
        u64::try_from(mean).ok().map(Money)
    }

    /// When something was last permitted.
    pub const fn last(&self) -> Timestamp {
        self.last
    }

    /// The state it is in; `None` = in the first one.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    fn add(&mut self, at: Timestamp, amount: u64, (most, reach_us): (usize, u64)) {
        if most > 0 {
            self.amounts.push_back((at, amount));
        }
        while self.amounts.len() > most
            || self.amounts.front().is_some_and(|(old, _)| at.since(*old) >= reach_us)
        {
            self.amounts.pop_front();
        }
        if self.amounts.len() > KEPT_AMOUNTS
            && let Some((_, oldest)) = self.amounts.pop_front()
            && let Some((_, next)) = self.amounts.front_mut()
        {
            *next = next.saturating_add(oldest);
        }
    }
}

impl Business {
    /// What was permitted in a place.
    pub fn past(&self, place: &Place) -> Option<&Past> {
        self.places.get(place)
    }

    /// Whether every place that an action counts in can be remembered.
    pub(crate) fn has_room_for(&self, rules: &[BusinessRule], request: &Request) -> bool {
        self.places.len() < MOST_PLACES
            || rules.iter().filter(|rule| rule.remembers() && rule.is_about(request)).all(|rule| {
                // What cannot be read is refused, and leaves nothing.
                rule.read(request).map_or(true, |said| self.places.contains_key(&said.place))
            })
    }

    /// Takes in a permitted action.
    pub(crate) fn permitted(
        &mut self,
        rules: &[BusinessRule],
        request: &Request,
        at: Timestamp,
    ) -> Vec<Mark> {
        let about = rules.iter().filter(|rule| rule.remembers() && rule.is_about(request));
        let mut marks = Vec::new();
        for rule in about {
            // What cannot be read was refused.
            let Ok(said) = rule.read(request) else { continue };
            let past = self.places.entry(said.place.clone()).or_default();
            let to = said.state.map(Box::<str>::from);
            let from = past.state.clone();
            marks.push(Mark {
                place: said.place,
                at,
                value: said.value.0,
                last: past.last,
                from,
                to: to.clone(),
            });
            past.last = past.last.max(at);
            past.add(at, said.value.0, rule.reach());
            if to.is_some() {
                past.state = to;
            }
        }
        marks
    }

    /// Forgets places that no rule looks at any more, if it is time to look.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        if self.sweeps.are_due(now, self.places.len() >= MOST_PLACES) {
            self.places.retain(|_, past| past.state.is_some() || now.since(past.last) < IDLE_US);
        }
    }

    /// Takes in how it ended: what never started leaves nothing, and what failed has changed no state.
    pub(crate) fn ended(&mut self, marks: &[Mark], settled: &Settled) {
        let never = matches!(settled.outcome, Outcome::Abandoned { .. });
        if settled.outcome.is_success() {
            return;
        }
        for mark in marks {
            let Some(past) = self.places.get_mut(&mark.place) else { continue };
            if mark.to.is_some() && past.state == mark.to {
                past.state.clone_from(&mark.from);
            }
            if !never {
                continue;
            }
            if past.last == mark.at {
                past.last = mark.last;
            }
            let found = past.amounts.iter().rposition(|entry| *entry == (mark.at, mark.value));
            found.map(|place| past.amounts.remove(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::business::rule::BusinessSource;
    use crate::request::{Action, Context, Principal, Resource};
    use serde_json::json;

    /// Two hundred thousand keys are told apart. There is room again when one of them no longer matters.
    #[test]
    fn keys_that_there_is_no_room_for() {
        let source = json!({ "tools": "trade", "key": "/symbol", "cool_down_s": 1 });
        let source: BusinessSource = serde_json::from_value(source).expect("a rule");
        let rules = [BusinessRule::compile(&source, 1).expect("a rule")];
        let trade = |symbol: &str| Request {
            principal: Principal { agent: "a".to_owned(), session: "s".to_owned(), on_behalf_of: None },
            action: Action("trade".to_owned()),
            resource: Resource(json!({ "symbol": symbol }).as_object().cloned().unwrap_or_default()),
            context: Context::default(),
        };
        let mut business = Business::default();
        for number in 0..MOST_PLACES {
            assert!(business.has_room_for(&rules, &trade("new")));
            business.permitted(&rules, &trade(&number.to_string()), Timestamp(1));
        }
        let room =
            |business: &Business| ["0", "new"].map(|symbol| business.has_room_for(&rules, &trade(symbol)));
        assert_eq!(room(&business), [true, false]);
        business.sweep(Timestamp(IDLE_US));
        assert_eq!(room(&business), [true, false]);
        // Once a minute, while it is full.
        business.sweep(Timestamp(IDLE_US + 60_000_000));
        assert_eq!(room(&business), [true, true]);
    }
}
