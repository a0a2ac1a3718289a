//! Open-loop arrivals on pinned threads, and what is known about each: its latency from the moment
//! at which it was due, and whether the host took the core away while a loop waited for it.
//!
//! A waiting loop watches the largest gap between its own consecutive clock reads. A message during
//! whose wait a loop saw more than [`GAP_MAX_NS`] was late by the host's doing, not by ours; it is
//! dropped from the filtered figures and counted. So are those that queued: what a loop reached
//! later than [`GAP_MAX_NS`] past its due time stood behind a stall, for messages lie farther apart
//! than either pipeline takes for one. A stall inside the measured work is not seen and stays in.
//! The raw figures keep everything.

use core::hint::spin_loop;
use dutchbook_book::Nanos;
use dutchbook_core::clock::Clock;
use dutchbook_core::pin::pin_to;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use support::Random;

use crate::market::Message;

const GAP_MAX_NS: u64 = 4_000;
const EVERY_NS: u64 = 150_000;
const JITTER_NS: u64 = 100_000;
/// From the readiness of all threads to the first message.
const LEAD: Nanos = Nanos::from_millis(1);
/// Pause between two idle turns: about what a turn of the sockets' runtime takes.
const IDLE_EVERY: Nanos = Nanos::from_micros(2);
/// Messages at the start of a slice that are not counted: caches and predictors settle.
const WARM_UP: usize = 100;

/// One message: how long it took from its due time, and whether a loop stalled before it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) ns: u64,
    pub(crate) is_stalled: bool,
}

/// What is timed: takes messages, and has turns of its own while none comes.
pub(crate) trait Subject {
    /// A message.
    fn take(&mut self, connection: usize, text: &[u8]);
    /// None.
    fn idle(&mut self) {}
}

/// Due times of a slice, counted from its start.
fn schedule(seed: u64, count: usize) -> Vec<Nanos> {
    let mut random = Random::new(seed);
    let due = core::iter::successors(Some(0_u64), |at| Some(at + EVERY_NS));
    due.take(count).map(|at| Nanos(at + random.below(JITTER_NS))).collect()
}

const _: () = assert!(JITTER_NS < EVERY_NS, "arrivals keep their order");

/// Waits until a message is due, with the idle turns that a live tile has meanwhile; says whether
/// the wait saw a stall or came too late to see one. Nobody knows when a message will come: one
/// that falls due in an idle turn waits for its end.
fn wait_until(clock: &Clock, due: Nanos, mut idle: impl FnMut()) -> bool {
    let mut last = clock.now();
    let mut is_stalled = last.since(due).0 > GAP_MAX_NS;
    let mut turn = last;
    while last < due {
        spin_loop();
        if last >= turn {
            idle();
            turn = last.plus(IDLE_EVERY);
        }
        let now = clock.now();
        is_stalled |= now.since(last).0 > GAP_MAX_NS;
        last = now;
    }
    is_stalled
}

/// Runs a slice on one thread; the subject does everything.
pub(crate) fn one_thread(
    clock: &Clock,
    seed: u64,
    slice: &[Message],
    mut subject: impl Subject + Send,
) -> Vec<Sample> {
    let schedule = schedule(seed, slice.len());
    let run = || {
        let _pinned = pin_to(1);
        let mut received = Vec::with_capacity(8 << 10);
        let mut samples = Vec::with_capacity(slice.len());
        let start = clock.now().plus(LEAD);
        for (message, due) in slice.iter().zip(&schedule) {
            let due = start.plus(*due);
            // The kernel leaves a message in a buffer that is warm.
            received.clear();
            received.extend_from_slice(message.text.as_bytes());
            let is_stalled = wait_until(clock, due, || subject.idle());
            subject.take(message.connection, &received);
            samples.push(Sample { ns: clock.now().since(due).0, is_stalled });
        }
        samples.split_off(WARM_UP.min(slice.len()))
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

/// Runs a slice on two threads. `subject` takes each message, `decide` does one round of whatever
/// waits at the other end and says how many messages that covered; every message counts once.
pub(crate) fn two_threads(
    clock: &Clock,
    seed: u64,
    slice: &[Message],
    mut subject: impl Subject + Send,
    mut decide: impl FnMut() -> usize + Send,
) -> Vec<Sample> {
    let schedule = schedule(seed, slice.len());
    let (ready, start) = (AtomicUsize::new(0), AtomicU64::new(0));
    let decider = || {
        let _pinned = pin_to(1);
        let mut done = Vec::with_capacity(slice.len());
        ready.fetch_add(1, Ordering::Release);
        let (mut last, mut is_stalled, mut was_busy) = (clock.now(), false, false);
        while done.len() < slice.len() {
            let covered = decide();
            let now = clock.now();
            if covered > 0 {
                // What queued behind a stall is marked until the queue is empty.
                done.resize(done.len() + covered, (now, is_stalled));
            } else {
                is_stalled &= !was_busy;
                is_stalled |= now.since(last).0 > GAP_MAX_NS;
            }
            (last, was_busy) = (now, covered > 0);
        }
        done
    };
    let feeder = || {
        let _pinned = pin_to(0);
        let mut received = Vec::with_capacity(8 << 10);
        while ready.load(Ordering::Acquire) == 0 {
            spin_loop();
        }
        let first = clock.now().plus(LEAD);
        start.store(first.0, Ordering::Release);
        let mut stalled = Vec::with_capacity(slice.len());
        for (message, due) in slice.iter().zip(&schedule) {
            received.clear();
            received.extend_from_slice(message.text.as_bytes());
            stalled.push(wait_until(clock, first.plus(*due), || subject.idle()));
            subject.take(message.connection, &received);
        }
        stalled
    };
    let (done, stalled) = std::thread::scope(|scope| {
        let (decider, feeder) = (scope.spawn(decider), scope.spawn(feeder));
        (decider.join().unwrap(), feeder.join().unwrap())
    });
    let first = Nanos(start.load(Ordering::Acquire));
    let samples = schedule.iter().zip(done).zip(stalled).map(|((due, (done, late)), stalled)| {
        Sample { ns: done.since(first.plus(*due)).0, is_stalled: late | stalled }
    });
    samples.skip(WARM_UP).collect()
}
