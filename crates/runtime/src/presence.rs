//! Which engines are alive, so that one engine does not take another's running actions for lost.
//!
//! Each engine holds a lock on a file named after it in `engines/`. The system releases the lock
//! when the process ends, however it ends.

use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// This engine's presence. Dropping it, or dying, ends it.
#[derive(Debug)]
pub(crate) struct Presence {
    path: PathBuf,
    _lock: File,
}

impl Presence {
    pub(crate) fn announce(home: &Path, engine: u64) -> io::Result<Self> {
        let folder = home.join("engines");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{engine:016x}"));
        let file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        Ok(Self { path, _lock: file })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // A file that stays behind is harmless: its lock is gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether the engine is alive. A file that cannot be read counts as alive: its actions are left
/// alone. Files of dead engines are removed.
pub(crate) fn is_alive(home: &Path, engine: u64) -> bool {
    let path = home.join("engines").join(format!("{engine:016x}"));
    let file = match rustix::fs::open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT) => return false,
        Err(_) => return true,
    };
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return true;
    }
    let _ = std::fs::remove_file(&path);
    false
}
