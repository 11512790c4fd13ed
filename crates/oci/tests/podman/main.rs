//! R3's sandbox in containers of a real engine: podman, started for these tests alone. Where there is no podman, or it cannot
//! run a container, they say that they were not run; with `STAYHAND_PODMAN=must` that is a failure.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod engine;

use engine::{IMAGE, Podman, is_running};
use stayhand_core::decision::Level;
use stayhand_oci::agent_sandbox;
use stayhand_runtime::presets::{AgentSandbox, AgentSandboxConfig, SandboxResult};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn sandbox(podman: &Podman, change: impl FnOnce(&mut AgentSandboxConfig)) -> Result<AgentSandbox, String> {
    let mut config = AgentSandboxConfig { image: IMAGE.to_owned(), ..AgentSandboxConfig::default() };
    change(&mut config);
    agent_sandbox(&Arc::new(podman.engine()), &config)
}

fn python(sandbox: &AgentSandbox, code: &str) -> SandboxResult {
    sandbox.execute_code(code, "python", &BTreeMap::new())
}

/// A213, A214, S-01, S-07: the folder, the files beside the code, the result, the boundary; the same again from the pool.
#[test]
fn a214_code_with_files() {
    let Some(podman) = Podman::get() else { return };
    let files = BTreeMap::from([("data/in.txt".to_owned(), "7".to_owned())]);
    let code = "import os\nprint(os.getcwd(), open('data/in.txt').read(), os.getuid() != 0)\nopen('out.txt', 'w').write('x')";
    let sandbox = sandbox(&podman, |_| {}).unwrap();
    for _ in 0..2 {
        let result = sandbox.execute_code(code, "python", &files);
        assert!(result.success, "{result:?}");
        assert_eq!(
            (result.output.as_str(), result.exit_code, result.exit_reason),
            ("/workspace 7 True\n", 0, "exit")
        );
        assert!(result.execution_time > 0.0);
        // The folder of the run before is not there any more.
        assert_eq!(result.changed_files, [Path::new("out.txt")]);
        let boundary = result.boundary.unwrap();
        assert_eq!((boundary.level, boundary.mechanisms.len()), (Level::Oci, 10), "{boundary:?}");
    }
    let result = sandbox.execute_command("echo one; echo two >&2; exit 3");
    assert_eq!((result.output.as_str(), result.exit_code), ("one\n", 3));
    assert_eq!(result.error.as_deref(), Some("Container error: two"));
    drop(sandbox);
    assert_eq!(podman.containers(), [] as [&str; 0]);
}

/// A214, A215, A216: no network, a root that is read only, the code as it was given.
#[test]
fn a216_what_the_code_cannot_do() {
    let Some(podman) = Podman::get() else { return };
    let sandbox = sandbox(&podman, |_| {}).unwrap();
    for (code, why) in [
        ("open('/workspace/agent_code.py', 'w')", "Read-only file system"),
        ("import os; os.remove('/workspace/agent_code.py')", "busy"),
        ("open('/planted', 'w')", "Read-only file system"),
        ("open('/usr/bin/planted', 'w')", "Read-only file system"),
        ("open('/proc/sys/kernel/core_pattern', 'w')", "Read-only file system"),
        ("open('/tmp/big', 'wb').write(bytes(120 << 20))", "No space left"),
        ("import os; os.setuid(0)", "Operation not permitted"),
        ("import os; os.chown('/workspace', 0, 0)", "Operation not permitted"),
        (
            "import ctypes, os; c = ctypes.CDLL(None, use_errno=True); r = c.unshare(0x10000000); raise OSError(ctypes.get_errno(), 'unshare')",
            "unshare",
        ),
        ("import socket; socket.create_connection(('192.0.2.1', 80), 5)", "unreachable"),
        ("import socket; socket.create_connection(('169.254.169.254', 80), 5)", "unreachable"),
    ] {
        let result = python(&sandbox, code);
        assert!(!result.success && result.exit_code == 1, "{code}: {result:?}");
        let error = result.error.unwrap();
        assert!(error.starts_with("Container error: ") && error.contains(why), "{code}: {error}");
    }
    let devices = python(
        &sandbox,
        "import os; print(sorted(os.listdir('/sys/class/net')), os.path.exists('/dev/sda'))",
    );
    assert_eq!(devices.output, "['lo'] False\n", "{devices:?}");
    let writable = "import os\nfor folder, _, files in os.walk('/'):\n  if folder.split('/')[1] in ('proc', 'sys', 'dev'): continue\n  \
                    if os.access(folder, os.W_OK): print(folder)";
    assert_eq!(python(&sandbox, writable).output, "/workspace\n/tmp\n/var/tmp\n");
    // What the image would start first does not run.
    let sandbox = self::sandbox(&podman, |config| config.image = engine::WITH_ENTRY.to_owned()).unwrap();
    assert_eq!(sandbox.execute_command("echo ran").output, "ran\n");
}

/// A216: who takes more memory than there is is ended, and so is a tree of processes that does together.
#[test]
fn a216_memory() {
    let Some(podman) = Podman::get() else { return };
    let sandbox = sandbox(&podman, |config| config.memory_limit = "64m".to_owned()).unwrap();
    let hog = python(&sandbox, "x = [0] * 10**9");
    assert_eq!((hog.success, hog.exit_reason, hog.exit_code), (false, "memory", 137), "{hog:?}");
    assert!(hog.error.unwrap().contains("64 MiB of memory"));
    let tree = "import os\nfor _ in range(8):\n  if os.fork() == 0:\n    x = bytearray(20 << 20)\n    import time; time.sleep(5); os._exit(0)\nfor _ in range(8): os.wait()";
    let started = Instant::now();
    let tree = python(&sandbox, &format!("{tree}\nprint('all lived')"));
    assert_eq!(tree.exit_reason, "memory", "{tree:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(python(&sandbox, "x = bytearray(20 << 20)").success);
    let own = sandbox.execute_command("exit 137");
    assert_eq!((own.exit_reason, own.exit_code), ("exit", 137), "{own:?}");
}

/// A214a, D221: a time limit ends all, says so, and what was said before is there.
#[test]
fn a214a_time() {
    let Some(podman) = Podman::get() else { return };
    let sandbox = sandbox(&podman, |config| config.timeout_seconds = 1.5).unwrap();
    let late = sandbox.execute_command("echo begun; setsid sleep 4321 & trap '' TERM INT HUP; sleep 4321");
    assert_eq!((late.success, late.exit_reason, late.exit_code), (false, "timeout", -1), "{late:?}");
    assert_eq!(late.output, "begun\n");
    assert!(late.error.unwrap().contains("timeout after 1.5 seconds"));
    assert!(!is_running("sleep 4321"));
    // Whoever closes its output does not go on unseen.
    let quiet = sandbox.execute_command("exec >&- 2>&-; sleep 4321");
    assert_eq!(quiet.exit_reason, "timeout", "{quiet:?}");
    assert!(!is_running("sleep 4321"));
}

/// S-01, S-02: a bomb of processes stops at the limit, and output at its cap.
#[test]
fn s02_processes_and_output() {
    let Some(podman) = Podman::get() else { return };
    let sandbox = sandbox(&podman, |_| {}).unwrap();
    let bomb = "import os, time\nn = 0\ntry:\n  for _ in range(1000):\n    if os.fork() == 0: time.sleep(60); os._exit(0)\n    n += 1\nexcept OSError as e: print(n, e.strerror, flush=True)\nos._exit(0)";
    let bomb = python(&sandbox, bomb);
    let (count, why) = bomb.output.trim().split_once(' ').unwrap_or_else(|| panic!("{bomb:?}"));
    assert!(count.parse::<u32>().unwrap() <= 256 && why.contains("unavailable"), "{bomb:?}");
    let loud = sandbox.execute_command("head -c 30000000 /dev/zero | tr '\\0' a");
    assert!(loud.success, "{:?}", loud.error);
    assert!(loud.output.len() < (1 << 20) + 100 && loud.output.ends_with("more bytes were not kept]\n"));
    let endless = sandbox.execute_command("while :; do head -c 10000000 /dev/zero; done");
    assert_eq!(endless.error.as_deref(), Some("Execution error: 1024 MiB of output"));
}

/// A214b: no name of a file leads out of the folder.
#[test]
fn a214b_names_of_files() {
    let Some(podman) = Podman::get() else { return };
    let sandbox = sandbox(&podman, |_| {}).unwrap();
    for name in ["../x", "/etc/x", "a/../../x", "a\0b", "", "agent_code.py"] {
        let files = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        let result = sandbox.execute_code("print('ran')", "python", &files);
        assert!(
            !result.success && result.output.is_empty() && result.exit_code == -1,
            "{name:?}: {result:?}"
        );
    }
    // A link that the code plants is not followed by whoever looks for changes.
    let link = python(&sandbox, "import os; os.symlink('/etc/shadow', 'link'); os.mkfifo('pipe')");
    assert!(link.success, "{link:?}");
}

/// S-01, S-04: what cannot be kept is an error that says what to do, and nothing is run.
#[test]
fn s04_nothing_weaker() {
    let Some(podman) = Podman::get() else { return };
    let why = |change: fn(&mut AgentSandboxConfig)| sandbox(&podman, change).err().unwrap();
    let missing = why(|config| config.image = "localhost/not-there:1".to_owned());
    assert!(missing.contains("not-there") && missing.contains("podman pull"), "{missing}");
    let bare = why(|config| config.image = engine::BARE.to_owned());
    assert!(bare.contains("cannot be tried out with `grep`"), "{bare}");
    let volumes = why(|config| config.image = engine::WITH_VOLUME.to_owned());
    assert!(volumes.contains("declares volumes (/data)"), "{volumes}");
    assert!(why(|config| config.network_mode = "bridge".to_owned()).contains("bridge"));
    let unknown = sandbox(&podman, |_| {}).unwrap().execute_code("x", "cobol", &BTreeMap::new());
    assert!(unknown.error.unwrap().contains("unknown language"));
    let nobody = stayhand_oci::Engine::at(Path::new("/nowhere/engine.sock")).unwrap_err().to_string();
    assert!(nobody.contains("/nowhere/engine.sock"), "{nobody}");
    // A program that the image does not have.
    let absent = sandbox(&podman, |_| {}).unwrap().execute_code("x", "javascript", &BTreeMap::new());
    assert!(!absent.success && absent.exit_reason == "error", "{absent:?}");
}

/// What a process leaves behind that was killed is removed by the next one.
#[test]
fn left_containers_are_removed() {
    let Some(podman) = Podman::get() else { return };
    let left = podman.leave_one_behind();
    assert!(podman.containers().contains(&left));
    drop(podman.engine());
    assert!(!podman.containers().contains(&left));
}
