//! Counts what is carried, and ends it where it is more than was granted.

use super::Shared;
use stayhand_core::decision::{Obligation, Resource};
use stayhand_core::event::Traffic;
use std::sync::atomic::{AtomicU64, Ordering};

/// The meter of one connection.
#[derive(Debug)]
pub(super) struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    /// The most that all connections of the run may carry, in bytes.
    limit: Option<u64>,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Out,
    In,
}

/// More than was granted: the limit, in mebibytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded(pub(super) u64);

impl Meter {
    pub(super) fn new(duties: &[Obligation]) -> Self {
        let limits = duties.iter().filter_map(|duty| match duty {
            Obligation::Limit { resource: Resource::NetworkMb, limit } => Some(limit.saturating_mul(1 << 20)),
            _ => None,
        });
        Self { sent: AtomicU64::new(0), received: AtomicU64::new(0), limit: limits.min() }
    }

    /// Takes `count` bytes, before they are carried.
    pub(super) fn take(&self, shared: &Shared, way: Way, count: usize) -> Result<(), Exceeded> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let carried = shared.carried.fetch_add(count, Ordering::Relaxed).saturating_add(count);
        if let Some(limit) = self.limit.filter(|limit| carried > *limit) {
            return Err(Exceeded(limit >> 20));
        }
        let counter = if way == Way::Out { &self.sent } else { &self.received };
        counter.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn traffic(&self) -> Traffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic { sent: read(&self.sent), received: read(&self.received) }
    }
}
