//! The person's terminal, and what goes between it and that of a program in a sandbox. The program never gets hold of the person's
//! own: what it can do to its terminal ends with it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How often the size of the window is looked at, in nanoseconds.
const LOOK: i64 = 100_000_000;

/// The terminal of the person who runs this. Clones are the same one.
#[derive(Clone)]
pub struct Terminal(Arc<Inner>);

struct Inner {
    /// How it is set when nothing is relayed.
    usual: Termios,
    /// Held while keys are passed on, and while the person is asked.
    keys: Mutex<()>,
    /// Whether it is raw, for a program.
    relays: AtomicBool,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal")
    }
}

impl Terminal {
    /// That of this process; `None` where its input or output is none.
    pub fn of_this_process() -> Option<Self> {
        if !isatty(stdin()) || !isatty(stdout()) {
            return None;
        }
        let usual = tcgetattr(stdin()).ok()?;
        Some(Self(Arc::new(Inner { usual, keys: Mutex::new(()), relays: AtomicBool::new(false) })))
    }

    /// Does something that speaks with the person, as if no program had the terminal.
    pub fn aside<T>(&self, speak: impl FnOnce() -> T) -> T {
        let _keys = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        self.set_usual();
        let spoken = speak();
        if self.0.relays.load(Ordering::Relaxed) {
            self.set_raw();
        }
        spoken
    }

    /// Passes on keys and output until the program has let go of its end.
    pub(super) fn relay(&self, program: OwnedFd) {
        self.0.relays.store(true, Ordering::Relaxed);
        self.set_raw();
        // Whoever is gone misses the rest.
        let _ = self.pass_on(&mut File::from(program));
        self.0.relays.store(false, Ordering::Relaxed);
        self.set_usual();
    }

    fn set_raw(&self) {
        let mut raw = self.0.usual.clone();
        raw.make_raw();
        let _ = tcsetattr(stdin(), OptionalActions::Now, &raw);
    }

    fn set_usual(&self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0.usual);
    }

    fn pass_on(&self, program: &mut File) -> io::Result<()> {
        let mut size = None;
        let mut buffer = vec![0; 16 * 1024];
        let mut typing = true;
        loop {
            let now = tcgetwinsize(stdout()).ok();
            if let Some(found) = now.filter(|_| now != size) {
                tcsetwinsize(&*program, found)?;
                size = now;
            }
            let (keys, said) = ready(program, typing, LOOK)?;
            if said {
                // The last one to let go of the other end makes this an error.
                let Ok(count @ 1..) = program.read(&mut buffer) else { return Ok(()) };
                let mut out = io::stdout().lock();
                out.write_all(buffer.get(..count).unwrap_or_default())?;
                out.flush()?;
            }
            if keys {
                typing = self.pass_keys(program, &mut buffer)?;
            }
        }
    }

    /// Passes on what was typed, unless it answers a question. Whether there will be more.
    fn pass_keys(&self, program: &mut File, buffer: &mut [u8]) -> io::Result<bool> {
        let _keys = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready(program, true, 0)?.0 {
            return Ok(true);
        }
        match rustix::io::read(stdin(), &mut *buffer) {
            Ok(0) => Ok(false),
            Ok(count) => program.write_all(buffer.get(..count).unwrap_or_default()).map(|()| true),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(true),
            Err(_) => Ok(false),
        }
    }
}

/// Whether something was typed, and whether the program has said something or is gone.
fn ready(program: &File, typing: bool, nanoseconds: i64) -> io::Result<(bool, bool)> {
    let input = stdin();
    let mut ends = vec![PollFd::from_borrowed_fd(program.as_fd(), PollFlags::IN)];
    if typing {
        ends.push(PollFd::from_borrowed_fd(input, PollFlags::IN));
    }
    let timeout = Timespec { tv_sec: 0, tv_nsec: nanoseconds };
    match poll(&mut ends, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let is_ready = |at: usize| ends.get(at).is_some_and(|end| !end.revents().is_empty());
    Ok((is_ready(1), is_ready(0)))
}
