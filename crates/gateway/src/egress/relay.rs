//! A tunnel: carries bytes both ways, once the client has said nothing else than what was decided about.

use super::asked::Open;
use super::hello::{First, Hello};
use super::meter::{Exceeded, Way};
use super::opening::TLS_PORT;
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
                may_say(&open.host, open.port, found).map_err(Cut::Refused)?;
                break;
            }
        }
        if first.len() > MOST_OF_HELLO {
            return Err(Cut::Refused("its first message is too long".to_owned()));
        }
        let count = client.read(&mut buffer).await?;
        if count == 0 && !first.is_empty() {
            may_say(&open.host, open.port, First::More).map_err(Cut::Refused)?;
        }
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
fn may_say(host: &str, port: u16, first: First) -> Result<(), String> {
    let is_address = host.parse::<IpAddr>().is_ok();
    match first {
        First::Tls(Some(name)) if name.trim_end_matches('.').eq_ignore_ascii_case(host) => Ok(()),
        First::Tls(Some(name)) => Err(format!("its TLS is for {name} and not for {host}")),
        // An address has no name to ask for.
        First::Tls(None) if is_address => Ok(()),
        First::Tls(None) => Err("its TLS does not say for which host it is".to_owned()),
        First::Other if port != TLS_PORT => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};
    use std::sync::Arc;

    /// The first message of a client that asks for `host`, or does not say for which.
    fn hello(host: &str, says_so: bool) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        config.enable_sni = says_so;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let mut bytes = Vec::new();
        ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut bytes).unwrap();
        bytes
    }

    /// As it is read in pieces of this size.
    fn first(bytes: &[u8], piece: usize) -> First {
        let mut hello = Hello::default();
        let pieces = bytes.chunks(piece).enumerate();
        let mut found = pieces.map(|(number, piece)| hello.read(piece, number == 0));
        found.find(|found| *found != First::More).unwrap_or(First::More)
    }

    /// Escape 46: whoever tunnels to one host and asks for another behind it gets neither.
    #[test]
    fn escape_46_bypass_55_tls_for_another_host() {
        let check = |host: &str, port, bytes: &[u8], may: bool| {
            for piece in [1, 7, bytes.len()] {
                let said = may_say(host, port, first(bytes, piece));
                assert_eq!(said.is_ok(), may, "{host}:{port} in pieces of {piece}: {said:?}");
            }
        };
        let a = hello("a.test", true);
        check("a.test", 443, &a, true);
        check("a.test", 8443, &a, true);
        check("b.test", 443, &a, false);
        check("b.test", 8443, &a, false);
        check("test", 443, &a, false);
        check("a.test", 443, &hello("A.Test", true), true);
        // Who does not say for which host it is, where there is a name to say.
        check("a.test", 443, &hello("a.test", false), false);
        check("192.0.2.1", 443, &hello("192.0.2.1", true), true);
        check("192.0.2.1", 443, &a, false);
        // What is not TLS, or only begins so.
        check("a.test", 443, b"SSH-2.0-x", false);
        check("a.test", 22, b"SSH-2.0-x", true);
        check("a.test", 8443, &[22, 3, 1, 0, 5, 1, 0, 0, 1, 0], false);
        check("a.test", 8443, &a[..a.len() - 1], false);
    }
}
