//! What configures programs outside and is not there yet: no confined program may leave it behind.

use super::confine::exists;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use stayhand_analysis::path;
use stayhand_sandbox::Spec;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What is called so was put aside.
const ASIDE: &str = ".made-in-the-sandbox";

/// The mode of a folder that stands for one that is not there.
const STAND_IN: u32 = 0o555;

/// Folders are made in the place of those that are not there, empty and kept from change, for as long as a program runs;
/// what it makes all the same is put aside afterwards.
#[derive(Debug, Default)]
pub(super) struct Gate(Vec<Held>);

/// A place that is held free.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    /// The folder that stands for it. It is locked by every program that needs it: were it removed meanwhile, the kernel
    /// would end what keeps the others from change.
    stand_in: Option<File>,
}

impl Gate {
    pub(super) fn close(spec: &mut Spec, workspace: &Path) -> Self {
        let writable = spec.binds.iter().any(|bind| bind.writable && workspace.starts_with(&bind.path));
        if !writable || spec.overlay.is_some() {
            return Self::default();
        }
        let git = workspace.join(".git");
        let hooks = git.is_dir().then(|| git.join("hooks"));
        let names = path::configuring_names().map(|name| workspace.join(name)).chain(hooks);
        let held: Vec<Held> = names.filter_map(Held::at).collect();
        let kept = held.iter().filter(|held| held.stand_in.is_some());
        spec.keep.extend(kept.map(|held| held.path.clone()));
        // A stand-in of another program may have been there when the boundary was drawn.
        spec.keep.sort();
        spec.keep.dedup();
        Self(held)
    }

    /// What was put aside.
    pub(super) fn open(self) -> Vec<PathBuf> {
        self.0.into_iter().filter_map(Held::free).collect()
    }
}

impl Held {
    /// `None`: something is there that is no stand-in.
    fn at(path: PathBuf) -> Option<Self> {
        // Where another program ends, its stand-in may be removed between two looks.
        loop {
            if !is_folder_name(&path) {
                return (!exists(&path)).then_some(Self { path, stand_in: None });
            }
            let is_made = match rustix::fs::mkdir(&path, Mode::from_raw_mode(STAND_IN)) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                // Nothing can be made there; what the program makes all the same is put aside.
                Err(_) => return Some(Self { path, stand_in: None }),
            };
            // One may be of a program that runs, or be left of one that was killed.
            if !is_made && !is_stand_in(&path) {
                return None;
            }
            match locked(&path) {
                Ok(Some(stand_in)) => return Some(Self { path, stand_in: Some(stand_in) }),
                Ok(None) => {}
                Err(_) => return Some(Self { path, stand_in: None }),
            }
        }
    }

    /// The name of what was there and is put aside.
    fn free(self) -> Option<PathBuf> {
        let found = self.path.symlink_metadata().ok()?;
        if let Some(stand_in) = self.stand_in.filter(|_| looks_like_one(&found)) {
            // Whoever runs meanwhile has it locked, and removes it in turn.
            let is_needed = matches!(stand_in.try_lock(), Err(fs::TryLockError::WouldBlock));
            if is_needed || fs::remove_dir(&self.path).is_ok() {
                return None;
            }
        }
        let mut name = self.path.clone().into_os_string();
        name.push(ASIDE);
        fs::rename(&self.path, &name).ok().map(|()| PathBuf::from(name))
    }
}

fn is_stand_in(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| looks_like_one(&found))
        && fs::read_dir(path).is_ok_and(|mut found| found.next().is_none())
}

/// The mask of whoever makes it may take more away, for a moment.
fn looks_like_one(found: &fs::Metadata) -> bool {
    found.is_dir() && found.mode() & 0o222 == 0
}

fn is_folder_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = name.trim_start_matches('.');
    !rest.contains('.') && !matches!(rest, "envrc" | "clinerules" | "windsurfrules" | "cursorrules")
}

/// The folder at a path, locked. `None`: it was removed meanwhile.
fn locked(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(folder) => File::from(folder),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Where a file system knows no locks, programs that run at the same time do not know of each other.
    let _ = folder.lock_shared();
    let opened = folder.metadata()?;
    if opened.mode() & 0o777 != STAND_IN {
        folder.set_permissions(fs::Permissions::from_mode(STAND_IN))?;
    }
    let is_it = |found: fs::Metadata| (found.dev(), found.ino()) == (opened.dev(), opened.ino());
    Ok(path.symlink_metadata().is_ok_and(is_it).then_some(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stayhand_core::decision::Level;
    use stayhand_sandbox::Bind;

    fn over(work: &Path) -> Spec {
        let mut spec = Spec::empty(Level::L2);
        spec.binds.push(Bind { path: work.to_owned(), writable: true });
        spec
    }

    /// What is not there is held free, also after a run that was killed; what is made all the same is put aside.
    #[test]
    fn what_configures_programs_outside() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path();
        fs::create_dir(work.join(".cursor")).unwrap();
        let mut spec = over(work);
        let gate = Gate::close(&mut spec, work);
        assert!(is_stand_in(&work.join(".claude")) && spec.keep.contains(&work.join(".claude")));
        // Killed; and then once more, to its end.
        drop(gate);
        let gate = Gate::close(&mut spec, work);
        fs::remove_dir(work.join(".codex")).unwrap();
        fs::create_dir(work.join(".codex")).unwrap();
        fs::write(work.join(".mcp.json"), "{}").unwrap();
        let aside: Vec<_> = gate.open().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(aside, [".codex.made-in-the-sandbox", ".mcp.json.made-in-the-sandbox"]);
        let mut left: Vec<_> = fs::read_dir(work).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".codex.made-in-the-sandbox", ".cursor", ".mcp.json.made-in-the-sandbox"]);
        // What may not be changed needs nothing of that.
        spec.binds.pop();
        assert!(Gate::close(&mut spec, work).0.is_empty());
    }

    /// Whichever of two programs ends first, the other one's stand-ins stay; the last one takes them away.
    #[test]
    fn programs_that_run_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path();
        let close = || Gate::close(&mut over(work), work);
        let claude = work.join(".claude");
        let [one, two, three] = [close(), close(), close()];
        for gate in [two, one] {
            assert!(gate.open().is_empty());
            assert!(is_stand_in(&claude));
        }
        let made = fs::metadata(&claude).unwrap().ino();
        let four = close();
        assert!(three.open().is_empty());
        assert_eq!(fs::metadata(&claude).unwrap().ino(), made, "it was made anew");
        assert!(four.open().is_empty());
        assert_eq!(fs::read_dir(work).unwrap().count(), 0);
    }

    /// Starts and ends that race: a gate that is closed has its stand-ins, and nothing is left in the end.
    #[test]
    fn gates_that_race() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path();
        let many = || {
            for _ in 0..200 {
                let mut spec = over(work);
                let gate = Gate::close(&mut spec, work);
                assert!(!spec.keep.is_empty() && gate.0.len() > spec.keep.len());
                let stand_ins = gate.0.iter().filter_map(|held| Some((&held.path, held.stand_in.as_ref()?)));
                for (path, stand_in) in stand_ins {
                    let held = stand_in.metadata().unwrap().ino();
                    assert!(fs::metadata(path).is_ok_and(|found| found.ino() == held), "{path:?}");
                }
                assert!(gate.open().is_empty());
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(many))));
        assert_eq!(fs::read_dir(work).unwrap().count(), 0);
    }
}
