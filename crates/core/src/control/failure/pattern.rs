//! Patterns in the last steps of one session: repeats, alternation, cycles, results that do not change (A261).

use super::step::Step;

/// The longest cycle that is looked for, in steps.
pub const LONGEST_CYCLE: usize = 8;

/// How often a cycle must occur. Source: A261.
pub const CYCLE_TIMES: usize = 3;

/// What the last steps look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// The same action with the same result, this often in a row.
    Repeat(usize),
    /// Two actions in turn: A, B, A, B.
    Alternation,
    /// This many actions in turn, three times.
    Cycle(usize),
    /// This many results in a row that are all the same.
    NoProgress(usize),
    /// Nearly the same action with the same kind of result, this often in a row.
    NearRepeat(usize),
}

impl Pattern {
    /// The sentence of A261; `action` is what is repeated.
    pub fn sentence(self, action: &str) -> String {
        match self {
            Self::Repeat(times) => format!("Same action repeated {times} times: {action}"),
            Self::Alternation => "Alternating action pattern detected".to_owned(),
            Self::Cycle(length) => format!("Cycle of length {length} detected"),
            Self::NoProgress(steps) => format!("No progress detected in last {steps} actions"),
            Self::NearRepeat(times) => format!("Nearly the same action repeated {times} times: {action}"),
        }
    }
}

/// The steps of a session, and perhaps the one that would come next, whose result nobody knows yet.
#[derive(Debug, Clone, Copy)]
pub struct Steps<'a> {
    past: &'a [Step],
    next: Option<&'a Step>,
}

impl<'a> Steps<'a> {
    /// The past steps, oldest first, and the next one.
    pub const fn new(past: &'a [Step], next: Option<&'a Step>) -> Self {
        Self { past, next }
    }

    /// The `n`th step from the end.
    fn back(self, n: usize) -> Option<&'a Step> {
        let pending = usize::from(self.next.is_some());
        match n.checked_sub(pending) {
            None => self.next,
            Some(before) => self.past.get(self.past.len().checked_sub(before + 1)?),
        }
    }

    /// Whether the last `period` steps have occurred `times` times in a row.
    pub fn recur(self, period: usize, times: usize) -> bool {
        let same = |n: usize| Some(self.back(n)?.same_as(self.back(n + period)?));
        period > 0 && times > 1 && (0..period * (times - 1)).all(|n| same(n) == Some(true))
    }

    /// The length of the shortest cycle of at least three steps that occurred three times.
    pub fn cycle(self) -> Option<usize> {
        (3..=LONGEST_CYCLE).find(|period| self.recur(*period, CYCLE_TIMES))
    }

    /// Whether the last `count` steps have results, and all the same one.
    pub fn stand_still(self, count: usize) -> bool {
        let result = self.back(0).and_then(|step| step.result);
        let same = |n| self.back(n).is_some_and(|step| step.result == result);
        count > 1 && result.is_some() && (1..count).all(same)
    }

    /// Whether the last `times` actions are nearly the same, and those that have ended ended alike.
    pub fn nearly_recur(self, times: usize) -> bool {
        let (Some(last), pending) = (self.back(0), usize::from(self.next.is_some())) else { return false };
        let kind = self.back(pending).and_then(|step| step.kind);
        let alike = |n: usize| {
            self.back(n).is_some_and(|step| step.near == last.near && (n < pending || step.kind == kind))
        };
        times > 1 && kind.is_some() && (0..times).all(alike)
    }
}

/// The detector of A261 with its own numbers: the first pattern, in the order of the requirement, among the last
/// `lookback` steps. The last step is the current one.
pub fn detect(steps: &[Step], lookback: usize) -> Option<Pattern> {
    let recent = steps.len().saturating_sub(lookback);
    let steps = Steps::new(steps.get(recent..).unwrap_or_default(), None);
    if steps.recur(1, 3) {
        return Some(Pattern::Repeat(3));
    }
    if steps.recur(2, 2) {
        return Some(Pattern::Alternation);
    }
    let still = || steps.stand_still(5).then_some(Pattern::NoProgress(5));
    steps.cycle().map(Pattern::Cycle).or_else(still)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::failure::act::Act;
    use std::num::NonZeroU32;

    /// One step for each letter; what stands behind it, if anything, is its result: `a1 b a1`.
    fn steps(text: &str) -> Vec<Step> {
        let step = |(place, word): (usize, &str)| {
            let letter = word.bytes().next().unwrap_or_default();
            let result = word.get(1..).and_then(|digits| digits.parse().ok()).and_then(NonZeroU32::new);
            let act = Act { action: letter.into(), near: letter.to_ascii_lowercase().into() };
            Step { result, kind: result, ..Step::new(place as u64, act) }
        };
        text.split_whitespace().enumerate().map(step).collect()
    }

    /// A261, D251: each pattern beside its nearest harmless neighbour.
    #[test]
    fn a261_patterns_beside_their_neighbours() {
        for (text, expected) in [
            ("a a a", Some(Pattern::Repeat(3))),
            ("a a", None),
            ("a b a a", None),
            ("a1 a1 a1", Some(Pattern::Repeat(3))),
            ("a1 a1 a2", None),
            ("a1 a1 a", Some(Pattern::Repeat(3))),
            ("a b a b", Some(Pattern::Alternation)),
            ("a1 b1 a2 b2", None),
            ("b a b", None),
            ("a b c a b c a b c", Some(Pattern::Cycle(3))),
            ("a b c a b c a b d", None),
            ("a b c a b c", None),
            ("a1 b1 c1 d1 e1", Some(Pattern::NoProgress(5))),
            ("a1 b1 c1 d1 e2", None),
            ("a b c d e", None),
            ("a1 b1 c1 d1", None),
        ] {
            assert_eq!(detect(&steps(text), 24), expected, "{text}");
        }
        // The window of A261 holds ten steps: a longer cycle does not fit.
        let cycle = steps("a b c d a b c d a b c d");
        assert_eq!((detect(&cycle, 10), detect(&cycle, 24)), (None, Some(Pattern::Cycle(4))));
    }

    #[test]
    fn cycles_of_every_length_up_to_eight_are_found() {
        for length in 3..=LONGEST_CYCLE + 1 {
            let letters: String = ('a'..).take(length).map(|letter| format!("{letter} ")).collect();
            let expected = (length <= LONGEST_CYCLE).then_some(Pattern::Cycle(length));
            assert_eq!(detect(&steps(&letters.repeat(3)), 24), expected, "{length}");
        }
    }

    /// Bypass 156: near repeats count where they end alike, be it well.
    #[test]
    fn bypass_156_near_repeats_end_alike() {
        for (text, expected) in
            [("a1 A1 a1", true), ("a1 A2 a1", false), ("a A a", false), ("a1 b1 a1", false)]
        {
            assert_eq!(Steps::new(&steps(text), None).nearly_recur(3), expected, "{text}");
        }
        // The next step has no result yet.
        let next = steps("A");
        for (text, expected) in [("a1 A1", true), ("a1 A2", false), ("A1", false)] {
            assert_eq!(Steps::new(&steps(text), next.first()).nearly_recur(3), expected, "{text}");
        }
    }
}
