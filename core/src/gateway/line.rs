//! The line between the engine's thread and the gateway's: requests out, news back.
//!
//! The engine's end neither allocates nor waits: requests are copied into buffers that exist from the
//! start, and news comes in buffers that it gives back. What does not fit is refused, and nothing of
//! it was sent. The gateway's end may allocate; news that the engine has not fetched yet is never
//! thrown away, and how much of it there is, is told to whoever produces more.
//!
//! A gateway that sleeps is woken by [`Line::ring`], once for all requests that were handed over
//! together: waking a thread is a system call, and the second leg of a basket must not wait for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crossbeam::queue::ArrayQueue;
use dutchbook_book::{Nanos, VenueId};
use tokio::sync::Notify;

use crate::desk::Channel;
use crate::request::{Answer, Lane, OutRequest, Outbox, REQUEST_BYTES_MAX, RequestId};

/// Requests under way between the two threads.
const REQUEST_SLOTS: usize = 256;
/// News under way between the two threads.
const NEWS_SLOTS: usize = 4_096;
/// A buffer of news that has grown beyond this is not kept.
const NEWS_BYTES_KEPT: usize = 256 << 10;

/// What the gateway tells the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// What became of a request.
    Answer(RequestId, Answer<'a>),
    /// A message of a user channel.
    User(VenueId, &'a [u8]),
    /// A user channel is open, or lost: what was missed has to be read.
    Channel(VenueId, Channel),
}

/// A request as it travels.
#[derive(Debug)]
pub struct Parcel {
    /// Our number of it.
    pub id: RequestId,
    /// Whereto.
    pub venue: VenueId,
    /// What it is for.
    pub lane: Lane,
    len: usize,
    bytes: Box<[u8]>,
}

impl Parcel {
    fn empty() -> Box<Self> {
        Box::new(Self {
            id: RequestId(0),
            venue: VenueId(0),
            lane: Lane::Read,
            len: 0,
            // Not zeros: the system would hand those out page by page, at the first order.
            bytes: vec![b' '; REQUEST_BYTES_MAX].into_boxed_slice(),
        })
    }

    /// The request as it goes on the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// News without its bytes.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Reply { id: RequestId, status: u16, retry_after: Option<Nanos> },
    Lost(RequestId),
    NotSent(RequestId),
    User(VenueId),
    Channel(VenueId, Channel),
}

#[derive(Debug)]
struct Letter {
    subject: Subject,
    bytes: Vec<u8>,
}

impl Letter {
    fn news(&self) -> News<'_> {
        match self.subject {
            Subject::Reply { id, status, retry_after } => {
                News::Answer(id, Answer::Reply { status, retry_after, body: &self.bytes })
            }
            Subject::Lost(id) => News::Answer(id, Answer::Lost),
            Subject::NotSent(id) => News::Answer(id, Answer::NotSent),
            Subject::User(venue) => News::User(venue, &self.bytes),
            Subject::Channel(venue, state) => News::Channel(venue, state),
        }
    }
}

#[derive(Debug)]
struct Shared {
    requests: ArrayQueue<Box<Parcel>>,
    empties: ArrayQueue<Box<Parcel>>,
    news: ArrayQueue<Box<Letter>>,
    read: ArrayQueue<Box<Letter>>,
    is_asleep: AtomicBool,
    bell: Notify,
    is_closed: AtomicBool,
}

/// The engine's end.
#[derive(Debug)]
pub struct Line {
    shared: Arc<Shared>,
    orders: u64,
    /// Something was handed over that the gateway may not have heard of.
    has_news: bool,
}

/// The gateway's end: the gateway's own, or of whoever drives a tile without sockets.
#[derive(Debug)]
pub struct LineEnd {
    shared: Arc<Shared>,
    /// News that found no room yet, oldest first.
    waiting: VecDeque<Box<Letter>>,
}

/// Both ends.
#[must_use]
pub fn line() -> (Line, LineEnd) {
    let shared = Arc::new(Shared {
        requests: ArrayQueue::new(REQUEST_SLOTS),
        empties: ArrayQueue::new(REQUEST_SLOTS),
        news: ArrayQueue::new(NEWS_SLOTS),
        read: ArrayQueue::new(NEWS_SLOTS),
        is_asleep: AtomicBool::new(false),
        bell: Notify::new(),
        is_closed: AtomicBool::new(false),
    });
    for _ in 0..REQUEST_SLOTS {
        // As many as the queue holds.
        drop(shared.empties.push(Parcel::empty()));
    }
    let end = LineEnd { shared: Arc::clone(&shared), waiting: VecDeque::new() };
    (Line { shared, orders: 0, has_news: false }, end)
}

impl Outbox for Line {
    #[inline]
    fn send(&mut self, request: &OutRequest<'_>) -> bool {
        let is_sent = self.hand_over(request);
        self.has_news |= is_sent;
        self.orders += u64::from(is_sent && request.lane == Lane::Order);
        is_sent
    }
}

impl Line {
    fn hand_over(&self, request: &OutRequest<'_>) -> bool {
        let shared = &*self.shared;
        // Acquire: a gateway that is gone has emptied its queue before.
        if shared.is_closed.load(Ordering::Acquire) || request.bytes.len() > REQUEST_BYTES_MAX {
            return false;
        }
        let Some(mut parcel) = shared.empties.pop() else { return false };
        (parcel.id, parcel.venue, parcel.lane) = (request.id, request.venue, request.lane);
        parcel.len = request.bytes.len();
        if let Some(room) = parcel.bytes.get_mut(..request.bytes.len()) {
            room.copy_from_slice(request.bytes);
        }
        if let Err(parcel) = shared.requests.push(parcel) {
            drop(shared.empties.push(parcel));
            return false;
        }
        true
    }

    /// Wakes the gateway where it sleeps and something was handed over since the last call.
    pub fn ring(&mut self) {
        if !core::mem::replace(&mut self.has_news, false) {
            return;
        }
        // Orders the pushes before the look at the flag; the gateway sets it before its last look.
        fence(Ordering::SeqCst);
        if self.shared.is_asleep.load(Ordering::Relaxed) {
            self.shared.bell.notify_one();
        }
    }

    /// Requests with orders that were handed over so far.
    #[inline]
    #[must_use]
    pub const fn orders(&self) -> u64 {
        self.orders
    }

    /// Gives the oldest news to `take`. Returns whether there was any.
    pub fn take_news(&mut self, take: impl FnOnce(News<'_>)) -> bool {
        let Some(letter) = self.shared.news.pop() else { return false };
        take(letter.news());
        // There are no more letters than slots.
        drop(self.shared.read.push(letter));
        true
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Release);
        self.shared.bell.notify_one();
    }
}

impl Drop for LineEnd {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Release);
    }
}

impl LineEnd {
    /// The next request.
    #[must_use]
    pub fn take_request(&self) -> Option<Box<Parcel>> {
        self.shared.requests.pop()
    }

    /// Gives a request's buffer back.
    pub fn give_back(&self, parcel: Box<Parcel>) {
        drop(self.shared.empties.push(parcel));
    }

    /// Whether the engine's end is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.shared.is_closed.load(Ordering::Acquire)
    }

    /// Sleeps until the engine's end has something, or is gone.
    pub(super) fn asleep(&self) -> Sleep {
        Sleep { shared: Arc::clone(&self.shared) }
    }

    /// What became of a request.
    pub fn answer(&mut self, id: RequestId, answer: Answer<'_>) {
        match answer {
            Answer::Reply { status, retry_after, body } => {
                self.put(Subject::Reply { id, status, retry_after }, body);
            }
            Answer::Lost => self.put(Subject::Lost(id), &[]),
            Answer::NotSent => self.put(Subject::NotSent(id), &[]),
        }
    }

    /// A message of a user channel.
    pub fn user(&mut self, venue: VenueId, payload: &[u8]) {
        self.put(Subject::User(venue), payload);
    }

    /// A user channel has changed.
    pub fn channel(&mut self, venue: VenueId, state: Channel) {
        self.put(Subject::Channel(venue, state), &[]);
    }

    fn put(&mut self, subject: Subject, bytes: &[u8]) {
        let mut letter = self
            .shared
            .read
            .pop()
            .filter(|letter| letter.bytes.capacity() <= NEWS_BYTES_KEPT)
            .unwrap_or_else(|| Box::new(Letter { subject, bytes: Vec::new() }));
        letter.subject = subject;
        letter.bytes.clear();
        letter.bytes.extend_from_slice(bytes);
        self.waiting.push_back(letter);
        self.pass_on();
    }

    /// Hands over what has been waiting, as far as there is room.
    pub(super) fn pass_on(&mut self) {
        while let Some(letter) = self.waiting.pop_front() {
            if let Err(letter) = self.shared.news.push(letter) {
                self.waiting.push_front(letter);
                return;
            }
        }
    }

    /// News that the engine has left no room for.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// A wait for the engine's end.
#[derive(Debug)]
pub(super) struct Sleep {
    shared: Arc<Shared>,
}

impl Sleep {
    /// Waits; returns at once where something is there already.
    pub(super) async fn until_woken(self) {
        let shared = &*self.shared;
        shared.is_asleep.store(true, Ordering::Relaxed);
        // Orders the flag before the last look; see `Line::ring`.
        fence(Ordering::SeqCst);
        if shared.requests.is_empty() && !shared.is_closed.load(Ordering::Acquire) {
            shared.bell.notified().await;
        }
        shared.is_asleep.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: u64, bytes: &[u8]) -> OutRequest<'_> {
        OutRequest { id: RequestId(id), venue: VenueId(1), lane: Lane::Order, bytes }
    }

    #[test]
    fn requests_arrive_whole_and_in_order_and_their_buffers_come_back() {
        let (mut line, end) = line();
        for round in 0..u64::try_from(3 * REQUEST_SLOTS).unwrap() {
            assert!(line.send(&request(round, format!("GET {round}").as_bytes())));
            let parcel = end.take_request().unwrap();
            assert_eq!(parcel.id, RequestId(round));
            assert_eq!(parcel.bytes(), format!("GET {round}").as_bytes());
            end.give_back(parcel);
        }
        assert!(end.take_request().is_none());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_not_sent() {
        let (mut line, end) = line();
        assert!(!line.send(&request(1, &vec![b'x'; REQUEST_BYTES_MAX + 1])));
        assert!(line.send(&request(2, &vec![b'x'; REQUEST_BYTES_MAX])));
        end.give_back(end.take_request().unwrap());
        for id in 0..u64::try_from(REQUEST_SLOTS).unwrap() {
            assert!(line.send(&request(id, b"x")));
        }
        assert!(!line.send(&request(9_999, b"x")));
        let mut taken = 0;
        while let Some(parcel) = end.take_request() {
            assert_ne!(parcel.id, RequestId(9_999));
            taken += 1;
        }
        assert_eq!(taken, REQUEST_SLOTS);
        drop(end);
        assert!(!line.send(&request(1, b"x")), "nobody is there");
    }

    #[test]
    fn a_gateway_that_sleeps_is_woken_by_the_bell_and_not_by_the_request() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut line, end) = line();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let sleeper = tokio::task::spawn_local(end.asleep().until_woken());
            tokio::task::yield_now().await;
            for id in 0..2 {
                assert!(line.send(&request(id, b"x")));
                tokio::task::yield_now().await;
                assert!(!sleeper.is_finished(), "both leave together");
            }
            line.ring();
            sleeper.await.unwrap();
            end.asleep().until_woken().await;
        });
        assert_eq!(end.take_request().map(|parcel| parcel.id), Some(RequestId(0)));
    }

    #[test]
    fn news_is_kept_until_it_is_fetched() {
        let (mut line, mut end) = line();
        let count = NEWS_SLOTS + 100;
        for number in 0..count {
            end.user(VenueId(0), number.to_string().as_bytes());
        }
        assert_eq!(end.waiting(), 100);
        let mut next = 0;
        while next < count {
            while line.take_news(|news| {
                assert_eq!(news, News::User(VenueId(0), next.to_string().as_bytes()));
            }) {
                next += 1;
            }
            end.pass_on();
        }
        assert_eq!(end.waiting(), 0);
        let reply = Answer::Reply { status: 425, retry_after: Some(Nanos(7)), body: b"{}" };
        end.answer(RequestId(3), reply);
        end.channel(VenueId(1), Channel::Lost);
        assert!(line.take_news(|news| assert_eq!(news, News::Answer(RequestId(3), reply))));
        let lost = News::Channel(VenueId(1), Channel::Lost);
        assert!(line.take_news(|news| assert_eq!(news, lost)));
    }
}
