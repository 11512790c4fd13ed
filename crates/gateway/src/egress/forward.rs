//! Carries one request on: decided with its method and URL, to the host of its URL, without what is between neighbours.

use super::Shared;
use super::asked::{Failed, Open, Wanted, connect};
use super::meter::Way;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::uri::Uri;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use stayhand_core::event::Outcome;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Answer = Response<BoxBody<Bytes, Failure>>;

/// What is said in the place of the server's answer.
pub(super) type Refusal = (StatusCode, String);

impl From<Failed> for Refusal {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(why) => (StatusCode::FORBIDDEN, format!("refused: {why}")),
            Failed::Unreachable(why) => (StatusCode::BAD_GATEWAY, why),
        }
    }
}

pub(super) fn bad(why: &str) -> Refusal {
    (StatusCode::BAD_REQUEST, why.to_owned())
}

pub(super) fn refusal((status, why): Refusal) -> Answer {
    let mut answer = Response::new(body(format!("stayhand: {why}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer
}

pub(super) fn body(text: String) -> BoxBody<Bytes, Failure> {
    Full::from(text).map_err(|never| match never {}).boxed()
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

/// Sends a request on. `scheme` and `authority` name the server; the request's own say nothing.
pub(super) async fn forward(
    shared: &Arc<Shared>,
    scheme: &str,
    authority: &str,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
        // A server would say back what the program is not to see.
        return Err((StatusCode::METHOD_NOT_ALLOWED, format!("{} is not carried on", request.method())));
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let url = format!("{scheme}://{authority}{path}");
    let wanted = Wanted { url, method: request.method().to_string() };
    let host = HeaderValue::from_str(authority).map_err(|error| bad(&error.to_string()))?;
    let path: Uri = path.parse().map_err(|_| bad("the path of the URL is malformed"))?;
    let (open, server) = connect(shared, wanted).await?;
    let (mut head, body) = request.into_parts();
    head.uri = path;
    without_those_between_neighbours(&mut head.headers);
    // What was decided about is what the server is told.
    head.headers.insert(header::HOST, host);
    let unreachable = |error: String| (StatusCode::BAD_GATEWAY, error);
    let size = head.uri.path().len() + head.uri.query().map_or(0, str::len) + size_of_head(&head.headers);
    let mut open = open;
    take_head(&mut open, Way::Out, size)?;
    let stream = if scheme == "https" {
        shared.opening.add_credentials(&open.host, &mut head.headers);
        let tls = shared.opening.connect(&open.host, server).await.map_err(unreachable)?;
        Box::new(tls) as Box<dyn Stream>
    } else {
        Box::new(server)
    };
    let open = Arc::new(Mutex::new(open));
    let metered = Metered { body, way: Way::Out, open: Arc::clone(&open), is_last: false };
    let unreachable = |error: hyper::Error| unreachable(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    shared.drive(async move { drop(connection.await) });
    let sent = sender.send_request(Request::from_parts(head, metered)).await;
    let (mut head, body) = sent.map_err(unreachable)?.into_parts();
    let size = size_of_head(&head.headers);
    take_head(&mut open.lock().unwrap_or_else(PoisonError::into_inner), Way::In, size)?;
    without_those_between_neighbours(&mut head.headers);
    let body = Metered { body, way: Way::In, open, is_last: true };
    Ok(Response::from_parts(head, body.boxed()))
}

/// What a head takes on the wire, about.
fn size_of_head(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

/// Counts a head, or ends the request.
fn take_head(open: &mut Open, way: Way, size: usize) -> Result<(), Refusal> {
    open.meter.take(open.shared(), way, size).map_err(|exceeded| {
        let limit = format!("{} MiB of network", exceeded.0);
        open.end(Outcome::Stopped { limit: limit.clone() });
        (StatusCode::FORBIDDEN, format!("stopped: {limit}"))
    })
}

/// A connection to a server.
trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for T {}

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
        if matches!(polled, Poll::Ready(None)) && self.is_last {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).end(Outcome::Done);
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
