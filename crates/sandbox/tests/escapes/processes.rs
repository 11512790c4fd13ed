//! Processes: everything ends together, and nothing outside can be seen or touched.

use crate::common::*;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use stayhand_core::decision::Level;
use stayhand_sandbox::Mechanism;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Waits for the line that says that all is in place.
fn wait_for_line(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "started");
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed()).unwrap()
}

/// A grandchild that leaves its session and ignores what can be ignored.
const DAEMON: &str = "setsid nohup bash -c 'trap \"\" TERM HUP INT; sleep $0; sleep $0' $0 > /dev/null 2>&1 & sleep 0.2; echo started; wait";

#[test]
fn escape_03_bypass_97_a_daemon_outlives_the_time_limit() {
    on(WITH_OWN_ROOT, |world| {
        let (mut child, _control) = world.start(launcher(), &["bash", "-c", DAEMON, "4203.1"]);
        wait_for_line(&mut child);
        assert!(runs("4203.1"));
        kill_process_group(pid(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
        is_gone("4203.1");
    });
}

#[test]
fn escape_04_a_process_in_the_background_outlives_the_program() {
    on(WITH_OWN_ROOT, |world| {
        world.can("setsid sleep 4204.1 & sleep 4204.1 & true");
        is_gone("4204.1");
    });
}

#[test]
fn escape_05_bypass_97_whoever_watches_is_killed() {
    on(WITH_OWN_ROOT, |world| {
        let launcher = launcher();
        let mut watcher = Command::new("bash");
        watcher
            .args(["-c", "\"$@\"; exit"])
            .arg("watcher")
            .arg(launcher.get_program())
            .args(launcher.get_args());
        let (mut child, _control) = world.start(watcher, &["bash", "-c", DAEMON, "4205.1"]);
        wait_for_line(&mut child);
        assert!(runs("4205.1"));
        // Only the one that watches, and nothing of its group.
        kill_process(pid(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
        is_gone("4205.1");
    });
}

#[test]
fn escape_23_bypass_96_another_namespace_another_descriptor() {
    on(EVERY, |world| {
        world.says("print([call(308, 0, 0), call(438, 0, 0, 0)])", "[-1, -1]");
    });
}

#[test]
fn escape_24_bypass_80_memory_of_others() {
    on(EVERY, |world| {
        let call = "print([call(101, 0, 0, 0, 0), call(310, 1, 0, 0, 0, 0, 0), call(311, 1, 0, 0, 0, 0, 0)])";
        world.says(call, "[-1, -1, -1]");
    });
}

#[test]
fn escape_25_a_signal_to_a_process_outside() {
    on(EVERY, |world| {
        let receipt = world.run(&["true"]).receipt.unwrap();
        if receipt.level == Level::L1 && !receipt.mechanisms.contains(&Mechanism::LandlockScopes) {
            eprintln!("NOT RUN at L1: signals are not Landlock's before Linux 6.12");
            return;
        }
        // Somebody of the same user, as whom it would be allowed.
        let mut outside = Command::new("sleep");
        outside.arg("30").stdout(Stdio::null());
        let mut outside = outside.spawn().unwrap();
        world.cannot(&format!("kill -9 {} && echo went through", outside.id()));
        assert!(outside.try_wait().unwrap().is_none());
        outside.kill().unwrap();
        outside.wait().unwrap();
        world.can("sleep 30 & kill -9 $!");
    });
}

#[test]
fn escape_26_the_environment_of_a_process_outside() {
    on(EVERY, |world| {
        world.cannot(&format!("cat /proc/{}/environ && echo went through", std::process::id()));
    });
    on(WITH_OWN_ROOT, |world| {
        // The numbers inside are others: init, the shell, and what it runs.
        let run = world.bash("ls -d /proc/[0-9]* | wc -l");
        assert!(run.output.trim().parse::<u32>().unwrap() <= 4, "{run:?}");
    });
}

#[test]
fn escape_31_a_program_in_memory() {
    on(EVERY, |world| {
        let script = "fd = os.memfd_create('x')\n\
             os.write(fd, open('/usr/bin/touch', 'rb').read())\n\
             pid = os.fork()\n\
             if pid == 0: os.execv(f'/proc/self/fd/{fd}', ['touch', '/usr/planted'])\n\
             print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))";
        let run = world.python(script);
        assert_ne!(run.output.trim(), "0", "{run:?}");
        assert!(!std::path::Path::new("/usr/planted").exists());
    });
}

#[test]
fn escape_39_bypass_62_91_an_open_descriptor() {
    on(EVERY, |world| {
        let secret = world.outside("secret");
        write(&secret, "hidden");
        // The shell hands the launcher a file, as careless parents do.
        let launcher = launcher();
        let mut careless = Command::new("bash");
        careless.arg("-c").arg(format!("exec 7<{}; exec \"$@\"", secret.display())).arg("careless");
        careless.arg(launcher.get_program()).args(launcher.get_args());
        let (child, _control) = world.start(careless, &["bash", "-c", "cat <&7 && echo went through; true"]);
        let done = child.wait_with_output().unwrap();
        let output = String::from_utf8_lossy(&done.stdout);
        assert!(!output.contains("hidden") && !output.contains("went through"), "{output}");
    });
}

#[test]
fn escape_40_bypass_87_a_secret_in_the_environment() {
    on(EVERY, |world| {
        let mut launcher = launcher();
        launcher.env("SECRET_TOKEN", "hidden");
        let (child, _control) = world.start(launcher, &["bash", "-c", "env; cat /proc/*/environ"]);
        let done = child.wait_with_output().unwrap();
        let output = String::from_utf8_lossy(&done.stdout);
        assert!(output.contains("PATH=") && !output.contains("hidden"), "{output}");
    });
}

#[test]
fn escape_45_shared_memory() {
    on(WITH_OWN_ROOT, |world| {
        let made = Command::new("ipcmk").args(["-M", "1024", "-p", "0666"]).output().unwrap();
        let made = String::from_utf8_lossy(&made.stdout).into_owned();
        let id = made.rsplit(' ').next().unwrap().trim().to_owned();
        let run = world.bash("cat /proc/sysvipc/shm | wc -l");
        Command::new("ipcrm").args(["-m", &id]).status().unwrap();
        assert_eq!(run.output.trim(), "1", "{run:?}");
    });
}
