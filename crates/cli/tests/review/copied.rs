//! A copy in the place of an overlay: all is the same, and nothing is lost.

use super::*;

/// A world whose state lies on an overlay itself, as everything does in a container: there is none over it.
fn in_a_container(test: &str) -> Option<World> {
    if !is_root() {
        not_run(test, "only root can mount");
        return None;
    }
    let mut world = World::new();
    let [lower, upper, work] = ["lower", "upper", "overlay-work"].map(|name| world.beside(name));
    for folder in [&lower, &upper, &work, &world.state] {
        fs::create_dir(folder).unwrap();
    }
    fs::set_permissions(&upper, fs::Permissions::from_mode(0o700)).unwrap();
    let mount = format!(
        "mount -t overlay overlay -o lowerdir={},upperdir={},workdir={} {} && exec \"$0\" \"$@\"",
        lower.display(),
        upper.display(),
        work.display(),
        world.state.display()
    );
    world.before = ["unshare", "-m", "sh", "-c", &mount].map(str::to_owned).into();
    Some(world)
}

/// Where there can be no overlay it is a copy that is changed, which is said, and then all is the same.
#[test]
fn a_copy_in_its_place() {
    let Some(world) = in_a_container("a_copy_in_its_place") else { return };
    let world = reviewed_in(world, everything, EVERYTHING);
    let receipts = world.events("settled");
    let without = receipts.last().unwrap()["boundary"]["without"].to_string();
    assert!(without.contains("it is a copy that is changed"), "{without}");
    every_kind_of_change(&world);
}

/// A copy whose run was cut off is not taken for one from which everything was deleted that is not there.
#[test]
fn a_copy_that_was_cut_off() {
    let Some(world) = in_a_container("a_copy_that_was_cut_off") else { return };
    world.write("kept", "x");
    world.write("lost", "x");
    world.write("go.sh", "echo x > made; rm lost; touch ready; sleep 30");
    let mut child =
        world.command(&["run", "--review", "--session", "one", "--", "bash", "go.sh"]).spawn().unwrap();
    let upper = world.beside("upper/runs/one/upper");
    wait_until("it is ready", || upper.join("ready").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    world.write("later", "by somebody else");
    let found = shown(&world);
    let names: Vec<_> = found.iter().map(|(path, (what, _))| (path.as_str(), what.as_str())).collect();
    assert_eq!(names, [("lost", "deleted"), ("made", "created"), ("ready", "created")]);
    world.run(&["changes", "commit", "--flagged"]).expect(PERMITTED);
    assert!(!world.work.join("lost").exists() && world.work.join("later").exists());
    // Nothing was started where nothing can be copied either.
    world.write("go.sh", "echo ran > ran");
    let large = world.write("large", "");
    fs::File::options().write(true).open(large).unwrap().set_len(1 << 40).unwrap();
    world.run(&["run", "--review", "--", "bash", "go.sh"]).expect(NOT_RUN).says("cannot be copied");
    assert!(!world.work.join("ran").exists());
}

/// What the policy lets be changed within the workspace is a part of what is copied, and no way around it.
#[test]
fn a_copy_has_no_holes() {
    let Some(world) = in_a_container("a_copy_has_no_holes") else { return };
    world.user_policy("extends: coding-agent\nboundaries: {paths: {allow: ['./**', './sub/**'], write: ['./**', './sub/**', './.git/**']}}\n");
    for folder in ["sub", ".git/hooks"] {
        fs::create_dir_all(world.work.join(folder)).unwrap();
    }
    let world = reviewed_in(world, |_| {}, "echo x > sub/made; echo x > .git/hooks/pre-commit");
    let found = shown(&world);
    assert!(found.contains_key("sub/made") && found[".git/hooks/pre-commit"].1, "{found:?}");
}
