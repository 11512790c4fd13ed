//! A word of bits that says what an operation has, and one that says what a rule needs, so that
//! most rules are ruled out by one comparison.

use super::condition::Condition;
use crate::facts::{Access, Operation, Place, SqlClass, Trait, Traits};

/// What an operation has, or what a condition that tightens needs at least one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape(u64);

// From the lowest bit: effects, accesses, places that are looked at, places that are changed,
// kinds of SQL, and three single bits.
const ACCESSES: u32 = 20;
const PLACES: u32 = ACCESSES + 5;
const CHANGED_PLACES: u32 = PLACES + 11;
const SQL: u32 = CHANGED_PLACES + 11;
const HOST: u64 = 1 << (SQL + 9);
const SECRET: u64 = 1 << (SQL + 10);
const SOMETHING: u64 = 1 << (SQL + 11);

impl Shape {
    /// What every operation has.
    pub(crate) const ANY: Self = Self(SOMETHING);

    /// What the operation has. One that hides something may have anything.
    pub(crate) fn of(op: &Operation) -> Self {
        if !op.opaque.is_empty() || op.does.contains(Trait::Indefinite) {
            return Self(u64::MAX);
        }
        let mut bits = SOMETHING | effects(op.does);
        for used in &op.paths {
            bits |= access(used.access);
            if let Some(place) = used.place {
                bits |= bit(if changes(used.access) { CHANGED_PLACES } else { PLACES }, place as u32);
            }
        }
        for statement in &op.statements {
            bits |= sql(statement.class);
        }
        if !op.hosts.is_empty() {
            bits |= HOST;
        }
        if !op.secrets.is_empty() {
            bits |= SECRET;
        }
        Self(bits)
    }

    /// What an operation must have one of for a condition that tightens to hold, or to be unknown.
    pub(crate) fn needed(when: &Condition) -> Self {
        if when.opaque == Some(true) {
            return Self(0);
        }
        if !when.does.is_empty() {
            return Self(effects(when.does));
        }
        if !when.sql.is_empty() {
            return Self(when.sql.iter().fold(0, |bits, class| bits | sql(*class)));
        }
        if when.sql_verb.is_some() || when.tables.is_some() {
            return Self(SqlClass::ALL.into_iter().fold(0, |bits, class| bits | sql(class)));
        }
        if when.secrets.is_some() {
            return Self(SECRET);
        }
        if when.hosts.is_some() || when.methods.is_some() || !when.ports.is_empty() {
            return Self(HOST);
        }
        match when.paths.first() {
            Some((accesses, set)) => Self(match set.places() {
                Some(places) => places.fold(0, |bits, place| bits | places_of(accesses, place)),
                None => {
                    Access::ALL.into_iter().filter(asked(accesses)).fold(0, |bits, item| bits | access(item))
                }
            }),
            None => Self::ANY,
        }
    }

    /// Whether the operation has something of what is needed.
    pub(crate) const fn meets(self, needed: Self) -> bool {
        // An operation that hides something meets every need, also the need to hide something.
        self.0 & needed.0 != 0 || self.0 == u64::MAX
    }
}

const fn bit(base: u32, number: u32) -> u64 {
    1 << (base + number)
}

fn asked(accesses: &[Access]) -> impl Fn(&Access) -> bool + '_ {
    |item| accesses.is_empty() || accesses.contains(item)
}

const fn effects(traits: Traits) -> u64 {
    traits.bits() as u64
}

const fn access(access: Access) -> u64 {
    bit(ACCESSES, access as u32)
}

const fn changes(access: Access) -> bool {
    matches!(access, Access::Write | Access::Delete)
}

fn places_of(accesses: &[Access], place: Place) -> u64 {
    let (looked, changed) = (bit(PLACES, place as u32), bit(CHANGED_PLACES, place as u32));
    Access::ALL
        .into_iter()
        .filter(asked(accesses))
        .fold(0, |bits, item| bits | if changes(item) { changed } else { looked })
}

const fn sql(class: SqlClass) -> u64 {
    bit(SQL, class as u32)
}
