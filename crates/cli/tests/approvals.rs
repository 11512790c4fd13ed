//! Held actions: asked for, answered by a person elsewhere, used once.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{NOT_RUN, PERMITTED, REFUSED, Run, Running, USAGE, World, wait_until};
use serde_json::Value;
use std::time::Duration;

/// A command that the default pack holds and that leaves a trace when it runs.
const MAKE: &[&str] =
    &["exec", "--", "python3", "-c", "exec(open('/dev/null').read()); open('made', 'a').write('x')"];

impl World {
    /// How often [`MAKE`] has run.
    fn made(&self) -> usize {
        std::fs::read(self.work.join("made")).map_or(0, |bytes| bytes.len())
    }

    /// Asks for [`MAKE`], which is held. The name of the approval.
    fn ask(&self) -> String {
        let run = self.run(MAKE);
        run.expect(NOT_RUN).says("ask_about_the_unknown");
        run.approval()
    }

    fn approve(&self, id: &str, by: &str) -> Run {
        self.run(&["approvals", "approve", id, "--by", by])
    }

    fn waiting(&self) -> Vec<Value> {
        self.run(&["--json", "approvals", "list"]).json().as_array().unwrap().clone()
    }
}

/// P006, R-21: what needs approval is not executed without it; with it, once.
#[test]
fn an_approval_from_another_process_is_used_once() {
    let world = World::new();
    let id = world.ask();
    assert_eq!(world.made(), 0);
    assert_eq!(world.waiting()[0]["id"], id.as_str());
    // Asking again asks nobody anew.
    assert_eq!(world.ask(), id);
    world.approve(&id, "ann").expect(PERMITTED).says("approved by ann");
    assert_eq!(world.waiting().len(), 0);
    world.run(MAKE).expect(PERMITTED);
    assert_eq!(world.made(), 1);
    // The yes is used up: the next time a person is asked again.
    let next = world.ask();
    assert_ne!(next, id);
    assert_eq!(world.made(), 1);
    let all = world.run(&["--json", "approvals", "list", "--all"]).json();
    let statuses: Vec<_> =
        all.as_array().unwrap().iter().map(|approval| approval["status"].clone()).collect();
    assert_eq!(statuses, ["used", "pending"]);
    world.verify();
    world.run(&["replay"]).expect(PERMITTED);
}

#[test]
fn a_rejection_refuses_the_retry() {
    let world = World::new();
    let id = world.ask();
    world
        .run(&["approvals", "reject", &id, "--by", "ann", "--comment", "not today"])
        .expect(PERMITTED)
        .says("rejected by ann");
    let retry = world.run(MAKE);
    retry.expect(NOT_RUN).says("approval_rejected");
    assert!(!retry.err.contains("held as"), "a refused action was held again: {}", retry.err);
    assert_eq!(world.made(), 0);
    let answer = &world.events("approval_resolved")[0];
    assert_eq!(
        (answer["by"].as_str(), answer["grant"].as_bool(), answer["comment"].as_str()),
        (Some("ann"), Some(false), Some("not today"))
    );
}

#[test]
fn an_answer_is_final() {
    let world = World::new();
    let id = world.ask();
    world.approve(&id, "ann").expect(PERMITTED);
    world.approve(&id, "bob").expect(REFUSED).says("answered already");
    world.run(&["approvals", "reject", &id, "--by", "bob"]).expect(REFUSED).says("answered already");
    assert_eq!(world.events("approval_resolved").len(), 1);
    world.approve("A999", "ann").expect(REFUSED).says("no such approval");
    world.approve("17x", "ann").expect(USAGE);
    world.run(&["approvals", "show", "A999"]).expect(USAGE).says("A999");
    let other = world
        .run(&["exec", "--session", "other", "--", "python3", "-c", "exec(open('/dev/null').read())"])
        .approval();
    world.approve(&other, "  ").expect(REFUSED).says("named person");
}

/// D043, P099.
#[test]
fn two_answers_at_once_have_one_winner() {
    let world = World::new();
    let id = world.ask();
    let start = |n: usize| {
        let verb = if n.is_multiple_of(2) { "approve" } else { "reject" };
        Running::start(world.command(&["approvals", verb, &id, "--by", &format!("person-{n}")]), Vec::new())
    };
    let running: Vec<Running> = (0..6).map(start).collect();
    let codes: Vec<i32> = running.into_iter().map(|running| running.finish().code).collect();
    assert_eq!(codes.iter().filter(|code| **code == PERMITTED).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == REFUSED).count(), 5, "{codes:?}");
    assert_eq!(world.events("approval_resolved").len(), 1);
}

#[test]
fn waiting_ends_with_the_answer() {
    for (verb, code, made) in [("approve", PERMITTED, 1), ("reject", NOT_RUN, 0)] {
        let world = World::new();
        let args = [&["exec", "--wait"], &MAKE[1..]].concat();
        let waiting = Running::start(world.command(&args), Vec::new());
        wait_until("the action is held", || world.state.exists() && !world.waiting().is_empty());
        assert_eq!(world.made(), 0);
        let id = world.waiting()[0]["id"].as_str().unwrap().to_owned();
        world.run(&["approvals", verb, &id, "--by", "ann"]).expect(PERMITTED);
        waiting.finish().expect(code);
        assert_eq!(world.made(), made);
        world.verify();
    }
}

/// P100, R-21, D240: nobody answers, nothing runs.
#[test]
fn waiting_ends_with_the_expiry() {
    let world = World::new();
    world.user_policy("extends: coding-agent\ndefaults: {approval_timeout_s: 2}\n");
    let args = [&["exec", "--wait"], &MAKE[1..]].concat();
    let run = world.run(&args);
    run.expect(NOT_RUN);
    assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
    assert_eq!(world.made(), 0);
}

#[test]
fn lists_and_shows_what_would_run() {
    let world = World::new();
    world.run(&["approvals", "list"]).expect(PERMITTED).says("nothing waits");
    let id = world.ask();
    let list = world.run(&["approvals", "list"]);
    list.expect(PERMITTED).says(&id).says("pending").says("Part of this action could not be understood");
    let one = &world.waiting()[0];
    for key in ["id", "status", "agent", "asked", "expires", "decision", "request_digest"] {
        assert!(!one[key].is_null(), "{key} is missing: {one}");
    }
    let shown = world.run(&["--json", "approvals", "show", &id]).json();
    assert_eq!(shown["approval"]["id"], id.as_str());
    assert_eq!(
        shown["request"]["resource"]["argv"][2],
        "exec(open('/dev/null').read()); open('made', 'a').write('x')"
    );
    assert!(shown["facts"]["operations"].is_array());
    world
        .run(&["approvals", "show", &id])
        .expect(PERMITTED)
        .says("exec(open('/dev/null').read()); open('made', 'a').write('x')")
        .says("unknown effects");
    world.approve(&id, "ann").expect(PERMITTED);
    world.run(&["approvals", "list", "--all"]).expect(PERMITTED).says("granted");
}

/// An approval is bound to the exact request: arguments, session, agent, folder, policy.
#[test]
fn bypass_131_an_approval_is_not_replayed_for_anything_else() {
    let world = World::new();
    std::fs::create_dir(world.work.join("sub")).unwrap();
    let stricter =
        world.write("other.yaml", "extends: coding-agent\nrules:\n  - {deny: bash, when: {program: dd}}\n");
    let stricter = stricter.to_str().unwrap();
    let id = world.ask();
    world.approve(&id, "ann").expect(PERMITTED);
    let code = "exec(open('/dev/null').read()); open('made', 'a').write('x')";
    for other in [
        &["exec", "--", "python3", "-c", "exec(open('/dev/null').read()); open('made', 'a').write('xy')"][..],
        &["exec", "--", "python3", "-c", code, "more"],
        &["exec", "--session", "other", "--", "python3", "-c", code],
        &["exec", "--agent", "mallory", "--", "python3", "-c", code],
        &["exec", "--cwd", "sub", "--", "python3", "-c", code],
        &["exec", "--policy", stricter, "--", "python3", "-c", code],
    ] {
        let run = world.run(other);
        assert_eq!(run.code, NOT_RUN, "{other:?}: {run:?}");
        assert_ne!(run.approval(), id, "{other:?}");
    }
    assert_eq!(world.made(), 0);
    // The neighbour: the request itself.
    world.run(MAKE).expect(PERMITTED);
    assert_eq!(world.made(), 1);
}

#[test]
fn bypass_131_a_stale_approval_cannot_be_given_or_used() {
    let world = World::new();
    world.user_policy("extends: coding-agent\ndefaults: {approval_timeout_s: 2}\n");
    let late = world.ask();
    std::thread::sleep(Duration::from_millis(2100));
    world.approve(&late, "ann").expect(REFUSED).says("expired");
    let unused = world.ask();
    assert_ne!(unused, late);
    world.approve(&unused, "ann").expect(PERMITTED);
    std::thread::sleep(Duration::from_millis(2100));
    let next = world.ask();
    assert_ne!(next, unused);
    assert_eq!(world.made(), 0);
    // The neighbour: in time.
    world.approve(&next, "ann").expect(PERMITTED);
    world.run(MAKE).expect(PERMITTED);
}

#[test]
fn bypass_132_an_approval_does_not_carry_over() {
    let world = World::new();
    let id = world.ask();
    world.approve(&id, "ann").expect(PERMITTED);
    // Two at once: the yes is good for one of them.
    let running: Vec<Running> = (0..2).map(|_| Running::start(world.command(MAKE), Vec::new())).collect();
    let mut codes: Vec<i32> = running.into_iter().map(|running| running.finish().code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [PERMITTED, NOT_RUN]);
    assert_eq!(world.made(), 1);
    world.run(&["exec", "--", "git", "push", "origin", "main"]).expect(NOT_RUN);
}

/// P102: the requester may not answer, nor may the agent reach the command that answers.
#[test]
fn bypass_133_the_requester_does_not_approve() {
    let world = World::new();
    let id = world.ask();
    world.approve(&id, "agent").expect(REFUSED).says("whoever asked may not answer");
    let own = world
        .run(&["exec", "--agent", "build-bot", "--", "python3", "-c", "exec(open('/dev/null').read())"])
        .approval();
    world.approve(&own, "build-bot").expect(REFUSED);
    for command in [
        format!("stayhand approvals approve {id}"),
        format!("stayhand --home {} approvals approve {id} --by ann", world.state.display()),
        format!("env stayhand approvals approve {id}"),
        format!("bash -c 'stayhand approvals approve {id}'"),
        format!("{} approvals approve {id} --by ann", common::STAYHAND),
    ] {
        let run = world.run(&["exec", &command]);
        assert_eq!(run.code, NOT_RUN, "{command}: {run:?}");
    }
    assert_eq!(world.events("approval_resolved").len(), 0);
    // The neighbours: another person, and an agent that only looks.
    world.approve(&own, "ann").expect(PERMITTED);
    world.run(&["check", "bash", "stayhand approvals list"]).expect(PERMITTED);
}

/// Silence is a refusal, and asking again is possible.
#[test]
fn bypass_137_silence_is_a_refusal_and_can_be_asked_again() {
    let world = World::new();
    world.user_policy("extends: coding-agent\ndefaults: {approval_timeout_s: 2}\n");
    let id = world.ask();
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(world.waiting().len(), 0);
    world.run(&["approvals", "list", "--all"]).says("expired");
    assert_eq!(world.made(), 0);
    let again = world.ask();
    assert_ne!(again, id);
    // The neighbour: a policy that gives more time.
    world.user_policy("extends: coding-agent\ndefaults: {approval_timeout_s: 86400}\n");
    let patient = world.ask();
    let shown = world.run(&["--json", "approvals", "show", &patient]).json();
    assert_eq!(shown["approval"]["status"], "pending");
}

/// What the person sees is what runs, with nothing hidden or turned around.
#[test]
fn bypass_138_what_is_shown_is_what_runs() {
    let world = World::new();
    let code =
        "exec(open('/dev/null').read())\nopen('made', 'a')\n# harmless \u{202e}('x')etirw\u{1b}[1A\u{1b}[2K";
    let run = world.run(&["exec", "--", "python3", "-c", code]);
    let id = run.expect(NOT_RUN).approval();
    for args in
        [&["approvals", "show", &id][..], &["approvals", "list"], &["--json", "approvals", "show", &id]]
    {
        let shown = world.run(args);
        let disguised = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n');
        assert!(!shown.out.contains(disguised), "{args:?}: {:?}", shown.out);
    }
    let shown = world.run(&["--json", "approvals", "show", &id]).json();
    assert_eq!(shown["request"]["resource"]["argv"][2], code, "the escapes stand for the same text");
    world.approve(&id, "ann").expect(PERMITTED);
    world.run(&["exec", "--", "python3", "-c", code]).expect(PERMITTED);
    assert!(world.work.join("made").exists());
    // P103: what changed after it was shown is not what was approved.
    let id = world.ask();
    world.approve(&id, "ann").expect(PERMITTED);
    world
        .run(&[
            "exec",
            "--",
            "python3",
            "-c",
            "exec(open('/dev/null').read()); open('made', 'a').write('xx')",
        ])
        .expect(NOT_RUN);
}
