//! Saved contexts: what an agent needs to go on after it has lost its thread (G-10).
//!
//! The content is a file in the state folder. The log holds its digest, so that a file that has changed is noticed.

use crate::digest::Digest;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The versions of one agent that can be restored.
pub const KEPT_VERSIONS: usize = 20;

/// The agents whose versions are remembered; the one that saved least recently is forgotten first.
const KEPT_AGENTS: usize = 10_000;

/// An agent's context was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextSaved {
    /// Whose.
    pub agent: String,
    /// 1, 2, 3, … for each agent.
    pub version: u64,
    /// The digest of the file's bytes.
    pub digest: Digest,
    /// How many bytes the file has.
    pub bytes: u64,
}

/// One version, and when it was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// When.
    pub at: Timestamp,
    /// What.
    pub saved: ContextSaved,
}

/// The versions that can be restored. Bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoints {
    by_agent: BTreeMap<String, VecDeque<Version>>,
}

impl Checkpoints {
    /// Takes in what was saved.
    pub(crate) fn saved(&mut self, saved: &ContextSaved, at: Timestamp) {
        let versions = self.by_agent.entry(saved.agent.clone()).or_default();
        versions.push_back(Version { at, saved: saved.clone() });
        if versions.len() > KEPT_VERSIONS {
            versions.pop_front();
        }
        if self.by_agent.len() > KEPT_AGENTS {
            let newest = |versions: &VecDeque<Version>| versions.back().map(|version| version.at);
            let oldest = self.by_agent.iter().min_by_key(|(_, versions)| newest(versions));
            let oldest = oldest.map(|(agent, _)| agent.clone()).unwrap_or_default();
            self.by_agent.remove(&oldest);
        }
    }

    /// The versions of an agent, newest first.
    pub fn of(&self, agent: &str) -> impl Iterator<Item = &Version> {
        self.by_agent.get(agent).into_iter().flatten().rev()
    }

    /// The agents that have saved something.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.by_agent.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(agent: String, version: u64) -> ContextSaved {
        ContextSaved { agent, version, digest: Digest::of(b"x"), bytes: 1 }
    }

    /// G-10, bypass 157: latest and history, both bounded.
    #[test]
    fn g_10_versions_are_kept_newest_first_and_bounded() {
        let mut checkpoints = Checkpoints::default();
        for version in 1..=30 {
            checkpoints.saved(&saved("a".to_owned(), version), Timestamp(version));
        }
        let versions: Vec<u64> = checkpoints.of("a").map(|version| version.saved.version).collect();
        assert_eq!((versions.len(), versions[0], versions[19]), (KEPT_VERSIONS, 30, 11));
        assert_eq!(checkpoints.of("b").count(), 0);
        for number in 0..KEPT_AGENTS as u64 {
            checkpoints.saved(&saved(format!("agent {number}"), 1), Timestamp(100 + number));
        }
        assert_eq!((checkpoints.agents().count(), checkpoints.of("a").count()), (KEPT_AGENTS, 0));
    }
}
