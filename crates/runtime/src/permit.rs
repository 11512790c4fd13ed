//! The authority to execute, as a value.

use crate::clock::Stopwatch;
use stayhand_core::decision::Obligation;
use stayhand_core::digest::Digest;
use stayhand_core::event::Outcome;
use stayhand_core::facts::Facts;
use stayhand_core::request::Request;
use std::time::Duration;

/// Authority to execute one request, once. Minted by `Engine::authorize` after the decision is
/// durable, consumed by `Engine::execute`. It cannot be copied, made or changed elsewhere.
#[derive(Debug)]
#[must_use = "a permit that is not executed stays open in the log; give it back with `Engine::abandon`"]
pub struct Permit {
    pub(crate) decision: u64,
    pub(crate) engine: u64,
    pub(crate) digest: Digest,
    pub(crate) age: Stopwatch,
    pub(crate) request: Request,
    pub(crate) facts: Facts,
    pub(crate) obligations: Vec<Obligation>,
}

/// How long a permit may wait before it is executed.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Permit {
    /// The sequence number of the decision.
    pub const fn decision(&self) -> u64 {
        self.decision
    }

    /// The request it permits.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// What was observed when it was decided.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The duties that come with it.
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// The last check before the effect: right engine, not too old, still the request that was
    /// decided.
    pub(crate) fn check(&self, engine: u64, key: &[u8; 32]) -> Result<(), Outcome> {
        let problem = if self.engine != engine {
            "the permit belongs to another engine"
        } else if self.age.elapsed() > LONGEST_WAIT {
            "the permit has expired"
        } else if self.request.digest().keyed(key) != self.digest {
            "the request changed after the decision"
        } else {
            return Ok(());
        };
        Err(Outcome::Abandoned { why: problem.to_owned() })
    }
}
