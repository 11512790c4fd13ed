//! What becomes of a permit: it is executed or given back, and how that ended is recorded.

use super::{Engine, EngineError, Executed, guarded};
use crate::execute::{self, Effected, Executor, Stop, Work};
use crate::permit::Permit;
use crate::watch::Watch;
use stayhand_core::control::switch::Switches;
use stayhand_core::decision::{Level, Obligation, Resource};
use stayhand_core::event::{Boundary, Event, Outcome, Settled, Traffic, Usage};
use stayhand_sandbox::Receipt;
use std::time::Duration;

impl Engine {
    /// Executes what was permitted, after one last check, and records how it ended.
    pub fn execute(&self, permit: Permit, executor: &dyn Executor) -> Result<Executed, EngineError> {
        let started = self.clock.start();
        let ready = permit
            .check(self.id, self.log.digest_key())
            .and_then(|()| unfulfilled(&permit, executor).map_or(Ok(()), Err))
            .and_then(|()| self.last_look(&permit));
        let (outcome, mut effected) = match ready {
            Ok(switches) => self.run(&permit, executor, switches),
            Err(outcome) => (outcome, Effected::default()),
        };
        if let Some(kept) = effected.kept.take() {
            effected.errors += &self.keep_restore_point(kept);
        }
        let duration = started.elapsed();
        let confined = effected.boundary.as_ref().map_or(Level::None, |receipt| receipt.level);
        self.record_outcome(&permit, &outcome, duration, &effected)?;
        Ok(Executed { decision: permit.decision, outcome, effected, duration, confined })
    }

    /// The kill switch once more, right before the effect (KS-01), and where the watcher goes on from.
    fn last_look(&self, permit: &Permit) -> Result<(Switches, u64), Outcome> {
        let looked = self.refreshed(|state, _| match state.switches().stopping(&permit.request) {
            Some((scope, switch)) => {
                let position = switch.position.name();
                Err(format!("{scope} is {position} by {}: {}", switch.by, switch.reason))
            }
            None => Ok(state.switches().clone()),
        });
        let next = self.log.records();
        let abandoned = |why| Outcome::Abandoned { why };
        match looked {
            Ok(Ok(switches)) => Ok((switches, next)),
            Ok(Err(why)) => Err(abandoned(why)),
            Err(error) => Err(abandoned(format!("the kill switch cannot be read: {error}"))),
        }
    }

    /// Runs permitted work under the eyes of the kill switch.
    fn run(
        &self,
        permit: &Permit,
        executor: &dyn Executor,
        (switches, next): (Switches, u64),
    ) -> (Outcome, Effected) {
        let stop = Stop::default();
        let work = Work::new(permit, &self.policy(), &stop);
        let watch = Watch { switches, next, request: &permit.request, stop: &stop };
        let (running, done) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || watch.until(&done, || self.log.reader().ok()));
            let ran = guarded(|| executor.run(&work));
            drop(running);
            ran
        })
        .unwrap_or_else(|| {
            (Outcome::Failed { error: "the executor panicked".to_owned() }, Effected::default())
        })
    }

    /// A program that another one starts, inside of a sandbox of this level whose own permit has these duties. Records
    /// that it starts, or that a duty cannot be fulfilled: then it must not.
    pub fn start_inside(
        &self,
        permit: Permit,
        level: Level,
        of_the_whole: &[Obligation],
    ) -> Result<bool, EngineError> {
        let unkept = permit.unkept_inside(level, of_the_whole);
        let may = unkept.is_none();
        let outcome = unkept.map_or(Outcome::Done, |why| Outcome::Abandoned { why });
        self.settle(permit, outcome, Duration::ZERO)?;
        Ok(may)
    }

    /// Gives a permit back unused.
    pub fn abandon(&self, permit: Permit, why: &str) -> Result<(), EngineError> {
        self.settle(permit, Outcome::Abandoned { why: why.to_owned() }, Duration::ZERO)
    }

    /// Records how an action ended that the caller executed itself, unconfined, with this permit.
    pub fn settle(&self, permit: Permit, outcome: Outcome, took: Duration) -> Result<(), EngineError> {
        self.record_outcome(&permit, &outcome, took, &Effected::default())
    }

    /// The same for a connection, with the bytes that it carried out and in.
    pub fn settle_traffic(
        &self,
        permit: Permit,
        outcome: Outcome,
        took: Duration,
        traffic: Traffic,
    ) -> Result<(), EngineError> {
        self.record_outcome(&permit, &outcome, took, &Effected::carried(traffic))
    }

    /// The same, with the tokens that were used. They cost what the policy's prices say.
    pub fn settle_used(
        &self,
        permit: Permit,
        outcome: Outcome,
        took: Duration,
        usage: Usage,
    ) -> Result<(), EngineError> {
        self.record_outcome(&permit, &outcome, took, &Effected::spent(None, Some(usage)))
    }

    fn record_outcome(
        &self,
        permit: &Permit,
        outcome: &Outcome,
        duration: Duration,
        effected: &Effected,
    ) -> Result<(), EngineError> {
        let policy = self.policy();
        let of_tokens = |usage: &Usage| policy.prices().of(&usage.model)?.cost(usage.tokens());
        let cost = effected.cost.or_else(|| effected.usage.as_ref().and_then(of_tokens));
        self.record(Event::Settled(Settled {
            decision: permit.decision,
            outcome: outcome.clone(),
            duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            cost_nanousd: cost.map(|cost| cost.0),
            usage: effected.usage.clone(),
            traffic: effected.traffic,
            confined: effected.boundary.as_ref().map_or(Level::None, |receipt| receipt.level),
            boundary: effected.boundary.as_ref().map(written),
            output: effected.digest().map(|digest| digest.keyed(self.log.digest_key())),
            tainted: guarded(|| effected.tainted()).unwrap_or_default(),
        }))
    }
}

impl Permit {
    /// Why this cannot be done inside of a sandbox of this level whose own permit has these duties: a duty that nobody
    /// would fulfil.
    pub fn unkept_inside(&self, level: Level, of_the_whole: &[Obligation]) -> Option<String> {
        let kept = |duty: &&Obligation| match duty {
            Obligation::Confine { least } => *least <= level,
            Obligation::Warn { .. } | Obligation::Audit { .. } => true,
            // What it says goes to the program that started it, as it is.
            Obligation::Redact => false,
            // Of all together, or of none.
            Obligation::RestorePoint => of_the_whole.contains(duty),
            // Whoever carries the connection counts.
            Obligation::Limit { resource: Resource::NetworkMb, limit } => *limit > 0,
            // A limit holds for all of them together, if it is one of the whole.
            Obligation::TimeLimit { .. } | Obligation::Limit { .. } => of_the_whole.contains(duty),
        };
        let unkept = self.obligations.iter().find(|duty| !kept(duty));
        unkept.map(|duty| execute::unfulfilled(format_args!("{duty:?}")))
    }
}

/// A receipt as it is recorded.
fn written(receipt: &Receipt) -> Boundary {
    let text = |item: &dyn std::fmt::Display| item.to_string();
    Boundary {
        mechanisms: receipt.mechanisms.iter().map(|mechanism| text(mechanism)).collect(),
        without: receipt.without.iter().map(|failure| text(failure)).collect(),
    }
}

/// A duty that the executor cannot fulfil.
fn unfulfilled(permit: &Permit, executor: &dyn Executor) -> Option<Outcome> {
    let duty = permit.obligations.iter().find(|duty| !fulfils(executor, duty))?;
    Some(Outcome::Abandoned { why: execute::unfulfilled(format_args!("{duty:?}")) })
}

fn fulfils(executor: &dyn Executor, duty: &Obligation) -> bool {
    match duty {
        Obligation::Confine { least } => executor.level() >= *least,
        // The decision's own record is the audit entry and carries the warning.
        Obligation::Warn { .. }
        | Obligation::Audit { .. }
        | Obligation::Redact
        | Obligation::TimeLimit { .. } => true,
        // Everything uses some.
        Obligation::Limit { resource: Resource::TotalTimeMs, limit } => *limit > 0,
        Obligation::Limit { resource, limit } => *limit > 0 && executor.watches(*resource),
        Obligation::RestorePoint => executor.makes_restore_points(),
    }
}
