//! The boundary without one of its parts: each attempt that is stopped with it goes through without it. And a kernel that lacks
//! something: the documented level, or an error that names it.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and plays the one who starts processes"
)]
#![allow(dead_code, reason = "the world is shared with the escapes")]

mod common;

use common::*;
use rustix::process::{Pid, Signal, kill_process};
use stayhand_core::decision::Level;
use stayhand_sandbox::{Failure, Mechanism, Overlay, Receipt, Report, Spec};
use std::io::{BufRead as _, BufReader};

/// What a line of Python prints, with the whole boundary and without one part of it.
#[track_caller]
fn differs(level: Level, part: Mechanism, script: &str, whole: &str, weakened: &str) {
    let who = if level == Level::L1 { Who::RootForUser } else { Who::Own };
    match World::new(level, who) {
        Ok(mut world) => {
            world.limit(|limits| (limits.processes, limits.file_bytes) = (60, 1 << 20)).unwrap();
            world.says(script, whole);
            world.without = vec![part.to_string()];
            world.says(script, weakened);
        }
        Err(why) => eprintln!("NOT RUN at {level}: {why}"),
    }
}

#[test]
fn the_filter_of_system_calls() {
    let at = |script, whole, weakened| differs(Level::L2, Mechanism::SystemCalls, script, whole, weakened);
    // Keys of the kernel, the ring of calls, families of sockets, a terminal's input, a namespace, tracing.
    at("print(call(248, b'user', b'x', b'y', 1, -2) > 0)", "False", "True");
    at("print(call(425, 1, ctypes.create_string_buffer(120)) > 0)", "False", "True");
    at("print(call(41, 16, 3, 15) > 0)", "False", "True");
    at("print(call(272, 0x10000000))", "-1", "0");
    at("print(call(101, 0, 0, 0, 0))", "-1", "0");
    // The second table of calls ends the process.
    at(
        "pid = os.fork()\nif pid == 0: call(0x40000000 | 39); os._exit(0)\nprint(os.waitpid(pid, 0)[1] & 127)",
        "31",
        "0",
    );
}

#[test]
fn the_network_namespace() {
    let listens = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listens.local_addr().unwrap().port();
    let script = format!("print(socket.socket().connect_ex(('127.0.0.1', {port})))");
    differs(Level::L2, Mechanism::NetNamespace, &script, "111", "0");
}

#[test]
fn the_namespace_of_shared_memory() {
    let script = "print(sum(1 for _ in open('/proc/sysvipc/shm')) > 1)";
    let made = std::process::Command::new("ipcmk").args(["-M", "1024", "-p", "0666"]).output().unwrap();
    let id = String::from_utf8_lossy(&made.stdout).trim().rsplit(' ').next().unwrap().to_owned();
    differs(Level::L2, Mechanism::IpcNamespace, script, "False", "True");
    std::process::Command::new("ipcrm").args(["-m", &id]).status().unwrap();
}

#[test]
fn limits_of_each_process() {
    let big = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n\
               try:\n print(open('big', 'wb').write(bytes(2 << 20)))\nexcept OSError: print('too big')";
    differs(Level::L2, Mechanism::ResourceLimits, big, "too big", "2097152");
    let many = "made = 0\ntry:\n  while made < 100:\n    if os.fork() == 0: os.pause() if hasattr(os, 'pause') else __import__('signal').pause()\n    made += 1\n\
                except OSError: pass\nprint(made == 100)";
    differs(Level::L2, Mechanism::ResourceLimits, many, "False", "True");
}

#[test]
fn landlock_where_there_is_no_other_root() {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    write(&place.path().join("secret"), "hidden");
    let path = place.path().display();
    let read = format!("try: print(open('{path}/secret').read())\nexcept OSError as e: print(e.errno)");
    differs(Level::L1, Mechanism::LandlockFiles, &read, "13", "hidden");
    let write =
        format!("try: print(open('{path}/new', 'w').write('x'))\nexcept OSError as e: print(e.errno)");
    differs(Level::L1, Mechanism::LandlockFiles, &write, "13", "1");
}

#[test]
fn the_death_of_whoever_watches() {
    for (without, survives) in [(Vec::new(), false), (vec![Mechanism::EndsWithParent.to_string()], true)] {
        let mut world = World::new(Level::L2, Who::Own).unwrap();
        world.without = without;
        let launcher = launcher();
        let mut watcher = std::process::Command::new("bash");
        watcher
            .args(["-c", "\"$@\"; exit"])
            .arg("watcher")
            .arg(launcher.get_program())
            .args(launcher.get_args());
        let (mut child, _control) = world.start(watcher, &["bash", "-c", "echo started; exec sleep 4299.1"]);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), Signal::KILL).unwrap();
        child.wait().unwrap();
        if survives {
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert!(runs("4299.1"));
            std::process::Command::new("pkill").args(["-9", "-f", "sleep 4299.1"]).status().unwrap();
        } else {
            is_gone("4299.1");
        }
    }
}

/// What is reached without these calls, if nothing below `least` is acceptable.
fn reached(least: Level, calls: &[i64]) -> Result<Receipt, Failure> {
    reached_with(least, calls, |_| {})
}

/// The same, for a boundary with something more.
fn reached_with(least: Level, calls: &[i64], more: impl Fn(&mut Spec)) -> Result<Receipt, Failure> {
    let mut world = World::new(Level::L2, Who::RootForUser).unwrap();
    world.spec.least = least;
    more(&mut world.spec);
    let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
    world.without = vec!["nothing".to_owned(), calls.join(",")];
    let (child, control) = world.start(launcher(), &["touch", "made"]);
    child.wait_with_output().unwrap();
    let made = world.work.join("made").exists();
    match control.reports().unwrap().swap_remove(0) {
        Report::InForce(receipt) => {
            assert!(made);
            Ok(receipt)
        }
        Report::Failed(failure) => {
            assert!(!made, "it ran, and was said not to");
            Err(failure)
        }
        Report::Ended(ended) => panic!("{ended:?}"),
    }
}

/// Bypass 77: each part in turn is not to be had. Nothing is ever weaker and silent about it.
#[test]
fn bypass_77_a_kernel_that_lacks_something() {
    use Mechanism::{
        LandlockFiles, NoCapabilities, NoNewPrivileges, PrivateRoot, SystemCalls, UserNamespace,
    };
    let lacking: &[(&str, &[i64], Mechanism, bool)] = &[
        ("clone", &[libc::SYS_clone], UserNamespace, true),
        ("move_mount", &[libc::SYS_move_mount], PrivateRoot, true),
        ("open_tree", &[libc::SYS_open_tree], PrivateRoot, true),
        ("mount_setattr", &[libc::SYS_mount_setattr], PrivateRoot, true),
        ("pivot_root", &[libc::SYS_pivot_root], PrivateRoot, true),
        // Without these not even the lower level can be had.
        ("landlock_create_ruleset", &[libc::SYS_landlock_create_ruleset], LandlockFiles, false),
        ("landlock_restrict_self", &[libc::SYS_landlock_restrict_self], LandlockFiles, false),
        ("seccomp", &[libc::SYS_seccomp], SystemCalls, false),
        ("capset", &[libc::SYS_capset], NoCapabilities, false),
        ("prctl", &[libc::SYS_prctl], NoNewPrivileges, false),
    ];
    assert_eq!(reached(Level::L2, &[]).unwrap().level, Level::L2);
    for (name, calls, part, lower_is_left) in lacking {
        let failure = reached(Level::L2, calls).expect_err(name);
        let missing = failure.mechanism;
        let expected = [Some(*part), Some(Mechanism::EndsWithParent)];
        assert!(
            missing == expected[0] || (*name == "prctl" && missing == expected[1]),
            "{name}: {failure:?}"
        );
        match reached(Level::L1, calls) {
            Ok(receipt) => {
                assert!(lower_is_left, "{name}: {receipt:?}");
                assert_eq!(receipt.level, Level::L1, "{name}");
                assert_eq!(
                    receipt.without.first().and_then(|failure| failure.mechanism),
                    Some(*part),
                    "{name}"
                );
            }
            Err(failure) => assert!(!lower_is_left, "{name}: {failure:?}"),
        }
    }
}

/// The same for what is not part of every boundary: the way out, the watch over programs, what is kept aside. No run does
/// without what it was to have.
#[test]
fn bypass_77_a_kernel_that_lacks_something_for_a_part() {
    let way_out = |spec: &mut Spec| spec.proxy_port = Some(3128);
    assert_eq!(reached_with(Level::L2, &[], way_out).unwrap().level, Level::L2);
    for calls in [[libc::SYS_bind], [libc::SYS_listen]] {
        let failure = reached_with(Level::L2, &calls, way_out).unwrap_err();
        assert_eq!(failure.mechanism, Some(Mechanism::Egress), "{failure:?}");
        // Without a network of its own there is none, and this is said.
        let lower = reached_with(Level::L1, &calls, way_out).unwrap();
        let missing: Vec<_> = lower.without.iter().filter_map(|failure| failure.mechanism).collect();
        assert!(lower.level == Level::L1 && missing.contains(&Mechanism::Egress), "{lower:?}");
    }
    // The network itself cannot be set up.
    let failure = reached_with(Level::L2, &[libc::SYS_sendto], way_out).unwrap_err();
    assert_eq!(failure.mechanism, Some(Mechanism::NetNamespace), "{failure:?}");

    let watched = |spec: &mut Spec| spec.watched = true;
    let failure = reached_with(Level::L1, &[libc::SYS_clone], watched).unwrap_err();
    assert_eq!(failure.mechanism, Some(Mechanism::ProgramWatch), "{failure:?}");

    let aside = tempfile::tempdir().unwrap();
    let kept_aside = |spec: &mut Spec| {
        let path = spec.cwd.clone();
        spec.overlay = Some(Overlay { path, changes: aside.path().to_owned(), copied: false });
    };
    // The folders are not there.
    let failure = reached_with(Level::L2, &[], kept_aside).unwrap_err();
    assert_eq!(failure.mechanism, Some(Mechanism::Overlay), "{failure:?}");
    let failure = reached_with(Level::L1, &[libc::SYS_clone], kept_aside).unwrap_err();
    assert_eq!(failure.mechanism, Some(Mechanism::Overlay), "{failure:?}");
}

/// A standard input is the program's also at the lowest level, where nothing else that was asked for is handed over.
#[test]
fn a_standard_input_at_the_lowest_level() {
    for calls in ["", "clone"] {
        let mut world = World::new(Level::L2, Who::RootForUser).unwrap();
        (world.spec.least, world.spec.input, world.spec.proxy_port) = (Level::L1, true, Some(3128));
        if calls == "clone" {
            world.without = vec!["nothing".to_owned(), libc::SYS_clone.to_string()];
        }
        let (child, mut control) = world.start(launcher(), &["sort"]);
        let handed = control.handed(&world.spec).unwrap();
        assert_eq!(handed.proxied.is_some(), calls.is_empty());
        let mut input = std::fs::File::from(handed.input.unwrap());
        std::io::Write::write_all(&mut input, b"b\na\n").unwrap();
        drop(input);
        assert_eq!(child.wait_with_output().unwrap().stdout, b"a\nb\n", "{calls}");
    }
}

/// Bypass 99: at L1 a limit on processes would count all that the user runs, so it is not set, also where a higher level was tried first.
#[test]
fn bypass_99_a_lower_level_has_its_own_limits() {
    let mut world = World::new(Level::L2, Who::RootForUser).unwrap();
    (world.spec.least, world.spec.limits.processes) = (Level::L1, 1);
    world.without = vec!["nothing".to_owned(), libc::SYS_move_mount.to_string()];
    let (child, control) = world.start(launcher(), &["bash", "-c", "/bin/true; touch made"]);
    child.wait_with_output().unwrap();
    let reports = control.reports().unwrap();
    let Some(Report::InForce(receipt)) = reports.first() else { panic!("{reports:?}") };
    assert_eq!(receipt.level, Level::L1);
    assert!(world.work.join("made").exists(), "{reports:?}");
}

/// A group that was made and cannot be entered: its limits are counted on, so that no lower level takes its place.
#[test]
fn bypass_77_a_control_group_that_cannot_be_entered() {
    let no_group = |spec: &mut Spec| {
        (spec.most, spec.entrances) = (Level::L3, vec![spec.cwd.join("no-group/tasks")]);
    };
    let failure = reached_with(Level::L1, &[], no_group).unwrap_err();
    assert_eq!(failure.mechanism, Some(Mechanism::ControlGroup), "{failure:?}");
    let failure = reached_with(Level::L1, &[], |spec| spec.most = Level::L3).unwrap_err();
    assert!(failure.why.contains("there is none to enter"), "{failure:?}");
}

/// Bubblewrap lays nothing over, and says so before anything runs. What was copied instead is changed in its place.
#[test]
fn what_is_kept_aside_by_bubblewrap() {
    let mut world = match World::new(Level::L2, Who::UserByBubblewrap) {
        Ok(world) => world,
        Err(why) => return eprintln!("NOT RUN: {why}"),
    };
    let changes = world.work.parent().unwrap().join("aside");
    std::fs::create_dir_all(changes.join("upper")).unwrap();
    std::fs::set_permissions(changes.join("upper"), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .unwrap();
    let path = world.work.clone();
    world.spec.overlay = Some(Overlay { path, changes: changes.clone(), copied: false });
    let (child, control) = world.start(launcher(), &["touch", "made"]);
    child.wait_with_output().unwrap();
    let reports = control.reports().unwrap();
    let [Report::Failed(failure)] = reports.as_slice() else { panic!("{reports:?}") };
    assert_eq!(failure.mechanism, Some(Mechanism::Overlay), "{failure:?}");
    world.spec.overlay.as_mut().unwrap().copied = true;
    world.can("touch made");
    assert!(changes.join("upper/made").exists() && !world.work.join("made").exists());
    world.spec.overlay = None;
    world.spec.scratch = vec![world.work.clone()];
    let (child, control) = world.start(launcher(), &["true"]);
    child.wait_with_output().unwrap();
    let reports = format!("{:?}", control.reports().unwrap());
    assert!(reports.contains("for the time of the run alone"), "{reports}");
}
