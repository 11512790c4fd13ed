//! The policy file as people write it. Unknown keys and duplicate keys are errors.

use crate::control::anomaly::watch::AnomalySource;
use crate::control::breaker::config::BreakerSource;
use crate::control::budget::BudgetSource;
use crate::control::business::rule::BusinessSource;
use crate::control::failure::watch::WatchSource;
use crate::control::limit::LimitSource;
use crate::control::notice::NotifierSource;
use crate::control::price::PricesSource;
use crate::control::tier::config::TierSource;
use crate::decision::Level;
use crate::facts::{FieldKind, SqlClass, Trait};
use crate::policy::boundary::BoundariesSource;
use crate::policy::sandbox::SandboxSource;
use crate::risk::Risk;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A policy file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySource {
    /// The version of the policy language: 1.
    pub version: Option<u32>,
    /// A name for people.
    pub name: Option<String>,
    /// What the policy is for.
    pub description: Option<String>,
    /// The packs this file builds on, as in `coding-agent`.
    pub extends: List,
    /// What holds where nothing else is said.
    pub defaults: DefaultsSource,
    /// Enforced boundaries.
    pub boundaries: BoundariesSource,
    /// What programs in a sandbox get besides the workspace and the system.
    pub sandbox: SandboxSource,
    /// Limits over time.
    pub limits: Vec<LimitSource>,
    /// Budgets of money and tokens.
    #[schemars(with = "Vec<BudgetSource>")]
    pub budgets: Vec<Spanned<BudgetSource>>,
    /// What models cost.
    pub prices: PricesSource,
    /// Circuit breakers.
    pub breakers: Vec<BreakerSource>,
    /// What is watched of each agent, and what happens when it is unusual.
    pub anomaly: Option<AnomalySource>,
    /// How well agents must do, and what follows when they do not.
    pub tiers: Option<TierSource>,
    /// What a line of business allows over time.
    pub business: Vec<BusinessSource>,
    /// Where notices go.
    pub notify: Vec<NotifierSource>,
    /// Signs of failure, and what happens then.
    pub failures: Vec<WatchSource>,
    /// What the arguments of other tools mean.
    #[schemars(with = "BTreeMap<String, ToolSource>")]
    pub tools: BTreeMap<String, Spanned<ToolSource>>,
    /// What programs do with their arguments, by program (`deployctl`) or sub-command (`deployctl push`).
    #[schemars(with = "BTreeMap<String, BTreeMap<String, List>>")]
    pub programs: BTreeMap<String, Spanned<ProgramSource>>,
    /// Short rules.
    #[schemars(with = "Vec<RuleSource>")]
    pub rules: Vec<Spanned<RuleSource>>,
    /// Action policies: a list of approved actions, each with its limits.
    #[schemars(with = "BTreeMap<String, ActionSource>")]
    pub actions: BTreeMap<String, Spanned<ActionSource>>,
}

/// What holds where nothing else is said.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DefaultsSource {
    /// The least level of confinement for programs.
    pub confine: Option<Level>,
    /// Seconds until an unanswered approval turns into a refusal (default 300).
    pub approval_timeout_s: Option<u64>,
    /// What an undecided deny rule does: `approve` (the default) or `deny`.
    pub undecided: Option<Stance>,
    /// What a secret in an outgoing argument does: `approve` (the default) or `deny`.
    pub outgoing_secret: Option<Stance>,
    /// Kinds of SQL that are refused.
    pub sql_deny: List<SqlClass>,
    /// Kinds of SQL that want approval, unless a rule or a boundary refuses them.
    pub sql_approve: Option<List<SqlClass>>,
}

/// How strict to be where there is a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stance {
    /// Ask a person.
    Approve,
    /// Refuse.
    Deny,
}

/// What the arguments of a tool mean.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ToolSource {
    /// What the tool is for.
    pub description: Option<String>,
    /// JSON pointer to meaning; `*` stands for any key or index.
    pub fields: BTreeMap<String, FieldKind>,
    /// Whether meaning is inferred for other fields (default: yes).
    pub infer: Option<bool>,
    /// Whether the tool shows private data. A session that has seen some is asked before anything
    /// leaves, once it has seen untrusted content, too.
    pub private: Option<bool>,
    /// JSON Schema of the arguments. A call that does not fit is refused.
    pub schema: Option<Value>,
}

/// What a program does: the keys of the program tables, each with words. `flag recursive: [-r, -R]`.
pub type ProgramSource = BTreeMap<String, Spanned<List>>;

/// A short rule. Exactly one of `allow`, `warn`, `audit`, `approve` and `deny` names the tools.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSource {
    /// A name, unique in the file. Made from the rule if left out.
    pub name: Option<String>,
    /// Tools whose operations may run.
    pub allow: Option<List>,
    /// Tools whose operations add a warning.
    pub warn: Option<List>,
    /// Tools whose operations add an audit entry.
    pub audit: Option<List>,
    /// Tools whose operations want a person's approval.
    pub approve: Option<List>,
    /// Tools whose operations are refused.
    pub deny: Option<List>,
    /// The agents it applies to (default: all).
    #[serde(deserialize_with = "filled")]
    pub agent: List,
    /// Conditions; all of them must hold.
    pub when: ConditionSource,
    /// A narrower case in which the rule does not apply.
    pub except: Option<ConditionSource>,
    /// Why, for the people who meet the rule.
    pub reason: Option<String>,
    /// A possible match counts as a match (deny rules).
    pub strict: bool,
    /// Seconds until the approval turns into a refusal (approve rules).
    pub timeout_s: Option<u64>,
    /// It speaks only where no other rule allows the operation or asks about it (approve rules).
    pub otherwise: bool,
    /// What it changes in the workspace can be taken back with `stayhand undo` (allow and approve rules).
    pub restore_point: bool,
    /// The least level of confinement for what the rule allows (allow rules).
    pub confine: Option<Level>,
    /// Actions this rule must match. Checked when the file is loaded.
    #[serde(rename = "match")]
    #[schemars(with = "Vec<Example>")]
    pub matches: Vec<Spanned<Example>>,
    /// Actions this rule must not match. Checked when the file is loaded.
    #[schemars(with = "Vec<Example>")]
    pub not_match: Vec<Spanned<Example>>,
}

/// Conditions over the facts of one operation. A list of patterns may hold exclusions (`!x`).
#[derive(Debug, Default, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConditionSource {
    /// Programs, by name.
    #[serde(deserialize_with = "filled")]
    pub program: List,
    /// Sub-commands, as in `push` of `git push`.
    #[serde(deserialize_with = "filled")]
    pub subcommand: List,
    /// The words behind the program, from the first one on.
    #[serde(deserialize_with = "filled")]
    pub args_prefix: List,
    /// Words that occur among the arguments; each must be found.
    #[serde(deserialize_with = "filled")]
    pub args: List,
    /// Paths that are read.
    #[serde(deserialize_with = "filled")]
    pub reads: List,
    /// Paths that are written or created.
    #[serde(deserialize_with = "filled")]
    pub writes: List,
    /// Paths that are deleted.
    #[serde(deserialize_with = "filled")]
    pub deletes: List,
    /// Paths that are listed.
    #[serde(deserialize_with = "filled")]
    pub lists: List,
    /// Paths that are run.
    #[serde(deserialize_with = "filled")]
    pub executes: List,
    /// Paths that are touched in any way.
    #[serde(deserialize_with = "filled")]
    pub paths: List,
    /// Hosts that are contacted.
    #[serde(deserialize_with = "filled")]
    pub hosts: List,
    /// Ports that are contacted.
    #[serde(deserialize_with = "filled")]
    pub ports: List<u16>,
    /// Request methods.
    #[serde(deserialize_with = "filled")]
    pub methods: List,
    /// Kinds of SQL statements.
    #[serde(deserialize_with = "filled")]
    pub sql: List<SqlClass>,
    /// Verbs of SQL statements, as in `drop table`.
    #[serde(deserialize_with = "filled")]
    pub sql_verb: List,
    /// Tables that SQL statements name.
    #[serde(deserialize_with = "filled")]
    pub tables: List,
    /// Other known effects.
    #[serde(deserialize_with = "filled")]
    pub does: List<Trait>,
    /// Kinds of secrets in what would leave.
    #[serde(deserialize_with = "filled")]
    pub secrets: List,
    /// Whether something could not be determined.
    pub opaque: Option<bool>,
    /// A regular expression over the normalised texts of all arguments, letter case ignored.
    #[serde(deserialize_with = "filled")]
    pub matches: List,
    /// Tests on arguments, by JSON pointer.
    pub input: BTreeMap<String, ValueTest>,
    /// Tests on declared context values, by name.
    pub context: BTreeMap<String, ValueTest>,
    /// The risk is at least this.
    pub risk_at_least: Option<Risk>,
    /// The declared cost is over this many cents.
    pub cost_over_cents: Option<u64>,
    /// Hours of the day (UTC), as in `22:00-06:00`.
    #[serde(deserialize_with = "filled")]
    pub hours: List,
    /// Days of the week.
    #[serde(deserialize_with = "filled")]
    pub days: List<Day>,
    /// Whether an output of this session reads like instructions to the agent.
    pub tainted: Option<bool>,
    /// Whether an argument, or the action itself, comes from an untrusted output and not from the
    /// user's request.
    pub untrusted_argument: Option<bool>,
    /// Whether this session has seen content from outside: another machine, a tool of others.
    pub untrusted_seen: Option<bool>,
    /// Whether this session has read private data: keys, credentials, homes of others, tools that
    /// are declared `private`.
    pub private_read: Option<bool>,
}

/// A test on one value. Everything given must hold; a missing value is unknown.
#[derive(Debug, Default, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ValueTest {
    /// Greater than.
    pub over: Option<f64>,
    /// Less than.
    pub under: Option<f64>,
    /// Greater than or equal to.
    pub at_least: Option<f64>,
    /// Less than or equal to.
    pub at_most: Option<f64>,
    /// Equal to one of these.
    #[serde(rename = "in")]
    pub one_of: Vec<Value>,
    /// Equal to none of these.
    pub not_in: Vec<Value>,
    /// The text matches this pattern (`*` stands for any text).
    pub like: Option<String>,
}

/// An action policy.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActionSource {
    /// The category, as in `read` or `deploy`.
    pub category: Option<String>,
    /// How risky the action is. Left out = critical.
    pub risk: Option<Risk>,
    /// Whether a person must approve. Left out = yes.
    pub approval: Option<bool>,
    /// Regular expressions that must not occur in path, command, SQL, URL or code arguments.
    pub forbidden_patterns: List,
    /// Paths the action may touch.
    #[serde(deserialize_with = "given")]
    pub allowed_resources: Option<List>,
    /// The most one call may cost, in cents. Zero = only free calls.
    pub max_cost_cents: Option<u64>,
    /// Seconds one call may run.
    pub max_duration_s: Option<f64>,
    /// Calls an hour and agent. Zero = none.
    pub rate_per_hour: Option<u64>,
    /// Calls an hour of all agents together. Zero = none.
    pub total_per_hour: Option<u64>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// An action for the examples of a rule: a text is the main argument of the rule's first tool (the
/// command of `bash`, the path of `read_file`), an object the full arguments.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Example {
    /// The main argument.
    Text(String),
    /// All arguments.
    Input(Map<String, Value>),
}

impl<'de> Deserialize<'de> for Example {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(input) => Ok(Self::Input(input)),
            _ => Err(serde::de::Error::custom("an example is a text or a map of arguments")),
        }
    }
}

/// One value or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T = String>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> List<T> {
    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

/// A list that is written out. A key without a value is no list, and an error.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<List<T>>, D::Error> {
    List::deserialize(deserializer).map(Some)
}

/// A list that narrows something. An empty one would not, however it came about.
pub(super) fn filled<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<List<T>, D::Error> {
    let list = List::deserialize(deserializer)?;
    if list.is_empty() {
        return Err(serde::de::Error::custom(
            "an empty list narrows nothing; list something, or leave the key out",
        ));
    }
    Ok(list)
}

impl List<String> {
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for OneOrMany<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("one value or a list of values")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|one| vec![one])
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Vec<T>, E> {
                T::deserialize(serde::de::value::U64Deserializer::new(number)).map(|one| vec![one])
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(list)
            }
        }

        deserializer.deserialize_any(OneOrMany(std::marker::PhantomData)).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let item = generator.subschema_for::<T>();
        schemars::json_schema!({ "oneOf": [item, { "type": "array", "items": item }] })
    }
}

/// The JSON Schema of policy files, for editors.
pub fn json_schema() -> Value {
    schemars::schema_for!(PolicySource).to_value()
}
