//! What is asked of the record: traces, audits, replays.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use stayhand_core::time::Timestamp;
use std::path::PathBuf;

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
