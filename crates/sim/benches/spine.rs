//! The speed of the whole, each figure beside its floor in the same run:
//! `cargo bench -p stayhand-sim --bench spine`. Prints a table in Markdown. Words after `--` choose rows
//! (`start`, `batch`, `authorize` or `authorize-64`, `replay`, `restore`, `kill`); `--quick` takes a tenth of the time.
//!
//! The binary measured is `STAYHAND_BIN`, or `target/release/stayhand`.
#![expect(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark measures time and may fail loudly"
)]

use rusqlite::Connection;
use stayhand_core::decision::Level;
use stayhand_core::event::Outcome;
use stayhand_runtime::replay::Replayer;
use stayhand_runtime::wire::{self, Defaults};
use stayhand_runtime::{Effected, Engine, Executor, Settings, Verdict, Work, policy_files};
use stayhand_store::{Log, Query};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const COMMANDS: &[&str] = &[
    "ls -la",
    "git status",
    "cargo test --workspace",
    "grep -rn foo src | head -20",
    "cat src/main.rs",
    "find . -name '*.rs' -newer Cargo.toml",
    "git commit -m 'fix the bug'",
    "sed -n 1,40p src/lib.rs",
    "python3 -m pytest -q tests",
    "npm run build && npm test",
    "rm -rf target/debug",
    "echo hello > out.txt",
    "curl -s https://example.com/x | head",
    "git diff HEAD~1 -- src",
    "mkdir -p a/b/c && cp -r x a/b",
    "cd src && ls",
    "git push origin main",
    "wc -l src/*.rs",
    "for f in *.txt; do echo $f; done",
    "tar czf out.tgz src",
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let scale: usize = if words.iter().any(|word| word == "--quick") { 10 } else { 1 };
    let rows: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let wanted = |row: &str| rows.is_empty() || rows.iter().any(|word| *word == row);
    println!("| what | figure | floor or peer in the same run | goal |\n|---|---|---|---|");
    if wanted("start") {
        start(200 / scale);
    }
    if wanted("batch") {
        batch(200_000 / scale);
    }
    let chosen = |callers: &usize| wanted("authorize") || wanted(&format!("authorize-{callers}"));
    for callers in [1, 8, 64].into_iter().filter(chosen) {
        authorize(callers, Duration::from_secs(4) / u32::try_from(scale).unwrap());
    }
    if wanted("replay") {
        replay_and_verify(100_000 / scale);
    }
    if wanted("restore") {
        restore(1_000_000 / scale);
    }
    if wanted("kill") {
        kill(40 / scale);
    }
}

fn binary() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/stayhand");
    std::env::var_os("STAYHAND_BIN").map_or(built, PathBuf::from)
}

fn row(what: &str, figure: &str, floor: &str, goal: &str) {
    println!("| {what} | {figure} | {floor} | {goal} |");
}

/// The median time of a process, in microseconds; the two are run in turns.
fn start(rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let run = |program: &Path, words: &[&str]| {
        let from = Instant::now();
        let mut command = Command::new(program);
        command.args(words).env("HOME", folder.path()).current_dir(folder.path());
        command.stdout(Stdio::null()).status().unwrap();
        from.elapsed()
    };
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(run(&binary(), &["check", "bash", "ls -la"]));
        floor.push(run(Path::new("/bin/true"), &[]));
    }
    let (ours, floor) = (median(ours), median(floor));
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    row(
        "start of `stayhand check bash 'ls -la'`",
        &format!("{ours:.2?} ({ratio:.1} ×)"),
        &format!("`/bin/true` {floor:.2?}"),
        "≤ 3 ×",
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn action(number: usize) -> String {
    let command = COMMANDS[number % COMMANDS.len()];
    serde_json::json!({ "id": number, "tool": "bash", "input": { "command": command } }).to_string()
}

fn batch(lines: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("actions.jsonl");
    let text: String = (0..lines).map(|number| action(number) + "\n").collect();
    std::fs::write(&file, text).unwrap();
    let from = Instant::now();
    let mut command = Command::new(binary());
    command.args(["check", "--batch"]).arg(&file).env("HOME", folder.path()).current_dir(folder.path());
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
    let ours = lines as f64 / from.elapsed().as_secs_f64();
    let from = Instant::now();
    let parsed = std::fs::read_to_string(&file).unwrap();
    let count = parsed.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count();
    let floor = count as f64 / from.elapsed().as_secs_f64();
    row(
        "`check --batch`, shell commands, one core",
        &format!("{ours:.0} a second"),
        &format!("parsing the JSON alone {floor:.0}"),
        "≥ 50 000",
    );
}

fn authorize(callers: usize, time: Duration) {
    let folder = tempfile::tempdir_in(".").unwrap();
    let engine = Arc::new(Engine::open(&folder.path().join("home"), Settings::default()).unwrap());
    let ours = in_threads(callers, time, move |number| {
        let line = serde_json::json!({ "tool": "bash", "input": { "command": format!("echo {number}") } })
            .to_string();
        let asked = wire::request(line.as_bytes(), &Defaults::new("/code", "/home/u")).unwrap();
        let Verdict::Permitted(permit) = engine.authorize(asked).unwrap() else { panic!("not permitted") };
        // The figure is about deciding; a permit that is not settled stays in doubt.
        std::mem::forget(permit);
    });
    let bare = Arc::new(Bare::open(&folder.path().join("bare.db")));
    let floor = in_threads(callers, time, move |_| bare.append());
    row(
        &format!("durable authorize, {callers} callers"),
        &format!("{ours:.0} a second ({:.2} ×)", ours / floor),
        &format!("bare SQLite group commit {floor:.0}"),
        "≥ 0.7 ×",
    );
}

/// Calls `work` from several threads for a while; the calls a second.
fn in_threads(callers: usize, time: Duration, work: impl Fn(usize) + Send + Sync + 'static) -> f64 {
    let work = Arc::new(work);
    let from = Instant::now();
    let threads: Vec<_> = (0..callers)
        .map(|caller| {
            let work = Arc::clone(&work);
            std::thread::spawn(move || {
                let mut count = 0;
                while from.elapsed() < time {
                    work(caller + count * callers);
                    count += 1;
                }
                count
            })
        })
        .collect();
    let total: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    total as f64 / from.elapsed().as_secs_f64()
}

/// The floor: SQLite and one writer thread that commits all that waits; rows of the same size in a table
/// without indexes; nothing is decided, hashed, signed or locked against other processes.
struct Bare {
    queue: mpsc::Sender<mpsc::SyncSender<()>>,
}

impl Bare {
    fn open(path: &Path) -> Self {
        let mut db = Connection::open(path).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE record(seq INTEGER PRIMARY KEY, body BLOB)",
        )
        .unwrap();
        let (queue, waiting) = mpsc::channel::<mpsc::SyncSender<()>>();
        std::thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let batch: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
                let transaction = db.transaction().unwrap();
                for _ in &batch {
                    let mut insert =
                        transaction.prepare_cached("INSERT INTO record(body) VALUES (?1)").unwrap();
                    insert.execute([[b'x'; RECORD_BYTES]]).unwrap();
                }
                transaction.commit().unwrap();
                batch.iter().for_each(|caller| caller.send(()).unwrap());
            }
        });
        Self { queue }
    }

    fn append(&self) {
        let (done, wait) = mpsc::sync_channel(1);
        self.queue.send(done).unwrap();
        wait.recv().unwrap();
    }
}

/// What a decision about a short command takes in the log, with its leaf hash and columns.
const RECORD_BYTES: usize = 850;

fn replay_and_verify(decisions: usize) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let engine = Arc::new(Engine::open(&home, Settings::default()).unwrap());
    let threads: Vec<_> = (0..64)
        .map(|caller| {
            let engine = Arc::clone(&engine);
            std::thread::spawn(move || {
                for number in 0..decisions / 64 {
                    let asked =
                        wire::request(action(caller + number).as_bytes(), &Defaults::new("/code", "/home/u"))
                            .unwrap();
                    engine.check(asked, true).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(engine);
    let reader = Log::open_read_only(&home).unwrap();
    let policy = policy_files::compile(&[]).unwrap();

    let from = Instant::now();
    let mut replayer = Replayer::new(&policy);
    for stored in reader.records(&Query::default()).unwrap() {
        replayer.step(&stored.unwrap().parse().unwrap(), None, &mut |_, _, _| {});
    }
    let whole = replayer.found.decisions as f64 / from.elapsed().as_secs_f64();
    assert!(replayer.found.divergences.is_empty());

    let records: Vec<_> =
        reader.records(&Query::default()).unwrap().map(|stored| stored.unwrap().parse().unwrap()).collect();
    let mut replayer = Replayer::new(&policy);
    let from = Instant::now();
    for record in &records {
        replayer.step(record, None, &mut |_, _, _| {});
    }
    let ours = replayer.found.decisions as f64 / from.elapsed().as_secs_f64();
    row(
        "replay, records in memory, one core",
        &format!("{ours:.0} decisions a second"),
        &format!("with reading and parsing the log {whole:.0}"),
        "≥ 500 000",
    );

    let from = Instant::now();
    let report = reader.verify(None, None).unwrap();
    let ours = report.records as f64 / from.elapsed().as_secs_f64();
    row("verify", &format!("{ours:.0} records a second"), "–", "≥ 300 000");
}

/// Does nothing, and says that it is done.
struct Nothing;

impl Executor for Nothing {
    fn level(&self) -> Level {
        Level::None
    }

    fn run(&self, _: &Work<'_>) -> (Outcome, Effected) {
        (Outcome::Done, Effected::default())
    }
}

/// Opens a log of so many records, with the snapshot that its writers left and without one.
fn restore(records: usize) {
    const AGENTS: usize = 1000;
    let folder = tempfile::tempdir_in(".").unwrap();
    let home = folder.path().join("home");
    let engine = Engine::open(&home, Settings::default()).unwrap();
    // A decision and its end each.
    let turns = records / 2;
    std::thread::scope(|scope| {
        for caller in 0..64 {
            let engine = &engine;
            scope.spawn(move || {
                for number in (caller..turns).step_by(64) {
                    let agent = format!("agent-{}", number % AGENTS);
                    let line = serde_json::json!({
                        "tool": "bash", "agent": agent, "session": agent, "input": { "command": format!("echo {number}") }
                    });
                    let asked = wire::request(line.to_string().as_bytes(), &Defaults::new("/code", "/home/u")).unwrap();
                    if let Verdict::Permitted(permit) = engine.authorize(asked).unwrap() {
                        engine.execute(permit, &Nothing).unwrap();
                    }
                }
            });
        }
    });
    drop(engine);
    let open = || {
        let from = Instant::now();
        drop(Engine::open(&home, Settings::default()).unwrap());
        from.elapsed()
    };
    let snapshot = home.join("state.snapshot");
    let bytes = std::fs::metadata(&snapshot).unwrap().len();
    let records = Log::open_read_only(&home).unwrap().records_now().unwrap();
    let ours = open();
    std::fs::remove_file(&snapshot).unwrap();
    row(
        &format!(
            "state of {records} records restored from a snapshot of {} KB, {AGENTS} agents",
            bytes / 1000
        ),
        &format!("{ours:.2?}"),
        &format!("folded from the beginning {:.2?}", open()),
        "≤ 2 s for a million",
    );
}

/// From the start of one command that stops another to the end of that one.
fn kill(rounds: usize) {
    let begin = |command: &mut Command, folder: &Path| {
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        while !folder.join("started").exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.unwrap()
    };
    let stopped = |command: &mut Command, running: &mut Child| {
        let from = Instant::now();
        assert!(command.stdout(Stdio::null()).status().unwrap().success());
        running.wait().unwrap();
        from.elapsed()
    };
    let script = "echo now > started; sleep 600";
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let folder = tempfile::tempdir().unwrap();
        let stayhand = |words: &[&str]| {
            let mut command = Command::new(binary());
            command
                .args(["--home", "state"])
                .args(words)
                .env("HOME", folder.path())
                .current_dir(folder.path());
            command
        };
        let mut running = begin(&mut stayhand(&["exec", script]), folder.path());
        ours.push(stopped(
            &mut stayhand(&["kill", "--by", "ada", "--reason", "a measurement"]),
            &mut running,
        ));

        let folder = tempfile::tempdir().unwrap();
        let mut running = begin(Command::new("sh").args(["-c", script]).process_group(0), folder.path());
        let group = format!("-{}", running.id());
        floor.push(stopped(Command::new("kill").args(["-KILL", "--", &group]), &mut running));
    }
    let (longest, middle) = (ours.iter().max().copied().unwrap(), median(ours));
    row(
        "`stayhand kill` to the end of `stayhand exec 'sleep 600'`",
        &format!("{middle:.1?}, at most {longest:.1?}"),
        &format!("`kill -KILL` of a group {:.1?}", median(floor)),
        "< 100 ms",
    );
}
