//! `stayhand run` at a terminal: the program gets one of its own, and questions are asked in between.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod common;

use common::*;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A person at a terminal.
struct Person {
    keyboard: File,
    screen: Arc<Mutex<String>>,
    /// Held open, so that the terminal outlives the program.
    terminal: OwnedFd,
    child: Child,
}

impl Person {
    fn starts(command: Command) -> Self {
        Self::starts_with(command, None)
    }

    /// The same, where what is printed goes elsewhere.
    fn starts_with(mut command: Command, output: Option<Stdio>) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).unwrap();
        unlockpt(&ours).unwrap();
        tcsetwinsize(&ours, Winsize { ws_row: 33, ws_col: 99, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let terminal = ioctl_tiocgptpeer(&ours, flags).unwrap();
        let end = || Stdio::from(terminal.try_clone().unwrap());
        let child = command.stdin(end()).stdout(output.unwrap_or_else(end)).stderr(end()).spawn().unwrap();
        let keyboard = File::from(ours);
        let mut looks = keyboard.try_clone().unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = looks.read(&mut buffer) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Self { keyboard, screen, terminal, child }
    }

    /// Waits until this is on the screen, behind what was there before.
    fn sees(&self, text: &str, from: usize) -> usize {
        let until = Instant::now() + DEADLINE;
        loop {
            let screen = self.screen.lock().unwrap().clone();
            if let Some(at) = screen.get(from..).and_then(|rest| rest.find(text)) {
                return from + at + text.len();
            }
            assert!(Instant::now() < until, "`{text}` does not come: {screen}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }
}

#[test]
fn a_terminal_of_its_own() {
    let world = World::new();
    world.user_policy(
        "extends: coding-agent\nrules:\n  - {name: dates, approve: exec, when: {program: date}, reason: what time is it}\n",
    );
    world.write(
        "talk.sh",
        "tty; stty size; read -r -p 'name? ' name; echo \"hello $name\" > /dev/tty
date -d @0 +%Y; echo \"said $?\"; date -d @0 +%m; echo \"said $?\"
trap 'echo stopped; exit 7' INT; echo ready; while :; do read -r -t 0.1 < /dev/zero; done",
    );
    let mut person = Person::starts(world.command(&["run", "--", "bash", "talk.sh"]));
    let before = tcgetattr(&person.terminal).unwrap();
    let mut at = person.sees("/dev/pts/0", 0);
    at = person.sees("33 99", at);
    at = person.sees("name? ", at);
    person.types("Ada\r");
    at = person.sees("hello Ada", at);
    // A question in between is answered by the person, and its answer is not typed to the program.
    at = person.sees("what time is it", at);
    at = person.sees("[y/N]", at);
    person.types("y\r");
    at = person.sees("1970", at);
    at = person.sees("said 0", at);
    at = person.sees("[y/N]", at);
    person.types("n\r");
    at = person.sees("said 126", at);
    at = person.sees("ready", at);
    // Keys are the program's.
    person.types("\x03");
    at = person.sees("stopped", at);
    person.sees("confined", at);
    assert_eq!(person.child.wait().unwrap().code(), Some(7));
    // The person's terminal is set as it was.
    let after = tcgetattr(&person.terminal).unwrap();
    assert_eq!(format!("{:?}", before.local_modes), format!("{:?}", after.local_modes));
    world.verify();
}

/// Escape 30: what the program types into its terminal is its own input, and the person's terminal is not there.
#[test]
fn escape_30_bypass_94_typing_into_the_terminal() {
    let world = World::new();
    world.write(
        "type.py",
        "import fcntl, termios, os, glob
try:
    fcntl.ioctl(0, termios.TIOCSTI, b'x')
    print('went through')
except OSError as e:
    print(e.strerror)
print(sorted(glob.glob('/dev/pts/*')), os.ttyname(0))
",
    );
    let person = Person::starts(world.command(&["run", "--", "python3", "type.py"]));
    let at = person.sees("Operation not permitted", 0);
    person.sees("['/dev/pts/0', '/dev/pts/ptmx'] /dev/pts/0", at);
}

/// The terminal goes away while the program runs: so does the program, and its end is recorded.
#[test]
fn the_terminal_vanishes() {
    let world = World::new();
    let started = Instant::now();
    let person = Person::starts(world.command(&[
        "run",
        "--time",
        "50",
        "--",
        "bash",
        "-c",
        "echo ready; exec sleep 40",
    ]));
    person.sees("ready", 0);
    let Person { keyboard, terminal, mut child, .. } = person;
    drop((keyboard, terminal));
    // What the kernel tells whoever sat at it.
    let _ =
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::HUP);
    child.wait().unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
    let settled = world.events("settled");
    assert_eq!(settled.last().unwrap()["outcome"]["kind"], "stopped", "{settled:?}");
    world.verify();
}

/// Starts a program and then, once a second, another one.
const TICKS: &str = "echo ready; for i in 1 2 3 4 5 6 7 8; do sleep 0.3; /bin/echo tick $i; /bin/echo $i >> ticks; done; exit 3";

/// Ctrl-\\ pauses and asks: nothing new starts meanwhile, and nothing is refused for it. A line says how it stands.
#[test]
fn a_person_pauses_and_goes_on() {
    let world = World::new();
    world.write("ticks.sh", TICKS);
    let mut command = world.command(&["run", "--budget", "2.50", "--", "bash", "ticks.sh"]);
    command.env("TERM", "xterm");
    let mut person = Person::starts(command);
    let mut at = person.sees("tick 1", 0);
    person.types("\x1c");
    at = person.sees("stayhand: paused: ", at);
    person.sees("$0.00 of $2.50 spent", at);
    at = person.sees("go on? [y/N] ", at);
    // Not on the screen, which stands still, nor elsewhere; and the key does no harm when it is pressed once more.
    let ticks = || fs::read_to_string(world.work.join("ticks")).unwrap_or_default().len();
    std::thread::sleep(Duration::from_millis(400));
    let before = ticks();
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(ticks(), before);
    person.types("y\r");
    at = person.sees("tick 8", at);
    at = person.sees("exit 3", at);
    person.sees("$0.00 of $2.50 spent", at);
    assert_eq!(person.child.wait().unwrap().code(), Some(3));
    let screen = person.screen.lock().unwrap().clone();
    assert!(!screen.contains("stayhand: refused"), "{screen}");
    assert!(screen.contains("\x1b[?6l\x1b[33;1H\x1b(B\x1b[0;7mstayhand: "), "{screen:?}");
    world.verify();
}

/// The line at the foot of the screen is not the program's; nor has it any where it is said elsewhere.
#[test]
fn where_it_is_said_how_the_run_stands() {
    let line = "\x1b[33;1H\x1b(B\x1b[0;7mstayhand: ";
    let title = "\x1b]2;stayhand: ";
    for (place, size, shown, hidden, end) in [
        ("line", "32 99", line, title, "\x1b[r\x1b[33;1H\x1b[2K"),
        ("title", "33 99", title, line, "\x1b[23;2t"),
        ("none", "33 99", "33 99", "stayhand: 0 s", "exit 0"),
    ] {
        let world = World::new();
        let mut command = world.command(&["run", "--net", "none", "--status", place, "--", "bash", "-c"]);
        command.arg("stty size; sleep 1.5; echo end").env("TERM", "xterm-256color");
        let mut person = Person::starts(command);
        let mut at = person.sees(size, 0);
        at = person.sees("end\r\n", at);
        person.sees(end, at);
        assert_eq!(person.child.wait().unwrap().code(), Some(0));
        person.sees("audit", at);
        let screen = person.screen.lock().unwrap().clone();
        assert!(screen.contains(shown) && !screen.contains(hidden), "{place}: {screen:?}");
    }
}

/// Whoever does not want to go on ends it; so does Ctrl-C at that question.
#[test]
fn a_person_pauses_and_ends_it() {
    for keys in ["n\r", "\r", "\x1c\x1c\r", ""] {
        let world = World::new();
        world.write("ticks.sh", TICKS);
        let mut person = Person::starts(world.command(&["run", "--", "bash", "ticks.sh"]));
        let mut at = person.sees("tick 1", 0);
        person.types("\x1c");
        at = person.sees("go on? [y/N] ", at);
        person.types(keys);
        if keys.is_empty() {
            let id = rustix::process::Pid::from_child(&person.child);
            rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        }
        at = person.sees("stopped: ", at);
        person.sees("confined", at);
        assert_eq!(person.child.wait().unwrap().code(), Some(130), "{keys:?}");
        world.verify();
    }
}

/// Where the output goes elsewhere the program has no terminal: Ctrl-C is for Stayhand, and pauses once.
#[test]
fn ctrl_c_pauses_once() {
    for (answer, code) in [("y\r", 3), ("n\r", 130)] {
        let world = World::new();
        world.write("ticks.sh", TICKS);
        let command = world.command(&["run", "--", "bash", "ticks.sh"]);
        let mut person = Person::starts_with(command, Some(Stdio::null()));
        wait_until("the first tick", || world.work.join("ticks").exists());
        let id = rustix::process::Pid::from_child(&person.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        person.sees("go on? [y/N] ", 0);
        person.types(answer);
        person.sees("confined", 0);
        assert_eq!(person.child.wait().unwrap().code(), Some(code));
        world.verify();
    }
}

/// A program that comes to its end while it is paused has its own exit code, and the next run of its session goes on as usual.
#[test]
fn it_ends_while_it_is_paused() {
    let world = World::new();
    let mut person = Person::starts(world.command(&[
        "run",
        "--session",
        "one",
        "--",
        "bash",
        "-c",
        "echo ready; read -rt 1; exit 5",
    ]));
    let at = person.sees("ready", 0);
    person.types("\x1c");
    let at = person.sees("go on? [y/N] ", at);
    person.sees("exit 5", at);
    assert_eq!(person.child.wait().unwrap().code(), Some(5));
    world.run(&["run", "--session", "one", "--", "true"]).expect(PERMITTED);
    assert_eq!(
        fs::read_dir(world.state.join("engines")).unwrap().count(),
        0,
        "it is gone with all that it held"
    );
    world.verify();
}
