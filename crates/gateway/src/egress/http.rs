//! HTTP: `CONNECT` makes a tunnel; a request in absolute form is decided about with its method and URL, and carried on.

use super::asked::{Failed, Open, Wanted, connect, is_plain};
use super::meter::Way;
use super::{PATIENCE, Shared, relay};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::uri::{Scheme, Uri};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use stayhand_core::event::Outcome;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::net::TcpStream;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<BoxBody<Bytes, Failure>>;

/// A tunnel that begins once the client has its answer.
type Agreed = Mutex<Option<(Open, TcpStream, OnUpgrade)>>;

pub(super) async fn converse(stream: TcpStream, shared: &Arc<Shared>) {
    let agreed = Agreed::default();
    let service = service_fn(|request| answer(shared, &agreed, request));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    let agreed = agreed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let (Ok(()), Some((open, server, upgrade))) = (served, agreed)
        && let Ok(upgraded) = upgrade.await
        && let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>()
    {
        relay::tunnel(open, parts.io.into_inner(), &parts.read_buf, server).await;
    }
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
    Ok(answered.unwrap_or_else(|(status, why)| refusal(status, &why)))
}

type Refusal = (StatusCode, String);

impl From<Failed> for Refusal {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(why) => (StatusCode::FORBIDDEN, format!("refused: {why}")),
            Failed::Unreachable(why) => (StatusCode::BAD_GATEWAY, why),
        }
    }
}

fn refusal(status: StatusCode, why: &str) -> Answer {
    let text = Full::from(format!("stayhand: {why}\n")).map_err(|never| match never {}).boxed();
    let mut answer = Response::new(text);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer
}

fn bad(why: &str) -> Refusal {
    (StatusCode::BAD_REQUEST, why.to_owned())
}

/// Agrees on a tunnel.
async fn agree(
    shared: &Arc<Shared>,
    agreed: &Agreed,
    mut request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let target = request.uri().authority().filter(|target| target.port_u16().is_some());
    let target = target.map(|target| target.as_str().to_owned()).filter(|target| is_plain(target));
    let target = target.ok_or_else(|| bad("CONNECT wants `host:port`"))?;
    let (open, server) = connect(shared, Wanted::tunnel(&target)).await?;
    let upgrade = hyper::upgrade::on(&mut request);
    *agreed.lock().unwrap_or_else(PoisonError::into_inner) = Some((open, server, upgrade));
    Ok(Response::new(Full::default().map_err(|never| match never {}).boxed()))
}

/// Headers that are between two neighbours, and not carried on.
const BETWEEN_NEIGHBOURS: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn without_those_between_neighbours(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for name in named.iter().map(String::as_str).chain(BETWEEN_NEIGHBOURS.iter().copied()) {
        headers.remove(name);
    }
}

/// Sends one request to the host of its URL.
async fn carry_on(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Refusal> {
    let uri = request.uri();
    let authority = uri.authority().filter(|authority| is_plain(authority.as_str()));
    let (Some(authority), Some(scheme)) = (authority, uri.scheme()) else {
        return Err(bad("this is a proxy: it wants `CONNECT host:port` or a whole URL"));
    };
    if *scheme != Scheme::HTTP {
        return Err(bad("only `http:` is carried on; for TLS there is CONNECT"));
    }
    let wanted = Wanted { url: uri.to_string(), method: Some(request.method().to_string()) };
    let host = HeaderValue::from_str(authority.as_str()).map_err(|error| bad(&error.to_string()))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path: Uri = path.parse().map_err(|_| bad("the path of the URL is malformed"))?;
    let (open, server) = connect(shared, wanted).await?;
    let open = Arc::new(Mutex::new(open));
    let (mut head, body) = request.into_parts();
    head.uri = path;
    without_those_between_neighbours(&mut head.headers);
    // What was decided about is what the server is told.
    head.headers.insert(header::HOST, host);
    let request =
        Request::from_parts(head, Metered { body, way: Way::Out, open: Arc::clone(&open), is_last: false });
    let unreachable = |error: hyper::Error| (StatusCode::BAD_GATEWAY, error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(server)).await.map_err(unreachable)?;
    tokio::spawn(connection);
    let (mut head, body) = sender.send_request(request).await.map_err(unreachable)?.into_parts();
    without_those_between_neighbours(&mut head.headers);
    let body = Metered { body, way: Way::In, open, is_last: true };
    Ok(Response::from_parts(head, body.boxed()))
}

/// A body that is counted while it passes. With the last one the request is at its end.
struct Metered {
    body: Incoming,
    way: Way,
    open: Arc<Mutex<Open>>,
    is_last: bool,
}

impl Drop for Metered {
    /// Nobody asks for more of a body that is known to be at its end.
    fn drop(&mut self) {
        if self.is_last && self.body.is_end_stream() {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).end(Outcome::Done);
        }
    }
}

impl Body for Metered {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let count = frame.data_ref().map_or(0, Bytes::len);
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(exceeded) = open.meter.take(open.shared(), self.way, count) {
                let limit = format!("{} MiB of network", exceeded.0);
                open.end(Outcome::Stopped { limit: limit.clone() });
                return Poll::Ready(Some(Err(limit.into())));
            }
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
