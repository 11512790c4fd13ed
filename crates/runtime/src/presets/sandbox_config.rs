//! The settings of R3's sandbox, and what they come to.

use serde::Deserialize;
use serde_json::json;
use stayhand_core::facts::AddressClass;
use stayhand_sandbox::Limits;
use std::time::Duration;

/// How a sandbox is made. Source of the defaults: A213.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentSandboxConfig {
    /// The image of a container. Without a container engine programs are those of this machine, read-only.
    pub image: String,
    /// How many processors it may keep busy.
    pub cpu_limit: f64,
    /// Memory in all, as in `512m`.
    pub memory_limit: String,
    /// Seconds that one execution may take.
    pub timeout_seconds: f64,
    /// `none`, or `hosts`: what `allowed_hosts` names, through a proxy that decides about each connection (S-05).
    pub network_mode: String,
    /// Hosts, as in `api.example.com` or `*.example.com`; or addresses of private networks and this machine, and then nothing
    /// else: a name that leads to one is refused.
    pub allowed_hosts: Vec<String>,
}

impl Default for AgentSandboxConfig {
    fn default() -> Self {
        Self {
            image: "python:3.11-slim".to_owned(),
            cpu_limit: 1.0,
            memory_limit: "512m".to_owned(),
            timeout_seconds: 300.0,
            network_mode: "none".to_owned(),
            allowed_hosts: Vec::new(),
        }
    }
}

/// Bytes of temporary files. Source: A214.
const TEMPORARY_BYTES: u64 = 100 << 20;

/// Processes at a time. Source: S-01, which gives no number.
const PROCESSES: u64 = 256;

impl AgentSandboxConfig {
    fn are_private(&self) -> bool {
        !self.allowed_hosts.is_empty() && self.allowed_hosts.iter().all(|host| is_private(host))
    }

    /// What of the policy the network is. Nothing of it counts where there is no way out.
    pub(super) fn network(&self) -> String {
        // Private addresses stand alone, and so no name leads to one.
        let addresses: &[&str] =
            if self.are_private() { &["loopback", "private"] } else { &["public", "name"] };
        // JSON is YAML.
        let contact = json!({"name": "contact", "allow": "connect", "when": {"hosts": self.allowed_hosts}});
        let rule = if self.allowed_hosts.is_empty() { String::new() } else { format!("  - {contact}\n") };
        let network = json!({"addresses": addresses, "allow_hosts": self.allowed_hosts});
        format!("{rule}boundaries: {{network: {network}}}\n")
    }

    /// What a program may use. The error: a limit that cannot be kept.
    pub fn limits(&self) -> Result<Limits, String> {
        if !(self.cpu_limit > 0.0 && self.cpu_limit <= 1024.0) {
            return Err(format!("cpu_limit {} is not a number of processors", self.cpu_limit));
        }
        Ok(Limits {
            memory_bytes: Some(bytes(&self.memory_limit)?),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 102400")]
            cpu_percent: Some((self.cpu_limit * 100.0).ceil() as u64),
            processes: PROCESSES,
            own_bytes: TEMPORARY_BYTES,
            ..Limits::default()
        })
    }

    /// The longest that one execution may take.
    pub(super) fn time(&self) -> Result<Duration, String> {
        Duration::try_from_secs_f64(self.timeout_seconds)
            .map_err(|error| format!("timeout_seconds {}: {error}", self.timeout_seconds))
    }

    /// Whether its network can be had: with a way out, or without.
    pub(super) fn check(&self, has_way_out: bool) -> Result<(), String> {
        match self.network_mode.as_str() {
            "none" if self.allowed_hosts.is_empty() => Ok(()),
            "none" => Err("allowed_hosts are for network_mode `hosts`".to_owned()),
            "hosts" if !self.are_private() && self.allowed_hosts.iter().any(|host| is_private(host)) => Err(
                "allowed_hosts: private addresses and others do not go together: a name could lead to one"
                    .to_owned(),
            ),
            "hosts" if has_way_out => Ok(()),
            "hosts" => Err("network_mode `hosts`: this sandbox has no way out".to_owned()),
            mode => Err(format!("network_mode `{mode}` is neither `none` nor `hosts`")),
        }
    }
}

/// Whether this is an address of this machine or of a private network.
fn is_private(host: &str) -> bool {
    stayhand_analysis::host::host_use(host)
        .is_ok_and(|used| matches!(used.class, AddressClass::Loopback | AddressClass::Private))
}

/// Bytes, as in `512m`.
fn bytes(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let lower = lower.strip_suffix('b').unwrap_or(&lower);
    let (digits, unit) = match lower.chars().last() {
        Some('k') => (lower.trim_end_matches('k'), 1 << 10),
        Some('m') => (lower.trim_end_matches('m'), 1 << 20),
        Some('g') => (lower.trim_end_matches('g'), 1 << 30),
        _ => (lower, 1_u64),
    };
    let number: Option<u64> = digits.parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(unit)).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| format!("memory_limit `{text}` is not a size like `512m`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a213_sizes() {
        assert_eq!(bytes("512m"), Ok(512 << 20));
        assert_eq!(bytes("1g"), Ok(1 << 30));
        assert_eq!(bytes("100KB"), Ok(100 << 10));
        assert_eq!(bytes("4096"), Ok(4096));
        for text in ["", "m", "-1m", "0", "1.5g", "lots", "99999999999999999999g"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
