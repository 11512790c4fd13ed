//! Calendar periods in UTC: where they begin and end, and their keys (A271).

use crate::time::{Timestamp, days_since_1970};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A calendar period. All of them begin and end at the same moment everywhere: there is no summer time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From a full hour to the next.
    Hourly,
    /// From midnight to midnight.
    Daily,
    /// From Monday to Monday, as in ISO 8601.
    Weekly,
    /// From the first of a month to the first of the next.
    Monthly,
}

const HOUR_US: u64 = 3_600_000_000;
const DAY_US: u64 = 24 * HOUR_US;

impl Period {
    /// Every period, the shortest first.
    pub const ALL: [Self; 4] = [Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly];

    /// The name, as in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The first moment of the period that `at` lies in. Never before 1970.
    pub const fn start(self, at: Timestamp) -> Timestamp {
        let day = at.0 - at.0 % DAY_US;
        Timestamp(match self {
            Self::Hourly => at.0 - at.0 % HOUR_US,
            Self::Daily => day,
            Self::Weekly => day.saturating_sub(at.weekday_and_minute().0 as u64 * DAY_US),
            Self::Monthly => day - (at.date().2 - 1) * DAY_US,
        })
    }

    /// The first moment after it.
    pub const fn end(self, at: Timestamp) -> Timestamp {
        let day = at.0 - at.0 % DAY_US;
        Timestamp(match self {
            Self::Hourly => (at.0 - at.0 % HOUR_US).saturating_add(HOUR_US),
            Self::Daily => day.saturating_add(DAY_US),
            Self::Weekly => day.saturating_add((7 - at.weekday_and_minute().0 as u64) * DAY_US),
            Self::Monthly => {
                let (year, month, _) = at.date();
                let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                days_since_1970(year, month, 1).saturating_mul(DAY_US)
            }
        })
    }

    /// The key of the period that `at` lies in: `hourly_2026112015`, `daily_20261120`, `weekly_2026W47`,
    /// `monthly_202611`. Weeks are those of ISO 8601, each in the year that has its Thursday.
    pub fn key(self, at: Timestamp) -> String {
        let (year, month, day) = at.date();
        match self {
            Self::Hourly => format!("hourly_{year:04}{month:02}{day:02}{:02}", at.0 / HOUR_US % 24),
            Self::Daily => format!("daily_{year:04}{month:02}{day:02}"),
            Self::Weekly => {
                let thursday = Timestamp((at.0 / DAY_US + 3 - at.weekday_and_minute().0 as u64) * DAY_US);
                let year = thursday.date().0;
                let week = (thursday.0 / DAY_US - days_since_1970(year, 1, 1)) / 7 + 1;
                format!("weekly_{year:04}W{week:02}")
            }
            Self::Monthly => format!("monthly_{year:04}{month:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A271 [D263]: ISO years of weeks; the ends of months and years.
    #[test]
    fn a271_keys_and_ends() {
        for (moment, period, key, end) in [
            ("2024-12-30T00:00", Period::Weekly, "weekly_2025W01", "2025-01-06"),
            ("2027-01-01T12:00", Period::Weekly, "weekly_2026W53", "2027-01-04"),
            ("2026-12-31T23:59:59.999999", Period::Monthly, "monthly_202612", "2027-01-01"),
            ("2028-02-29T23:00", Period::Daily, "daily_20280229", "2028-03-01"),
            ("2026-11-20T15:59", Period::Hourly, "hourly_2026112015", "2026-11-20T16:00"),
            ("1970-01-01", Period::Weekly, "weekly_1970W01", "1970-01-05"),
        ] {
            assert_eq!(period.key(at(moment)), key, "{moment}");
            assert_eq!(period.end(at(moment)).to_string(), at(end).to_string(), "{moment}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// A period is what has the same start, the same end and the same key; the next begins at its end.
        #[test]
        fn periods_follow_each_other(at in 0..4_102_444_800_000_000_u64) {
            let at = Timestamp(at);
            for period in Period::ALL {
                let (start, end) = (period.start(at), period.end(at));
                prop_assert!(start <= at && at < end);
                let last = Timestamp(end.0 - 1);
                prop_assert_eq!((period.start(last), period.end(last)), (start, end));
                prop_assert_eq!((period.key(start), period.key(last)), (period.key(at), period.key(at)));
                prop_assert_eq!(period.start(end), end);
                prop_assert_ne!(period.key(end), period.key(at));
            }
        }
    }
}
