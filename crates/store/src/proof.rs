//! A proof that one record is in a log, complete in itself: `stayhand audit prove`.

use crate::merkle::{leaf_hash, verify_inclusion};
use crate::note::{Checkpoint, NoteError, PublicKey, decode_hash};
use serde::{Deserialize, Serialize};

/// More hashes than any path in a tree of 2^64 leaves has.
const MAX_PATH: usize = 64;

/// The proof, as it is written in JSON. Hashes are standard base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Which log.
    pub origin: String,
    /// The record's place.
    pub seq: u64,
    /// The record, byte for byte.
    pub body: String,
    /// SHA-256(0x00 ‖ body).
    pub leaf: String,
    /// The number of records of the log that the checkpoint vouches for.
    pub size: u64,
    /// The root of their tree.
    pub root: String,
    /// The hashes beside the way from the leaf to the root.
    pub path: Vec<String>,
    /// The signed note that vouches for size and root.
    pub checkpoint: String,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The checkpoint is not signed by the key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Two parts of the proof contradict each other.
    #[error("the proof's {0} does not fit the rest of it")]
    Contradiction(&'static str),
    /// The path does not lead to the signed root.
    #[error("the path does not lead from the record to the signed root")]
    NotIncluded,
}

impl Proof {
    /// Checks the proof with the log's public key, and gives the signed checkpoint it leads to.
    pub fn verify(&self, key: &PublicKey) -> Result<Checkpoint, ProofError> {
        let checkpoint = key.open(&self.checkpoint)?;
        let differs = ProofError::Contradiction;
        if checkpoint.origin != self.origin || checkpoint.origin != key.name() {
            return Err(differs("origin"));
        }
        if checkpoint.size != self.size {
            return Err(differs("size"));
        }
        if decode_hash(&self.root) != Some(checkpoint.root) {
            return Err(differs("root"));
        }
        let leaf = leaf_hash(self.body.as_bytes());
        if decode_hash(&self.leaf) != Some(leaf) {
            return Err(differs("leaf"));
        }
        if !self.body_names_seq() {
            return Err(differs("seq"));
        }
        let path =
            self.path.iter().take(MAX_PATH + 1).map(|hash| decode_hash(hash)).collect::<Option<Vec<_>>>();
        let path = path.ok_or(differs("path"))?;
        if verify_inclusion(&leaf, self.seq, self.size, &path, &checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(ProofError::NotIncluded)
        }
    }

    fn body_names_seq(&self) -> bool {
        #[derive(Deserialize)]
        struct Place {
            seq: u64,
        }
        serde_json::from_str::<Place>(&self.body).is_ok_and(|place| place.seq == self.seq)
    }
}
