//! The Merkle tree of RFC 6962 (the same tree as RFC 9162, section 2.1), over SHA-256.
//!
//! Nothing here holds a whole tree: a [`Frontier`] is the right edge, at most 64 hashes, and proofs are
//! lists of leaf ranges whose roots somebody else computes ([`inclusion_ranges`], [`consistency_ranges`]).

use sha2::{Digest as _, Sha256};
use std::ops::Range;

/// A node of the tree: 32 bytes of SHA-256.
pub type Hash = [u8; 32];

/// The hash of a leaf: SHA-256(0x00 ‖ body).
pub fn leaf_hash(body: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(body);
    hasher.finalize().into()
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    let (_, children) = bytes.split_at_mut(1);
    let (left_half, right_half) = children.split_at_mut(32);
    left_half.copy_from_slice(left);
    right_half.copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The right edge of a tree: the roots of its complete subtrees, largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at the right.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each trailing one bit of the size is a complete subtree that the new leaf's subtree closes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.roots.push(node);
        self.size += 1;
    }

    /// The root of the tree; SHA-256 of nothing for a tree without leaves.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(smallest) = roots.next() else { return Sha256::digest(b"").into() };
        roots.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// The stored form: the size (8 bytes, big-endian), then the roots, largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.roots.iter().flatten());
        bytes
    }

    /// Reads the stored form; nothing if the length does not fit the size.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (roots, remainder) = rest.as_chunks::<32>();
        let fits = remainder.is_empty() && roots.len() == size.count_ones() as usize;
        fits.then(|| Self { size, roots: roots.to_vec() })
    }
}

impl Extend<Hash> for Frontier {
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        leaves.into_iter().for_each(|leaf| self.append(leaf));
    }
}

/// The leaf ranges whose roots prove that leaf `index` is in a tree of `size` leaves, from the leaf
/// upwards (RFC 6962, section 2.1.1). Nothing if there is no such leaf.
pub fn inclusion_ranges(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(middle..high);
            high = middle;
        } else {
            path.push(low..middle);
            low = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The leaf ranges whose roots prove that a tree of `old` leaves is the beginning of one of `new` leaves
/// (RFC 6962, section 2.1.2). Nothing if `old` is the larger one. Empty if either is trivial.
pub fn consistency_ranges(old: u64, new: u64) -> Option<Vec<Range<u64>>> {
    if old > new {
        return None;
    }
    let mut path = Vec::new();
    if old == 0 {
        return Some(path);
    }
    let (mut low, mut high) = (0, new);
    // While the old tree is a left part of the range it still is a subtree known to the verifier.
    while high != old {
        let middle = low + split(high - low);
        if old <= middle {
            path.push(middle..high);
            high = middle;
        } else {
            path.push(low..middle);
            low = middle;
        }
    }
    if low > 0 {
        path.push(low..high);
    }
    path.reverse();
    Some(path)
}

/// The largest power of two below `n`, for `n` of at least two.
const fn split(n: u64) -> u64 {
    1 << (u64::BITS - 1 - (n - 1).leading_zeros())
}

/// Whether `path` shows that `leaf` is leaf `index` of the tree of `size` leaves with this root
/// (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let mut climb = Climb { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in path {
        match climb.step() {
            None => return false,
            Some(Side::Left) => hash = node_hash(sibling, &hash),
            Some(Side::Right) => hash = node_hash(&hash, sibling),
        }
    }
    climb.last == 0 && hash == *root
}

/// Whether `path` shows that the tree of `old` leaves with `old_root` is the beginning of the tree of `new`
/// leaves with `new_root` (RFC 9162, section 2.1.4.2).
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> bool {
    if old == 0 {
        return path.is_empty() && *old_root == Frontier::default().root();
    }
    if old >= new {
        return old == new && path.is_empty() && old_root == new_root;
    }
    // A complete old tree is a node of the new one: its root is left out of the path.
    let (start, path) = if old.is_power_of_two() {
        (old_root, path)
    } else {
        match path.split_first() {
            Some(split) => split,
            None => return false,
        }
    };
    let shift = (old - 1).trailing_ones();
    let mut climb = Climb { node: (old - 1) >> shift, last: (new - 1) >> shift };
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sibling in path {
        match climb.step() {
            None => return false,
            Some(Side::Left) => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Some(Side::Right) => new_hash = node_hash(&new_hash, sibling),
        }
    }
    climb.last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// On which side of the node the next hash of a path lies.
enum Side {
    Left,
    Right,
}

/// The way from a node up to the root: its index on its level, and the index of the level's last node.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Goes up to the next level that has a sibling; nothing at the root.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 {
            Side::Left
        } else if self.node == self.last {
            // The last node without a right sibling stands for its parents until one has a left sibling.
            let levels = self.node.trailing_zeros().min(u64::BITS - 1);
            self.node >>= levels;
            self.last >>= levels;
            Side::Left
        } else {
            Side::Right
        };
        self.node >>= 1;
        self.last >>= 1;
        Some(side)
    }
}
