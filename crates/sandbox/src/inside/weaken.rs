//! For tests alone, and only in programs built for them: the boundary without one of its parts, to show that it was that
//! part which stopped an attempt; and a kernel without one of its calls, to show that nothing is weaker in silence.

use crate::receipt::Mechanism;

/// Whether this part is to be left out. In a program that is shipped none ever is.
#[cfg(not(feature = "weaken"))]
pub(super) const fn without(_: Mechanism) -> bool {
    false
}

/// The second argument of the launcher names the part to be left out.
#[cfg(feature = "weaken")]
pub(super) fn without(part: Mechanism) -> bool {
    std::env::args().nth(2).is_some_and(|named| named == part.to_string())
}

/// Whether this process is to do as if it might make no namespaces itself.
#[cfg(not(feature = "weaken"))]
pub(super) const fn refused() -> bool {
    false
}

#[cfg(feature = "weaken")]
pub(super) fn refused() -> bool {
    std::env::args().nth(2).is_some_and(|named| named == "namespaces of its own")
}

/// What one launcher hands on to another.
#[cfg(not(feature = "weaken"))]
pub(super) const fn passed_on() -> [String; 0] {
    []
}

#[cfg(feature = "weaken")]
pub(super) fn passed_on() -> impl Iterator<Item = String> {
    std::env::args().skip(2)
}

/// Takes calls away from the launcher: its third argument lists their numbers.
#[cfg(feature = "weaken")]
pub(super) fn mask() {
    use seccompiler::{SeccompAction, SeccompFilter, TargetArch};
    let listed = std::env::args().nth(3).unwrap_or_default();
    let calls = listed.split(',').filter_map(|number| Some((number.parse().ok()?, Vec::new())));
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = TargetArch::try_from(std::env::consts::ARCH)
        .and_then(|arch| SeccompFilter::new(calls.collect(), SeccompAction::Allow, refused, arch))
        .and_then(seccompiler::BpfProgram::try_from);
    if let (false, Ok(filter)) = (listed.is_empty(), filter) {
        let _ = seccompiler::apply_filter(&filter);
    }
}

#[cfg(not(feature = "weaken"))]
pub(super) const fn mask() {}
