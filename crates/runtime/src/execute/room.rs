//! Ends a program before the disk that keeps its changes is full: what records its end needs room there too.

use super::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::PipeReader;
use std::path::Path;

/// What is left for the record, in bytes.
const LEFT: u64 = 128 << 20;

/// How often it is looked at, in nanoseconds: no disk takes what is left in so short a time.
const LOOK: i64 = 10_000_000;

/// Why a program may not use any more of the disk that `folder` lies on.
pub(super) fn lacking(folder: &Path) -> Option<String> {
    let found = rustix::fs::statvfs(folder);
    let left = found.map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize));
    (left < LEFT).then(|| format!("the disk of {} has less than {} MiB left", folder.display(), LEFT >> 20))
}

/// Stops the program when there is too little, until `over` is at its end.
pub(super) fn watch(folder: &Path, over: &PipeReader, stop: &Stop) {
    let timeout = Timespec { tv_sec: 0, tv_nsec: LOOK };
    loop {
        let mut ends = [PollFd::new(over, PollFlags::IN)];
        if poll(&mut ends, Some(&timeout)).is_err() || ends.iter().any(|end| !end.revents().is_empty()) {
            return;
        }
        if let Some(why) = lacking(folder) {
            stop.now(&why);
            return;
        }
    }
}
