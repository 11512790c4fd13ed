//! What a sandbox costs: `cargo bench -p stayhand-sandbox --bench start`. Prints a table in Markdown. The variants take turns, and
//! each figure is a median. `bwrap` is Debian's bubblewrap with the same namespaces and mounts; without it its row is left out.
//! `unshare` is the floor: the same namespaces, and nothing in them.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark measures time and may fail loudly"
)]

use stayhand_core::decision::Level;
use stayhand_sandbox::{Bind, Control, ControlGroup, LAUNCHER, Overlay, Report, Spec};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 100;

/// How many programs a script starts, to see what watching one costs.
const STARTS: u32 = 300;

/// How often each script runs.
const SCRIPTS: usize = 15;

const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"];

/// A way to start a program, which says how long it took.
type Start = Box<dyn Fn() -> Duration>;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().canonicalize().unwrap();
    let mut variants: Vec<(&str, Start)> =
        vec![("`/bin/true` alone", Box::new(bare)), ("`unshare`, the namespaces alone", Box::new(unshare))];
    if Path::new("/usr/bin/bwrap").exists() {
        let work = work.clone();
        variants.push(("`bwrap`", Box::new(move || bubblewrap(&work))));
    }
    for (name, level, watched) in
        [("L2", Level::L2, false), ("L3", Level::L3, false), ("L2, programs watched", Level::L2, true)]
    {
        let spec = Spec { watched, most: level, ..spec(&work, &["/bin/true"]) };
        variants.push((name, Box::new(move || confined(&spec))));
    }
    {
        let (work, aside) = (work.clone(), folder.path().canonicalize().unwrap());
        variants.push(("L2, with an overlay", Box::new(move || overlaid(&work, &aside))));
    }
    let mut times = vec![Vec::new(); variants.len()];
    for _ in 0..ROUNDS {
        for (variant, times) in variants.iter().zip(&mut times) {
            times.push(variant.1());
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median_ms).collect();
    let peer = variants.iter().position(|(name, _)| *name == "`bwrap`");
    println!("| start to end of `/bin/true` | median | beside `bwrap` |\n|---|---|---|");
    for ((name, _), ms) in variants.iter().zip(&medians) {
        let beside =
            peer.map_or(String::from("not installed"), |peer| format!("{:.2} ×", ms / medians[peer]));
        println!("| {name} | {ms:.2} ms | {beside} |");
    }

    let script = format!("for n in $(seq {STARTS}); do /bin/true; done");
    let specs = [false, true].map(|watched| Spec { watched, ..spec(&work, &["/bin/bash", "-c", &script]) });
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..SCRIPTS {
        for (spec, times) in specs.iter().zip(&mut times) {
            times.push(confined(spec));
        }
    }
    let [without, with] = times.map(median_ms);
    let each = (with - without) * 1000.0 / f64::from(STARTS);
    println!("| watching one start, answered at once | {each:.0} µs | – |");
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn timed(command: &mut Command) -> Duration {
    let from = Instant::now();
    assert!(command.stdin(Stdio::null()).status().unwrap().success());
    from.elapsed()
}

fn bare() -> Duration {
    timed(&mut Command::new("/bin/true"))
}

fn unshare() -> Duration {
    let namespaces =
        ["--user", "--map-current-user", "--mount", "--pid", "--fork", "--net", "--ipc", "--uts", "--cgroup"];
    timed(Command::new("unshare").args(namespaces).arg("/bin/true"))
}

fn bubblewrap(work: &Path) -> Duration {
    let mut command = Command::new("/usr/bin/bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]);
    command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/home/agent"]);
    for path in SYSTEM {
        command.args(["--ro-bind-try", path, path]);
    }
    command.arg("--bind").args([work, work]).arg("--chdir").arg(work).arg("/bin/true");
    // As the first process, and so without one more to wait for it.
    timed(&mut command)
}

fn spec(work: &Path, argv: &[&str]) -> Spec {
    let mut binds: Vec<Bind> =
        SYSTEM.iter().map(|path| Bind { path: path.into(), writable: false }).collect();
    binds.push(Bind { path: work.to_owned(), writable: true });
    Spec {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: work.to_owned(),
        binds,
        ..Spec::empty(Level::L2)
    }
}

/// With the folder laid over; making room for its changes counts, taking it away does not.
fn overlaid(work: &Path, aside: &Path) -> Duration {
    let changes = tempfile::tempdir_in(aside.parent().unwrap()).unwrap();
    let from = Instant::now();
    for name in ["upper", "work"] {
        std::fs::create_dir(changes.path().join(name)).unwrap();
    }
    let made = from.elapsed();
    let overlay =
        Overlay { path: work.to_owned(), changes: changes.path().canonicalize().unwrap(), copied: false };
    made + confined(&Spec { overlay: Some(overlay), ..spec(work, &["/bin/true"]) })
}

/// From the start of the launcher to its end, with the control group where there is one.
fn confined(spec: &Spec) -> Duration {
    let from = Instant::now();
    let mut spec = spec.clone();
    let group = (spec.most == Level::L3).then(|| ControlGroup::new(&spec.limits).unwrap());
    spec.entrances = group.as_ref().map(ControlGroup::entrances).unwrap_or_default();
    let (mut control, theirs) = Control::pair().unwrap();
    let mut launcher = Command::new(env!("CARGO_BIN_EXE_stayhand-sandbox"));
    let mut child = launcher.arg(LAUNCHER).stdin(theirs).spawn().unwrap();
    drop(launcher);
    control.tell(&spec).unwrap();
    if let Some(watch) = spec.watched.then(|| control.handed(&spec).unwrap().watch).flatten() {
        while let Ok(starting) = watch.next(Duration::from_secs(1)) {
            if let Some(starting) = starting {
                starting.allow();
            }
        }
    }
    child.wait().unwrap();
    drop(group);
    let took = from.elapsed();
    let reports = control.reports().unwrap();
    assert!(matches!(reports[..], [Report::InForce(_), Report::Ended(_)]), "{reports:?}");
    took
}
