//! Gathers the facts a decision rests on.

use crate::policy_files::PolicyFiles;
use crate::resolve;
use crate::wire::Said;
use stayhand_analysis::provenance::{self, Conversation};
use stayhand_analysis::{Programs, Surroundings, analyse_knowing, check_program};
use stayhand_core::digest::Digest;
use stayhand_core::facts::{Access, Facts, Invalid, PathUse, Place};
use stayhand_core::policy::{Analyse, Policy};
use stayhand_core::program::{Misread, ProgramSection};
use stayhand_core::request::Request;
use stayhand_core::tool::Declaration;
use std::path::{Path, PathBuf};

/// A request with everything observed about it.
#[derive(Debug)]
pub struct Gathered {
    /// The request, secrets replaced.
    pub redacted: Request,
    /// The digest of the full request.
    pub digest: Digest,
    /// What was observed.
    pub facts: Facts,
}

/// Looks at requests on this machine.
#[derive(Debug, Clone)]
pub struct Observer {
    /// The state folder.
    state: Option<PathBuf>,
    /// The policy files, whether they exist or not.
    policies: Vec<PathBuf>,
}

impl Observer {
    /// An observer that takes the state folder and the policy files for Stayhand's own.
    pub fn new(home: Option<&Path>, files: &PolicyFiles) -> Self {
        let real = |path: &Path| std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
        Self {
            state: home.and_then(|path| real(path).ok()),
            policies: files.paths().filter_map(|path| real(path).ok()).collect(),
        }
    }

    /// Observes what `request` would do on this machine, now. Names stay names: a question to a name server leaves the
    /// machine too.
    pub fn gather(&self, policy: &Policy, request: &Request, invalid: Vec<Invalid>, said: &Said) -> Gathered {
        let declaration = policy.declaration(&request.action.0);
        let programs = Programs::of(policy.programs());
        let analysis = analyse_knowing(request, declaration, &programs);
        let mut facts = analysis.facts;
        facts.invalid.extend(invalid);
        facts.reads_private = declaration.is_some_and(|declared| declared.private);
        let conversation = Conversation { request: said.request.as_deref(), outputs: &said.outputs };
        facts.untrusted = provenance::trace(request, &facts, &conversation).map(Box::new);
        let context = &request.context;
        let at = Surroundings { cwd: &context.cwd, workspace: &context.workspace, home: &context.home };
        resolve::paths(&mut facts, at);
        self.mark_own(&mut facts);
        Gathered { redacted: analysis.redacted, digest: request.digest(), facts }
    }

    /// What is Stayhand's own is a place of its own, wherever it lies; so is what holds it, where all
    /// below is touched and it is no other sensitive place.
    fn mark_own(&self, facts: &mut Facts) {
        for used in facts.operations.iter_mut().flat_map(|op| &mut op.paths) {
            if self.own().any(|own| used.views().any(|path| Path::new(path).starts_with(own))) {
                used.place = Some(Place::Stayhand);
            } else if used.recursive && self.lies_below(used) {
                used.place = used.place.or(Some(Place::Stayhand));
            }
        }
    }

    fn own(&self) -> impl Iterator<Item = &PathBuf> {
        self.state.iter().chain(&self.policies)
    }

    /// Whether something of Stayhand's own lies below and would suffer: the state, which holds a
    /// key, from any access but a look at names; a policy file that exists from a change. Policies
    /// are no secret, and every search of a workspace passes them.
    fn lies_below(&self, used: &PathUse) -> bool {
        let below = |own: &PathBuf| used.views().any(|path| own.starts_with(path));
        let changes = matches!(used.access, Access::Write | Access::Delete);
        let opens = used.access != Access::List;
        (opens && self.state.iter().any(below))
            || (changes && self.policies.iter().any(|own| below(own) && own.exists()))
    }
}

/// Whether this action connects from here, to addresses that are judged with it.
pub(crate) fn connects(request: &Request) -> bool {
    matches!(request.action.0.as_str(), "fetch" | "connect")
}

/// The analysis without a look at this machine. What policy files say is checked with it.
#[derive(Debug, Clone, Copy)]
pub struct Observe;

impl Analyse for Observe {
    fn facts(
        self,
        request: &Request,
        declaration: Option<&Declaration>,
        programs: &[ProgramSection],
    ) -> Facts {
        analyse_knowing(request, declaration, &Programs::of(programs)).facts
    }

    fn check(self, section: &ProgramSection) -> Result<(), Misread> {
        check_program(section)
    }
}
