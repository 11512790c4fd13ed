//! Time as a value. The core never reads a clock.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment: microseconds since 1970-01-01T00:00:00 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment `seconds` later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Microseconds from `earlier` to this moment, zero if it lies in the future.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Day of the week (Monday = 0) and minute of the day, both UTC.
    pub const fn weekday_and_minute(self) -> (u8, u16) {
        let minutes = self.0 / 60_000_000;
        let days = minutes / 1440;
        // 1970-01-01 was a Thursday.
        (((days + 3) % 7) as u8, (minutes % 1440) as u16)
    }

    /// Year, month and day of the Gregorian calendar.
    /// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    pub const fn date(self) -> (u64, u64, u64) {
        let z = self.0 / 86_400_000_000 + 719_468;
        let era = z / 146_097;
        let day_of_era = z % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let mp = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = year_of_era + era * 400 + (month <= 2) as u64;
        (year, month, day)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = String;

    /// A day (`2026-11-20`), or a moment of it in UTC (`2026-11-20T15:00:00.000000Z`, the seconds and
    /// what is behind them left out or not).
    fn from_str(text: &str) -> Result<Self, String> {
        moment(text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no moment in UTC, as in 2026-11-20T15:00:00Z"))
    }
}

fn moment(text: &str) -> Option<u64> {
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let mut parts = date.splitn(3, '-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let clock = clock.strip_suffix('Z').unwrap_or(clock);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let fits = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 59 || fraction.len() > 6 {
        return None;
    }
    let micros = number(&format!("{fraction:0<6}"))?;
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    let found = Timestamp(seconds * 1_000_000 + micros);
    // A day that the month does not have would be one of the next month.
    (found.date() == (year, month, day)).then_some(found.0)
}

/// A number of digits alone.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Days of the Gregorian calendar, from 1970 on.
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
pub(crate) const fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = year - (month <= 2) as u64;
    let year_of_era = year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year / 400 * 146_097 + day_of_era - 719_468
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let micros = self.0 % 86_400_000_000;
        let seconds = micros / 1_000_000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            micros % 1_000_000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp(951_782_400_000_001).to_string(), "2000-02-29T00:00:00.000001Z");
        assert_eq!(Timestamp(0).weekday_and_minute(), (3, 0));
    }

    #[test]
    fn moments_are_read_as_they_are_written() {
        for moment in [0, 1, 951_782_400_000_001, 1_795_186_800_000_000, 4_102_444_799_999_999] {
            let moment = Timestamp(moment);
            assert_eq!(moment.to_string().parse(), Ok(moment));
        }
        let noon = Timestamp(1_795_176_000_000_000);
        for text in ["2026-11-20T12:00:00Z", "2026-11-20 12:00", "2026-11-20T12:00:00.0", "2026-11-20T12:00Z"]
        {
            assert_eq!(text.parse(), Ok(noon), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-11-31",
            "2026-13-01",
            "1969-12-31",
            "2026-11-20T24:00",
            "2026-11-20T12",
            "2026-11-20T12:00:00+01:00",
            "+026-11-20",
            "2026-02-29",
            "99999-01-01",
            "2026-11-20T12:00:00.1234567",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
