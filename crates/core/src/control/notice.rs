//! Notices: what people should hear of. They follow from the log, as everything else; the runtime delivers them.

use super::breaker::breakers::Breakers;
use super::ledger::{AlertLevel, Ledger};
use super::lock::Locks;
use super::switch::{Order, Switches};
use super::tier::monitor::Monitor;
use crate::policy::source::List;
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How serious a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Something has been stopped, or should be.
    Critical,
}

/// Something that people should hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What it is about.
    pub kind: Kind,
    /// How serious it is.
    pub severity: Severity,
    /// Whom or what it is about.
    pub about: String,
    /// One sentence, or the line that the control prints.
    pub message: String,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A switch was killed.
    Kill,
    /// A switch was moved otherwise.
    Switch,
    /// A lock was set.
    Lock,
    /// A circuit opened or closed.
    Breaker,
    /// A budget runs low.
    Budget,
    /// An agent got into tier 3.
    Tier,
}

/// The longest that a delivery may take, in seconds. Source: A004, of the cleanup after a kill.
const LONGEST_DELIVERY_S: u64 = 30;

/// How long a delivery may take where nobody says, in seconds.
const DELIVERY_S: u64 = 10;

/// Where notices go, as written in a policy. Exactly one of the three. Only trusted files may say it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotifierSource {
    /// A file to which each is appended as a line of JSON.
    pub log: Option<String>,
    /// A program and its arguments; it gets the notice as JSON on its standard input.
    pub command: List,
    /// An address to which it is sent by POST.
    pub webhook: Option<String>,
    /// Only notices at least so serious (default: `warning`).
    pub at_least: Option<Severity>,
    /// Only notices of these kinds (default: all).
    pub only: Vec<Kind>,
    /// How long one may take, in seconds: 1 to 30 (default: 10). A program that takes longer is ended.
    pub within_s: Option<u64>,
}

/// Where notices go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notifier {
    /// How they get there.
    pub route: Route,
    /// Only notices at least so serious.
    pub at_least: Severity,
    /// Only those of these kinds; of all where there is none.
    pub only: Vec<Kind>,
    /// How long one may take, in seconds.
    pub within_s: u64,
}

/// How notices get there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Route {
    /// Appended to this file.
    Log(String),
    /// Given to this program.
    Command(Vec<String>),
    /// Sent to this address.
    Webhook(String),
}

impl Notifier {
    /// Compiles what a policy says.
    pub fn compile(source: &NotifierSource) -> Result<Self, String> {
        let log = source.log.clone().map(Route::Log);
        let command = (!source.command.is_empty()).then(|| Route::Command(source.command.0.clone()));
        let webhook = source.webhook.clone().map(Route::Webhook);
        let mut routes: Vec<Route> = [log, command, webhook].into_iter().flatten().collect();
        let (Some(route), true) = (routes.pop(), routes.is_empty()) else {
            return Err("a notifier has exactly one of `log`, `command` and `webhook`".to_owned());
        };
        match &route {
            Route::Log(path) if !path.starts_with('/') => {
                return Err(format!(
                    "`{path}` must be an absolute path: processes work in different folders"
                ));
            }
            Route::Webhook(url) if !(url.starts_with("https://") || url.starts_with("http://")) => {
                return Err(format!("`{url}` is no address of the web"));
            }
            _ => {}
        }
        let within_s = source.within_s.unwrap_or(DELIVERY_S);
        if !(1..=LONGEST_DELIVERY_S).contains(&within_s) {
            return Err(format!("`within_s: {within_s}` is not from 1 to {LONGEST_DELIVERY_S}"));
        }
        Ok(Self {
            route,
            at_least: source.at_least.unwrap_or(Severity::Warning),
            only: source.only.clone(),
            within_s,
        })
    }

    /// Whether this notice goes there.
    pub fn wants(&self, notice: &Notice) -> bool {
        notice.severity >= self.at_least && (self.only.is_empty() || self.only.contains(&notice.kind))
    }
}

/// How many of each there ever were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    switches: u64,
    locks: u64,
    breakers: u64,
    alerts: u64,
    tiers: u64,
}

/// What notices follow from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) switches: &'a Switches,
    pub(crate) locks: &'a Locks,
    pub(crate) breakers: &'a Breakers,
    pub(crate) ledger: &'a Ledger,
    pub(crate) monitor: &'a Monitor,
}

impl Sources<'_> {
    pub(crate) const fn tally(&self) -> Tally {
        Tally {
            switches: self.switches.followed(),
            locks: self.locks.set_in_all(),
            breakers: self.breakers.moved(),
            alerts: self.ledger.given(),
            tiers: self.monitor.routed(),
        }
    }

    /// The notices of what has come since.
    fn since(&self, before: Tally, at: Timestamp) -> Vec<Notice> {
        let now = self.tally();
        let mut found = Vec::new();
        let mut note = |kind: Kind, severity, about: String, message: String| {
            found.push(Notice { at: at.to_string(), kind, severity, about, message });
        };
        for (_, moved) in newest(self.switches.history(), now.switches - before.switches) {
            let severity = if moved.order.stops() { Severity::Critical } else { Severity::Info };
            let kind = if moved.order == Order::Kill { Kind::Kill } else { Kind::Switch };
            note(kind, severity, moved.scope.to_string(), format!("{} by {}", moved.line(), moved.by));
        }
        if now.locks > before.locks {
            for lock in self.locks.on(at).filter(|lock| lock.at == at) {
                let set = &lock.set;
                note(
                    Kind::Lock,
                    Severity::Critical,
                    set.scope.to_string(),
                    format!("locked by {}: {}", set.by, set.reason),
                );
            }
        }
        for moved in newest(self.breakers.moves(), now.breakers - before.breakers) {
            let severity = if moved.is_closing() { Severity::Info } else { Severity::Warning };
            note(Kind::Breaker, severity, moved.about.clone(), moved.line.clone());
        }
        for alert in newest(self.ledger.alerts(), now.alerts - before.alerts) {
            let severity = match alert.level {
                AlertLevel::Warning => Severity::Warning,
                AlertLevel::Critical => Severity::Critical,
            };
            note(
                Kind::Budget,
                severity,
                format!("{} of {}", alert.budget, alert.purse),
                alert.message.clone(),
            );
        }
        for alert in newest(self.monitor.systemic(), now.tiers - before.tiers) {
            note(Kind::Tier, Severity::Critical, format!("agent:{}", alert.agent_id), alert.line());
        }
        found
    }
}

/// The last so many.
fn newest<T>(all: impl DoubleEndedIterator<Item = T>, count: u64) -> Vec<T> {
    let mut found: Vec<T> = all.rev().take(usize::try_from(count).unwrap_or(usize::MAX)).collect();
    found.reverse();
    found
}

/// The newest notices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    kept: VecDeque<Notice>,
    total: u64,
}

/// Notices that are kept; older ones follow from the log.
const KEPT: usize = 200;

impl Notices {
    /// The notices, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Notice> {
        self.kept.iter()
    }

    /// How many there ever were.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Those that have come since there were so many.
    pub fn since(&self, total: u64) -> Vec<Notice> {
        newest(self.kept.iter(), self.total.saturating_sub(total)).into_iter().cloned().collect()
    }

    pub(crate) fn take(&mut self, sources: &Sources<'_>, before: Tally, at: Timestamp) {
        if sources.tally() == before {
            return;
        }
        for notice in sources.since(before, at) {
            self.total += 1;
            self.kept.push_back(notice);
            if self.kept.len() > KEPT {
                self.kept.pop_front();
            }
        }
    }
}
