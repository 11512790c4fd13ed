//! A safety layer that refuses what destroys things, and allows the rest.

use crate::engine::{Engine, EngineError, Settings};
use crate::policy_files::PolicyFiles;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stayhand_core::decision::Layer;
use std::net::IpAddr;

/// What a safety layer does. Source of the defaults: A134.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SafetyLayerOptions {
    /// Refuse to delete the root, a home or the system, to drop or empty tables, to write to devices, to format disks.
    pub block_dangerous_commands: bool,
    /// Refuse what names a production database.
    pub block_production_access: bool,
    /// Folders and patterns; everything else is out of reach. `None` = no boundary; an empty list = nothing.
    pub allowed_paths: Option<Vec<String>>,
    /// Hosts, as in `api.example.com` or `*.example.com`; no other is contacted. `None` = no boundary; an empty list =
    /// none.
    pub allowed_hosts: Option<Vec<String>>,
    /// Mark each action for the trace. What is decided is recorded in any case.
    pub enable_tracing: bool,
    /// Ask a person about what cannot be understood, in the place of refusing it.
    pub enable_approval: bool,
}

impl Default for SafetyLayerOptions {
    fn default() -> Self {
        Self {
            block_dangerous_commands: true,
            block_production_access: true,
            allowed_paths: None,
            allowed_hosts: None,
            enable_tracing: true,
            enable_approval: false,
        }
    }
}

/// An engine in memory on the policy of these options.
///
/// ```
/// use stayhand_runtime::presets::{SafetyLayerOptions, create_safety_layer};
/// use stayhand_runtime::{Verdict, wire};
///
/// let layer = create_safety_layer(&SafetyLayerOptions::default())?;
/// let ask = |command: &str| {
///     let line = serde_json::json!({ "tool": "bash", "input": command }).to_string();
///     wire::request(line.as_bytes(), &wire::Defaults::new("/code", "/home/u"))
/// };
/// assert!(matches!(layer.authorize(ask("find / -delete")?)?, Verdict::Refused(_)));
/// assert!(matches!(layer.authorize(ask("rm /tmp/one-file")?)?, Verdict::Permitted(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn create_safety_layer(options: &SafetyLayerOptions) -> Result<Engine, EngineError> {
    let policy = PolicyFiles::default().text(Layer::User, "safety-layer", options.policy());
    Engine::in_memory(Settings { policy, ..Settings::default() })
}

/// E027 to E031. What a command means decides, and not how it is written. A statement that empties a table without
/// saying so, `DELETE FROM users`, is refused by `sql_deny`.
const DANGEROUS: &str = r#"
  - name: block_rm_root
    deny: "*"
    when:
      deletes: ["/", "~", "/home", "/home/*", "/root", "place:system", "place:boot", "place:kernel", "place:device"]
    except: {deletes: ["./**", "!."]}
    reason: Blocking recursive delete from root or home
  - name: block_drop_table
    deny: "*"
    when: {sql_verb: "drop*"}
    reason: Blocking DROP TABLE/DATABASE commands
  - name: block_truncate
    deny: "*"
    when: {sql_verb: "truncate*"}
    reason: Blocking TRUNCATE TABLE commands
  - name: block_raw_device
    deny: "*"
    when: {writes: "place:device"}
    reason: Blocking writes to raw block devices
  - name: block_disk_format
    deny: "*"
    when: {does: destroy_device}
    reason: Blocking disk formatting commands"#;

/// E032, with `prd`. The name of a database is nothing but a text, so here a pattern decides.
const PRODUCTION: &str = r"
  - name: block_prod_db
    deny: '*'
    when: {matches: '(^|[^a-z])(prod|production|prd)[_-]?(db|database|server)'}
    reason: Blocking production database access";

const TRACE: &str = r"
  - {name: trace, audit: '*'}";

impl SafetyLayerOptions {
    /// The whole policy. Everything that stops an action is written here.
    pub fn policy(&self) -> String {
        let undecided = if self.enable_approval { "approve" } else { "deny" };
        let sql_deny = if self.block_dangerous_commands { "[unfiltered_write]" } else { "[]" };
        let wanted = |wanted: bool, rules: &'static str| if wanted { rules } else { "" };
        // JSON is YAML.
        format!(
            "version: 1
name: safety-layer
defaults: {{undecided: {undecided}, sql_deny: {sql_deny}, sql_approve: []}}
boundaries: {boundaries}
rules:
  - {{name: allow_the_rest, allow: '*'}}
  - {{name: allow_the_unknown, allow: '*', when: {{opaque: true}}}}{dangerous}{production}{trace}
",
            boundaries = self.boundaries(),
            dangerous = wanted(self.block_dangerous_commands, DANGEROUS),
            production = wanted(self.block_production_access, PRODUCTION),
            trace = wanted(self.enable_tracing, TRACE),
        )
    }

    fn boundaries(&self) -> Value {
        let mut all = Map::new();
        if let Some(paths) = &self.allowed_paths {
            let patterns: Vec<String> = paths.iter().map(|path| with_all_below(path)).collect();
            all.insert("paths".into(), json!({ "name": "path_allowlist", "allow": patterns }));
        }
        let usual = ["public", "name", "loopback"];
        let network = match &self.allowed_hosts {
            None => json!({ "addresses": usual }),
            // A name that leads to a private address is refused, unless addresses are listed as such.
            Some(hosts) => {
                let private = hosts.iter().any(|host| host.parse::<IpAddr>().is_ok()).then_some("private");
                let addresses: Vec<&str> = usual.into_iter().chain(private).collect();
                json!({ "name": "network_allowlist", "addresses": addresses, "allow_hosts": hosts })
            }
        };
        all.insert("network".into(), network);
        Value::Object(all)
    }
}

/// A folder stands for itself and all below; a pattern is left as it is.
fn with_all_below(path: &str) -> String {
    if path.contains(['*', '?']) || path.starts_with("place:") {
        return path.to_owned();
    }
    let folder = path.trim_end_matches('/');
    let anchored = ["/", "~", "."].iter().any(|start| path.starts_with(start));
    if anchored { format!("{folder}/**") } else { format!("./{folder}/**") }
}
