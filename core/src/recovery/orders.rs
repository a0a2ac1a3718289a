//! The orders of a journal: what is known of each, and which records of theirs move money.
//!
//! On paper a report of a fill moves it. Of an order that was placed on a venue the trades move it,
//! each once under the venue's id, and taken back once; reports that follow tell of its end only.

use std::collections::{BTreeMap, VecDeque};

use dutchbook_book::{BookId, Exact, InstrumentId, Price, Qty, QtyChange, Side, VenueId};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::order::fills::{FillChange, FillNews, Settlement, TradeKey};
use dutchbook_exec::order::live::{Evidence, LiveOrder};
use dutchbook_exec::{Fill, Intent, OrderId, Report, ReportKind};

use crate::journal::codec::Entry;
use crate::journal::live::{
    AccountRecord, FillStep, LiveFill, LiveRecord, NativeText, Origin, Placed,
};
use crate::journal::record::Record;

/// Orders that are over and still known, the newest: a venue may yet speak of them.
pub const OVER_MAX: usize = 16_384;

/// An order on a venue, as the journal knows it.
#[derive(Clone, Debug)]
pub struct KnownOrder {
    /// The process that placed it: with our id it makes the id that the venue knows.
    pub boot: Boot,
    /// What was signed.
    pub placed: Placed,
    /// The venue's own id, where it was learnt.
    pub native: Option<NativeText>,
    /// Whether its bytes were handed to the wire.
    pub has_left: bool,
    /// Everything learnt.
    pub order: LiveOrder,
    /// Its trades that count, as they were booked.
    pub counted: Vec<LiveFill>,
    /// Whether its last report was booked.
    pub is_closed: bool,
    /// Whether it stands among those that are over.
    is_over: bool,
}

/// What a record does to cash and contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A trade of an order of ours, or one that is taken back.
    Fill {
        /// The order with what is traded; its kind is of no meaning here.
        report: Report,
        /// What was traded.
        fill: Fill,
        /// The venue's id of it; none on paper.
        key: Option<TradeKey>,
        /// Whether it is taken back.
        is_back: bool,
    },
    /// Cash that an order moved beside its fills; negative when we paid.
    Adjusted {
        /// The order.
        report: Report,
        /// The cash.
        cash: Exact,
    },
    /// Pairs became cash.
    Merged {
        /// Which book.
        book: BookId,
        /// How many.
        qty: Qty,
    },
    /// A book was decided.
    Settled {
        /// Which book.
        book: BookId,
        /// What each YES pays.
        payoff: Price,
        /// The cash that came.
        cash: Exact,
    },
    /// Cash came or went.
    Cash {
        /// At which venue.
        venue: VenueId,
        /// How much.
        cash: Exact,
        /// Why.
        origin: Origin,
    },
    /// Contracts came or went.
    Contracts {
        /// Which.
        instrument: InstrumentId,
        /// How many.
        qty: QtyChange,
        /// With which cost.
        cost: Exact,
        /// Why.
        origin: Origin,
    },
}

impl KnownOrder {
    /// Whether it left and something of it may still change, as far as the journal knows.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.has_left && !self.order.is_dead()
    }
}

/// All orders of a journal as far as it was read.
#[derive(Debug, Default)]
pub struct Orders {
    boot: Option<Boot>,
    /// Whether the orders of this process go to venues.
    is_live: bool,
    /// Intents whose order was not yet placed: the newest, for what is on paper never is.
    intents: VecDeque<(OrderId, Intent)>,
    orders: BTreeMap<OrderId, KnownOrder>,
    /// Orders that are over, oldest first.
    over: VecDeque<OrderId>,
}

/// Intents that wait for their order: one is placed right after it was written.
const INTENTS_MAX: usize = 1_024;

impl Orders {
    /// Takes a record, and says what it moves.
    pub fn take(&mut self, entry: &Entry) -> Option<Move> {
        match entry.record {
            Record::Intent { order, intent, .. } => {
                if self.intents.len() >= INTENTS_MAX {
                    self.intents.pop_front();
                }
                self.intents.push_back((order, intent));
                None
            }
            Record::Report(report) => self.on_report(&report),
            Record::Resolution { book, payoff, cash } => Some(Move::Settled { book, payoff, cash }),
            Record::Live(record) => self.on_live(entry, record),
            Record::Decision(_)
            | Record::DecisionLeg(_)
            | Record::Veto { .. }
            | Record::Gap { .. }
            | Record::Life { .. } => None,
        }
    }

    /// An order on a venue.
    #[must_use]
    pub fn get(&self, order: OrderId) -> Option<&KnownOrder> {
        self.orders.get(&order)
    }

    /// Every order on a venue that is known still, oldest first.
    #[must_use]
    pub fn into_known(self) -> Vec<KnownOrder> {
        self.orders.into_values().collect()
    }

    fn on_report(&mut self, report: &Report) -> Option<Move> {
        let live = self.orders.get_mut(&report.order);
        let adjusted =
            |cash: Exact| (cash != Exact::ZERO).then_some(Move::Adjusted { report: *report, cash });
        match (report.kind, live) {
            (_, None) if self.is_live => None,
            (ReportKind::Filled(fill), None) => {
                Some(Move::Fill { report: *report, fill, key: None, is_back: false })
            }
            (ReportKind::Reversed(fill), None) => {
                Some(Move::Fill { report: *report, fill, key: None, is_back: true })
            }
            (ReportKind::Closed(closed), None) => adjusted(closed.adjustment),
            (ReportKind::Closed(closed), Some(live)) => {
                let is_first = !std::mem::replace(&mut live.is_closed, true);
                is_first.then(|| adjusted(closed.adjustment))?
            }
            (ReportKind::Filled(_) | ReportKind::Reversed(_), Some(_))
            | (ReportKind::Acknowledged | ReportKind::Rejected(_) | ReportKind::Settled, _) => None,
        }
    }

    fn on_live(&mut self, entry: &Entry, record: LiveRecord) -> Option<Move> {
        match record {
            LiveRecord::Boot { boot, is_live } => {
                (self.boot, self.is_live) = (Some(boot), is_live);
                self.intents.clear();
                None
            }
            LiveRecord::Placed(placed) => {
                self.on_placed(placed);
                None
            }
            LiveRecord::Sent { order, is_cancel: false, .. } => {
                let known = self.orders.get_mut(&order)?;
                known.has_left = true;
                let _nothing = known.order.learn(&Evidence::Sent(entry.now));
                None
            }
            LiveRecord::Named { order, id } => {
                self.orders.get_mut(&order)?.native = Some(id);
                None
            }
            LiveRecord::Evidence { order, evidence } => {
                let _nothing = self.orders.get_mut(&order)?.order.learn(&evidence);
                self.retire(order);
                None
            }
            LiveRecord::Fill(fill) => self.on_fill(entry, &fill),
            LiveRecord::Account(account) => Self::on_account(&account),
            LiveRecord::Sent { is_cancel: true, .. } | LiveRecord::Basket(_) => None,
        }
    }

    fn on_placed(&mut self, placed: Placed) {
        let at = self.intents.iter().position(|(order, _)| *order == placed.order);
        let intent = at.and_then(|at| self.intents.remove(at)).map(|(_, intent)| intent);
        let (Some(intent), Some(boot)) = (intent, self.boot) else { return };
        let mut order = LiveOrder::new(placed.order, intent, placed.budget.is_some());
        let _nothing = order.learn(&Evidence::Journalled);
        let known = KnownOrder {
            boot,
            placed,
            native: None,
            has_left: false,
            order,
            counted: Vec::new(),
            is_closed: false,
            is_over: false,
        };
        self.orders.insert(placed.order, known);
    }

    fn on_fill(&mut self, entry: &Entry, fill: &LiveFill) -> Option<Move> {
        let known = self.orders.get_mut(&fill.order)?;
        let settlement = match fill.step {
            FillStep::Counted => fill.news.settlement,
            FillStep::Reversed => Settlement::Failed,
            FillStep::Settled => Settlement::Confirmed,
        };
        let news = FillNews { settlement, ..fill.news };
        let is_back = match known.order.learn(&Evidence::Fill(news)) {
            Some(FillChange::Counted(_)) => {
                known.counted.push(*fill);
                false
            }
            Some(FillChange::Reversed(_)) => {
                known.counted.retain(|counted| counted.news.trade != fill.news.trade);
                true
            }
            Some(FillChange::Settled(_)) | None => {
                self.retire(fill.order);
                return None;
            }
        };
        let moved = Fill {
            number: entry.sequence,
            price: fill.news.price,
            qty: fill.news.qty,
            delivered: fill.delivered,
            fee: fill.news.fee,
        };
        let mut report =
            Report::of(fill.order, known.order.intent(), entry.now, ReportKind::Acknowledged);
        (report.instrument, report.side) = (fill.instrument, fill.side);
        self.retire(fill.order);
        Some(Move::Fill { report, fill: moved, key: Some(fill.news.trade), is_back })
    }

    const fn on_account(record: &AccountRecord) -> Option<Move> {
        match *record {
            AccountRecord::Transfer { venue, cash, origin } => {
                Some(Move::Cash { venue, cash, origin })
            }
            AccountRecord::Moved { instrument, qty, cost, origin } => {
                Some(Move::Contracts { instrument, qty, cost, origin })
            }
            AccountRecord::Merged { book, qty } => Some(Move::Merged { book, qty }),
            AccountRecord::Reconciled { .. } => None,
        }
    }

    /// Keeps the orders that are over bounded: those that may still live are never forgotten.
    fn retire(&mut self, order: OrderId) {
        let Some(known) = self.orders.get_mut(&order) else { return };
        if known.is_over || !known.order.is_dead() {
            return;
        }
        known.is_over = true;
        self.over.push_back(order);
        if self.over.len() > OVER_MAX
            && let Some(oldest) = self.over.pop_front()
            && let Some(known) = self.orders.get_mut(&oldest)
        {
            // News may have brought it back to life since.
            known.is_over = known.order.is_dead();
            if known.is_over {
                self.orders.remove(&oldest);
            }
        }
    }
}

/// Whether a side brings contracts or takes them.
#[must_use]
pub fn change_of(side: Side, qty: Qty, is_back: bool) -> QtyChange {
    // Quantities stay below 10¹⁸: they fit.
    let micro = i64::try_from(qty.micro()).unwrap_or(i64::MAX);
    let brings = (side == Side::Buy) != is_back;
    QtyChange::from_micro(if brings { micro } else { micro.saturating_neg() })
}
