//! The records of orders on venues, to bytes and back.

use dutchbook_book::{BookId, Cash, InstrumentId, Nanos, Qty, QtyChange, VenueId};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::order::fills::{FillNews, Settlement, TradeKey};
use dutchbook_exec::order::live::{End, Evidence};
use dutchbook_exec::{OrderId, TradeId};

use super::put::Put;
use super::take::Take;
use crate::journal::live::{
    AccountRecord, BasketRecord, BasketStep, FillStep, LiveFill, LiveRecord, NativeText, Origin,
    Placed,
};

/// The code of the first of these kinds.
pub(super) const KIND_AT: u8 = 8;
/// How many there are.
pub(super) const KIND_COUNT: u8 = 13;

/// The code of a kind among these.
pub(super) const fn kind_of(record: &LiveRecord) -> u8 {
    match record {
        LiveRecord::Boot { .. } => 0,
        LiveRecord::Placed(_) => 1,
        LiveRecord::Sent { .. } => 2,
        LiveRecord::Named { .. } => 3,
        LiveRecord::Evidence { .. } => 4,
        LiveRecord::Fill(_) => 5,
        LiveRecord::Basket(BasketRecord::Open { .. }) => 6,
        LiveRecord::Basket(BasketRecord::Leg { .. }) => 7,
        LiveRecord::Basket(BasketRecord::Step { .. }) => 8,
        LiveRecord::Account(AccountRecord::Transfer { .. }) => 9,
        LiveRecord::Account(AccountRecord::Moved { .. }) => 10,
        LiveRecord::Account(AccountRecord::Merged { .. }) => 11,
        LiveRecord::Account(AccountRecord::Reconciled { .. }) => 12,
    }
}

const ENDS: [End; 3] = [End::Cancelled, End::Expired, End::Filled];
const SETTLEMENTS: [Settlement; 4] =
    [Settlement::Provisional, Settlement::Mined, Settlement::Confirmed, Settlement::Failed];

/// The place of a value among all of its kind.
fn code<T: PartialEq>(all: &[T], value: &T) -> u8 {
    let at = all.iter().position(|one| one == value);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

impl Put<'_> {
    pub(super) fn live(&mut self, record: &LiveRecord) {
        match record {
            LiveRecord::Boot { boot, is_live } => {
                self.u64(boot.0);
                self.u8(u8::from(*is_live));
            }
            LiveRecord::Placed(placed) => self.placed(placed),
            LiveRecord::Sent { order, request, is_cancel } => {
                self.u64(order.0);
                self.u64(*request);
                self.u8(u8::from(*is_cancel));
            }
            LiveRecord::Named { order, id } => {
                self.u64(order.0);
                self.text(id);
            }
            LiveRecord::Evidence { order, evidence } => {
                self.u64(order.0);
                self.evidence(evidence);
            }
            LiveRecord::Fill(fill) => self.live_fill(fill),
            LiveRecord::Basket(basket) => self.basket(basket),
            LiveRecord::Account(account) => self.account(account),
        }
    }

    fn placed(&mut self, placed: &Placed) {
        self.u64(placed.order.0);
        self.u32(placed.venue.0);
        self.u8(u8::from(placed.hash.is_some()));
        self.raw(&placed.hash.unwrap_or_default());
        self.u32(placed.limit.micro());
        self.u64(placed.qty.micro());
        self.u8(u8::from(placed.budget.is_some()));
        self.i64(placed.budget.unwrap_or_default().micro());
    }

    fn text(&mut self, text: &NativeText) {
        let bytes = text.as_str().as_bytes();
        // A text is never longer than its length byte can say.
        self.u8(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        self.raw(bytes);
    }

    fn evidence(&mut self, evidence: &Evidence) {
        let (kind, qty, time) = match *evidence {
            Evidence::Journalled => (0, None, None),
            Evidence::Sent(at) => (1, None, Some(at)),
            Evidence::Refused => (2, None, None),
            Evidence::NoAnswer => (3, None, None),
            Evidence::Acknowledged => (4, None, None),
            Evidence::Resting => (5, None, None),
            Evidence::Filled(total) => (6, Some(total), None),
            Evidence::Traded => (7, None, None),
            Evidence::Ended(end, total) => {
                self.u8(8);
                self.u8(code(&ENDS, &end));
                self.u8(u8::from(total.is_some()));
                self.u64(total.unwrap_or_default().micro());
                return;
            }
            Evidence::CancelFoundNothing => (9, None, None),
            Evidence::NotFound(as_of) => (10, None, Some(as_of)),
            Evidence::Fill(news) => {
                self.u8(11);
                self.news(&news);
                return;
            }
        };
        self.u8(kind);
        if let Some(qty) = qty {
            self.u64(qty.micro());
        }
        if let Some(time) = time {
            self.u64(time.0);
        }
    }

    fn news(&mut self, news: &FillNews) {
        self.raw(&news.trade.0.to_le_bytes());
        self.u32(news.price.micro());
        self.u64(news.qty.micro());
        self.exact(news.fee);
        self.u8(code(&SETTLEMENTS, &news.settlement));
    }

    fn live_fill(&mut self, fill: &LiveFill) {
        self.u64(fill.order.0);
        self.u32(fill.instrument.0);
        self.u8(fill.side as u8);
        self.u8(fill.step as u8);
        self.news(&fill.news);
        self.u64(fill.delivered.micro());
    }

    fn basket(&mut self, record: &BasketRecord) {
        match *record {
            BasketRecord::Open { trade, decision, payoff, leg_count } => {
                self.u64(trade.0);
                self.u64(decision);
                self.i64(payoff);
                self.u16(leg_count);
            }
            BasketRecord::Leg { trade, leg_index, instrument, ratio_micro, lot } => {
                self.u64(trade.0);
                self.u16(leg_index);
                self.u32(instrument.0);
                self.u32(ratio_micro);
                self.u64(lot.micro());
            }
            BasketRecord::Step { trade, step } => {
                self.u64(trade.0);
                self.u8(step as u8);
            }
        }
    }

    fn account(&mut self, record: &AccountRecord) {
        match *record {
            AccountRecord::Transfer { venue, cash, origin } => {
                self.u32(venue.0);
                self.exact(cash);
                self.u8(origin as u8);
            }
            AccountRecord::Moved { instrument, qty, cost, origin } => {
                self.u32(instrument.0);
                self.i64(qty.micro());
                self.exact(cost);
                self.u8(origin as u8);
            }
            AccountRecord::Merged { book, qty } => {
                self.u32(book.0);
                self.u64(qty.micro());
            }
            AccountRecord::Reconciled { venue, cash, compared, different } => {
                self.u32(venue.0);
                self.exact(cash);
                self.u32(compared);
                self.u32(different);
            }
        }
    }
}

impl Take<'_> {
    /// The record of a kind, counted from the first of these.
    pub(super) fn live(&mut self, kind: u8) -> Option<LiveRecord> {
        Some(match kind {
            0 => LiveRecord::Boot { boot: Boot(self.u64()?), is_live: self.flag()? },
            1 => LiveRecord::Placed(self.placed()?),
            2 => LiveRecord::Sent {
                order: OrderId(self.u64()?),
                request: self.u64()?,
                is_cancel: self.flag()?,
            },
            3 => LiveRecord::Named { order: OrderId(self.u64()?), id: self.text()? },
            4 => LiveRecord::Evidence { order: OrderId(self.u64()?), evidence: self.evidence()? },
            5 => LiveRecord::Fill(self.live_fill()?),
            6..=8 => LiveRecord::Basket(self.basket(kind)?),
            kind => LiveRecord::Account(self.account(kind)?),
        })
    }

    fn basket(&mut self, kind: u8) -> Option<BasketRecord> {
        let trade = TradeId(self.u64()?);
        Some(match kind {
            6 => BasketRecord::Open {
                trade,
                decision: self.u64()?,
                payoff: self.i64()?,
                leg_count: self.u16()?,
            },
            7 => BasketRecord::Leg {
                trade,
                leg_index: self.u16()?,
                instrument: InstrumentId(self.u32()?),
                ratio_micro: self.u32()?,
                lot: self.qty()?,
            },
            _ => BasketRecord::Step { trade, step: self.one_of(&BasketStep::ALL)? },
        })
    }

    fn account(&mut self, kind: u8) -> Option<AccountRecord> {
        Some(match kind {
            9 => AccountRecord::Transfer {
                venue: VenueId(self.u32()?),
                cash: self.exact()?,
                origin: self.one_of(&Origin::ALL)?,
            },
            10 => AccountRecord::Moved {
                instrument: InstrumentId(self.u32()?),
                qty: QtyChange::from_micro(self.i64()?),
                cost: self.exact()?,
                origin: self.one_of(&Origin::ALL)?,
            },
            11 => AccountRecord::Merged { book: BookId(self.u32()?), qty: self.qty()? },
            12 => AccountRecord::Reconciled {
                venue: VenueId(self.u32()?),
                cash: self.exact()?,
                compared: self.u32()?,
                different: self.u32()?,
            },
            _ => return None,
        })
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(usize::from(self.u8()?)).copied()
    }

    /// A value that may be absent: zero then, and nothing else.
    fn maybe<T: Default + PartialEq>(is_there: bool, value: T) -> Option<Option<T>> {
        match (is_there, value == T::default()) {
            (true, _) => Some(Some(value)),
            (false, true) => Some(None),
            (false, false) => None,
        }
    }

    fn placed(&mut self) -> Option<Placed> {
        let (order, venue) = (OrderId(self.u64()?), VenueId(self.u32()?));
        let has_hash = self.flag()?;
        let hash = Self::maybe(has_hash, self.raw::<32>()?)?;
        let (limit, qty) = (self.price()?, self.qty()?);
        let has_budget = self.flag()?;
        let budget = Self::maybe(has_budget, Cash::from_micro(self.i64()?))?;
        Some(Placed { order, venue, hash, limit, qty, budget })
    }

    fn text(&mut self) -> Option<NativeText> {
        let len = usize::from(self.u8()?);
        let bytes = self.bytes.get(self.at..)?.get(..len)?;
        self.at += len;
        NativeText::of(core::str::from_utf8(bytes).ok()?)
    }

    fn evidence(&mut self) -> Option<Evidence> {
        Some(match self.u8()? {
            0 => Evidence::Journalled,
            1 => Evidence::Sent(Nanos(self.u64()?)),
            2 => Evidence::Refused,
            3 => Evidence::NoAnswer,
            4 => Evidence::Acknowledged,
            5 => Evidence::Resting,
            6 => Evidence::Filled(self.qty()?),
            7 => Evidence::Traded,
            8 => {
                let end = self.one_of(&ENDS)?;
                let has_total = self.flag()?;
                let total: Qty = self.qty()?;
                Evidence::Ended(end, Self::maybe(has_total, total)?)
            }
            9 => Evidence::CancelFoundNothing,
            10 => Evidence::NotFound(Nanos(self.u64()?)),
            11 => Evidence::Fill(self.news()?),
            _ => return None,
        })
    }

    fn news(&mut self) -> Option<FillNews> {
        Some(FillNews {
            trade: TradeKey(u128::from_le_bytes(self.raw()?)),
            price: self.price()?,
            qty: self.qty()?,
            fee: self.exact()?,
            settlement: self.one_of(&SETTLEMENTS)?,
        })
    }

    fn live_fill(&mut self) -> Option<LiveFill> {
        Some(LiveFill {
            order: OrderId(self.u64()?),
            instrument: InstrumentId(self.u32()?),
            side: self.side()?,
            step: self.one_of(&FillStep::ALL)?,
            news: self.news()?,
            delivered: self.qty()?,
        })
    }
}
