//! What calls give, where that can be worked out without running them.

use super::API;
use super::fold::{Folder, below, bytes_value, member};
use super::values::{MAX_TEXT, Value, capped, joined};
use base64::Engine as _;
use ruff_python_ast::{Expr, ExprCall};

impl<'a> Folder<'a, '_> {
    /// The values of an argument.
    fn argument(&self, call: &'a ExprCall, position: usize) -> Option<Vec<Value<'a>>> {
        call.arguments.find_positional(position).map(|expr| self.values(expr))
    }

    fn text_argument(&self, call: &'a ExprCall, position: usize) -> Option<String> {
        call.arguments.find_positional(position).and_then(|expr| self.text(expr))
    }

    /// What calling `callee` gives; the call itself is judged elsewhere.
    pub(super) fn result_of(&self, callee: &Value<'a>, call: &'a ExprCall) -> Vec<Value<'a>> {
        match callee {
            Value::Name(name) => self.result_of_name(name, call),
            Value::Method(kind, name) => {
                let result = API.method(kind, name).map_or("any", super::super::api::Spec::result);
                self.made(result, call, Some(&Value::Object(kind)))
            }
            Value::Attribute(value, name) => self.result_of_method(value, name, call),
            Value::Lambda(body) => self.values(body),
            Value::Own => vec![Value::Own],
            _ => vec![Value::Unknown],
        }
    }

    fn result_of_name(&self, name: &str, call: &'a ExprCall) -> Vec<Value<'a>> {
        self.special(name, call).unwrap_or_else(|| match API.find(name) {
            Some(spec) => self.made(spec.result(), call, None),
            None => vec![Value::Unknown],
        })
    }

    /// Functions whose result follows from their arguments.
    fn special(&self, name: &str, call: &'a ExprCall) -> Option<Vec<Value<'a>>> {
        let first = || self.argument(call, 0);
        let text = |position| self.text_argument(call, position);
        Some(match name {
            "__import__" | "importlib.import_module" => vec![Value::Name(text(0)?)],
            "getattr" => {
                let name = text(1)?;
                let default = self.argument(call, 2).unwrap_or_default();
                first()?.into_iter().map(|value| member(value, &name)).chain(default).collect()
            }
            "os.getenv" | "os.environ.get" => vec![self.variable(text(0).as_deref())],
            "os.getcwd" | "os.getcwdb" => vec![Value::text(".")],
            "os.path.join" => vec![
                self.path(call)?
                    .as_arg()
                    .map(|arg| if arg.is_exact() { Value::Text(arg.text) } else { Value::Glob(arg.text) })?,
            ],
            "pathlib.Path" | "pathlib.PosixPath" | "pathlib.PurePath" => {
                vec![self.path(call).unwrap_or(Value::Object("path"))]
            }
            "pathlib.Path.home" => vec![Value::Path(self.given.home.to_owned(), false)],
            "pathlib.Path.cwd" => vec![Value::Path(".".to_owned(), false)],
            "os.path.expanduser" => first()?.into_iter().map(|value| self.at_home(value)).collect(),
            "os.path.abspath" | "os.path.realpath" | "os.path.normpath" | "os.fspath" | "str" | "bytes"
            | "os.path.expandvars" => first()?.into_iter().map(stringified).collect(),
            "chr" => match first()?.as_slice() {
                [Value::Number(Some(code))] => {
                    vec![Value::text(char::from_u32(u32::try_from(*code).ok()?)?.to_string())]
                }
                _ => vec![Value::Plain],
            },
            "range" | "xrange" => vec![Value::Each(vec![Value::Number(None)])],
            "len" | "int" | "ord" | "abs" => vec![Value::Number(None)],
            "base64.b64decode"
            | "base64.standard_b64decode"
            | "base64.decodebytes"
            | "base64.urlsafe_b64decode" => vec![from_base64(&text(0)?)],
            "bytes.fromhex" | "bytearray.fromhex" | "binascii.unhexlify" | "binascii.a2b_hex" => {
                vec![from_hex(&text(0)?)]
            }
            "codecs.decode" => vec![transcoded(&text(0)?, &text(1)?)?],
            "enumerate" => {
                let elements = first()?.into_iter().flat_map(Value::elements).collect();
                vec![Value::Each(vec![Value::List(vec![vec![Value::Number(None)], capped(elements)])])]
            }
            "zip" => {
                let columns = call.arguments.args.iter().map(|column| {
                    capped(self.values(column).into_iter().flat_map(Value::elements).collect())
                });
                vec![Value::Each(vec![Value::List(columns.collect())])]
            }
            _ => return None,
        })
    }

    /// The path that the arguments come to, one below the other.
    fn path(&self, call: &'a ExprCall) -> Option<Value<'a>> {
        let mut whole = Value::Path(".".to_owned(), false);
        for argument in &call.arguments.args {
            let mut values = self.values(argument);
            let value = values.pop().filter(|_| values.is_empty())?;
            whole = below(&whole, &value)?;
        }
        Some(whole)
    }

    fn at_home(&self, value: Value<'a>) -> Value<'a> {
        let home = |text: &str| match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{}{rest}", self.given.home),
            _ => text.to_owned(),
        };
        match value {
            Value::Text(text) => Value::Text(home(&text)),
            Value::Glob(text) => Value::Glob(home(&text)),
            Value::Path(text, glob) => Value::Path(home(&text), glob),
            other => other,
        }
    }

    /// What the table says a function gives.
    fn made(&self, result: &'static str, call: &'a ExprCall, receiver: Option<&Value<'a>>) -> Vec<Value<'a>> {
        let first = || call.arguments.args.first().map(|expr| self.values(expr)).unwrap_or_default();
        match result {
            "data" | "text" => vec![Value::Plain],
            "number" => vec![Value::Number(None)],
            "any" => vec![Value::Unknown],
            "own" => vec![Value::Own],
            "self" => receiver.cloned().into_iter().collect(),
            "given" => {
                let any =
                    |values: Vec<Value<'a>>| values.into_iter().flat_map(Value::elements).collect::<Vec<_>>();
                // Functions come first where what is iterated over comes second.
                let seconds = call.arguments.args.get(1).map(|expr| self.values(expr)).unwrap_or_default();
                vec![Value::Each(capped([any(first()), any(seconds)].concat()))]
            }
            "names" => vec![Value::Each(vec![Value::Glob("*".to_owned())])],
            "globbed" => {
                let patterns = first().into_iter().map(|value| match value {
                    Value::Text(text) => Value::Glob(text),
                    _ => Value::Plain,
                });
                vec![Value::Each(patterns.collect())]
            }
            "walked" => self.walked(receiver.cloned().map_or_else(first, |path| vec![path])),
            "entries" => vec![Value::Each(vec![Value::Plain])],
            "path" | "path/*" | "path/?" | "path/**" => self.paths(result, call, receiver),
            kind => vec![Value::Object(kind)],
        }
    }

    /// Folders below `tops`, the names of folders and of files in them.
    fn walked(&self, tops: Vec<Value<'a>>) -> Vec<Value<'a>> {
        let below = tops.iter().map(|top| match top.as_piece() {
            Some((text, _)) => Value::Glob(format!("{}/**", text.trim_end_matches('/'))),
            None => Value::Plain,
        });
        let folders: Vec<Value<'a>> = below.chain(tops.iter().cloned().map(stringified)).collect();
        let names = || vec![Value::Each(vec![Value::Glob("*".to_owned())])];
        vec![Value::Each(vec![Value::List(vec![folders, names(), names()])])]
    }

    /// What methods of paths give.
    fn paths(&self, result: &str, call: &'a ExprCall, receiver: Option<&Value<'a>>) -> Vec<Value<'a>> {
        let Some(path) = receiver else { return vec![Value::Object("path")] };
        let pattern = match result {
            "path/*" => Some("*".to_owned()),
            "path/?" => self.text_argument(call, 0),
            "path/**" => self.text_argument(call, 0).map(|pattern| format!("**/{pattern}")),
            _ => {
                let target = self.argument(call, 0).unwrap_or_default().pop();
                return vec![
                    target
                        .and_then(|target| below(&Value::text(""), &target))
                        .unwrap_or(Value::Object("path")),
                ];
            }
        };
        let found = pattern.and_then(|pattern| below(path, &Value::Glob(pattern)));
        vec![Value::Each(vec![found.unwrap_or(Value::Object("path"))])]
    }

    fn result_of_method(&self, value: &Value<'a>, name: &str, call: &'a ExprCall) -> Vec<Value<'a>> {
        match value {
            Value::Text(text) => vec![self.text_method(text, name, call).unwrap_or(Value::Plain)],
            Value::Path(..) => self.path_method(value, name, call),
            Value::Number(_) | Value::Glob(_) | Value::Plain => vec![Value::Plain],
            Value::Attribute(..) if value.is_plain() => vec![Value::Plain],
            Value::List(_) | Value::Each(_) if value.is_plain() => vec![Value::Plain],
            Value::Own if self.bindings.defines(name) => vec![Value::Own],
            _ => vec![Value::Unknown],
        }
    }

    fn path_method(&self, path: &Value<'a>, name: &str, call: &'a ExprCall) -> Vec<Value<'a>> {
        let first = || self.argument(call, 0).unwrap_or_default().pop();
        match name {
            "joinpath" => {
                let mut whole = Some(path.clone());
                for argument in &call.arguments.args {
                    let value = self.values(argument).pop();
                    whole = whole.zip(value).and_then(|(whole, value)| below(&whole, &value));
                }
                vec![whole.unwrap_or(Value::Object("path"))]
            }
            "with_name" | "with_suffix" | "with_stem" => {
                let parent = member(path.clone(), "parent");
                let named = match (name, member(path.clone(), "stem"), first()) {
                    ("with_name", _, Some(other)) => below(&parent, &other),
                    ("with_suffix", stem, Some(suffix)) => {
                        joined(&stem, &suffix).and_then(|file| below(&parent, &file))
                    }
                    _ => None,
                };
                vec![named.unwrap_or(Value::Object("path"))]
            }
            "expanduser" => vec![self.at_home(path.clone())],
            _ => match API.method("path", name) {
                Some(spec) => self.made(spec.result(), call, Some(path)),
                None => vec![Value::Unknown],
            },
        }
    }

    /// Methods of texts that hide nothing.
    fn text_method(&self, text: &str, name: &str, call: &'a ExprCall) -> Option<Value<'a>> {
        let arguments = call.arguments.args.len();
        let given = |position| self.text_argument(call, position);
        Some(match name {
            "encode" | "decode" | "strip" | "lstrip" | "rstrip" | "lower" | "upper" if arguments > 0 => {
                match name {
                    "encode" | "decode" => Value::text(text),
                    _ => return None,
                }
            }
            "encode" | "decode" => Value::text(text),
            "strip" => Value::text(text.trim()),
            "lower" => Value::Text(text.to_lowercase()),
            "upper" => Value::Text(text.to_uppercase()),
            "fromhex" => from_hex(&given(0)?),
            "replace" => Value::Text(text.replace(&given(0)?, &given(1)?)).within_limits()?,
            "join" => self.joined_by(text, call.arguments.args.first()?)?,
            "format" => self.filled_in(text, call)?,
            "split" | "splitlines" | "rsplit" => {
                let by = if arguments == 0 { None } else { Some(given(0)?) };
                let pieces: Vec<&str> = match by.as_deref() {
                    None if name == "splitlines" => text.lines().collect(),
                    None => text.split_whitespace().collect(),
                    Some("") => return None,
                    Some(by) => text.split(by).collect(),
                };
                Value::List(pieces.into_iter().take(64).map(|piece| vec![Value::text(piece)]).collect())
            }
            _ => return None,
        })
    }

    fn joined_by(&self, glue: &str, of: &'a Expr) -> Option<Value<'a>> {
        let values = self.values(of);
        let [Value::List(elements)] = values.as_slice() else { return None };
        let mut whole = Value::text("");
        for (index, element) in elements.iter().enumerate() {
            let [only] = element.as_slice() else { return None };
            if index > 0 {
                whole = joined(&whole, &Value::text(glue))?;
            }
            whole = joined(&whole, only)?;
        }
        Some(whole)
    }

    /// `'…{}…'.format(…)` with empty or numbered places.
    fn filled_in(&self, format: &str, call: &'a ExprCall) -> Option<Value<'a>> {
        let mut whole = Value::text("");
        let mut next = 0;
        let mut rest = format;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            whole = joined(&whole, &Value::text(before))?;
            if let Some(literal) = ["{{", "}}"].into_iter().find(|double| after.starts_with(*double)) {
                whole = joined(&whole, &Value::text(literal.get(..1)?))?;
                rest = after.get(2..)?;
                continue;
            }
            let (place, after) = after.strip_prefix('{')?.split_once('}')?;
            let position = if place.is_empty() { next } else { place.parse().ok()? };
            next = position + 1;
            let mut values = self.argument(call, position)?;
            let value = values.pop().filter(|_| values.is_empty())?;
            whole = joined(&whole, &value)?;
            rest = after;
        }
        joined(&whole, &Value::text(rest))
    }
}

impl Value<'_> {
    fn within_limits(self) -> Option<Self> {
        match &self {
            Self::Text(text) if text.len() > MAX_TEXT => None,
            _ => Some(self),
        }
    }
}

/// `str(value)`
fn stringified(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Path(text, false) | Value::Text(text) => Value::Text(text),
        Value::Path(text, true) | Value::Glob(text) => Value::Glob(text),
        Value::Number(Some(number)) => Value::Text(number.to_string()),
        Value::Number(None) => Value::Number(None),
        _ => Value::Plain,
    }
}

fn from_base64<'a>(text: &str) -> Value<'a> {
    let standard: String = text
        .trim_end_matches('=')
        .chars()
        .filter(|char| !char.is_whitespace())
        .map(|char| match char {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(standard).map_or(Value::Plain, bytes_value)
}

fn from_hex<'a>(text: &str) -> Value<'a> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|char| !char.is_whitespace())
        .map_while(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let bytes = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte: u8, digit| byte << 4 | digit));
    bytes_value(bytes.collect())
}

fn transcoded<'a>(text: &str, codec: &str) -> Option<Value<'a>> {
    match codec {
        "hex" | "hex_codec" => Some(from_hex(text)),
        "base64" | "base64_codec" => Some(from_base64(text)),
        "rot13" | "rot_13" => Some(Value::Text(text.chars().map(rotated).collect())),
        _ => None,
    }
}

fn rotated(char: char) -> char {
    let turn = |byte: u8, first: u8| char::from((byte - first + 13) % 26 + first);
    match u8::try_from(char) {
        Ok(byte @ b'a'..=b'z') => turn(byte, b'a'),
        Ok(byte @ b'A'..=b'Z') => turn(byte, b'A'),
        _ => char,
    }
}
