//! The people who answer what is held: at the terminal, or elsewhere.

use crate::{home, show};
use anstream::eprintln;
use anyhow::Context as _;
use stayhand_core::decision::Obligation;
use stayhand_gateway::{Credential, Egress, Opening, Roots};
use stayhand_runtime::wire::Defaults;
use stayhand_runtime::{Engine, Held, Terminal};
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the answer to an approval is looked for.
const POLL: Duration = Duration::from_millis(50);

/// Brings what is held before people, one at a time.
#[derive(Debug)]
pub(super) struct People {
    engine: Arc<Engine>,
    /// Whether to wait for people who answer elsewhere.
    wait: bool,
    /// One question at a time.
    asking: Mutex<()>,
    /// Whether nothing new starts for the time being.
    paused: Mutex<bool>,
    /// Told when that changes.
    goes_on: Condvar,
    /// How many wait for an answer.
    held: AtomicUsize,
    /// What was said last.
    last: Mutex<Option<String>>,
    /// The terminal that a program has meanwhile.
    terminal: Option<Terminal>,
}

impl People {
    pub(super) fn new(engine: &Arc<Engine>, wait: bool, terminal: Option<Terminal>) -> Self {
        Self {
            engine: Arc::clone(engine),
            wait,
            asking: Mutex::default(),
            paused: Mutex::default(),
            goes_on: Condvar::new(),
            held: AtomicUsize::new(0),
            last: Mutex::default(),
            terminal,
        }
    }

    /// Whether a person can be asked here and now.
    pub(super) fn are_here() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// From now on whatever asks waits, or does so no longer.
    pub(super) fn pause(&self, paused: bool) {
        *lock(&self.paused) = paused;
        self.goes_on.notify_all();
    }

    /// Waits while all is paused, unless nobody wants to know any more.
    pub(super) fn while_paused(&self, wanted: &dyn Fn() -> bool) {
        let mut paused = lock(&self.paused);
        while *paused && wanted() {
            paused = self.goes_on.wait_timeout(paused, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many wait for an answer.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// What was said last.
    pub(super) fn last(&self) -> Option<String> {
        lock(&self.last).clone()
    }

    /// Says something, also where a program has the terminal.
    pub(super) fn say(&self, line: &str) {
        *lock(&self.last) = line.lines().next().map(|line| line.trim_start_matches("stayhand: ").to_owned());
        let speak = || eprintln!("{line}");
        match &self.terminal {
            Some(terminal) => terminal.tell(speak),
            None => speak(),
        }
    }

    /// Asks at the terminal, or waits for an answer from elsewhere for as long as somebody wants to know. Whether it was
    /// granted.
    pub(super) fn answered(&self, held: &Held, wanted: &dyn Fn() -> bool) -> anyhow::Result<bool> {
        self.held.fetch_add(1, Ordering::Relaxed);
        let answer = self.bring(held, wanted);
        self.held.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    /// Asks at the terminal. What it is about and the question are shown together, and nothing comes between them.
    pub(super) fn asked(
        &self,
        about: &str,
        question: &str,
        wanted: &dyn Fn() -> bool,
    ) -> anyhow::Result<bool> {
        let _asking = lock(&self.asking);
        let ask = || {
            eprintln!("{about}");
            ask_while(question, wanted)
        };
        match &self.terminal {
            Some(terminal) => terminal.ask(ask),
            None => ask(),
        }
    }

    fn bring(&self, held: &Held, wanted: &dyn Fn() -> bool) -> anyhow::Result<bool> {
        let id = held.approval;
        let what = show::line(&super::check::describe(&held.request), 200);
        let notice = format!(
            "stayhand: held: {what}\n  {}\nheld as {id} until {}; answer with: stayhand approvals approve {id}",
            held.decision.why(),
            held.expires
        );
        if self.wait || !Self::are_here() {
            self.say(&notice);
        }
        if self.wait {
            return Ok(self.engine.wait_for(held, POLL, wanted)?);
        }
        if !Self::are_here() {
            return Ok(false);
        }
        let by = home::person();
        let granted = self.asked(&notice, &format!("approve as {by}? [y/N] "), wanted)?;
        if !wanted() {
            return Ok(false);
        }
        self.engine.resolve(id, &by, granted, "answered at the terminal")?;
        Ok(granted)
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl stayhand_gateway::People for People {
    fn answered(&self, held: &Held, wanted: &dyn Fn() -> bool) -> bool {
        Self::answered(self, held, wanted).unwrap_or_else(|error| {
            self.say(&format!("stayhand: {error:#}"));
            false
        })
    }

    fn while_paused(&self, wanted: &dyn Fn() -> bool) {
        Self::while_paused(self, wanted);
    }

    fn refused(&self, what: &str, why: &str) {
        self.say(&format!("stayhand: refused: connection to {what}: {why}"));
    }
}

/// The way out of a sandbox under the policy in force, for whoever `defaults` name.
pub(super) fn egress(
    engine: &Arc<Engine>,
    defaults: &Defaults,
    duties: &[Obligation],
    people: Arc<People>,
) -> anyhow::Result<Arc<Egress>> {
    let policy = engine.policy();
    let grants = policy.sandbox();
    let held = grants.credentials.iter().filter_map(|source| Some((source, home::variable(&source.from)?)));
    let credentials = held.map(|(source, value)| {
        Credential::new(&source.host, &source.header, &format!("{}{value}", source.prefix))
            .with_context(|| format!("the variable {}", source.from))
    });
    let credentials: Vec<_> = credentials.collect::<Result<_, _>>()?;
    let opening = if grants.opens_any_tls() || !credentials.is_empty() {
        let opens = Arc::clone(&policy);
        Opening::new(move |host| opens.sandbox().opens_tls_to(host), credentials, Roots::System)?
    } else {
        Opening::none()
    };
    Ok(Arc::new(Egress::new(engine, defaults, duties, people, opening)?))
}

/// Asks a question that only `y` or `yes` answers with yes.
pub(super) fn ask(question: &str) -> anyhow::Result<bool> {
    ask_while(question, &|| true)
}

/// The same; nobody answers it once nobody wants to know.
fn ask_while(question: &str, wanted: &dyn Fn() -> bool) -> anyhow::Result<bool> {
    // What was typed before the question is no answer to it.
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
    let mut stderr = std::io::stderr();
    write!(stderr, "{question}")?;
    stderr.flush()?;
    while !home::is_typed(POLL)? {
        if !wanted() {
            writeln!(stderr, "\nnobody waits for this any more")?;
            return Ok(false);
        }
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}
