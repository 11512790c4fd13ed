//! SOCKS 5 (RFC 1928), as far as it opens connections: no authentication, which the socket itself is.

use super::asked::{Failed, Wanted, connect, is_plain};
use super::{PATIENCE, Shared, opening, relay};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(super) const VERSION: u8 = 5;

const CONNECT: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const NONE_ACCEPTABLE: u8 = 0xff;

/// What is answered to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Reply {
    Succeeded = 0,
    NotAllowed = 2,
    Unreachable = 4,
    NoSuchCommand = 7,
    NoSuchAddress = 8,
}

pub(super) async fn converse(mut stream: TcpStream, shared: &Arc<Shared>) {
    let wanted = match timeout(PATIENCE, request(&mut stream)).await {
        Ok(Ok(Ok(wanted))) => wanted,
        Ok(Ok(Err(reply))) => return answer(&mut stream, reply).await,
        _ => return,
    };
    if let Some((host, port)) =
        wanted.url.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)))
        && let Some(host) = shared.opening.opens(host)
    {
        answer(&mut stream, Reply::Succeeded).await;
        return opening::converse(stream, shared, &host, port).await;
    }
    let connected = tokio::select! {
        connected = connect(shared, wanted) => connected,
        () = gone(&stream) => return,
    };
    match connected {
        Ok((open, server)) => {
            answer(&mut stream, Reply::Succeeded).await;
            relay::tunnel(open, stream, &[], server).await;
        }
        Err(Failed::Refused(_)) => answer(&mut stream, Reply::NotAllowed).await,
        Err(Failed::Unreachable(_)) => answer(&mut stream, Reply::Unreachable).await,
    }
}

/// Waits until whoever asked is gone. What it says early is no sign of that.
async fn gone(stream: &TcpStream) {
    if !matches!(stream.peek(&mut [0]).await, Ok(0) | Err(_)) {
        std::future::pending::<()>().await;
    }
}

/// With an address of nothing: where the connection comes from is nobody's business.
async fn answer(stream: &mut TcpStream, reply: Reply) {
    // Whoever is gone needs no answer.
    let _ = stream.write_all(&[VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await;
}

/// What is wanted, or what to say instead.
async fn request(stream: &mut TcpStream) -> io::Result<Result<Wanted, Reply>> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    if stream.read_u8().await? != VERSION {
        return Err(malformed());
    }
    let mut methods = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut methods).await?;
    if !methods.contains(&NO_AUTHENTICATION) {
        stream.write_all(&[VERSION, NONE_ACCEPTABLE]).await?;
        return Err(malformed());
    }
    stream.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [VERSION, command, 0, kind] = head else { return Err(malformed()) };
    let host = match kind {
        1 => Ipv4Addr::from_bits(stream.read_u32().await?).to_string(),
        4 => format!("[{}]", Ipv6Addr::from_bits(stream.read_u128().await?)),
        3 => {
            let mut name = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut name).await?;
            match String::from_utf8(name) {
                Ok(name) if is_plain(&name) && !name.contains([':', '[', ']']) => name,
                _ => return Ok(Err(Reply::NoSuchAddress)),
            }
        }
        _ => return Ok(Err(Reply::NoSuchAddress)),
    };
    let port = stream.read_u16().await?;
    if command != CONNECT {
        return Ok(Err(Reply::NoSuchCommand));
    }
    Ok(Ok(Wanted::tunnel(&format!("{host}:{port}"))))
}
