//! Landlock: what may be touched, once more, by rules that no mount can lift.

use super::mounts::{devices, own_folders};
use super::weaken::without;
use crate::receipt::{Failure, Mechanism};
use crate::spec::Spec;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// The newest rights that this program knows. What an older kernel lacks of them is left out, but for what a level
/// demands.
const NEWEST: ABI = ABI::V6;

fn failed(mechanism: Mechanism) -> impl Fn(landlock::RulesetError) -> Failure {
    move |error| Failure::of(mechanism, error)
}

/// With a root folder of its own, in which only what was granted exists.
pub(super) fn restrict_in_own_root(spec: &Spec) -> Result<Vec<Mechanism>, Failure> {
    let rules =
        Rules::new(false)?.allow(Path::new("/"), looks())?.allow(Path::new("/proc"), changes_files())?;
    let rules = rules.allow(Path::new("/dev/pts"), changes_files() | AccessFs::IoctlDev)?;
    let rules = granted(spec, own_folders(spec).iter().map(|own| own.path.as_path()), rules)?;
    rules.keep()
}

/// Without: the same paths, in the root folder of all.
pub(super) fn restrict_by_path(spec: &Spec) -> Result<Vec<Mechanism>, Failure> {
    let mut rules = Rules::new(true)?;
    for bind in &spec.binds {
        rules = rules.allow(&bind.path, looks())?;
    }
    granted(spec, std::iter::empty(), rules)?.keep()
}

fn granted<'a>(
    spec: &'a Spec,
    own: impl Iterator<Item = &'a Path>,
    mut rules: Rules,
) -> Result<Rules, Failure> {
    let writable = spec.binds.iter().filter(|bind| bind.writable).map(|bind| bind.path.as_path());
    for path in own.chain(writable).chain(spec.scratch.iter().map(PathBuf::as_path)) {
        rules = rules.allow(path, AccessFs::from_all(NEWEST))?;
    }
    for device in devices(spec) {
        let path = Path::new("/dev").join(device);
        rules = rules.allow(&path, AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate)?;
    }
    Ok(rules)
}

fn looks() -> BitFlags<AccessFs> {
    AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir
}

fn changes_files() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate
}

struct Rules {
    set: RulesetCreated,
    /// Whether TCP is kept out as well.
    tcp: bool,
}

impl Rules {
    fn new(tcp: bool) -> Result<Self, Failure> {
        // Files are demanded; of the rights of later kernels those that this one has.
        let set = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let set = set.handle_access(AccessFs::from_all(ABI::V1)).map_err(failed(Mechanism::LandlockFiles))?;
        let set = if tcp {
            set.handle_access(AccessNet::from_all(ABI::V4)).map_err(failed(Mechanism::LandlockTcp))?
        } else {
            set
        };
        let set = set.set_compatibility(CompatLevel::BestEffort);
        let set = set.handle_access(AccessFs::from_all(NEWEST)).map_err(failed(Mechanism::LandlockFiles))?;
        let set = set.scope(Scope::from_all(NEWEST)).map_err(failed(Mechanism::LandlockScopes))?;
        Ok(Self { set: set.create().map_err(failed(Mechanism::LandlockFiles))?, tcp })
    }

    /// Nothing where there is nothing.
    fn allow(self, path: &Path, rights: BitFlags<AccessFs>) -> Result<Self, Failure> {
        let Ok(place) = PathFd::new(path) else { return Ok(self) };
        let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(NEWEST) };
        let rule = PathBeneath::new(place, rights);
        Ok(Self { set: self.set.add_rule(rule).map_err(failed(Mechanism::LandlockFiles))?, ..self })
    }

    fn keep(self) -> Result<Vec<Mechanism>, Failure> {
        if without(Mechanism::LandlockFiles) {
            return Ok(Vec::new());
        }
        let status = self.set.restrict_self().map_err(failed(Mechanism::LandlockFiles))?;
        if status.ruleset == RulesetStatus::NotEnforced {
            return Err(Failure::of(Mechanism::LandlockFiles, "the kernel enforces nothing"));
        }
        let mut found = vec![Mechanism::LandlockFiles];
        found.extend(self.tcp.then_some(Mechanism::LandlockTcp));
        found.extend((status.ruleset == RulesetStatus::FullyEnforced).then_some(Mechanism::LandlockScopes));
        Ok(found)
    }
}
