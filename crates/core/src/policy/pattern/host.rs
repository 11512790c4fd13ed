//! Patterns over hosts: names, domains, kinds of addresses.

use super::{Patterns, parse_name, wildcard};
use crate::facts::{AddressClass, HostUse};

/// A list of hosts with exclusions: names (`*.x.com` also matches `x.com`), addresses, classes
/// (`address:private`).
#[derive(Debug, Clone)]
pub(crate) struct HostSet(Patterns<HostTest>);

#[derive(Debug, Clone)]
enum HostTest {
    Exact(Box<str>),
    Domain(Box<str>),
    Wild(Box<str>),
    Class(AddressClass),
}

impl HostTest {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(class) = text.strip_prefix("address:") {
            return parse_name(class, "kind of address").map(Self::Class);
        }
        let text = text.trim_end_matches('.').to_lowercase();
        Ok(match text.strip_prefix("*.") {
            Some(domain) if !domain.contains(['*', '?']) => Self::Domain(domain.into()),
            _ if text.contains(['*', '?']) => Self::Wild(text.into()),
            _ => Self::Exact(text.into()),
        })
    }

    fn holds(&self, used: &HostUse) -> bool {
        let host = used.host.as_str();
        match self {
            Self::Exact(name) => **name == *host,
            Self::Domain(domain) => {
                host.strip_suffix(&**domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Wild(pattern) => wildcard(pattern, host),
            Self::Class(class) => used.class == *class,
        }
    }
}

impl HostSet {
    pub(crate) fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        Patterns::parse(patterns, HostTest::parse).map(Self)
    }

    pub(crate) fn contains(&self, host: &HostUse) -> bool {
        let holds = |test: &HostTest| test.holds(host);
        self.0.includes(holds) && !self.0.excludes(holds)
    }

    /// Whether what is refused or asked about is among these: by its name, or by an address that the name has.
    pub(crate) fn touches(&self, host: &HostUse) -> bool {
        let of_address = |test: &HostTest| {
            host.addresses.iter().any(|address| {
                let host = HostUse { host: address.to_canonical().to_string(), ..host.clone() };
                test.holds(&host)
            })
        };
        let is_excluded = || self.0.excludes(|test| test.holds(host));
        self.contains(host) || (self.0.positive.iter().any(of_address) && !is_excluded())
    }

    /// Exact names, if every positive pattern is one.
    pub(crate) fn literals(&self) -> Option<Vec<&str>> {
        let names: Option<Vec<&str>> = self
            .0
            .positive
            .iter()
            .map(|test| match test {
                HostTest::Exact(name) => Some(&**name),
                _ => None,
            })
            .collect();
        names.filter(|list| !list.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A119.
    #[test]
    fn a119_wildcard_hosts() {
        let set = HostSet::parse(["*.x.com"]).unwrap();
        let host = |name: &str| HostUse {
            scheme: "https".into(),
            host: name.into(),
            port: None,
            class: AddressClass::Name,
            addresses: vec![],
            method: None,
        };
        assert!(set.contains(&host("a.x.com")) && set.contains(&host("x.com")));
        assert!(!set.contains(&host("evilx.com")));
    }

    /// A list of what is refused means the address, whatever name leads there; one of what is allowed means what it says.
    #[test]
    fn names_that_lead_to_a_listed_address() {
        let used = |name: &str, addresses: &[&str]| HostUse {
            scheme: "https".into(),
            host: name.into(),
            port: None,
            class: AddressClass::Public,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            method: None,
        };
        let set = HostSet::parse(["192.0.2.7", "198.51.*", "!good.test"]).unwrap();
        for (name, addresses, touched) in [
            ("192.0.2.7", &[][..], true),
            ("evil.test", &["192.0.2.7"], true),
            ("evil.test", &["203.0.113.1", "198.51.100.1"], true),
            ("evil.test", &["::ffff:192.0.2.7"], true),
            ("evil.test", &["192.0.2.70"], false),
            ("good.test", &["192.0.2.7"], false),
        ] {
            let host = used(name, addresses);
            assert_eq!(set.touches(&host), touched, "{host:?}");
            assert_eq!(set.contains(&host), name == "192.0.2.7", "{host:?}");
        }
    }
}
