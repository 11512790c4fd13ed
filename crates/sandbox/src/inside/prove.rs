//! Tries the boundary out from inside, in the place of a program: each attempt has to fail.

use crate::receipt::Failure;
use crate::spec::Spec;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, socket};
use stayhand_core::decision::Level;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};

/// What went through, or the end of this process.
pub(super) fn boundary(spec: &Spec) -> Failure {
    match leak(spec) {
        Some(leak) => Failure::other(format!("the boundary leaks: {leak}")),
        None => std::process::exit(0),
    }
}

fn leak(spec: &Spec) -> Option<String> {
    for path in ["/stayhand-was-here", "/usr/stayhand-was-here", "/etc/stayhand-was-here"] {
        if fs::write(path, "").is_ok() {
            let _ = fs::remove_file(path);
            return Some(format!("{path} could be written"));
        }
    }
    if fs::read("/etc/shadow").is_ok() {
        return Some("/etc/shadow could be read".to_owned());
    }
    if let Some(bind) = spec.binds.iter().find(|bind| bind.writable) {
        let path = bind.path.join(format!(".stayhand-{}", std::process::id()));
        if let Err(error) = fs::write(&path, "").and_then(|()| fs::remove_file(&path)) {
            return Some(format!("nothing can be written where it should be: {}: {error}", path.display()));
        }
    }
    let refused = |result: rustix::io::Result<_>| matches!(result, Err(Errno::PERM | Errno::AFNOSUPPORT));
    if !refused(socket(AddressFamily::VSOCK, SocketType::STREAM, None).map(drop)) {
        return Some("a socket to the host could be made".to_owned());
    }
    let mounted = rustix::mount::mount("none", "/", "tmpfs", rustix::mount::MountFlags::empty(), None);
    if !refused(mounted) {
        return Some("something could be mounted".to_owned());
    }
    let anywhere = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.send_to(b"", (Ipv4Addr::new(192, 0, 2, 1), 53)));
    if anywhere.is_ok() {
        return Some("a packet could be sent".to_owned());
    }
    // Inside of its own namespace the processes are numbered anew: init, and this one.
    let alone = spec.most < Level::L2 || fs::read_dir("/proc").is_ok_and(|found| processes(found) <= 2);
    (!alone).then(|| "processes outside can be seen".to_owned())
}

fn processes(found: fs::ReadDir) -> usize {
    let is_number = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.parse::<u32>().is_ok());
    found.flatten().filter(|entry| is_number(&entry.file_name())).count()
}
