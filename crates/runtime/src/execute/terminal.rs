//! The person's terminal, and what goes between it and that of a program in a sandbox. The program never gets hold of the person's
//! own: what it can do to its terminal ends with it.

mod status_line;

use super::streams::is_for_later;
use crate::clock::monotonic;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{
    OptionalActions, SpecialCodeIndex, Termios, Winsize, isatty, tcgetattr, tcgetwinsize, tcsetattr,
    tcsetwinsize,
};
use status_line::StatusLine;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How often the size of the window is looked at, in nanoseconds.
const LOOK: i64 = 100_000_000;

/// How often it is said anew how the program stands.
const SAY: Duration = Duration::from_secs(1);

/// The key that calls whoever attends to the program, Ctrl-\, as it is sent, and in the sequences for which programs can ask.
const CALLS: &[&[u8]] = &[b"\x1c", b"\x1b[92;5u", b"\x1b[27;5;92~"];

/// More than the kernel keeps of what a program has said and nobody has read.
const UNREAD: usize = 128 << 10;

/// Attends to a program that has the terminal.
pub trait Attendant: Send + Sync {
    /// How the program stands, in a line without control characters.
    fn status(&self) -> String;

    /// The person calls, by Ctrl-\, which the program does not get.
    fn called(&self);
}

/// Where it is said how the program stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPlace {
    /// On a line at the foot of the screen. The program's own screen is one line shorter.
    Line,
    /// In the title of the terminal's window.
    Title,
    /// Nowhere.
    Nowhere,
}

/// The terminal of the person who runs this. Clones are the same one.
#[derive(Clone)]
pub struct Terminal(Arc<Inner>);

struct Inner {
    /// How it is set when nothing is relayed.
    usual: Termios,
    /// Held while something is passed on, either way, and while the person is asked: nothing comes between a question and
    /// its answer. The program that has the terminal meanwhile, if one has: then it is raw.
    passing: Mutex<Option<Passing>>,
    status: StatusPlace,
    attendant: OnceLock<Weak<dyn Attendant>>,
}

/// What is relayed.
struct Passing {
    program: File,
    line: Option<StatusLine>,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal")
    }
}

impl Terminal {
    /// That of this process; `None` where its input or output is none.
    pub fn of_this_process(status: StatusPlace) -> Option<Self> {
        if !isatty(stdin()) || !isatty(stdout()) {
            return None;
        }
        let usual = tcgetattr(stdin()).ok()?;
        Some(Self(Arc::new(Inner { usual, passing: Mutex::new(None), status, attendant: OnceLock::new() })))
    }

    /// Has somebody attend to the programs that get this terminal, for as long as they are there. The first one stays.
    pub fn attended_by(&self, attendant: Weak<dyn Attendant>) {
        let _ = self.0.attendant.set(attendant);
    }

    /// Tells the person something, on a line of its own in plain letters.
    pub fn tell(&self, speak: impl FnOnce()) {
        self.aside(PLAIN_LETTERS, b"", speak);
    }

    /// Asks the person something, on a screen on which it can be read whatever the program has made of it.
    pub fn ask<T>(&self, speak: impl FnOnce() -> T) -> T {
        self.aside(PLAIN_SCREEN, KEYS_AS_BEFORE, speak)
    }

    /// Does something that speaks with the person, as if no program had the terminal.
    fn aside<T>(&self, first: &[u8], last: &[u8], speak: impl FnOnce() -> T) -> T {
        let mut passing = self.lock();
        let Some(passing) = &mut *passing else { return speak() };
        // What it has said before comes before. It may go on saying more.
        let mut shown = 0;
        let mut buffer = vec![0; BUFFER];
        while shown < UNREAD
            && let Ok(Said::Something(count)) = passing.show(&mut buffer)
        {
            shown += count;
        }
        self.set_for_questions();
        let away = passing.line.as_ref().map(StatusLine::lift).unwrap_or_default();
        let _ = say(away.as_bytes()).and_then(|()| say(first));
        let spoken = speak();
        let back = passing.line.as_mut().map(StatusLine::back).unwrap_or_default();
        let _ = say(last).and_then(|()| say(back.as_bytes()));
        self.set_raw();
        spoken
    }

    /// Passes on keys and output until the program has let go of its end.
    pub(super) fn relay(&self, program: OwnedFd) {
        let mut program = File::from(program);
        // A program that reads nothing must not keep a question from being asked.
        let Ok(same) = rustix::io::ioctl_fionbio(&program, true)
            .map_err(io::Error::from)
            .and_then(|()| program.try_clone())
        else {
            return;
        };
        // Nobody is asked while the terminal changes hands.
        let mut passing = self.lock();
        self.set_raw();
        let size = tcgetwinsize(stdout()).ok().filter(|_| self.0.status == StatusPlace::Line);
        let line = size.and_then(|size| StatusLine::begin(size.ws_row, size.ws_col));
        let (line, begin) = line.map_or_else(|| (None, String::new()), |(line, begin)| (Some(line), begin));
        let _ = say(begin.as_bytes());
        *passing = Some(Passing { program: same, line });
        drop(passing);
        // Whoever is gone misses the rest.
        let mut title = Title { shown: String::new(), is_kept: false };
        let _ = self.pass_on(&mut program, &mut title);
        let mut passing = self.lock();
        let line = passing.take().and_then(|passing| passing.line);
        let end = line.as_ref().map(StatusLine::lift).unwrap_or_default();
        let _ = say(end.as_bytes());
        if title.is_kept {
            let _ = say(TITLE_AS_BEFORE);
        }
        self.set_usual();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Passing>> {
        self.0.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_raw(&self) {
        let mut raw = self.0.usual.clone();
        raw.make_raw();
        let _ = tcsetattr(stdin(), OptionalActions::Now, &raw);
    }

    fn set_usual(&self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0.usual);
    }

    /// As usual, but for the key that calls: where somebody is asked already it must not end this program.
    fn set_for_questions(&self) {
        let mut asking = self.0.usual.clone();
        asking.special_codes[SpecialCodeIndex::VQUIT] = NO_KEY;
        let _ = tcsetattr(stdin(), OptionalActions::Now, &asking);
    }

    fn pass_on(&self, program: &mut File, title: &mut Title) -> io::Result<()> {
        let mut size = None;
        let mut said_at = None;
        let mut buffer = vec![0; BUFFER];
        let mut keys = Keys { waiting: Vec::new(), at_end: false };
        loop {
            let now = tcgetwinsize(stdout()).ok();
            if let Some(found) = now.filter(|_| now != size) {
                self.fit(program, found)?;
                size = now;
            }
            let is_quiet = !ready(program, &keys, LOOK)?.anything();
            let attendant = self.0.attendant.get().and_then(Weak::upgrade);
            // Asked for before anything is held: it may take its time.
            let may_say = match self.0.status {
                StatusPlace::Line => true,
                StatusPlace::Title => is_quiet,
                StatusPlace::Nowhere => false,
            };
            let is_due = may_say && is_time(&mut said_at);
            let status = attendant.as_deref().filter(|_| is_due).map(Attendant::status);
            let mut guard = self.lock();
            let Some(passing) = &mut *guard else { return Ok(()) };
            // By now a question may have been asked, and what was typed was its answer.
            let Ready { typed, said, takes } = ready(program, &keys, 0)?;
            if said && passing.show(&mut buffer)? == Said::End {
                return Ok(());
            }
            if typed {
                keys.read(&mut buffer);
            }
            if let Some(attendant) = attendant.filter(|_| keys.called()) {
                drop(guard);
                attendant.called();
                continue;
            }
            if takes {
                keys.write(program)?;
            }
            match (status, &mut passing.line) {
                (Some(status), Some(line)) => say(line.show(&status).unwrap_or_default().as_bytes())?,
                // Nothing is written into the middle of what the program says: it is quiet.
                (Some(status), None) if !said && self.0.status == StatusPlace::Title => title.show(status)?,
                _ => {}
            }
        }
    }

    /// Makes the program's screen as large as there is room for.
    fn fit(&self, program: &File, mut size: Winsize) -> io::Result<()> {
        if let Some(line) = self.lock().as_mut().and_then(|passing| passing.line.as_mut()) {
            say(line.resized(size.ws_row, size.ws_col).as_bytes())?;
            size.ws_row = line.left();
        }
        Ok(tcsetwinsize(program, size)?)
    }
}

/// Whether it is time to say anew how the program stands.
fn is_time(said_at: &mut Option<Instant>) -> bool {
    let now = monotonic();
    let is_time = said_at.is_none_or(|at| now.duration_since(at) >= SAY);
    if is_time {
        *said_at = Some(now);
    }
    is_time
}

/// A line of its own, without colours and not hidden.
const PLAIN_LETTERS: &[u8] = b"\x1b[0m\r\n";

/// The same, on a screen that is as usual: no part of it scrolls alone, its colours are the terminal's own, and keys are sent as
/// letters and not as sequences, for which programs can ask in two ways.
const PLAIN_SCREEN: &[u8] = b"\x1b[!p\x1b]104\x07\x1b]110\x07\x1b]111\x07\x1b[>0u\x1b[>4;0m\x1b[0m\r\n";

/// Keys are sent as the program wanted them.
const KEYS_AS_BEFORE: &[u8] = b"\x1b[<u";

/// No key at all.
const NO_KEY: u8 = 0;

/// Keeps the title of the window, and brings it back.
const KEEP_TITLE: &str = "\x1b[22;2t";
const TITLE_AS_BEFORE: &[u8] = b"\x1b[23;2t";

/// What the window is called.
struct Title {
    shown: String,
    /// Whether what it was called before is kept by the terminal.
    is_kept: bool,
}

impl Title {
    /// Shows it, where it has changed.
    fn show(&mut self, title: String) -> io::Result<()> {
        if title == self.shown {
            return Ok(());
        }
        let keep = if self.is_kept { "" } else { KEEP_TITLE };
        (self.shown, self.is_kept) = (title, true);
        say(format!("{keep}\x1b]2;{}\x07", self.shown).as_bytes())
    }
}

/// Writes something to the terminal.
fn say(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// How much is passed on at once, in bytes.
const BUFFER: usize = 16 << 10;

/// What a program has said.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// So many bytes, which are on the screen now.
    Something(usize),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    End,
}

impl Passing {
    /// Shows what the program has said, as far as the buffer goes. The error: nobody can see it.
    fn show(&mut self, buffer: &mut [u8]) -> io::Result<Said> {
        match self.program.read(buffer) {
            Ok(count @ 1..) => {
                let said = buffer.get(..count).unwrap_or_default();
                match &mut self.line {
                    Some(line) => say(&line.pass(said))?,
                    None => say(said)?,
                }
                Ok(Said::Something(count))
            }
            Err(error) if is_for_later(&error) => Ok(Said::Nothing),
            // The last one to let go of the other end makes this an error.
            _ => Ok(Said::End),
        }
    }
}

/// What was typed and not passed on yet.
struct Keys {
    waiting: Vec<u8>,
    at_end: bool,
}

impl Keys {
    fn read(&mut self, buffer: &mut [u8]) {
        match rustix::io::read(stdin(), &mut *buffer) {
            Ok(count @ 1..) => self.waiting.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            _ => self.at_end = true,
        }
    }

    /// Whether the person has called. What was typed before goes to the program all the same.
    fn called(&mut self) -> bool {
        let before = self.waiting.len();
        for call in CALLS {
            while let Some(at) = self.waiting.windows(call.len()).position(|keys| keys == *call) {
                self.waiting.drain(at..at + call.len());
            }
        }
        self.waiting.len() < before
    }

    fn write(&mut self, program: &mut File) -> io::Result<()> {
        match program.write(&self.waiting) {
            Ok(count) => drop(self.waiting.drain(..count)),
            Err(error) if is_for_later(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// What can be done without waiting.
struct Ready {
    /// Something was typed, for which there is room.
    typed: bool,
    /// The program has said something, or is gone.
    said: bool,
    /// The program takes what was typed.
    takes: bool,
}

impl Ready {
    const fn anything(&self) -> bool {
        self.typed || self.said || self.takes
    }
}

/// Waits until something can be done.
fn ready(program: &File, keys: &Keys, nanoseconds: i64) -> io::Result<Ready> {
    let input = stdin();
    let wants = if keys.waiting.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
    let mut ends = vec![PollFd::from_borrowed_fd(program.as_fd(), wants)];
    if keys.waiting.is_empty() && !keys.at_end {
        ends.push(PollFd::from_borrowed_fd(input, PollFlags::IN));
    }
    let timeout = Timespec { tv_sec: 0, tv_nsec: nanoseconds };
    match poll(&mut ends, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let found = |at: usize| ends.get(at).map_or(PollFlags::empty(), PollFd::revents);
    let of_program = found(0);
    Ok(Ready {
        typed: !found(1).is_empty(),
        said: of_program.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR),
        takes: of_program.contains(PollFlags::OUT),
    })
}
