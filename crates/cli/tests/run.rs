//! `stayhand run`: the example agent does its honest work and nothing else.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod common;

use common::*;
use stayhand_core::decision::Level;
use stayhand_core::event::Outcome;
use stayhand_runtime::wire::{self, WireAction};
use stayhand_runtime::{Egress, Engine, Local, LocalSettings, Settings, Verdict};
use std::io::{PipeReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// A workspace with the example agent in it, as in a clone of this project.
fn with_agent() -> World {
    let world = World::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/agent");
    let to = world.work.join("examples/agent");
    std::fs::create_dir_all(to.join("sample")).unwrap();
    for name in ["agent.sh", "sample/shop.py", "sample/test_shop.py", "sample/NOTES.md"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let made = Command::new("git").args(["init", "-q", "."]).current_dir(&world.work).status().unwrap();
    assert!(made.success());
    world
}

const AGENT: &[&str] = &["run", "--", "./examples/agent/agent.sh"];

#[test]
fn the_example_agent() {
    let world = with_agent();
    let run = world.run(AGENT);
    run.expect(PERMITTED).says("confined").says("refused").says("records, root");
    // The honest work is in the workspace.
    let work = world.work.join("examples/agent/work");
    assert!(std::fs::read_to_string(work.join("shop.py")).unwrap().contains("- discount"));
    assert!(run.out.contains("Subtract the discount") && run.out.contains("OK"), "{run:?}");
    // The rest is not: refused before it started, or by the kernel.
    for refused in ["cat ", "curl ", "rm -rf --no-preserve-root /"] {
        run.says(&format!("stayhand: refused: {refused}"));
    }
    assert!(!run.out.contains("went through"), "{run:?}");
    for refused in ["Network is unreachable", "403 Forbidden", "Read-only file system"] {
        assert!(run.out.contains(refused), "{refused}: {run:?}");
    }
    run.says("refused: connection to collect.example.invalid:443").says("0 hosts contacted");
    assert!(!world.work.join(".git/hooks/pre-commit").exists());
    assert!(!Path::new("/usr/bin/planted").exists());
    let hidden = Command::new("pgrep").args(["-f", "hidden-away"]).output().unwrap();
    assert!(hidden.stdout.is_empty(), "it lives on");

    // Every start is in the log, with who started it, and can be decided again.
    let starts = world.events("decided");
    let inside = starts.iter().filter(|event| event["request"]["context"]["started_by"].is_u64()).count();
    assert!(inside > 10, "{inside} of {}", starts.len());
    let settled = world.events("settled");
    let whole = settled.last().unwrap();
    assert!(["l2", "l3"].contains(&whole["confined"].as_str().unwrap()), "{whole}");
    assert!(whole["boundary"]["mechanisms"].as_array().unwrap().contains(&"program watch".into()));
    world.verify();
    world.run(&["replay"]).expect(PERMITTED);
}

/// What a policy refuses to the agent it refuses to what the agent starts, and nothing starts that nobody could decide about.
#[test]
fn what_is_refused_inside() {
    let world = World::new();
    world.user_policy(
        "extends: coding-agent\nrules:\n  - {name: no_listing, deny: exec, when: {program: ls}, reason: not today}\n",
    );
    std::fs::write(world.work.join("go.sh"), "ls\n/bin/ls\nenv ls\necho *\nbash -c 'exec ls'\ntrue\n")
        .unwrap();
    let run = world.run(&["run", "--", "bash", "go.sh"]);
    run.expect(PERMITTED);
    assert_eq!(run.out, "go.sh\n");
    assert!(run.err.matches("not today").count() >= 3, "{run:?}");
    // Its own program is decided about before anything else.
    world.run(&["run", "--", "ls"]).expect(126).says("not today");
}

/// The exit code is the program's, and its time is limited.
#[test]
fn how_it_ends() {
    let world = World::new();
    assert_eq!(world.run(&["run", "--", "bash", "-c", "exit 7"]).code, 7);
    let run = world.run(&["run", "--time", "0.5", "--", "sleep", "60"]);
    run.expect(124).says("wall-clock");
    world.run(&["run", "--", "./nothing-here"]).says("cannot run");
    world.run(&["run", "--time", "-1", "--", "true"]).expect(2);
    world.verify();
}

/// Escape 8: many files are as large as one, also where they are kept aside.
#[test]
fn escape_08_a_workspace_that_grows() {
    let policy = "extends: coding-agent\nboundaries: {resources: {max_disk_mb: 10}}\n";
    for review in [None, Some("--review")] {
        let world = World::new();
        world.user_policy(policy);
        let run = |megabytes: u32| {
            let write =
                format!("for n in $(seq {megabytes}); do head -c 1048576 /dev/urandom > f$n; done; sleep 1");
            let args = [Some("run"), review, Some("--"), Some("bash"), Some("-c"), Some(&write)];
            world.run(&args.into_iter().flatten().collect::<Vec<_>>())
        };
        run(5).expect(PERMITTED);
        run(40).expect(124).says("exceeds limit 10.00MB");
        world.verify();
    }
}

#[test]
fn a_summary_for_programs() {
    let world = World::new();
    let run = world.run(&["--json", "run", "--", "bash", "-c", "echo x > made; true; /bin/true"]);
    run.expect(PERMITTED);
    let summary: serde_json::Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    assert_eq!(summary["changes"]["created"], serde_json::json!(["made"]));
    assert_eq!(summary["started"]["true"], 1);
    assert_eq!(summary["outcome"]["code"], 0);
}

/// A run needs a sandbox: whatever cannot be confined does not run at all.
#[test]
fn a_home_that_would_be_writable() {
    let world = World::new();
    let mut command = world.command(&["run", "--", "touch", "made"]);
    command.env("HOME", &world.work);
    run(command, b"").expect(126).says("is the home folder");
    assert!(!world.work.join("made").exists());
}

/// A server of this machine that answers every connection in plain HTTP.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved");
        }
    });
    port
}

/// Asks the proxy for a tunnel, and through it for a page. Or says why there is none.
const THROUGH: &str = "exec 3<>/dev/tcp/127.0.0.1/3128 || exit 9
printf 'CONNECT 127.0.0.1:%s HTTP/1.1\\r\\n\\r\\n' $1 >&3; read -r status <&3; echo $status; read -r <&3
while read -r line <&3 && [ ${#line} -gt 1 ]; do :; done
printf 'GET / HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3 | tail -n 1
";

/// The way out: what the policy lets through and nothing else, by the proxy and no other way.
#[test]
fn bypass_56_57_a_way_out() {
    let world = World::new();
    let port = server();
    world.user_policy(&format!(
        "extends: coding-agent\nrules:\n  - {{allow: connect, when: {{hosts: 127.0.0.1, ports: [{port}]}}}}\n"
    ));
    world.write("through.sh", THROUGH);
    let run = |args: &[&str], port: u16| {
        world.run(&[args, &["--", "bash", "through.sh", &port.to_string()]].concat())
    };
    let through = run(&["run"], port);
    through.expect(PERMITTED).says(&format!("127.0.0.1:{port} 1 x"));
    assert!(through.out.contains(" 200 ") && through.out.ends_with("served"), "{through:?}");
    let other = server();
    let refused = run(&["run"], other);
    refused.says(&format!("refused: connection to 127.0.0.1:{other}")).says("0 hosts contacted");
    assert!(refused.out.contains(" 403 ") && !refused.out.contains("served"), "{refused:?}");
    // Without one there is nothing to connect to.
    run(&["run", "--net", "none"], port).expect(9).says("no way out");
    // The neighbour of all: straight, without the proxy, the same server is not there.
    world.write("straight.sh", "exec 3<>/dev/tcp/127.0.0.1/$1 && echo went through");
    let straight = world.run(&["run", "--", "bash", "straight.sh", &port.to_string()]);
    assert!(straight.err.contains("Connection refused") && straight.out.is_empty(), "{straight:?}");

    let connections: Vec<_> =
        world.events("decided").into_iter().filter(|event| event["request"]["action"] == "connect").collect();
    assert_eq!(connections.len(), 2, "{connections:?}");
    let of = |event: &serde_json::Value| event["decision"]["effect"].clone();
    assert_eq!(connections.iter().map(of).collect::<Vec<_>>(), ["allow", "approve"]);
    let carried = world.events("settled").into_iter().find(|event| event["traffic"].is_object()).unwrap();
    assert!(carried["traffic"]["received"].as_u64().unwrap() > 40, "{carried}");
    world.verify();
    world.run(&["replay"]).expect(PERMITTED);
}

/// Confined by itself, a command has the same way out.
#[test]
fn a_way_out_for_one_command() {
    let world = World::new();
    let port = server();
    world.user_policy(&format!(
        "extends: coding-agent\ndefaults: {{confine: l2}}\nrules:\n  - {{allow: connect, when: {{hosts: 127.0.0.1, ports: [{port}]}}}}\n"
    ));
    world.write("through.sh", THROUGH);
    let through = world.run(&["exec", "--", "bash", "through.sh", &port.to_string()]);
    through.expect(PERMITTED).says("confined at");
    assert!(through.out.ends_with("served"), "{through:?}");
}

/// The repository of the workspace is not put in the place of another one, whose settings run programs outside.
#[test]
fn a_repository_stays_in_its_place() {
    let world = World::new();
    let made = Command::new("git").args(["init", "-q"]).arg(&world.work).status().unwrap();
    assert!(made.success());
    world.write(
        "swap.sh",
        "mv .git g; git init -q; git config core.fsmonitor ./evil; git add swap.sh; git status -s",
    );
    let done = world.run(&["exec", "--", "bash", "swap.sh"]);
    done.expect(PERMITTED).says("confined at");
    assert!(done.out.contains("A  swap.sh"), "honest work goes on: {done:?}");
    assert!(!world.work.join("g").exists(), "{done:?}");
    let config = std::fs::read_to_string(world.work.join(".git/config")).unwrap();
    assert!(!config.contains("fsmonitor"), "{config}");
}

/// Where nobody carries connections any more, nothing goes on.
#[derive(Debug)]
struct Gone;

impl Egress for Gone {
    fn serve(&self, _: TcpListener, _: PipeReader) {}
}

/// Escape 47.
#[test]
fn escape_47_bypass_66_without_its_proxy_a_program_ends() {
    let world = World::new();
    let run = |egress: Option<Arc<dyn Egress>>| {
        let engine = Engine::in_memory(Settings::default()).unwrap();
        let work = world.work.to_str().unwrap();
        let action = WireAction::new("exec", serde_json::json!({"argv": ["sleep", "5"]}));
        let request =
            wire::to_request(action, &wire::Defaults::new(work, world.home.to_str().unwrap())).unwrap();
        let Verdict::Permitted(permit) = engine.authorize(request).unwrap() else { panic!("not permitted") };
        let settings = LocalSettings {
            launcher: Some(STAYHAND.into()),
            least: Level::L2,
            limit: Duration::from_secs(1),
            egress,
            ..LocalSettings::default()
        };
        let Outcome::Stopped { limit } = engine.execute(permit, &Local::new(settings)).unwrap().outcome
        else {
            panic!("it went on")
        };
        limit
    };
    assert_eq!(run(Some(Arc::new(Gone))), "the way out of the sandbox ended");
    // Its neighbour has none to lose.
    assert!(run(None).contains("wall-clock"));
}

/// What comes on standard input comes to the program, at every level and without one; and whoever takes it for orders is not
/// understood.
#[test]
fn a_standard_input() {
    let world = World::new();
    let large = vec![b'x'; 3 << 20];
    for level in ["none", "l1", "l2", "l3"] {
        let policy = world.beside(&format!("{level}.yaml"));
        std::fs::write(&policy, format!("extends: coding-agent\ndefaults: {{confine: {level}}}\n")).unwrap();
        let policy = policy.to_str().unwrap();
        assert_eq!(
            world.feed(&["exec", "--policy", policy, "--", "sort"], "b\na\n").expect(PERMITTED).out,
            "a\nb\n"
        );
        assert_eq!(
            world.feed(&["exec", "--policy", policy, "cat | wc -c"], &large).expect(PERMITTED).out,
            "3145728\n"
        );
        // It is not waited for.
        world.feed(&["exec", "--policy", policy, "--", "true"], &large).expect(PERMITTED);
        world
            .feed(&["exec", "--policy", policy, "--", "sqlite3", "x.db"], "drop table t")
            .expect(126)
            .says("the SQL comes from elsewhere");
        world.feed(&["exec", "--policy", policy, "--", "bash"], "rm -rf /").expect(126);
        // Nothing is nothing.
        assert_eq!(world.run(&["exec", "--policy", policy, "--", "cat"]).expect(PERMITTED).out, "");
    }
    let run =
        world.feed(&["run", "--", "bash", "-c", "read x; echo got $x; cat | wc -l"], "one\ntwo\nthree\n");
    run.expect(PERMITTED);
    assert_eq!(run.out, "got one\n2\n");
    assert_eq!(world.feed(&["run", "--", "wc", "-c"], &large).expect(PERMITTED).out, "3145728\n");
    world.verify();
}

/// A program inside that gets orders from another one, by a pipe or a file, is not taken for one without.
#[test]
fn orders_by_a_pipe() {
    let world = World::new();
    if !Path::new("/usr/bin/sqlite3").exists() {
        return not_run("orders_by_a_pipe", "sqlite3 is not installed");
    }
    world.write("orders.sql", "drop table t");
    let script = "sqlite3 x.db < /dev/null; echo \"null $?\"; echo 'drop table t' | sqlite3 x.db; echo \"pipe $?\"; \
                  sqlite3 x.db < orders.sql; echo \"file $?\"; sqlite3 x.db <<< 'drop table t'; echo \"text $?\"";
    world.write("orders.sh", script);
    let run = world.run(&["run", "--", "bash", "orders.sh"]);
    for refused in ["pipe 126", "file 126", "text 126"] {
        assert!(run.out.contains(refused), "{refused}: {run:?}");
    }
    assert!(!run.out.contains("null 126"), "{run:?}");
    run.says("stayhand: refused: sqlite3 x.db: held as");
}

/// Honest builds inside ask nothing, with all the programs that a compiler starts on its part: the tools are known by what they
/// do, also in the words in which they call each other.
#[test]
fn honest_builds() {
    let world = World::new();
    world.write("hello.c", "#include <stdio.h>\nint main(void) { puts(\"built\"); return 0; }\n");
    let script = "cc -O2 -Wall -g -o hello hello.c && ./hello && cc -c hello.c -o hello.o && cc -shared -fPIC -o libhello.so hello.c";
    let run = world.run(&["run", "--", "bash", "-c", script]);
    run.expect(PERMITTED).never_says("held").never_says("refused:");
    assert_eq!(run.out, "built\n");

    world.write("crate/Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    world.write("crate/build.rs", "fn main() { println!(\"cargo:rustc-env=SAID=built\"); }\n");
    world.write(
        "crate/src/main.rs",
        "fn main() { println!(\"{}\", env!(\"SAID\")); }\n#[test]\nfn works() {}\n",
    );
    let script = "cd crate && cargo run --quiet --offline && cargo test --quiet --offline";
    let home = std::env::var_os("HOME").unwrap();
    if !Path::new(&home).join(".cargo/bin/cargo").exists() {
        return not_run("honest_builds", "the tool chain of Rust does not lie in the home folder");
    }
    let mut command = world.command(&["run", "--profile", "rust", "--", "bash", "-c", script]);
    command.env("HOME", home).env("XDG_CONFIG_HOME", &world.home);
    let run = common::run(command, b"");
    run.expect(PERMITTED).never_says("held").never_says("refused:");
    assert!(run.out.starts_with("built\n") && run.out.contains("1 passed"), "{run:?}");
}
