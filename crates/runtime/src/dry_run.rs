//! Decides without an engine: nothing is recorded, reserved or executed, and no log is read.

use crate::clock::Clock;
use crate::gather::Observer;
use crate::wire::Parsed;
use stayhand_core::decide::{Ask, decide};
use stayhand_core::decision::Decision;
use stayhand_core::facts::Facts;
use stayhand_core::policy::Policy;
use stayhand_core::state::State;

/// Decides as if nothing had happened before: approvals and rates start empty.
#[derive(Debug)]
pub struct DryRun {
    /// The policy that decides.
    pub policy: Policy,
    /// Looks at the machine.
    pub observer: Observer,
    /// The clock.
    pub clock: Clock,
}

impl DryRun {
    /// The decision, and the facts it rests on.
    pub fn decide(&self, asked: impl Into<Parsed>) -> (Decision, Facts) {
        let Parsed { request, invalid, said } = asked.into();
        let gathered = self.observer.gather(&self.policy, &request, invalid, &said);
        let ask = Ask { request: &gathered.redacted, digest: gathered.digest, facts: &gathered.facts };
        let decided = decide(&self.policy, &State::default(), &ask, self.clock.now());
        (decided.decision, gathered.facts)
    }
}
