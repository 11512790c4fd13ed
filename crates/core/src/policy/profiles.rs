//! What well-known programs need in a sandbox, as policy files shipped inside the binary. Each adds to the policy in force.

macro_rules! profiles {
    ($($name:literal),+ $(,)?) => {
        /// Name and text of each.
        pub const PROFILES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../profiles/", $name, ".yaml"))),)+
        ];
    };
}

profiles!("claude", "codex", "gemini", "node", "python", "rust", "shell");

/// The text of the profile called `name`.
pub fn text(name: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(profile, _)| *profile == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Layer;
    use crate::policy::{LayerText, NoAnalysis, Policy};

    #[test]
    fn every_profile_loads_beside_every_pack() {
        for (name, text) in PROFILES {
            for (pack, _) in crate::policy::packs::PACKS {
                let texts = [
                    LayerText { layer: Layer::BuiltIn, name: (*name).to_owned(), text: (*text).to_owned() },
                    LayerText {
                        layer: Layer::User,
                        name: "user".to_owned(),
                        text: format!("extends: {pack}"),
                    },
                ];
                let policy = Policy::compile(&texts, NoAnalysis);
                let problems = policy.map_err(|error| error.problems);
                assert!(problems.is_ok(), "{name} and {pack}: {:?}", problems.err());
            }
        }
    }
}
