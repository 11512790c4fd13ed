//! The policies shipped inside the binary.

macro_rules! packs {
    ($($name:literal),+ $(,)?) => {
        /// Name and text of each pack. The first one is in force where no policy file exists.
        pub const PACKS: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../packs/", $name, ".yaml"))),)+
        ];
    };
}

packs!("coding-agent", "strict", "data-agent", "ops-agent", "qa-agent", "trading-agent", "permissive");

/// The pack that is in force where no policy file exists.
pub const DEFAULT: &str = "coding-agent";

/// The text of the pack called `name`.
pub fn text(name: &str) -> Option<&'static str> {
    PACKS.iter().find(|(pack, _)| *pack == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::policy::Policy;

    #[test]
    fn every_pack_loads() {
        for (name, _) in PACKS {
            let policy = Policy::pack(name, |_, _| Facts::default());
            let policy = policy.unwrap_or_else(|error| panic!("{name}: {:#?}", error.problems));
            for rule in policy.rules() {
                for pattern in &rule.when.matches {
                    assert!(regex::Regex::new(pattern.as_str()).is_ok(), "{name}: {}", pattern.as_str());
                }
            }
        }
    }
}
