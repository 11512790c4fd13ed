//! What the targets share: how an action is asked about, and the other readers that ours is compared with.

use serde_json::{Map, Value};
use stayhand_analysis::Surroundings;
use stayhand_core::facts::Facts;
use stayhand_core::request::{Action, Context, Principal, Request, Resource};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The folders that texts are read against.
pub const AT: Surroundings<'static> = Surroundings { cwd: "/w/repo", workspace: "/w/repo", home: "/home/u" };

/// The facts of one call of a tool with one argument.
pub fn facts(tool: &str, argument: &str, value: &str) -> Facts {
    let request = Request {
        principal: Principal { agent: "a".into(), session: "s".into(), on_behalf_of: None },
        action: Action(tool.into()),
        resource: Resource(Map::from_iter([(argument.to_owned(), Value::from(value))])),
        context: Context {
            cwd: AT.cwd.into(),
            workspace: AT.workspace.into(),
            home: AT.home.into(),
            ..Context::default()
        },
    };
    stayhand_analysis::analyse(&request, None).facts
}

/// Whether the facts leave nothing open.
pub fn is_known(facts: &Facts) -> bool {
    facts.invalid.is_empty() && facts.operations.iter().all(|operation| operation.opaque.is_empty())
}

/// Whether bash takes the text for a command line. It is only read, never run.
pub fn bash_accepts(text: &str) -> bool {
    let mut bash = Command::new("bash")
        .args(["--norc", "--noprofile", "-n"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash is installed");
    let _ = bash.stdin.take().expect("piped").write_all(text.as_bytes());
    bash.wait().expect("bash ends").success()
}

/// A Python that stays and says of one text after the other whether it is a program.
pub struct Python {
    _child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
}

const READER: &str = "
import ast, json, sys, warnings
warnings.simplefilter('ignore')
for line in sys.stdin:
    try:
        ast.parse(json.loads(line)); print('yes', flush=True)
    except (SyntaxError, ValueError):
        print('no', flush=True)
    except (RecursionError, MemoryError):
        print('deep', flush=True)
";

impl Python {
    pub fn start() -> Self {
        let mut child = Command::new("python3")
            .args(["-I", "-c", READER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is installed");
        let asked = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self { _child: child, asked, answers }
    }

    /// Whether Python refuses the text.
    pub fn refuses(&mut self, text: &str) -> bool {
        writeln!(self.asked, "{}", Value::from(text)).expect("python listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("python answers");
        answer.trim() == "no"
    }
}
