//! Saved contexts of agents: files in the state folder whose digests are in the log (G-10).

use crate::engine::{Engine, EngineError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stayhand_analysis::secret;
use stayhand_core::control::failure::checkpoint::{ContextSaved, Version};
use stayhand_core::digest::Digest;
use stayhand_core::event::Event;
use stayhand_core::time::Timestamp;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The largest context, in bytes.
pub const MAX_CONTEXT_BYTES: usize = 1 << 20;

/// A context as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose.
    pub agent_id: String,
    /// When it was saved.
    pub timestamp: Timestamp,
    /// What the agent wanted kept.
    pub context: Value,
    /// 1, 2, 3, … for each agent.
    pub version: u64,
}

/// Why a context could not be saved or restored.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine has no state folder.
    #[error("an engine without a state folder keeps no contexts")]
    NoFolder,
    /// Contexts are stored as they are, and keys have no place there.
    #[error("the context holds a secret ({0}); contexts are stored as they are")]
    Secret(String),
    /// It is too large.
    #[error("the context has {0} bytes; {MAX_CONTEXT_BYTES} is the most")]
    TooLarge(usize),
    /// The file could not be read or written.
    #[error("cannot use {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// Nothing was saved under this name and version.
    #[error("no such context was saved")]
    Unknown,
    /// The file is not what was saved.
    #[error("version {version} is corrupt: {why}")]
    Corrupt {
        /// Which version.
        version: u64,
        /// What is wrong with it.
        why: String,
        /// The newest earlier version that is sound.
        previous: Option<u64>,
    },
}

impl Engine {
    /// Saves a context as the agent's newest version.
    pub fn save_context(&self, agent: &str, context: Value) -> Result<Checkpoint, ContextError> {
        let folder = self.contexts_of(agent)?;
        if let Some(found) = secret::find(&context.to_string()).first() {
            return Err(ContextError::Secret(found.kind.to_owned()));
        }
        let mut saved = None;
        self.record_if(|state, now| {
            let version = state.checkpoints().of(agent).next().map_or(1, |newest| newest.saved.version + 1);
            let checkpoint = Checkpoint { agent_id: agent.to_owned(), timestamp: now, context, version };
            let bytes = serde_json::to_vec(&checkpoint).unwrap_or_default();
            if bytes.len() > MAX_CONTEXT_BYTES {
                return Err(ContextError::TooLarge(bytes.len()));
            }
            let path = folder.join(file_name(version));
            write(&path, &bytes).map_err(|error| ContextError::File(path, error))?;
            saved = Some(checkpoint);
            let digest = Digest::of(&bytes);
            Ok(Event::ContextSaved(ContextSaved {
                agent: agent.to_owned(),
                version,
                digest,
                bytes: bytes.len() as u64,
            }))
        })??;
        saved.ok_or(ContextError::Unknown)
    }

    /// Restores a version, or the newest one. A file that is not what was saved is an error that names the newest
    /// earlier version which is sound.
    pub fn restore_context(&self, agent: &str, version: Option<u64>) -> Result<Checkpoint, ContextError> {
        let folder = self.contexts_of(agent)?;
        let versions = self.context_versions(agent)?;
        let wanted = |known: &&Version| version.is_none_or(|version| known.saved.version == version);
        let found = versions.iter().find(wanted).ok_or(ContextError::Unknown)?;
        read(&folder, &found.saved).map_err(|why| {
            let earlier = versions.iter().filter(|known| known.saved.version < found.saved.version);
            let sound = earlier.map(|known| &known.saved).find(|saved| read(&folder, saved).is_ok());
            let previous = sound.map(|saved| saved.version);
            ContextError::Corrupt { version: found.saved.version, why, previous }
        })
    }

    /// The versions of an agent that can be restored, newest first, each with what is wrong with it, if anything.
    pub fn verify_contexts(&self, agent: &str) -> Result<Vec<(Version, Option<String>)>, ContextError> {
        let folder = self.contexts_of(agent)?;
        let versions = self.context_versions(agent)?.into_iter();
        Ok(versions
            .map(|version| {
                let wrong = read(&folder, &version.saved).err();
                (version, wrong)
            })
            .collect())
    }

    fn context_versions(&self, agent: &str) -> Result<Vec<Version>, EngineError> {
        self.refreshed(|state, _| state.checkpoints().of(agent).cloned().collect())
    }

    /// The folder of an agent's contexts. Names of agents may hold anything; the folder is named by their digest.
    fn contexts_of(&self, agent: &str) -> Result<PathBuf, ContextError> {
        let home = self.home().ok_or(ContextError::NoFolder)?;
        Ok(home.join("contexts").join(Digest::of(agent.as_bytes()).to_string()))
    }
}

fn file_name(version: u64) -> String {
    format!("{version}.json")
}

/// Reads a version and compares it with what was saved.
fn read(folder: &Path, saved: &ContextSaved) -> Result<Checkpoint, String> {
    let bytes = std::fs::read(folder.join(file_name(saved.version))).map_err(|error| error.to_string())?;
    if Digest::of(&bytes) != saved.digest {
        return Err("the file is not what was saved".to_owned());
    }
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// Writes a file whole or not at all, for its owner alone.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    std::fs::File::open(folder)?.sync_all()
}
