//! The way out of a sandbox. One socket inside serves HTTP `CONNECT`, HTTP requests in absolute form, and SOCKS 5.

mod asked;
mod forward;
mod hello;
mod http;
mod meter;
mod opening;
mod relay;
mod socks;

pub use opening::{Credential, Opening, OpeningError, Roots};
use serde::Serialize;
use stayhand_core::decision::Obligation;
use stayhand_runtime::{Engine, Held, wire};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::Permissions;
use std::io::{self, PipeReader, Write as _};
use std::net::TcpListener as Inside;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The most connections at a time; further ones wait.
const MOST_CONNECTIONS: usize = 256;

/// How long whoever connects may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long connections may take to end by themselves once the program has.
const GRACE: Duration = Duration::from_secs(2);

/// The people who answer for a run.
pub trait People: fmt::Debug + Send + Sync {
    /// Brings a held connection before somebody. Whether it was granted. To be given up once `wanted` is false: then whoever asked is gone.
    fn answered(&self, held: &Held, wanted: &dyn Fn() -> bool) -> bool;

    /// Comes back when somebody may be asked: not while what runs is paused, unless `wanted` is false.
    fn while_paused(&self, wanted: &dyn Fn() -> bool);

    /// Told of each connection that was refused, and why.
    fn refused(&self, what: &str, why: &str);
}

/// What became of the connections of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Seen {
    /// By host and port.
    pub contacted: BTreeMap<String, Contacted>,
    /// What was refused, and why: the first fifty.
    pub refused: Vec<(String, String)>,
}

/// What was carried to and from one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Contacted {
    /// Connections, or requests of plain HTTP.
    pub connections: u64,
    /// Bytes to the host.
    pub sent: u64,
    /// Bytes from the host.
    pub received: u64,
}

/// What is kept of refusals; the log has all.
const MOST_REFUSED: usize = 50;

/// The proxy of one run.
pub struct Egress {
    shared: Arc<Shared>,
    /// What programs inside have to believe.
    bundle: Option<NamedTempFile>,
}

/// What all connections of a run have in common.
struct Shared {
    engine: Arc<Engine>,
    defaults: wire::Defaults,
    /// The duties of the permit for the run.
    duties: Vec<Obligation>,
    people: Arc<dyn People>,
    /// Which TLS is opened.
    opening: Opening,
    seen: Mutex<Seen>,
    /// Bytes that all connections have carried, out and in.
    carried: AtomicU64,
    /// The program has ended.
    over: AtomicBool,
    /// Questions that people are asked now.
    questions: AtomicUsize,
    /// Connections to servers that requests are sent over.
    driving: Mutex<JoinSet<()>>,
    /// Records that are being written.
    settling: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("session", &self.shared.defaults.session).finish_non_exhaustive()
    }
}

impl Egress {
    /// Decides with `engine`, for whom `defaults` name, within a permit that has these duties. TLS is carried as it is, but
    /// for what `opening` opens.
    pub fn new(
        engine: &Arc<Engine>,
        defaults: &wire::Defaults,
        duties: &[Obligation],
        people: Arc<dyn People>,
        opening: Opening,
    ) -> io::Result<Self> {
        let bundle = opening.bundle().map(readable_file).transpose()?;
        let shared = Arc::new(Shared {
            engine: Arc::clone(engine),
            defaults: defaults.clone(),
            duties: duties.to_vec(),
            people,
            opening,
            seen: Mutex::default(),
            carried: AtomicU64::new(0),
            over: AtomicBool::new(false),
            questions: AtomicUsize::new(0),
            driving: Mutex::default(),
            settling: Mutex::default(),
        });
        Ok(Self { shared, bundle })
    }

    /// What became of the connections so far.
    pub fn seen(&self) -> Seen {
        self.shared.seen().clone()
    }
}

impl stayhand_runtime::Egress for Egress {
    fn serve(&self, inside: Inside, over: PipeReader) {
        // One thread carries everything; what blocks (the log, names, people) is done beside it.
        let built = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let Ok(runtime) = built else { return };
        // An error ends it, and with it the program.
        let _ = runtime.block_on(serve(&self.shared, inside, over));
        self.shared.over.store(true, Ordering::Relaxed);
        // Somebody may still sit before a question.
        runtime.shutdown_timeout(GRACE);
    }

    fn believed(&self) -> Option<&Path> {
        self.bundle.as_ref().map(NamedTempFile::path)
    }
}

/// A file of certificates that everybody may read, for as long as it is held.
fn readable_file(text: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("stayhand-").suffix(".crt").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    Ok(file)
}

async fn serve(shared: &Arc<Shared>, inside: Inside, over: PipeReader) -> io::Result<()> {
    inside.set_nonblocking(true)?;
    let listener = TcpListener::from_std(inside)?;
    let over = pipe::Receiver::from_owned_fd(OwnedFd::from(over))?;
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Nothing is ever written there: it is at its end.
            _ = over.readable() => break,
            accepted = accept(&listener, &room) => {
                let Some((stream, place)) = accepted else { continue };
                let shared = Arc::clone(shared);
                connections.spawn(async move {
                    converse(stream, &shared).await;
                    drop(place);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    shared.over.store(true, Ordering::Relaxed);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(GRACE, all).await;
    // What is cut off is settled when it is dropped.
    connections.shutdown().await;
    let mut driving = std::mem::take(&mut *shared.driving.lock().unwrap_or_else(PoisonError::into_inner));
    driving.shutdown().await;
    let mut settling = std::mem::take(&mut *shared.settling());
    while settling.join_next().await.is_some() {}
    Ok(())
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(_) => {
            // It went away again, or every descriptor is in use: soon one will be free.
            sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// The first byte tells the protocols apart.
async fn converse(stream: TcpStream, shared: &Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    match timeout(PATIENCE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first == [socks::VERSION] => socks::converse(stream, shared).await,
        Ok(Ok(1)) => http::converse(stream, shared).await,
        _ => {}
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settling(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drives the connection that a request is sent over.
    fn drive(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let mut driving = self.driving.lock().unwrap_or_else(PoisonError::into_inner);
        while driving.try_join_next().is_some() {}
        driving.spawn(connection);
    }

    fn note_refusal(&self, what: &str, why: &str) {
        let (people, said) = (Arc::clone(&self.people), (what.to_owned(), why.to_owned()));
        // Somebody may be busy with a question; what is carried does not wait for that.
        drop(tokio::task::spawn_blocking(move || people.refused(&said.0, &said.1)));
        let mut seen = self.seen();
        if seen.refused.len() < MOST_REFUSED {
            seen.refused.push((what.to_owned(), why.to_owned()));
        }
    }

    fn note_contact(&self, host: &str, traffic: stayhand_core::event::Traffic) {
        let mut seen = self.seen();
        let contacted = seen.contacted.entry(host.to_owned()).or_default();
        contacted.connections += 1;
        contacted.sent += traffic.sent;
        contacted.received += traffic.received;
    }
}
