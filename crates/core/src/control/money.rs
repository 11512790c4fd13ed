//! Money: whole nano-dollars, read from decimal text exactly, never through a floating-point number.

use schemars::JsonSchema;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

/// An amount of US dollars, not negative, in nano-dollars (10⁻⁹ dollars). The largest is about 18 billion dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub u64);

/// Decimal places of a dollar that a nano-dollar has.
const PLACES: usize = 9;

/// Nano-dollars of a cent.
const NANOUSD_PER_CENT: u64 = 10_000_000;

/// Why a text is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with at most one point. Signs, exponents, `NaN` and `inf` are among these.
    #[error("an amount of dollars is written in digits, as in 0.25: not negative, without an exponent")]
    NotDecimal,
    /// More than nine decimal places that are not zero.
    #[error("an amount of dollars has at most nine decimal places")]
    TooFine,
    /// More than fits.
    #[error("the amount of dollars is too large")]
    TooLarge,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads dollars exactly (L-03): `0.29` is 290,000,000 nano-dollars.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let (money, finer) = read(text)?;
        if finer { Err(MoneyError::TooFine) } else { Ok(money) }
    }

    /// Reads dollars; a part of a nano-dollar counts as a whole one.
    pub fn parse_up(text: &str) -> Result<Self, MoneyError> {
        let (money, finer) = read(text)?;
        money.plus(Self(finer.into())).ok_or(MoneyError::TooLarge)
    }

    /// The sum; `None` = it does not fit.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// What is left of it, not below nothing.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Dollars with two decimal places, rounded to the nearest cent. For people only.
    pub fn dollars(self) -> String {
        let cents = self.0 / NANOUSD_PER_CENT + u64::from(self.0 % NANOUSD_PER_CENT >= NANOUSD_PER_CENT / 2);
        format!("{}.{:02}", cents / 100, cents % 100)
    }

    /// The exact amount in units of 10^`places` nano-dollars: 9 for dollars, 7 for cents, 3 for micro-dollars.
    pub fn exact(self, places: u32) -> String {
        let unit = 10_u64.saturating_pow(places);
        let fraction = format!("{:0width$}", self.0 % unit, width = places as usize);
        match fraction.trim_end_matches('0') {
            "" => (self.0 / unit).to_string(),
            fraction => format!("{}.{fraction}", self.0 / unit),
        }
    }
}

/// Whole nano-dollars, and whether there is a part of one behind them.
fn read(text: &str) -> Result<(Money, bool), MoneyError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(MoneyError::NotDecimal);
    }
    let (nano, finer) = fraction.split_at(fraction.len().min(PLACES));
    let dollars: u64 = whole.parse().map_err(|_| MoneyError::TooLarge)?;
    let nano: u64 = format!("{nano:0<PLACES$}").parse().map_err(|_| MoneyError::TooLarge)?;
    let sum = dollars.checked_mul(1_000_000_000).and_then(|sum| sum.checked_add(nano));
    Ok((Money(sum.ok_or(MoneyError::TooLarge)?), finer.bytes().any(|digit| digit != b'0')))
}

impl fmt::Display for Money {
    /// Exact dollars, as in `$0.00125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.exact(9))
    }
}

/// Dollars in a policy or price file: a number, or digits in quotes. Both are read as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dollars(pub Money);

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Dollars;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of dollars, as in 0.25")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Dollars, E> {
                Money::parse(text).map(Dollars).map_err(|error| E::custom(format!("`{text}`: {error}")))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Dollars, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Dollars, E> {
                self.visit_str(&number.to_string())
            }

            // The shortest text that means this number is the one that was written, up to 15 digits. A longer
            // one is the noise of binary arithmetic, and has too many places.
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Dollars, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Written)
    }
}

impl JsonSchema for Dollars {
    fn schema_name() -> Cow<'static, str> {
        "Dollars".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "US dollars: a number, or a decimal text",
            "oneOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$" }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// L-03 [D022 D025 D260 D264]: amounts are read exactly, and what is no amount is refused.
    #[test]
    fn l_03_amounts_are_exact() {
        for (text, nano, shown) in [
            ("0.29", 290_000_000, "0.29"),
            ("4.35", 4_350_000_000, "4.35"),
            ("8.29", 8_290_000_000, "8.29"),
            ("0.00125", 1_250_000, "0.00"),
            ("0", 0, "0.00"),
            ("0.0000000010", 1, "0.00"),
            ("0.005", 5_000_000, "0.01"),
            ("18446744073.709551615", u64::MAX, "18446744073.71"),
        ] {
            assert_eq!(Money::parse(text), Ok(Money(nano)), "{text}");
            assert_eq!(Money(nano).dollars(), shown, "{text}");
        }
        for (text, error) in [
            ("-5", MoneyError::NotDecimal),
            ("+5", MoneyError::NotDecimal),
            ("NaN", MoneyError::NotDecimal),
            ("inf", MoneyError::NotDecimal),
            ("1e400", MoneyError::NotDecimal),
            ("", MoneyError::NotDecimal),
            (".", MoneyError::NotDecimal),
            ("1.", MoneyError::NotDecimal),
            ("1.2.3", MoneyError::NotDecimal),
            ("1_000", MoneyError::NotDecimal),
            ("0.0000000001", MoneyError::TooFine),
            ("0.1000000000000000055511151231257827", MoneyError::TooFine),
            ("18446744073.709551616", MoneyError::TooLarge),
            ("99999999999999999999", MoneyError::TooLarge),
        ] {
            assert_eq!(Money::parse(text), Err(error), "{text}");
        }
        assert_eq!(Money(u64::MAX).plus(Money(1)), None);
        assert_eq!(Money(3).less(Money(5)), Money::ZERO);
    }

    /// A number in a file is the amount that was written; the noise of binary arithmetic is refused.
    #[test]
    fn bypass_180_numbers_of_files_are_read_as_written() {
        let read = |text: &str| serde_json::from_str::<Dollars>(text).map(|dollars| dollars.0.0);
        assert_eq!(read("0.29").unwrap(), 290_000_000);
        assert_eq!(read("\"0.29\"").unwrap(), 290_000_000);
        assert_eq!(read("30").unwrap(), 30_000_000_000);
        // 0.1 + 0.2, as a program that adds doubles writes it.
        for text in ["0.30000000000000004", "-1", "-0.5", "1e300", "null", "true", "\"3,5\""] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// What is shown exactly is read back as the same amount.
        #[test]
        fn exact_amounts_survive_text(nano in any::<u64>()) {
            prop_assert_eq!(Money::parse(&Money(nano).exact(9)), Ok(Money(nano)));
        }
    }
}
