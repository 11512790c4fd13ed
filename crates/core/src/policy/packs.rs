//! The policies shipped inside the binary.

use super::source::PolicySource;

macro_rules! packs {
    ($($name:literal),+ $(,)?) => {
        /// Name and text of each pack. The first one is in force where no policy file exists.
        pub const PACKS: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../packs/", $name, ".yaml"))),)+
        ];

        /// Name and JSON of each pack, made of the YAML by the build script.
        const JSON: &[(&str, &str)] = &[
            $(($name, include_str!(concat!(env!("OUT_DIR"), "/", $name, ".json"))),)+
        ];
    };
}

packs!(
    "coding-agent",
    "strict",
    "data-agent",
    "ops-agent",
    "qa-agent",
    "trading-agent",
    "content-agent",
    "permissive"
);

/// The pack that is in force where no policy file exists.
pub const DEFAULT: &str = "coding-agent";

/// The text of the pack called `name`.
pub fn text(name: &str) -> Option<&'static str> {
    PACKS.iter().find(|(pack, _)| *pack == name).map(|(_, text)| *text)
}

/// The pack with this text, read from its JSON. `None` means that the text has to be read.
pub(super) fn read(text: &str) -> Option<PolicySource> {
    let (name, _) = PACKS.iter().find(|(_, known)| *known == text)?;
    let (_, json) = JSON.iter().find(|(pack, _)| pack == name)?;
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    /// The places of what is written differ; nothing else may.
    #[test]
    fn json_and_yaml_say_the_same() {
        for (name, text) in PACKS {
            let file = std::sync::Arc::new(miette::NamedSource::new(*name, (*text).to_owned()));
            let (yaml, json) = (crate::policy::read::read(&file).unwrap(), read(text).unwrap());
            let plain = |source: &PolicySource| {
                let rules: Vec<_> = source.rules.iter().map(|rule| &rule.value).collect();
                let actions: Vec<_> =
                    source.actions.iter().map(|(name, action)| (name, &action.value)).collect();
                let tools: Vec<_> = source.tools.iter().map(|(name, tool)| (name, &tool.value)).collect();
                format!("{:?} {:?} {rules:?} {actions:?} {tools:?}", source.defaults, source.boundaries)
            };
            assert_eq!(plain(&yaml), plain(&json), "{name}");
        }
    }

    #[test]
    fn every_pack_loads() {
        for (name, _) in PACKS {
            let policy = Policy::pack(name, crate::policy::NoAnalysis);
            let policy = policy.unwrap_or_else(|error| panic!("{name}: {:#?}", error.problems));
            for rule in policy.rules() {
                for pattern in &rule.when.matches {
                    assert!(regex::Regex::new(pattern.as_str()).is_ok(), "{name}: {}", pattern.as_str());
                }
            }
        }
    }
}
