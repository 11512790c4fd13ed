//! P-rows about approvals; the rest of them is in `tests/approvals.rs`.

use crate::common::{NOT_RUN, PERMITTED, REFUSED, World};

#[test]
fn p102_the_requester_may_not_answer() {
    let world = World::new();
    let id = world
        .run(&["exec", "--agent", "coder", "--", "python3", "-c", "exec(open('/dev/null').read())"])
        .expect(NOT_RUN)
        .approval();
    world.run(&["approvals", "approve", &id, "--by", "coder"]).expect(REFUSED).says("whoever asked");
    world.run(&["approvals", "approve", &id, "--by", "ann"]).expect(PERMITTED);
}

/// What was approved is the text and its surroundings at that moment; other ones are asked for anew.
#[test]
fn p103_what_changed_since_is_not_approved() {
    let world = World::new();
    std::fs::create_dir(world.work.join("elsewhere")).unwrap();
    let ask = |args: &[&str]| world.run(&[&["exec"], args].concat());
    let id = ask(&["--", "python3", "-c", "exec(open('/dev/null').read()); open('made', 'w')"])
        .expect(NOT_RUN)
        .approval();
    world.run(&["approvals", "approve", &id, "--by", "ann"]).expect(PERMITTED);
    assert_ne!(
        ask(&["--", "python3", "-c", "exec(open('/dev/null').read()); open('made2', 'w')"])
            .expect(NOT_RUN)
            .approval(),
        id
    );
    assert_ne!(
        ask(&[
            "--cwd",
            "elsewhere",
            "--",
            "python3",
            "-c",
            "exec(open('/dev/null').read()); open('made', 'w')"
        ])
        .expect(NOT_RUN)
        .approval(),
        id
    );
    // A policy that has changed since is asked again.
    world.user_policy("extends: coding-agent\nrules: [{name: x, deny: bash, when: {program: dd}}]\n");
    assert_ne!(
        ask(&["--", "python3", "-c", "exec(open('/dev/null').read()); open('made', 'w')"])
            .expect(NOT_RUN)
            .approval(),
        id
    );
    assert!(!world.work.join("made").exists() && !world.work.join("made2").exists());
    std::fs::remove_file(world.home.join(".config/stayhand/policy.yaml")).unwrap();
    ask(&["--", "python3", "-c", "exec(open('/dev/null').read()); open('made', 'w')"]).expect(PERMITTED);
    assert!(world.work.join("made").exists());
}
