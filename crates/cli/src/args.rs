//! The command line.

use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use stayhand_core::control::anomaly::detector::Detector;
use stayhand_core::control::breaker::Key;
use stayhand_core::control::scope::Scope;
use stayhand_core::control::tier::Metric;
use stayhand_core::time::Timestamp;
use std::path::PathBuf;

/// The safety runtime for AI agents: decides what each action would do before it happens, runs
/// what is permitted, and keeps a record that a stranger can verify.
#[derive(Debug, Parser)]
#[command(name = "stayhand", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Global {
    /// The state folder [default: $XDG_STATE_HOME/stayhand]
    #[arg(long, global = true, env = "STAYHAND_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Who asks, and where.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Asking {
    /// The agent's name
    #[arg(long, default_value = "agent", value_name = "NAME")]
    pub(crate) agent: String,
    /// The session's name
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) session: String,
    /// The folder relative paths start from [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// Policy files in the place of the user's own; repeat for more
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decide an action without executing or recording anything
    Check(Check),
    /// Say in plain words what a command would do, and how it is decided
    Explain(Explain),
    /// Look for instructions to an agent, secrets and personal data in a text
    Scan(Scan),
    /// Measure how anomalous values are
    #[command(subcommand)]
    Anomaly(Anomaly),
    /// Decide, execute and settle one command
    Exec(Exec),
    /// Drive a scripted agent and show live what happens
    Play(Play),
    /// Look at what was recorded
    #[command(subcommand)]
    Trace(Trace),
    /// Verify the record
    #[command(subcommand)]
    Audit(Audit),
    /// Decide the recorded actions again and report what differs
    Replay(Replay),
    /// Compare policies over the recorded actions
    Compare(Compare),
    /// Answer actions that wait for a person
    #[command(subcommand)]
    Approvals(Approvals),
    /// Stop everything, or a part of it, at once; only `rearm` starts it again
    Kill(Order),
    /// Let nothing more run until `resume`; what runs goes on
    Pause(Order),
    /// Let a paused part run again
    Resume(Order),
    /// Let a killed part run again
    Rearm(Order),
    /// Let an agent, a session, … only look, until `unlock`
    Lock(Lock),
    /// Take a lock off
    Unlock(Order),
    /// Show switches, locks, and what runs
    Status,
    /// Show every limit and what is used of it
    Limits {
        /// Policy files in the place of the user's own; repeat for more
        #[arg(long = "policy", value_name = "FILE")]
        policies: Vec<PathBuf>,
    },
    /// Show every budget: what is used, reserved and left of it
    Budget {
        /// Policy files in the place of the user's own; repeat for more
        #[arg(long = "policy", value_name = "FILE")]
        policies: Vec<PathBuf>,
    },
    /// Show circuit breakers, and close or isolate them
    #[command(subcommand)]
    Breaker(Breaker),
    /// Show how well agents do, and take in what was measured outside
    #[command(subcommand)]
    Tiers(Tiers),
    /// Sum up what was spent, and say how to spend less
    Cost(Cost),
    /// Show or replace the prices of models
    #[command(subcommand)]
    Prices(Prices),
    /// List how agents failed, what was done about it and what it cost
    Incidents(Incidents),
    /// Save an agent's context, so that it can go on after it has lost its thread
    #[command(subcommand)]
    Context(Context),
    /// Write, check and understand policies
    #[command(subcommand)]
    Policy(Policy),
    /// Prove that every control is on
    Doctor,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
}

impl Args {
    /// Whether the command gives the exit codes of a program that it runs.
    pub(crate) const fn runs_a_program(&self) -> bool {
        matches!(self.command, Command::Exec(_))
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) asking: Asking,
    /// Show what the action would do
    #[arg(long)]
    pub(crate) facts: bool,
    /// Keep the decision in the log
    #[arg(long)]
    pub(crate) record: bool,
    /// Read actions from a file of JSON lines (`-` = standard input), answer in the same order
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tool", "input"])]
    pub(crate) batch: Option<PathBuf>,
    /// The tool: bash, exec, read_file, write_file, edit_file, delete_file, list_dir, fetch, sql, python, …
    #[arg(required_unless_present = "batch")]
    pub(crate) tool: Option<String>,
    /// Its arguments: a JSON object; for `bash` the command itself
    #[arg(required_unless_present = "batch")]
    pub(crate) input: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) asking: Asking,
    /// The tool that the action is for
    #[arg(long, default_value = "bash", value_name = "TOOL")]
    pub(crate) tool: String,
    /// The command line; for other tools their arguments, as a JSON object
    pub(crate) command: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Scan {
    /// Read texts from a file of JSON lines (`-` = standard input), answer in the same order
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "tools"])]
    pub(crate) batch: Option<PathBuf>,
    /// A tool that the session has; repeat for more
    #[arg(long = "tool", value_name = "NAME")]
    pub(crate) tools: Vec<String>,
    /// The text [default: standard input]
    pub(crate) text: Option<String>,
}

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

#[derive(Debug, ClapArgs)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) asking: Asking,
    /// Wait for the answer where a person must approve
    #[arg(long)]
    pub(crate) wait: bool,
    /// The program and its arguments; a single argument with blanks is a shell command line
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Play {
    /// JSON lines, an action each
    pub(crate) file: PathBuf,
    /// The folder to work in [default: a new temporary folder, removed afterwards]
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
    /// Policy files in the place of the user's own; repeat for more
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,
    /// Approve whatever is held
    #[arg(long, conflicts_with = "no")]
    pub(crate) yes: bool,
    /// Leave held whatever is held, without asking
    #[arg(long)]
    pub(crate) no: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Trace {
    /// List the sessions
    List,
    /// Show one session, or one record by its number
    Show {
        /// A session's name, or a record's number
        what: String,
    },
    /// Show the newest records
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: u64,
        /// Go on showing new ones
        #[arg(short, long)]
        follow: bool,
    },
    /// List what was refused, and why
    Violations(Violations),
    /// Write records to standard output
    Export {
        /// Only this session
        #[arg(long)]
        session: Option<String>,
        /// The form
        #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
        format: ExportFormat,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One record a line, as stored
    Jsonl,
    /// One JSON array
    Json,
    /// Decisions as comma-separated values
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Read the whole log again and verify every record and signature
    Verify {
        /// A checkpoint kept elsewhere: shows truncation and rollback
        #[arg(long, value_name = "FILE")]
        kept: Option<PathBuf>,
        /// The public key that must have signed [default: the one beside the log]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Verify a proof instead of the log
        #[arg(long, value_name = "FILE", conflicts_with = "kept")]
        proof: Option<PathBuf>,
    },
    /// Print a proof that one record is in the log
    Prove {
        /// The record's number
        seq: u64,
    },
    /// Print the newest checkpoint; keep it elsewhere
    Checkpoint,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    /// The policy to decide under [default: the one in force]
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,
    /// Only this session
    #[arg(long)]
    pub(crate) session: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    /// A name and a policy file or pack, as in `strict=pack:strict`; at least two
    #[arg(long = "policy", value_name = "NAME=FILE", required = true)]
    pub(crate) policies: Vec<String>,
    /// Only this session
    #[arg(long)]
    pub(crate) session: Option<String>,
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
pub(crate) struct Cost {
    /// Only this grouping
    #[arg(long, value_enum)]
    pub(crate) by: Option<Grouping>,
    /// Only what was spent from this moment on (UTC), as in 2026-11-20 or 2026-11-20T15:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Timestamp>,
    /// Policy files in the place of the user's own; repeat for more
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,
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
    Show {
        /// Policy files in the place of the user's own; repeat for more
        #[arg(long = "policy", value_name = "FILE")]
        policies: Vec<PathBuf>,
    },
    /// Put the prices of a file over the shipped ones
    Update {
        /// A policy file that holds `prices` alone
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Violations {
    /// Only of this agent
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only of this severity: high or critical
    #[arg(long)]
    pub(crate) severity: Option<String>,
    /// Only from this moment on (UTC), as in 2026-11-20 or 2026-11-20T15:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Timestamp>,
    /// At most so many, the newest
    #[arg(long, default_value_t = 10_000)]
    pub(crate) limit: usize,
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

#[derive(Debug, ClapArgs)]
pub(crate) struct Order {
    /// What it is about: all, agent:NAME, session:NAME, tool:NAME, principal:NAME
    #[arg(default_value = "all")]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) signed: Signed,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Breaker {
    /// List the breakers of the policy, and every circuit that something went through
    List {
        /// Policy files in the place of the user's own; repeat for more
        #[arg(long = "policy", value_name = "FILE")]
        policies: Vec<PathBuf>,
    },
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
    List {
        /// Policy files in the place of the user's own; repeat for more
        #[arg(long = "policy", value_name = "FILE")]
        policies: Vec<PathBuf>,
    },
    /// List the alerts about agents that do badly
    Alerts {
        /// Policy files in the place of the user's own; repeat for more
        #[arg(long = "policy", value_name = "FILE")]
        policies: Vec<PathBuf>,
    },
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

#[derive(Debug, ClapArgs)]
pub(crate) struct Lock {
    #[command(flatten)]
    pub(crate) order: Order,
    /// Seconds until it ends by itself [default: never]
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
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

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Write a policy file to start from
    Init {
        /// The pack it builds on
        #[arg(long, default_value = "coding-agent")]
        pack: String,
        /// For this project instead of this user
        #[arg(long)]
        project: bool,
        /// Print it instead of writing a file
        #[arg(long)]
        stdout: bool,
    },
    /// Look for mistakes
    Lint {
        /// Policy files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Warnings count as errors
        #[arg(long)]
        strict: bool,
    },
    /// Load files and check the examples of their rules
    Test {
        /// Policy files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Say how an action is decided, rule by rule
    Explain {
        #[command(flatten)]
        asking: Asking,
        /// The tool
        tool: String,
        /// Its arguments
        input: String,
    },
    /// Show the policy in force, or the text of a pack
    Show {
        /// A pack's name
        pack: Option<String>,
        /// Policy files in the place of the user's own
        #[arg(long = "policy", value_name = "FILE")]
        policies: Vec<PathBuf>,
    },
    /// Print the JSON Schema of policy files
    Schema,
    /// Tidy the layout of files; comments and meaning stay
    Fmt {
        /// Policy files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Change nothing, fail if something would change
        #[arg(long)]
        check: bool,
    },
}
