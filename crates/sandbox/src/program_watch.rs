//! Every program that is about to start inside, before it does.
//!
//! The kernel stops the call and asks. What is read of it lies in the memory of the process that makes it, which another
//! thread of that process can change before the kernel looks again: an answer is about what the call said, and what the
//! program can then reach is bounded by the rest of the sandbox all the same.

use crate::sys;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Whom the kernel asks.
#[derive(Debug)]
pub struct ProgramWatch {
    listener: Arc<OwnedFd>,
    /// The terminal that was given, if one was.
    terminal: Option<&'static str>,
}

/// A program that wants to start, and waits.
#[derive(Debug)]
pub struct Starting {
    id: u64,
    listener: Arc<OwnedFd>,
    /// The process, as numbered outside.
    pub process: u32,
    /// The process that started it.
    pub parent: u32,
    /// The file, absolute, as named inside. It may be a link.
    pub program: PathBuf,
    /// The arguments, the first of which is what the program is called.
    pub argv: Vec<String>,
    /// The folder that it starts in.
    pub cwd: PathBuf,
    /// Whether its standard input may hold something: it is neither nothing nor the terminal that was given.
    pub has_input: bool,
}

/// What is read of the arguments, in all, in bytes.
const MOST_ARGUMENT_BYTES: usize = 128 * 1024;

/// How many arguments are read.
const MOST_ARGUMENTS: usize = 4096;

/// The longest path, in bytes.
const MOST_PATH_BYTES: usize = 4096;

impl ProgramWatch {
    /// `has_terminal`: the programs were given one, which is the first of their own folder of terminals.
    pub(crate) fn new(listener: OwnedFd, has_terminal: bool) -> Self {
        sys::take_turns(listener.as_fd());
        Self { listener: Arc::new(listener), terminal: has_terminal.then_some("/dev/pts/0") }
    }

    /// Waits so long for a program that wants to start. `None`: none did. An error of the kind `UnexpectedEof`: nothing
    /// that could start one is left. What cannot be read is refused without asking.
    pub fn next(&self, wait: Duration) -> io::Result<Option<Starting>> {
        let mut events = [PollFd::new(&self.listener, PollFlags::IN)];
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        match poll(&mut events, Some(&wait)) {
            Err(rustix::io::Errno::INTR) | Ok(0) => return Ok(None),
            other => other?,
        };
        if !events.iter().any(|event| event.revents().contains(PollFlags::IN)) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let call = match sys::next_call(self.listener.as_fd()) {
            // It was killed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            call => call?,
        };
        match self.read(&call) {
            // Only now it is certain whose memory that was.
            Ok(starting) if starting.waits() => Ok(Some(starting)),
            Ok(_) => Ok(None),
            Err(error) => {
                answer(&self.listener, call.id, Some(error.raw_os_error().unwrap_or(libc::EACCES)));
                Ok(None)
            }
        }
    }

    fn read(&self, call: &libc::seccomp_notif) -> io::Result<Starting> {
        let folder = PathBuf::from(format!("/proc/{}", call.pid));
        let memory = Memory(call.pid);
        let [first, second, third, _, fifth, _] = call.data.args;
        // `execveat` has a descriptor before, and flags behind.
        let (at, path, argv, flags) = if libc::c_long::from(call.data.nr) == libc::SYS_execveat {
            (Some(first), second, third, fifth)
        } else {
            (None, first, second, 0)
        };
        let cwd = fs::read_link(folder.join("cwd"))?;
        let path = PathBuf::from(OsString::from_vec(memory.text(path, MOST_PATH_BYTES)?));
        let base = match at.map(descriptor) {
            Some(number) if number != libc::AT_FDCWD && !path.is_absolute() => {
                fs::read_link(folder.join(format!("fd/{number}")))?
            }
            _ => cwd.clone(),
        };
        let empty_path = u64::try_from(libc::AT_EMPTY_PATH).unwrap_or_default();
        let program = if path.as_os_str().is_empty() && flags & empty_path != 0 {
            base
        } else {
            // What is not there is not asked about: a search along the `PATH` is no start.
            let program = base.join(path);
            let inside = folder.join("root").join(program.strip_prefix("/").unwrap_or(&program));
            fs::symlink_metadata(inside)?;
            program
        };
        let parent = parent(&folder).unwrap_or_default();
        let argv = memory.arguments(argv)?;
        let listener = Arc::clone(&self.listener);
        let has_input = self.has_input(&folder);
        Ok(Starting { id: call.id, listener, process: call.pid, parent, program, argv, cwd, has_input })
    }

    /// Whether a process reads something that nobody has typed. One without a standard input reads nothing. A terminal that
    /// a program has made may be typed at by it.
    fn has_input(&self, folder: &Path) -> bool {
        let is_empty = |path: PathBuf| {
            path == Path::new("/dev/null") || self.terminal.is_some_and(|own| path == Path::new(own))
        };
        fs::read_link(folder.join("fd/0")).is_ok_and(|path| !is_empty(path))
    }
}

impl Starting {
    /// Whether it still waits: neither was it answered, nor has it been killed.
    pub fn waits(&self) -> bool {
        sys::still_waits(self.listener.as_fd(), self.id)
    }

    /// Lets it start.
    pub fn allow(self) {
        answer(&self.listener, self.id, None);
    }

    /// Does not.
    pub fn refuse(self) {
        answer(&self.listener, self.id, Some(libc::EPERM));
    }
}

fn answer(listener: &OwnedFd, id: u64, error: Option<i32>) {
    // An error: it was killed meanwhile.
    let _ = sys::answer_call(listener.as_fd(), id, error);
}

/// A descriptor as an argument of a call: the lower half of a register.
fn descriptor(word: u64) -> libc::c_int {
    let [a, b, c, d, ..] = word.to_le_bytes();
    libc::c_int::from_le_bytes([a, b, c, d])
}

/// The memory of a process.
struct Memory(u32);

impl Memory {
    /// What is there, so many bytes or up to the end of the page: behind that there may be nothing.
    fn part(&self, from: u64, most: usize) -> io::Result<Vec<u8>> {
        const PAGE: u64 = 4096;
        let mut part = vec![0; usize::try_from(PAGE - from % PAGE).map_err(io::Error::other)?.min(most)];
        sys::read_memory(self.0, from, &mut part)?;
        Ok(part)
    }

    /// A text, up to its end.
    fn text(&self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        while found.len() <= most {
            let from = at.checked_add(found.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
            let mut part = self.part(from, 256)?;
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                part.truncate(end);
                found.append(&mut part);
                return Ok(found);
            }
            found.append(&mut part);
        }
        Err(io::Error::from_raw_os_error(libc::E2BIG))
    }

    fn arguments(&self, at: u64) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut room = MOST_ARGUMENT_BYTES;
        let mut from = at;
        // The kernel takes a list that is nowhere for an empty one.
        if at == 0 {
            return Ok(found);
        }
        loop {
            // Sixteen pointers, as a rule all that there are. They need not begin at a multiple of their size.
            let mut pointers = self.part(from, 128)?;
            if pointers.len() < 8 {
                pointers.extend(self.part(from.saturating_add(pointers.len() as u64), 8 - pointers.len())?);
            }
            let (pointers, _) = pointers.as_chunks::<8>();
            for pointer in pointers {
                let pointer = u64::from_ne_bytes(*pointer);
                if pointer == 0 {
                    return Ok(found);
                }
                if found.len() == MOST_ARGUMENTS {
                    return Err(io::Error::from_raw_os_error(libc::E2BIG));
                }
                let argument = self.text(pointer, room)?;
                room = room.saturating_sub(argument.len());
                // Whatever is no text is nothing that a policy could permit by its text.
                found.push(
                    String::from_utf8(argument).map_err(|_| io::Error::from_raw_os_error(libc::EACCES))?,
                );
            }
            from = from.saturating_add(8 * pointers.len() as u64);
        }
    }
}

/// Who started a process, by its folder of `/proc`. `None`: it has ended.
pub(crate) fn parent(folder: &Path) -> Option<u32> {
    // In one go: what comes behind the name, which is of at most 16 bytes, is not looked for.
    let mut text = [0; 128];
    let count = File::open(folder.join("stat")).and_then(|mut stat| stat.read(&mut text)).ok()?;
    let text = String::from_utf8_lossy(text.get(..count)?);
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
