//! One HTTP connection of a client: requests in, replies out, and the way to a WebSocket.
//!
//! Bounds: a head of [`HEAD_BYTES_MAX`] and [`HEADERS_MAX`] headers within [`HEAD_TIME_MAX`], a body
//! of [`BODY_BYTES_MAX`] within [`BODY_TIME_MAX`]. What is more gets its status and the connection
//! ends.

use core::convert::Infallible;
use core::time::Duration;
use std::rc::Rc;

use dutchbook_book::catalog::VenueKind;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::super::door::{HttpReply, HttpRequest};
use super::{Shared, socket};

/// The longest head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The most headers.
pub const HEADERS_MAX: usize = 100;
/// The longest body.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long a head may take, and how long a connection may be idle between two requests.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a body may take.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(20);

type Answer = Response<Full<Bytes>>;

/// Serves requests until the client leaves, breaks a rule, or turns to WebSocket.
pub(super) async fn serve<S>(stream: S, shared: Rc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let shared = Rc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(request, shared).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // hyper has told the client what it did wrong; there is nobody else to tell.
    drop(connection.await);
}

async fn answer(mut request: Request<Incoming>, shared: Rc<Shared>) -> Answer {
    let headers = text_headers(request.headers());
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or("").to_owned();
    let method = request.method().clone();
    if method == Method::OPTIONS {
        return options();
    }
    // A reply to HEAD is that to GET; hyper leaves its body out.
    let method = if method == Method::HEAD { Method::GET } else { method };
    let asked = |body| HttpRequest {
        method: method.as_str(),
        path: &path,
        query: &query,
        headers: &headers,
        body,
    };
    let kind = shared.kind_of(&path);
    if is_upgrade(request.headers()) && method == Method::GET {
        return upgrade(&mut request, kind, &asked(&[]), shared);
    }
    let body = match read_body(request.into_body()).await {
        Ok(body) => body,
        Err(status) => return refuse(status),
    };
    let reply = shared.request(kind, &asked(&body));
    shared.wait_until(reply.ready_at).await;
    response(reply)
}

/// Headers whose values are text, names in lower case.
fn text_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&hyper::header::HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}

async fn read_body(body: Incoming) -> Result<Bytes, StatusCode> {
    // An announced length is believed: nothing of such a body is read.
    if body.size_hint().lower() > u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let whole = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIME_MAX, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_broken)) => Err(StatusCode::BAD_REQUEST),
        Err(_elapsed) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

fn response(reply: HttpReply) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A refusal after which the connection ends: what follows in it cannot be told apart.
fn refuse(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn options() -> Answer {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let allow = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS");
    headers.insert("access-control-allow-methods", allow.clone());
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    headers.insert("access-control-allow-headers", HeaderValue::from_static("*"));
    headers.insert("allow", allow);
    response
}

fn has_token(headers: &HeaderMap, name: hyper::header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, UPGRADE, "websocket") && has_token(headers, CONNECTION, "upgrade")
}

/// Turns to WebSocket where the venue agrees. What the client has sent behind its request stays in
/// the upgraded stream: nothing of it is lost.
fn upgrade(
    request: &mut Request<Incoming>,
    kind: VenueKind,
    asked: &HttpRequest<'_>,
    shared: Rc<Shared>,
) -> Answer {
    if request.headers().get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut response = refuse(StatusCode::UPGRADE_REQUIRED);
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return response;
    }
    let Some(accept) = request
        .headers()
        .get(SEC_WEBSOCKET_KEY)
        .and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok())
    else {
        return refuse(StatusCode::BAD_REQUEST);
    };
    let id = match shared.open(kind, asked) {
        Ok(id) => id,
        Err(reply) => return response(reply),
    };
    let upgraded = hyper::upgrade::on(request);
    tokio::task::spawn_local(async move {
        let end = socket::End::new(Rc::clone(&shared), kind, id);
        if let Ok(stream) = upgraded.await {
            socket::serve(TokioIo::new(stream), &end).await;
        }
    });
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}
