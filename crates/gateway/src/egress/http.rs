//! HTTP as a proxy speaks it: `CONNECT` makes a tunnel, or opens the TLS in it; a request with a whole URL is carried on.

use super::asked::{Open, Wanted, connect, is_plain};
use super::forward::{Answer, Refusal, bad, body, forward, refusal};
use super::{PATIENCE, Shared, opening, relay};
use hyper::body::Incoming;
use hyper::http::uri::Scheme;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;

/// What follows once the client has its answer to `CONNECT`.
enum Next {
    Tunnel(Box<Open>, TcpStream),
    /// The host and port that the TLS has to be for.
    Open(String, u16),
}

type Agreed = Mutex<Option<(Next, OnUpgrade)>>;

pub(super) async fn converse(stream: TcpStream, shared: &Arc<Shared>) {
    let agreed = Agreed::default();
    let service = service_fn(|request| answer(shared, &agreed, request));
    let served = builder().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    let agreed = agreed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (Ok(()), Some((next, upgrade))) = (served, agreed) else { return };
    let Ok(upgraded) = upgrade.await else { return };
    match next {
        Next::Open(host, port) => opening::converse(TokioIo::new(upgraded), shared, &host, port).await,
        Next::Tunnel(open, server) => {
            if let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() {
                relay::tunnel(*open, parts.io.into_inner(), &parts.read_buf, server).await;
            }
        }
    }
}

/// A server of HTTP/1 that does not wait for ever for the head of a request.
pub(super) fn builder() -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder
}

async fn answer(
    shared: &Arc<Shared>,
    agreed: &Agreed,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let answered = if request.method() == Method::CONNECT {
        agree(shared, agreed, request).await
    } else {
        carry_on(shared, request).await
    };
    Ok(answered.unwrap_or_else(refusal))
}

/// Agrees on a tunnel.
async fn agree(
    shared: &Arc<Shared>,
    agreed: &Agreed,
    mut request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let target = request.uri().authority().filter(|target| is_plain(target.as_str())).cloned();
    let target = target.and_then(|target| Some((target.port_u16()?, target)));
    let (port, target) = target.ok_or_else(|| bad("CONNECT wants `host:port`"))?;
    let next = if let Some(host) = shared.opening.opens(target.host()) {
        Next::Open(host, port)
    } else {
        let (open, server) = connect(shared, Wanted::tunnel(target.as_str())).await?;
        Next::Tunnel(Box::new(open), server)
    };
    let upgrade = hyper::upgrade::on(&mut request);
    *agreed.lock().unwrap_or_else(PoisonError::into_inner) = Some((next, upgrade));
    Ok(Response::new(body(String::new())))
}

/// Sends one request to the host of its URL.
async fn carry_on(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Refusal> {
    let uri = request.uri();
    let authority = uri.authority().filter(|authority| is_plain(authority.as_str())).cloned();
    let (Some(authority), Some(scheme)) = (authority, uri.scheme()) else {
        return Err(bad("this is a proxy: it wants `CONNECT host:port` or a whole URL"));
    };
    if *scheme != Scheme::HTTP {
        return Err(bad("only `http:` is carried on; for TLS there is CONNECT"));
    }
    if authority.port_u16() == Some(opening::TLS_PORT) {
        return Err(bad("on the port of TLS nothing else is spoken"));
    }
    forward(shared, "http", authority.as_str(), request).await
}
