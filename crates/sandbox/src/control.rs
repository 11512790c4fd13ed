//! The connection between whoever starts the launcher and the launcher: a pair of sockets, one of which is the
//! launcher's standard input.

use crate::receipt::Report;
use crate::spec::Spec;
use rustix::net::{AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, send, shutdown, socketpair};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

/// The starter's end.
#[derive(Debug)]
pub struct Control(OwnedFd);

/// The most that reports may come to, in bytes.
const REPORT_BYTES: u64 = 64 * 1024;

impl Control {
    /// A pair: this end, and what is to be the standard input of the launcher.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours), theirs))
    }

    /// Tells the launcher what to do. Until then it does nothing.
    pub fn tell(&self, spec: &Spec) -> io::Result<()> {
        let text = serde_json::to_vec(spec)?;
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            // A launcher that is gone is an error, and no signal.
            let sent = send(&self.0, rest, SendFlags::NOSIGNAL)?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(shutdown(&self.0, Shutdown::Write)?)
    }

    /// Everything that the launcher reported. To be asked once it has ended.
    pub fn reports(self) -> io::Result<Vec<Report>> {
        rustix::io::ioctl_fionbio(&self.0, true)?;
        let mut text = Vec::new();
        match File::from(self.0).take(REPORT_BYTES).read_to_end(&mut text) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(serde_json::from_slice).collect::<Result<_, _>>()?)
    }
}
