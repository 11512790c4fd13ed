//! Delivers notices: to a file, a program, an address. In the background, and never so slow that work waits for it.

use crate::execute::{end_group, start_notifier};
use stayhand_core::control::notice::{Notice, Notifier, Route};
use std::io::Write as _;
use std::process::Child;
use std::sync::mpsc::{SendError, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long notices are still begun to be delivered once nobody else has to be waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an unfinished program is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Delivers notices in their order, one at a time, on a thread that starts with the first one. Dropped, it waits for
/// what is under way, and for the rest no longer than [`PATIENCE`] allows.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    worker: Mutex<Option<Worker>>,
    /// Set when nobody may wait much longer.
    closed: Arc<OnceLock<Instant>>,
}

#[derive(Debug)]
struct Worker {
    queue: Sender<(Vec<Notifier>, Notice)>,
    thread: JoinHandle<()>,
}

impl Delivery {
    /// Sends notices where they should go.
    pub(crate) fn send(&self, notifiers: &[Notifier], notices: Vec<Notice>) {
        for notice in notices {
            let wanted: Vec<Notifier> =
                notifiers.iter().filter(|notifier| notifier.wants(&notice)).cloned().collect();
            if !wanted.is_empty() {
                self.queue(wanted, notice);
            }
        }
    }

    fn queue(&self, notifiers: Vec<Notifier>, notice: Notice) {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.is_none() {
            match Worker::start(Arc::clone(&self.closed)) {
                Ok(started) => *worker = Some(started),
                Err(error) => return complain(&notice, &error.to_string()),
            }
        }
        let Some(worker) = worker.as_ref() else { return };
        if let Err(SendError((_, notice))) = worker.queue.send((notifiers, notice)) {
            complain(&notice, "the thread that delivers has ended");
        }
    }
}

impl Worker {
    fn start(closed: Arc<OnceLock<Instant>>) -> std::io::Result<Self> {
        let (queue, waiting) = std::sync::mpsc::channel::<(Vec<Notifier>, Notice)>();
        let work = move || {
            for (notifiers, notice) in waiting {
                for notifier in notifiers {
                    let late = closed.get().is_some_and(|since| since.elapsed() > PATIENCE);
                    let told = if late { Err(LATE.to_owned()) } else { deliver(&notifier, &notice) };
                    if let Err(error) = told {
                        complain(&notice, &error);
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("notices".to_owned()).spawn(work)?;
        Ok(Self { queue, thread })
    }
}

/// Why a notice was not delivered any more.
const LATE: &str = "the program ended before its turn came";

impl Drop for Delivery {
    fn drop(&mut self) {
        self.closed.get_or_init(crate::clock::monotonic);
        let worker = self.worker.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Worker { queue, thread }) = worker {
            drop(queue);
            drop(thread.join());
        }
    }
}

/// T-04: a notice that nobody gets is itself worth a cry. It stays in the record.
#[expect(clippy::print_stderr, reason = "where else, when what should tell people is broken")]
fn complain(notice: &Notice, error: &str) {
    eprintln!(
        "[ALERTING_SUBSYSTEM] CRITICAL: nobody was told of `{}` ({}): {error}",
        notice.message, notice.about
    );
}

fn deliver(notifier: &Notifier, notice: &Notice) -> Result<(), String> {
    let within = Duration::from_secs(notifier.within_s);
    let json = serde_json::to_string(notice).map_err(|error| error.to_string())?;
    match &notifier.route {
        Route::Log(path) => {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let written = file.as_mut().map_err(|error| format!("{path}: {error}"))?;
            written.write_all(format!("{json}\n").as_bytes()).map_err(|error| format!("{path}: {error}"))
        }
        Route::Command(words) => run(words, &json, within),
        Route::Webhook(url) => post(url, json, within),
    }
}

fn run(words: &[String], json: &str, within: Duration) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("no program is named")?;
    let told = |error: std::io::Error| format!("{program}: {error}");
    let mut child = start_notifier(program, arguments).map_err(told)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read what it is told is no error.
        drop(input.write_all(format!("{json}\n").as_bytes()));
    }
    end_of(&mut child, within).map_err(|error| format!("{program}: {error}"))
}

fn end_of(child: &mut Child, within: Duration) -> Result<(), String> {
    let started = crate::clock::monotonic();
    while started.elapsed() < within {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Ok(None) => std::thread::sleep(POLL),
            Err(error) => return Err(error.to_string()),
        }
    }
    end_group(child);
    drop(child.wait());
    Err(format!("it did not end within {} s", within.as_secs()))
}

fn post(url: &str, json: String, within: Duration) -> Result<(), String> {
    let config = ureq::Agent::config_builder().max_redirects(0).timeout_global(Some(within)).build();
    let agent = ureq::Agent::new_with_config(config);
    let sent = agent.post(url).header("content-type", "application/json").send(json);
    sent.map(drop).map_err(|error| error.to_string())
}
