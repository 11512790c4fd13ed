//! The durable, tamper-evident log: one `SQLite` file, one writer, one Merkle tree.
//!
//! - [`Log`] appends. A record is acknowledged ([`Ticket::wait`]) after the commit that holds it is
//!   durable; many threads share one commit. The writer's [`Turn`] is exclusive across processes.
//! - [`LogReader`] queries, beside a writer or on a copied folder, and never writes.
//! - [`verify()`] reads everything again and says what is wrong, record by record.
//! - [`Proof`] shows a stranger that one record is in the log, without the rest of it.
//!
//! The crate never decides anything, never reads a clock to date a record, never retries a failed
//! commit, and knows nothing of policies. `docs/FORMAT.md` describes every byte it writes.
//!
//! ```
//! use stayhand_core::event::{Event, InDoubt};
//! use stayhand_core::time::Timestamp;
//! use stayhand_store::{Log, Query};
//!
//! let log = Log::in_memory()?;
//! let turn = log.turn()?;
//! let ticket = turn.append(Timestamp(1), &Event::InDoubt(InDoubt { decision: 0 }))?;
//! ticket.wait()?;
//! drop(turn);
//!
//! let reader = log.reader()?;
//! assert_eq!(reader.records(&Query::default())?.count(), 1);
//! assert_eq!(reader.verify(None, None)?.records, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod columns;
mod error;
mod gate;
mod key;
mod log;
pub mod merkle;
pub mod note;
mod proof;
mod query;
mod queue;
mod reader;
mod schema;
mod verify;
mod writer;

pub use error::{AppendError, OpenError, ReadError, TurnError};
pub use key::KeyError;
pub use log::{Log, Ticket, Turn};
pub use note::{Checkpoint, NoteError, PublicKey};
pub use proof::{Proof, ProofError};
pub use query::{Order, Query};
pub use reader::{LogReader, Records, Stored};
pub use schema::LEAST_SQLITE;
pub use verify::{Report, VerifyError, verify};

/// The largest record that is stored, in bytes of JSON.
pub const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;
