//! What the engine's tile does beside when it trades on venues: hands what was decided to the
//! gateway, and takes what comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dutchbook_book::Nanos;

use crate::engine::Engine;
use crate::gateway::{Line, News};
use crate::telemetry::LatencyRecorder;

/// News that is taken in one turn: payloads must not wait behind a flood of it.
const NEWS_MAX: usize = 64;

/// How trading stands, readable from any thread, and the wish that it comes to an end.
#[derive(Clone, Debug, Default)]
pub struct TradeGauge(Arc<Gauge>);

#[derive(Debug, Default)]
struct Gauge {
    wants_end: AtomicBool,
    is_settled: AtomicBool,
    open: AtomicU64,
}

impl TradeGauge {
    /// Asks for the end: no new trades, those under way are brought to theirs.
    pub fn wind_down(&self) {
        // Relaxed: a flag that stands alone.
        self.0.wants_end.store(true, Ordering::Relaxed);
    }

    /// Whether no order of ours can change anything any more and no trade is unequal, as of the last
    /// look of the tile.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.0.is_settled.load(Ordering::Relaxed)
    }
}

/// The tile's end of trading.
#[derive(Debug)]
pub struct Trading {
    line: Line,
    to_order: LatencyRecorder,
    gauge: TradeGauge,
    orders: u64,
    is_winding: bool,
}

impl Trading {
    /// Trading over a line; `to_order` takes the time from a payload to the bytes of its orders.
    #[must_use]
    pub const fn new(line: Line, to_order: LatencyRecorder, gauge: TradeGauge) -> Self {
        Self { line, to_order, gauge, orders: 0, is_winding: false }
    }

    /// Hands over what the engine has decided to send, then wakes the gateway. Where orders were among
    /// it, `elapsed` says how long after the receipt of their payload their bytes were handed over.
    #[inline]
    pub fn send(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        elapsed: impl FnOnce() -> Option<Nanos>,
    ) {
        engine.dispatch(now, &mut self.line);
        let orders = self.line.orders();
        if core::mem::replace(&mut self.orders, orders) != orders
            && let Some(span) = elapsed()
        {
            self.to_order.record(span);
        }
        self.line.ring();
    }

    /// Takes what has come back, and sends what follows from it. How much that was.
    pub fn turn(&mut self, engine: &mut Engine, now: Nanos) -> usize {
        let mut taken = 0;
        while taken < NEWS_MAX && self.take(engine, now) {
            taken += 1;
        }
        engine.follow_up(now, &mut self.line);
        self.orders = self.line.orders();
        self.line.ring();
        taken
    }

    fn take(&mut self, engine: &mut Engine, now: Nanos) -> bool {
        self.line.take_news(|news| match news {
            News::Answer(id, answer) => engine.on_answer(id, &answer, now),
            News::User(venue, payload) => engine.on_user_message(venue, payload, now),
            News::Channel(venue, state) => engine.on_channel(venue, state),
        })
    }

    /// Shows how it stands, and hears whether the end is wanted. Now and then.
    pub fn keep(&mut self, engine: &mut Engine, now: Nanos) {
        // Relaxed: a flag that stands alone.
        if !self.is_winding && self.gauge.0.wants_end.load(Ordering::Relaxed) {
            self.is_winding = true;
            engine.wind_down(now);
        }
        let open = engine.desk().map_or(0, |desk| desk.open_count());
        self.gauge.0.open.store(u64::try_from(open).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.gauge.0.is_settled.store(engine.is_settled(), Ordering::Relaxed);
        self.to_order.flush();
    }
}
