//! HTTP/1.1 to one venue host over one warm connection: bounded replies, time-outs, a rate budget, and
//! retries where repeating is harmless.
//!
//! Only `GET` is repeated: what a lost `POST` did is unknown, and its sender must find out. A reply
//! that says *later* (425, 429, 5xx) is tried again after a jittered, growing pause, or after what
//! `Retry-After` asks for. A host is never asked faster than its budget, retries included.

use core::fmt;
use core::time::Duration;
use std::io;
use std::sync::mpsc::Sender;

use dutchbook_book::Nanos;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONTENT_TYPE, DATE, HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::pace::{Backoff, Budget, Jitter};
use crate::tls::TlsRoots;

/// What a client allows itself and its venue.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// From the first packet to the end of the TLS handshake.
    pub connect_max: Duration,
    /// From the request to the end of the reply.
    pub reply_max: Duration,
    /// A longer body is refused.
    pub body_bytes_max: usize,
    /// Times that a `GET` is sent at most.
    pub attempts_max: u32,
    /// First and longest pause between two of them.
    pub pauses: [Duration; 2],
    /// Requests a second.
    pub per_s: u32,
    /// Requests at once.
    pub burst: u32,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect_max: Duration::from_secs(5),
            reply_max: Duration::from_secs(10),
            body_bytes_max: 16 << 20,
            attempts_max: 4,
            pauses: [Duration::from_millis(200), Duration::from_secs(10)],
            per_s: 20,
            burst: 20,
        }
    }
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is none.
    #[error("{address} is no http:// or https:// address")]
    Address {
        /// What was given.
        address: String,
    },
    /// No connection.
    #[error("cannot connect to {host}: {source}")]
    Connect {
        /// Whereto.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The connection broke, or what came was no HTTP.
    #[error("{host} broke off: {source}")]
    Broken {
        /// Who.
        host: String,
        /// Why.
        source: hyper::Error,
    },
    /// Too slow.
    #[error("no whole reply from {host} within {} ms", limit.as_millis())]
    Slow {
        /// Who.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// Too long, or cut.
    #[error("the reply of {host} is longer than {limit} bytes, or cut")]
    Body {
        /// Who.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// A header, a path or a body of ours that HTTP cannot carry.
    #[error("a request to {host} cannot be sent: {source}")]
    Request {
        /// Whereto.
        host: String,
        /// Why.
        source: hyper::http::Error,
    },
}

/// A whole reply.
#[derive(Clone, Debug)]
pub struct HttpReply {
    /// Its status.
    pub status: u16,
    /// What the venue asks us to wait.
    pub retry_after: Option<Duration>,
    /// Its `Date`, for the skew of clocks.
    pub date: Option<String>,
    /// Its body.
    pub body: Bytes,
}

impl HttpReply {
    /// Whether it is a success.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// Whether the venue will answer later.
    #[must_use]
    pub const fn is_later(&self) -> bool {
        matches!(self.status, 425 | 429 | 500 | 502 | 503 | 504)
    }

    /// The first line of the body, short enough for a message.
    #[must_use]
    pub fn said(&self) -> String {
        let text = String::from_utf8_lossy(self.body.get(..SAID_BYTES_MAX).unwrap_or(&self.body));
        text.lines().next().unwrap_or_default().to_owned()
    }
}

/// How much of a body a message shows.
const SAID_BYTES_MAX: usize = 200;
/// `Retry-After` is believed up to this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// Who we say that we are.
const AGENT: &str = concat!("dutchbook/", env!("CARGO_PKG_VERSION"));

/// Counts since the client was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpCounts {
    /// Requests sent.
    pub requests: u64,
    /// Requests that were repeats.
    pub retries: u64,
    /// Connections made.
    pub connects: u64,
    /// Replies that were too long, too slow or broken.
    pub failures: u64,
    /// Bytes of bodies.
    pub bytes: u64,
}

/// Where a host is.
#[derive(Clone, Debug)]
struct Base {
    is_tls: bool,
    host: String,
    port: u16,
    /// What `Host` says.
    authority: String,
    /// Goes before every path, without a slash at its end.
    prefix: String,
}

impl Base {
    fn parse(address: &str) -> Result<Self, HttpError> {
        let refused = || HttpError::Address { address: address.to_owned() };
        let uri: Uri = address.parse().map_err(|_| refused())?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(refused()),
        };
        let authority = uri.authority().ok_or_else(refused)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self {
            is_tls,
            host,
            port,
            authority: authority.as_str().to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

/// Headers of one request beside those that every request has.
pub type Headers = Vec<(String, String)>;

/// Answers requests without a socket: what a simulated venue in the same thread does.
pub struct Answerer(Box<Answer>);

/// From method, full path and body to a reply.
type Answer = dyn FnMut(&Method, &str, &[u8]) -> HttpReply + Send;

impl Answerer {
    /// An answerer that asks this function with method, full path and body.
    #[must_use]
    pub fn new(answer: impl FnMut(&Method, &str, &[u8]) -> HttpReply + Send + 'static) -> Self {
        Self(Box::new(answer))
    }
}

impl fmt::Debug for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answerer")
    }
}

/// A reply as it was heard, for those who keep them.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When it was there.
    pub at: Nanos,
    /// Who was asked.
    pub host: String,
    /// What was asked, as the host sees it.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The answer's body.
    pub body: Bytes,
}

/// A client of one host.
#[derive(Debug)]
pub struct HttpClient {
    base: Base,
    tls: TlsRoots,
    clock: Clock,
    limits: HttpLimits,
    budget: Budget,
    backoff: Backoff,
    connection: Option<SendRequest<Full<Bytes>>>,
    /// Who answers instead of the host.
    answerer: Option<Answerer>,
    /// Who keeps the replies.
    keeper: Option<Sender<Heard>>,
    counts: HttpCounts,
}

impl HttpClient {
    /// A client; it connects with its first request.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(
        address: &str,
        tls: TlsRoots,
        clock: Clock,
        limits: HttpLimits,
    ) -> Result<Self, HttpError> {
        let jitter = Jitter::new(clock.now().0);
        let [first, last] = limits.pauses;
        Ok(Self {
            base: Base::parse(address)?,
            tls,
            clock,
            limits,
            budget: Budget::new(limits.per_s, limits.burst),
            backoff: Backoff::new(first, last, jitter),
            connection: None,
            answerer: None,
            keeper: None,
            counts: HttpCounts::default(),
        })
    }

    /// The same client, answered in this thread: no connection, no time, no budget.
    #[must_use]
    pub fn answered_by(mut self, answerer: Answerer) -> Self {
        self.answerer = Some(answerer);
        self
    }

    /// Hands every reply to a keeper, too.
    pub fn keep_with(&mut self, keeper: Sender<Heard>) {
        self.keeper = Some(keeper);
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.base.host
    }

    /// The path of a request as the host sees it; what a signature covers.
    #[must_use]
    pub fn full_path(&self, path: &str) -> String {
        format!("{}{path}", self.base.prefix)
    }

    /// What was counted.
    #[must_use]
    pub const fn counts(&self) -> HttpCounts {
        self.counts
    }

    /// Asks for a path below the client's address, again and again within its limits. `headers` is
    /// called for every attempt, so that stamps are fresh.
    ///
    /// # Errors
    /// When the last attempt has no whole reply; a reply of any status is a success here.
    pub async fn get(
        &mut self,
        path: &str,
        headers: impl Fn(Nanos) -> Headers,
    ) -> Result<HttpReply, HttpError> {
        self.backoff.reset();
        let mut attempt = 1;
        loop {
            let headers = headers(self.clock.now());
            let outcome = self.send(&Method::GET, path, &headers, Bytes::new()).await;
            let wants_more = match &outcome {
                Ok(reply) => reply.is_later(),
                // What is too long once is too long again.
                Err(
                    HttpError::Address { .. } | HttpError::Request { .. } | HttpError::Body { .. },
                ) => false,
                Err(_) => true,
            };
            if !wants_more || attempt >= self.limits.attempts_max {
                return outcome;
            }
            let asked = outcome.ok().and_then(|reply| reply.retry_after);
            let pause = self.backoff.next_pause();
            tokio::time::sleep(asked.map_or(pause, |asked| asked.max(pause))).await;
            attempt += 1;
            self.counts.retries += 1;
        }
    }

    /// Sends one request once.
    ///
    /// # Errors
    /// When there is no whole reply; what the request did is then unknown.
    pub async fn send(
        &mut self,
        method: &Method,
        path: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<HttpReply, HttpError> {
        if let Some(answerer) = &mut self.answerer {
            self.counts.requests += 1;
            let path = format!("{}{path}", self.base.prefix);
            let reply = (answerer.0)(method, &path, &body);
            self.counts.bytes += reply.body.len() as u64;
            return Ok(reply);
        }
        let wait = self.budget.take(self.clock.now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let limit = self.limits.reply_max;
        self.counts.requests += 1;
        let exchange = self.exchange(method, path, headers, body);
        let outcome = match tokio::time::timeout(limit, exchange).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(HttpError::Slow { host: self.base.host.clone(), limit }),
        };
        match &outcome {
            Ok(reply) => {
                self.counts.bytes += reply.body.len() as u64;
                if let Some(keeper) = &self.keeper {
                    let heard = Heard {
                        at: self.clock.now(),
                        host: self.base.host.clone(),
                        path: format!("{}{path}", self.base.prefix),
                        status: reply.status,
                        body: reply.body.clone(),
                    };
                    // A keeper that is gone keeps nothing more.
                    let _kept = keeper.send(heard).is_ok();
                }
            }
            Err(_) => {
                // Half a reply may be under way on it.
                self.connection = None;
                self.counts.failures += 1;
            }
        }
        outcome
    }

    async fn exchange(
        &mut self,
        method: &Method,
        path: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<HttpReply, HttpError> {
        let request = self.request(method, path, headers, body)?;
        let mut connection = match self.connection.take() {
            Some(warm) if warm.is_ready() => warm,
            Some(_) | None => self.connect().await?,
        };
        let broken = |source| HttpError::Broken { host: self.base.host.clone(), source };
        let reply = connection.send_request(request).await.map_err(broken)?;
        let (head, body) = reply.into_parts();
        let limit = self.limits.body_bytes_max;
        let body = match Limited::new(body, limit).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(HttpError::Body { host: self.base.host.clone(), limit });
            }
            Err(_cut) => return Err(HttpError::Body { host: self.base.host.clone(), limit }),
        };
        self.connection = Some(connection);
        Ok(HttpReply {
            status: head.status.as_u16(),
            retry_after: retry_after(&head.headers, head.status),
            date: text(&head.headers, DATE.as_str()).map(str::to_owned),
            body,
        })
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.full_path(path))
            .header(HOST, &self.base.authority)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, AGENT);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let refused = |source| HttpError::Request { host: self.base.host.clone(), source };
        request.body(Full::new(body)).map_err(refused)
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>, HttpError> {
        self.counts.connects += 1;
        let failed = |source| HttpError::Connect { host: self.base.host.clone(), source };
        let address = (self.base.host.as_str(), self.base.port);
        let limit = self.limits.connect_max;
        let slow = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
        let open = async {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            Ok::<_, io::Error>(socket)
        };
        let opened = tokio::time::timeout(limit, open).await;
        let socket = opened.map_err(|_| failed(slow()))?.map_err(failed)?;
        let broken = |source| HttpError::Broken { host: self.base.host.clone(), source };
        if self.base.is_tls {
            let shaken = self.tls.connect(&self.base.host, socket);
            let shaken = tokio::time::timeout(limit, shaken).await;
            let socket = shaken.map_err(|_| failed(slow()))?.map_err(failed)?;
            let (sender, connection) = handshake(TokioIo::new(socket)).await.map_err(broken)?;
            drop(tokio::spawn(connection));
            Ok(sender)
        } else {
            let (sender, connection) = handshake(TokioIo::new(socket)).await.map_err(broken)?;
            drop(tokio::spawn(connection));
            Ok(sender)
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Seconds that the venue asks us to wait; a date instead of a number is not believed.
fn retry_after(headers: &HeaderMap, status: StatusCode) -> Option<Duration> {
    if status.is_success() {
        return None;
    }
    let secs = text(headers, RETRY_AFTER.as_str())?.trim().parse().ok()?;
    Some(Duration::from_secs(secs).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests;
