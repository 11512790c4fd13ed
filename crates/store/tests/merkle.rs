//! The tree and the notes against independent implementations.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::prelude::*;
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};
use stayhand_core::event::{Event, InDoubt};
use stayhand_core::time::Timestamp;
use stayhand_store::merkle::{
    Frontier, Hash, consistency_ranges, inclusion_ranges, leaf_hash, verify_consistency, verify_inclusion,
};
use stayhand_store::{Log, Query};
use std::ops::Range;

const LARGEST: u64 = 200;

fn body(index: u64) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

/// Appends a record and waits for it.
fn append(log: &Log, number: u64) {
    let event = Event::InDoubt(InDoubt { decision: number });
    log.turn().unwrap().append(Timestamp(number), &event).unwrap().wait().unwrap();
}

fn tree(range: Range<u64>) -> Frontier {
    let mut tree = Frontier::default();
    tree.extend(range.map(|index| leaf_hash(&body(index))));
    tree
}

fn foreign_tree(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|index| tree.push(body(index)));
    tree
}

fn roots(ranges: Vec<Range<u64>>) -> Vec<Hash> {
    ranges.into_iter().map(|range| tree(range).root()).collect()
}

#[test]
fn known_roots() {
    // RFC 6962: the empty tree is the hash of nothing; the others are the test leaves of the reference
    // implementation of Certificate Transparency.
    let hex = |hash: Hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let leaves: [&[u8]; 3] = [b"", &[0x00], &[0x10]];
    let mut tree = Frontier::default();
    let mut found = vec![hex(tree.root())];
    for leaf in leaves {
        tree.append(leaf_hash(leaf));
        found.push(hex(tree.root()));
    }
    assert_eq!(
        found,
        [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ]
    );
}

#[test]
fn roots_and_inclusion_proofs_agree_with_ct_merkle() {
    for size in 1..=LARGEST {
        let (own, foreign) = (tree(0..size).root(), foreign_tree(size));
        let foreign_root = foreign.root();
        assert_eq!(own.as_slice(), foreign_root.as_bytes().as_slice(), "root of {size}");
        for index in 0..size {
            let path = roots(inclusion_ranges(index, size).unwrap());
            let proof = foreign.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(path.concat(), proof.as_bytes(), "leaf {index} of {size}");
            assert!(verify_inclusion(&leaf_hash(&body(index)), index, size, &path, &own));
            let ours = InclusionProof::<Sha256>::try_from_bytes(path.concat()).unwrap();
            foreign_root.verify_inclusion(&body(index), index, &ours).unwrap();
        }
        assert_eq!(inclusion_ranges(size, size), None);
    }
}

#[test]
fn consistency_proofs_agree_with_ct_merkle() {
    let trees: Vec<Hash> = (0..=LARGEST).map(|size| tree(0..size).root()).collect();
    for new in 1..=LARGEST {
        let foreign = foreign_tree(new);
        for old in 1..new {
            let path = roots(consistency_ranges(old, new).unwrap());
            let proof = foreign.prove_consistency(usize::try_from(new - old).unwrap());
            assert_eq!(path.concat(), proof.as_bytes(), "{old} to {new}");
            let (old_root, new_root) = (trees[old as usize], trees[new as usize]);
            assert!(verify_consistency(old, &old_root, new, &new_root, &path), "{old} to {new}");
            assert!(!verify_consistency(old, &new_root, new, &new_root, &path));
            assert!(!verify_consistency(old, &old_root, new, &old_root, &path));
            let ours = ConsistencyProof::<Sha256>::try_from_bytes(path.concat()).unwrap();
            let old_root = RootHash::<Sha256>::new(old_root.into(), old);
            foreign.root().verify_consistency(&old_root, &ours).unwrap();
        }
        assert_eq!(consistency_ranges(new, new - 1), None);
    }
}

#[test]
fn trivial_consistency() {
    let (empty, one, two) = (tree(0..0).root(), tree(0..1).root(), tree(0..2).root());
    let rows = [
        (0, empty, 0, empty, true),
        (0, empty, 2, two, true),
        (0, one, 2, two, false),
        (2, two, 2, two, true),
        (2, two, 2, one, false),
        (2, two, 1, one, false),
    ];
    for (old, old_root, new, new_root, expected) in rows {
        assert_eq!(verify_consistency(old, &old_root, new, &new_root, &[]), expected, "{old} to {new}");
    }
    assert!(!verify_consistency(0, &empty, 2, &two, &[one]));
}

#[test]
fn frontiers_round_trip() {
    for size in 0..=LARGEST {
        let whole = tree(0..size);
        assert_eq!(Frontier::from_bytes(&whole.to_bytes()).as_ref(), Some(&whole));
        let mut bytes = whole.to_bytes();
        bytes.push(0);
        assert_eq!(Frontier::from_bytes(&bytes), None);
    }
    assert_eq!(Frontier::from_bytes(&[0; 7]), None);
    assert_eq!(Frontier::from_bytes(&[0xff; 8]), None);
}

proptest! {
    #[test]
    fn changed_inclusion_proofs_fail(size in 1..LARGEST, index in 0..LARGEST, place in 0..8_usize, bit in 0..256_usize) {
        let index = index % size;
        let mut path = roots(inclusion_ranges(index, size).unwrap());
        let (leaf, root) = (leaf_hash(&body(index)), tree(0..size).root());
        prop_assert!(!verify_inclusion(&leaf, size, size, &path, &root));
        prop_assert!(!verify_inclusion(&leaf, u64::MAX, u64::MAX, &path, &root));
        let length = path.len();
        path.push(leaf);
        prop_assert!(!verify_inclusion(&leaf, index, size, &path, &root));
        path.pop();
        if length > 0 {
            prop_assert!(!verify_inclusion(&leaf, index, size, &path[1..], &root));
            path[place % length][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!verify_inclusion(&leaf, index, size, &path, &root));
        }
    }

    #[test]
    fn changed_consistency_proofs_fail(new in 2..LARGEST, old in 1..LARGEST, place in 0..8_usize, bit in 0..256_usize) {
        let old = 1 + old % (new - 1);
        let mut path = roots(consistency_ranges(old, new).unwrap());
        let (old_root, new_root) = (tree(0..old).root(), tree(0..new).root());
        prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &path[1..]));
        let length = path.len();
        path[place % length][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &path));
    }

    #[test]
    fn hostile_proofs_do_not_panic(old: u64, new: u64, path: Vec<[u8; 32]>, root: [u8; 32]) {
        let _ = verify_consistency(old, &root, new, &root, &path);
        let _ = verify_inclusion(&root, old, new, &path, &root);
        let _ = (inclusion_ranges(old, new), consistency_ranges(old, new));
    }
}

#[test]
fn bypass_170_foreign_implementations_accept_our_notes_and_proofs() {
    let log = Log::in_memory().unwrap();
    for size in 1..20 {
        append(&log, size);
        let note = log.checkpoint().unwrap();
        let reader = log.reader().unwrap();

        let verifier = StandardVerifier::new(&log.public_key().to_string()).unwrap();
        let (verified, unverified) = Note::from_bytes(note.as_bytes())
            .unwrap()
            .verify(&VerifierList::new(vec![Box::new(verifier)]))
            .unwrap();
        assert_eq!((verified.len(), unverified.len()), (1, 0));

        let checkpoint = log.public_key().open(&note).unwrap();
        assert_eq!(checkpoint.size, size);
        let root = RootHash::<Sha256>::new(checkpoint.root.into(), size);
        for stored in reader.records(&Query::default()).unwrap() {
            let stored = stored.unwrap();
            let path: Vec<Hash> = inclusion_ranges(stored.seq, size)
                .unwrap()
                .into_iter()
                .map(|range| reader.root_of(range).unwrap())
                .collect();
            let proof = InclusionProof::<Sha256>::try_from_bytes(path.concat()).unwrap();
            root.verify_inclusion(&stored.body, stored.seq, &proof).unwrap();
        }
        let path = reader.prove_consistency(size / 2, size).unwrap();
        let old_root = reader.root_of(0..size / 2).unwrap();
        assert!(verify_consistency(size / 2, &old_root, size, &checkpoint.root, &path));
    }
}
