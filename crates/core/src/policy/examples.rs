//! The examples of a rule: checked when the file is loaded, so that a rule does what its author
//! thinks it does.

use super::Analyse;
use super::error::{Problem, Source};
use super::pattern::Tri;
use super::read::place;
use super::rule::{Rule, kind_and_tools};
use super::source::{Example, RuleSource};
use crate::decide::Ask;
use crate::digest::Digest;
use crate::facts::FieldKind;
use crate::program::ProgramSection;
use crate::request::{Action, Context, Principal, Request, Resource};
use crate::time::Timestamp;
use crate::tool::{self, Declaration};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use std::collections::HashMap;
use std::ops::Range;

/// What the files say that the facts of an example depend on.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) tools: &'a HashMap<String, Declaration>,
    pub(crate) programs: &'a [ProgramSection],
}

/// The examples of one written rule.
pub(crate) struct Case {
    rules: Range<usize>,
    tool: String,
    matches: Vec<Spanned<Example>>,
    not_match: Vec<Spanned<Example>>,
    source: Source,
}

impl Case {
    pub(crate) fn new(rule: &RuleSource, rules: Range<usize>, source: &Source) -> Self {
        let first = kind_and_tools(rule).ok().and_then(|(_, tools)| tools.iter().next().cloned());
        Self {
            rules,
            tool: example_tool(first.as_deref().unwrap_or("*")),
            matches: rule.matches.clone(),
            not_match: rule.not_match.clone(),
            source: source.clone(),
        }
    }

    /// Adds a problem for each example that does not come out as written.
    pub(crate) fn check(
        &self,
        rules: &[Rule],
        known: Known<'_>,
        analyse: impl Analyse,
        problems: &mut Vec<Problem>,
    ) {
        let rules = rules.get(self.rules.clone()).unwrap_or_default();
        for (examples, wanted) in [(&self.matches, true), (&self.not_match, false)] {
            for example in examples {
                let problem = match example_request(&self.tool, &example.value) {
                    Ok(request) if applies(rules, &request, known, analyse) == wanted => continue,
                    Ok(_) if wanted => "this example is not matched by its rule".to_owned(),
                    Ok(_) => "this example must not match its rule, and it does".to_owned(),
                    Err(message) => message,
                };
                problems.push(Problem::error(&self.source, place(&self.source, example), problem).help(
                    "`stayhand check --facts` shows what an action would do; conditions compare those facts",
                ));
            }
        }
    }
}

/// The tool an example of a rule is about.
fn example_tool(named: &str) -> String {
    match named.split('(').next().unwrap_or_default() {
        "*" | "" => "bash".to_owned(),
        name => tool::canonical(name).0.replace('*', "example"),
    }
}

/// The request that an example stands for, in the workspace `/workspace` of the home `/home/user`.
pub(crate) fn example_request(tool: &str, example: &Example) -> Result<Request, String> {
    let input = match example {
        Example::Input(input) => input.clone(),
        Example::Text(text) => main_argument(tool, text)?,
    };
    Ok(Request {
        principal: Principal {
            agent: "example".to_owned(),
            session: "example".to_owned(),
            on_behalf_of: None,
        },
        action: Action(tool.to_owned()),
        resource: Resource(input),
        context: Context {
            cwd: "/workspace".to_owned(),
            workspace: "/workspace".to_owned(),
            home: "/home/user".to_owned(),
            ..Context::default()
        },
    })
}

/// The arguments with `text` as the main one.
fn main_argument(name: &str, text: &str) -> Result<Map<String, Value>, String> {
    let Some((field, kind, _)) = tool::known(name).and_then(|tool| tool.fields.first()) else {
        return Err(format!("`{name}` has no main argument; write the example as a map of arguments"));
    };
    let value = match kind {
        FieldKind::Argv => text.split_whitespace().map(|word| Value::String(word.to_owned())).collect(),
        _ => Value::String(text.to_owned()),
    };
    Ok(Map::from_iter([((*field).to_owned(), value)]))
}

fn applies(rules: &[Rule], request: &Request, known: Known<'_>, analyse: impl Analyse) -> bool {
    let facts = analyse.facts(request, known.tools.get(&request.action.0), known.programs);
    let ask = Ask { request, digest: Digest([0; 32]), facts: &facts };
    rules.iter().any(|rule| {
        let tool = rule.tools.iter().any(|name| super::pattern::wildcard(name, &request.action.0));
        tool && facts.operations.iter().any(|op| rule.applies(&ask, op, Timestamp(0)) == Tri::Yes)
    })
}
