//! One circuit: closed, open, half-open, or isolated by a person.

use super::config::{CircuitConfig, Rate};
use crate::bits::spread;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How a circuit stands. Sources: A021 to A026, B-02.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Calls go through.
    #[default]
    Closed,
    /// None does, until the time is up.
    Open,
    /// A few calls try it.
    HalfOpen,
    /// None does, until a person resets it.
    Isolated,
}

impl Phase {
    /// The name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Isolated => "isolated",
        }
    }
}

/// A call that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The epoch of the circuit in which it was let through.
    pub epoch: u32,
    /// The call's own number.
    pub call: u64,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended<'a> {
    /// Whether it was a success; `None` = it says nothing.
    pub success: Option<bool>,
    /// Microseconds it took.
    pub took_us: u64,
    /// Whose call it was.
    pub agent: &'a str,
    /// When it ended.
    pub at: Timestamp,
    /// A number from the log, for the jitter.
    pub seed: u64,
}

/// What is remembered of a call for the shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Call {
    at: Timestamp,
    failed: bool,
    slow: bool,
}

/// One circuit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    phase: Phase,
    /// Counts the changes of phase: what a call of an earlier epoch reports is ignored (A028).
    epoch: u32,
    failures: u32,
    failed_probes: u32,
    successes: u32,
    /// Openings without a recovery between them.
    openings: u32,
    retry_at: Timestamp,
    probes: Vec<(u64, Timestamp)>,
    recent: VecDeque<Call>,
    failing: Vec<Box<str>>,
    last_failure: Option<Timestamp>,
    touched: Timestamp,
}

/// Why a call is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Where the circuit stands.
    pub phase: Phase,
    /// Microseconds until a call may try it; zero where that is not a matter of time.
    pub retry_in_us: u64,
}

impl Circuit {
    /// Whether a call would be let through. Changes nothing.
    pub fn admits(&self, config: &CircuitConfig, now: Timestamp) -> Result<(), Blocked> {
        let blocked = |retry_in_us| Err(Blocked { phase: self.phase, retry_in_us });
        match self.phase {
            Phase::Closed => Ok(()),
            Phase::Isolated => blocked(0),
            Phase::Open if now >= self.retry_at => Ok(()),
            Phase::Open => blocked(self.retry_at.since(now)),
            Phase::HalfOpen => {
                let live = self.probes.iter().filter(|(_, since)| now.since(*since) < config.lease_us);
                if (live.count() as u64) < u64::from(config.half_open_max_calls) {
                    Ok(())
                } else {
                    blocked(0)
                }
            }
        }
    }

    /// Lets a call through that [`Self::admits`] admits. The first one after the time is up is a trial, too (A024).
    pub fn admitted(&mut self, config: &CircuitConfig, call: u64, now: Timestamp) -> Ticket {
        self.touched = now;
        if self.phase == Phase::Open {
            self.enter(Phase::HalfOpen);
        }
        if self.phase == Phase::HalfOpen {
            self.probes.retain(|(_, since)| now.since(*since) < config.lease_us);
            self.probes.push((call, now));
        }
        Ticket { epoch: self.epoch, call }
    }

    /// Takes in how a call ended.
    pub fn ended(&mut self, config: &CircuitConfig, ticket: Ticket, ended: &Ended<'_>) {
        if ticket.epoch != self.epoch {
            return;
        }
        self.touched = self.touched.max(ended.at);
        self.probes.retain(|(call, _)| *call != ticket.call);
        let Some(success) = ended.success else { return };
        if !success {
            self.last_failure = Some(ended.at);
        }
        match (self.phase, success) {
            (Phase::Closed, _) => self.counted(config, success, ended),
            (Phase::HalfOpen, true) => {
                self.successes += 1;
                if self.successes >= config.success_threshold {
                    self.close();
                }
            }
            (Phase::HalfOpen, false) => {
                self.failed_probes = self.failed_probes.saturating_add(1);
                self.open(config, ended);
            }
            (Phase::Open | Phase::Isolated, _) => {}
        }
    }

    /// Counts a call of a closed circuit.
    fn counted(&mut self, config: &CircuitConfig, success: bool, ended: &Ended<'_>) {
        let slow = config.slow_us > 0 && ended.took_us >= config.slow_us;
        self.recent.push_back(Call { at: ended.at, failed: !success, slow });
        while self.recent.len() > config.remembered() as usize {
            self.recent.pop_front();
        }
        if success {
            self.failures = 0;
            self.failing.clear();
        } else {
            self.failures = self.failures.saturating_add(1);
            if self.failing.len() < config.agents as usize
                && !self.failing.iter().any(|known| **known == *ended.agent)
            {
                self.failing.push(ended.agent.into());
            }
        }
        let in_a_row =
            self.failures >= config.failure_threshold && self.failing.len() >= config.agents as usize;
        if in_a_row
            || self.share_reached(config.failure_rate, ended.at, |call| call.failed)
            || self.share_reached(config.slow_rate, ended.at, |call| call.slow)
        {
            self.open(config, ended);
        }
    }

    fn share_reached(&self, rate: Option<Rate>, now: Timestamp, counts: impl Fn(&Call) -> bool) -> bool {
        let Some(rate) = rate else { return false };
        let recent = self.recent.iter().rev().take(rate.calls as usize);
        let within = |call: &&Call| rate.within_us == 0 || now.since(call.at) < rate.within_us;
        let (mut all, mut bad) = (0_u64, 0_u64);
        for call in recent.take_while(within) {
            all += 1;
            bad += u64::from(counts(call));
        }
        all >= u64::from(rate.min_calls) && bad * 100 >= all * u64::from(rate.percent)
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch = self.epoch.wrapping_add(1);
        self.successes = 0;
        self.probes.clear();
        self.recent.clear();
        self.failing.clear();
    }

    fn open(&mut self, config: &CircuitConfig, ended: &Ended<'_>) {
        self.enter(Phase::Open);
        let wait_us = wait_us(config, self.openings, ended.seed);
        self.openings = self.openings.saturating_add(1);
        self.retry_at = Timestamp(ended.at.0.saturating_add(wait_us));
    }

    fn close(&mut self) {
        self.enter(Phase::Closed);
        (self.failures, self.failed_probes, self.openings) = (0, 0, 0);
    }

    /// Closed, and nothing remembered (A035).
    pub fn reset(&mut self, now: Timestamp) {
        self.close();
        self.last_failure = None;
        self.touched = now;
    }

    /// Open until somebody resets it (B-02).
    pub fn isolate(&mut self, now: Timestamp) {
        self.enter(Phase::Isolated);
        self.touched = now;
    }

    /// Where it stands.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Counts the changes of phase.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Failures in a row before it opened, or so far.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The same with trial calls that failed since: R3's `failure_count` (A033).
    pub const fn failure_count(&self) -> u32 {
        self.failures.saturating_add(self.failed_probes)
    }

    /// When it was last called without success.
    pub const fn last_failure(&self) -> Option<Timestamp> {
        self.last_failure
    }

    /// When an open circuit may be tried.
    pub const fn retry_at(&self) -> Timestamp {
        self.retry_at
    }

    /// When something last happened.
    pub(super) const fn touched(&self) -> Timestamp {
        self.touched
    }

    /// The line about a phase that was entered. Sources: A021, A023, A025.
    pub fn line(&self, name: &str) -> String {
        match self.phase {
            Phase::Closed => format!("[CIRCUIT BREAKER] {name}: CLOSED (recovered)"),
            Phase::Open => format!("[CIRCUIT BREAKER] {name}: OPEN (failures: {})", self.failures),
            Phase::HalfOpen => format!("[CIRCUIT BREAKER] {name}: HALF_OPEN (testing recovery)"),
            Phase::Isolated => format!("[CIRCUIT BREAKER] {name}: ISOLATED (until reset)"),
        }
    }
}

/// The step of SplitMix64, so that small seeds give no small numbers.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// How long an opening lasts that so many were before of: exactly the timeout the first time; then longer and longer
/// up to the most, with something added that differs from fleet to fleet and is the same at every replay (A039).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
fn wait_us(config: &CircuitConfig, before: u32, seed: u64) -> u64 {
    let factor = config.backoff.powi(i32::try_from(before).unwrap_or(i32::MAX));
    let wait = (config.timeout_us as f64 * factor).min(config.max_timeout_us as f64);
    if before == 0 || config.jitter_percent == 0 {
        return wait as u64;
    }
    let share = (spread(seed.wrapping_add(GOLDEN)) >> 11) as f64 / (1_u64 << 53) as f64;
    (wait * (1.0 + share * f64::from(config.jitter_percent) / 100.0)) as u64
}
