//! Signals that ask this process to end, and the kill switch pulled by one.

use crate::engine::Engine;
use crate::orders::OrderError;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{Order, SwitchMoved};

/// A signal that asks this process to end: SIGHUP, SIGINT or SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Termination(i32);

impl Termination {
    /// Whether a person has typed Ctrl-C, or somebody does as if.
    pub const fn is_interrupt(self) -> bool {
        self.0 == SIGINT
    }

    /// The order that everything stops. The sentence is fixed (A009).
    pub(crate) fn order(self) -> SwitchMoved {
        let reason = format!("Received signal {}", self.0);
        SwitchMoved { scope: Scope::All, order: Order::Kill, by: "signal".to_owned(), reason }
    }

    /// Ends this process as the signal does where nobody handles it.
    pub fn end(self) -> ! {
        // For these signals it does not come back; should it, the process ends all the same.
        let _ = emulate_default_handler(self.0);
        std::process::exit(128 + self.0)
    }
}

/// Calls the function, from a thread of its own, for each signal that asks this process to end. From now on such a
/// signal ends it only where [`Termination::end`] is called. Handlers that were set before run as well.
pub fn on_termination(mut handle: impl FnMut(Termination) + Send + 'static) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let listen = move || signals.forever().for_each(|number| handle(Termination(number)));
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(())
}

impl Engine {
    /// Pulls the kill switch for everything because of a signal. Where it is pulled already this changes nothing.
    pub fn kill_for(&self, signal: Termination) -> Result<(), OrderError> {
        match self.order(signal.order()) {
            Err(OrderError::Nowhere { .. }) => Ok(()),
            other => other,
        }
    }
}
