//! A podman of these tests' own: its socket, its storage, its images.

use stayhand_oci::Engine;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Python, bash and a few tools of this machine.
pub(crate) const IMAGE: &str = "localhost/stayhand-test:1";
/// The same, with a volume.
pub(crate) const WITH_VOLUME: &str = "localhost/stayhand-volume:1";
/// The same, with something that it starts first.
pub(crate) const WITH_ENTRY: &str = "localhost/stayhand-entry:1";
/// An image without any program.
pub(crate) const BARE: &str = "localhost/stayhand-bare:1";

/// Podman is unhappy with a mount of both kinds of control groups; here it sees one of them. When these tests end, it is told
/// to end, and takes its folder with it.
const SERVICE: &str = r#"trap 'kill $!; wait; umount -R "$1/storage/overlay"; rm -rf "$1"; exit' TERM
umount /sys/fs/cgroup/unified 2>/dev/null
export XDG_RUNTIME_DIR="$1/run"; mkdir -p "$1/run"
P="podman --root $1/storage --runroot $1/runroot --cgroup-manager cgroupfs --events-backend none"
$P import -q "$1/image.tar" localhost/stayhand-test:1 &&
$P import -q --change VOLUME=/data "$1/image.tar" localhost/stayhand-volume:1 &&
$P import -q --change 'ENTRYPOINT ["/usr/bin/bash", "-c", "echo entered"]' "$1/image.tar" localhost/stayhand-entry:1 &&
$P import -q "$1/bare.tar" localhost/stayhand-bare:1 &&
$P run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=512:512 localhost/stayhand-test:1 true &&
{ $P system service -t 0 "unix://$1/engine.sock" & wait; }"#;

/// A root folder with what the tests need, copied from this machine with its libraries.
const ROOT: &str = r#"set -e
mkdir -p "$1/root/tmp" "$1/root/workspace" "$1/root/proc" "$1/root/dev" "$1/root/sys" "$1/root/data" "$1/bare/workspace"
add() { [ -e "$1/root$2" ] || { mkdir -p "$1/root$(dirname "$2")"; cp -L "$2" "$1/root$2"; }; }
for name in bash grep head tr sleep setsid true; do
  add "$1" "/usr/bin/$name"
  for lib in $(ldd "/usr/bin/$name" | grep -o '/[^ ):]*'); do add "$1" "$lib"; done
done
add "$1" /usr/bin/python3
for lib in $(ldd /usr/bin/python3 | grep -o '/[^ ):]*'); do add "$1" "$lib"; done
cd /
tar -cf - --exclude=__pycache__ --exclude=test --exclude=site-packages --exclude=dist-packages usr/lib/python3.[0-9]* | tar -xf - -C "$1/root"
for lib in $(ldd /usr/lib/python3.*/lib-dynload/_ctypes*.so | grep -o '/[^ ):]*'); do add "$1" "$lib"; done
tar -cf "$1/image.tar" -C "$1/root" .
tar -cf "$1/bare.tar" -C "$1/bare" ."#;

pub(crate) struct Podman {
    folder: PathBuf,
}

impl Podman {
    /// The podman of these tests, started by the first one, for one of them at a time. `None`: they cannot be run here, which
    /// was said.
    pub(crate) fn get() -> Option<MutexGuard<'static, Self>> {
        static PODMAN: OnceLock<Result<Mutex<Podman>, String>> = OnceLock::new();
        match PODMAN.get_or_init(|| Self::start().map(Mutex::new)) {
            Ok(podman) => Some(podman.lock().unwrap_or_else(PoisonError::into_inner)),
            Err(why) => {
                assert!(std::env::var_os("STAYHAND_PODMAN").is_none(), "podman must run here: {why}");
                eprintln!("not run: no container engine: {why}");
                None
            }
        }
    }

    fn start() -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("stayhand-podman-").tempdir();
        let folder = folder.map_err(|error| error.to_string())?;
        let podman = Self::start_in(folder.path().to_owned())?;
        // The service takes it along.
        let _ = folder.keep();
        Ok(podman)
    }

    fn start_in(folder: PathBuf) -> Result<Self, String> {
        if !rustix::process::getuid().is_root() {
            return Err("podman without root is not what is tested".to_owned());
        }
        if Command::new("podman").arg("--version").output().is_err() {
            return Err("podman is not installed".to_owned());
        }
        let made =
            Command::new("sh").args(["-c", ROOT, "sh"]).arg(&folder).output().map_err(|e| e.to_string())?;
        if !made.status.success() {
            return Err(format!("no image: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let log = fs::File::create(folder.join("log")).map_err(|e| e.to_string())?;
        let mut service = Command::new("setpriv");
        // What its helpers leave lying in the folder they work in goes with it.
        service.current_dir(&folder);
        service.args(["--pdeathsig", "TERM", "unshare", "-m", "sh", "-c", SERVICE, "sh"]).arg(&folder);
        service.stdin(Stdio::null()).stdout(log.try_clone().map_err(|e| e.to_string())?).stderr(log);
        // It hears of the end of the thread that starts it: one that goes on for as long as these tests.
        let service = std::thread::spawn(move || service.status());
        let until = Instant::now() + Duration::from_secs(120);
        while Engine::at(&folder.join("engine.sock")).is_err() {
            if service.is_finished() || Instant::now() > until {
                return Err(fs::read_to_string(folder.join("log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Self { folder })
    }

    /// Asks the engine by its own client. The lines of the answer.
    fn ask(&self, words: &[&str]) -> Vec<String> {
        let url = format!("unix://{}", self.folder.join("engine.sock").display());
        let said = Command::new("podman").args(["--url", &url]).args(words).output().unwrap();
        assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect()
    }

    pub(crate) fn containers(&self) -> Vec<String> {
        self.ask(&["ps", "-a", "-q", "--no-trunc"])
    }

    /// Makes a container that belongs to a process which is gone.
    pub(crate) fn leave_one_behind(&self) -> String {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let processes = fs::read_link("/proc/self/ns/pid").unwrap();
        let label = format!("stayhand.owner={}/{} 4194304 1", boot.trim(), processes.display());
        self.ask(&["create", "--network", "none", "--label", &label, IMAGE, "sleep", "60"]).remove(0)
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::at(&self.folder.join("engine.sock")).unwrap()
    }
}

/// Whether a process with these words is there, inside of containers as well.
pub(crate) fn is_running(words: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).replace('\0', " ").trim_end() == words)
}
