//! A tunnel: carries bytes both ways, once the client has said nothing else than what was decided about.

use super::asked::Open;
use super::hello::{First, Hello};
use super::meter::{Exceeded, Way};
use stayhand_core::event::Outcome;
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// Bytes that are carried at a time.
const CHUNK: usize = 128 * 1024;

/// The most bytes of a first message that is looked at.
const MOST_OF_HELLO: usize = 64 * 1024;

/// The port on which nothing but TLS is spoken.
const TLS_PORT: u16 = 443;

/// Why a tunnel ended before its time.
#[derive(Debug)]
enum Cut {
    Broken(io::Error),
    Refused(String),
    Exceeded(Exceeded),
}

impl From<io::Error> for Cut {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Exceeded> for Cut {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

/// Carries everything between both. `said` is what the client has said already.
pub(super) async fn tunnel(mut open: Open, mut client: TcpStream, said: &[u8], mut server: TcpStream) {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let done = {
        let outwards = carry_out(&open, from_client, said, to_server);
        let inwards = carry(&open, Way::In, from_server, to_client);
        tokio::try_join!(outwards, inwards).map(|_| ())
    };
    let outcome = match done {
        Ok(()) => Outcome::Done,
        // Whoever has heard enough goes away without a word.
        Err(Cut::Broken(error)) if is_departure(&error) => Outcome::Done,
        Err(Cut::Broken(error)) => Outcome::Failed { error: error.to_string() },
        Err(Cut::Refused(why)) => {
            open.shared().note_refusal(&format!("{}:{}", open.host, open.port), &why);
            Outcome::Failed { error: why }
        }
        Err(Cut::Exceeded(Exceeded(limit))) => Outcome::Stopped { limit: format!("{limit} MiB of network") },
    };
    open.end(outcome);
}

fn is_departure(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// What the client says, after its first message was looked at. The server may speak first meanwhile.
async fn carry_out(
    open: &Open,
    mut client: ReadHalf<'_>,
    said: &[u8],
    mut server: WriteHalf<'_>,
) -> Result<(), Cut> {
    let mut first = said.to_vec();
    let mut hello = Hello::default();
    let mut looked_at = 0;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let news = first.get(looked_at..).unwrap_or_default();
        if !news.is_empty() {
            let found = hello.read(news, looked_at == 0);
            looked_at = first.len();
            if found != First::More {
                may_say(open, found).map_err(Cut::Refused)?;
                break;
            }
        }
        if first.len() > MOST_OF_HELLO {
            return Err(Cut::Refused("its first message is too long".to_owned()));
        }
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        first.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    open.meter.take(open.shared(), Way::Out, first.len())?;
    server.write_all(&first).await?;
    drop((first, buffer));
    carry(open, Way::Out, client, server).await
}

/// Whether what a client begins with is for the host that it named.
fn may_say(open: &Open, first: First) -> Result<(), String> {
    let is_address = open.host.parse::<IpAddr>().is_ok();
    match first {
        First::Tls(Some(name)) if name.trim_end_matches('.').eq_ignore_ascii_case(&open.host) => Ok(()),
        First::Tls(Some(name)) => Err(format!("its TLS is for {name} and not for {}", open.host)),
        // An address has no name to ask for.
        First::Tls(None) if is_address => Ok(()),
        First::Tls(None) => Err("its TLS does not say for which host it is".to_owned()),
        First::Other if open.port != TLS_PORT => Ok(()),
        First::Other => Err(format!("it does not speak TLS on port {TLS_PORT}")),
        First::More | First::Malformed => Err("its TLS is malformed".to_owned()),
    }
}

/// Carries one way, to the end of what is said.
async fn carry(open: &Open, way: Way, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Cut> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(to.shutdown().await?);
        }
        open.meter.take(open.shared(), way, count)?;
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
    }
}
