//! How far resources are used up: at 80 % somebody should know, at 90 % it is nearly over, at 100 % it is (A265).

/// The share at which people are told, in percent. Source: Y152.
pub const ALERT_PERCENT: u64 = 80;

/// The share at which a resource counts as exhausted, in percent. Source: A265.
pub const EXHAUSTED_PERCENT: u64 = 90;

/// What is used of a resource, in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// What is used.
    pub used: u64,
    /// The most there may be: zero is nothing at all, `None` is no limit (D252).
    pub limit: Option<u64>,
}

impl Share {
    /// Whether at least this share of the limit is used.
    pub const fn reaches(self, percent: u64) -> bool {
        match self.limit {
            None => false,
            Some(0) => true,
            Some(limit) => self.used as u128 * 100 >= limit as u128 * percent as u128,
        }
    }
}

/// Which resource is exhausted first: `token_limit`, `budget_limit`, or none.
pub const fn exhausted(tokens: Share, cost: Share) -> Option<&'static str> {
    if tokens.reaches(EXHAUSTED_PERCENT) {
        Some("token_limit")
    } else if cost.reaches(EXHAUSTED_PERCENT) {
        Some("budget_limit")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A265, D252, Y152: the boundaries.
    #[test]
    fn a265_boundaries() {
        let share = |used, limit| Share { used, limit };
        for (used, limit, alert, exhausted, over) in [
            (79, Some(100), false, false, false),
            (80, Some(100), true, false, false),
            (89, Some(100), true, false, false),
            (90, Some(100), true, true, false),
            (100, Some(100), true, true, true),
            (0, Some(0), true, true, true),
            (u64::MAX, None, false, false, false),
            (u64::MAX, Some(u64::MAX), true, true, true),
        ] {
            let share = share(used, limit);
            let found = [ALERT_PERCENT, EXHAUSTED_PERCENT, 100].map(|percent| share.reaches(percent));
            assert_eq!(found, [alert, exhausted, over], "{share:?}");
        }
        assert_eq!(exhausted(share(90, Some(100)), share(90, Some(100))), Some("token_limit"));
        assert_eq!(exhausted(share(0, None), share(90, Some(100))), Some("budget_limit"));
    }
}
