//! `stayhand run --review`, `changes` and `undo`: nothing comes into the workspace that nobody has looked at, and what came
//! can be taken back.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

#[path = "../common/mod.rs"]
mod common;
mod copied;

use common::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

/// A workspace in which a script has run, under review.
fn reviewed(prepare: impl Fn(&World), script: &str) -> World {
    reviewed_in(World::new(), prepare, script)
}

fn reviewed_in(world: World, prepare: impl Fn(&World), script: &str) -> World {
    prepare(&world);
    world.write("go.sh", script);
    let before = tree(&world.work);
    world
        .run(&["run", "--review", "--session", "one", "--", "bash", "go.sh"])
        .expect(PERMITTED)
        .says("aside");
    assert_eq!(tree(&world.work), before, "the workspace is as it was");
    world
}

/// Every path of a folder with what stands there.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            let (path, found) = (entry.path(), entry.metadata().unwrap());
            let mode = found.permissions().mode() & 0o7777;
            let what = if found.is_dir() {
                folders.push(path.clone());
                format!("folder {mode:o}")
            } else if found.is_symlink() {
                format!("link {}", fs::read_link(&path).unwrap().display())
            } else {
                format!("file {mode:o} {}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
            };
            all.insert(format!("{:?}", path.strip_prefix(folder).unwrap()), what);
        }
    }
    all
}

/// What `changes show` says: what became of each path, and whether it is flagged.
fn shown(world: &World) -> BTreeMap<String, (String, bool)> {
    let run = world.run(&["--json", "changes", "show"]);
    run.expect(PERMITTED);
    let values = serde_json::Deserializer::from_str(&run.out).into_iter::<Value>().map(Result::unwrap);
    let line = |change: Value| {
        let path = change["path"].as_str().map_or_else(|| change["path"].to_string(), str::to_owned);
        (path, (change["what"].as_str().unwrap().to_owned(), change["flagged"].is_string()))
    };
    values.map(line).collect()
}

const EVERYTHING: &str = "echo more >> kept; echo new > made; mkdir -p a/b; echo deep > a/b/c
rm -r gone; rm lost; rm link; ln -s made link; chmod 600 mode; touch touched
rm file; mkdir file; echo x > file/x; rm -r folder; echo y > folder
rm -r again; mkdir -p again/sub; echo 2 > again/two; echo 2 > again/sub/new
mkdir closed; echo x > closed/in; chmod 555 closed
";

fn everything(world: &World) {
    for (name, text) in [
        ("kept", "one\n"),
        ("gone/deep/file", "x"),
        ("gone/other", "x"),
        ("lost", "x"),
        ("mode", "x"),
        ("touched", "x"),
        ("file", "x"),
        ("folder/x", "x"),
        ("again/one", "1"),
        ("again/sub/old", "1"),
        ("same", "x"),
    ] {
        world.write(name, text);
    }
    symlink("kept", world.work.join("link")).unwrap();
}

#[test]
fn bypass_102_every_kind_of_change_comes_in_and_goes_back() {
    every_kind_of_change(&reviewed(everything, EVERYTHING));
}

fn every_kind_of_change(world: &World) {
    let before = tree(&world.work);
    let found = shown(world);
    let whats: Vec<_> = found.iter().map(|(path, (what, _))| (path.as_str(), what.as_str())).collect();
    assert_eq!(
        whats,
        [
            ("a", "created"),
            ("a/b", "created"),
            ("a/b/c", "created"),
            ("again/one", "deleted"),
            ("again/sub/new", "created"),
            ("again/sub/old", "deleted"),
            ("again/two", "created"),
            ("closed", "created"),
            ("closed/in", "created"),
            ("file", "replaced"),
            ("file/x", "created"),
            ("folder", "replaced"),
            ("gone", "deleted"),
            ("kept", "changed"),
            ("link", "replaced"),
            ("lost", "deleted"),
            ("made", "created"),
            ("mode", "changed"),
        ]
    );
    assert!(found.values().all(|(_, flagged)| !flagged));
    let diff = world.run(&["changes", "show", "--diff", "kept"]);
    assert!(diff.expect(PERMITTED).out.contains("+more") && !diff.out.contains("made"), "{diff:?}");

    world.run(&["changes", "commit"]).expect(PERMITTED).says("18 changes are in");
    let after = tree(&world.work);
    for (path, what) in [
        ("a/b/c", "file 644 deep\n"),
        ("again/two", "file 644 2\n"),
        ("again/sub/new", "file 644 2\n"),
        ("closed", "folder 555"),
        ("file/x", "file 644 x\n"),
        ("folder", "file 644 y\n"),
        ("kept", "file 644 one\nmore\n"),
        ("link", "link made"),
        ("mode", "file 600 x"),
    ] {
        assert_eq!(after.get(&format!("{path:?}")).map(String::as_str), Some(what), "{path}");
    }
    for gone in ["gone", "lost", "again/one", "again/sub/old", "folder/x"] {
        assert!(!after.contains_key(&format!("{gone:?}")), "{gone}");
    }
    world.run(&["undo", "one"]).expect(PERMITTED);
    assert_eq!(tree(&world.work), before);
    world.run(&["changes", "list"]).expect(PERMITTED).says("no run keeps anything");
    let verdicts: Vec<_> = world.events("reviewed").iter().map(|event| event["verdict"].clone()).collect();
    assert_eq!(verdicts, ["committed", "undone"]);
    world.verify();
}

/// Chosen paths, and the rest thrown away.
#[test]
fn some_of_them() {
    let world = reviewed(|_| {}, "mkdir -p a b; echo 1 > a/one; echo 2 > a/two; echo 3 > b/three");
    world.run(&["changes", "commit", "nothing-there"]).expect(USAGE);
    world.run(&["changes", "commit", "a/one"]).expect(PERMITTED).says("1 changes are in");
    assert!(world.work.join("a/one").exists() && !world.work.join("a/two").exists());
    assert_eq!(shown(&world).into_keys().collect::<Vec<_>>(), ["a/two", "b", "b/three"]);
    world.run(&["changes", "discard"]).expect(PERMITTED).says("3 changes");
    world.run(&["changes", "show"]).expect(USAGE);
    world.run(&["undo", "one"]).expect(PERMITTED);
    assert!(!world.work.join("a").exists());
    world.run(&["undo", "one"]).expect(USAGE);
}

/// Escapes 19 and 20: what is run or believed outside waits for a word of its own.
#[test]
fn escape_19_20_bypass_69_70_71_what_runs_outside_is_flagged() {
    let script = "mkdir -p .git/hooks sub/.git/hooks .github/workflows .cursor lib
for f in .git/hooks/post-merge sub/.git/hooks/pre-commit .github/workflows/ci.yml .cursor/mcp.json .envrc .mcp.json .gitattributes; do
  printf x > $f
done
ln -s /etc/passwd out; ln -s ../../up lib/up; ln -s lib inside; mkfifo pipe; echo honest > honest
mkdir -p a/b vs bare/objects bare/refs; ln -s .. a/b/s; ln -s a/b/s/../../.ssh/keys through; ln -s vs .vscode; echo x > vs/tasks.json
echo ref > bare/HEAD; echo x > bare/config; echo x > CLAUDE.md; echo x > tools/hooks/pre-push; echo x > agent/settings.json";
    // The rules of the pack would stop most of them before.
    let world = reviewed(
        |world| {
            world.user_policy("version: 1\nrules: [{allow: '*'}, {allow: '*', when: {opaque: true}}]\n");
            // What the user calls otherwise is what it is.
            world.write("tools/hooks/readme", "x");
            world.write("agent/readme", "x");
            world.write(".git/config", "[core]\n\thooksPath = tools/hooks\n");
            symlink("agent", world.work.join(".claude")).unwrap();
        },
        script,
    );
    let flagged: Vec<_> =
        shown(&world).into_iter().filter(|(_, (_, flagged))| *flagged).map(|(path, _)| path).collect();
    let expected = [
        ".cursor",
        ".cursor/mcp.json",
        ".envrc",
        ".git/hooks",
        ".git/hooks/post-merge",
        ".gitattributes",
        ".github/workflows",
        ".github/workflows/ci.yml",
        ".mcp.json",
        ".vscode",
        "CLAUDE.md",
        "agent/settings.json",
        "bare/HEAD",
        "bare/config",
        "bare/objects",
        "bare/refs",
        "lib/up",
        "out",
        "pipe",
        "sub/.git",
        "sub/.git/hooks",
        "sub/.git/hooks/pre-commit",
        "through",
        "tools/hooks/pre-push",
    ];
    assert_eq!(flagged, expected);
    world.run(&["changes", "commit"]).expect(HELD).says("24 flagged");
    assert!(world.work.join("honest").exists() && world.work.join("inside").is_symlink());
    for path in expected {
        assert!(world.work.join(path).symlink_metadata().is_err(), "{path}");
    }
    // With a word of its own all but the pipe come.
    world.run(&["changes", "commit", "--flagged"]).expect(HELD).says("left out: pipe");
    assert!(world.work.join(".envrc").exists() && !world.work.join("pipe").exists());
}

/// Escape 12: a link that somebody plants between the run and the commit is not followed, be it a folder or the file.
#[test]
fn escape_12_bypass_40_101_planted_links() {
    let world = reviewed(
        |world| {
            world.write("src/file", "x");
            world.write("target", "x");
        },
        "echo evil > src/file; echo evil > target; mkdir fresh; echo evil > fresh/file",
    );
    let outside = world.beside("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "precious").unwrap();
    for (name, to) in [("src", outside.clone()), ("target", outside.join("file")), ("fresh", outside.clone())]
    {
        let path = world.work.join(name);
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        symlink(to, path).unwrap();
    }
    world.run(&["changes", "commit"]).expect(HELD).says("left out");
    assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "precious");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

/// What was changed outside meanwhile is not overwritten, and an undo leaves what was changed since.
#[test]
fn others_work_is_left_alone() {
    let world = reviewed(
        |world| {
            world.write("both", "x");
            world.write("gone/file", "x");
            world.write("mine", "x");
        },
        "echo agent > both; rm -r gone; echo agent > new; echo agent > mine",
    );
    // The clock of the file system has to move on.
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(world.work.join("both"), "person").unwrap();
    fs::write(world.work.join("gone/file"), "person").unwrap();
    fs::write(world.work.join("new"), "person").unwrap();
    world.run(&["changes", "commit"]).expect(HELD).says("changed outside since");
    for name in ["both", "gone/file", "new"] {
        assert_eq!(fs::read_to_string(world.work.join(name)).unwrap(), "person", "{name}");
    }
    assert_eq!(fs::read_to_string(world.work.join("mine")).unwrap(), "agent\n");
    fs::write(world.work.join("mine"), "edited").unwrap();
    world.run(&["undo", "one"]).expect(HELD).says("changed again since");
    assert_eq!(fs::read_to_string(world.work.join("mine")).unwrap(), "edited");
}

/// Escape 50: a file that claims to be larger than what is committed at a time.
#[test]
fn escape_50_bypass_100_a_file_with_a_hole() {
    let world = reviewed(|_| {}, "truncate -s 9G huge; echo x > small");
    world.run(&["changes", "commit"]).expect(INTERNAL).says("are more than");
    assert!(!world.work.join("huge").exists());
    world.run(&["changes", "commit", "small"]).expect(PERMITTED);
}

/// Names that are no texts, and set-id bits that mean nothing here.
#[test]
fn odd_names_and_modes() {
    let world = reviewed(
        |_| {},
        "printf x > $'new\\nline'; printf x > $'not-\\xff-utf8'; printf x > run; chmod 755 run",
    );
    assert_eq!(shown(&world).len(), 3);
    world.run(&["changes", "commit"]).expect(PERMITTED);
    assert!(world.work.join("new\nline").exists());
    let name = OsString::from_vec(b"not-\xff-utf8".to_vec());
    assert_eq!(fs::read(world.work.join(&name)).unwrap(), b"x");
    assert_eq!(fs::metadata(world.work.join("run")).unwrap().permissions().mode() & 0o7777, 0o755);
    world.run(&["undo", "one"]).expect(PERMITTED);
    assert!(!world.work.join(&name).exists());
}

/// Where there is nothing to review nothing is kept, and where a review cannot be had nothing runs.
#[test]
fn no_review() {
    let world = World::new();
    world.run(&["run", "--review", "--", "true"]).expect(PERMITTED);
    world.run(&["changes", "list"]).says("no run keeps anything");
    world
        .run(&["run", "--review", "--session", "../up", "--", "true"])
        .expect(USAGE)
        .says("no name for a folder");
    world.user_policy("extends: coding-agent\nboundaries: {paths: {write: ['./out/**']}}\n");
    fs::create_dir(world.work.join("out")).unwrap();
    world
        .run(&["run", "--review", "--", "touch", "out/made"])
        .expect(NOT_RUN)
        .says("a review is of the workspace");
    assert!(!world.work.join("out/made").exists());
}

/// what a policy wants to be able to take back is run so, and nothing else is run in its place.
#[test]
fn x_23_a_restore_point() {
    let world = World::new();
    world.user_policy(
        "extends: coding-agent\nrules:\n  - {name: careful, allow: [bash, exec, write_file], restore_point: true, when: {writes: ['./**']}}\n",
    );
    world.write("kept", "before");
    let run = world.run(&["exec", "--", "echo after > kept; echo x > made; echo y > Jenkinsfile"]);
    run.expect(PERMITTED)
        .says("to take back what it changed: stayhand undo decision-")
        .says("1 changes are kept aside");
    assert_eq!(fs::read_to_string(world.work.join("kept")).unwrap(), "after\n");
    assert!(world.work.join("made").exists() && !world.work.join("Jenkinsfile").exists());
    let name = run.err.split("stayhand undo ").nth(1).unwrap().lines().next().unwrap();
    world.run(&["undo", name]).expect(PERMITTED);
    assert_eq!(fs::read_to_string(world.work.join("kept")).unwrap(), "before");
    assert!(!world.work.join("made").exists());
    // What changes nothing leaves nothing behind.
    world.run(&["changes", "discard"]).expect(PERMITTED);
    world.run(&["exec", "--", "cat kept > /dev/null; touch made; rm made"]).expect(PERMITTED);
    world.run(&["changes", "list"]).says("no run keeps anything");
    // It is confined like any other, with the way out that the policy opens.
    world
        .run(&["exec", "--", "echo proxy $HTTPS_PROXY > made; cat made"])
        .expect(PERMITTED)
        .says("proxy http://");
    // Inside of a run it is one of the whole: without there is none.
    world.user_policy(
        "extends: coding-agent\nrules:\n  - {name: careful, allow: exec, restore_point: true, when: {program: touch}}\n",
    );
    world.write("go.sh", "/usr/bin/touch inside && echo went through");
    let bare = world.run(&["run", "--", "bash", "go.sh"]);
    assert!(bare.out.is_empty() && bare.err.contains("a duty of its permit"), "{bare:?}");
    let reviewed = world.run(&["run", "--review", "--", "bash", "go.sh"]);
    assert_eq!(reviewed.out, "went through\n", "{reviewed:?}");
    world.verify();
}

/// While a run goes on nobody deals with its changes: what it makes could change under their hands.
#[test]
fn a_run_that_still_runs() {
    let world = World::new();
    let mut child =
        world.command(&["run", "--review", "--session", "one", "--", "sleep", "30"]).spawn().unwrap();
    let until = std::time::Instant::now() + DEADLINE;
    while !world.state.join("runs/one/upper").exists() {
        assert!(std::time::Instant::now() < until, "it does not start");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    for words in [&["changes", "show"][..], &["changes", "commit"], &["changes", "discard"], &["undo", "one"]]
    {
        world.run(words).expect(USAGE).says("still runs");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.run(&["changes", "discard"]).expect(PERMITTED);
}

/// A run that was cut off may have left half of what it meant to: nothing of it comes without a word of its own.
#[test]
fn a_run_that_was_cut_off() {
    let world = World::new();
    world.write("go.sh", "echo x > made; sleep 30");
    let mut child =
        world.command(&["run", "--review", "--session", "one", "--", "bash", "go.sh"]).spawn().unwrap();
    let until = std::time::Instant::now() + DEADLINE;
    while !world.state.join("runs/one/upper/made").exists() {
        assert!(std::time::Instant::now() < until, "it does not start");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.run(&["changes", "commit"]).expect(HELD).says("was cut off");
    assert!(!world.work.join("made").exists());
    world.run(&["changes", "commit", "--flagged"]).expect(PERMITTED);
    assert!(world.work.join("made").exists());
}

/// What is saved for an undo is neither lost nor mixed up where a commit was cut off, and where what is saved is damaged nothing
/// is put in the place of anything.
#[test]
fn a_journal_that_was_cut_off() {
    let world = reviewed(
        |world| {
            world.write("a", "a before");
            world.write("b", "b before");
        },
        "echo a after > a; echo b after > b",
    );
    world.run(&["changes", "commit", "a"]).expect(PERMITTED);
    let restore = world.state.join("runs/one/restore");
    let steps = restore.join("steps.jsonl");
    let whole = fs::read_to_string(&steps).unwrap();
    // Half a line, and a copy for a step that was never written.
    fs::write(&steps, format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();
    fs::write(restore.join("7"), "of nobody").unwrap();
    world.run(&["changes", "commit", "b"]).expect(PERMITTED);
    assert!(fs::read_to_string(&steps).unwrap().starts_with(&whole));
    let saved = restore.join("0");
    fs::write(&saved, "damaged").unwrap();
    world.run(&["undo", "one"]).expect(HELD).says("is damaged");
    assert_eq!(fs::read_to_string(world.work.join("a")).unwrap(), "a after\n");
    assert_eq!(fs::read_to_string(world.work.join("b")).unwrap(), "b before");
    fs::write(&saved, "a before").unwrap();
    world.run(&["undo", "one"]).expect(PERMITTED);
    assert_eq!(fs::read_to_string(world.work.join("a")).unwrap(), "a before");
}
