//! The loopback endpoint of the kill switch: `POST /kill` pulls it, `GET /kill` tells how it stands.
//!
//! A pull needs the header `X-Dutchbook: kill`: a web page in a browser of this machine can send a
//! `POST` to any loopback port, but not with such a header.

use core::convert::Infallible;
use core::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::super::kill::{KillCause, KillSwitch};

/// How long one caller may take.
const CALL_MAX: Duration = Duration::from_secs(2);
/// The header of a pull, and its value.
const HEADER: (&str, &str) = ("x-dutchbook", "kill");

/// Serves one caller after the other, for ever; without a listener it waits for ever.
pub(super) async fn serve(listener: Option<TcpListener>, switch: KillSwitch) {
    let Some(listener) = listener else { return core::future::pending().await };
    loop {
        // One that cannot be accepted (no file descriptors left) is not the last.
        let Ok((socket, _peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Whoever is slow or speaks no HTTP is left.
        let _served = tokio::time::timeout(CALL_MAX, one(socket, &switch)).await;
    }
}

async fn one(socket: TcpStream, switch: &KillSwitch) -> Result<(), hyper::Error> {
    let service =
        service_fn(|request| async move { Ok::<_, Infallible>(answer(&request, switch)) });
    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(socket), service).await
}

fn answer(request: &Request<Incoming>, switch: &KillSwitch) -> Response<Full<Bytes>> {
    let is_meant = request
        .headers()
        .get(HEADER.0)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(HEADER.1.as_bytes()));
    match (request.method(), request.uri().path(), is_meant) {
        (&Method::GET, "/kill", _) => reply(StatusCode::OK, &state(switch)),
        (&Method::POST, "/kill", true) => {
            switch.pull(KillCause::Endpoint);
            reply(StatusCode::ACCEPTED, &state(switch))
        }
        (&Method::POST, "/kill", false) => {
            let said = serde_json::json!({ "error": "send the header X-Dutchbook: kill" });
            reply(StatusCode::FORBIDDEN, &said)
        }
        _ => {
            let said = serde_json::json!({ "error": "GET or POST /kill" });
            reply(StatusCode::NOT_FOUND, &said)
        }
    }
}

fn state(switch: &KillSwitch) -> serde_json::Value {
    let cause = switch.cause().map(KillCause::name);
    serde_json::json!({ "killed": cause.is_some(), "cause": cause })
}

fn reply(status: StatusCode, said: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from(format!("{said}\n"))));
    *reply.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    reply.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    reply
}
