//! How a safe autonomous system is set up, and the policy that follows from it.

use super::cleanup::LONGEST_CLEANUP;
use super::safe_system::{Action, Service};
use crate::clock::Clock;
use crate::engine::Settings;
use crate::policy_files::PolicyFiles;
use serde::Deserialize;
use stayhand_core::decision::Layer;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The limits of a system, for any sixty minutes. Source of the defaults: A096.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SafeAutonomousConfig {
    /// The most actions an hour.
    pub max_actions: u64,
    /// The most that one action may move, in dollars.
    pub max_value: u64,
    /// The most that all actions of an hour may move, in dollars.
    pub max_total: u64,
}

impl Default for SafeAutonomousConfig {
    fn default() -> Self {
        Self { max_actions: 1000, max_value: 10_000, max_total: 100_000 }
    }
}

/// The one threshold of approval, in dollars (A096, D046).
const RUNS_UP_TO: u64 = 100;

/// How long a person has to answer, in seconds (A096).
const APPROVAL_S: u64 = 3600;

impl SafeAutonomousConfig {
    /// The whole policy. Everything that stops an action is written here.
    pub fn policy(&self) -> String {
        let Self { max_actions, max_value, max_total } = self;
        let [api, database] = [Service::Api.tool(), Service::Database.tool()];
        let fields = "{fields: {/type: text, /description: text, /value: amount}, infer: false}";
        format!(
            "version: 1
name: safe-autonomous-system
defaults: {{approval_timeout_s: {APPROVAL_S}, undecided: deny}}
limits:
  - {{name: actions, of: actions, window_s: 3600, max: {max_actions}}}
  - {{name: value, of: value_per_action, max: {max_value}}}
  - {{name: total, of: value, window_s: 3600, max: {max_total}}}
anomaly:
  watch: {{value: 3.0, frequency: 2.5}}
  single: approve
  alert_after: 3
  alert: pause
breakers:
  - {{name: api, tools: [{api}], preset: api}}
  - {{name: database, tools: [{database}], preset: database}}
tools:
  {api}: {fields}
  {database}: {fields}
rules:
  - name: small_values
    allow: [{api}, {database}]
    when: {{input: {{/value: {{at_least: 0, at_most: {RUNS_UP_TO}}}}}}}
  - name: larger_values
    approve: [{api}, {database}]
    when: {{input: {{/value: {{over: {RUNS_UP_TO}}}}}}}
    reason: More than {RUNS_UP_TO} dollars wait for a person
"
        )
    }
}

/// Takes back what an action has done before it failed.
pub(super) type Undo = Arc<dyn Fn(&Action) -> Result<(), String> + Send + Sync>;

/// Brings things into a safe state once the switch is killed.
pub(super) type Hook = Arc<dyn Fn() + Send + Sync>;

/// All that a system is made of.
#[derive(Debug, Clone)]
pub struct SystemSettings {
    /// The limits.
    pub config: SafeAutonomousConfig,
    /// The state folder. `None` = the log lives in memory, and ends with the program.
    pub home: Option<PathBuf>,
    /// Who acts. Whoever answers for it has another name.
    pub agent: String,
    /// The clock.
    pub clock: Clock,
    /// The longest that [`kill`](super::SafeAutonomousSystem::kill) waits for the cleanup: thirty seconds, or less.
    pub cleanup_wait: Duration,
    /// What runs when something went wrong.
    pub hooks: Hooks,
}

/// What runs when something went wrong; see [`SystemSettings::undo`] and [`SystemSettings::cleanup`].
#[derive(Clone, Default)]
pub struct Hooks {
    pub(super) undo: Option<Undo>,
    pub(super) cleanup: Option<Hook>,
}

impl Default for SystemSettings {
    fn default() -> Self {
        Self {
            config: SafeAutonomousConfig::default(),
            home: None,
            agent: "autonomous-system".to_owned(),
            clock: Clock::default(),
            cleanup_wait: LONGEST_CLEANUP,
            hooks: Hooks::default(),
        }
    }
}

impl SystemSettings {
    /// Runs when an action fails or panics, before its end is recorded (A101). An error says why nothing, or not all,
    /// was taken back; it goes into the record and to nobody else.
    #[must_use]
    pub fn undo(mut self, undo: impl Fn(&Action) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.hooks.undo = Some(Arc::new(undo));
        self
    }

    /// Runs once each time the switch is killed, in a thread of its own (A004, A103).
    #[must_use]
    pub fn cleanup(mut self, cleanup: impl Fn() + Send + Sync + 'static) -> Self {
        self.hooks.cleanup = Some(Arc::new(cleanup));
        self
    }

    /// The engine's settings.
    pub(super) fn engine(&self) -> Settings {
        let policy = PolicyFiles::default().text(Layer::User, "safe-autonomous-system", self.config.policy());
        Settings { policy, clock: self.clock.clone(), ..Settings::default() }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |hook: bool| if hook { "set" } else { "none" };
        let (undo, cleanup) = (set(self.undo.is_some()), set(self.cleanup.is_some()));
        f.debug_struct("Hooks").field("undo", &undo).field("cleanup", &cleanup).finish()
    }
}
