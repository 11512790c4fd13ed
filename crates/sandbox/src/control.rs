//! The connection between whoever starts the launcher and the launcher: a pair of sockets, one of which is the
//! launcher's standard input.

use crate::program_watch::ProgramWatch;
use crate::receipt::Report;
use crate::spec::Spec;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, Shutdown, SocketFlags,
    SocketType, recv, recvmsg, send, shutdown, socketpair,
};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

/// The starter's end.
#[derive(Debug)]
pub struct Control {
    socket: OwnedFd,
    /// What was read of the reports.
    text: Vec<u8>,
}

/// What the launcher hands over once the boundary is in force.
#[derive(Debug)]
pub struct Handed {
    /// Where programs are watched: who is asked about them.
    pub watch: Option<ProgramWatch>,
    /// Where there is a way out: the socket inside that it leads to.
    pub proxied: Option<TcpListener>,
    /// The other end of the program's terminal, where it has one.
    pub terminal: Option<OwnedFd>,
    /// What is written here comes to the program's standard input, where it has one.
    pub input: Option<OwnedFd>,
}

/// The most that reports may come to, in bytes.
const MOST_BYTES: usize = 64 * 1024;

impl Control {
    /// A pair: this end, and what is to be the standard input of the launcher.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        Ok((Self { socket: ours, text: Vec::new() }, theirs))
    }

    /// Tells the launcher what to do. Until then it does nothing.
    pub fn tell(&self, spec: &Spec) -> io::Result<()> {
        let text = serde_json::to_vec(spec)?;
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            // A launcher that is gone is an error, and no signal.
            let sent = send(&self.socket, rest, SendFlags::NOSIGNAL)?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(shutdown(&self.socket, Shutdown::Write)?)
    }

    /// Waits for the first report. With it comes what `spec` asks for, once the boundary is in force.
    pub fn handed(&mut self, spec: &Spec) -> io::Result<Handed> {
        let mut buffer = vec![0; MOST_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut with = RecvAncillaryBuffer::new(&mut space);
        let received =
            recvmsg(&self.socket, &mut [IoSliceMut::new(&mut buffer)], &mut with, RecvFlags::CMSG_CLOEXEC)?;
        self.text.extend_from_slice(buffer.get(..received.bytes).unwrap_or_default());
        let mut descriptors: Vec<OwnedFd> = Vec::new();
        for message in with.drain() {
            if let RecvAncillaryMessage::ScmRights(more) = message {
                descriptors.extend(more);
            }
        }
        // In this order, which is that of `hand_over`.
        let mut descriptors = descriptors.into_iter();
        let input = spec.input.then(|| descriptors.next()).flatten();
        let watch = spec
            .watched
            .then(|| descriptors.next())
            .flatten()
            .map(|listener| ProgramWatch::new(listener, spec.terminal));
        let proxied = spec.proxy_port.and_then(|_| descriptors.next()).map(TcpListener::from);
        let terminal = spec.terminal.then(|| descriptors.next()).flatten();
        Ok(Handed { watch, proxied, terminal, input })
    }

    /// Everything that the launcher reported. To be asked once it has ended.
    pub fn reports(mut self) -> io::Result<Vec<Report>> {
        rustix::io::ioctl_fionbio(&self.socket, true)?;
        let mut buffer = [0; 4096];
        while self.text.len() < MOST_BYTES {
            match recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((_, 0)) | Err(rustix::io::Errno::AGAIN) => break,
                Ok((_, count)) => self.text.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) => return Err(error.into()),
            }
        }
        let lines = self.text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(serde_json::from_slice).collect::<Result<_, _>>()?)
    }
}
