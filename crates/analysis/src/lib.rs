//! What an action would do, worked out from its text before it is done.
//!
//! A tool's arguments go in, [`Facts`] come out: the paths that would be touched, the hosts that
//! would be contacted, the statements and programs that would run, the secrets that would leave.
//! What the text alone does not say is opaque, never absent.
//!
//! This crate never reads a file, a clock or the environment, never resolves a name, never
//! follows a link, and never decides: the same request always gives the same facts.
//!
//! ```
//! use stayhand_analysis::{Surroundings, path, sql, url};
//! use stayhand_core::facts::{Access, AddressClass, Place, SqlClass};
//!
//! let at = Surroundings { cwd: "/code/repo", workspace: "/code/repo", home: "/home/ada" };
//! let used = path::path_use(Access::Read, "docs/../../../home/ada/.ssh/id_rsa", &at).unwrap();
//! assert_eq!((used.lexical.as_str(), used.place), ("/home/ada/.ssh/id_rsa", Some(Place::Key)));
//!
//! let host = url::host_use("http://0x7f.1/", None).unwrap();
//! assert_eq!((host.host.as_str(), host.class), ("127.0.0.1", AddressClass::Loopback));
//!
//! let statements = sql::statements("DELETE FROM users WHERE 1=1", Some("postgres")).unwrap();
//! assert_eq!(statements[0].class, SqlClass::UnfilteredWrite);
//! ```

mod code;
pub mod complexity;
pub mod host;
pub mod injection;
pub mod path;
pub mod pii;
pub mod program;
pub mod provenance;
pub mod secret;
pub mod shell;
pub mod sql;
pub mod text;
mod tool;
pub mod url;

use stayhand_core::facts::Facts;
use stayhand_core::request::Request;
use stayhand_core::tool::Declaration;

pub use program::declared::{Programs, check as check_program};
pub use tool::{has_input, unserved, working_folder};
/// The folders a text is read against. All are absolute.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The folder relative paths start from.
    pub cwd: &'a str,
    /// The folder the agent is meant to work in.
    pub workspace: &'a str,
    /// The home folder of the user the action runs as.
    pub home: &'a str,
}

/// What is known about a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// What the action would do.
    pub facts: Facts,
    /// The request with every secret replaced: the form that may be stored.
    pub redacted: Request,
}

/// Works out what `request` would do. Pure: reads no file, clock or environment; links and names
/// are resolved later.
pub fn analyse(request: &Request, declaration: Option<&Declaration>) -> Analysis {
    analyse_knowing(request, declaration, &Programs::default())
}

/// The same, with the programs that a policy describes.
pub fn analyse_knowing(
    request: &Request,
    declaration: Option<&Declaration>,
    programs: &Programs,
) -> Analysis {
    tool::analyse(request, declaration, programs)
}
