//! Runs the real program in a world of its own: home, workspace, state, and never without a deadline.

#![expect(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program under test.
pub const STAYHAND: &str = env!("CARGO_BIN_EXE_stayhand");

/// How long one run may take. Far more than any needs: a run that meets it hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Permitted.
pub const PERMITTED: i32 = 0;
/// Refused.
pub const REFUSED: i32 = 1;
/// Wrong usage or unreadable input.
pub const USAGE: i32 = 2;
/// Held for approval.
pub const HELD: i32 = 3;
/// Stayhand itself failed.
pub const INTERNAL: i32 = 70;
/// `exec`: a limit stopped the program.
pub const STOPPED: i32 = 124;
/// `exec`: Stayhand itself failed.
pub const OWN_FAILURE: i32 = 125;
/// `exec`: refused or held.
pub const NOT_RUN: i32 = 126;

/// A folder with a user's home, a workspace (with a `.git`) and a place for the state.
pub struct World {
    root: tempfile::TempDir,
    /// The workspace, and the working folder of every run.
    pub work: PathBuf,
    /// The home folder.
    pub home: PathBuf,
    /// The state folder. It does not exist until something is recorded.
    pub state: PathBuf,
    /// The words that go before the program, if it is not started as it is.
    pub before: Vec<String>,
}

impl World {
    pub fn new() -> Self {
        let base = std::fs::canonicalize(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = tempfile::Builder::new().prefix("world-").tempdir_in(base).unwrap();
        let [work, home, state] = ["work", "home", "state"].map(|name| root.path().join(name));
        std::fs::create_dir_all(work.join(".git")).unwrap();
        std::fs::create_dir(&home).unwrap();
        Self { root, work, home, state, before: Vec::new() }
    }

    /// A path beside home, workspace and state.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file in the workspace.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Makes this the user's policy.
    pub fn user_policy(&self, text: &str) -> PathBuf {
        let path = self.home.join(".config/stayhand/policy.yaml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program with these arguments, on this world's state.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut words = self.before.iter().map(String::as_str).chain([STAYHAND]);
        let mut command = self.bare(words.next().unwrap());
        command.args(words).arg("--home").arg(&self.state).args(args);
        command
    }

    /// Any program in the environment of this world.
    pub fn bare(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let inherited = ["PATH", "PYENV_ROOT", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];
        let inherited = inherited.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.current_dir(&self.work).env_clear().envs(inherited).env("HOME", &self.home);
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let user = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(folder);
            command.env(name, std::env::var_os(name).map_or_else(user, PathBuf::from));
        }
        command
    }

    /// Runs the program.
    pub fn run(&self, args: &[&str]) -> Run {
        run(self.command(args), b"")
    }

    /// Runs the program with this on its standard input.
    pub fn feed(&self, args: &[&str], input: impl AsRef<[u8]>) -> Run {
        run(self.command(args), input.as_ref())
    }

    /// The decision about one action.
    pub fn check(&self, tool: &str, input: &str) -> Run {
        self.run(&["--json", "check", tool, input])
    }

    /// The records of the log, parsed.
    pub fn records(&self) -> Vec<Value> {
        let exported = self.run(&["trace", "export"]);
        exported.expect(PERMITTED);
        exported.json_lines()
    }

    /// The events of one kind, oldest first.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.records()
            .into_iter()
            .map(|record| record["event"].clone())
            .filter(|event| event["type"] == kind)
            .collect()
    }

    /// The log must verify.
    pub fn verify(&self) {
        self.run(&["audit", "verify"]).expect(PERMITTED);
    }

    /// Every byte below the state folder.
    pub fn state_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        gather_bytes(&self.state, &mut bytes);
        assert!(!bytes.is_empty(), "there is no state");
        bytes
    }

    /// Gives the whole world to another user, for runs as that user.
    pub fn give_to(&self, uid: u32) {
        fn give(path: &Path, uid: u32) {
            std::os::unix::fs::lchown(path, Some(uid), Some(uid)).unwrap();
            if path.is_dir() && !path.is_symlink() {
                std::fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path(), uid));
            }
        }
        give(self.root.path(), uid);
    }
}

fn gather_bytes(folder: &Path, bytes: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather_bytes(&path, bytes);
        } else {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
}

/// Whether `needle` occurs in `bytes`.
pub fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// The exit code; 128 plus the number of the signal that ended it.
    pub code: i32,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Run {
    /// The exit code must be this.
    #[track_caller]
    pub fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", cut(&self.out), cut(&self.err));
        self
    }

    /// Standard output or standard error must contain this.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let found = self.out.contains(text) || self.err.contains(text);
        assert!(found, "`{text}` is not in\nout: {}\nerr: {}", cut(&self.out), cut(&self.err));
        self
    }

    /// Neither may contain this.
    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        let found = self.out.contains(text) || self.err.contains(text);
        assert!(!found, "`{text}` is in\nout: {}\nerr: {}", cut(&self.out), cut(&self.err));
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output as lines of JSON.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}", cut(line)));
        self.out.lines().map(parse).collect()
    }

    /// The reason codes of the findings, sorted. Standard output must be an answer in JSON.
    #[track_caller]
    pub fn reasons(&self) -> Vec<String> {
        let answer = self.json();
        let findings = answer["findings"].as_array().unwrap();
        let mut reasons: Vec<_> =
            findings.iter().map(|found| found["reason"].as_str().unwrap().to_owned()).collect();
        reasons.sort();
        reasons.dedup();
        reasons
    }

    /// The answer must be a refusal with this among its reasons.
    #[track_caller]
    pub fn refused_as(&self, reason: &str) -> &Self {
        self.expect(REFUSED);
        assert!(self.reasons().iter().any(|found| found == reason), "not {reason}: {}", self.out);
        self
    }

    /// The name of the approval that `exec` reports.
    #[track_caller]
    pub fn approval(&self) -> String {
        let after = self.err.split("held as ").nth(1).unwrap_or_else(|| panic!("nothing is held: {self:?}"));
        after.split_whitespace().next().unwrap().to_owned()
    }
}

fn cut(text: &str) -> &str {
    let end = (0..=4000.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// Runs a command to its end. It must end before the deadline and must not panic.
pub fn run(command: Command, input: &[u8]) -> Run {
    Running::start(command, input.to_vec()).finish()
}

/// A command that has been started.
pub struct Running {
    child: Child,
    started: Instant,
    out: std::thread::JoinHandle<Vec<u8>>,
    err: std::thread::JoinHandle<Vec<u8>>,
    feeder: std::thread::JoinHandle<()>,
}

impl Running {
    pub fn start(mut command: Command, input: Vec<u8>) -> Self {
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let feeder = std::thread::spawn(move || {
            // A program that does not read its input is its own business.
            let _ = stdin.map(|mut stdin| stdin.write_all(&input));
        });
        let out = read_all(child.stdout.take().unwrap());
        let err = read_all(child.stderr.take().unwrap());
        Self { child, started: Instant::now(), out, err, feeder }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the process alone: what it started may hold its output open.
    pub fn finish_alone(mut self) -> Run {
        wait_until("the process ends", || self.child.try_wait().unwrap().is_some());
        let status = self.child.wait().unwrap();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        Run { code, out: String::new(), err: String::new(), took: self.started.elapsed() }
    }

    #[track_caller]
    pub fn finish(mut self) -> Run {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.started.elapsed() > DEADLINE {
                let _ = self.child.kill();
                panic!("it hangs");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = self.started.elapsed();
        let [out, err] =
            [self.out, self.err].map(|stream| String::from_utf8_lossy(&stream.join().unwrap()).into_owned());
        self.feeder.join().unwrap();
        assert!(!err.contains("panicked"), "it panicked: {}", cut(&err));
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        Run { code, out, err, took }
    }
}

fn read_all(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Waits until `done`; it must happen before the deadline.
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < DEADLINE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says loudly that a test could not run here.
pub fn not_run(test: &str, why: &str) {
    eprintln!("NOT RUN: {test}: {why}");
}

/// Whether the tests run as root, whom file modes do not stop.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The path of a file of the project.
pub fn project_file(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::canonicalize(file).unwrap().display().to_string()
}
