//! The launcher's end of the connection.

use crate::receipt::{Failure, Report};
use crate::spec::Spec;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::fs::File;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};

/// The first descriptor behind the standard streams.
const FIRST_OTHER: i32 = 3;

/// The longest spec, in bytes.
const MOST_BYTES: u64 = 16 << 20;

pub(super) struct Channel(File);

impl Channel {
    /// What stands on standard input, in the place of which stands nothing from now on. No other descriptor than the
    /// standard streams is passed on to a program.
    pub(super) fn take() -> io::Result<Self> {
        let own = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), FIRST_OTHER)?;
        Self::from(own)
    }

    /// The same, of a connection that was passed on otherwise.
    pub(super) fn from(own: OwnedFd) -> io::Result<Self> {
        close_fds::set_fds_cloexec(FIRST_OTHER, &[]);
        let nothing = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::stdio::dup2_stdin(&nothing)?;
        Ok(Self(File::from(own)))
    }

    /// One more descriptor of it, which is open in what is started.
    pub(super) fn to_pass_on(&self) -> io::Result<OwnedFd> {
        Ok(rustix::io::dup(&self.0)?)
    }

    pub(super) fn spec(&self) -> Result<Spec, Failure> {
        let mut text = Vec::new();
        (&self.0).take(MOST_BYTES).read_to_end(&mut text).map_err(Failure::other)?;
        serde_json::from_slice(&text).map_err(|error| Failure::other(format!("what is to be run: {error}")))
    }

    pub(super) fn say(&self, report: &Report) {
        // Whoever does not listen any more is about to end us.
        if let Ok(mut line) = serde_json::to_vec(report) {
            line.push(b'\n');
            let _ = (&self.0).write_all(&line);
        }
    }

    /// Says it and hands descriptors over with it: four at the most.
    pub(super) fn say_with(&self, report: &Report, descriptors: &[OwnedFd]) -> io::Result<()> {
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut with = SendAncillaryBuffer::new(&mut space);
        let descriptors: Vec<_> = descriptors.iter().map(OwnedFd::as_fd).collect();
        if !with.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::Error::other("too many descriptors to hand over"));
        }
        let sent = sendmsg(&self.0, &[IoSlice::new(&line)], &mut with, SendFlags::NOSIGNAL)?;
        (&self.0).write_all(line.get(sent..).unwrap_or_default())
    }

    /// Whether the other end is gone.
    pub(super) fn is_alone(&self) -> bool {
        let mut ends = [PollFd::new(&self.0, PollFlags::empty())];
        let none = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut ends, Some(&none)).is_err() || ends.iter().any(|end| end.revents().contains(PollFlags::HUP))
    }
}
