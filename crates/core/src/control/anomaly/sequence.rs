//! How surprising is the order of an agent's tools? A Markov model of the first order.

use super::moments::Fading;
use serde::{Deserialize, Serialize};

/// Tools are told apart by so many slots; two tools may share one.
const SLOTS: usize = 12;

/// Surprises from which the usual one is known.
const WARM_UP: u32 = 50;

/// So many surprises are remembered before they fade.
const MEMORY: u32 = 500;

/// Added to every count, so that nothing is impossible.
const PRIOR: f64 = 0.5;

/// The weight of the newest surprise in the running mean: a single odd step is no pattern (K143).
const WEIGHT: f64 = 0.2;

/// Which tool followed which, how often, and how surprising that usually is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sequence {
    follows: [[u8; SLOTS]; SLOTS],
    last: Option<u8>,
    running: f32,
    usual: Fading,
}

impl Sequence {
    /// How far the running surprise would be above the usual one, in standard deviations (at least a tenth of a
    /// natural unit of information); zero below it and while too little is known.
    pub(super) fn judge(&self, tool: u64) -> f64 {
        if self.usual.count() < WARM_UP {
            return 0.0;
        }
        let away = self.with(tool) - self.usual.mean();
        (away / self.usual.deviation().max(0.1)).max(0.0)
    }

    /// Learns that this tool came next.
    pub(super) fn learn(&mut self, tool: u64) {
        if self.last.is_some() {
            self.running = self.with(tool) as f32;
            self.usual.push(self.running.into(), MEMORY);
        }
        let slot = slot(tool);
        let row = self.last.and_then(|last| self.follows.get_mut(usize::from(last)));
        if let Some(row) = row {
            if row.get(slot) == Some(&u8::MAX) {
                row.iter_mut().for_each(|count| *count /= 2);
            }
            if let Some(count) = row.get_mut(slot) {
                *count += 1;
            }
        }
        self.last = u8::try_from(slot).ok();
    }

    /// The running surprise if this tool came next.
    fn with(&self, tool: u64) -> f64 {
        let before = f64::from(self.running);
        before + WEIGHT * (self.surprise(tool) - before)
    }

    /// −ln of the chance that this tool follows the last one.
    fn surprise(&self, tool: u64) -> f64 {
        let row = self.last.and_then(|last| self.follows.get(usize::from(last)));
        let Some(row) = row else { return libm::log(SLOTS as f64) };
        let total: f64 = row.iter().map(|count| f64::from(*count) + PRIOR).sum();
        let count = row.get(slot(tool)).copied().unwrap_or_default();
        libm::log(total / (f64::from(count) + PRIOR))
    }
}

const fn slot(tool: u64) -> usize {
    (tool % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::super::seen::number;
    use super::*;

    fn tool(name: &str) -> u64 {
        number(b't', name)
    }

    /// An agent that works in threes, and with every `odd`th step in between looks something up.
    fn usual(odd: usize) -> Sequence {
        let mut sequence = Sequence::default();
        for n in 0..600 {
            let usual = ["read_file", "edit_file", "bash"].get(n % 3).copied().unwrap_or_default();
            let next = tool(if n % odd == odd - 1 { "fetch" } else { usual });
            assert!(sequence.judge(next) < 4.0, "{n}");
            sequence.learn(next);
        }
        sequence
    }

    /// How unusual each step is when the agent does nothing but this.
    fn only(mut sequence: Sequence, name: &str) -> Vec<f64> {
        let step = |_| {
            let far = sequence.judge(tool(name));
            sequence.learn(tool(name));
            far
        };
        (0..8).map(step).collect()
    }

    /// K143: the same tools in the usual order are no surprise, nor is a single one out of order where that happens now and
    /// then; in another mix they are, the more the longer it lasts.
    #[test]
    fn k143_another_mix_of_actions() {
        for odd in [10, usize::MAX] {
            let judged = only(usual(odd), "fetch");
            assert!(judged[0] < judged[1] && judged[1] > 5.0, "{odd}: {judged:?}");
        }
    }
}
