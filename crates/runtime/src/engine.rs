//! The engine: observe, decide, record, permit; execute, settle; recover.

mod executing;
mod recording;

use crate::clock::Clock;
use crate::execute::Effected;
use crate::gather::{Gathered, Observer, connects};
use crate::notify::Delivery;
use crate::permit::Permit;
use crate::policy_files::{LoadError, PolicyFiles};
use crate::presence::{self, Presence};
use crate::resolve::Resolver;
use crate::snapshot::Snapshots;
use crate::wire::{Parsed, Said};
use arc_swap::ArcSwap;
use stayhand_core::control::Controls;
use stayhand_core::decide::{Ask, Decided as Answer, decide};
use stayhand_core::decision::{ApprovalId, Decision, Effect, Finding, GuardName, Level};
use stayhand_core::event::{ApprovalResolved, Decided, EVENT_VERSION, Event, InDoubt, Outcome, PolicyLoaded};
use stayhand_core::facts::Invalid;
use stayhand_core::policy::Policy;
use stayhand_core::reason::Reason;
use stayhand_core::request::Request;
use stayhand_core::state::{AnswerError, ApprovalStatus, State};
use stayhand_core::time::Timestamp;
use stayhand_store::{AppendError, Log, LogReader, OpenError, ReadError, TurnError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How an engine is set up.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where policies come from. Empty = the default pack.
    pub policy: PolicyFiles,
    /// The clock.
    pub clock: Clock,
    /// Who is asked for the addresses of names.
    pub resolver: Resolver,
}

/// Decides, records and permits.
#[derive(Debug)]
pub struct Engine {
    log: Log,
    home: Option<PathBuf>,
    observer: Observer,
    policy: ArcSwap<Policy>,
    files: PolicyFiles,
    clock: Clock,
    resolver: Resolver,
    id: u64,
    state: Mutex<State>,
    snapshots: Snapshots,
    delivery: Delivery,
    _presence: Option<Presence>,
}

/// What the caller gets.
#[derive(Debug)]
pub enum Verdict {
    /// It may run.
    Permitted(Permit),
    /// It waits for a person.
    Held(Held),
    /// It may not run.
    Refused(Refused),
}

/// An action that waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// What people answer.
    pub approval: ApprovalId,
    /// The full request.
    pub request: Request,
    /// Why.
    pub decision: Decision,
    /// When the silence turns into a refusal.
    pub expires: Timestamp,
}

/// An action that may not run.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Why.
    pub decision: Decision,
    /// Its place in the log, if it could be recorded.
    pub seq: Option<u64>,
}

/// What became of an executed permit.
#[derive(Debug)]
pub struct Executed {
    /// The decision it belongs to.
    pub decision: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What it gave.
    pub effected: Effected,
    /// The measured time.
    pub duration: Duration,
    /// The level of confinement that was in force.
    pub confined: Level,
}

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The policy cannot be loaded.
    #[error(transparent)]
    Policy(#[from] LoadError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The writer's turn cannot be had.
    #[error(transparent)]
    Turn(#[from] TurnError),
    /// The state folder cannot be used.
    #[error("cannot use the state folder {}: {error}", folder.display())]
    Home {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The log holds records of a newer version.
    #[error(
        "the log holds records of version {0}, and this program knows version {EVENT_VERSION}; use a newer stayhand"
    )]
    Newer(u32),
}

/// Why an approval was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It may not be answered so.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Opens the engine on a state folder, folds its log, and marks what a crash left undone.
    pub fn open(home: &Path, settings: Settings) -> Result<Self, EngineError> {
        let policy = settings.policy.load()?;
        let log = Log::open(home)?;
        let id = random()?;
        let unusable = |error| EngineError::Home { folder: home.to_owned(), error };
        let presence = Presence::announce(home, id).map_err(unusable)?;
        let engine = Self::assemble(log, Some(home.to_owned()), policy, settings, id, Some(presence))?;
        engine.recover()?;
        Ok(engine)
    }

    /// An engine whose log lives in memory.
    pub fn in_memory(settings: Settings) -> Result<Self, EngineError> {
        let policy = settings.policy.load()?;
        Self::assemble(Log::in_memory()?, None, policy, settings, random()?, None)
    }

    fn assemble(
        log: Log,
        home: Option<PathBuf>,
        policy: Policy,
        settings: Settings,
        id: u64,
        presence: Option<Presence>,
    ) -> Result<Self, EngineError> {
        let snapshots = Snapshots::default();
        let state = recording::fold(&log, home.as_deref(), &snapshots)?;
        let Settings { policy: files, clock, resolver } = settings;
        let policy = ArcSwap::from_pointee(policy);
        let state = Mutex::new(state);
        let observer = Observer::new(home.as_deref(), &files);
        let engine = Self {
            log,
            home,
            observer,
            policy,
            files,
            clock,
            resolver,
            id,
            state,
            snapshots,
            delivery: Delivery::default(),
            _presence: presence,
        };
        engine.note_policy()?;
        Ok(engine)
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// The state folder, if it has one.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The clock.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A reader of the log.
    pub fn reader(&self) -> Result<LogReader, EngineError> {
        Ok(self.log.reader()?)
    }

    /// Reads the policy files again. On any error the policy in force stays.
    pub fn reload(&self) -> Result<Arc<Policy>, EngineError> {
        let policy = self.files.load()?;
        if policy.id() != self.policy.load().id() {
            self.policy.store(Arc::new(policy));
            self.note_policy()?;
        }
        Ok(self.policy())
    }

    /// Decides a request and records the decision. What is permitted may be executed once.
    ///
    /// Whatever goes wrong on the way, the answer is a refusal with a reason of its own; an error
    /// is only returned where not even that could be recorded and nothing was decided.
    pub fn authorize(&self, asked: impl Into<Parsed>) -> Result<Verdict, EngineError> {
        let Parsed { request, invalid, said } = asked.into();
        let policy = self.policy();
        let Some(mut gathered) = self.gather(&policy, &request, invalid, &said) else {
            return Ok(internal_error("the analysis failed"));
        };
        // A name is looked up once the connection would be permitted, and never for one that is refused or held: the
        // question alone can carry data to whoever answers for the name.
        if connects(&request) && self.would_allow(&policy, &gathered) {
            self.resolver.fill_in(&mut gathered.facts);
        }
        let recorded = self.decide_and_record(&policy, gathered, false)?;
        let (decided, seq) = match recorded {
            Ok(recorded) => recorded,
            Err(error) => return Ok(not_recorded(&error)),
        };
        let Decided { decision, request_digest, facts, expires, .. } = decided;
        Ok(match decision.effect {
            Effect::Allow => Verdict::Permitted(Permit {
                decision: seq,
                engine: self.id,
                digest: request_digest,
                age: self.clock.start(),
                request,
                facts,
                obligations: decision.obligations,
            }),
            Effect::Approve => {
                let approval = decision.approval.unwrap_or(ApprovalId(seq));
                let known =
                    expires.or_else(|| self.lock().approval(approval).map(|approval| approval.expires));
                Verdict::Held(Held { approval, request, decision, expires: known.unwrap_or_default() })
            }
            Effect::Deny | Effect::Lock => Verdict::Refused(Refused { decision, seq: Some(seq) }),
        })
    }

    /// Decides; where it is held, has `answered` bring it before people, and decides again if they grant it: the grant is a
    /// fact, not a bypass.
    pub fn authorize_asking<E>(
        &self,
        ask: impl Fn() -> Result<Parsed, E>,
        answered: impl FnOnce(&Held) -> Result<bool, E>,
        failed: impl Fn(EngineError) -> E,
    ) -> Result<Verdict, E> {
        match self.authorize(ask()?).map_err(&failed)? {
            Verdict::Held(held) if answered(&held)? => self.authorize(ask()?).map_err(failed),
            verdict => Ok(verdict),
        }
    }

    /// Decides without reserving, permitting or executing anything. `record` keeps the decision in
    /// the log.
    pub fn check(&self, asked: impl Into<Parsed>, record: bool) -> Result<Decided, EngineError> {
        let Parsed { request, invalid, said } = asked.into();
        let policy = self.policy();
        let Some(gathered) = self.gather(&policy, &request, invalid, &said) else {
            return Ok(undecidable(request, &policy));
        };
        if record {
            let (decided, _) = self.decide_and_record(&policy, gathered, true)??;
            return Ok(decided);
        }
        let now = self.now(&self.lock());
        Ok(self.decide_now(&policy, &self.lock(), gathered, now, true))
    }

    /// Observes what a request would do. `None`: the analysis failed.
    fn gather(
        &self,
        policy: &Policy,
        request: &Request,
        invalid: Vec<Invalid>,
        said: &Said,
    ) -> Option<Gathered> {
        let gathered = guarded(|| self.observer.gather(policy, request, invalid, said))?;
        Some(Gathered { digest: gathered.digest.keyed(self.log.digest_key()), ..gathered })
    }

    /// The critical section: decide on the newest state, append, apply. Then wait for the disk.
    fn decide_and_record(
        &self,
        policy: &Policy,
        gathered: Gathered,
        dry: bool,
    ) -> Result<Result<(Decided, u64), AppendError>, EngineError> {
        let mut writing = self.write()?;
        let decided = self.decide_now(policy, &writing.state, gathered, writing.now, dry);
        let appended = writing.append(Event::Decided(Box::new(decided)));
        let record = match appended.and_then(|record| writing.finish().map(|()| record)) {
            Ok(record) => record,
            Err(error) => return Ok(Err(error)),
        };
        match record.event {
            Event::Decided(decided) => Ok(Ok((*decided, record.seq))),
            other => Ok(Err(AppendError::Encode(other.kind().into()))),
        }
    }

    /// Whether this would be permitted as things stand, by what is known of it so far.
    fn would_allow(&self, policy: &Policy, gathered: &Gathered) -> bool {
        let ask = Ask { request: &gathered.redacted, digest: gathered.digest, facts: &gathered.facts };
        let allows = |state: &State, now| decide(policy, state, &ask, now).decision.effect == Effect::Allow;
        let decided = self.refreshed(|state, now| guarded(|| allows(state, now)).unwrap_or(false));
        decided.unwrap_or(false)
    }

    fn decide_now(
        &self,
        policy: &Policy,
        state: &State,
        gathered: Gathered,
        now: Timestamp,
        dry: bool,
    ) -> Decided {
        let Gathered { redacted, digest, facts } = gathered;
        let ask = Ask { request: &redacted, digest, facts: &facts };
        let answer = guarded(|| decide(policy, state, &ask, now));
        let Answer { decision, expires } = answer.unwrap_or_else(|| Answer {
            decision: Decision::refuse(Finding::new(GuardName::Runtime, Reason::InternalError, Effect::Deny)),
            expires: None,
        });
        Decided {
            request: redacted,
            request_digest: digest,
            facts,
            policy: policy.id(),
            decision,
            expires,
            engine: self.id,
            dry,
        }
    }

    /// Records a person's answer to an approval.
    pub fn resolve(
        &self,
        approval: ApprovalId,
        by: &str,
        grant: bool,
        comment: &str,
    ) -> Result<(), ResolveError> {
        let answered: Result<(), AnswerError> = self.record_if(|state, now| {
            state.may_answer(approval, by, now)?;
            let comment = comment.to_owned();
            Ok(Event::ApprovalResolved(ApprovalResolved { approval, by: by.to_owned(), grant, comment }))
        })?;
        Ok(answered?)
    }

    /// Waits until the approval is answered or has expired, the kill switch stops the request, or nobody wants to know
    /// any more. The answer: whether it was granted.
    pub fn wait_for(
        &self,
        held: &Held,
        poll: Duration,
        wanted: impl Fn() -> bool,
    ) -> Result<bool, EngineError> {
        loop {
            if !wanted() {
                return Ok(false);
            }
            let answer = self.refreshed(|state, now| match state.approval(held.approval) {
                Some(_) if state.switches().stopping(&held.request).is_some() => Some(false),
                Some(found) => match &found.status {
                    ApprovalStatus::Pending if now <= found.expires => None,
                    ApprovalStatus::Granted { .. } => Some(true),
                    _ => Some(false),
                },
                None => Some(false),
            })?;
            if let Some(granted) = answer {
                return Ok(granted);
            }
            std::thread::sleep(poll);
        }
    }

    /// Marks what dead engines left open. Nothing is ever run again by itself.
    fn recover(&self) -> Result<(), EngineError> {
        let Some(home) = &self.home else { return Ok(()) };
        let lost: Vec<u64> = self.refreshed(|state, _| {
            let left = state.open().iter().filter(|(_, open)| !open.in_doubt && open.engine != self.id);
            left.filter(|(_, open)| !presence::is_alive(home, open.engine)).map(|(seq, _)| *seq).collect()
        })?;
        self.record_all(lost.into_iter().map(|decision| Event::InDoubt(InDoubt { decision })))
    }

    fn note_policy(&self) -> Result<(), EngineError> {
        let policy = self.policy();
        self.record(Event::PolicyLoaded(Box::new(PolicyLoaded {
            policy: policy.id(),
            sources: policy.sources().to_vec(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            controls: Controls::clone(policy.controls()),
        })))
    }
}

/// Runs `work`; a panic is `None`. The process goes on, and whatever was asked is refused.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn internal_error(what: &str) -> Verdict {
    let finding = Finding::new(GuardName::Runtime, Reason::InternalError, Effect::Deny).because(what);
    Verdict::Refused(Refused { decision: Decision::refuse(finding), seq: None })
}

fn not_recorded(error: &AppendError) -> Verdict {
    let finding =
        Finding::new(GuardName::Runtime, Reason::RecordFailed, Effect::Deny).because(error.to_string());
    Verdict::Refused(Refused { decision: Decision::refuse(finding), seq: None })
}

/// The answer where not even the analysis came to an end.
fn undecidable(request: stayhand_core::request::Request, policy: &Policy) -> Decided {
    let finding = Finding::new(GuardName::Runtime, Reason::InternalError, Effect::Deny);
    Decided {
        request_digest: request.digest(),
        request,
        facts: stayhand_core::facts::Facts::unknown("the analysis failed"),
        policy: policy.id(),
        decision: Decision::refuse(finding),
        expires: None,
        engine: 0,
        dry: true,
    }
}

fn random() -> Result<u64, EngineError> {
    getrandom::u64().map_err(EngineError::Random)
}
