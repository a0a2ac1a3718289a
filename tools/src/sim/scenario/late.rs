//! What the venues list only while they run, and what they change about listings that trade.

use dutchbook_book::{BookId, EventId, Grid, Nanos};

use super::{Builder, Question, Scenario, TickSize, fees};

/// Something that a venue does to its own listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VenueChange {
    /// It lists an event that was not listed before.
    List(EventId),
    /// It accepts other prices on one listing; what rests stays.
    Regrid {
        /// The listing.
        book: BookId,
        /// The prices from now on.
        grid: Grid,
    },
    /// Kalshi overrides the fee of the event of this listing, or takes the override back.
    Refee {
        /// A listing of the event.
        book: BookId,
        /// The multiplier in parts of a billion; `None` is the series' own again.
        multiplier_nano: Option<u32>,
    },
}

/// Questions that are listed late, with the chance that they begin with and Kalshi's ticker.
const LATE: [(&str, u32, &str); 4] = [
    ("Transit strike called off by Friday", 380_000, "KXTRANSIT-26NOV28"),
    ("Rates cut again in January", 270_000, "KXFEDJAN-27JAN28"),
    ("Album delayed to the spring", 180_000, "KXALBUMDELAY-27MAR"),
    ("Bridge opens before Christmas", 640_000, "KXBRIDGE-26DEC24"),
];

impl Builder {
    /// Questions that both venues list one after the other while they run.
    pub(super) fn late(&mut self) {
        for (name, chance, ticker) in LATE {
            let free = [fees::none(), fees::kalshi_half()];
            let event = self.both(name, chance, ticker, [TickSize::Deci; 2], free);
            self.scenario.late.push(event);
        }
    }
}

impl Scenario {
    /// What Polymarket's contracts are asked by a listing.
    #[must_use]
    pub fn question(&self, book: BookId) -> Option<&Question> {
        self.questions.get(book.index())?.as_ref()
    }

    /// Whether a listing is there from the start.
    #[must_use]
    pub fn is_listed_at_start(&self, book: BookId) -> bool {
        let condition = self.catalog.listing(book).map(|listing| listing.condition);
        let event = condition.and_then(|id| self.catalog.conditions.get(id.index()));
        event.is_none_or(|condition| !self.late.contains(&condition.event))
    }

    /// The listings of an event, on both venues.
    #[must_use]
    pub fn books_of(&self, event: EventId) -> Vec<BookId> {
        let own = self.catalog.events.get(event.index());
        let holds = |condition| own.is_some_and(|own| own.conditions.contains(condition));
        let listings = self.catalog.listings.iter();
        listings.filter(|listing| holds(&listing.condition)).map(|listing| listing.book).collect()
    }

    /// Has a venue change a listing at a moment after the start.
    pub fn change(&mut self, after: Nanos, change: VenueChange) {
        self.changes.push((after, change));
    }
}
