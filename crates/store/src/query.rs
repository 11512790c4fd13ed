//! What to look for in a log.

use rusqlite::types::Value;
use stayhand_core::time::Timestamp;

/// Which end comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// A filter. Every condition that is set must hold; the default finds everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Decisions of this session, and what belongs to them (answers, settlements, doubts).
    pub session: Option<String>,
    /// Decisions for this agent, and what belongs to them.
    pub agent: Option<String>,
    /// Decisions on this tool, and what belongs to them.
    pub tool: Option<String>,
    /// Events of this kind, as in the log: `decided`, `settled`, ….
    pub kind: Option<String>,
    /// Decisions with this effect, as in the log: `allow`, `approve`, `deny`, `lock`.
    pub effect: Option<String>,
    /// From this record on.
    pub from_seq: Option<u64>,
    /// Before this record.
    pub to_seq: Option<u64>,
    /// From this time on.
    pub from_at: Option<Timestamp>,
    /// Before this time.
    pub to_at: Option<Timestamp>,
    /// Records whose JSON contains this text, to the letter.
    pub text: Option<String>,
    /// At most this many records.
    pub limit: Option<u64>,
    /// Which end comes first.
    pub order: Order,
}

impl Query {
    /// The conditions beyond the range `?1 <= seq < ?2`, each beginning with ` AND `, and their values from
    /// `?3` on. The session is a condition of its own kind, see [`Query::session_sql`].
    pub(crate) fn conditions(&self) -> (String, Vec<Value>) {
        let mut sql = String::new();
        let mut values = Vec::new();
        let mut add = |value: Value, condition: &dyn Fn(usize) -> String| {
            values.push(value);
            sql.push_str(" AND ");
            sql.push_str(&condition(values.len() + 2));
        };
        for (name, value) in [("agent", &self.agent), ("tool", &self.tool)] {
            if let Some(value) = value {
                add(value.clone().into(), &|n| {
                    format!(
                        "({name} = ?{n} OR EXISTS \
                         (SELECT 1 FROM record d WHERE d.seq = record.about AND d.{name} = ?{n}))"
                    )
                });
            }
        }
        if let Some(kind) = &self.kind {
            // The rare kinds have an index, which is used where its own condition is repeated.
            let frequent = matches!(kind.as_str(), "decided" | "settled");
            let rare = if frequent { "" } else { " AND kind NOT IN ('decided', 'settled')" };
            add(kind.clone().into(), &|n| format!("kind = ?{n}{rare}"));
        }
        if let Some(effect) = &self.effect {
            let rare = if effect == "allow" { "" } else { " AND effect <> 'allow'" };
            add(effect.clone().into(), &|n| format!("effect = ?{n}{rare}"));
        }
        if let Some(text) = &self.text {
            add(Value::Blob(json_inner(text)), &|n| format!("instr(body, ?{n}) > 0"));
        }
        (sql, values)
    }

    /// The sequence numbers of a session `?1` within `?2 <= seq < ?3`.
    pub(crate) const fn session_sql() -> &'static str {
        "SELECT seq FROM record WHERE session = ?1 AND seq >= ?2 AND seq < ?3
         UNION SELECT o.seq FROM record d JOIN record o ON o.about = d.seq
         WHERE d.session = ?1 AND o.seq >= ?2 AND o.seq < ?3 ORDER BY 1"
    }
}

/// The text as it stands between the quotes of a JSON string.
fn json_inner(text: &str) -> Vec<u8> {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(&quoted).as_bytes().to_vec()
}
