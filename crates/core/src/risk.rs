//! The one scale of risk, and the score that maps numbers onto it.

use serde::{Deserialize, Deserializer, Serialize};

/// How much harm an action could do. Unknown input counts as [`Risk::Critical`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Runs.
    Safe,
    /// Runs and is recorded.
    Low,
    /// Wants a confirmation.
    Medium,
    /// Wants an approval with a justification.
    High,
    /// Wants the approval of two parties.
    Critical,
}

impl Risk {
    /// Reads a name in any letter case; anything else is [`Risk::Critical`].
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "safe" => Self::Safe,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            _ => Self::Critical,
        }
    }

    /// The name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The level of `0.6 · risk + 0.4 · impact` (each 0 to 1): at least 0.8 is critical, 0.6 high,
    /// 0.3 medium, else low. Not a number, or out of range, is critical.
    ///
    /// Inputs are taken as decimals of at most nine places, so that sums on a boundary are exact.
    pub fn from_scores(risk: f64, impact: f64) -> Self {
        let (Some(risk), Some(impact)) = (billionths(risk), billionths(impact)) else {
            return Self::Critical;
        };
        match 6 * risk + 4 * impact {
            8_000_000_000.. => Self::Critical,
            6_000_000_000.. => Self::High,
            3_000_000_000.. => Self::Medium,
            _ => Self::Low,
        }
    }
}

impl std::fmt::Display for Risk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Risk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&std::borrow::Cow::<'de, str>::deserialize(deserializer)?))
    }
}

/// `value` in billionths, if it is a number from 0 to 1.
fn billionths(value: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1e9 fits")]
    (0.0..=1.0).contains(&value).then(|| (value * 1e9).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// any letter case, unknown = critical.
    #[test]
    fn r_02_names() {
        assert_eq!(Risk::parse("HIGH"), Risk::High);
        assert_eq!(Risk::parse("High"), Risk::High);
        assert_eq!(Risk::parse("bogus"), Risk::Critical);
    }

    /// A174 and D112.
    #[test]
    fn a174_out_of_range_is_critical() {
        for bad in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
            assert_eq!(Risk::from_scores(bad, 0.0), Risk::Critical);
            assert_eq!(Risk::from_scores(0.0, bad), Risk::Critical);
        }
        assert_eq!(Risk::from_scores(0.6, 0.6), Risk::High);
        assert_eq!(Risk::from_scores(0.3, 0.3), Risk::Medium);
    }
}
