//! Counts and sums over sliding windows.
//!
//! Each meter keeps cumulative sums, so that a window is the difference of two entries, found by binary search;
//! reading changes nothing. Entries older than the longest window are dropped. What is merged to bound memory
//! counts at the *later* of the merged moments: it stays in a window longer than it should, never shorter.

use super::ledger::Spend;
use super::money::Money;
use super::named::Named;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The longest window, in microseconds: 31 days.
pub const LONGEST_WINDOW_US: u64 = 31 * 24 * 3600 * 1_000_000;

/// Entries that one meter keeps exactly; beyond, old ones are merged.
const KEPT_ENTRIES: usize = 4096;
/// Entries younger than this are merged last, in microseconds.
const EXACT_US: u64 = 3_600_000_000;

/// What is counted of one action, or summed over many. Saturating.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Permitted actions.
    pub actions: u64,
    /// Actions asked for, permitted or not.
    pub attempts: u64,
    /// Permitted actions that contact another machine.
    pub api_calls: u64,
    /// Declared value in nano-dollars.
    pub value_nanousd: u64,
    /// Tokens.
    pub tokens: u64,
    /// Cost in nano-dollars.
    pub cost_nanousd: u64,
}

impl Amounts {
    /// Money and tokens alone.
    pub(crate) fn of(spend: Spend) -> Self {
        Self { tokens: spend.tokens, cost_nanousd: spend.money.0, ..Self::default() }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            actions: self.actions.saturating_add(other.actions),
            attempts: self.attempts.saturating_add(other.attempts),
            api_calls: self.api_calls.saturating_add(other.api_calls),
            value_nanousd: self.value_nanousd.saturating_add(other.value_nanousd),
            tokens: self.tokens.saturating_add(other.tokens),
            cost_nanousd: self.cost_nanousd.saturating_add(other.cost_nanousd),
        }
    }

    const fn minus(self, other: Self) -> Self {
        Self {
            actions: self.actions.saturating_sub(other.actions),
            attempts: self.attempts.saturating_sub(other.attempts),
            api_calls: self.api_calls.saturating_sub(other.api_calls),
            value_nanousd: self.value_nanousd.saturating_sub(other.value_nanousd),
            tokens: self.tokens.saturating_sub(other.tokens),
            cost_nanousd: self.cost_nanousd.saturating_sub(other.cost_nanousd),
        }
    }
}

/// A moment, and everything up to and including it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    at: Timestamp,
    total: Amounts,
}

/// One meter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    #[serde(with = "packed")]
    entries: VecDeque<Entry>,
    /// Everything up to the first entry, without it, and the moment of the last of it.
    before: Amounts,
    before_at: Option<Timestamp>,
    /// Actions that run.
    pub(crate) running: u64,
    /// When something was first counted.
    pub(crate) since: Option<Timestamp>,
}

impl Meter {
    /// Adds amounts at a moment, which is not before the newest one.
    pub fn add(&mut self, at: Timestamp, amounts: Amounts) {
        self.since = self.since.or(Some(at));
        self.forget(at);
        let total = self.total().plus(amounts);
        if self.entries.capacity() == 0 {
            // Of most names there is one entry only.
            self.entries.reserve_exact(1);
        }
        match self.entries.back_mut() {
            Some(last) if last.at >= at => last.total = total,
            _ => self.entries.push_back(Entry { at, total }),
        }
        if self.entries.len() > KEPT_ENTRIES {
            self.merge(at);
        }
    }

    /// Takes back what was added at `at`: an action that was permitted and never ran.
    pub fn give_back(&mut self, at: Timestamp, amounts: Amounts) {
        if self.before_at.is_some_and(|forgotten| at <= forgotten) {
            return;
        }
        let first = self.entries.partition_point(|entry| entry.at < at);
        for entry in self.entries.iter_mut().skip(first) {
            entry.total = entry.total.minus(amounts);
        }
    }

    /// The sum over the window that ends at `now`. An amount leaves when its age reaches the window (L-02).
    pub fn sum(&self, window_us: u64, now: Timestamp) -> Amounts {
        let gone = self.old(window_us, now).checked_sub(1).and_then(|last| self.entries.get(last));
        self.total().minus(gone.map_or(self.before, |entry| entry.total))
    }

    /// How many entries are too old for a window. Often all that are kept are young enough.
    fn old(&self, window_us: u64, now: Timestamp) -> usize {
        let is_old = |entry: &Entry| now.since(entry.at) >= window_us;
        if self.entries.front().is_some_and(is_old) { self.entries.partition_point(is_old) } else { 0 }
    }

    /// Money and tokens over the window that ends at `now`.
    pub(crate) fn spent(&self, window_us: u64, now: Timestamp) -> Spend {
        let Amounts { tokens, cost_nanousd, .. } = self.sum(window_us, now);
        Spend { money: Money(cost_nanousd), tokens }
    }

    /// Microseconds until the first amount leaves the window; zero where there is none.
    pub fn until_less(&self, window_us: u64, now: Timestamp) -> u64 {
        self.entries
            .get(self.old(window_us, now))
            .map_or(0, |entry| window_us.saturating_sub(now.since(entry.at)))
    }

    /// Whether anything in it can still count.
    pub(super) fn matters(&self, now: Timestamp) -> bool {
        self.running > 0 || self.entries.back().is_some_and(|last| now.since(last.at) < LONGEST_WINDOW_US)
    }

    fn total(&self) -> Amounts {
        self.entries.back().map_or(self.before, |entry| entry.total)
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some(first) = self.entries.front()
            && now.since(first.at) >= LONGEST_WINDOW_US
        {
            (self.before, self.before_at) = (first.total, Some(first.at));
            self.entries.pop_front();
        }
    }

    /// Merges old entries of the same minute, and if that is not enough, pairs of the older half.
    fn merge(&mut self, now: Timestamp) {
        const MINUTE_US: u64 = 60_000_000;
        let mut merged: VecDeque<Entry> = VecDeque::with_capacity(self.entries.len());
        for entry in self.entries.drain(..) {
            match merged.back_mut() {
                Some(last)
                    if now.since(entry.at) >= EXACT_US && last.at.0 / MINUTE_US == entry.at.0 / MINUTE_US =>
                {
                    *last = entry;
                }
                _ => merged.push_back(entry),
            }
        }
        if merged.len() > KEPT_ENTRIES * 3 / 4 {
            let half = merged.len() / 2;
            let numbered = merged.into_iter().enumerate();
            merged = numbered.filter(|(place, _)| *place >= half || place % 2 == 1).map(|(_, e)| e).collect();
        }
        self.entries = merged;
    }
}

/// Entries in a snapshot: one list of numbers, seven for each entry, each the difference to the entry before.
mod packed {
    use super::{Amounts, Entry};
    use crate::time::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};
    use std::collections::VecDeque;

    pub(super) fn serialize<S: Serializer>(
        entries: &VecDeque<Entry>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut before = [0; 7];
        serializer.collect_seq(entries.iter().flat_map(|entry| {
            let Amounts { actions, attempts, api_calls, value_nanousd, tokens, cost_nanousd } = entry.total;
            let now = [entry.at.0, actions, attempts, api_calls, value_nanousd, tokens, cost_nanousd];
            let mut steps = now;
            steps.iter_mut().zip(before).for_each(|(step, before)| *step = step.wrapping_sub(before));
            before = now;
            steps
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<VecDeque<Entry>, D::Error> {
        let steps = Vec::<u64>::deserialize(deserializer)?;
        let (whole, rest) = steps.as_chunks::<7>();
        if !rest.is_empty() {
            return Err(de::Error::custom("a meter has a part of an entry"));
        }
        let mut now = [0_u64; 7];
        let entries = whole.iter().map(|steps| {
            now.iter_mut().zip(steps).for_each(|(now, step)| *now = now.wrapping_add(*step));
            let [at, actions, attempts, api_calls, value_nanousd, tokens, cost_nanousd] = now;
            let total = Amounts { actions, attempts, api_calls, value_nanousd, tokens, cost_nanousd };
            Entry { at: Timestamp(at), total }
        });
        Ok(entries.collect())
    }
}

/// The tools of one agent or session that are told apart.
const MOST_TOOLS: usize = 10_000;

/// The meters of one agent or session: its own, and one for each tool it uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ByTool {
    pub(crate) own: Meter,
    /// How long its actions have run, with what is reserved for those that do, in microseconds.
    pub(crate) ran_us: u64,
    pub(crate) tools: Named<Meter, MOST_TOOLS>,
}

impl ByTool {
    /// Forgets tools that cannot count any more.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.tools.sweep(now, |meter| meter.matters(now));
    }

    /// Whether anything in it can still count.
    pub(super) fn matters(&self, now: Timestamp) -> bool {
        self.own.matters(now) || self.tools.len() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_US: u64 = 3_600_000_000;

    fn one(value: u64) -> Amounts {
        Amounts { actions: 1, value_nanousd: value, ..Amounts::default() }
    }

    /// L-02, A058: an action of 3599 s counts, one of 3600 s does not.
    #[test]
    fn l_02_the_window_slides() {
        let mut meter = Meter::default();
        meter.add(Timestamp(0), one(5));
        assert_eq!(meter.sum(HOUR_US, Timestamp(HOUR_US - 1)).value_nanousd, 5);
        assert_eq!(meter.until_less(HOUR_US, Timestamp(HOUR_US - 1)), 1);
        assert_eq!(meter.sum(HOUR_US, Timestamp(HOUR_US)), Amounts::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        /// The sum is that of a plain list; what is given back was never there.
        #[test]
        fn sums_are_those_of_a_list(steps in prop::collection::vec((0..HOUR_US / 4, 0..1000_u64, any::<bool>()), 1..60)) {
            let (mut meter, mut list, mut now) = (Meter::default(), Vec::new(), 0);
            for (pause, value, back) in steps {
                now += pause + 1;
                meter.add(Timestamp(now), one(value));
                if back {
                    meter.give_back(Timestamp(now), one(value));
                } else {
                    list.push((now, value));
                }
                for later in [0, HOUR_US / 2, HOUR_US] {
                    let at = now + later;
                    let expected: u64 = list.iter().filter(|(t, _)| at - t < HOUR_US).map(|(_, v)| v).sum();
                    prop_assert_eq!(meter.sum(HOUR_US, Timestamp(at)).value_nanousd, expected);
                }
            }
        }
    }

    /// Merging bounds the memory and never lets anything leave early.
    #[test]
    fn merging_never_widens() {
        let mut meter = Meter::default();
        let count = 3 * KEPT_ENTRIES as u64;
        for number in 0..count {
            meter.add(Timestamp(number * 2_000_000), one(1));
        }
        assert!(meter.entries.len() <= KEPT_ENTRIES);
        let now = Timestamp(count * 2_000_000);
        for window in [60_000_000, HOUR_US, 24 * HOUR_US] {
            let exact = (window / 2_000_000 - 1).min(count);
            assert!(meter.sum(window, now).actions >= exact, "{window}");
        }
        assert_eq!(meter.sum(60_000_000, now).actions, 29);
    }
}
