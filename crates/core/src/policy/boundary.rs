//! Compiled boundaries and action policies.

use super::condition::Hours;
use super::pattern::{HostSet, PathSet};
use super::source::{ActionSource, Day, List, filled, given};
use super::text_pattern::TextPattern;
use crate::decision::{Layer, Obligation, Resource};
use crate::facts::AddressClass;
use crate::risk::Risk;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Enforced boundaries.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BoundariesSource {
    /// Which paths may be touched.
    pub paths: Option<PathsSource>,
    /// Which hosts may be contacted.
    pub network: Option<NetworkSource>,
    /// When, and for how long.
    pub time: Option<TimeSource>,
    /// How much.
    pub resources: Option<ResourcesSource>,
}

/// Which paths may be touched. Checked in this order: `block`, `blocked`, `allow` and `write`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PathsSource {
    /// What findings call it.
    pub name: Option<String>,
    /// Patterns that are refused in any letter case (`*.exe`).
    pub block: List,
    /// Folders that are refused, with everything below them.
    pub blocked: List,
    /// If given, every path must match one of these; an empty list leaves none.
    #[serde(deserialize_with = "given")]
    pub allow: Option<List>,
    /// If given, every written or deleted path must match one of these; an empty list leaves none.
    #[serde(deserialize_with = "given")]
    pub write: Option<List>,
}

/// Which hosts may be contacted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkSource {
    /// What findings call it.
    pub name: Option<String>,
    /// Kinds of addresses that may be contacted (default: `public` and `name`). Metadata services
    /// are refused whatever is written here.
    pub addresses: Option<List<AddressClass>>,
    /// Hosts that are refused.
    pub blocked_hosts: List,
    /// Ports that are refused.
    pub blocked_ports: List<u16>,
    /// If given, every host must match one of these; an empty list leaves none.
    #[serde(deserialize_with = "given")]
    pub allow_hosts: Option<List>,
    /// If given, every port must be one of these; an empty list leaves none.
    #[serde(deserialize_with = "given")]
    pub allow_ports: Option<List<u16>>,
    /// The most that all connections of one sandbox together may carry, out and in, in mebibytes.
    pub max_mb: Option<u64>,
}

/// When, and for how long.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeSource {
    /// Seconds one action may run.
    pub max_execution_s: Option<f64>,
    /// Seconds all actions of a session may run in total.
    pub max_total_s: Option<f64>,
    /// Hours of the day (UTC), as in `08:00-18:00`.
    #[serde(deserialize_with = "filled")]
    pub hours: List,
    /// Days of the week, as in `mon`.
    #[serde(deserialize_with = "filled")]
    pub days: List<Day>,
}

/// How much. Zero means nothing; leaving a key out means no limit.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResourcesSource {
    /// Mebibytes of memory.
    pub max_memory_mb: Option<u64>,
    /// Percent of one processor.
    pub max_cpu_percent: Option<u64>,
    /// Open files.
    pub max_open_files: Option<u64>,
    /// Mebibytes by which what lies in the workspace may grow while one program runs.
    pub max_disk_mb: Option<u64>,
    /// Executed operations of the session, in 31 days.
    pub max_operations: Option<u64>,
}

/// The boundaries of all files. Each holds by itself, so that another one can only tighten.
#[derive(Debug, Default)]
pub(crate) struct Boundaries {
    pub(crate) paths: Vec<PathBoundary>,
    pub(crate) network: Vec<NetworkBoundary>,
    /// Whether a trusted file says which kinds of addresses may be contacted. If none does, the
    /// usual ones may.
    pub(crate) addresses_stated: bool,
    pub(crate) hours: Vec<Hours>,
    /// The most actions that a session may take.
    pub(crate) operations: Option<u64>,
    /// How long all actions of a session may run in total, in milliseconds.
    pub(crate) total_ms: Option<u64>,
    /// Limits, as duties of every permit: a set, sorted.
    pub(crate) duties: Vec<Obligation>,
}

/// Which paths may be touched.
#[derive(Debug)]
pub(crate) struct PathBoundary {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) lists: PathLists,
    pub(crate) block: Option<PathSet>,
    /// Folders with their absolute path or pattern, for the message.
    pub(crate) blocked: Vec<(Arc<str>, PathSet)>,
    pub(crate) allow: Option<PathSet>,
    pub(crate) write: Option<PathSet>,
}

/// The lists of a path boundary as written, for whoever has the kernel keep it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathLists {
    /// Patterns of what is refused.
    pub block: Vec<String>,
    /// Folders that are refused with all below.
    pub blocked: Vec<String>,
    /// What may be touched; everything where it is not given.
    pub allow: Option<Vec<String>>,
    /// What may be changed; everything that may be touched where it is not given.
    pub write: Option<Vec<String>>,
}

impl PathLists {
    fn of(source: &PathsSource) -> Self {
        let texts = |list: &List| list.texts().map(str::to_owned).collect::<Vec<_>>();
        Self {
            block: texts(&source.block),
            blocked: texts(&source.blocked),
            allow: source.allow.as_ref().map(texts),
            write: source.write.as_ref().map(texts),
        }
    }
}

/// Which hosts may be contacted.
#[derive(Debug)]
pub(crate) struct NetworkBoundary {
    pub(crate) name: Option<Arc<str>>,
    /// The kinds of addresses that may be contacted, if the file says so.
    pub(crate) addresses: Option<Vec<AddressClass>>,
    pub(crate) blocked_hosts: Option<HostSet>,
    pub(crate) blocked_ports: Vec<u16>,
    pub(crate) allow_hosts: Option<HostSet>,
    pub(crate) allow_ports: Option<Vec<u16>>,
    pub(crate) max_mb: Option<u64>,
}

impl Boundaries {
    /// Adds the boundaries of one file.
    pub(crate) fn add(&mut self, source: &BoundariesSource, layer: Layer) -> Result<(), String> {
        if let Some(paths) = &source.paths {
            self.paths.push(PathBoundary::compile(paths)?);
        }
        if let Some(network) = &source.network {
            self.network.push(NetworkBoundary::compile(network)?);
            self.addresses_stated |= layer.may_allow() && network.addresses.is_some();
        }
        if let Some(time) = &source.time {
            self.hours.extend(Hours::parse(time.hours.texts(), &time.days.0)?);
        }
        self.duties.extend(time_duties(source.time.as_ref())?);
        self.duties.extend(resource_duties(source.resources.as_ref()));
        let operations = source.resources.as_ref().and_then(|resources| resources.max_operations);
        self.operations = [self.operations, operations].into_iter().flatten().min();
        let total_s = source.time.as_ref().and_then(|time| time.max_total_s);
        let total_ms = total_s.map(|seconds| milliseconds(seconds, "max_total_s")).transpose()?;
        self.total_ms = [self.total_ms, total_ms].into_iter().flatten().min();
        Ok(())
    }

    pub(crate) fn finish(&mut self) {
        self.duties.sort_unstable();
        self.duties.dedup();
    }
}

impl PathBoundary {
    fn compile(source: &PathsSource) -> Result<Self, String> {
        let set = |list: &Option<List>| list.as_ref().map(|list| PathSet::parse(list.texts())).transpose();
        let folder = |folder: &str| {
            let below = format!("{}/**", folder.trim_end_matches('/'));
            Ok((folder.into(), PathSet::parse([folder, below.as_str()])?))
        };
        let lower: Vec<String> = source.block.texts().map(str::to_lowercase).collect();
        Ok(Self {
            name: source.name.as_deref().map(Into::into),
            lists: PathLists::of(source),
            block: (!lower.is_empty())
                .then(|| PathSet::parse(lower.iter().map(String::as_str)))
                .transpose()?,
            blocked: source.blocked.texts().map(folder).collect::<Result<_, String>>()?,
            allow: set(&source.allow)?,
            write: set(&source.write)?,
        })
    }
}

impl NetworkBoundary {
    fn compile(source: &NetworkSource) -> Result<Self, String> {
        let set = |list: &List| HostSet::parse(list.texts());
        let blocked = &source.blocked_hosts;
        Ok(Self {
            name: source.name.as_deref().map(Into::into),
            addresses: source.addresses.as_ref().map(|list| list.0.clone()),
            blocked_hosts: (!blocked.is_empty()).then(|| set(blocked)).transpose()?,
            blocked_ports: source.blocked_ports.0.clone(),
            allow_hosts: source.allow_hosts.as_ref().map(set).transpose()?,
            allow_ports: source.allow_ports.as_ref().map(|list| list.0.clone()),
            max_mb: source.max_mb,
        })
    }

    /// What may be contacted where nothing is written.
    pub(crate) const USUAL_ADDRESSES: &[AddressClass] = &[AddressClass::Public, AddressClass::Name];
}

/// Seconds as milliseconds; not a number, negative or beyond a century is an error.
fn milliseconds(seconds: f64, key: &str) -> Result<u64, String> {
    const CENTURY_S: f64 = 3.2e9;
    if !(0.0..=CENTURY_S).contains(&seconds) {
        return Err(format!("`{key}` must be a number of seconds, zero or more, not {seconds}"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 3.2e12 fits")]
    Ok((seconds * 1000.0).round() as u64)
}

fn time_duties(source: Option<&TimeSource>) -> Result<Vec<Obligation>, String> {
    let mut duties = Vec::new();
    let Some(source) = source else { return Ok(duties) };
    if let Some(seconds) = source.max_execution_s {
        duties.push(Obligation::TimeLimit { limit_ms: milliseconds(seconds, "max_execution_s")? });
    }
    Ok(duties)
}

fn resource_duties(source: Option<&ResourcesSource>) -> Vec<Obligation> {
    let Some(source) = source else { return Vec::new() };
    let limits = [
        (Resource::MemoryMb, source.max_memory_mb),
        (Resource::CpuPercent, source.max_cpu_percent),
        (Resource::OpenFiles, source.max_open_files),
        (Resource::DiskMb, source.max_disk_mb),
    ];
    let given = limits.into_iter().filter_map(|(resource, limit)| limit.map(|limit| (resource, limit)));
    given.map(|(resource, limit)| Obligation::Limit { resource, limit }).collect()
}

/// A compiled action policy.
#[derive(Debug)]
pub struct ActionPolicy {
    /// The action's name.
    pub name: Arc<str>,
    /// The layer of the file.
    pub layer: Layer,
    /// The category, as written.
    pub category: Option<String>,
    /// The risk; critical where it is not given.
    pub risk: Risk,
    /// Whether a person must approve; yes where it is not given.
    pub approval: bool,
    /// Calls an hour and agent.
    pub rate_per_hour: Option<u64>,
    /// Calls an hour of all agents together.
    pub total_per_hour: Option<u64>,
    pub(crate) forbidden: Vec<TextPattern>,
    pub(crate) resources: Option<PathSet>,
    pub(crate) max_cost_cents: Option<u64>,
    pub(crate) limit_ms: Option<u64>,
}

impl ActionPolicy {
    pub(crate) fn compile(
        name: &str,
        layer: Layer,
        source: &ActionSource,
        lazy: bool,
    ) -> Result<Self, String> {
        let limit_ms =
            source.max_duration_s.map(|seconds| milliseconds(seconds, "max_duration_s")).transpose()?;
        Ok(Self {
            name: name.into(),
            layer,
            category: source.category.clone(),
            risk: source.risk.unwrap_or(Risk::Critical),
            approval: source.approval.unwrap_or(true),
            rate_per_hour: source.rate_per_hour,
            total_per_hour: source.total_per_hour,
            forbidden: source
                .forbidden_patterns
                .texts()
                .map(|text| TextPattern::new(text, lazy))
                .collect::<Result<_, _>>()?,
            resources: source
                .allowed_resources
                .as_ref()
                .map(|list| PathSet::parse(list.texts()))
                .transpose()?,
            max_cost_cents: source.max_cost_cents,
            limit_ms,
        })
    }
}
