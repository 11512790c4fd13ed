//! A connection as an action: decided before it is made, settled when it ends.

use super::Shared;
use super::meter::Meter;
use serde_json::json;
use stayhand_core::decision::Level;
use stayhand_core::event::Outcome;
use stayhand_core::facts::HostUse;
use stayhand_runtime::wire::{self, Parsed, WireAction};
use stayhand_runtime::{Engine, Permit, Stopwatch, Verdict};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long one address is tried.
const PER_ADDRESS: Duration = Duration::from_secs(10);

/// The most addresses of a name that are tried.
const MOST_ADDRESSES: usize = 8;

/// What a program inside wants to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// `host:port`, or the URL of one request.
    pub(super) url: String,
    /// The method of that request. That of a tunnel, in which anything can be said, is `CONNECT`.
    pub(super) method: String,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    /// It may not be.
    Refused(String),
    /// The other side cannot be reached.
    Unreachable(String),
}

/// A permitted connection, to its end.
pub(super) struct Open {
    shared: Arc<Shared>,
    /// `None`: it is settled.
    permit: Option<Permit>,
    since: Stopwatch,
    pub(super) meter: Meter,
    /// The host and port that were judged.
    pub(super) host: String,
    pub(super) port: u16,
    outcome: Outcome,
}

/// Whether a host or `host:port` is written so that all read it alike: nothing to decode, no user, no blanks.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']')
        })
}

impl Wanted {
    pub(super) fn tunnel(host_and_port: &str) -> Self {
        Self { url: host_and_port.to_owned(), method: "CONNECT".to_owned() }
    }

    fn parsed(&self, defaults: &wire::Defaults) -> Result<Parsed, String> {
        let input = json!({ "url": self.url, "method": self.method });
        wire::to_request(WireAction::new("connect", input), defaults).map_err(|error| error.to_string())
    }
}

/// A permit that nobody has taken over yet: it is given back if nobody does.
struct Pending {
    engine: Arc<Engine>,
    permit: Option<Permit>,
}

impl Pending {
    fn take(mut self) -> Option<Permit> {
        self.permit.take()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            // What cannot be recorded stays open, and is in doubt.
            let _ = self.engine.abandon(permit, "nobody waits for the connection any more");
        }
    }
}

/// False once whoever asked does not wait any more.
#[derive(Debug)]
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Decides about a connection, and makes it if it may be.
pub(super) async fn connect(shared: &Arc<Shared>, wanted: Wanted) -> Result<(Open, TcpStream), Failed> {
    let waits = Waiting(Arc::new(AtomicBool::new(true)));
    let (asking, asked) = (Arc::clone(shared), Arc::clone(&waits.0));
    let what = wanted.url.clone();
    let answer = spawn_blocking(move || permitted(&asking, &wanted, &asked)).await;
    let answer = answer.unwrap_or_else(|_| Err("the decision failed".to_owned()));
    let open = answer.and_then(|(pending, host)| {
        let permit = pending.take().ok_or_else(|| "the permit is gone".to_owned())?;
        Open::new(shared, permit, &host)
    });
    let (mut open, addresses) = match open {
        Ok(open) => open,
        Err(why) => {
            shared.note_refusal(&what, &why);
            return Err(Failed::Refused(why));
        }
    };
    match dial(&addresses).await {
        Ok(stream) => Ok((open, stream)),
        Err(why) => {
            open.end(Outcome::Failed { error: why.clone() });
            Err(Failed::Unreachable(why))
        }
    }
}

/// The permit, and the host that was judged, or why there is none.
fn permitted(shared: &Shared, wanted: &Wanted, waits: &AtomicBool) -> Result<(Pending, HostUse), String> {
    let engine = &shared.engine;
    let is_wanted = || waits.load(Ordering::Relaxed) && !shared.over.load(Ordering::Relaxed);
    let ask = || wanted.parsed(&shared.defaults);
    let answered = |held: &stayhand_runtime::Held| {
        let place = Question::of(&shared.questions);
        let granted = place.is_some() && is_wanted() && shared.people.answered(held, &is_wanted);
        shared.people.while_paused(&is_wanted);
        Ok(granted)
    };
    shared.people.while_paused(&is_wanted);
    let permit = match engine.authorize_asking(ask, answered, |error| error.to_string())? {
        Verdict::Permitted(permit) => permit,
        Verdict::Held(held) => return Err(format!("held as {}: {}", held.approval, held.decision.why())),
        Verdict::Refused(refused) => return Err(refused.decision.why()),
    };
    let mut hosts = permit.facts().operations.iter().flat_map(|op| &op.hosts);
    // Namespaces are demanded of whatever has a way out.
    let unkept = match (hosts.next().cloned(), hosts.next()) {
        (Some(host), None) => match permit.unkept_inside(Level::L2, &shared.duties) {
            None => {
                let engine = Arc::clone(engine);
                return Ok((Pending { engine, permit: Some(permit) }, host));
            }
            Some(unkept) => unkept,
        },
        _ => "it is not clear which host that is".to_owned(),
    };
    engine.abandon(permit, &unkept).map_err(|error| error.to_string())?;
    Err(unkept)
}

/// The most questions that people are asked at a time; what comes beyond is refused.
const MOST_QUESTIONS: usize = 16;

/// A place among the questions.
struct Question<'a>(&'a AtomicUsize);

impl<'a> Question<'a> {
    fn of(questions: &'a AtomicUsize) -> Option<Self> {
        // Counted before it is looked at; dropping it gives the place back, whether it was one or not.
        let before = questions.fetch_add(1, Ordering::Relaxed);
        let place = Self(questions);
        (before < MOST_QUESTIONS).then_some(place)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut last = "the name has no address".to_owned();
    for address in addresses {
        match timeout(PER_ADDRESS, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = format!("{address}: {error}"),
            Err(_) => last = format!("{address}: no answer in {} s", PER_ADDRESS.as_secs()),
        }
    }
    Err(last)
}

impl Open {
    /// With the addresses that were judged, the only ones that are ever connected to.
    fn new(shared: &Arc<Shared>, permit: Permit, host: &HostUse) -> Result<(Self, Vec<SocketAddr>), String> {
        let meter = Meter::new(permit.obligations());
        let port = host.port.unwrap_or_default();
        let judged: Vec<IpAddr> = host.to_dial();
        let addresses = judged.into_iter().take(MOST_ADDRESSES).map(|ip| SocketAddr::new(ip, port)).collect();
        let open = Self {
            shared: Arc::clone(shared),
            since: shared.engine.clock().start(),
            permit: Some(permit),
            meter,
            host: host.host.clone(),
            port,
            outcome: Outcome::Failed { error: "it was cut off".to_owned() },
        };
        if port == 0 {
            return Err("it names no port".to_owned());
        }
        Ok((open, addresses))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Records how it ended.
    pub(super) fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
        self.settle();
    }

    fn settle(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let traffic = self.meter.traffic();
        let carried = traffic.sent + traffic.received > 0;
        if carried || !matches!(self.outcome, Outcome::Failed { .. }) {
            self.shared.note_contact(&format!("{}:{}", self.host, self.port), traffic);
        }
        let (shared, outcome, took) = (Arc::clone(&self.shared), self.outcome.clone(), self.since.elapsed());
        // The log's disk is waited for beside everything else. What cannot be recorded stays open, and is in doubt.
        let settle = {
            let shared = Arc::clone(&shared);
            move || drop(shared.engine.settle_traffic(permit, outcome, took, traffic))
        };
        let mut settling = shared.settling();
        while settling.try_join_next().is_some() {}
        settling.spawn_blocking(settle);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.settle();
    }
}
