//! Business-logic guards: what a line of business allows over time. Sums, ratios to what was usual, cool-downs, days on
//! which nothing happens, allowed changes of state, four eyes.
//!
//! What one action alone may say (ranges, combinations, hours) is a condition of an ordinary rule.

pub mod past;
pub mod rule;
