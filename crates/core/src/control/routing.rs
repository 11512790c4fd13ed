//! Which model is enough for a piece of work: a score of how complex it is, and a tier of models for the score (L-30, L-31).
//!
//! The reference guide names what counts and gives two examples, of 2 and of 8; how much each counts is ours.

use serde::Serialize;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Something is found and given back: classification, extraction.
    Extraction,
    /// Something is understood and judged.
    Analysis,
    /// Something is made.
    Generation,
}

/// What the work is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// Lines that are not empty.
    pub lines: u64,
    /// Ways through the code: one more than there are branches.
    pub cyclomatic: u64,
    /// What it needs from elsewhere: imports.
    pub dependencies: u64,
}

/// How complex, in hundredths: from 0 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(pub u64);

/// Which models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// A score below 3.
    Cheap,
    /// From 3 to 7.
    Middle,
    /// Above 7.
    Expensive,
}

impl Score {
    /// The score of some work: up to 3 points each for its length (150 lines) and its branches (15), up to 2 each for its
    /// dependencies (10) and the task.
    pub fn of(measured: Measured, task: Task) -> Self {
        let Measured { lines, cyclomatic, dependencies } = measured;
        let length = lines.saturating_mul(2).min(300);
        let branches = cyclomatic.saturating_sub(1).saturating_mul(20).min(300);
        let needs = dependencies.saturating_mul(20).min(200);
        let task = match task {
            Task::Extraction => 0,
            Task::Analysis => 100,
            Task::Generation => 200,
        };
        Self(length + branches + needs + task)
    }

    /// The tier for it.
    pub const fn tier(self) -> Tier {
        match self.0 {
            0..300 => Tier::Cheap,
            300..=700 => Tier::Middle,
            _ => Tier::Expensive,
        }
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Tier {
    /// The models that the guide names for it (Y169–Y185).
    pub const fn models(self) -> [&'static str; 2] {
        match self {
            Self::Cheap => ["gpt-3.5-turbo", "claude-3-haiku"],
            Self::Middle => ["gpt-4-turbo", "claude-3-5-sonnet"],
            Self::Expensive => ["gpt-4", "claude-3-5-sonnet"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L-31: the boundaries, and the two examples.
    #[test]
    fn l_31_scores_and_tiers() {
        for (score, tier) in [
            (0, Tier::Cheap),
            (299, Tier::Cheap),
            (300, Tier::Middle),
            (700, Tier::Middle),
            (701, Tier::Expensive),
            (1000, Tier::Expensive),
        ] {
            assert_eq!(Score(score).tier(), tier, "{score}");
        }
        let simple = Measured { lines: 20, cyclomatic: 3, dependencies: 1 };
        assert_eq!(Score::of(simple, Task::Analysis).to_string(), "2.00");
        let complex = Measured { lines: 170, cyclomatic: 11, dependencies: 5 };
        assert_eq!(Score::of(complex, Task::Generation).to_string(), "8.00");
        let most = Measured { lines: u64::MAX, cyclomatic: u64::MAX, dependencies: u64::MAX };
        assert_eq!(Score::of(most, Task::Generation), Score(1000));
        assert_eq!(Score::of(Measured::default(), Task::Extraction), Score(0));
    }

    /// L-30: the table of the guide. Its models have prices, and a tier that costs more costs more.
    #[test]
    fn l_30_models_of_a_tier() {
        let prices = crate::control::price::Prices::default();
        let tokens = crate::control::price::Tokens { input: 1000, output: 500, ..Default::default() };
        let dearest = |tier: Tier| {
            tier.models()
                .into_iter()
                .map(|model| prices.of(model).unwrap().cost(tokens).unwrap())
                .max()
                .unwrap()
        };
        assert!(
            dearest(Tier::Cheap) < dearest(Tier::Middle) && dearest(Tier::Middle) < dearest(Tier::Expensive)
        );
    }
}
