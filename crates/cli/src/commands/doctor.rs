//! `stayhand doctor`: every control proves itself by doing, or the command fails.

use crate::args::Global;
use crate::{Exit, home, show};
use anstream::println;
use anyhow::{Context as _, bail, ensure};
use stayhand_core::decision::{Decision, Effect, Layer, Level};
use stayhand_core::event::Outcome;
use stayhand_core::policy::sandbox::SandboxGrants;
use stayhand_core::reason::Reason;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::wire::{self, Defaults};
use stayhand_runtime::{Clock, Engine, Local, LocalSettings, Settings, Verdict};
use stayhand_sandbox::{Failure, Receipt};
use stayhand_store::Log;
use std::path::Path;
use std::time::Duration;

/// A control and its proof. The proof says what it saw, or fails.
type Proof = (&'static str, fn(&Scratch) -> anyhow::Result<String>);

const PROOFS: &[Proof] = &[
    ("state folder", state_folder),
    ("policy in force", policy_in_force),
    ("refusal", refusal),
    ("canary", canary),
    ("empty policy", empty_policy),
    ("broken policy", broken_policy),
    ("metadata address", metadata_address),
    ("own state", own_state),
    ("write outside", write_outside),
    ("planted link", planted_link),
    ("time limit", time_limit),
    ("environment", environment),
    ("permit bound", permit_bound),
    ("tampered log", tampered_log),
    ("truncated log", truncated_log),
];

/// A folder of its own for every run, and what the user's own set-up is.
struct Scratch {
    folder: tempfile::TempDir,
    home: std::path::PathBuf,
    files: PolicyFiles,
}

pub(super) fn run(global: &Global) -> anyhow::Result<Exit> {
    let scratch = Scratch {
        folder: home::private_folder("stayhand-doctor-")?,
        home: home::state(global.home.as_deref())?,
        files: super::files_in(&[], None)?,
    };
    let mut failed = 0;
    let mut results = Vec::new();
    for (name, proof) in PROOFS {
        let proven = proof(&scratch);
        failed += usize::from(proven.is_err());
        let (mark, text) = match &proven {
            Ok(seen) => (show::styled(show::GREEN, "✓"), seen.clone()),
            Err(error) => (show::styled(show::RED, "✗"), format!("{error:#}")),
        };
        if !global.json {
            println!("{mark} {name:<17} {text}");
        }
        results.push(serde_json::json!({ "control": name, "proven": proven.is_ok(), "seen": text }));
    }
    let ladder = Local::new(home::local_settings(&SandboxGrants::default())).ladder();
    let containers = containers();
    let reached = ladder.iter().find(|(_, tried)| tried.is_ok()).map_or(Level::None, |(level, _)| *level);
    if global.json {
        let rungs: Vec<_> = ladder.iter().map(rung).collect();
        let report = serde_json::json!({
            "controls": results, "confinement": reached, "ladder": rungs,
            "containers": containers, "failed": failed,
        });
        show::json(&report)?;
    } else {
        ladder.iter().for_each(show_rung);
        show_containers(&containers);
        if reached == Level::None {
            let text = "nothing can be confined here: a permitted program can do whatever the user can";
            println!("{} {:<17} {text}", show::styled(show::YELLOW, "!"), "confinement");
        }
        println!("{} controls, {failed} failed", PROOFS.len());
    }
    Ok(if failed == 0 { Exit::Permitted } else { Exit::Refused })
}

/// A level of confinement that was tried out, and what came of it.
type Rung = (Level, Result<Receipt, Failure>);

fn rung((level, tried): &Rung) -> serde_json::Value {
    match tried {
        Ok(receipt) => serde_json::json!({ "level": level, "mechanisms": receipt.mechanisms }),
        Err(failure) => {
            serde_json::json!({ "level": level, "missing": failure.to_string(), "advice": failure.advice() })
        }
    }
}

/// The container engine that was found.
#[derive(serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Containers {
    Engine(String),
    Missing(String),
}

fn containers() -> Containers {
    let Some(socket) = stayhand_oci::Engine::socket(home::variable("DOCKER_HOST").as_deref()) else {
        let text = "no socket of Docker or podman is where it usually is, and DOCKER_HOST names none";
        return Containers::Missing(text.to_owned());
    };
    match stayhand_oci::Engine::at(&socket) {
        Ok(engine) => Containers::Engine(engine.describe()),
        Err(failure) => Containers::Missing(failure.to_string()),
    }
}

/// A container is asked for by name and never taken in the place of something stronger, so that none is missed.
fn show_containers(containers: &Containers) {
    let (mark, text) = match containers {
        Containers::Engine(engine) => (show::styled(show::GREEN, "✓"), engine),
        Containers::Missing(why) => (show::styled(show::DIM, "-"), why),
    };
    println!("{mark} {:<17} {text}", format!("confinement {}", Level::Oci));
}

fn show_rung((level, tried): &Rung) {
    let name = format!("confinement {level}");
    match tried {
        Ok(receipt) => {
            let names: Vec<String> = receipt.mechanisms.iter().map(ToString::to_string).collect();
            println!("{} {name:<17} {}", show::styled(show::GREEN, "✓"), names.join(", "));
        }
        Err(failure) => {
            println!("{} {name:<17} {failure}", show::styled(show::YELLOW, "!"));
            if !failure.advice().is_empty() {
                println!("  {:<17} {}", "", show::styled(show::DIM, failure.advice()));
            }
        }
    }
}

impl Scratch {
    /// An engine of its own in the folder `name`.
    fn engine(&self, name: &str, files: PolicyFiles) -> anyhow::Result<Engine> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Engine::open(&folder, Settings { policy: files, clock: Clock::System, ..Settings::default() })?)
    }

    /// A policy file of its own.
    fn policy(&self, name: &str, text: &str) -> anyhow::Result<PolicyFiles> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(PolicyFiles::default().named(Layer::User, path))
    }

    /// The workspace for actions.
    fn workspace(&self) -> anyhow::Result<std::path::PathBuf> {
        let folder = std::fs::canonicalize(self.folder.path())?.join("workspace");
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn ask(&self, engine: &Engine, tool: &str, input: serde_json::Value) -> anyhow::Result<Verdict> {
        let workspace = self.workspace()?;
        let user = home::user_home()?;
        let defaults = Defaults::new(&workspace.to_string_lossy(), &user.to_string_lossy());
        let line = serde_json::json!({ "tool": tool, "input": input }).to_string();
        Ok(engine.authorize(wire::request(line.as_bytes(), &defaults)?)?)
    }
}

/// The decision of a verdict that must not be a permit.
fn not_permitted(verdict: Verdict) -> anyhow::Result<Decision> {
    match verdict {
        Verdict::Refused(refused) => Ok(refused.decision),
        Verdict::Held(held) => Ok(held.decision),
        Verdict::Permitted(_) => bail!("it was permitted"),
    }
}

fn refused_with(verdict: Verdict, reason: Reason) -> anyhow::Result<()> {
    let decision = not_permitted(verdict)?;
    ensure!(decision.effect == Effect::Deny, "it was held and not refused");
    let found = decision.findings.iter().any(|finding| finding.reason == reason);
    ensure!(found, "it was refused, but not as {reason}");
    Ok(())
}

fn state_folder(scratch: &Scratch) -> anyhow::Result<String> {
    use std::os::unix::fs::PermissionsExt as _;
    super::make_state_folder(&scratch.home)?;
    let mode = std::fs::metadata(&scratch.home)?.permissions().mode() & 0o777;
    ensure!(mode & 0o077 == 0, "{} is open to others (mode {mode:o}); chmod 700 it", scratch.home.display());
    drop(tempfile::tempfile_in(&scratch.home).context("the state folder cannot be written")?);
    Ok(format!("{} is private and writable", scratch.home.display()))
}

fn policy_in_force(scratch: &Scratch) -> anyhow::Result<String> {
    let policy = scratch.files.load().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(format!("{} ({})", policy.sources().join(" + "), policy.id().short()))
}

fn refusal(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("refusal", scratch.files.clone())?;
    for command in ["rm -rf /", "rm -fr /", "find / -delete", "echo x > /etc/passwd"] {
        let decision =
            not_permitted(scratch.ask(&engine, "bash", serde_json::json!({ "command": command }))?)
                .with_context(|| format!("`{command}`"))?;
        ensure!(decision.effect >= Effect::Approve, "`{command}` is allowed");
    }
    Ok("`rm -rf /` and three of its spellings do not pass".to_owned())
}

/// What a client does: it starts this program anew in the user's own set-up, and trusts its exit code.
/// One request that no policy permits, and one that cannot be read.
fn canary(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("canary", scratch.policy("open.yaml", "extends: permissive")?)?;
    let settings = user_policy_folder()?;
    let mut local = home::local_settings(&SandboxGrants::default());
    local.environment.push(("XDG_CONFIG_HOME".to_owned(), settings));
    let executor = Local::new(local);
    let program = std::env::current_exe()?;
    let code = |input: &str| {
        let argv = serde_json::json!({ "argv": [program, "check", "fetch", input] });
        let Verdict::Permitted(permit) = scratch.ask(&engine, "exec", argv)? else {
            bail!("starting this program was not permitted")
        };
        Ok(engine.execute(permit, &executor)?.outcome)
    };
    let harmful = code(r#"{"url":"http://169.254.169.254/"}"#)?;
    ensure!(harmful == Outcome::Exit { code: 1 }, "a metadata service was not refused, but: {harmful:?}");
    let unreadable = code(r#"{"url":"http://169.254.169.254/"#)?;
    ensure!(unreadable == Outcome::Exit { code: 2 }, "a broken request was no error, but: {unreadable:?}");
    Ok("started as clients start it, this program refuses with 1 and fails with 2".to_owned())
}

/// The folder that holds the folder of the user's policy.
fn user_policy_folder() -> anyhow::Result<String> {
    let file = home::user_policy()?;
    let folder = file.parent().and_then(Path::parent).context("the user's policy lies nowhere")?;
    Ok(folder.to_string_lossy().into_owned())
}

fn empty_policy(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("empty", scratch.policy("empty.yaml", "")?)?;
    refused_with(
        scratch.ask(&engine, "bash", serde_json::json!({ "command": "ls" }))?,
        Reason::NoRuleAllows,
    )?;
    Ok("refuses everything".to_owned())
}

fn broken_policy(scratch: &Scratch) -> anyhow::Result<String> {
    let files = scratch.policy("changing.yaml", "rules: [{allow: read_file}]")?;
    let engine = scratch.engine("broken", files)?;
    let before = engine.policy().id();
    scratch.policy("changing.yaml", "rulez: []")?;
    ensure!(engine.reload().is_err(), "a broken file was loaded");
    ensure!(engine.policy().id() == before, "a broken file displaced the policy in force");
    Ok("is refused, and the policy in force stays".to_owned())
}

fn metadata_address(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("metadata", scratch.policy("open.yaml", "extends: permissive")?)?;
    for url in ["http://169.254.169.254/latest/", "http://2852039166/", "http://[::ffff:a9fe:a9fe]/"] {
        refused_with(
            scratch.ask(&engine, "fetch", serde_json::json!({ "url": url }))?,
            Reason::MetadataAddress,
        )
        .with_context(|| url.to_owned())?;
    }
    Ok("refused in three spellings, under the most permissive policy".to_owned())
}

fn own_state(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("own", scratch.policy("open.yaml", "extends: permissive")?)?;
    let path = home::user_home()?.join(".config/stayhand/policy.yaml");
    let input = serde_json::json!({ "path": path, "content": "" });
    refused_with(scratch.ask(&engine, "write_file", input)?, Reason::StayhandProtected)?;
    Ok("no agent may write Stayhand's policy, under any policy".to_owned())
}

fn write_outside(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("outside", PolicyFiles::default())?;
    let path = "/etc/stayhand-doctor";
    let input = serde_json::json!({ "path": path, "content": "x" });
    let decision = not_permitted(scratch.ask(&engine, "write_file", input)?)?;
    ensure!(decision.effect == Effect::Deny && !Path::new(path).exists(), "{path} was written");
    Ok(format!("{path} is refused and was not written"))
}

/// A link that appears between decision and execution.
fn planted_link(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("link", scratch.policy("open.yaml", "extends: permissive")?)?;
    let inside = scratch.workspace()?.join("note.txt");
    let outside = scratch.folder.path().join("outside.txt");
    std::fs::write(&outside, "untouched")?;
    let verdict =
        scratch.ask(&engine, "write_file", serde_json::json!({ "path": inside, "content": "changed" }))?;
    let Verdict::Permitted(permit) = verdict else { bail!("writing in the workspace was not permitted") };
    std::os::unix::fs::symlink(&outside, &inside)?;
    let done = engine.execute(permit, &Local::new(LocalSettings::default()))?;
    ensure!(matches!(done.outcome, Outcome::Failed { .. }), "the write went through the link");
    ensure!(std::fs::read_to_string(&outside)? == "untouched", "the file behind the link was written");
    Ok("a link planted after the decision is not followed".to_owned())
}

fn time_limit(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("time", scratch.policy("open.yaml", "extends: permissive")?)?;
    let verdict = scratch.ask(&engine, "exec", serde_json::json!({ "argv": ["sleep", "10"] }))?;
    let Verdict::Permitted(permit) = verdict else { bail!("`sleep` was not permitted") };
    let limit = Duration::from_millis(50);
    let done = engine.execute(permit, &Local::new(LocalSettings { limit, ..LocalSettings::default() }))?;
    ensure!(matches!(done.outcome, Outcome::Stopped { .. }), "`sleep 10` was not stopped");
    Ok(format!("`sleep 10` was stopped after {} ms", done.duration.as_millis()))
}

fn environment(scratch: &Scratch) -> anyhow::Result<String> {
    let engine = scratch.engine("environment", scratch.policy("open.yaml", "extends: permissive")?)?;
    let verdict = scratch.ask(&engine, "exec", serde_json::json!({ "argv": ["env"] }))?;
    let Verdict::Permitted(permit) = verdict else { bail!("`env` was not permitted") };
    let done = engine.execute(permit, &Local::new(LocalSettings::default()))?;
    let names: Vec<&str> = done.effected.output.lines().filter_map(|line| line.split('=').next()).collect();
    ensure!(names == ["PATH"], "programs see {names:?}");
    Ok("programs see nothing but the allow-list".to_owned())
}

/// A permit of one engine is worth nothing in another. (That it cannot be used twice is a matter of types:
/// `Engine::execute` takes it by value.)
fn permit_bound(scratch: &Scratch) -> anyhow::Result<String> {
    let one = scratch.engine("one", scratch.policy("open.yaml", "extends: permissive")?)?;
    let other = scratch.engine("other", scratch.policy("open.yaml", "extends: permissive")?)?;
    let verdict = scratch.ask(&one, "exec", serde_json::json!({ "argv": ["true"] }))?;
    let Verdict::Permitted(permit) = verdict else { bail!("`true` was not permitted") };
    let done = other.execute(permit, &Local::new(LocalSettings::default()))?;
    ensure!(matches!(done.outcome, Outcome::Abandoned { .. }), "another engine's permit was executed");
    Ok("a permit is worth nothing elsewhere".to_owned())
}

/// A log with a few decisions; the engine is closed, so that all of it lies in one file.
fn small_log(scratch: &Scratch, name: &str) -> anyhow::Result<std::path::PathBuf> {
    let engine = scratch.engine(name, PolicyFiles::default())?;
    for number in 0..5 {
        let command = format!("echo stayhand-doctor-{number}");
        let verdict = scratch.ask(&engine, "bash", serde_json::json!({ "command": command }))?;
        if let Verdict::Permitted(permit) = verdict {
            engine.abandon(permit, "only a proof")?;
        }
    }
    Ok(scratch.folder.path().join(name))
}

fn tampered_log(scratch: &Scratch) -> anyhow::Result<String> {
    let folder = small_log(scratch, "tampered")?;
    let report = Log::open_read_only(&folder)?.verify(None, None)?;
    let file = folder.join("log.db");
    let mut bytes = std::fs::read(&file)?;
    // Every copy: the file may still hold old ones where a page was split, which nobody reads.
    let (from, to) = (b"stayhand-doctor-3", b"stayhand-doctor-4");
    let found = bytes.windows(from.len()).enumerate().filter(|(_, window)| window == from);
    let places: Vec<usize> = found.map(|(at, _)| at).collect();
    ensure!(!places.is_empty(), "the record is not in the file");
    for at in places {
        bytes.get_mut(at..at + to.len()).context("the record lies outside the file")?.copy_from_slice(to);
    }
    std::fs::write(&file, bytes)?;
    ensure!(Log::open_read_only(&folder)?.verify(None, None).is_err(), "a changed record was not noticed");
    Ok(format!("one changed record of {} is noticed", report.records))
}

fn truncated_log(scratch: &Scratch) -> anyhow::Result<String> {
    let folder = small_log(scratch, "truncated")?;
    let older = scratch.folder.path().join("older");
    std::fs::create_dir_all(&older)?;
    for name in ["log.db", "key.pub"] {
        std::fs::copy(folder.join(name), older.join(name))?;
    }
    let engine = Engine::open(&folder, Settings::default())?;
    drop(engine);
    let kept = Log::open_read_only(&folder)?.checkpoint()?;
    let rolled_back = Log::open_read_only(&older)?.verify(Some(&kept), None);
    ensure!(rolled_back.is_err(), "an older copy of the log passed for the log");
    Ok("an older copy fails against a kept checkpoint".to_owned())
}
