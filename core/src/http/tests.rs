//! The client against small servers that answer well, late, too much, or not at all.

use super::*;
use core::cell::Cell;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the server does with the n-th request.
#[derive(Clone, Copy)]
enum Does {
    Say(&'static str),
    Endless,
    Nothing,
    Close,
}

fn limits() -> HttpLimits {
    HttpLimits {
        connect_max: Duration::from_secs(2),
        reply_max: Duration::from_millis(300),
        body_bytes_max: 64 * 1024,
        attempts_max: 3,
        pauses: [Duration::from_millis(1), Duration::from_millis(4)],
        per_s: 1_000,
        burst: 1_000,
    }
}

/// Serves a script on loopback and runs a test against it.
fn against<F: Future<Output = ()>>(
    script: &'static [Does],
    test: impl FnOnce(HttpClient, Rc<Cell<usize>>) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/base/", listener.local_addr().unwrap());
        let served = Rc::new(Cell::new(0));
        tokio::task::spawn_local(serve(listener, script, Rc::clone(&served)));
        let tls = TlsRoots::public().unwrap();
        let client = HttpClient::new(&address, tls, Clock::new(), limits()).unwrap();
        test(client, served).await;
    });
}

async fn serve(listener: TcpListener, script: &'static [Does], served: Rc<Cell<usize>>) {
    loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while let Ok(read) = socket.read_buf(&mut request).await {
            if read == 0 {
                break;
            }
            if !request.windows(4).any(|end| end == b"\r\n\r\n") {
                continue;
            }
            let text = String::from_utf8_lossy(&request);
            assert!(text.starts_with("GET /base/x?y=1 HTTP/1.1\r\n"), "{text}");
            assert!(text.to_ascii_lowercase().contains("x-stamp: "), "{text}");
            request.clear();
            let does = script[served.get().min(script.len() - 1)];
            served.set(served.get() + 1);
            if !answer(&mut socket, does).await {
                break;
            }
        }
    }
}

async fn answer(socket: &mut TcpStream, does: Does) -> bool {
    match does {
        Does::Say(text) => socket.write_all(text.as_bytes()).await.is_ok(),
        Does::Nothing => {
            tokio::time::sleep(Duration::from_secs(2)).await;
            false
        }
        Does::Close => false,
        Does::Endless => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut open = socket.write_all(head.as_bytes()).await.is_ok();
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            while open {
                open = socket.write_all(chunk.as_bytes()).await.is_ok();
            }
            false
        }
    }
}

fn stamp(now: Nanos) -> Headers {
    vec![("X-Stamp".to_owned(), now.0.to_string())]
}

const GOOD: Does = Does::Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: now\r\n\r\n[]");
const LATER: Does = Does::Say("HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n");

#[test]
fn one_connection_serves_many_requests() {
    against(&[GOOD], |mut client, _| async move {
        for _ in 0..5 {
            let reply = client.get("/x?y=1", stamp).await.unwrap();
            assert!(reply.is_ok() && reply.body == "[]" && reply.date.as_deref() == Some("now"));
        }
        let counts = client.counts();
        assert_eq!((counts.requests, counts.connects, counts.bytes), (5, 1, 10));
    });
}

#[test]
fn a_venue_that_says_later_is_asked_again_within_bounds() {
    against(&[LATER, LATER, GOOD], |mut client, served| async move {
        assert_eq!(client.get("/x?y=1", stamp).await.unwrap().status, 200);
        assert_eq!((served.get(), client.counts().retries), (3, 2));
    });
    against(&[LATER], |mut client, served| async move {
        assert_eq!(client.get("/x?y=1", stamp).await.unwrap().status, 425);
        assert_eq!(served.get(), 3);
    });
}

#[test]
fn a_refusal_is_not_repeated() {
    const NO: Does = Does::Say("HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nno\n!");
    against(&[NO], |mut client, served| async move {
        let reply = client.get("/x?y=1", stamp).await.unwrap();
        assert_eq!((reply.status, reply.said().as_str(), served.get()), (400, "no", 1));
    });
}

#[test]
fn a_closed_connection_is_opened_anew() {
    against(&[GOOD, Does::Close, GOOD], |mut client, _| async move {
        assert!(client.get("/x?y=1", stamp).await.unwrap().is_ok());
        assert!(client.get("/x?y=1", stamp).await.unwrap().is_ok());
        assert_eq!(client.counts().connects, 2);
    });
}

#[test]
fn endless_and_silent_replies_are_refused_and_bounded() {
    against(&[Does::Endless], |mut client, served| async move {
        let error = client.get("/x?y=1", stamp).await.unwrap_err();
        assert!(matches!(error, HttpError::Body { limit: 65_536, .. }), "{error}");
        assert_eq!(served.get(), 1, "what is too long once is too long again");
    });
    against(&[Does::Nothing], |mut client, _| async move {
        let error = client.get("/x?y=1", stamp).await.unwrap_err();
        assert!(error.to_string().contains("no whole reply"), "{error}");
        assert_eq!(client.counts().failures, 3);
    });
    const JUNK: Does = Does::Say("\u{1}\u{2}not http\r\n\r\n");
    against(&[JUNK], |mut client, _| async move {
        assert!(matches!(client.get("/x?y=1", stamp).await, Err(HttpError::Broken { .. })));
    });
}

#[test]
fn addresses_are_checked() {
    for address in ["", "clob.polymarket.com", "ftp://x", "http://"] {
        let tls = TlsRoots::public().unwrap();
        let client = HttpClient::new(address, tls, Clock::new(), HttpLimits::default());
        assert!(matches!(client, Err(HttpError::Address { .. })), "{address}");
    }
    let base = Base::parse("https://h:8/trade-api/v2/").unwrap();
    assert_eq!((base.is_tls, base.port, base.prefix.as_str()), (true, 8, "/trade-api/v2"));
    assert_eq!(Base::parse("https://h").unwrap().port, 443);
}
