//! Gathers the facts a decision rests on.

use crate::resolve;
use stayhand_analysis::{Surroundings, analyse};
use stayhand_core::digest::Digest;
use stayhand_core::facts::{Facts, Invalid};
use stayhand_core::policy::Policy;
use stayhand_core::request::Request;
use stayhand_core::tool::Declaration;

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

/// Whether names are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Names stay names. For checks that must not touch the network.
    Keep,
    /// Names are resolved, and connections pinned to the result.
    LookUp,
}

/// Observes what `request` would do on this machine, now.
pub fn gather(policy: &Policy, request: &Request, invalid: Vec<Invalid>, names: Names) -> Gathered {
    let analysis = analyse(request, policy.declaration(&request.action.0));
    let mut facts = analysis.facts;
    facts.invalid.extend(invalid);
    let context = &request.context;
    let at = Surroundings { cwd: &context.cwd, workspace: &context.workspace, home: &context.home };
    resolve::paths(&mut facts, at);
    if names == Names::LookUp && request.action.0 == "fetch" {
        resolve::names(&mut facts);
    }
    Gathered { redacted: analysis.redacted, digest: request.digest(), facts }
}

/// The facts of a request without a look at this machine. Policy examples are checked with it.
pub fn observe(request: &Request, declaration: Option<&Declaration>) -> Facts {
    analyse(request, declaration).facts
}
