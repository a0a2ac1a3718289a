//! The connections of one lane to one venue: warm before they are wanted, each with one request at a
//! time.
//!
//! A connection that the venue closes is opened anew at once, so that the next request meets an open
//! one. A request waits for a free connection for a short while; where none comes, or none can be
//! opened, it was certainly not sent. Every request gets exactly one answer.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Shared;
use super::line::Parcel;
use super::socket::{Connection, Exchanged, Host, Patience};
use super::watch::Fate;
use crate::pace::{Backoff, Jitter};
use crate::request::{Answer, Lane};
use crate::tls::TlsRoots;

/// First and longest pause before a connection is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_secs(5);
/// A connection that lived so long was good, whether it was wanted or not: it is opened anew at once.
const GOOD_LIFE: Duration = Duration::from_secs(5);
/// Requests that wait for a connection at most.
const WAITING_MAX: usize = 64;

/// How long a request waits for a connection: an order is worthless soon, a question is not.
const fn wait_max(lane: Lane) -> Duration {
    match lane {
        Lane::Order => Duration::from_millis(250),
        Lane::Cancel | Lane::Read => Duration::from_secs(2),
    }
}

struct Job {
    parcel: Box<Parcel>,
    taken: Instant,
}

/// The connections of one lane.
pub(super) struct Pool {
    lane: Lane,
    host: Host,
    tls: TlsRoots,
    patience: Patience,
    shared: Rc<Shared>,
    jobs: RefCell<VecDeque<Job>>,
    bell: Notify,
    /// Connections that are open.
    open: Cell<usize>,
    /// Whether the last attempt to open one failed.
    is_failing: Cell<bool>,
}

impl Pool {
    /// A pool without connections: each is a task of [`Pool::keep`].
    pub(super) fn new(
        lane: Lane,
        host: Host,
        tls: TlsRoots,
        patience: Patience,
        shared: Rc<Shared>,
    ) -> Self {
        Self {
            lane,
            host,
            tls,
            patience,
            shared,
            jobs: RefCell::new(VecDeque::new()),
            bell: Notify::new(),
            open: Cell::new(0),
            is_failing: Cell::new(false),
        }
    }

    /// Takes a request.
    pub(super) fn push(&self, parcel: Box<Parcel>) {
        let is_hopeless = self.open.get() == 0 && self.is_failing.get();
        if is_hopeless || self.jobs.borrow().len() >= WAITING_MAX {
            return self.refuse(parcel);
        }
        self.jobs.borrow_mut().push_back(Job { parcel, taken: Instant::now() });
        self.bell.notify_one();
    }

    /// Refuses what has waited for too long.
    pub(super) fn sweep(&self) {
        let limit = wait_max(self.lane);
        loop {
            let late = {
                let mut jobs = self.jobs.borrow_mut();
                let is_late = jobs.front().is_some_and(|job| job.taken.elapsed() >= limit);
                is_late.then(|| jobs.pop_front()).flatten()
            };
            match late {
                Some(job) => self.refuse(job.parcel),
                None => return,
            }
        }
    }

    fn refuse(&self, parcel: Box<Parcel>) {
        self.shared.watch.count(Fate::NotSent);
        let mut line = self.shared.line.borrow_mut();
        line.answer(parcel.id, Answer::NotSent);
        line.give_back(parcel);
    }

    fn refuse_all(&self) {
        let jobs: Vec<Job> = self.jobs.borrow_mut().drain(..).collect();
        for job in jobs {
            self.refuse(job.parcel);
        }
    }

    /// Keeps one connection open and serves requests on it, until its task is dropped.
    pub(super) async fn keep(self: Rc<Self>, seed: u64) {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LAST, Jitter::new(seed));
        loop {
            match Connection::open(&self.host, &self.tls, self.patience).await {
                Ok(connection) => {
                    let since = Instant::now();
                    self.is_failing.set(false);
                    self.open.set(self.open.get() + 1);
                    self.shared.watch.connected();
                    let has_served = self.serve(connection).await;
                    self.open.set(self.open.get().saturating_sub(1));
                    if has_served || since.elapsed() >= GOOD_LIFE {
                        backoff.reset();
                        continue;
                    }
                }
                Err(reason) => {
                    self.is_failing.set(true);
                    self.shared.trouble(&reason);
                    if self.open.get() == 0 {
                        self.refuse_all();
                    }
                }
            }
            tokio::time::sleep(backoff.next_pause()).await;
        }
    }

    /// Serves requests until the connection ends; whether it has answered any.
    async fn serve(&self, mut connection: Connection) -> bool {
        let mut has_served = false;
        loop {
            let Some(job) = self.jobs.borrow_mut().pop_front() else {
                tokio::select! {
                    () = self.bell.notified() => continue,
                    _reason = connection.ended() => return has_served,
                }
            };
            if connection.is_over() {
                // Nothing of it has left: another connection may take it.
                self.jobs.borrow_mut().push_front(job);
                self.bell.notify_one();
                return has_served;
            }
            let exchanged = connection.exchange(job.parcel.bytes()).await;
            let keeps_alive = self.answer(job.parcel, &exchanged, connection.body());
            has_served |= matches!(exchanged, Exchanged::Replied(_));
            if !keeps_alive {
                return has_served;
            }
        }
    }

    /// Tells the engine; whether the connection may go on.
    fn answer(&self, parcel: Box<Parcel>, exchanged: &Exchanged, body: &[u8]) -> bool {
        let (answer, fate) = match exchanged {
            Exchanged::Replied(replied) => {
                let (status, retry_after) = (replied.status, replied.retry_after);
                (Answer::Reply { status, retry_after, body }, Fate::Replied)
            }
            Exchanged::Lost(_) => (Answer::Lost, Fate::Lost),
            Exchanged::NotSent(_) => (Answer::NotSent, Fate::NotSent),
        };
        self.shared.watch.count(fate);
        if let Exchanged::Lost(reason) | Exchanged::NotSent(reason) = exchanged {
            self.shared.trouble(&format!("{}: {reason}", self.host.name));
        }
        let mut line = self.shared.line.borrow_mut();
        line.answer(parcel.id, answer);
        line.give_back(parcel);
        matches!(exchanged, Exchanged::Replied(replied) if replied.keeps_alive)
    }
}
