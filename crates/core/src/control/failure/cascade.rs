//! Failures that spread: several agents fail within a few minutes (A262).

use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The window, its end included, in microseconds. Source: A262.
pub const WINDOW_US: u64 = 300_000_000;

/// The fewest affected agents. Source: A262.
pub const AGENTS: usize = 3;

/// One failure of an agent, as the log shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Whose.
    pub agent: &'a str,
    /// When.
    pub at: Timestamp,
    /// What it needed: a host, a program, a tool.
    pub dependency: &'a str,
    /// How it failed: failures that look alike share it.
    pub class: u32,
}

/// A cascade, and where it seems to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cascade {
    /// The affected agents, by name.
    pub agents: Vec<String>,
    /// What most of them needed, where at least two share it.
    pub suspect: Option<String>,
    /// Who failed first.
    pub first: String,
    /// Whether all failures look alike, which strengthens the suspicion.
    pub alike: bool,
}

impl Cascade {
    /// How sure it is, from 0 to 1: half for the number of agents alone, more where they share a dependency and where
    /// their failures look alike.
    pub fn confidence(&self) -> f64 {
        0.5 + if self.suspect.is_some() { 0.25 } else { 0.0 } + if self.alike { 0.25 } else { 0.0 }
    }

    /// The sentence for people.
    pub fn sentence(&self) -> String {
        let agents = self.agents.join(", ");
        let cause = match &self.suspect {
            Some(dependency) => format!("they share `{dependency}`"),
            None => format!("`{}` failed first", self.first),
        };
        format!("Cascade failure: {} agents within 5 minutes ({agents}); {cause}", self.agents.len())
    }
}

/// Finds a cascade among failures: at least `least` agents within the window before `now`.
///
/// The dependency that most agents share is the suspect for the root cause; among equals, the one that failed first.
pub fn find<'a>(
    failures: impl Iterator<Item = Failure<'a>>,
    now: Timestamp,
    least: usize,
) -> Option<Cascade> {
    let mut recent: Vec<Failure<'a>> = failures.filter(|found| now.since(found.at) <= WINDOW_US).collect();
    recent.sort_by_key(|found| found.at);
    let mut agents: Vec<&str> = recent.iter().map(|found| found.agent).collect();
    agents.sort_unstable();
    agents.dedup();
    let first = recent.first()?;
    if agents.len() < least {
        return None;
    }
    Some(Cascade {
        agents: agents.into_iter().map(str::to_owned).collect(),
        suspect: suspect(&recent).map(str::to_owned),
        first: first.agent.to_owned(),
        alike: recent.iter().all(|found| found.class == first.class),
    })
}

/// The dependency that most agents share, if two do. `recent` is in the order of time.
fn suspect<'a>(recent: &[Failure<'a>]) -> Option<&'a str> {
    let mut shared: BTreeMap<&str, (Vec<&str>, usize)> = BTreeMap::new();
    for (place, found) in recent.iter().enumerate() {
        let (agents, _) = shared.entry(found.dependency).or_insert_with(|| (Vec::new(), place));
        if !agents.contains(&found.agent) {
            agents.push(found.agent);
        }
    }
    let most = shared.iter().max_by_key(|(_, (agents, first))| (agents.len(), std::cmp::Reverse(*first)))?;
    (most.1.0.len() > 1).then_some(*most.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(agent: &'static str, seconds: u64, dependency: &'static str, class: u32) -> Failure<'static> {
        Failure { agent, at: Timestamp(seconds * 1_000_000), dependency, class }
    }

    /// A262, D252: distinct agents, the age of five minutes included, a root cause from the log.
    #[test]
    fn a262_cascade_and_its_cause() {
        let failures = [
            failure("b", 1, "db.internal", 7),
            failure("a", 2, "db.internal", 7),
            failure("a", 3, "mail", 7),
            failure("c", 4, "git", 7),
        ];
        let at = |seconds: u64| find(failures.into_iter(), Timestamp(seconds * 1_000_000), AGENTS);
        let found = at(301).unwrap();
        assert_eq!(found.agents, ["a", "b", "c"]);
        assert_eq!((found.suspect.as_deref(), &*found.first, found.alike), (Some("db.internal"), "b", true));
        assert_eq!(
            found.sentence(),
            "Cascade failure: 3 agents within 5 minutes (a, b, c); they share `db.internal`"
        );
        assert!((found.confidence() - 1.0).abs() < 1e-9);
        assert_eq!(at(302), None, "b's failure is older than five minutes");
        let two = [failure("a", 1, "x", 1), failure("a", 2, "x", 1), failure("b", 3, "x", 1)];
        assert_eq!(find(two.into_iter(), Timestamp(4_000_000), AGENTS), None);
    }

    #[test]
    fn without_a_shared_dependency_the_first_to_fail_is_named() {
        let failures = [failure("a", 1, "x", 1), failure("b", 2, "y", 2), failure("c", 3, "z", 3)];
        let found = find(failures.into_iter(), Timestamp(5_000_000), AGENTS).unwrap();
        assert_eq!((found.suspect.as_deref(), found.alike), (None, false));
        assert!(found.sentence().ends_with("`a` failed first"), "{}", found.sentence());
    }
}
