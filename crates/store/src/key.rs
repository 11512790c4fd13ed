//! The key files of a log: `key` (secret, Ed25519 seed) and `key.pub` (verifier text).

use crate::note::{PublicKey, Signer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const HEADER: &str = "stayhand signing key v1: Ed25519 seed, base64. Keep it secret.";
/// Longer key files are not ours.
const MAX_KEY_BYTES: u64 = 4096;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others may read or write it.
    #[error("the key {} may be read by others (mode {mode:03o}); it may be known to somebody: run `chmod 600` on it if you are sure it is not", path.display())]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not a key file.
    #[error("{} is not a stayhand key: {problem}; restore it from a copy", path.display())]
    Malformed {
        /// The key file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is a log and no key.
    #[error("the key {} is missing and the log needs it; restore it, or move the folder away to begin a new log", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("cannot use the key {}: {source}", path.display())]
    Io {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system has no randomness to make a key of.
    #[error("the system gives no random bytes for a new key: {0}")]
    Random(String),
}

/// A fresh seed.
pub(crate) fn random_seed() -> Result<[u8; 32], KeyError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(seed)
}

/// Reads the folder's key, or makes one if `may_create`; writes `key.pub` where it is missing.
pub(crate) fn load_or_create(dir: &Path, may_create: bool) -> Result<Signer, KeyError> {
    let path = dir.join("key");
    let seed = match read_seed(&path)? {
        Some(seed) => seed,
        None if may_create => create(&path)?,
        None => return Err(KeyError::Missing { path }),
    };
    let signer = Signer::new(&seed);
    publish(dir, signer.public())?;
    Ok(signer)
}

/// The folder's published key, if there is one.
pub(crate) fn read_public(dir: &Path) -> Result<Option<PublicKey>, KeyError> {
    let path = dir.join("key.pub");
    let Some((text, _)) = read_small(&path)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| KeyError::Malformed { path, problem: "it holds no public key" })
}

fn read_seed(path: &Path) -> Result<Option<[u8; 32]>, KeyError> {
    let malformed = |problem| KeyError::Malformed { path: path.to_owned(), problem };
    let Some((text, mode)) = read_small(path)? else { return Ok(None) };
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    let (header, seed) = text.split_once('\n').ok_or(malformed("it has no second line"))?;
    if header != HEADER {
        return Err(malformed("its first line is not the expected one"));
    }
    let seed = BASE64.decode(seed.trim_end()).map_err(|_| malformed("the seed is not base64"))?;
    seed.try_into().map(Some).map_err(|_| malformed("the seed is not 32 bytes"))
}

/// The text of a small file and its permission bits; nothing if there is no such file.
fn read_small(path: &Path) -> Result<Option<(String, u32)>, KeyError> {
    let io = |source| KeyError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
    let mut text = String::new();
    file.take(MAX_KEY_BYTES).read_to_string(&mut text).map_err(io)?;
    Ok(Some((text, mode)))
}

fn create(path: &Path) -> Result<[u8; 32], KeyError> {
    let seed = random_seed()?;
    let text = format!("{HEADER}\n{}\n", BASE64.encode(seed));
    write_new(path, &text, 0o600).map_err(|source| KeyError::Io { path: path.to_owned(), source })?;
    Ok(seed)
}

fn publish(dir: &Path, key: &PublicKey) -> Result<(), KeyError> {
    let path = dir.join("key.pub");
    // Most often it is there; making a file durable for nothing would take milliseconds.
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    match write_new(&path, &format!("{key}\n"), 0o644) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(KeyError::Io { path, source: error })
        }
        _ => Ok(()),
    }
}

/// Creates a file that did not exist, whole and durable or not at all: a crash leaves no half key.
fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Unlike a rename, a link never replaces a file that is there.
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    linked?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}
