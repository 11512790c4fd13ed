//! What a person can do while a program runs: see how it stands, pause it, end it.

use super::super::people::People;
use super::gatekeeper::Gatekeeper;
use super::spent;
use crate::show;
use stayhand_gateway::Egress;
use stayhand_runtime::{Attendant, Engine, Stop, Stopwatch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Attends to a run.
pub(super) struct Attends {
    pub(super) engine: Arc<Engine>,
    pub(super) session: String,
    pub(super) people: Arc<People>,
    pub(super) gatekeeper: Arc<Gatekeeper>,
    pub(super) egress: Option<Arc<Egress>>,
    pub(super) stop: Stop,
    pub(super) running: Stopwatch,
    /// Whether a person was called and has not answered yet.
    pub(super) asks: AtomicBool,
}

/// The longest line that says how it stands, in letters.
const WIDTH: usize = 160;

impl Attends {
    /// Pauses what runs, says how it stands and asks whether to go on. Called once more meanwhile, it ends it.
    pub(super) fn call(&self) {
        if self.asks.swap(true, Ordering::Relaxed) {
            self.stop.now("an interrupt");
            return;
        }
        self.people.pause(true);
        let about = format!("stayhand: paused: {}", self.standing());
        let wanted = || self.stop.runs() && !self.stop.is_asked();
        // Whoever cannot answer did not want it to go on.
        let goes_on = self.people.asked(&about, "go on? [y/N] ", &wanted).unwrap_or(false);
        // It may have come to its end meanwhile.
        if !goes_on && self.stop.runs() {
            self.stop.now("a person at the terminal");
        }
        self.people.pause(false);
        self.asks.store(false, Ordering::Relaxed);
    }

    fn standing(&self) -> String {
        let programs = self.gatekeeper.seen();
        let network = self.egress.as_ref().map(|egress| egress.seen()).unwrap_or_default();
        let started: u64 = programs.started.values().sum();
        let refused = programs.refused.len() + network.refused.len();
        let seconds = self.running.elapsed().as_secs();
        let mut line =
            format!("{seconds} s, {started} programs, {} hosts, {refused} refused", network.contacted.len());
        let held = self.people.held();
        if held > 0 {
            line += &format!(", {held} held");
        }
        if let Some(spent) = spent::of_budget(&self.engine, &self.session) {
            line += &format!(", {spent}");
        }
        if let Some(last) = self.people.last() {
            line += &format!("; {last}");
        }
        show::line(&line, WIDTH)
    }
}

impl Attendant for Attends {
    fn status(&self) -> String {
        format!("stayhand: {}", self.standing())
    }

    fn called(&self) {
        self.call();
    }
}
