//! The loss of context: an agent that no longer knows its goal, its step, or what it has done (A264).

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::hash::Hasher;

/// The completed steps that are compared one by one; beyond, their number is.
const KEPT_COMPLETED: usize = 32;

/// What is remembered of a context: small, and nothing that can be read back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    goal: Option<u64>,
    completed: Vec<u64>,
    count: usize,
}

impl Mark {
    /// The mark of a context.
    pub fn of(context: &Value) -> Self {
        let completed = context.get("completed_steps").and_then(Value::as_array);
        let hashes = completed.into_iter().flatten().take(KEPT_COMPLETED).map(hash).collect();
        Self {
            goal: present(context, "task_goal").map(hash),
            completed: hashes,
            count: completed.map_or(0, Vec::len),
        }
    }
}

/// What is missing in a context, or contradicts itself or an earlier one; `None` where nothing does.
///
/// A context is an object with `task_goal`, `current_step` and `completed_steps` (a list). The current step is not
/// among the completed ones, the goal is the previous one, and completed steps do not disappear (D252).
pub fn lost(current: &Value, previous: Option<&Mark>) -> Option<String> {
    for field in ["task_goal", "current_step", "completed_steps"] {
        if present(current, field).is_none() {
            return Some(format!("Context lost: {field} is missing"));
        }
    }
    let completed = current.get("completed_steps").and_then(Value::as_array);
    let Some(completed) = completed else {
        return Some("Context lost: completed_steps is no list".to_owned());
    };
    if current.get("current_step").is_some_and(|step| completed.contains(step)) {
        return Some("Context lost: the current step is completed already".to_owned());
    }
    let (mark, previous) = (Mark::of(current), previous?);
    if previous.goal.is_some() && previous.goal != mark.goal {
        return Some("Context lost: the goal has changed".to_owned());
    }
    let gone = |step: &u64| !completed.iter().any(|item| hash(item) == *step);
    if mark.count < previous.count || previous.completed.iter().any(gone) {
        return Some("Context lost: completed steps have disappeared".to_owned());
    }
    None
}

fn present<'a>(context: &'a Value, field: &str) -> Option<&'a Value> {
    context.get(field).filter(|value| !value.is_null())
}

fn hash(value: &Value) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(value.to_string().as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A264: each loss beside its nearest harmless neighbour.
    #[test]
    fn a264_losses_beside_their_neighbours() {
        let context = |goal: &str, step: &str, done: &[&str]| json!({ "task_goal": goal, "current_step": step, "completed_steps": done });
        let before = context("g", "b", &["a"]);
        for (current, expected) in [
            (context("g", "b", &["a"]), None),
            (context("g", "c", &["a", "b"]), None),
            (context("h", "b", &["a"]), Some("Context lost: the goal has changed")),
            (context("g", "b", &[]), Some("Context lost: completed steps have disappeared")),
            (context("g", "c", &["x"]), Some("Context lost: completed steps have disappeared")),
            (context("g", "a", &["a"]), Some("Context lost: the current step is completed already")),
            (
                json!({ "task_goal": "g", "current_step": "b" }),
                Some("Context lost: completed_steps is missing"),
            ),
            (
                json!({ "task_goal": null, "current_step": "b", "completed_steps": [] }),
                Some("Context lost: task_goal is missing"),
            ),
            (
                json!({ "task_goal": "g", "current_step": "b", "completed_steps": "a" }),
                Some("Context lost: completed_steps is no list"),
            ),
            (json!("g"), Some("Context lost: task_goal is missing")),
        ] {
            let found = lost(&current, Some(&Mark::of(&before)));
            assert_eq!(found.as_deref(), expected, "{current}");
        }
        assert_eq!(lost(&before, None), None);
        assert_eq!(lost(&before, Some(&Mark::of(&json!({})))), None);
    }
}
