//! One WebSocket of a client: text in, frames out, until either side ends it.

use core::time::Duration;
use std::rc::Rc;

use dutchbook_book::catalog::VenueKind;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::super::venue::{CLIENT_TEXT_BYTES_MAX, Closed, SessionId};
use super::{Counted, Shared};

/// How often Kalshi pings, and with what.
const HEARTBEAT: (Duration, &[u8]) = (Duration::from_secs(10), b"heartbeat");
/// How long a client may take to read what is sent to it.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// A socket buffers this much before it writes, and reads this much at a time.
const BUFFER_BYTES: usize = 16 * 1024;

/// A session's end on the server; dropping it ends the session.
pub(super) struct End {
    shared: Rc<Shared>,
    kind: VenueKind,
    id: SessionId,
    waker: Rc<Notify>,
    /// The connection counts for as long as its session lives.
    _counted: Counted,
}

impl End {
    /// The end of a session that the venue has opened.
    pub(super) fn new(shared: Rc<Shared>, kind: VenueKind, id: SessionId) -> Self {
        let waker = Rc::new(Notify::new());
        shared.wakers.borrow_mut().insert(id, Rc::clone(&waker));
        let _counted = Counted::new(Rc::clone(&shared));
        Self { shared, kind, id, waker, _counted }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.shared.wakers.borrow_mut().remove(&self.id);
        self.shared.venues.borrow_mut().disconnect(self.id);
    }
}

/// Carries a session's text over a stream that has turned to WebSocket.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, end: &End) {
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(CLIENT_TEXT_BYTES_MAX))
        .max_frame_size(Some(CLIENT_TEXT_BYTES_MAX));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let code = match converse(&mut socket, end).await {
        // A fault, and a socket that is gone, end without a word.
        Ok(None) | Err(Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed) => return,
        Ok(Some(code)) => code,
        Err(Error::Capacity(_)) => CloseCode::Size,
        Err(Error::Utf8(_)) => CloseCode::Invalid,
        Err(_) => CloseCode::Protocol,
    };
    let word = CloseFrame { code, reason: "".into() };
    // Whether the client still listens is its own concern.
    drop(tokio::time::timeout(SEND_TIME_MAX, socket.close(Some(word))).await);
}

/// Goes on until the session ends; returns the code to close with, if any.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    end: &End,
) -> Result<Option<CloseCode>, Error> {
    let (period, payload) = HEARTBEAT;
    let mut heartbeat = tokio::time::interval(period);
    let mut frames = Vec::new();
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => end.shared.say(end.id, text.as_str()),
                Some(Ok(Message::Close(_))) | None => return Ok(Some(CloseCode::Normal)),
                // tungstenite has queued the answer to a ping; it leaves with the next flush.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
            },
            () = end.waker.notified() => {}
            _ = heartbeat.tick(), if end.kind == VenueKind::Kalshi => {
                send(socket, [Message::Ping(Bytes::from_static(payload))]).await?;
            }
        }
        let now = (end.shared.now)();
        end.shared.venues.borrow_mut().take_frames(end.id, now, &mut frames);
        send(socket, frames.drain(..).map(Message::text)).await?;
        let closed = end.shared.venues.borrow().closed(end.id);
        match closed {
            None => {}
            // A fault tears the connection without a word.
            Some(Closed::ByFault) => return Ok(None),
            Some(Closed::ByClient | Closed::ByVenue) => return Ok(Some(CloseCode::Normal)),
            Some(Closed::TooSlow) => return Ok(Some(CloseCode::Policy)),
            Some(Closed::TooLong) => return Ok(Some(CloseCode::Size)),
        }
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    messages: impl IntoIterator<Item = Message>,
) -> Result<(), Error> {
    let all = async {
        for message in messages {
            socket.feed(message).await?;
        }
        socket.flush().await
    };
    match tokio::time::timeout(SEND_TIME_MAX, all).await {
        Ok(done) => done,
        Err(_elapsed) => Err(Error::ConnectionClosed),
    }
}
