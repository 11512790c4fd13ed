//! What programs in a sandbox get besides the workspace and the system.

use super::pattern::HostSet;
use super::source::List;
use crate::decision::Layer;
use crate::facts::{AddressClass, HostUse};
use schemars::JsonSchema;
use serde::Deserialize;

/// What programs in a sandbox get besides the workspace and the system. Only trusted files may say so.
#[derive(Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxSource {
    /// Files and folders that they see.
    pub see: List,
    /// Files and folders that they may change, where these exist.
    pub change: List,
    /// Folders that they may change, and whose changes are gone afterwards.
    pub scratch: List,
    /// Variables of the environment that are passed on.
    pub environment: List,
    /// Of system calls only those that ordinary programs make. Any file may say so.
    pub known_calls_only: bool,
    /// Hosts the TLS to which is opened, so that each request is decided by its method and URL.
    pub open_tls: List,
    /// What the proxy adds to requests, so that programs never see it.
    pub credentials: Vec<CredentialSource>,
}

/// A header that the proxy adds to requests to one host. The TLS to it is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialSource {
    /// The host.
    pub host: String,
    /// The header.
    pub header: String,
    /// The variable of Stayhand's environment that holds the value. Where it is not set nothing is added; where it is, programs see
    /// something else in its place.
    pub from: String,
    /// What stands before the value, as in `Bearer `.
    #[serde(default)]
    pub prefix: String,
}

/// What trusted files grant, all together. Paths may begin with `~`.
#[derive(Debug, Clone, Default)]
pub struct SandboxGrants {
    /// Files and folders that they see.
    pub see: Vec<String>,
    /// Files and folders that they may change, where these exist.
    pub change: Vec<String>,
    /// Folders that they may change, and whose changes are gone afterwards.
    pub scratch: Vec<String>,
    /// Variables of the environment that are passed on.
    pub environment: Vec<String>,
    /// Of system calls only those that ordinary programs make.
    pub known_calls_only: bool,
    /// What the proxy adds to requests.
    pub credentials: Vec<CredentialSource>,
    /// Hosts the TLS to which is opened, one set of each file.
    open_tls: Vec<HostSet>,
}

impl SandboxGrants {
    /// Whether some TLS is to be opened for its own sake.
    pub const fn opens_any_tls(&self) -> bool {
        !self.open_tls.is_empty()
    }

    /// Whether the TLS to this host is to be opened.
    pub fn opens_tls_to(&self, host: &str) -> bool {
        let used = HostUse {
            scheme: "https".to_owned(),
            host: host.to_owned(),
            port: Some(443),
            class: AddressClass::Name,
            addresses: Vec::new(),
            method: None,
        };
        self.open_tls.iter().any(|set| set.contains(&used))
    }

    /// Adds what one file says. A pack that an untrusted file builds on grants nothing; the file itself may not even try.
    pub(super) fn add(&mut self, source: &SandboxSource, layer: Layer, shipped: bool) -> Result<(), String> {
        // Less is for everybody to ask.
        self.known_calls_only |= source.known_calls_only;
        let grants_nothing =
            SandboxSource { known_calls_only: source.known_calls_only, ..SandboxSource::default() };
        if *source == grants_nothing {
            return Ok(());
        }
        if !layer.may_allow() && shipped {
            return Ok(());
        }
        if !layer.may_allow() {
            return Err(
                "only the organisation's and the user's file say what else a sandbox shows".to_owned()
            );
        }
        for (all, more) in [
            (&mut self.see, &source.see),
            (&mut self.change, &source.change),
            (&mut self.scratch, &source.scratch),
        ] {
            if let Some(path) = more.texts().find(|path| !is_plain(path)) {
                return Err(format!(
                    "`{path}` is not a plain path: it begins with `/` or `~/` and has no wildcard or `..`"
                ));
            }
            all.extend(more.texts().map(str::to_owned));
        }
        if let Some(name) = source.environment.texts().find(|name| !is_variable(name)) {
            return Err(format!("`{name}` is not the name of a variable"));
        }
        self.environment.extend(source.environment.texts().map(str::to_owned));
        if !source.open_tls.is_empty() {
            self.open_tls.push(HostSet::parse(source.open_tls.texts())?);
        }
        for credential in &source.credentials {
            credential.check()?;
            self.credentials.push(credential.clone());
        }
        Ok(())
    }
}

impl CredentialSource {
    fn check(&self) -> Result<(), String> {
        let Self { host, header, from, .. } = self;
        let is_token = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_token(header) || !is_variable(from) {
            return Err(format!("`{header}` from `{from}` is no header from a variable"));
        }
        if host.is_empty() || host.contains(['*', ':', '/']) || *host != host.to_lowercase() {
            return Err(format!("`{host}` is not one host: no port, no wildcard, lower case"));
        }
        Ok(())
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_plain(path: &str) -> bool {
    let rest = path.strip_prefix("~/").or_else(|| path.strip_prefix('/'));
    rest.is_some_and(|rest| {
        !rest.contains(['*', '?', '[']) && !rest.split('/').any(|part| matches!(part, "" | "." | ".."))
    })
}

#[cfg(test)]
mod tests {
    use crate::decision::Layer;
    use crate::policy::{LayerText, NoAnalysis, Policy};

    fn policy(layer: Layer, text: &str) -> Result<Policy, String> {
        let texts = [LayerText { layer, name: "p.yaml".to_owned(), text: format!("version: 1\n{text}") }];
        Policy::compile(&texts, NoAnalysis).map_err(|error| error.problems[0].message.clone())
    }

    #[test]
    fn only_trusted_files_grant() {
        let text = "sandbox: {see: [~/.x], environment: [A], open_tls: ['*.x.test'], known_calls_only: true}";
        let policy_of = |layer| policy(layer, text);
        let granted = policy_of(Layer::User).unwrap();
        let grants = granted.sandbox();
        assert_eq!((grants.see.len(), grants.environment.len(), grants.known_calls_only), (1, 1, true));
        assert!(grants.opens_tls_to("a.x.test") && !grants.opens_tls_to("y.test"));
        assert!(policy_of(Layer::Project).unwrap_err().contains("only the organisation's and the user's"));
        // Less is for everybody to ask, and a pack beneath an untrusted file grants nothing.
        let strict = policy(Layer::Project, "sandbox: {known_calls_only: true}").unwrap();
        assert!(strict.sandbox().known_calls_only);
        let beneath = policy(Layer::Project, "extends: strict\nrules: []").unwrap();
        assert!(beneath.sandbox().see.is_empty() && beneath.sandbox().known_calls_only);
    }

    #[test]
    fn what_cannot_be_granted() {
        for (text, why) in [
            ("see: [.x]", "is not a plain path"),
            ("see: ['~/*']", "is not a plain path"),
            ("change: [~/../etc]", "is not a plain path"),
            ("scratch: [/a//b]", "is not a plain path"),
            ("environment: [A=B]", "is not the name of a variable"),
            ("credentials: [{host: '*.x', header: a, from: A}]", "is not one host"),
            ("credentials: [{host: x.test, header: 'a b', from: A}]", "is no header"),
            ("credentials: [{host: x.test, header: a, from: 'A B'}]", "is no header"),
        ] {
            let error = policy(Layer::User, &format!("sandbox: {{{text}}}")).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
