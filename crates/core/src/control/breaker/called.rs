//! A breaker for callers who ask and report by hand, with the names of R0 and R3.

use super::circuit::{Circuit, Ended, Phase, Ticket};
use super::config::{CircuitConfig, Preset};
use crate::time::Timestamp;
use serde::Serialize;

/// One breaker around something that is called.
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitBreaker {
    name: String,
    config: CircuitConfig,
    circuit: Circuit,
    calls: u64,
    wording: Wording,
}

/// In whose words a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wording {
    R0,
    R3,
}

/// The breaker is open: nothing was called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CircuitOpen(String);

/// R3's report. Source: A036.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CircuitState {
    /// The breaker's name.
    pub name: String,
    /// `closed`, `open`, `half_open` or `isolated`.
    pub state: Phase,
    /// Failures in a row, trial calls included.
    pub failure_count: u32,
    /// The time of the last failure, RFC 3339 in UTC.
    pub last_failure: Option<String>,
}

impl CircuitBreaker {
    /// R0's breaker. Its defaults are those of [`CircuitConfig`] (A020).
    pub fn new(name: &str, config: CircuitConfig) -> Self {
        Self { name: name.to_owned(), config, circuit: Circuit::default(), calls: 0, wording: Wording::R0 }
    }

    /// R3's breaker: one trial call, and one success closes it (A030).
    pub fn agent_circuit(name: &str, failure_threshold: u32, timeout_s: u64) -> Self {
        let config = CircuitConfig {
            failure_threshold,
            timeout_us: timeout_s.saturating_mul(1_000_000),
            ..CircuitConfig::preset(Preset::LlmApi)
        };
        Self { wording: Wording::R3, ..Self::new(name, config) }
    }

    /// R3's breaker for language models (A037).
    pub fn llm_api() -> Self {
        Self::agent_circuit("llm_api", 3, 30)
    }

    /// Asks to call. What is granted must be reported, and loses its slot otherwise (A024).
    pub fn admit(&mut self, now: Timestamp) -> Result<Ticket, CircuitOpen> {
        if self.circuit.admits(&self.config, now).is_err() {
            return Err(CircuitOpen(match self.wording {
                Wording::R0 => format!("Circuit {} is open", self.name),
                Wording::R3 => format!("Circuit {} is OPEN - blocking call", self.name),
            }));
        }
        self.calls += 1;
        Ok(self.circuit.admitted(&self.config, self.calls, now))
    }

    /// Reports how a call ended; `None` = it says nothing about what was called (A034).
    pub fn report(&mut self, ticket: Ticket, success: Option<bool>, took_us: u64, now: Timestamp) {
        let ended = Ended { success, took_us, agent: "", at: now, seed: self.calls };
        self.circuit.ended(&self.config, ticket, &ended);
    }

    /// Closed, nothing counted (A035).
    pub fn reset(&mut self, now: Timestamp) {
        self.circuit.reset(now);
    }

    /// How it stands.
    pub fn state(&self) -> CircuitState {
        CircuitState {
            name: self.name.clone(),
            state: self.circuit.phase(),
            failure_count: self.circuit.failure_count(),
            last_failure: self.circuit.last_failure().map(|at| at.to_string()),
        }
    }

    /// The circuit.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECOND_US: u64 = 1_000_000;

    fn call(breaker: &mut CircuitBreaker, success: Option<bool>, now: Timestamp) -> Result<(), CircuitOpen> {
        let ticket = breaker.admit(now)?;
        breaker.report(ticket, success, 0, now);
        Ok(())
    }

    /// A030, A031, A035, A036, A037: R3's breaker, its words, its report, its preset for models.
    #[test]
    fn a036_the_state_is_reported() {
        let mut breaker = CircuitBreaker::llm_api();
        let now = Timestamp(1_000 * SECOND_US);
        assert_eq!(
            serde_json::to_value(breaker.state()).unwrap(),
            json!({"name": "llm_api", "state": "closed", "failure_count": 0, "last_failure": null})
        );
        for _ in 0..3 {
            call(&mut breaker, Some(false), now).unwrap();
        }
        assert_eq!(
            serde_json::to_value(breaker.state()).unwrap(),
            json!({"name": "llm_api", "state": "open", "failure_count": 3, "last_failure": now.to_string()})
        );
        let error = call(&mut breaker, Some(true), now.plus_seconds(29)).unwrap_err();
        assert_eq!(error.to_string(), "Circuit llm_api is OPEN - blocking call");
        call(&mut breaker, Some(true), now.plus_seconds(30)).unwrap();
        assert_eq!((breaker.state().state, breaker.state().failure_count), (Phase::Closed, 0));
        call(&mut breaker, Some(false), now.plus_seconds(31)).unwrap();
        breaker.reset(now.plus_seconds(32));
        assert_eq!((breaker.state().failure_count, breaker.state().last_failure), (0, None));
    }

    /// A027, A034: R0's words; what does not count frees its slot and changes nothing.
    #[test]
    fn a034_what_does_not_count() {
        let mut breaker =
            CircuitBreaker::new("x", CircuitConfig { failure_threshold: 1, ..CircuitConfig::default() });
        let now = Timestamp(SECOND_US);
        call(&mut breaker, None, now).unwrap();
        assert_eq!(breaker.circuit().phase(), Phase::Closed);
        call(&mut breaker, Some(false), now).unwrap();
        assert_eq!(call(&mut breaker, None, now).unwrap_err().to_string(), "Circuit x is open");
        for _ in 0..9 {
            call(&mut breaker, None, now.plus_seconds(60)).unwrap();
        }
        assert_eq!(breaker.circuit().phase(), Phase::HalfOpen);
    }
}
