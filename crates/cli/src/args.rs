//! The command line.

mod controls;
mod later;
mod record;

use clap::{Args as ClapArgs, Parser, Subcommand};
pub(crate) use controls::*;
use later::Later;
pub(crate) use record::*;
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

/// The session where none is named.
pub(crate) const DEFAULT_SESSION: &str = "default";

/// Who asks, and where.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Asking {
    /// The agent's name
    #[arg(long, default_value = "agent", value_name = "NAME")]
    pub(crate) agent: String,
    /// The session's name
    #[arg(long, default_value = DEFAULT_SESSION, value_name = "NAME")]
    pub(crate) session: String,
    /// The folder relative paths start from [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// Policy files in the place of the user's own; repeat for more
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,
}

/// Which policy is meant, where it is not the user's own.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct PolicyArgs {
    /// Policy files in the place of the user's own; repeat for more
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decide an action without executing or recording anything
    Check(Later<Check>),
    /// Say in plain words what a command would do, and how it is decided
    Explain(Later<Explain>),
    /// Look for instructions to an agent, secrets and personal data in a text
    Scan(Later<Scan>),
    /// Measure how anomalous values are
    #[command(subcommand)]
    Anomaly(Later<Anomaly>),
    /// Decide, execute and settle one command
    Exec(Later<Exec>),
    /// Run a program, an agent say, in a sandbox, and decide about every program that it starts
    Run(Later<Run>),
    /// Look at what a run with --review has changed, and bring it into the workspace or throw it away
    #[command(subcommand)]
    Changes(Later<Changes>),
    /// Take back what was committed of a run's changes
    Undo(Later<Undo>),
    /// Drive a scripted agent and show live what happens
    Play(Later<Play>),
    /// Look at what was recorded
    #[command(subcommand)]
    Trace(Later<Trace>),
    /// Verify the record
    #[command(subcommand)]
    Audit(Later<Audit>),
    /// Decide the recorded actions again and report what differs
    Replay(Later<Replay>),
    /// Compare policies over the recorded actions
    Compare(Later<Compare>),
    /// Answer actions that wait for a person
    #[command(subcommand)]
    Approvals(Later<Approvals>),
    /// Stop everything, or a part of it, at once; only `rearm` starts it again
    Kill(Later<Order>),
    /// Let nothing more run until `resume`; what runs goes on
    Pause(Later<Order>),
    /// Let a paused part run again
    Resume(Later<Order>),
    /// Let a killed part run again
    Rearm(Later<Order>),
    /// Let an agent, a session, … only look, until `unlock`
    Lock(Later<Lock>),
    /// Take a lock off
    Unlock(Later<Order>),
    /// Show switches, locks, and what runs
    Status,
    /// Show every limit and what is used of it
    Limits(Later<PolicyArgs>),
    /// Show every budget: what is used, reserved and left of it
    Budget(Later<PolicyArgs>),
    /// Show circuit breakers, and close or isolate them
    #[command(subcommand)]
    Breaker(Later<Breaker>),
    /// Show how well agents do, and take in what was measured outside
    #[command(subcommand)]
    Tiers(Later<Tiers>),
    /// Sum up what was spent, and say how to spend less
    Cost(Later<Cost>),
    /// Show or replace the prices of models
    #[command(subcommand)]
    Prices(Later<Prices>),
    /// List how agents failed, what was done about it and what it cost
    Incidents(Later<Incidents>),
    /// Save an agent's context, so that it can go on after it has lost its thread
    #[command(subcommand)]
    Context(Later<Context>),
    /// Write, check and understand policies
    #[command(subcommand)]
    Policy(Later<Policy>),
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
        matches!(self.command, Command::Exec(_) | Command::Run(_))
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

#[derive(Debug, ClapArgs)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) asking: Asking,
    /// Wait for the answer where a person must approve
    #[arg(long)]
    pub(crate) wait: bool,
    /// Let Ctrl-C and termination pull the kill switch for everything, not only end this program
    #[arg(long)]
    pub(crate) kill_on_signal: bool,
    /// The program and its arguments; a single argument with blanks is a shell command line
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) asking: Asking,
    /// Seconds that it may run
    #[arg(long, default_value_t = 3600.0, value_name = "SECONDS")]
    pub(crate) time: f64,
    /// Wait for the answer where a person must approve a program that it starts
    #[arg(long)]
    pub(crate) wait: bool,
    /// What a well-known program needs besides (claude, codex, gemini, node, python, rust, shell); repeat for more
    #[arg(long = "profile", value_name = "NAME")]
    pub(crate) profiles: Vec<String>,
    /// Keep what it changes aside, to be looked at first: `stayhand changes`
    #[arg(long)]
    pub(crate) review: bool,
    /// The most that its actions may cost in all, in dollars
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) budget: Option<String>,
    /// What of the network it reaches
    #[arg(long, value_enum, default_value_t = Net::Policy, value_name = "WHAT")]
    pub(crate) net: Net,
    /// Where it is said at a terminal how the run stands
    #[arg(long, value_enum, default_value_t = Status::Line, value_name = "WHERE")]
    pub(crate) status: Status,
    /// The program and its arguments. At a terminal it gets one of its own, in which Ctrl-\ pauses it and asks
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Which run is meant.
#[derive(Debug, ClapArgs)]
pub(crate) struct OfRun {
    /// The run [default: the newest that keeps changes]
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Changes {
    /// List the runs that keep changes, or can be undone
    List,
    /// Show what a run has changed
    Show {
        #[command(flatten)]
        of: OfRun,
        /// Show the lines too
        #[arg(long)]
        diff: bool,
        /// Only these paths of the workspace, with all below
        paths: Vec<PathBuf>,
    },
    /// Bring changes into the workspace, each file in one step
    Commit {
        #[command(flatten)]
        of: OfRun,
        /// Also those that are run or believed outside of the sandbox: hooks, settings of agents, links that lead out
        #[arg(long)]
        flagged: bool,
        /// Only these paths of the workspace, with all below
        paths: Vec<PathBuf>,
    },
    /// Throw the changes of a run away
    Discard {
        #[command(flatten)]
        of: OfRun,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Undo {
    /// The run, as `stayhand changes list` names it
    pub(crate) run: String,
}

/// What of the network a run reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Net {
    /// What the policy permits, each connection by itself
    Policy,
    /// Nothing
    None,
}

/// Where a run says how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Status {
    /// On a line at the foot of the screen
    Line,
    /// In the title of the window
    Title,
    /// Nowhere
    None,
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
    /// Show the policy in force, or the text of a pack or profile
    Show {
        /// The name of a pack or profile
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
