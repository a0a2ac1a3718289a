//! One connection to a venue's REST: bytes of a request out, a reply in, and the honest difference
//! between what certainly did not arrive and what may have.
//!
//! A request whose last byte was not accepted by the connection cannot be acted on: the venue waits
//! for the rest of it, which never comes. From the last byte on, nobody can tell.

use core::time::Duration;
use std::io;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::reply::{Replied, ReplyReader};
use crate::tls::TlsRoots;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// Where a venue's REST is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Whether it is spoken to through TLS.
    pub is_tls: bool,
    /// Its name or address.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// The address is no `http://` or `https://` address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no http:// or https:// address")]
pub struct NoHost(pub String);

impl Host {
    /// As it stands in the head of a request.
    #[must_use]
    pub fn authority(&self) -> String {
        let name = match self.name.contains(':') {
            true => format!("[{}]", self.name),
            false => self.name.clone(),
        };
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => name,
            (_, port) => format!("{name}:{port}"),
        }
    }

    /// The host of an address.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(address: &str) -> Result<Self, NoHost> {
        let refused = || NoHost(address.to_owned());
        let uri: hyper::Uri = address.parse().map_err(|_| refused())?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(refused()),
        };
        let authority = uri.authority().ok_or_else(refused)?;
        Ok(Self {
            is_tls,
            name: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
        })
    }
}

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the first packet to the end of the TLS handshake.
    pub(super) connect: Duration,
    /// From the first byte of a request to the last of its reply.
    pub(super) reply: Duration,
    /// Longest body.
    pub(super) body_bytes_max: usize,
}

#[derive(Debug)]
enum Pipe {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Pipe {
    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(room).await,
            Self::Tls(stream) => stream.read(room).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes).await,
            Self::Tls(stream) => stream.write(bytes).await,
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush().await,
            Self::Tls(stream) => stream.flush().await,
        }
    }
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exchanged {
    /// A whole reply; its body is [`Connection::body`].
    Replied(Replied),
    /// The request left; no whole reply came.
    Lost(String),
    /// Not all of the request left.
    NotSent(String),
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    pipe: Pipe,
    reader: ReplyReader,
    room: Box<[u8]>,
    patience: Patience,
}

impl Connection {
    /// Opens one.
    ///
    /// # Errors
    /// With the reason, in words.
    pub(super) async fn open(
        host: &Host,
        tls: &TlsRoots,
        patience: Patience,
    ) -> Result<Self, String> {
        let opening = async {
            let stream = TcpStream::connect((host.name.as_str(), host.port)).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(match host.is_tls {
                true => Pipe::Tls(Box::new(tls.connect(&host.name, stream).await?)),
                false => Pipe::Plain(stream),
            })
        };
        let Host { name, port, .. } = host;
        let pipe = match tokio::time::timeout(patience.connect, opening).await {
            Ok(Ok(pipe)) => pipe,
            Ok(Err(error)) => return Err(format!("cannot connect to {name}:{port}: {error}")),
            Err(_elapsed) => {
                let ms = patience.connect.as_millis();
                return Err(format!("no connection to {name}:{port} within {ms} ms"));
            }
        };
        let reader = ReplyReader::new(patience.body_bytes_max);
        let room = vec![0; READ_BYTES].into_boxed_slice();
        Ok(Self { pipe, reader, room, patience })
    }

    /// Waits while nothing is asked; returns when the venue ends the connection, or says what nobody
    /// has asked for. May be dropped at any time.
    pub(super) async fn ended(&mut self) -> String {
        match self.pipe.read(&mut self.room).await {
            Ok(0) => "closed by the venue".to_owned(),
            Ok(_) => "the venue spoke unasked".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Whether the venue has ended the connection already: what has come is looked at.
    pub(super) fn is_over(&mut self) -> bool {
        self.ended().now_or_never().is_some()
    }

    /// The body of the last reply.
    pub(super) fn body(&self) -> &[u8] {
        self.reader.body()
    }

    /// Sends a request and reads its reply. Unless it was answered and keeps alive, the connection
    /// must not be used again.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Exchanged {
        let mut written = 0;
        let limit = self.patience.reply;
        match tokio::time::timeout(limit, self.try_exchange(request, &mut written)).await {
            Ok(Ok(replied)) => Exchanged::Replied(replied),
            Ok(Err(reason)) if written < request.len() => Exchanged::NotSent(reason),
            Ok(Err(reason)) => Exchanged::Lost(reason),
            Err(_elapsed) => {
                let reason = format!("no whole reply within {} ms", limit.as_millis());
                match written < request.len() {
                    true => Exchanged::NotSent(reason),
                    false => Exchanged::Lost(reason),
                }
            }
        }
    }

    async fn try_exchange(
        &mut self,
        request: &[u8],
        written: &mut usize,
    ) -> Result<Replied, String> {
        let said = |error: io::Error| error.to_string();
        self.reader.reset();
        while let Some(rest) = request.get(*written..).filter(|rest| !rest.is_empty()) {
            match self.pipe.write(rest).await.map_err(said)? {
                0 => return Err("the connection takes nothing".to_owned()),
                count => *written = written.saturating_add(count),
            }
        }
        self.pipe.flush().await.map_err(said)?;
        loop {
            let count = self.pipe.read(&mut self.room).await.map_err(said)?;
            let taken = match count {
                0 => self.reader.end().map(Some),
                count => self.reader.take(self.room.get(..count).unwrap_or_default()),
            };
            if let Some(replied) = taken.map_err(|error| error.to_string())? {
                return Ok(replied);
            }
        }
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
