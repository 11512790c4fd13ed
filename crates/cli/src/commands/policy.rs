//! `stayhand policy`: write, check and understand policies.

use crate::args::{Asking, Global, Policy as Command};
use crate::{Exit, home, show};
use anstream::println;
use anyhow::Context as _;
use stayhand_core::decision::Layer;
use stayhand_core::policy::error::Problem;
use stayhand_core::policy::{LayerText, lint, packs, profiles, source};
use stayhand_runtime::policy_files::{PolicyFiles, read_file};
use stayhand_runtime::{Observe, wire};
use std::path::{Path, PathBuf};

pub(super) fn run(global: &Global, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Init { pack, project, stdout } => init(pack, *project, *stdout),
        Command::Lint { files, strict } => lint_files(global, files, *strict),
        Command::Test { files } => test(files),
        Command::Explain { asking, tool, input } => explain(global, asking, tool, input),
        Command::Show { pack: Some(pack), .. } => show_pack(pack),
        Command::Show { pack: None, policies } => show_policy(global, policies),
        Command::Schema => {
            show::json(&source::json_schema())?;
            Ok(Exit::Permitted)
        }
        Command::Fmt { files, check } => fmt(files, *check),
    }
}

fn pack_text(name: &str) -> anyhow::Result<&'static str> {
    let names = || packs::PACKS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    packs::text(name)
        .ok_or_else(|| home::usage(format!("there is no pack called `{name}`; there are: {}", names())))
}

fn init(pack: &str, project: bool, stdout: bool) -> anyhow::Result<Exit> {
    pack_text(pack)?;
    let text = starting_policy(pack, project);
    if stdout {
        print!("{text}");
        return Ok(Exit::Permitted);
    }
    let path = if project {
        home::project_policy(&home::workspace_of(&std::env::current_dir()?))
    } else {
        home::user_policy()?
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let created = std::fs::File::options().write(true).create_new(true).open(&path);
    let mut file =
        created.map_err(|error| home::usage(format!("{}: {error}; nothing was changed", path.display())))?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    println!("wrote {}", path.display());
    println!("check it with: stayhand policy lint {}", path.display());
    Ok(Exit::Permitted)
}

fn starting_policy(pack: &str, project: bool) -> String {
    let note = if project {
        "# A project's policy can only tighten: its allow rules grant nothing.\n"
    } else {
        "# This file takes the place of the default pack, and builds on it.\n"
    };
    let extends = if project { String::new() } else { format!("extends: {pack}\n") };
    format!(
        "# Stayhand policy. `stayhand policy schema` gives the keys, docs/POLICY.md explains them.\n{note}version: 1\n{extends}\n\
         rules:\n  - name: no_force_push\n    deny: bash\n    when:\n      program: git\n      subcommand: push\n      does: [force]\n    \
         reason: Published history stays as it is\n    match: [\"git push --force origin feature\"]\n    not_match: [\"git push origin feature\"]\n"
    )
}

fn layer_text(path: &Path) -> anyhow::Result<LayerText> {
    let text = read_file(path).map_err(|error| home::usage(error.to_string()))?;
    // What lies in a project's `.stayhand` is judged as a project's file.
    let project = path.parent().and_then(Path::file_name).is_some_and(|name| name == ".stayhand");
    let layer = if project { Layer::Project } else { Layer::User };
    Ok(LayerText { layer, name: path.display().to_string(), text })
}

fn lint_files(global: &Global, files: &[PathBuf], strict: bool) -> anyhow::Result<Exit> {
    let mut problems = Vec::new();
    for path in files {
        problems.extend(lint::lint(&layer_text(path)?, Observe));
    }
    let warnings = problems.iter().filter(|problem| problem.warning).count();
    let errors = problems.len() - warnings;
    if global.json {
        let list: Vec<_> = problems.iter().map(problem_json).collect();
        show::json(&list)?;
    } else {
        problems.into_iter().for_each(super::draw);
        println!("{} files, {errors} errors, {warnings} warnings", files.len());
    }
    let failed = errors > 0 || (strict && warnings > 0);
    Ok(if failed { Exit::Refused } else { Exit::Permitted })
}

fn problem_json(problem: &Problem) -> serde_json::Value {
    serde_json::json!({
        "file": problem.file.name(),
        "line": problem.line(),
        "severity": if problem.warning { "warning" } else { "error" },
        "message": problem.message,
        "help": problem.help,
    })
}

fn test(files: &[PathBuf]) -> anyhow::Result<Exit> {
    for path in files {
        let policy = super::load(&PolicyFiles::default().named(Layer::User, path))?;
        println!(
            "{} {}: {} rules, every example comes out as written",
            show::styled(show::GREEN, "ok"),
            path.display(),
            policy.rules().len()
        );
    }
    Ok(Exit::Permitted)
}

fn explain(global: &Global, asking: &Asking, tool: &str, input: &str) -> anyhow::Result<Exit> {
    let dry = super::dry_run(global, &super::files(asking)?)?;
    let action = super::check::action(tool, input)?;
    let parsed =
        wire::to_request(action, &home::defaults(asking)?).map_err(|error| home::usage(error.to_string()))?;
    let what = super::check::describe(&parsed.request);
    let (decision, facts) = dry.decide(parsed);
    let policy = &dry.policy;
    if global.json {
        show::json(&super::check::Answer::new(None, &decision, Some(&facts)))?;
        return Ok(super::check::exit_of(decision.effect));
    }
    println!("What it would do:");
    show::facts(&facts);
    println!("\nWhat the policy says ({}, {}):", policy.sources().join(" + "), policy.id().short());
    show::decision(&what, &decision);
    println!(
        "\nThe strictest finding decides; each operation must be covered by a rule that allows it or wants approval."
    );
    Ok(super::check::exit_of(decision.effect))
}

fn show_pack(name: &str) -> anyhow::Result<Exit> {
    print!("{}", profiles::text(name).map_or_else(|| pack_text(name), Ok)?);
    Ok(Exit::Permitted)
}

fn show_policy(global: &Global, policies: &[PathBuf]) -> anyhow::Result<Exit> {
    let policy = super::load(&super::files_in(policies, None)?)?;
    if global.json {
        let rules: Vec<_> = policy
            .rules()
            .iter()
            .map(|rule| serde_json::json!({ "name": rule.name, "layer": rule.layer, "kind": rule.kind.key(), "reason": rule.reason }))
            .collect();
        show::json(
            &serde_json::json!({ "policy": policy.id(), "sources": policy.sources(), "rules": rules }),
        )?;
        return Ok(Exit::Permitted);
    }
    println!("policy {}", policy.id());
    for source in policy.sources() {
        println!("  from {source}");
    }
    for rule in policy.rules() {
        let reason = rule.reason.as_deref().unwrap_or_default();
        println!(
            "  {:<8} {:<34} {}",
            rule.kind.key(),
            show::line(&rule.name, 34),
            show::styled(show::DIM, show::line(reason, 70))
        );
    }
    Ok(Exit::Permitted)
}

fn fmt(files: &[PathBuf], check: bool) -> anyhow::Result<Exit> {
    let mut untidy = 0;
    for path in files {
        let text = layer_text(path)?.text;
        let tidy = tidied(&text);
        if tidy == text {
            continue;
        }
        untidy += 1;
        if check {
            println!("{} would change", path.display());
        } else {
            replace(path, &tidy)?;
            println!("{} tidied", path.display());
        }
    }
    Ok(if check && untidy > 0 { Exit::Refused } else { Exit::Permitted })
}

/// Trailing blanks go, runs of empty lines become one, the file ends with one line end. Lines of
/// block texts (`|`, `>`) are left alone except at their end, where blanks mean nothing to a policy.
fn tidied(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        tidy.push_str(line);
        tidy.push('\n');
    }
    while tidy.ends_with("\n\n") {
        tidy.pop();
    }
    tidy
}

/// Writes beside the file and renames, so that a crash leaves one of the two.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().set_permissions(std::fs::metadata(path)?.permissions())?;
    file.persist(path)?;
    Ok(())
}
