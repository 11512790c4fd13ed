//! The one clock. Everything else takes the time as an argument.

use stayhand_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Where the time comes from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's clocks: UTC for records, the monotonic one for durations.
    #[default]
    System,
    /// A clock that only moves when it is told to, in microseconds. For tests and the simulator.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The time of day.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Timestamp(u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX))
            }
            Self::Manual(time) => Timestamp(time.load(Ordering::SeqCst)),
        }
    }

    /// Starts measuring a duration.
    pub fn start(&self) -> Stopwatch {
        Stopwatch { clock: self.clone(), from: self.now(), instant: monotonic() }
    }
}

/// Measures a duration that steps of the wall clock do not touch.
#[derive(Debug)]
pub struct Stopwatch {
    clock: Clock,
    from: Timestamp,
    instant: Instant,
}

impl Stopwatch {
    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        match self.clock {
            Clock::System => monotonic().duration_since(self.instant),
            Clock::Manual(_) => Duration::from_micros(self.clock.now().since(self.from)),
        }
    }
}

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
