//! What has been seen before: a sketch of fixed size that forgets what has long not come again.

use crate::bits::spread;
use serde::{Deserialize, Serialize};

/// Bits of one generation.
const BITS: u64 = 512;

/// Two Bloom filters: when the newer one is half full it becomes the older one, and the older one is forgotten. About a
/// hundred things are remembered; of things never seen, up to one in four is taken for a known one. Source: B. H. Bloom,
/// "Space/time trade-offs in hash coding with allowable errors" (1970).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    newer: [u64; 8],
    older: [u64; 8],
}

impl Seen {
    /// Whether the thing has been seen.
    pub(super) fn contains(&self, thing: u64) -> bool {
        has(&self.newer, thing) || has(&self.older, thing)
    }

    /// Remembers the thing.
    pub(super) fn insert(&mut self, thing: u64) {
        for (word, bit) in places(thing) {
            if let Some(word) = self.newer.get_mut(word) {
                *word |= bit;
            }
        }
        let set: u32 = self.newer.iter().map(|word| word.count_ones()).sum();
        if u64::from(set) > BITS / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
    }
}

fn has(bits: &[u64; 8], thing: u64) -> bool {
    places(thing).all(|(word, bit)| bits.get(word).is_some_and(|word| word & bit != 0))
}

/// Three places of a thing: word and bit.
fn places(thing: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..3).map(move |part| {
        let place = (thing >> (part * 16)) % BITS;
        ((place / 64) as usize, 1 << (place % 64))
    })
}

/// A number for a kind of thing and its name: FNV-1a, the same on every machine, with its bits spread at the end.
pub(super) fn number(kind: u8, name: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = name.bytes().fold(fold(0xcbf2_9ce4_8422_2325, kind), fold);
    spread(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was seen lately is known; what was not is mostly new, however much has been seen.
    #[test]
    fn what_is_new_is_mostly_seen_as_new() {
        let mut seen = Seen::default();
        let thing = |n: u32| number(b'h', &format!("host-{n}.example"));
        for n in 0..10_000 {
            seen.insert(thing(n));
            let lately = (n.saturating_sub(50)..=n).all(|n| seen.contains(thing(n)));
            assert!(lately, "{n}");
        }
        // Each of two filters that are half full takes one in eight for known.
        let wrong = (20_000..30_000).filter(|n| seen.contains(thing(*n))).count();
        assert!(wrong < 2_344, "{wrong} of 10000");
    }
}
