//! What configures programs outside and is not there yet: no confined program may leave it behind.

use super::confine::exists;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use stayhand_analysis::path;
use stayhand_sandbox::Spec;
use std::fmt;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

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

    /// What became of what was made all the same.
    pub(super) fn open(self) -> Vec<PutAside> {
        self.0.into_iter().filter_map(Held::free).collect()
    }
}

/// What was made where nothing may be made.
#[derive(Debug)]
pub(super) enum PutAside {
    /// It is called so now.
    As(PathBuf),
    /// It could not be renamed, and is still there.
    Not(PathBuf, io::Error),
}

impl fmt::Display for PutAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::As(path) => write!(f, "put aside: {}", path.display()),
            Self::Not(path, error) => write!(
                f,
                "LEFT BEHIND, and read by programs outside of the sandbox: {} ({error}); remove it",
                path.display()
            ),
        }
    }
}

impl Held {
    /// `None`: something is there that is no stand-in.
    fn at(path: PathBuf) -> Option<Self> {
        if !is_folder_name(&path) {
            return (!exists(&path)).then_some(Self { path, stand_in: None });
        }
        for _ in 0..MOST_LOOKS {
            match stand_in(&path) {
                Ok(Found::StandIn(stand_in)) => return Some(Self { path, stand_in: Some(stand_in) }),
                Ok(Found::SomethingElse) => return None,
                // Another program that ends has removed its own, or one that begins is about to make it.
                Ok(Found::Changing) => sleep(LOOK),
                // Nothing can be made there; what the program makes all the same is put aside.
                Err(_) => return Some(Self { path, stand_in: None }),
            }
        }
        // An empty folder that cannot be written, and is no stand-in.
        (!exists(&path)).then_some(Self { path, stand_in: None })
    }

    fn free(self) -> Option<PutAside> {
        let found = self.path.symlink_metadata().ok()?;
        if let Some(stand_in) = self.stand_in.filter(|_| is_stand_in(&found)) {
            // Whoever runs meanwhile has it locked, and removes it in turn.
            let is_needed = matches!(stand_in.try_lock(), Err(fs::TryLockError::WouldBlock));
            if is_needed || fs::remove_dir(&self.path).is_ok() {
                return None;
            }
        }
        Some(match put_aside(&self.path) {
            Ok(name) => PutAside::As(name),
            Err(error) => PutAside::Not(self.path, error),
        })
    }
}

/// Renames something to what nothing is called yet. The program may have taken the usual name, but cannot know the others.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let mut result = Err(io::ErrorKind::AlreadyExists.into());
    for attempt in 0..4 {
        let mut name = path.to_owned().into_os_string();
        name.push(ASIDE);
        if attempt > 0 {
            name.push(format!("-{:016x}", RandomState::new().hash_one(attempt)));
        }
        match rustix::fs::renameat_with(CWD, path, CWD, &name, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(name.into()),
            // Not every file system knows how.
            Err(Errno::INVAL) if !exists(Path::new(&name)) => {
                return fs::rename(path, &name).map(|()| name.into());
            }
            Err(error) => result = Err(error.into()),
        }
    }
    result
}

/// What is found in a place.
enum Found {
    StandIn(File),
    SomethingElse,
    /// Not what it will be in a moment.
    Changing,
}

/// How often it is looked whether what changes has done so, and how long it is waited between.
const MOST_LOOKS: u32 = 200;
const LOOK: Duration = Duration::from_millis(1);

/// Makes a stand-in, or takes what is there for one. One may be of a program that runs, or be left of one that was killed.
fn stand_in(path: &Path) -> io::Result<Found> {
    let is_made = match rustix::fs::mkdir(path, Mode::from_raw_mode(STAND_IN)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error.into()),
    };
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(folder) => File::from(folder),
        Err(Errno::NOENT) => return Ok(Found::Changing),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Found::SomethingElse),
        Err(error) if is_made => return Err(error.into()),
        Err(_) => return Ok(Found::SomethingElse),
    };
    let opened = folder.metadata()?;
    if is_made && !is_stand_in(&opened) {
        // The mask of this process has taken something away.
        folder.set_permissions(fs::Permissions::from_mode(STAND_IN))?;
    } else if !is_made && !is_stand_in(&opened) {
        let may_become_one = opened.mode() & 0o222 == 0;
        return Ok(if may_become_one { Found::Changing } else { Found::SomethingElse });
    }
    // Whoever removes it has locked it alone, for a moment. Where a file system knows no locks, or somebody holds one for
    // long, programs that run at the same time do not know of each other.
    for _ in 0..MOST_LOOKS {
        match folder.try_lock_shared() {
            Err(fs::TryLockError::WouldBlock) => sleep(LOOK),
            _ => break,
        }
    }
    let is_it = |found: fs::Metadata| (found.dev(), found.ino()) == (opened.dev(), opened.ino());
    if !path.symlink_metadata().is_ok_and(is_it) {
        return Ok(Found::Changing);
    }
    let is_empty = fs::read_dir(path)?.next().is_none();
    Ok(if is_empty { Found::StandIn(folder) } else { Found::SomethingElse })
}

fn is_stand_in(found: &fs::Metadata) -> bool {
    found.is_dir() && found.mode() & 0o7777 == STAND_IN
}

fn is_folder_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = name.trim_start_matches('.');
    !rest.contains('.') && !matches!(rest, "envrc" | "clinerules" | "windsurfrules" | "cursorrules")
}

#[cfg(test)]
mod tests {
    use super::*;
    use stayhand_core::decision::Level;
    use stayhand_sandbox::Bind;

    /// What something is called that was put aside.
    fn name(aside: &PutAside) -> String {
        let PutAside::As(path) = aside else { panic!("{aside}") };
        path.file_name().unwrap().to_str().unwrap().to_owned()
    }

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
        let claude = work.join(".claude");
        assert!(is_stand_in(&fs::metadata(&claude).unwrap()) && spec.keep.contains(&claude));
        // Killed; and then once more, to its end.
        drop(gate);
        let gate = Gate::close(&mut spec, work);
        fs::remove_dir(work.join(".codex")).unwrap();
        fs::create_dir(work.join(".codex")).unwrap();
        fs::write(work.join(".mcp.json"), "{}").unwrap();
        let aside: Vec<_> = gate.open().iter().map(name).collect();
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
            assert!(is_stand_in(&fs::metadata(&claude).unwrap()));
        }
        let made = fs::metadata(&claude).unwrap().ino();
        let four = close();
        assert!(three.open().is_empty());
        assert_eq!(fs::metadata(&claude).unwrap().ino(), made, "it was made anew");
        assert!(four.open().is_empty());
        assert_eq!(fs::read_dir(work).unwrap().count(), 0);
    }

    /// A name that the program has taken does not keep what it made from being put aside.
    #[test]
    fn names_that_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path();
        let gate = Gate::close(&mut over(work), work);
        fs::create_dir(work.join(".mcp.json.made-in-the-sandbox")).unwrap();
        fs::write(work.join(".mcp.json"), "{}").unwrap();
        let aside: Vec<_> = gate.open().iter().map(name).collect();
        assert!(aside.len() == 1 && aside[0].starts_with(".mcp.json.made-in-the-sandbox-"), "{aside:?}");
        assert!(!exists(&work.join(".mcp.json")));
    }

    /// A folder of the user's own is none of ours, however empty it is.
    #[test]
    fn empty_folders_of_the_user() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path();
        let own = work.join(".codex");
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o500)).unwrap();
        let gate = Gate::close(&mut over(work), work);
        assert!(gate.open().is_empty());
        assert_eq!(fs::metadata(&own).unwrap().mode() & 0o7777, 0o500);
    }

    /// Starts and ends that race: a gate that is closed has its stand-ins, and nothing is left in the end.
    #[test]
    fn gates_that_race() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path();
        let places = Gate::close(&mut over(work), work);
        let (all, folders) = (places.0.len(), places.0.iter().filter(|held| held.stand_in.is_some()).count());
        assert!(all > folders && folders > 10, "{places:?}");
        places.open();
        let many = || {
            for _ in 0..200 {
                let mut spec = over(work);
                let gate = Gate::close(&mut spec, work);
                assert_eq!((gate.0.len(), spec.keep.len()), (all, folders));
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
