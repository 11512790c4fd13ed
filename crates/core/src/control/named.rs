//! What is remembered of everybody by name: agents, sessions, people, tools, tasks. Bounded.

use crate::time::Timestamp;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

/// Anything by a name; a name that is known is not copied to be looked up.
pub(crate) type ByName<T> = HashMap<String, T, FxBuildHasher>;

/// Names of one kind that are told apart at a time, unless a table says otherwise. An action that brings one more is
/// refused until an old one no longer matters: to forget one sooner could allow more.
pub const MOST_NAMES: usize = 1_000_000;

/// Something for each of at most `MOST` names. What no longer matters is forgotten now and then. Names for which there
/// is no room are counted together, as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named<T, const MOST: usize = MOST_NAMES> {
    by_name: ByName<T>,
    others: Option<Box<T>>,
    sweeps: Sweeps,
}

impl<T, const MOST: usize> Default for Named<T, MOST> {
    fn default() -> Self {
        Self { by_name: ByName::default(), others: None, sweeps: Sweeps::default() }
    }
}

/// When what no longer matters was last looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sweeps {
    last: Timestamp,
}

/// How often what no longer matters is looked for, in microseconds: once a day.
const SWEEP_US: u64 = 24 * 3600 * 1_000_000;

/// The same while there is no room: once a minute.
const FULL_SWEEP_US: u64 = 60 * 1_000_000;

impl Sweeps {
    /// Whether it is time to look, which then counts as done.
    pub(crate) fn are_due(&mut self, now: Timestamp, is_full: bool) -> bool {
        let due = now.since(self.last) >= if is_full { FULL_SWEEP_US } else { SWEEP_US };
        if due {
            self.last = now;
        }
        due
    }
}

impl<T: Default, const MOST: usize> Named<T, MOST> {
    pub(crate) fn find(&self, name: &str) -> Option<&T> {
        self.by_name.get(name).or(self.others.as_deref())
    }

    /// Whether the name is known, or can be.
    pub(crate) fn has_room_for(&self, name: &str) -> bool {
        self.by_name.len() < MOST || self.by_name.contains_key(name)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.by_name.iter().map(|(name, item)| (&**name, item))
    }

    pub(crate) fn at(&mut self, name: &str) -> &mut T {
        if self.has_room_for(name) {
            self.by_name.entry_ref(name).or_default()
        } else {
            self.others.get_or_insert_default()
        }
    }

    /// Forgets what `matters` is false of, if it is time to look.
    pub(crate) fn sweep(&mut self, now: Timestamp, mut matters: impl FnMut(&mut T) -> bool) {
        if self.sweeps.are_due(now, self.by_name.len() >= MOST) {
            self.by_name.retain(|_, item| matters(item));
            self.others.take_if(|item| !matters(item));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Timestamp = Timestamp(SWEEP_US);

    /// Names beyond the last that there is room for are one, and count together until they no longer matter.
    #[test]
    fn there_is_room_for_so_many() {
        let mut named = Named::<u32, 2>::default();
        for name in ["a", "b", "a", "c", "d"] {
            *named.at(name) += 1;
        }
        assert_eq!(
            ["a", "b", "c", "d", "e"].map(|name| named.find(name).copied()),
            [2, 1, 2, 2, 2].map(Some)
        );
        assert_eq!(["a", "b", "c"].map(|name| named.has_room_for(name)), [true, true, false]);
        assert_eq!(named.len(), 2);

        // Once a minute, while it is full.
        named.sweep(DAY, |count| *count > 1);
        assert_eq!(["a", "b", "c"].map(|name| named.find(name).copied()), [Some(2), Some(2), Some(2)]);
        assert!(named.has_room_for("c"));
        *named.at("c") += 1;
        named.sweep(Timestamp(DAY.0 + FULL_SWEEP_US - 1), |_| false);
        assert_eq!(named.len(), 2);
        named.sweep(Timestamp(DAY.0 + FULL_SWEEP_US), |_| false);
        assert_eq!(["a", "c", "d"].map(|name| named.find(name)), [None; 3]);
    }

    /// Once a day, while there is room.
    #[test]
    fn what_no_longer_matters_is_forgotten() {
        let mut named = Named::<u32>::default();
        *named.at("a") += 1;
        named.sweep(Timestamp(DAY.0 - 1), |_| false);
        assert_eq!(named.find("a"), Some(&1));
        named.sweep(DAY, |_| true);
        named.sweep(Timestamp(2 * DAY.0 - 1), |_| false);
        assert_eq!(named.find("a"), Some(&1));
        named.sweep(Timestamp(2 * DAY.0), |_| false);
        assert_eq!(named.find("a"), None);
    }
}
