//! What a feed tile does with a changed book: its view for every thread, its top for the evaluator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::ring::{CoalescingProducer, Producer};
use dutchbook_book::shelf::ShelfWriter;
use dutchbook_book::{Book, BookId, Nanos, Stamp};
use dutchbook_feeds::notice::{Notice, Resolved, Sink};

use crate::clock::Clock;
use crate::control::Control;
use crate::engine::Engine;

/// Where the tops of changed books go.
#[derive(Debug)]
pub enum Route {
    /// To the evaluator on this very tile: no hand-off.
    Inline(Box<Engine>),
    /// To the evaluator's tile.
    Rings {
        /// Tops by value; coalesces when full.
        tops: CoalescingProducer,
        /// Resolutions and the like; they are rare, and the ring is never full of them.
        control: Producer<Control>,
    },
}

/// Takes what a feed says about books: publishes each changed book and passes its top on.
#[derive(Debug)]
pub struct Publisher {
    shelf: ShelfWriter,
    route: Route,
    changed: u64,
    lost_controls: u64,
    now: Nanos,
    /// Whose feed is being called.
    kind: VenueKind,
    /// Times the first changed book of a sampled payload.
    stopwatch: Clock,
    is_sampled: bool,
    first_change: Option<Nanos>,
    /// Counts markets that streams tell of and nobody follows.
    appeared: Arc<AtomicU64>,
}

impl Publisher {
    /// A publisher that writes the views of its shelf half.
    /// `stopwatch` takes the time of the stages that are sampled.
    #[must_use]
    pub fn new(shelf: ShelfWriter, route: Route, stopwatch: Clock) -> Self {
        Self {
            shelf,
            route,
            changed: 0,
            lost_controls: 0,
            now: Nanos::ZERO,
            kind: VenueKind::Polymarket,
            stopwatch,
            is_sampled: false,
            first_change: None,
            appeared: Arc::default(),
        }
    }

    /// Counts here the markets that streams tell of and nobody follows.
    #[must_use]
    pub fn counting_new(mut self, appeared: Arc<AtomicU64>) -> Self {
        self.appeared = appeared;
        self
    }

    /// Whether the next payload's stages are timed.
    pub const fn sample(&mut self, is_sampled: bool) {
        self.is_sampled = is_sampled;
        self.first_change = None;
    }

    /// When the first book of the sampled payload had changed.
    pub(super) const fn first_change(&self) -> Option<Nanos> {
        self.first_change
    }

    /// Words on outcomes that found no room on the way to the evaluator.
    pub(super) const fn lost_controls(&self) -> u64 {
        self.lost_controls
    }

    /// Books changed since the last call.
    pub const fn take_changed(&mut self) -> u64 {
        core::mem::replace(&mut self.changed, 0)
    }

    /// Says what time it is, and whose feed is called next.
    pub const fn before(&mut self, kind: VenueKind, now: Nanos) {
        self.now = now;
        self.kind = kind;
    }

    /// The evaluator, where it lives on this tile.
    pub fn engine_mut(&mut self) -> Option<&mut Engine> {
        match &mut self.route {
            Route::Inline(engine) => Some(engine),
            Route::Rings { .. } => None,
        }
    }

    /// Gives cold news to the evaluator.
    pub(super) fn pass_on(&mut self, control: Control) {
        match &mut self.route {
            Route::Inline(engine) => engine.on_control(control, self.now),
            Route::Rings { control: ring, .. } => {
                if ring.push(control).is_err() {
                    self.lost_controls += 1;
                }
            }
        }
    }

    /// Ends publishing; gives the evaluator back, where it lives on this tile.
    #[must_use]
    pub fn into_engine(self) -> Option<Box<Engine>> {
        match self.route {
            Route::Inline(engine) => Some(engine),
            Route::Rings { .. } => None,
        }
    }
}

impl Sink for Publisher {
    #[inline]
    fn book_named(&self, id: BookId) {
        self.shelf.fetch(id);
        if let Route::Inline(engine) = &self.route {
            engine.fetch(id);
        }
    }

    #[inline]
    fn book_coming(&self, id: BookId) {
        if let Route::Inline(engine) = &self.route {
            engine.fetch_sums(id);
        }
    }

    #[inline]
    fn book_changed(&mut self, id: BookId, book: &Book, _stamp: Stamp) {
        if self.is_sampled && self.first_change.is_none() {
            self.first_change = Some(self.stopwatch.now());
        }
        let update = self.shelf.publish(id, book);
        self.changed += 1;
        match &mut self.route {
            Route::Inline(engine) => engine.on_top(&update),
            Route::Rings { tops, .. } => {
                // Both ways in are good: a coalesced top is re-read from the shelf.
                let _pushed = tops.push(update);
            }
        }
    }

    fn notice(&mut self, notice: Notice<'_>) {
        if let Notice::Appeared = notice {
            self.appeared.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(control) = control_of(&notice, self.kind) {
            self.pass_on(control);
        }
    }
}

/// What of a feed's news the evaluator needs.
fn control_of(notice: &Notice<'_>, kind: VenueKind) -> Option<Control> {
    match notice {
        Notice::Resolved(Resolved { book: Some(book), winner, is_final, .. }) => {
            // Polymarket's stream speaks once; Kalshi determines first and settles later.
            let is_final = *is_final || kind == VenueKind::Polymarket;
            Some(Control::Resolved { book: *book, winner: *winner, is_final })
        }
        Notice::TickChange { book, grid } => {
            Some(Control::Regridded { book: *book, grid: Some(*grid) })
        }
        Notice::FeeChange { book, rates } => {
            Some(Control::FeeChanged { book: *book, rates: *rates })
        }
        Notice::Resolved(_)
        | Notice::Appeared
        | Notice::Trade(_)
        | Notice::Gap { .. }
        | Notice::Lost { .. }
        | Notice::Malformed(_)
        | Notice::Refused { .. }
        | Notice::Record(_) => None,
    }
}
