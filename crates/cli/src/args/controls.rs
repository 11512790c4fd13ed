//! What is asked of the controls: orders, approvals, budgets, breakers, tiers, incidents.

use super::{Asking, PolicyArgs};
use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use stayhand_core::control::anomaly::detector::Detector;
use stayhand_core::control::breaker::Key;
use stayhand_core::control::scope::Scope;
use stayhand_core::control::tier::Metric;
use stayhand_core::time::Timestamp;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Anomaly {
    /// Score each value of a series by those before it
    Score(Score),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Score {
    /// Comma-separated values, as in `timestamp,value`, with a line of names or without
    pub(crate) file: PathBuf,
    /// The column of the values [default: value, or the last of two]
    #[arg(long, value_name = "NAME")]
    pub(crate) column: Option<String>,
    /// The detector
    #[arg(long, value_name = "NAME", default_value = "series", value_parser = PossibleValuesParser::new(Detector::NAMES))]
    pub(crate) detector: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Approvals {
    /// List what waits for an answer
    List {
        /// Answered and expired ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one in full
    Show {
        /// Its name, as in A17
        id: String,
    },
    /// Say yes
    Approve(Answer),
    /// Say no
    Reject(Answer),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Answer {
    /// Its name, as in A17
    pub(crate) id: String,
    /// Who answers [default: the user of this terminal]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Why
    #[arg(long, default_value = "")]
    pub(crate) comment: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Order {
    /// What it is about: all, agent:NAME, session:NAME, tool:NAME, principal:NAME
    #[arg(default_value = "all")]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) signed: Signed,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Lock {
    #[command(flatten)]
    pub(crate) order: Order,
    /// Seconds until it ends by itself [default: never]
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
}

/// Who orders something, and why.
#[derive(Debug, ClapArgs)]
pub(crate) struct Signed {
    /// Why
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Who orders it [default: the user of this terminal]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Breaker {
    /// List the breakers of the policy, and every circuit that something went through
    List(PolicyArgs),
    /// Close a circuit and forget its failures; also ends an isolation
    Reset(Circuit),
    /// Let nothing through a circuit until `reset`
    Isolate(Circuit),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Circuit {
    /// The breaker's name
    pub(crate) breaker: String,
    /// Which of its circuits: all, tool:NAME, host:NAME, model:NAME, agent:NAME
    #[arg(default_value = "all")]
    pub(crate) key: Key,
    #[command(flatten)]
    pub(crate) signed: Signed,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tiers {
    /// List every agent with its tier, its figures and where they go
    List(PolicyArgs),
    /// List the alerts about agents that do badly
    Alerts(PolicyArgs),
    /// Record a figure that was measured outside
    Measure {
        /// The agent
        agent: String,
        /// success_rate, response_time, efficiency_score or market_impact
        metric: Metric,
        /// From 0 to 1; seconds for the response time
        value: f64,
        /// Who measured it [default: the user of this terminal]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Cost {
    /// Only this grouping
    #[arg(long, value_enum)]
    pub(crate) by: Option<Grouping>,
    /// Only what was spent from this moment on (UTC), as in 2026-11-20 or 2026-11-20T15:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Timestamp>,
    /// What is looked at now, every day, or every week
    #[arg(long, value_enum, conflicts_with_all = ["by", "since"])]
    pub(crate) report: Option<CostReport>,
    /// The day of `--report daily` (UTC) [default: yesterday]
    #[arg(long, value_name = "DAY", requires = "report")]
    pub(crate) day: Option<Timestamp>,
    /// Hours of people that the week's work has saved, for `--report weekly`
    #[arg(long, value_name = "HOURS", requires_all = ["report", "hour_worth"])]
    pub(crate) hours_saved: Option<f64>,
    /// What such an hour costs, in dollars
    #[arg(long, value_name = "DOLLARS", requires_all = ["report", "hours_saved"])]
    pub(crate) hour_worth: Option<f64>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CostReport {
    /// The rate, what is left of each budget, and the dearest calls
    Live,
    /// A day beside the seven before it
    Daily,
    /// The last seven days, and how to spend less
    Weekly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grouping {
    /// By agent
    Agent,
    /// By model
    Model,
    /// By task
    Task,
    /// By hour (UTC)
    Hour,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Prices {
    /// Show what models cost, in dollars for a million tokens
    Show(PolicyArgs),
    /// Put the prices of a file over the shipped ones
    Update {
        /// A policy file that holds `prices` alone
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Say which models are enough for work on a file, by how complex its code looks
    Route {
        /// The file (`-` = standard input)
        file: PathBuf,
        /// What is asked for
        #[arg(long, value_enum, default_value_t = TaskKind::Analysis)]
        task: TaskKind,
        #[command(flatten)]
        policy: PolicyArgs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskKind {
    /// Something is found and given back
    Extraction,
    /// Something is understood and judged
    Analysis,
    /// Something is made
    Generation,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Incidents {
    #[command(flatten)]
    pub(crate) asking: Asking,
    /// Try the detectors on steps in a file of JSON lines (`-` = standard input): actions, each with its `result`
    #[arg(long, value_name = "FILE")]
    pub(crate) steps: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Context {
    /// Save a context as the newest version
    Save {
        /// The agent's name
        agent: String,
        /// A file with JSON (`-` = standard input): `task_goal`, `current_step`, `completed_steps` and what else it needs
        file: PathBuf,
    },
    /// Print the newest version, or another one
    Restore {
        /// The agent's name
        agent: String,
        /// Which version [default: the newest]
        #[arg(value_name = "VERSION")]
        number: Option<u64>,
    },
    /// Compare every version with what was saved
    Verify {
        /// The agent's name
        agent: String,
    },
}
