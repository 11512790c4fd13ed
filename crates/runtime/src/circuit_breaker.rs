//! A circuit breaker around any function of this process.

use crate::clock::Clock;
use stayhand_core::control::breaker::called::{CircuitBreaker as Called, CircuitOpen, CircuitState};
use stayhand_core::control::breaker::circuit::Ticket;
use stayhand_core::control::breaker::config::CircuitConfig;
use std::sync::{Mutex, PoisonError};

/// A breaker that any number of threads and tasks share.
///
/// What is called through it is reported by itself: a panic, or a task that is dropped before it ends, is a failure.
#[derive(Debug)]
pub struct CircuitBreaker {
    called: Mutex<Called>,
    clock: Clock,
}

/// Why a protected call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError<E> {
    /// The breaker is open: nothing was called.
    #[error(transparent)]
    Open(#[from] CircuitOpen),
    /// The function's own error.
    #[error("{0}")]
    Failed(E),
}

/// Leave to call once. Dropped without a word, it is a failure.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as a failure"]
pub struct CallPermit<'a> {
    breaker: &'a CircuitBreaker,
    ticket: Ticket,
    started: crate::clock::Stopwatch,
    reported: bool,
}

impl CircuitBreaker {
    /// R0's breaker (A020).
    pub fn new(name: &str, config: CircuitConfig) -> Self {
        Self::around(Called::new(name, config))
    }

    /// R3's breaker (A030).
    pub fn agent_circuit(name: &str, failure_threshold: u32, timeout_s: u64) -> Self {
        Self::around(Called::agent_circuit(name, failure_threshold, timeout_s))
    }

    /// R3's breaker for language models (A037).
    pub fn llm_api() -> Self {
        Self::around(Called::llm_api())
    }

    fn around(called: Called) -> Self {
        Self { called: Mutex::new(called), clock: Clock::default() }
    }

    /// Calls a function, and reports how it ended (A027).
    pub fn call<T, E>(&self, function: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.call_if(function, |_| true)
    }

    /// The same; an error counts only if `counts` says so (A034).
    pub fn call_if<T, E>(
        &self,
        function: impl FnOnce() -> Result<T, E>,
        counts: impl FnOnce(&E) -> bool,
    ) -> Result<T, CallError<E>> {
        let permit = self.permit()?;
        Self::report(permit, function(), counts)
    }

    /// Awaits a task, and reports how it ended.
    pub async fn call_async<T, E>(
        &self,
        task: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let permit = self.permit()?;
        Self::report(permit, task.await, |_| true)
    }

    fn report<T, E>(
        permit: CallPermit<'_>,
        result: Result<T, E>,
        counts: impl FnOnce(&E) -> bool,
    ) -> Result<T, CallError<E>> {
        match &result {
            Ok(_) => permit.done(Some(true)),
            Err(error) => permit.done(counts(error).then_some(false)),
        }
        result.map_err(CallError::Failed)
    }

    /// Asks to call something.
    pub fn permit(&self) -> Result<CallPermit<'_>, CircuitOpen> {
        let ticket = self.lock().admit(self.clock.now())?;
        Ok(CallPermit { breaker: self, ticket, started: self.clock.start(), reported: false })
    }

    /// Closed, nothing counted (A035).
    pub fn reset(&self) {
        self.lock().reset(self.clock.now());
    }

    /// How it stands (A036).
    pub fn state(&self) -> CircuitState {
        self.lock().state()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Called> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallPermit<'_> {
    /// Reports how the call ended; `None` = it says nothing about what was called.
    pub fn done(mut self, success: Option<bool>) {
        self.tell(success);
    }

    fn tell(&mut self, success: Option<bool>) {
        self.reported = true;
        let took_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.breaker.lock().report(self.ticket, success, took_us, self.breaker.clock.now());
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        if !self.reported {
            self.tell(Some(false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stayhand_core::control::breaker::circuit::Phase;

    fn breaker() -> CircuitBreaker {
        CircuitBreaker::new("x", CircuitConfig { failure_threshold: 2, ..CircuitConfig::default() })
    }

    /// A027: the value and the error come through; an open circuit calls nothing.
    #[test]
    fn a027_values_and_errors_come_through() {
        let breaker = breaker();
        assert_eq!(breaker.call(|| Ok::<_, ()>(7)).unwrap(), 7);
        for _ in 0..2 {
            let error = breaker.call(|| Err::<(), _>("down")).unwrap_err();
            assert_eq!(error.to_string(), "down");
        }
        let mut called = false;
        let error = breaker
            .call(|| {
                called = true;
                Ok::<_, &str>(())
            })
            .unwrap_err();
        assert_eq!((error.to_string().as_str(), called), ("Circuit x is open", false));
    }

    /// A027, D014: a panic and a task that is dropped are failures; so no slot is lost.
    #[test]
    fn d014_panics_and_cancelled_tasks_count() {
        let breaker = breaker();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            breaker.call(|| -> Result<(), ()> { panic!("no") })
        }));
        assert!(panicked.is_err());
        let mut task = Box::pin(breaker.call_async(std::future::pending::<Result<(), ()>>()));
        let waker = std::task::Waker::noop();
        assert!(task.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        drop(task);
        assert_eq!((breaker.state().state, breaker.state().failure_count), (Phase::Open, 2));
    }

    /// A034: an error that is not of the expected kind passes through uncounted.
    #[test]
    fn a034_only_expected_errors_count() {
        let breaker = breaker();
        for _ in 0..5 {
            assert!(breaker.call_if(|| Err::<(), _>("key"), |error| *error == "value").is_err());
        }
        assert_eq!(breaker.state().failure_count, 0);
        assert!(breaker.call_if(|| Err::<(), _>("value"), |error| *error == "value").is_err());
        assert_eq!(breaker.state().failure_count, 1);
    }
}
