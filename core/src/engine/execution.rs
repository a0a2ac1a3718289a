//! Where intents go: to the paper venue, or to the order desk and so to the real ones.
//!
//! Both know what a venue asks of an order and what we have taken from the books, so that nothing
//! displayed is taken twice. Live, the engine gives each order its number and its quote from the view
//! at that moment; whatever the desk then says of it comes back as a [`Word`]. A replay has no desk:
//! it is told the words.

use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_book::{BookId, Depth, Grid, Level, Nanos, Price, Qty, Side};
use dutchbook_exec::takings::Takings;
use dutchbook_exec::throttle::Urgency;
use dutchbook_exec::{Intent, OrderId, PaperConfig, PaperRules, PaperVenue, RejectReason};

use super::sight::Sight;
use crate::desk::quote::{Quote, Terms, excess_max, quote};
use crate::desk::{Desk, Word};

/// Books whose takings are remembered.
const TOUCHED_BOOKS_MAX: usize = 1_024;

/// Where intents go.
#[derive(Debug)]
pub enum Execution {
    /// Filled at once against the views.
    Paper(Box<PaperVenue>),
    /// Sent to venues.
    Live(Box<Live>),
}

/// What the engine keeps of live orders; the rest is the desk's.
#[derive(Debug)]
pub struct Live {
    pub(super) desk: Option<Box<Desk>>,
    rules: Vec<PaperRules>,
    kinds: Vec<VenueKind>,
    grids: Vec<Grid>,
    takings: Takings,
    allowance: Price,
    order_count: u64,
    depth: Depth,
    quotes: Vec<Quote>,
    taken: Vec<(BookId, Side, Level, Qty)>,
    numbers: Vec<OrderId>,
}

impl Execution {
    /// Paper execution over a catalog, each venue `latency` away.
    #[must_use]
    pub fn paper(catalog: &Catalog, latency: Nanos) -> Self {
        let paper = PaperVenue::from_catalog(PaperConfig::default(), catalog, latency);
        Self::Paper(Box::new(paper))
    }

    /// Orders on venues, through a desk or told by a recording; `allowance` is how much worse than
    /// the worst level walked a limit may be.
    #[must_use]
    pub fn live(catalog: &Catalog, desk: Option<Box<Desk>>, allowance: Price, legs: usize) -> Self {
        let rules = catalog.listings.iter().map(|listing| PaperRules {
            fee: listing.fee,
            lot: listing.lot,
            min_qty: listing.min_qty,
            min_notional: listing.min_notional,
            latency: Nanos::ZERO,
        });
        Self::Live(Box::new(Live {
            desk,
            rules: rules.collect(),
            kinds: catalog.listings.iter().map(|listing| listing.kind).collect(),
            grids: catalog.listings.iter().map(|listing| listing.grid).collect(),
            takings: Takings::new(catalog.listings.len(), TOUCHED_BOOKS_MAX),
            allowance,
            order_count: 0,
            depth: Depth::default(),
            quotes: Vec::with_capacity(legs),
            taken: Vec::with_capacity(legs.saturating_mul(dutchbook_book::depth::DEPTH_LEVELS)),
            numbers: Vec::with_capacity(legs),
        }))
    }

    /// What the venue of a book asks of an order.
    #[must_use]
    pub fn rules(&self, book: BookId) -> Option<PaperRules> {
        match self {
            Self::Paper(paper) => paper.rules(book),
            Self::Live(live) => live.rules.get(book.index()).copied(),
        }
    }

    /// The same, to be changed when the venue changes it.
    pub(super) fn rules_mut(&mut self, book: BookId) -> Option<&mut PaperRules> {
        match self {
            Self::Paper(paper) => paper.rules_mut(book),
            Self::Live(live) => live.rules.get_mut(book.index()),
        }
    }

    /// The smallest step of an order in a book, with what one may bring beyond what was wanted: less
    /// is worth no order of its own.
    pub(super) fn lot(&self, book: BookId, limit: Price) -> Qty {
        let lot = self.rules(book).map_or(Qty::ONE, |rules| rules.lot);
        lot.checked_add(self.excess(book, limit)).unwrap_or(lot)
    }

    /// Gives numbers after this one: another run has used those before.
    pub(super) fn count_from(&mut self, order: OrderId) {
        match self {
            Self::Paper(paper) => paper.count_from(order),
            Self::Live(live) => live.order_count = live.order_count.max(order.0),
        }
    }

    /// What is left for us of a level, in YES terms, that a book displays on its `resting` side.
    #[must_use]
    pub fn left(&self, book: BookId, resting: Side, shown: Level) -> Qty {
        match self {
            Self::Paper(paper) => paper.left(book, resting, shown),
            Self::Live(live) => live.takings.left(book, resting, shown),
        }
    }

    /// The limit of a leg whose worst level walked is `limit`.
    pub(super) fn allowed(&self, book: BookId, side: Side, limit: Price) -> Price {
        let Self::Live(live) = self else { return limit };
        let by = live.allowance.micro();
        let Some(grid) = live.grids.get(book.index()).filter(|_| by > 0) else { return limit };
        let moved = match side {
            Side::Buy => Price::from_micro(limit.micro().saturating_add(by)),
            Side::Sell => Price::from_micro(limit.micro().saturating_sub(by)),
        };
        let on_grid = moved.and_then(|moved| match side {
            Side::Buy => grid.floor(moved),
            Side::Sell => grid.ceil(moved),
        });
        let is_inside = |price: &Price| *price > Price::ZERO && *price < Price::ONE;
        on_grid.filter(is_inside).unwrap_or(limit)
    }

    /// Contracts that an order may bring beyond what was wanted of it.
    pub(super) fn excess(&self, book: BookId, price: Price) -> Qty {
        let Self::Live(live) = self else { return Qty::ZERO };
        let kind = live.kinds.get(book.index()).copied();
        kind.map_or(Qty::ZERO, |kind| excess_max(kind, price))
    }

    /// Whether orders go to venues, or went in the run that is replayed.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// Whether both faces of a book become cash by themselves when both are held: on paper, and
    /// where the venue nets. On Polymarket a merge is a transaction of its own.
    pub(super) fn merges(&self, book: BookId) -> bool {
        match self {
            Self::Paper(_) => true,
            Self::Live(live) => live.kinds.get(book.index()) == Some(&VenueKind::Kalshi),
        }
    }

    /// The next order of the paper venue that meets its book.
    pub(super) fn next_due(&self) -> Option<Nanos> {
        match self {
            Self::Paper(paper) => paper.next_due(),
            Self::Live(_) => None,
        }
    }

    /// The prices that a book accepts have changed.
    pub(super) fn regrid(&mut self, book: BookId, grid: &Grid) {
        let live = match self {
            Self::Paper(paper) => return paper.set_grid(book, *grid),
            Self::Live(live) => live,
        };
        if let Some(known) = live.grids.get_mut(book.index()) {
            *known = *grid;
        }
        if let Some(desk) = &mut live.desk {
            desk.set_tick(book, grid.step());
        }
    }

    /// The desk, where there is one.
    pub(super) fn desk_mut(&mut self) -> Option<&mut Desk> {
        match self {
            Self::Paper(_) => None,
            Self::Live(live) => live.desk.as_deref_mut(),
        }
    }

    /// The desk, where there is one.
    pub(super) fn desk(&self) -> Option<&Desk> {
        match self {
            Self::Paper(_) => None,
            Self::Live(live) => live.desk.as_deref(),
        }
    }

    /// The next thing that the desk says.
    pub(super) fn next_word(&mut self) -> Option<Word> {
        self.desk_mut()?.next_word()
    }

    /// Takes intents that were decided together: all of them or none. Returns the order of each.
    ///
    /// # Errors
    /// With the reason why none leaves.
    pub(super) fn submit(
        &mut self,
        intents: &[Intent],
        urgency: Urgency,
        sight: &mut Sight,
        now: Nanos,
    ) -> Result<&[OrderId], RejectReason> {
        match self {
            Self::Paper(_) => Err(RejectReason::Unwritable),
            Self::Live(live) => live.submit(intents, urgency, sight, now),
        }
    }
}

impl Live {
    fn submit(
        &mut self,
        intents: &[Intent],
        urgency: Urgency,
        sight: &mut Sight,
        now: Nanos,
    ) -> Result<&[OrderId], RejectReason> {
        self.quotes.clear();
        self.taken.clear();
        self.numbers.clear();
        for intent in intents {
            let quote = self.quote(intent, sight)?;
            self.quotes.push(quote);
        }
        for (book, resting, shown, qty) in &self.taken {
            if let Some(side) = self.takings.side(*book, *resting) {
                side.add(*shown, *qty);
            }
        }
        for _ in intents {
            self.order_count = self.order_count.wrapping_add(1);
            self.numbers.push(OrderId(self.order_count));
        }
        if let Some(desk) = &mut self.desk {
            desk.submit_all(&self.numbers, intents, &self.quotes, urgency, now);
        }
        Ok(&self.numbers)
    }

    fn quote(&mut self, intent: &Intent, sight: &mut Sight) -> Result<Quote, RejectReason> {
        let book = intent.instrument.book();
        let unknown = RejectReason::UnknownInstrument;
        let rules = self.rules.get(book.index()).ok_or(unknown)?;
        let kind = *self.kinds.get(book.index()).ok_or(unknown)?;
        let grid = self.grids.get(book.index()).ok_or(unknown)?;
        sight.depth(book, &mut self.depth).map_err(|_torn| RejectReason::PriceMoved)?;
        for resting in [Side::Buy, Side::Sell] {
            if let Some(side) = self.takings.side(book, resting) {
                side.retain_shown(self.depth.levels(resting));
            }
        }
        let terms = Terms { kind, rules, grid, allowance: self.allowance };
        let (takings, taken) = (&self.takings, &mut self.taken);
        let left = |resting, shown| takings.left(book, resting, shown);
        let take = |resting, shown, qty| taken.push((book, resting, shown, qty));
        quote(intent, &self.depth, &terms, left, take)
    }
}
