//! The thread that reads lines: from a file that grows, the standard input, or a loopback socket.

use core::time::Duration;
use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use dutchbook_book::catalog::Listing;

use super::{Dispatch, NewsDesk};
use crate::tile::steer::Steering;

/// The longest line; a log with 64 KiB of data fits.
const LINE_BYTES_MAX: usize = 256 << 10;
/// Bytes of one read.
const READ_BYTES: usize = 64 << 10;
/// How long a read of a socket waits, and a file that has no more is left alone.
const STEP: Duration = Duration::from_millis(10);
/// Until a socket that was closed is opened again.
const AGAIN: Duration = Duration::from_millis(500);
/// Reasons that are kept; all are counted.
const TROUBLE_MAX: u64 = 16;

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The standard input.
    Input,
    /// A file: what it holds, and what is written behind that.
    File(PathBuf),
    /// A socket on this machine that sends lines.
    Socket(SocketAddr),
}

impl core::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" {
            return Ok(Self::Input);
        }
        let Some(address) = text.strip_prefix("tcp://") else { return Ok(Self::File(text.into())) };
        let address: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
        if address.ip().is_loopback() {
            Ok(Self::Socket(address))
        } else {
            // Whoever can send lines can move money: only this machine's own programs.
            Err(format!("{address} is not on this machine; use 127.0.0.1 and a tunnel"))
        }
    }
}

/// What was heard.
#[derive(Debug, Default)]
pub struct NewsCounts {
    lines: AtomicU64,
    words: AtomicU64,
    passed_over: AtomicU64,
    refused: AtomicU64,
}

impl NewsCounts {
    /// Name and value of each.
    #[must_use]
    pub fn list(&self) -> [(&'static str, u64); 4] {
        // Relaxed: figures for reports.
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("lines", of(&self.lines)),
            ("words", of(&self.words)),
            ("passed_over", of(&self.passed_over)),
            ("refused", of(&self.refused)),
        ]
    }
}

/// The running thread.
#[derive(Debug)]
pub struct Running {
    counts: Arc<NewsCounts>,
    trouble: Receiver<String>,
    listed: Sender<Listing>,
    /// Dropped, it ends the thread. One that waits for the standard input ends with the process.
    _stop: Sender<()>,
}

/// What was heard, and what was not understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Name and value of each count.
    pub counts: Vec<(&'static str, u64)>,
    /// Lines that said nothing, with the reasons, oldest first.
    pub trouble: Vec<String>,
}

/// Starts the thread.
///
/// # Errors
/// When the file cannot be opened, or the system refuses a thread.
pub fn start(place: Place, desk: NewsDesk, steering: Steering) -> io::Result<Running> {
    let counts = Arc::new(NewsCounts::default());
    let (stop, stopped) = channel();
    let (teller, trouble) = channel();
    let (listed, appeared) = channel();
    let mut thread = Thread {
        desk,
        appeared,
        steering,
        counts: Arc::clone(&counts),
        trouble: teller,
        line: Vec::new(),
        is_too_long: false,
        stopped,
    };
    let opened = match &place {
        Place::File(path) => Some(File::open(path)?),
        Place::Input | Place::Socket(_) => None,
    };
    let body = move || match (place, opened) {
        (Place::Socket(address), _) => thread.follow_socket(address),
        (_, Some(file)) => thread.follow_file(file),
        (Place::Input | Place::File(_), None) => thread.follow_input(),
    };
    drop(std::thread::Builder::new().name("news".to_owned()).spawn(body)?);
    Ok(Running { counts, trouble, listed, _stop: stop })
}

impl Running {
    /// Where to say that a market is listed now: lines that come later may speak of it.
    #[must_use]
    pub fn listed(&self) -> Sender<Listing> {
        self.listed.clone()
    }

    /// What was heard so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        Heard { counts: self.counts.list().to_vec(), trouble: self.trouble.try_iter().collect() }
    }
}

struct Thread {
    desk: NewsDesk,
    /// Markets that are listed since the start.
    appeared: Receiver<Listing>,
    steering: Steering,
    counts: Arc<NewsCounts>,
    trouble: Sender<String>,
    line: Vec<u8>,
    is_too_long: bool,
    stopped: Receiver<()>,
}

impl Thread {
    /// Waits; false when it is over.
    fn pause(&self, span: Duration) -> bool {
        matches!(self.stopped.recv_timeout(span), Err(RecvTimeoutError::Timeout))
    }

    fn follow_file(&mut self, mut file: File) {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => {
                    if !self.pause(STEP) {
                        return;
                    }
                }
                Ok(count) => self.take(buffer.get(..count).unwrap_or_default()),
                Err(error) => return self.complain(&error.to_string()),
            }
        }
    }

    fn follow_input(&mut self) {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match io::stdin().lock().read(&mut buffer) {
                Ok(0) => return self.take(b"\n"),
                Ok(count) => self.take(buffer.get(..count).unwrap_or_default()),
                Err(error) => return self.complain(&error.to_string()),
            }
        }
    }

    fn follow_socket(&mut self, address: SocketAddr) {
        loop {
            // What was cut off belongs to the connection before.
            self.line.clear();
            self.is_too_long = false;
            let ended = TcpStream::connect(address).and_then(|stream| self.follow_stream(stream));
            match ended {
                Ok(false) => return,
                Ok(true) => self.complain(&format!("{address} has closed; opened again")),
                Err(error) => self.complain(&format!("{address}: {error}")),
            }
            if !self.pause(AGAIN) {
                return;
            }
        }
    }

    /// Takes lines until the other side closes (true) or all is over (false).
    fn follow_stream(&mut self, mut stream: TcpStream) -> io::Result<bool> {
        stream.set_read_timeout(Some(STEP))?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(count) => self.take(buffer.get(..count).unwrap_or_default()),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) =>
                {
                    if !self.pause(Duration::ZERO) {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes bytes; whole lines are said.
    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (body, is_whole) = match part.split_last() {
                Some((b'\n', body)) => (body, true),
                Some(_) | None => (part, false),
            };
            self.is_too_long |= self.line.len() + body.len() > LINE_BYTES_MAX;
            if !self.is_too_long {
                self.line.extend_from_slice(body);
            }
            if is_whole {
                self.say();
                self.line.clear();
                self.is_too_long = false;
            }
        }
    }

    fn say(&mut self) {
        let line = core::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let is_empty = text.trim().is_empty() && !self.is_too_long;
        if is_empty {
            self.line = line;
            return;
        }
        // Relaxed: figures for reports.
        let number = self.counts.lines.fetch_add(1, Ordering::Relaxed) + 1;
        if self.is_too_long {
            self.complain(&format!("line {number} is longer than {LINE_BYTES_MAX} bytes"));
        } else {
            self.appeared.try_iter().for_each(|listing| self.desk.follow(&listing));
            let (steering, words) = (&self.steering, &self.counts.words);
            let taken = self.desk.take(&text, |Dispatch { venue, steer }| {
                // Counted first: whoever has got the word finds it counted. A tile that is gone has been
                // reported by its own end.
                words.fetch_add(1, Ordering::Relaxed);
                let _told = steering.tell(venue, steer);
            });
            match taken {
                Ok(true) => {}
                Ok(false) => {
                    self.counts.passed_over.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => self.complain(&format!("line {number}: {error}")),
            }
        }
        self.line = line;
    }

    fn complain(&self, why: &str) {
        if self.counts.refused.fetch_add(1, Ordering::Relaxed) < TROUBLE_MAX {
            // Whoever listened is gone: there is nobody to tell.
            let _told = self.trouble.send(format!("news: {why}")).is_ok();
        }
    }
}

#[cfg(test)]
mod tests;
