//! What is seen of an action when it has ended.

/// What is seen of an action when it has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ending {
    /// Seconds that it took.
    pub seconds: f64,
    /// Whether it failed.
    pub failed: bool,
    /// Dollars that it cost, where that is known.
    pub cost: Option<f64>,
    /// Tokens that it used, where that is known.
    pub tokens: Option<f64>,
}

impl Ending {
    /// The logarithm of the milliseconds.
    pub(super) fn duration(&self) -> f64 {
        libm::log1p(self.seconds * 1e3)
    }

    /// The logarithm of the millionths of a dollar.
    pub(super) fn cost(&self) -> Option<f64> {
        Some(libm::log1p(self.cost? * 1e6))
    }

    /// The logarithm of the tokens.
    pub(super) fn tokens(&self) -> Option<f64> {
        Some(libm::log1p(self.tokens?))
    }
}
