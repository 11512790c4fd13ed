//! A system that carries out actions by itself: kill switch, limits, anomalies, approval and breakers before each.

use super::cleanup::{Cleanup, CleanupEnd};
use super::not_done::NotDone;
use super::safe_config::{Hooks, SafeAutonomousConfig, SystemSettings, Undo};
use crate::engine::{Engine, EngineError, Verdict, guarded};
use crate::execute::{Effected, Executor, Work};
use crate::orders::OrderError;
use crate::signals::on_termination;
use crate::wire::{Parsed, Said};
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};
use stayhand_analysis::secret;
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{Order, Position, Switch, SwitchMoved};
use stayhand_core::decision::Level;
use stayhand_core::event::Outcome;
use stayhand_core::facts::Invalid;
use stayhand_core::request::{self, Context, Principal, Request, Resource};
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

/// One action of the system.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What kind of action it is, for people.
    #[serde(rename = "type", default = "unknown")]
    pub kind: String,
    /// What it does, for people.
    #[serde(default)]
    pub description: String,
    /// What it moves, in dollars. Without a value, or with one that is no amount, the action is refused: a missing
    /// number is not zero (D046).
    #[serde(default)]
    pub value: Option<f64>,
    /// What it needs.
    #[serde(default)]
    pub service: Service,
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// What an action needs. Each has a breaker of its own (A029).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// A service behind an API.
    #[default]
    Api,
    /// The database.
    Database,
}

impl Service {
    /// The tool by which the policy knows it.
    pub(super) const fn tool(self) -> &'static str {
        match self {
            Self::Api => "api_action",
            Self::Database => "database_action",
        }
    }
}

/// An engine on the policy of [`SafeAutonomousConfig`], with hooks. Threads may share it.
pub struct SafeAutonomousSystem {
    engine: Engine,
    agent: String,
    undo: Option<Undo>,
    cleanup: Cleanup,
}

impl SafeAutonomousSystem {
    /// A system whose log lives in memory, without hooks.
    pub fn in_memory(config: SafeAutonomousConfig) -> Result<Self, EngineError> {
        Self::new(SystemSettings { config, ..SystemSettings::default() })
    }

    /// A system with these settings. On a state folder it goes on where it was: limits, breakers, what is usual, and
    /// the switch.
    pub fn new(settings: SystemSettings) -> Result<Self, EngineError> {
        let engine = match &settings.home {
            Some(home) => Engine::open(home, settings.engine())?,
            None => Engine::in_memory(settings.engine())?,
        };
        let SystemSettings { agent, hooks: Hooks { undo, cleanup }, cleanup_wait, .. } = settings;
        let killed = switch_of(&engine, &agent)?.filter(is_killed).map(|switch| switch.at);
        Ok(Self { engine, agent, undo, cleanup: Cleanup::new(cleanup, cleanup_wait, killed) })
    }

    /// The engine: for answers to approvals, orders, and the record.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Carries out one action, if nothing stands against it. The answer has one of these shapes (A098):
    ///
    /// `{error: "System is stopped", reason}`, `{error: "Invalid action", reason}`, `{error: "Resource limit exceeded",
    /// reason}`, `{error: "Anomaly detected - paused", reason}`, `{error: "Approval required", request_id}`,
    /// `{error: "Circuit open", service}`, `{error: "Action refused", reason}`, `{error}` where it failed,
    /// `{success: true, result}`.
    ///
    /// An action that waits for a person does not wait in here: ask again with the same action once it is answered.
    pub fn execute_action<E>(&self, action: &Action, run: impl FnOnce(&Action) -> Result<Value, E>) -> Value {
        match self.attempt(action, run) {
            Ok(result) => json!({ "success": true, "result": result }),
            Err(not_done) => not_done.to_value(),
        }
    }

    /// The same, with the action's own error.
    pub fn attempt<E>(
        &self,
        action: &Action,
        run: impl FnOnce(&Action) -> Result<Value, E>,
    ) -> Result<Value, NotDone<E>> {
        let permit = match self.engine.authorize(request(&self.agent, action))? {
            Verdict::Permitted(permit) => permit,
            Verdict::Held(held) => return Err(NotDone::held(&held)),
            Verdict::Refused(refused) => return Err(self.explained(NotDone::refused(&refused))),
        };
        let once = Once { action, run: Cell::new(Some(run)), undo: self.undo.as_ref(), end: Cell::new(None) };
        let executed = self.engine.execute(permit, &once)?;
        if let Some(end) = once.end.take() {
            return end;
        }
        let reason = match executed.outcome {
            Outcome::Abandoned { why } => why,
            _ => "it was not started".to_owned(),
        };
        Err(self.explained(NotDone::Refused { reason }))
    }

    /// Gives a stop the words of whoever ordered it, and starts the cleanup where that is due.
    fn explained<E>(&self, not_done: NotDone<E>) -> NotDone<E> {
        match (self.look(), not_done) {
            (Ok(Some(switch)), NotDone::Stopped { .. } | NotDone::Refused { .. }) => {
                NotDone::Stopped { reason: switch.reason }
            }
            (_, other) => other,
        }
    }

    /// The switch that stops this system, if one does. A kill that is new starts the cleanup.
    fn look(&self) -> Result<Option<Switch>, EngineError> {
        let switch = switch_of(&self.engine, &self.agent)?;
        if let Some(killed) = switch.as_ref().filter(|switch| is_killed(switch)) {
            self.cleanup.start(killed.at);
        }
        Ok(switch)
    }

    /// Whether the system may act. Ask now and then: a kill that another process ordered starts the cleanup here, as
    /// it does when the next action is asked for.
    pub fn is_active(&self) -> Result<bool, EngineError> {
        Ok(self.look()?.is_none())
    }

    /// Kills the system, starts the cleanup, and waits at most thirty seconds for it.
    pub fn kill(&self, by: &str, reason: &str) -> Result<CleanupEnd, OrderError> {
        self.order(Scope::All, Order::Kill, by, reason)?;
        Ok(self.clean_up()?)
    }

    fn clean_up(&self) -> Result<CleanupEnd, EngineError> {
        let killed = switch_of(&self.engine, &self.agent)?.filter(is_killed);
        Ok(killed.map_or(CleanupEnd::Nothing, |switch| self.cleanup.run(switch.at)))
    }

    /// From now on SIGINT, SIGTERM and SIGHUP kill the system, as [`kill`](Self::kill) does. The process ends when the
    /// cleanup has, or when it was waited for long enough. Handlers that were set before run as well. (A009)
    pub fn kill_on_signals(self: &Arc<Self>) -> std::io::Result<()> {
        let system = Arc::clone(self);
        on_termination(move |signal| {
            let killed = system.engine.kill_for(signal);
            match killed.and_then(|()| Ok(system.clean_up()?)) {
                Ok(CleanupEnd::TimedOut) => eprintln!("{}", CleanupEnd::TimedOut),
                Ok(_) => {}
                Err(error) => eprintln!("stayhand: the kill switch could not be pulled: {error}"),
            }
            signal.end()
        })
    }

    /// Pauses the system until somebody resumes it.
    pub fn pause(&self, by: &str, reason: &str) -> Result<(), OrderError> {
        self.order(Scope::All, Order::Pause, by, reason)
    }

    /// Lets a paused system go on, whoever or whatever paused it.
    pub fn resume(&self, by: &str, reason: &str) -> Result<(), OrderError> {
        self.leave(Order::Resume, by, reason)
    }

    /// Lets a killed system go on.
    pub fn rearm(&self, by: &str, reason: &str) -> Result<(), OrderError> {
        self.leave(Order::Rearm, by, reason)
    }

    /// How the last cleanup ended that came to an end.
    pub fn last_cleanup(&self) -> Option<CleanupEnd> {
        self.cleanup.last()
    }

    /// The order for each switch that it moves: that of everything, and that of this agent, which anomalies move.
    fn leave(&self, order: Order, by: &str, reason: &str) -> Result<(), OrderError> {
        let scopes = [Scope::All, Scope::Agent(self.agent.clone())];
        let moved = self.engine.refreshed(|state, _| {
            scopes.clone().map(|scope| order.from(state.switches().position(&scope)).is_some())
        })?;
        let none = moved == [false, false];
        let mut wanted =
            scopes.into_iter().zip(moved).filter(|(scope, moves)| *moves || none && *scope == Scope::All);
        wanted.try_for_each(|(scope, _)| self.order(scope, order, by, reason))
    }

    fn order(&self, scope: Scope, order: Order, by: &str, reason: &str) -> Result<(), OrderError> {
        self.engine.order(SwitchMoved { scope, order, by: by.to_owned(), reason: reason.to_owned() })
    }
}

impl fmt::Debug for SafeAutonomousSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SafeAutonomousSystem")
            .field("engine", &self.engine)
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

const fn is_killed(switch: &Switch) -> bool {
    matches!(switch.position, Position::Killed)
}

/// The strictest switch that stops whatever the agent asks for.
fn switch_of(engine: &Engine, agent: &str) -> Result<Option<Switch>, EngineError> {
    let anything = asked(agent, Service::Api, Map::new());
    engine.refreshed(|state, _| state.switches().stopping(&anything).map(|(_, switch)| switch.clone()))
}

/// The action as the engine is asked about it. A value that is no number is handed on as its name, which is refused.
fn request(agent: &str, action: &Action) -> Parsed {
    let number = |value: f64| Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number);
    let value = action.value.map(number);
    let mut arguments = Map::new();
    arguments.insert("type".to_owned(), action.kind.as_str().into());
    arguments.insert("description".to_owned(), action.description.as_str().into());
    let mut invalid = Vec::new();
    match &value {
        Some(value) => drop(arguments.insert("value".to_owned(), value.clone())),
        None => invalid.push(Invalid { field: "value".to_owned(), why: "it is missing".to_owned() }),
    }
    let mut request = asked(agent, action.service, arguments);
    // Rules read the argument; limits and detectors read what is declared.
    request.context.declared.extend(value.map(|value| ("value".to_owned(), value)));
    Parsed { request, invalid, said: Said::default() }
}

fn asked(agent: &str, service: Service, arguments: Map<String, Value>) -> Request {
    let root = || "/".to_owned();
    Request {
        principal: Principal { agent: agent.to_owned(), session: agent.to_owned(), on_behalf_of: None },
        action: request::Action(service.tool().to_owned()),
        resource: Resource(arguments),
        context: Context { cwd: root(), workspace: root(), home: root(), ..Context::default() },
    }
}

/// Runs a function once, and takes back what it did if it fails.
struct Once<'a, F, E> {
    action: &'a Action,
    run: Cell<Option<F>>,
    undo: Option<&'a Undo>,
    end: Cell<Option<Result<Value, NotDone<E>>>>,
}

impl<F: FnOnce(&Action) -> Result<Value, E>, E> Executor for Once<'_, F, E> {
    fn level(&self) -> Level {
        Level::None
    }

    fn run(&self, _: &Work<'_>) -> (Outcome, Effected) {
        let Some(run) = self.run.take() else { return crate::execute::failed("the permit was used before") };
        match guarded(|| run(self.action)) {
            Some(Ok(result)) => {
                let effected = Effected::collect(result.to_string().as_bytes(), b"");
                self.end.set(Some(Ok(result)));
                (Outcome::Done, effected)
            }
            Some(Err(error)) => {
                let (undone, outcome) = self.failed("the action failed");
                self.end.set(Some(Err(NotDone::Failed { error, undone })));
                (outcome, Effected::default())
            }
            None => {
                let (undone, outcome) = self.failed("the action panicked");
                self.end.set(Some(Err(NotDone::Panicked { undone })));
                (outcome, Effected::default())
            }
        }
    }
}

impl<F, E> Once<'_, F, E> {
    /// Undoes what can be undone. Whether it was, and the outcome for the record.
    fn failed(&self, how: &str) -> (Option<bool>, Outcome) {
        let Some(undo) = self.undo else { return (None, Outcome::Failed { error: how.to_owned() }) };
        let undone =
            guarded(|| undo(self.action)).unwrap_or_else(|| Err("the undo hook panicked".to_owned()));
        let error = match &undone {
            Ok(()) => format!("{how} and was undone"),
            Err(why) => format!("{how} and was not undone: {}", secret::redact(why)),
        };
        (Some(undone.is_ok()), Outcome::Failed { error })
    }
}
