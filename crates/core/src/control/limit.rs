//! Limits: so many actions, attempts, calls, so much value or so many tokens in a sliding window; so much in one
//! action; so many at once; so long a session.

use super::meter::{Amounts, LONGEST_WINDOW_US, Meter};
use super::meters::Meters;
use super::money::{Money, MoneyError};
use super::scope::{Per, Scope};
use crate::decision::Effect;
use crate::facts::{AddressClass, Facts, FieldKind};
use crate::policy::source::{List, Stance};
use crate::request::Request;
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Seconds since the first action of the session (or agent, …).
    Time,
    /// Permitted actions.
    Actions,
    /// Actions asked for, permitted or not.
    Attempts,
    /// Permitted actions that contact another machine.
    ApiCalls,
    /// Dollars that one action moves: its `amount` arguments, or the context value `value`.
    ValuePerAction,
    /// Dollars that all actions of the window move.
    Value,
    /// Tokens: the context values `input_tokens` and `max_output_tokens`.
    Tokens,
    /// Actions that run at the same time.
    Concurrent,
}

impl Measure {
    const fn has_window(self) -> bool {
        !matches!(self, Self::Time | Self::ValuePerAction | Self::Concurrent)
    }

    const fn is_money(self) -> bool {
        matches!(self, Self::Value | Self::ValuePerAction)
    }
}

/// A limit, as written in a policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSource {
    /// A name, unique among the limits.
    pub name: Option<String>,
    /// What is limited.
    pub of: Measure,
    /// By what it is counted (default: `agent`).
    #[serde(default)]
    pub per: Per,
    /// Only actions of these tools count, and only they are limited.
    #[serde(default)]
    pub tools: List,
    /// The length of the sliding window in seconds. Not for `time`, `value_per_action` and `concurrent`.
    pub window_s: Option<u64>,
    /// The most there may be: dollars for values, seconds for `time`. Zero = nothing is allowed.
    pub max: f64,
    /// What happens beyond: `deny` (the default) or `approve`.
    pub beyond: Option<Stance>,
}

/// A compiled limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// What is limited.
    pub of: Measure,
    /// By what it is counted.
    pub per: Per,
    /// The tools it is about; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// The window in microseconds; zero where the measure has none.
    pub window_us: u64,
    /// The most there may be: nano-dollars for values, microseconds for `time`.
    pub max: u64,
    /// Ask a person beyond, in the place of refusing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ask: bool,
}

/// Nano-dollars of a dollar, and microseconds of a second.
const NANOUSD: f64 = 1e9;
const MICROS: u64 = 1_000_000;

impl Limit {
    /// Compiles a limit; `number` names one without a name.
    pub fn compile(source: &LimitSource, number: usize) -> Result<Self, String> {
        let window_us = match (source.of.has_window(), source.window_s) {
            (true, Some(seconds)) => seconds.saturating_mul(MICROS),
            (true, None) => return Err("this limit needs a window: `window_s`".to_owned()),
            (false, None) => 0,
            (false, Some(_)) => {
                return Err("this kind of limit has no window: leave `window_s` out".to_owned());
            }
        };
        if source.of.has_window() && !(1..=LONGEST_WINDOW_US).contains(&window_us) {
            return Err("`window_s` must be from one second to 31 days".to_owned());
        }
        if source.per == Per::Principal && !source.tools.is_empty() {
            return Err("a limit per principal cannot be for some tools alone".to_owned());
        }
        Ok(Self {
            name: source.name.clone().unwrap_or_else(|| format!("limit_{number}")),
            of: source.of,
            per: source.per,
            tools: source.tools.0.clone(),
            window_us,
            max: whole(source.of, source.max)?,
            ask: source.beyond == Some(Stance::Approve),
        })
    }

    /// What the limit wants beyond it.
    pub const fn effect(&self) -> Effect {
        if self.ask { Effect::Approve } else { Effect::Deny }
    }

    /// Whether it is about actions of this tool.
    pub fn is_about(&self, tool: &str) -> bool {
        self.tools.is_empty() || self.tools.iter().any(|listed| listed == tool)
    }

    /// What exceeds it, if the request would.
    pub fn exceeded(
        &self,
        meters: &Meters,
        request: &Request,
        wanted: Amounts,
        now: Timestamp,
    ) -> Option<Excess> {
        if !self.is_about(&request.action.0) {
            return None;
        }
        let scope = (self.per, self.per.name(request));
        let count = Count { meters, limit: self, scope, now };
        self.excess(count.used(), wanted, || count.resets_in_us())
    }

    /// Whether so much used and so much more wanted is over it.
    pub(crate) fn excess(
        &self,
        used: u64,
        wanted: Amounts,
        resets_in_us: impl Fn() -> u64,
    ) -> Option<Excess> {
        let requested = self.of.part(wanted);
        let over = used.saturating_add(requested) > self.max;
        over.then(|| Excess { used, requested, resets_in_us: resets_in_us() })
    }

    /// What is used of it in a scope.
    pub fn usage(&self, meters: &Meters, scope: &Scope, now: Timestamp) -> Usage {
        let count = Count { meters, limit: self, scope: scope.parts(), now };
        Usage { used: count.used(), resets_in_us: count.resets_in_us() }
    }

    /// The sentence for people. Sources: A052 to A059.
    pub fn sentence(&self, excess: &Excess) -> String {
        let (max, used) = (self.max, excess.used);
        let total = used.saturating_add(excess.requested);
        let text = match self.of {
            Measure::Time => format!("Max execution time exceeded ({}s)", (used + MICROS / 2) / MICROS),
            Measure::Actions if self.window_us == 3600 * MICROS => {
                format!("Max actions per hour exceeded ({max})")
            }
            Measure::Actions => format!("Max actions exceeded ({max})"),
            Measure::Attempts => format!("Max attempts exceeded ({max})"),
            Measure::ApiCalls if self.window_us == 60 * MICROS => {
                format!("API rate limit exceeded ({max}/min)")
            }
            Measure::ApiCalls => format!("API rate limit exceeded ({max})"),
            Measure::ValuePerAction => {
                format!(
                    "Action value ${} exceeds max ${}",
                    Money(excess.requested).dollars(),
                    Money(max).dollars()
                )
            }
            Measure::Value => format!("Total value would exceed limit (${})", Money(total).dollars()),
            Measure::Tokens => format!("Token limit exceeded ({max})"),
            Measure::Concurrent => format!("Too many actions at once ({max})"),
        };
        match excess.resets_in_us {
            0 => text,
            wait => format!("{text}; used {}, free again in {} s", self.shown(used), wait.div_ceil(MICROS)),
        }
    }

    fn shown(&self, amount: u64) -> String {
        if self.of.is_money() { format!("${}", Money(amount).dollars()) } else { amount.to_string() }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite, not negative, and below 2^63"
)]
pub(super) fn whole(of: Measure, max: f64) -> Result<u64, String> {
    if !max.is_finite() || max < 0.0 {
        return Err(format!("`max` must be a number, zero or more, not {max}"));
    }
    let scaled = match of {
        Measure::Time => (max * 1e6).round(),
        _ if of.is_money() => (max * NANOUSD).round(),
        _ if max.fract() == 0.0 => max,
        _ => return Err(format!("`max` must be a whole number here, not {max}")),
    };
    if scaled >= 9.2e18 { Err("`max` is too large".to_owned()) } else { Ok(scaled as u64) }
}

impl Measure {
    pub(super) const fn part(self, amounts: Amounts) -> u64 {
        match self {
            Self::Actions => amounts.actions,
            Self::Attempts => amounts.attempts,
            Self::ApiCalls => amounts.api_calls,
            Self::Value | Self::ValuePerAction => amounts.value_nanousd,
            Self::Tokens => amounts.tokens,
            Self::Concurrent => amounts.actions,
            Self::Time => 0,
        }
    }
}

/// What is used of a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// In the unit of the limit.
    pub used: u64,
    /// Microseconds until something becomes free; zero where that is not a matter of time.
    pub resets_in_us: u64,
}

/// A limit that a request would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// What is used already, in the unit of the limit.
    pub used: u64,
    /// What the request would add.
    pub requested: u64,
    /// Microseconds until something becomes free.
    pub resets_in_us: u64,
}

/// What one limit counts in one scope.
struct Count<'a> {
    meters: &'a Meters,
    limit: &'a Limit,
    scope: (Per, &'a str),
    now: Timestamp,
}

impl Count<'_> {
    /// In the unit of the limit.
    fn used(&self) -> u64 {
        let Self { meters, limit, scope, now } = *self;
        let part = |meter: &Meter| match limit.of {
            Measure::Concurrent => meter.running,
            Measure::ValuePerAction | Measure::Time => 0,
            of => of.part(meter.sum(limit.window_us, now)),
        };
        match limit.of {
            Measure::Time => meters.since(scope).map_or(0, |first| now.since(first)),
            Measure::ValuePerAction => 0,
            _ => meters.of(scope, &limit.tools).map(part).fold(0, u64::saturating_add),
        }
    }

    /// Microseconds until something becomes free; zero where that is not a matter of time.
    fn resets_in_us(&self) -> u64 {
        let Self { meters, limit, scope, now } = *self;
        let counted = limit.of.has_window().then(|| meters.of(scope, &limit.tools));
        let until = counted.into_iter().flatten().map(|meter| meter.until_less(limit.window_us, now));
        until.max().unwrap_or(0)
    }
}

/// What a request would add to the meters. An error: an amount that is no finite, not negative number (A057).
pub fn amounts(request: &Request, facts: &Facts) -> Result<Amounts, String> {
    let declared = |name: &str| request.context.declared.get(name);
    let mut value = 0_u64;
    for amount in facts.texts.iter().filter(|text| text.kind == FieldKind::Amount) {
        value = value.saturating_add(nanousd(&amount.text)?);
    }
    if let Some(stated) = declared("value") {
        let text = stated.as_str().map_or_else(|| stated.to_string(), str::to_owned);
        value = value.max(nanousd(&text)?);
    }
    let mut tokens = 0_u64;
    for name in ["input_tokens", "max_output_tokens"] {
        if let Some(stated) = declared(name) {
            let count =
                stated.as_u64().ok_or_else(|| format!("`{name}` must be a whole number, zero or more"))?;
            tokens = tokens.saturating_add(count);
        }
    }
    let is_far = |class: AddressClass| class != AddressClass::Loopback;
    let far = facts.operations.iter().flat_map(|op| &op.hosts).any(|host| is_far(host.class));
    Ok(Amounts {
        actions: 1,
        attempts: 1,
        api_calls: u64::from(far),
        value_nanousd: value,
        tokens,
        cost_nanousd: 0,
    })
}

/// The sentence of A057.
pub(super) const NO_VALUE: &str = "Action value must be finite and non-negative";

/// Dollars, written as a decimal number, in nano-dollars; what is finer is rounded up. Digits, a point and digits are
/// read exactly; other forms of a number (`1e3`) through the nearest double.
pub(super) fn nanousd(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let too_large = || "Action value is too large".to_owned();
    let digits = text.strip_prefix('+').unwrap_or(text);
    // `.5` is a number, too.
    let whole = if digits.starts_with('.') { format!("0{digits}") } else { digits.to_owned() };
    match Money::parse_up(&whole) {
        Ok(money) => return Ok(money.0),
        Err(MoneyError::TooLarge) => return Err(too_large()),
        Err(_) => {}
    }
    let number: f64 = text.parse().map_err(|_| NO_VALUE.to_owned())?;
    if !number.is_finite() || number < 0.0 {
        return Err(NO_VALUE.to_owned());
    }
    let scaled = number * NANOUSD;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to fit")]
    if scaled < 1.8e19 { Ok(scaled.ceil() as u64) } else { Err(too_large()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L-03: amounts are read exactly; what is no amount is refused.
    #[test]
    fn l_03_amounts_are_exact() {
        for (text, expected) in [
            ("0.29", 290_000_000),
            ("10000.01", 10_000_010_000_000),
            ("1e2", 100_000_000_000),
            (".5", 500_000_000),
            ("0.0000000001", 1),
            ("0", 0),
            ("+5.", 5_000_000_000),
            (" 7 ", 7_000_000_000),
        ] {
            assert_eq!(nanousd(text), Ok(expected), "{text}");
        }
        for text in ["-5", "+-5", "++5", ".", "NaN", "inf", "1e400", "", "five", "99999999999", "1e300"] {
            assert!(nanousd(text).is_err(), "{text}");
        }
    }
}
