//! The shape in which actions arrive: one JSON object. Parsed once, strictly, into a [`Request`].

use serde::Deserialize;
use serde_json::{Map, Value};
use stayhand_core::facts::Invalid;
use stayhand_core::request::{Action, Context, Principal, Request, Resource};
use stayhand_core::tool;

/// An action as written on the wire.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireAction {
    /// A name for the answer.
    #[serde(default)]
    pub id: Option<Value>,
    /// The tool, by its canonical name or a client's name for it.
    pub tool: String,
    /// The arguments: an object, or for tools with one main argument a text.
    #[serde(default)]
    pub input: Value,
    /// Who asks.
    #[serde(default)]
    pub agent: Option<String>,
    /// The session.
    #[serde(default)]
    pub session: Option<String>,
    /// The folder relative paths start from.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Declared values: `estimated_cost_cents`, `confidence`, …; `request` (the user's own words) and
    /// `outputs` (what tools have given so far) say where arguments come from.
    #[serde(default)]
    pub context: Map<String, Value>,
}

impl WireAction {
    /// An action of which nothing else is said.
    pub fn new(tool: &str, input: Value) -> Self {
        Self {
            id: None,
            tool: tool.to_owned(),
            input,
            agent: None,
            session: None,
            cwd: None,
            context: Map::new(),
        }
    }
}

/// What holds where the wire says nothing.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The agent's name.
    pub agent: String,
    /// The session's name.
    pub session: String,
    /// The person the agent works for.
    pub on_behalf_of: Option<String>,
    /// The working folder, absolute.
    pub cwd: String,
    /// The workspace, absolute.
    pub workspace: String,
    /// The home folder, absolute.
    pub home: String,
}

impl Defaults {
    /// The agent `agent` in a session `session`, working in `workspace`.
    pub fn new(workspace: &str, home: &str) -> Self {
        Self {
            agent: "agent".to_owned(),
            session: "session".to_owned(),
            on_behalf_of: None,
            cwd: workspace.to_owned(),
            workspace: workspace.to_owned(),
            home: home.to_owned(),
        }
    }
}

/// A parsed action: a request, and what is wrong with its declared values.
#[derive(Debug)]
pub struct Parsed {
    /// The request.
    pub request: Request,
    /// Declared values that are malformed; they refuse the action.
    pub invalid: Vec<Invalid>,
    /// What was said and read before. It is looked at and not kept.
    pub said: Said,
}

impl Parsed {
    /// Says which process starts this program, inside of a sandbox.
    #[must_use]
    pub fn started_by(mut self, process: u32) -> Self {
        self.request.context.started_by = Some(process);
        self
    }
}

/// What was said and read before an action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The user's request, in the user's own words.
    pub request: Option<String>,
    /// The outputs of tools so far, all of them untrusted.
    pub outputs: Vec<String>,
}

impl From<Request> for Parsed {
    fn from(request: Request) -> Self {
        Self { request, invalid: Vec::new(), said: Said::default() }
    }
}

/// Why a line is not an action.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Too long to be read.
    #[error("the line has {0} bytes; the most that is read is {MAX_LINE_BYTES}")]
    TooLong(usize),
    /// Not JSON, or not the right shape.
    #[error("the line is not an action: {0}")]
    Shape(#[from] serde_json::Error),
    /// The input does not fit the tool.
    #[error("{0}")]
    Input(String),
}

/// The longest line that is read, in bytes.
pub const MAX_LINE_BYTES: usize = 8 << 20;

/// Parses one line of JSON into an action.
pub fn parse(line: &[u8]) -> Result<WireAction, WireError> {
    if line.len() > MAX_LINE_BYTES {
        return Err(WireError::TooLong(line.len()));
    }
    Ok(serde_json::from_slice(object(line)?)?)
}

/// The line, if it begins like an object: a list would be read as the fields in their order.
fn object(line: &[u8]) -> Result<&[u8], WireError> {
    match line.trim_ascii_start().first() {
        Some(b'[') => Err(WireError::Input("the line is a list and not an object".to_owned())),
        _ => Ok(line),
    }
}

/// The name a line gives itself; null where it gives none or cannot be read that far. A line that is
/// no action may still have one.
pub fn id(line: &[u8]) -> Value {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        id: Value,
    }
    let readable = object(line).ok().filter(|line| line.len() <= MAX_LINE_BYTES);
    let named = readable.and_then(|line| serde_json::from_slice::<Named>(line).ok());
    named.map_or(Value::Null, |named| named.id)
}

/// Parses one line of JSON into a request.
pub fn request(line: &[u8], defaults: &Defaults) -> Result<Parsed, WireError> {
    to_request(parse(line)?, defaults)
}

/// Tools of clients that look in the working folder where no path is given.
const SEARCHES: &[&str] = &["Glob", "Grep", "LS", "list_directory"];

/// Makes a request of an action.
pub fn to_request(wire: WireAction, defaults: &Defaults) -> Result<Parsed, WireError> {
    let (name, renames) = tool::canonical(by_shape(&wire.tool, &wire.input));
    if name.trim().is_empty() {
        return Err(WireError::Input("`tool` is empty".to_owned()));
    }
    let mut input = arguments(name, wire.input)?;
    for (from, to) in renames {
        if let Some(value) = input.remove(*from) {
            input.entry(*to).or_insert(value);
        }
    }
    if SEARCHES.contains(&wire.tool.as_str()) {
        input.entry("path").or_insert_with(|| Value::String(".".to_owned()));
    }
    let mut invalid = Vec::new();
    let mut declared = wire.context;
    let cost_nanousd = cost(&mut declared, &mut invalid);
    let said = said(&mut declared, &mut invalid);
    let cwd = wire.cwd.unwrap_or_else(|| defaults.cwd.clone());
    if !cwd.starts_with('/') || cwd.contains('\0') {
        invalid.push(Invalid { field: "cwd".to_owned(), why: "not an absolute path".to_owned() });
    }
    let request = Request {
        principal: Principal {
            agent: wire.agent.unwrap_or_else(|| defaults.agent.clone()),
            session: wire.session.unwrap_or_else(|| defaults.session.clone()),
            on_behalf_of: defaults.on_behalf_of.clone(),
        },
        action: Action(name.to_owned()),
        resource: Resource(input),
        context: Context {
            cwd,
            workspace: defaults.workspace.clone(),
            home: defaults.home.clone(),
            cost_nanousd,
            started_by: None,
            declared,
        },
    };
    Ok(Parsed { request, invalid, said })
}

/// The name of the tool, told by its arguments where one client has two of the same name: `shell`
/// takes a command line or a list of words.
fn by_shape<'a>(tool: &'a str, input: &Value) -> &'a str {
    let words = tool == "shell" && input.get("command").is_some_and(Value::is_array);
    if words { "local_shell" } else { tool }
}

/// The arguments as an object. A text is the tool's main argument.
fn arguments(tool: &str, input: Value) -> Result<Map<String, Value>, WireError> {
    match input {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        Value::String(text) => match tool::known(tool).and_then(|tool| tool.fields.first()) {
            Some((field, ..)) => Ok(Map::from_iter([((*field).to_owned(), Value::String(text))])),
            None => Err(WireError::Input(format!("the input of `{tool}` must be a JSON object, not a text"))),
        },
        other => Err(WireError::Input(format!("`input` must be a JSON object, not {}", kind(&other)))),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Takes what was said and read out of the context: it belongs to the conversation and not to the
/// action, and is not part of what a person approves.
fn said(declared: &mut Map<String, Value>, invalid: &mut Vec<Invalid>) -> Said {
    let mut wrong = |field: &str, why: &str| {
        invalid.push(Invalid { field: field.to_owned(), why: why.to_owned() });
    };
    let request = match declared.remove("request") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            wrong("request", "must be a text: the user's own words");
            None
        }
    };
    let outputs = match declared.remove("outputs") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => items
            .into_iter()
            .filter_map(|item| if let Value::String(text) = item { Some(text) } else { None })
            .collect(),
        Some(_) => {
            wrong("outputs", "must be a list of texts: what tools have given");
            Vec::new()
        }
    };
    Said { request, outputs }
}

/// Takes the declared cost out of the context: `estimated_cost_cents`, a whole number or an exact
/// decimal of cents.
fn cost(declared: &mut Map<String, Value>, invalid: &mut Vec<Invalid>) -> Option<u64> {
    let value = declared.remove("estimated_cost_cents")?;
    let nanousd = match &value {
        Value::Number(number) => cents_to_nanousd(&number.to_string()),
        Value::String(text) => cents_to_nanousd(text),
        _ => None,
    };
    if nanousd.is_none() {
        let why = format!("{value} is not an amount of cents: a number, zero or more");
        invalid.push(Invalid { field: "estimated_cost_cents".to_owned(), why });
    }
    nanousd
}

/// Decimal cents as nano-dollars (1 cent = 10⁷), exact to seven places.
fn cents_to_nanousd(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 7 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<7}").parse().ok()?;
    whole.checked_mul(10_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_and_main_arguments() {
        let defaults = Defaults::new("/code", "/home/u");
        let parsed = request(br#"{"tool":"Read","input":{"file_path":"/x"}}"#, &defaults).unwrap();
        assert_eq!(parsed.request.action.0, "read_file");
        assert_eq!(parsed.request.resource.0["path"], "/x");
        let parsed = request(br#"{"tool":"bash","input":"ls"}"#, &defaults).unwrap();
        assert_eq!(parsed.request.resource.0["command"], "ls");
        let parsed = request(br#"{"tool":"Grep","input":{"pattern":"x"}}"#, &defaults).unwrap();
        assert_eq!(parsed.request.resource.0["path"], ".");
        assert!(request(br#"{"tool":"deploy","input":"ls"}"#, &defaults).is_err());
        assert!(request(br#"{"tool":"bash","inputs":{}}"#, &defaults).is_err());
    }

    /// R-05: numbers are finite and in range.
    #[test]
    fn r_05_costs() {
        for (text, expected) in [
            ("0", Some(0)),
            ("100", Some(1_000_000_000)),
            ("0.0000001", Some(1)),
            ("-500", None),
            ("1e9", None),
            ("NaN", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(cents_to_nanousd(text), expected, "{text}");
        }
    }
}
