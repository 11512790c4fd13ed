//! Prices of tokens by model: decimal texts in a file with its source and date, whole numbers inside.
//!
//! A price is nano-dollars for a million tokens, so that every list price is exact. One charge is rounded up once, at
//! the end: charges add up to the exact sum or to less than a nano-dollar a charge above it.

use super::money::{Dollars, Money};
use crate::decision::Layer;
use crate::digest::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The tokens of one call, each counted in exactly one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Input tokens that were read anew.
    pub input: u64,
    /// Input tokens from a cache.
    pub cached: u64,
    /// Input tokens written into a cache.
    pub cache_write: u64,
    /// Output tokens.
    pub output: u64,
}

impl Tokens {
    /// All of them; `None` = more than fits.
    pub fn sum(self) -> Option<u64> {
        self.input.checked_add(self.cached)?.checked_add(self.cache_write)?.checked_add(self.output)
    }
}

/// The prices of one model, in nano-dollars for a million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Price {
    /// Input tokens.
    pub input: Money,
    /// Input tokens from a cache.
    pub cached: Money,
    /// Input tokens written into a cache.
    pub cache_write: Money,
    /// Output tokens.
    pub output: Money,
}

const MILLION: u128 = 1_000_000;

impl Price {
    /// What these tokens cost, rounded up to a nano-dollar; `None` = more than fits.
    pub fn cost(&self, tokens: Tokens) -> Option<Money> {
        let part = |count: u64, price: Money| u128::from(count) * u128::from(price.0);
        let parts = [
            part(tokens.input, self.input),
            part(tokens.cached, self.cached),
            part(tokens.cache_write, self.cache_write),
            part(tokens.output, self.output),
        ];
        let sum = parts.into_iter().try_fold(0_u128, u128::checked_add)?;
        u64::try_from(sum.div_ceil(MILLION)).ok().map(Money)
    }

    /// The most a call can cost before it is made: no cache is hit, and what was meant to be read from one is
    /// written into it.
    pub fn worst_case(&self, input: u64, cached: u64, max_output: u64) -> Option<Money> {
        let dearest = self.input.max(self.cached).max(self.cache_write);
        let price = Self { cached: dearest, ..*self };
        price.cost(Tokens { input, cached, cache_write: 0, output: max_output })
    }

    fn dearest(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            cached: self.cached.max(other.cached),
            cache_write: self.cache_write.max(other.cache_write),
            output: self.output.max(other.output),
        }
    }
}

/// Prices as people write them.
#[derive(Debug, Default, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PricesSource {
    /// Where the prices were taken from.
    pub source: Option<String>,
    /// The day they were taken, as in 2026-11-28.
    pub date: Option<String>,
    /// What happens with a model that has no price: `deny` (the default), or `ceiling`, the highest price known.
    pub unknown_model: Option<UnknownModel>,
    /// Dollars for a million tokens, by model. Names are exact.
    pub models: BTreeMap<String, PriceSource>,
    /// Other names of models, as in `gpt-4-0613: gpt-4`.
    pub aliases: BTreeMap<String, String>,
    /// A model of one's own, for advice alone.
    pub local: Option<LocalModel>,
}

/// A model that runs on a machine of one's own, and what it could do (L-36).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalModel {
    /// What it is called.
    pub model: String,
    /// What the machine costs in a month, in dollars.
    pub usd_per_month: Dollars,
    /// The tasks, by their names in `context: {task: …}`, that are not sensitive and that it is good enough for.
    pub tasks: Vec<String>,
}

/// Dollars for a million tokens of one model.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceSource {
    /// Input tokens.
    pub input: Dollars,
    /// Output tokens.
    pub output: Dollars,
    /// Input tokens from a cache (default: as other input).
    pub cached: Option<Dollars>,
    /// Input tokens written into a cache (default: twice the input price, the highest that a list is known to take).
    pub cache_write: Option<Dollars>,
}

/// What happens with a model that has no price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownModel {
    /// It costs as much as the dearest model.
    Ceiling,
    /// The call is refused.
    #[default]
    Deny,
}

impl PriceSource {
    fn compile(&self) -> Result<Price, String> {
        let input = self.input.0;
        let twice = input.plus(input).ok_or("the price is too large")?;
        Ok(Price {
            input,
            output: self.output.0,
            cached: self.cached.map_or(input, |price| price.0),
            cache_write: self.cache_write.map_or(twice, |price| price.0),
        })
    }
}

/// Where a price stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The price.
    pub price: Price,
    /// Where it was taken from.
    pub source: String,
    /// When.
    pub date: String,
}

/// All known prices: the shipped ones, and over them those of the policy's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    models: BTreeMap<String, Listed>,
    aliases: BTreeMap<String, String>,
    unknown_model: Option<UnknownModel>,
    /// Names that an organisation's file has priced; no other file may.
    fixed: BTreeSet<String>,
    local: Option<LocalModel>,
}

/// The shipped list, made of `prices.yaml` by the build script.
static SHIPPED: LazyLock<Prices> = LazyLock::new(|| {
    let mut prices = Prices {
        models: BTreeMap::new(),
        aliases: BTreeMap::new(),
        unknown_model: None,
        fixed: BTreeSet::new(),
        local: None,
    };
    let json = include_str!(concat!(env!("OUT_DIR"), "/prices.json"));
    // A test reads it, so that this cannot fail; were it empty, every model would be unknown, and refused.
    if let Ok(written) = serde_json::from_str(json) {
        let _ = prices.add(&written, Layer::BuiltIn);
    }
    prices
});

impl Default for Prices {
    /// The shipped prices.
    fn default() -> Self {
        SHIPPED.clone()
    }
}

impl Prices {
    /// Adds the prices of a trusted file; what it names takes the place of what was known. What an organisation's
    /// file names is left to it.
    pub fn add(&mut self, written: &PricesSource, layer: Layer) -> Result<(), String> {
        let mut names = written.models.keys().chain(written.aliases.keys());
        if let Some(name) = names.find(|name| self.fixed.contains(*name) && layer != Layer::Organisation) {
            return Err(format!("`{name}` has its price from the organisation's file"));
        }
        if layer == Layer::Organisation {
            self.fixed.extend(written.models.keys().chain(written.aliases.keys()).cloned());
        }
        let named = |what: &Option<String>| what.clone().filter(|text| !text.trim().is_empty());
        let origin = named(&written.source).zip(named(&written.date));
        for (model, price) in &written.models {
            let Some((source, date)) = &origin else {
                return Err("prices come with a `source` and a `date`".to_owned());
            };
            if date.parse::<crate::time::Timestamp>().is_err() || date.len() != "2026-11-28".len() {
                return Err(format!("`{date}` is not a day, as in 2026-11-28"));
            }
            let price = price.compile().map_err(|error| format!("`{model}`: {error}"))?;
            let listed = Listed { price, source: source.clone(), date: date.clone() };
            self.aliases.remove(model);
            self.models.insert(model.clone(), listed);
        }
        for (alias, model) in &written.aliases {
            if !self.models.contains_key(model) {
                return Err(format!("`{alias}` stands for `{model}`, which has no price"));
            }
            if written.models.contains_key(alias) {
                return Err(format!("`{alias}` has a price of its own and stands for another model, too"));
            }
            self.models.remove(alias);
            self.aliases.insert(alias.clone(), model.clone());
        }
        if let Some(unknown) = written.unknown_model {
            self.restrict(unknown);
        }
        if let Some(local) = &written.local {
            self.local = Some(local.clone());
        }
        Ok(())
    }

    /// Says what happens with unknown models; the strictest answer of all files holds.
    pub(crate) fn restrict(&mut self, unknown: UnknownModel) {
        self.unknown_model = self.unknown_model.max(Some(unknown));
    }

    /// The price of a model by its exact name or an alias. `None` = it has none (A269a).
    pub fn listed(&self, model: &str) -> Option<&Listed> {
        self.models.get(self.aliases.get(model).map_or(model, String::as_str))
    }

    /// The price that counts for a model. `None` = unknown, and therefore refused.
    pub fn of(&self, model: &str) -> Option<Price> {
        match (self.listed(model), self.unknown_model) {
            (Some(listed), _) => Some(listed.price),
            (None, Some(UnknownModel::Ceiling)) => self.ceiling(),
            (None, _) => None,
        }
    }

    /// Of each kind of token the highest price known.
    pub fn ceiling(&self) -> Option<Price> {
        self.models.values().map(|listed| listed.price).reduce(Price::dearest)
    }

    /// The models with their prices, by name.
    pub fn models(&self) -> impl Iterator<Item = (&str, &Listed)> {
        self.models.iter().map(|(model, listed)| (model.as_str(), listed))
    }

    /// Other names, each with the model it stands for.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.aliases.iter().map(|(alias, model)| (alias.as_str(), model.as_str()))
    }

    /// The model of one's own, where one is named.
    pub const fn local(&self) -> Option<&LocalModel> {
        self.local.as_ref()
    }

    /// What happens with unknown models.
    pub fn unknown_model(&self) -> UnknownModel {
        self.unknown_model.unwrap_or_default()
    }

    /// The digest that names this list: every name, price, source and date.
    pub fn digest(&self) -> Digest {
        let unknown = serde_json::to_string(&self.unknown_model()).unwrap_or_default();
        let mut parts = vec!["stayhand-prices-v1".to_owned(), unknown];
        for (model, Listed { price, source, date }) in &self.models {
            let figures =
                [price.input, price.cached, price.cache_write, price.output].map(|price| price.0.to_string());
            parts.extend([model.clone(), source.clone(), date.clone()]);
            parts.extend(figures);
        }
        parts.push("aliases".to_owned());
        parts.extend(self.aliases.iter().flat_map(|(alias, model)| [alias.clone(), model.clone()]));
        Digest::of_parts(&parts.iter().map(String::as_bytes).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> Result<Prices, String> {
        let written: PricesSource = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let mut prices = Prices::default();
        prices.add(&written, Layer::User).map(|()| prices)
    }

    /// A268, I294–I303: the shipped prices, for a thousand tokens.
    #[test]
    fn a268_shipped_prices() {
        let prices = Prices::default();
        for (model, input, output) in [
            ("gpt-4", "0.03", "0.06"),
            ("gpt-4-turbo", "0.01", "0.03"),
            ("gpt-3.5-turbo", "0.0005", "0.0015"),
            ("claude-3-5-sonnet", "0.003", "0.015"),
            ("claude-3-haiku", "0.00025", "0.00125"),
        ] {
            let price = prices.of(model).unwrap();
            let cost = |tokens| price.cost(tokens).unwrap().exact(9);
            assert_eq!(cost(Tokens { input: 1000, ..Tokens::default() }), input, "{model}");
            assert_eq!(cost(Tokens { output: 1000, ..Tokens::default() }), output, "{model}");
            let listed = prices.listed(model).unwrap();
            assert!(!listed.source.is_empty() && !listed.date.is_empty(), "{model}");
        }
    }

    /// What is read is what stands in the readable file.
    #[test]
    fn json_and_yaml_say_the_same() {
        let yaml: PricesSource = serde_saphyr::from_str(include_str!("../../prices.yaml")).unwrap();
        let json: PricesSource =
            serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/prices.json"))).unwrap();
        assert_eq!(yaml, json);
    }

    /// A269, D260, row 154: small calls cost what they cost, and are never rounded down to nothing.
    #[test]
    fn a269_bypass_154_small_calls_are_not_free() {
        let price = Prices::default().of("gpt-3.5-turbo").unwrap();
        let call = Tokens { input: 1000, output: 500, ..Tokens::default() };
        assert_eq!(price.cost(call), Some(Money(1_250_000)));
        let tiny = Price { input: Money(1), ..Price::default() };
        assert_eq!(tiny.cost(Tokens { input: 1, ..Tokens::default() }), Some(Money(1)));
        assert_eq!(tiny.cost(Tokens::default()), Some(Money::ZERO));
    }

    /// A269a, D261, row 154: names are exact; an unknown model is refused, or as dear as the dearest.
    #[test]
    fn a269a_bypass_154_unknown_models_are_never_free() {
        let strict = Prices::default();
        let lenient = list("{unknown_model: ceiling}").unwrap();
        for model in ["gpt-5", "GPT-4", "gpt-4 ", "gpt-4-0613", ""] {
            assert_eq!(strict.of(model), None, "{model}");
            let price = lenient.of(model).unwrap();
            assert_eq!(
                (price.input, price.output),
                (Money(30_000_000_000), Money(60_000_000_000)),
                "{model}"
            );
        }
        let aliased = list("{aliases: {gpt-4-0613: gpt-4}}").unwrap();
        assert_eq!(aliased.of("gpt-4-0613"), strict.of("gpt-4"));
        assert_eq!(aliased.of("gpt-4-0614"), None);
    }

    /// Row 150: a price of zero is a price when it is written.
    #[test]
    fn bypass_150_an_explicit_zero_is_a_price() {
        let prices =
            list("{source: own machine, date: 2026-11-28, models: {local: {input: 0, output: \"0.00\"}}}");
        let price = prices.unwrap().of("local").unwrap();
        assert_eq!(
            price.cost(Tokens { input: u64::MAX, output: u64::MAX, ..Tokens::default() }),
            Some(Money::ZERO)
        );
    }

    /// The strictest answer about unknown models holds, in whatever order files say it.
    #[test]
    fn the_strictest_answer_about_unknown_models_holds() {
        for order in [["ceiling", "deny"], ["deny", "ceiling"]] {
            let mut prices = Prices::default();
            for unknown in order {
                let written = serde_saphyr::from_str(&format!("unknown_model: {unknown}")).unwrap();
                prices.add(&written, Layer::User).unwrap();
            }
            assert_eq!(prices.of("gpt-5"), None);
        }
    }

    #[test]
    fn mistakes_are_errors() {
        for (text, expected) in [
            ("{models: {m: {input: 1, output: 2}}}", "source"),
            ("{source: s, date: today, models: {m: {input: 1, output: 2}}}", "not a day"),
            ("{source: s, date: 2026-11-28, models: {m: {input: 1}}}", "output"),
            ("{source: s, date: 2026-11-28, models: {m: {input: 1, ouput: 2}}}", "ouput"),
            ("{source: s, date: 2026-11-28, models: {m: {input: -1, output: 2}}}", "not negative"),
            (
                "{source: s, date: 2026-11-28, models: {m: {input: 3.0000000000000004, output: 2}}}",
                "decimal places",
            ),
            ("{aliases: {a: gpt-5}}", "no price"),
            ("{aliases: {a: gpt-4, a: gpt-4}}", "duplicate"),
        ] {
            let error = list(text).map(|_| ()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_digest_names_the_list() {
        let shipped = Prices::default().digest();
        assert_eq!(list("{}").unwrap().digest(), shipped);
        for text in [
            "{unknown_model: ceiling}",
            "{aliases: {a: gpt-4}}",
            "{source: s, date: 2026-11-28, models: {gpt-4: {input: 30, output: 61}}}",
        ] {
            assert_ne!(list(text).unwrap().digest(), shipped, "{text}");
        }
    }

    /// Row 153: cached tokens are priced once, in their own place; a reservation assumes that no cache is hit.
    #[test]
    fn bypass_153_buckets_are_disjoint() {
        let price = Prices::default().of("claude-3-5-sonnet").unwrap();
        let call = Tokens { input: 100, cached: 900, cache_write: 0, output: 10 };
        assert_eq!(price.cost(call), Some(Money(100 * 3_000 + 900 * 300 + 10 * 15_000)));
        assert_eq!(price.worst_case(100, 900, 10), Some(Money(100 * 3_000 + 900 * 3_750 + 10 * 15_000)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// The charges add up to the exact sum, or to less than one nano-dollar a charge above it; a reservation
        /// covers whatever is used of it.
        #[test]
        fn charges_cover_the_exact_sum(
            price in prop::array::uniform4(0..1_000_000_000_000_u64),
            calls in prop::collection::vec(prop::array::uniform4(0..2_000_000_u64), 1..50),
        ) {
            let [input, cached, cache_write, output] = price.map(Money);
            let price = Price { input, cached, cache_write, output };
            let (mut charged, mut exact) = (0_u128, 0_u128);
            for [input, cached, cache_write, output] in &calls {
                let tokens = Tokens { input: *input, cached: *cached, cache_write: *cache_write, output: *output };
                let cost = price.cost(tokens).unwrap();
                charged += u128::from(cost.0);
                for (count, price) in [(input, price.input), (cached, price.cached), (cache_write, price.cache_write), (output, price.output)] {
                    exact += u128::from(*count) * u128::from(price.0);
                }
                let reserved = price.worst_case(*input, cached + cache_write, *output).unwrap();
                prop_assert!(reserved >= cost);
            }
            prop_assert!(charged * MILLION >= exact);
            prop_assert!(charged * MILLION < exact + MILLION * calls.len() as u128);
        }
    }
}
