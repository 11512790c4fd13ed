//! Delivers notices: to a file, a program, an address. In the background, and never so slow that work waits for it.

use crate::execute::{end_group, start_notifier};
use stayhand_core::control::notice::{Notice, Notifier, Route};
use std::io::Write as _;
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an unfinished program is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Deliveries under way. Dropped, it waits for them.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl Delivery {
    /// Sends notices where they should go.
    pub(crate) fn send(&self, notifiers: &[Notifier], notices: Vec<Notice>) {
        if notices.is_empty() || notifiers.is_empty() {
            return;
        }
        let notifiers = notifiers.to_vec();
        let deliver = move || {
            for notice in &notices {
                for notifier in notifiers.iter().filter(|notifier| notice.severity >= notifier.at_least) {
                    if let Err(error) = deliver(&notifier.route, notice) {
                        complain(notice, &error);
                    }
                }
            }
        };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|thread| !thread.is_finished());
        match std::thread::Builder::new().name("notices".to_owned()).spawn(deliver) {
            Ok(thread) => running.push(thread),
            Err(error) => complain_all(&error),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let running = std::mem::take(self.running.get_mut().unwrap_or_else(PoisonError::into_inner));
        // A delivery ends by itself, at the latest after its patience.
        running.into_iter().for_each(|thread| drop(thread.join()));
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

#[expect(clippy::print_stderr, reason = "as above")]
fn complain_all(error: &std::io::Error) {
    eprintln!("[ALERTING_SUBSYSTEM] CRITICAL: nobody can be told of anything: {error}");
}

fn deliver(route: &Route, notice: &Notice) -> Result<(), String> {
    let json = serde_json::to_string(notice).map_err(|error| error.to_string())?;
    match route {
        Route::Log(path) => {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let written = file.as_mut().map_err(|error| format!("{path}: {error}"))?;
            written.write_all(format!("{json}\n").as_bytes()).map_err(|error| format!("{path}: {error}"))
        }
        Route::Command(words) => run(words, &json),
        Route::Webhook(url) => post(url, json),
    }
}

fn run(words: &[String], json: &str) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("no program is named")?;
    let told = |error: std::io::Error| format!("{program}: {error}");
    let mut child = start_notifier(program, arguments).map_err(told)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read what it is told is no error.
        drop(input.write_all(json.as_bytes()));
    }
    end_of(&mut child).map_err(|error| format!("{program}: {error}"))
}

fn end_of(child: &mut Child) -> Result<(), String> {
    let started = crate::clock::monotonic();
    while started.elapsed() < PATIENCE {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Ok(None) => std::thread::sleep(POLL),
            Err(error) => return Err(error.to_string()),
        }
    }
    end_group(child);
    drop(child.wait());
    Err(format!("it did not end within {} s", PATIENCE.as_secs()))
}

fn post(url: &str, json: String) -> Result<(), String> {
    let config = ureq::Agent::config_builder().max_redirects(0).timeout_global(Some(PATIENCE)).build();
    let agent = ureq::Agent::new_with_config(config);
    let sent = agent.post(url).header("content-type", "application/json").send(json);
    sent.map(drop).map_err(|error| error.to_string())
}
