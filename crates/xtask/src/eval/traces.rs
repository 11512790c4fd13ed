//! What agents did, step by step: how often the detectors of loops see one where nobody has labelled one.

use super::ask::Asker;
use super::report::{Report, percent};
use super::{Sample, sources};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Every tool is allowed, and the signs are those of the default pack, so that only they can answer.
const POLICY: &str =
    "version: 1\nname: eval\nextends: coding-agent\nrules:\n  - name: everything\n    allow: \"*\"\n";

/// Each trace is a session of its own. A message that only tells what a program printed is the result of the step
/// before it.
pub(super) fn traces(folder: &Path, asker: &Asker, report: &mut Report) -> anyhow::Result<()> {
    report.area(
        "Traces",
        "Steps of agents, each trace a session of its own, tried with `stayhand incidents --steps` under the `failures:` of \
         the default pack with every tool allowed. Only what programs printed is known as a result. The traces of the \
         first two sources are labelled benign, those of the third failed as a whole; none says where a loop is, and \
         some of what is found is one.",
    );
    report.columns(&["source", "label", "steps", "warned", "held or refused", "by sign", "goal"]);
    for source in sources(folder, "traces")? {
        let steps: Vec<Value> = source.samples.iter().flat_map(steps).collect();
        let answers = asker.steps(POLICY, &steps)?;
        report.timed("traces", &answers);
        let signs = |answer: &Value| answer["signs"].as_array().map(Vec::len).unwrap_or_default();
        let stopped = answers.lines.iter().filter(|answer| signs(answer) > 0 && answer["effect"] != "allow");
        let stopped = stopped.count();
        let seen = answers.lines.iter().filter(|answer| signs(answer) > 0).count();
        let mut by_sign: BTreeMap<&str, usize> = BTreeMap::new();
        for found in answers.lines.iter().flat_map(|answer| answer["signs"].as_array().into_iter().flatten())
        {
            *by_sign.entry(found["sign"].as_str().unwrap_or_default()).or_default() += 1;
        }
        let by_sign: Vec<String> = by_sign.iter().map(|(sign, count)| format!("{sign} {count}")).collect();
        let benign = source.samples.iter().all(|sample| !sample.is_dangerous());
        let goal = if benign { "warned, held or refused ≤ 2 %" } else { "" };
        report.row(&[
            &source.name,
            if benign { "benign" } else { "failed" },
            &steps.len().to_string(),
            &percent(seen - stopped, steps.len()),
            &percent(stopped, steps.len()),
            &by_sign.join(", "),
            goal,
        ]);
    }
    Ok(())
}

/// The steps of one trace: commands, calls of tools, or messages.
fn steps(sample: &Sample) -> Vec<Value> {
    let session = sample.0["id"].clone();
    let mut steps: Vec<Value> = Vec::new();
    for step in sample.0["input"].as_array().into_iter().flatten() {
        let agent = step["agent"].as_str().unwrap_or("agent");
        let content = step["content"].as_str();
        if let (Some(text), Some(last)) =
            (content.filter(|text| text.starts_with("exitcode:")), steps.last_mut())
        {
            last["result"] = text.into();
            continue;
        }
        let (tool, input) = match (step.as_str(), content) {
            (Some(command), _) => ("act", json!({ "text": command })),
            (None, Some(text)) => ("say", json!({ "text": text })),
            (None, None) => (step["tool"].as_str().unwrap_or("act"), step["args"].clone()),
        };
        steps.push(json!({ "tool": tool, "input": input, "agent": agent, "session": session }));
    }
    steps
}
