//! Asks systemd for a scope, below which control groups can be made: by `busctl`, its own client.

use super::process;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// There where systemd is what started the system.
const BOOTED: &str = "/run/systemd/system";

/// What a container has that shares the system's folders: a number of a process may be another's there.
const CONTAINED: [&str; 2] = ["/run/.containerenv", "/.dockerenv"];

/// Its client, stopped where it waits for ever.
const CLIENT: [&str; 4] = ["/usr/bin/timeout", "--signal=KILL", "3", "/usr/bin/busctl"];

/// How long the answer may take, in seconds.
const PATIENCE_S: u32 = 2;

/// Between two looks at whether this process has been moved.
const LOOK: Duration = Duration::from_millis(1);

/// Has this process moved to a scope of its own, once: by the user's manager, and root by the system's. What it has started
/// before stays where it is.
pub(super) fn enter() -> Result<(), String> {
    static ASKED: OnceLock<Result<(), String>> = OnceLock::new();
    ASKED.get_or_init(ask).clone()
}

fn ask() -> Result<(), String> {
    if !Path::new(BOOTED).exists() {
        return Err("this system was not started by systemd".to_owned());
    }
    if CONTAINED.iter().any(|path| Path::new(path).exists()) {
        return Err("systemd is not asked from within a container".to_owned());
    }
    let process = std::process::id().to_string();
    let name = format!("stayhand-{process}.scope");
    let user = rustix::process::getuid();
    let manager = if user.is_root() { "--system" } else { "--user" };
    let args = [
        &format!("--timeout={PATIENCE_S}"),
        manager,
        "--quiet",
        "call",
        "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        "StartTransientUnit",
        // Its name, what to do with others of this name, properties, and units beside it.
        "ssa(sv)a(sa(sv))",
        &name,
        "fail",
        "4",
        "Description",
        "s",
        "Programs that Stayhand runs",
        "PIDs",
        "au",
        "1",
        &process,
        "Delegate",
        "b",
        "true",
        "CollectMode",
        "s",
        "inactive-or-failed",
        "0",
    ];
    let [program, before @ ..] = CLIENT;
    let args: Vec<String> = before.into_iter().chain(args).map(str::to_owned).collect();
    let said = process::ask(program, &args).map_err(|error| format!("{program}: {error}"))?;
    if !said.status.success() {
        return Err(format!("systemd: {}", String::from_utf8_lossy(&said.stderr).trim()));
    }
    let is_in_it = || fs::read_to_string("/proc/self/cgroup").is_ok_and(|groups| groups.contains(&name));
    for _ in 0..PATIENCE_S * 1000 {
        if is_in_it() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    Err(format!("systemd has not moved this process to {name}"))
}
