//! What messages that are not about levels do to books and session.

use dutchbook_book::fee::kalshi::FeeType;
use dutchbook_book::grid::{PriceRange, RANGES_MAX};
use dutchbook_book::{Grid, InstrumentId, Nanos, Rate};

use super::outbox::BOOKS_CHANNEL;
use super::state::State;
use crate::command::polymarket::PONG;
use crate::ids::IdTable;
use crate::notice::{LossReason, Notice, Resolved, Sink, TradePrint};
use crate::record::{Record, kalshi, polymarket};
use crate::session::{Sync, Trading};

/// Kalshi: a command named a subscription that is not there.
const UNKNOWN_SID: u64 = 7;

impl State {
    /// Takes one message that is not about levels.
    pub(super) fn record(
        &mut self,
        record: &Record<'_>,
        ids: &IdTable,
        now: Nanos,
        sink: &mut impl Sink,
    ) {
        self.counters.message(record.kind());
        match record {
            Record::Polymarket(message) => self.polymarket(message, ids, now, sink),
            Record::Kalshi(message) => {
                if let Some(sequence) = message.envelope.sequence()
                    && !self.is_new(sequence, sink)
                {
                    return;
                }
                self.kalshi(message, ids, sink);
            }
        }
        sink.notice(Notice::Record(record));
    }

    fn polymarket(
        &mut self,
        message: &polymarket::Record<'_>,
        ids: &IdTable,
        now: Nanos,
        sink: &mut impl Sink,
    ) {
        use polymarket::Record as Is;
        match message {
            Is::LastTradePrice(trade) => {
                self.pulse.data(now);
                sink.notice(Notice::Trade(TradePrint {
                    instrument: ids.get(trade.asset_id.as_bytes()),
                    price: trade.price,
                    qty: trade.size,
                    taker_side: trade.taker_side,
                    ts_venue: trade.ts_venue,
                }));
            }
            Is::TickSizeChange(change) => self.tick_size_change(change, ids, sink),
            Is::MarketResolved(resolved) => self.market_resolved(resolved, ids, sink),
            Is::NewMarket(market) => {
                let is_known =
                    market.assets_ids.iter().any(|token| ids.get(token.as_bytes()).is_some());
                if !is_known {
                    sink.notice(Notice::Appeared);
                }
            }
            Is::Text("ping") => self.outbox.push_back(PONG.to_owned()),
            Is::BestBidAsk(_)
            | Is::Order(_)
            | Is::Trade(_)
            | Is::Sports(_)
            | Is::ReferencePrice(_)
            | Is::StreamReply(_)
            | Is::Pong
            | Is::Text(_)
            | Is::Empty
            | Is::Unknown => {}
        }
    }

    fn tick_size_change(
        &mut self,
        change: &polymarket::TickSizeChange<'_>,
        ids: &IdTable,
        sink: &mut impl Sink,
    ) {
        let instrument = ids.get(change.asset_id.as_bytes());
        let Some(at) = instrument.and_then(|instrument| self.slot_of(instrument)) else {
            self.counters.unknown_instrument += 1;
            return;
        };
        // Each token of a market tells of the same change; the second must not void the snapshot
        // that may have come between.
        let step = change.new_tick_size;
        if self.slots.get(at).is_some_and(|slot| slot.book.grid().step() != step.micro()) {
            self.regrid(at, Grid::uniform(step).ok(), sink);
        }
    }

    fn market_resolved(
        &mut self,
        resolved: &polymarket::MarketResolved<'_>,
        ids: &IdTable,
        sink: &mut impl Sink,
    ) {
        let find = |asset: &str| {
            let instrument = ids.get(asset.as_bytes())?;
            self.slot_of(instrument).map(|at| (at, instrument))
        };
        let winner = resolved.winning_asset_id.and_then(find);
        let listed = winner.or_else(|| resolved.assets_ids.iter().find_map(find));
        if let Some((at, _)) = listed {
            self.close(at);
        }
        sink.notice(Notice::Resolved(Resolved {
            book: listed.map(|(_, instrument)| instrument.book()),
            native_market: resolved.market,
            winner: winner.map(|(_, instrument)| instrument.face()),
            settlement_value: None,
            is_final: false,
            ts_venue: resolved.ts_venue,
        }));
    }

    /// The venue trades the book no more.
    pub(super) fn close(&mut self, at: usize) {
        if let Some(slot) = self.slots.get_mut(at) {
            slot.session.trading = Trading::Closed;
            slot.session.resync = None;
        }
        self.mark(at);
    }

    fn kalshi(&mut self, message: &kalshi::Message<'_>, ids: &IdTable, sink: &mut impl Sink) {
        use kalshi::Record as Is;
        match &message.record {
            Is::Subscribed(subscribed) => {
                let carries_books = subscribed.channel == BOOKS_CHANNEL;
                self.streams.began(subscribed.sid, carries_books);
                if carries_books && self.pulse.is_connected() {
                    self.subscribe_next_lots(subscribed.sid);
                }
            }
            Is::Ok(ok) => {
                for (channel, sid) in ok.subscriptions.iter() {
                    self.streams.began(sid, channel == BOOKS_CHANNEL);
                }
            }
            Is::Unsubscribed => self.subscription_ended(message.envelope.sid, sink),
            Is::Error(error) => {
                if error.is_terminal() || error.code == UNKNOWN_SID {
                    let sid = message.envelope.sid.or_else(|| self.streams.books());
                    self.subscription_ended(sid, sink);
                }
                let (code, is_terminal) = (error.code, error.is_terminal());
                sink.notice(Notice::Refused { code, is_terminal });
            }
            Is::Trade(trade) => sink.notice(Notice::Trade(TradePrint {
                instrument: ids.get(trade.ticker.as_bytes()),
                price: trade.yes_price,
                qty: Some(trade.count),
                taker_side: trade.taker_book_side,
                ts_venue: trade.ts_venue,
            })),
            Is::MarketLifecycle(lifecycle) => self.market_lifecycle(lifecycle, ids, sink),
            Is::EventLifecycle(_) => sink.notice(Notice::Appeared),
            Is::EventFeeUpdate(update) => self.event_fee_update(update, sink),
            Is::Ticker(ticker) => self.ticker(ticker, ids),
            Is::Fill(_)
            | Is::UserOrder(_)
            | Is::MarketPosition(_)
            | Is::OrderGroup(_)
            | Is::Communication(_)
            | Is::Foreign
            | Is::Unknown => {}
        }
    }

    /// An event is charged otherwise: every market of it, whose tickers begin with the event's.
    fn event_fee_update(&self, update: &kalshi::EventFeeUpdate<'_>, sink: &mut impl Sink) {
        let fee_type = update.fee_type.and_then(FeeType::from_native);
        let multiplier = update.fee_multiplier_nano.and_then(|nano| u32::try_from(nano).ok());
        let rates = fee_type.zip(multiplier).and_then(|(fee_type, multiplier)| {
            dutchbook_book::fee::kalshi::rates(fee_type, Rate::from_nano(multiplier))
        });
        let is_of_event = |market: &str| {
            market.strip_prefix(update.event_ticker).is_some_and(|rest| rest.starts_with('-'))
        };
        for slot in self.slots.iter().filter(|slot| is_of_event(&slot.native_market)) {
            sink.notice(Notice::FeeChange { book: slot.id, rates });
        }
    }

    /// A subscription is over: its books are void until they are subscribed anew.
    fn subscription_ended(&mut self, sid: Option<u32>, sink: &mut impl Sink) {
        let Some(sid) = sid else { return };
        self.lose_stream(sid, LossReason::SubscriptionEnded, sink);
        self.streams.ended(sid);
        for slot in &mut self.slots {
            if slot.session.sid == Some(sid) {
                slot.session.sid = None;
            }
        }
    }

    fn market_lifecycle(
        &mut self,
        lifecycle: &kalshi::MarketLifecycle<'_>,
        ids: &IdTable,
        sink: &mut impl Sink,
    ) {
        use kalshi::LifecycleEvent as Event;
        let instrument = ids.get(lifecycle.ticker.as_bytes());
        let at = instrument.and_then(|instrument| self.slot_of(instrument));
        match lifecycle.event {
            Event::Determined | Event::Settled => {
                if let Some(at) = at {
                    self.close(at);
                }
                sink.notice(Notice::Resolved(Resolved {
                    book: instrument.map(InstrumentId::book),
                    native_market: lifecycle.ticker,
                    winner: lifecycle.winner(),
                    settlement_value: lifecycle.settlement_value,
                    is_final: lifecycle.is_final(),
                    ts_venue: Nanos::ZERO,
                }));
            }
            Event::Deactivated => self.set_trading(at, Trading::Halted),
            Event::Created | Event::Activated if at.is_none() => sink.notice(Notice::Appeared),
            Event::Activated => {
                self.set_trading(at, Trading::Open);
                if let Some(at) = at {
                    self.lose(at, Sync::Stale, LossReason::Reopened, sink);
                }
            }
            Event::PriceLevelStructureUpdated => {
                if let Some(at) = at {
                    self.new_ranges(at, lifecycle, sink);
                }
            }
            Event::Created | Event::CloseDateUpdated | Event::MetadataUpdated | Event::Other(_) => {
            }
        }
    }

    fn set_trading(&mut self, at: Option<usize>, trading: Trading) {
        if let Some(at) = at {
            self.halt(at, trading);
        }
    }

    /// The venue pauses the book, or trades it again; a closed one stays closed.
    pub(super) fn halt(&mut self, at: usize, trading: Trading) {
        if let Some(slot) = self.slots.get_mut(at)
            && slot.session.trading != Trading::Closed
        {
            slot.session.trading = trading;
            self.mark(at);
        }
    }

    /// A market's grid changed. A message without ranges says only a label, which is no law: an
    /// off-grid price will show what it meant.
    fn new_ranges(
        &mut self,
        at: usize,
        lifecycle: &kalshi::MarketLifecycle<'_>,
        sink: &mut impl Sink,
    ) {
        let mut ranges = [PriceRange::default(); RANGES_MAX];
        let mut count = 0;
        for (slot, range) in ranges.iter_mut().zip(lifecycle.price_ranges.iter()) {
            *slot = range;
            count += 1;
        }
        if count == 0 {
            return;
        }
        let is_cut = lifecycle.price_ranges.iter().count() > RANGES_MAX;
        let grid = ranges.get(..count).filter(|_| !is_cut);
        let grid = grid.and_then(|ranges| Grid::from_ranges(ranges).ok());
        let same = |grid: &Grid| self.slots.get(at).is_some_and(|slot| slot.book.grid() == grid);
        if !grid.as_ref().is_some_and(same) {
            self.regrid(at, grid, sink);
        }
    }
}
