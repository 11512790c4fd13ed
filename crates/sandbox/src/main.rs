//! The launcher as a program of its own, for a place that only it may be started from (an AppArmor profile, say), and
//! for this crate's tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    stayhand_sandbox::become_launcher();
    eprintln!("this is the launcher of Stayhand's sandbox; `stayhand` starts it");
    ExitCode::from(2)
}
