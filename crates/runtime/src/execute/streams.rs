//! What programs say: read as it comes, kept up to a cap or passed on.

use crate::clock::monotonic;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

/// What a program may say on one stream beyond what is kept of it, in bytes. It does not end by itself.
const MOST_DROPPED: u64 = 1 << 30;

/// Reads both streams until they are at their end, the process has ended, or the deadline has
/// passed, or one of them is endless. The answer: whether the process (or, without one, both streams) ended in time.
pub(super) fn watch(
    process: Option<&OwnedFd>,
    out: &mut Stream<ChildStdout>,
    err: &mut Stream<ChildStderr>,
    deadline: Instant,
) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(monotonic());
        if left.is_zero() || out.kept.is_endless() || err.kept.is_endless() {
            return Ok(false);
        }
        if process.is_none() && out.at_end && err.at_end {
            return Ok(true);
        }
        let (ended, readable) = wait_for_any(process, out, err, left)?;
        if readable.0 {
            out.read_some()?;
        }
        if readable.1 {
            err.read_some()?;
        }
        if ended {
            return Ok(true);
        }
    }
}

/// Waits until something happens: (the process ended, (standard output, standard error) readable).
fn wait_for_any(
    process: Option<&OwnedFd>,
    out: &Stream<ChildStdout>,
    err: &Stream<ChildStderr>,
    left: Duration,
) -> io::Result<(bool, (bool, bool))> {
    let mut fds = Vec::with_capacity(3);
    let mut add = |fd| {
        fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        fds.len() - 1
    };
    let out_at = (!out.at_end).then(|| add(out.source.as_fd()));
    let err_at = (!err.at_end).then(|| add(err.source.as_fd()));
    let process_at = process.map(|process| add(process.as_fd()));
    let timeout = Timespec {
        tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let happened =
        |at: Option<usize>| at.and_then(|at| fds.get(at)).is_some_and(|fd| !fd.revents().is_empty());
    Ok((happened(process_at), (happened(out_at), happened(err_at))))
}

/// Gives a program what comes on this process's standard input, until that is at its end, nobody takes it any more, or `over`
/// is at its end. What was read and not taken is lost.
pub(super) fn feed(program: &mut File, over: &PipeReader) -> io::Result<()> {
    // A program that takes nothing must not keep anybody waiting.
    rustix::io::ioctl_fionbio(&*program, true)?;
    let mut waiting = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let input = rustix::stdio::stdin();
        // What waits is given away before more is taken. The other end of a pipe has gone where this one has an error.
        let gives = if waiting.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let mut ends = vec![PollFd::new(over, PollFlags::IN), PollFd::new(program, gives)];
        if waiting.is_empty() {
            ends.push(PollFd::from_borrowed_fd(input, PollFlags::IN));
        }
        match poll(&mut ends, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let seen = |at: usize| ends.get(at).map_or(PollFlags::empty(), PollFd::revents);
        let (is_over, can_go, comes) = (seen(0), seen(1), seen(2));
        if !is_over.is_empty() || can_go.intersects(PollFlags::ERR | PollFlags::HUP) {
            return Ok(());
        }
        if !waiting.is_empty() {
            match program.write(&waiting) {
                Ok(count) => drop(waiting.drain(..count)),
                Err(error) if is_for_later(&error) => {}
                Err(error) => return Err(error),
            }
        } else if !comes.is_empty() {
            match rustix::io::read(input, &mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => waiting.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether it can be tried again.
pub(super) fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// What a program went over that says more than anybody reads.
pub(super) fn endless() -> String {
    format!("{} MiB of output", MOST_DROPPED >> 20)
}

/// The first bytes of what was said.
pub(super) struct Kept {
    bytes: Vec<u8>,
    cap: usize,
    dropped: u64,
}

impl Kept {
    pub(super) const fn new(cap: usize) -> Self {
        Self { bytes: Vec::new(), cap, dropped: 0 }
    }

    pub(super) fn take(&mut self, said: &[u8]) {
        let room = self.cap.saturating_sub(self.bytes.len()).min(said.len());
        self.bytes.extend_from_slice(said.get(..room).unwrap_or_default());
        self.dropped += (said.len() - room) as u64;
    }

    /// Whether so much was said that nobody waits for the end of it.
    pub(super) const fn is_endless(&self) -> bool {
        self.dropped > MOST_DROPPED
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.dropped > 0 {
            let note = format!("\n[{} more bytes were not kept]\n", self.dropped);
            self.bytes.extend_from_slice(note.as_bytes());
        }
        self.bytes
    }
}

/// One output stream, of which the first bytes are kept, unless it is passed on.
pub(super) struct Stream<S> {
    source: S,
    onwards: Option<Box<dyn Write>>,
    kept: Kept,
    at_end: bool,
}

impl<S: Read + AsFd> Stream<S> {
    pub(super) fn new(source: S, cap: usize, onwards: Option<Box<dyn Write>>) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&source, true)?;
        Ok(Self { source, onwards, kept: Kept::new(cap), at_end: false })
    }

    fn read_some(&mut self) -> io::Result<()> {
        let mut buffer = [0u8; 16 * 1024];
        match self.source.read(&mut buffer) {
            Ok(0) => self.at_end = true,
            Ok(count) => self.take(buffer.get(..count).unwrap_or_default()),
            Err(error) if is_for_later(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn take(&mut self, read: &[u8]) {
        if let Some(onwards) = &mut self.onwards {
            // Whoever does not read any more misses the rest; the program goes on.
            let _ = onwards.write_all(read).and_then(|()| onwards.flush());
            return;
        }
        self.kept.take(read);
    }

    pub(super) const fn is_endless(&self) -> bool {
        self.kept.is_endless()
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.kept.finish()
    }
}
