//! What is seen of an action before it runs.

use super::seen::number;
use super::watch::{AnomalyConfig, Metric};
use crate::facts::Facts;
use crate::request::Request;
use crate::time::Timestamp;
use std::fmt;

/// The most things of one action that are looked at.
const MOST: usize = 64;

/// What is seen of an action before it runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation<'a> {
    /// When it is asked for.
    pub at: Timestamp,
    /// The dollars that it moves, where it moves any.
    pub value: Option<f64>,
    /// The tool, then the hosts and folders; none where nobody watches them.
    pub things: Vec<Thing<'a>>,
    /// It was asked for before and waits for an answer, or has one: its pace says nothing, and it is not counted again.
    pub again: bool,
}

/// Something that an action uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing<'a> {
    /// A tool.
    Tool(&'a str),
    /// A host that is contacted.
    Host(&'a str),
    /// A folder in which something is touched.
    Folder(&'a str),
}

impl<'a> Observation<'a> {
    /// Of a request with its facts. Its value is in nano-dollars.
    pub fn of(
        config: &AnomalyConfig,
        at: Timestamp,
        (request, facts): (&'a Request, &'a Facts),
        value_nanousd: u64,
        again: bool,
    ) -> Self {
        let value = (value_nanousd > 0).then_some(value_nanousd as f64 / 1e9);
        let watched =
            [Metric::Novelty, Metric::Sequence].iter().any(|metric| config.watch.contains_key(metric));
        let things = if watched { things(request, facts) } else { Vec::new() };
        Self { at, value, things, again }
    }

    /// The number of the tool.
    pub(super) fn tool(&self) -> Option<u64> {
        self.things.first().map(Thing::number)
    }
}

fn things<'a>(request: &'a Request, facts: &'a Facts) -> Vec<Thing<'a>> {
    let hosts = facts.operations.iter().flat_map(|op| &op.hosts).map(|host| Thing::Host(&host.host));
    let paths = facts.operations.iter().flat_map(|op| &op.paths);
    let folders =
        paths.filter_map(|path| path.lexical.rsplit_once('/')).map(|(folder, _)| Thing::Folder(folder));
    std::iter::once(Thing::Tool(&request.action.0)).chain(hosts).chain(folders).take(MOST).collect()
}

impl Thing<'_> {
    /// A number that is the same on every machine.
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Tool(name) => number(b't', name),
            Self::Host(name) => number(b'h', name),
            Self::Folder(name) => number(b'f', name),
        }
    }
}

impl fmt::Display for Thing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(name) => write!(f, "the tool {name}"),
            Self::Host(name) => write!(f, "the host {name}"),
            Self::Folder(name) => write!(f, "the folder {name}"),
        }
    }
}
