//! One numbering over all processes that wrote a journal: a book keeps its number as long as its
//! venue lists it under the same native market.

use std::collections::BTreeMap;

use dutchbook_book::{BookId, InstrumentId, VenueId};
use dutchbook_exec::{Intent, Report};

use crate::journal::codec::Entry;
use crate::journal::live::{AccountRecord, BasketRecord, LiveFill, LiveRecord, Placed};
use crate::journal::names::{BookName, Names};
use crate::journal::record::Record;

/// Numbers of one process to numbers that last, given in the order of first use.
#[derive(Clone, Debug, Default)]
pub struct Numbering {
    venues: Vec<String>,
    /// Every book so far: its name, with its venue under the number that lasts.
    books: Vec<BookName>,
    events: Vec<String>,
    by_market: BTreeMap<(VenueId, String), BookId>,
    /// The process that is being read.
    names: Names,
    known: BTreeMap<BookId, BookId>,
}

impl Numbering {
    /// A numbering that begins with these names under their own numbers.
    #[must_use]
    pub fn beginning_with(names: &Names) -> Self {
        let mut numbering = Self {
            venues: names.venues.clone(),
            books: names.books.clone(),
            events: names.events.clone(),
            ..Self::default()
        };
        for (at, book) in names.books.iter().enumerate() {
            let key = (VenueId(book.venue), book.market.clone());
            numbering.by_market.entry(key).or_insert(BookId(number(at)));
        }
        numbering.follow(names);
        numbering
    }

    /// From here on numbers mean these names.
    pub fn follow(&mut self, names: &Names) {
        self.names = names.clone();
        self.known.clear();
    }

    /// The number that lasts of a venue; none when the names do not have it.
    pub fn venue(&mut self, venue: VenueId) -> Option<VenueId> {
        let name = self.names.venues.get(venue.index())?;
        let at = self.venues.iter().position(|known| known == name).unwrap_or_else(|| {
            self.venues.push(name.clone());
            self.venues.len() - 1
        });
        Some(VenueId(number(at)))
    }

    /// The number that lasts of a book; none when the names do not have it.
    pub fn book(&mut self, book: BookId) -> Option<BookId> {
        if let Some(known) = self.known.get(&book) {
            return Some(*known);
        }
        let name = self.names.books.get(book.index())?.clone();
        let venue = self.venue(VenueId(name.venue))?;
        let key = (venue, name.market.clone());
        let lasting = match self.by_market.get(&key) {
            Some(lasting) => *lasting,
            None => {
                let event = self.event(name.event);
                let lasting = BookId(number(self.books.len()));
                self.books.push(BookName { venue: venue.0, event, ..name });
                self.by_market.insert(key, lasting);
                lasting
            }
        };
        self.known.insert(book, lasting);
        Some(lasting)
    }

    fn event(&mut self, event: u32) -> u32 {
        let name = usize::try_from(event).ok().and_then(|event| self.names.events.get(event));
        let name = name.cloned().unwrap_or_default();
        let at = self.events.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.events.push(name);
            self.events.len() - 1
        });
        number(at)
    }

    fn instrument(&mut self, id: InstrumentId) -> Option<InstrumentId> {
        Some(self.book(id.book())?.instrument(id.face()))
    }

    /// Every venue so far, by the number that lasts.
    #[must_use]
    pub fn venues(&self) -> &[String] {
        &self.venues
    }

    /// Every book so far, by the number that lasts; its venue and event are such numbers too.
    #[must_use]
    pub fn books(&self) -> &[BookName] {
        &self.books
    }

    /// Every event so far.
    #[must_use]
    pub fn events(&self) -> &[String] {
        &self.events
    }

    /// The entry with the numbers that last; none when it has a number without a name.
    pub fn translate(&mut self, entry: &Entry) -> Option<Entry> {
        let record = match entry.record {
            Record::DecisionLeg(mut leg) => {
                leg.instrument = self.instrument(leg.instrument)?;
                Record::DecisionLeg(leg)
            }
            Record::Intent { decision, order, intent } => {
                let intent = Intent { instrument: self.instrument(intent.instrument)?, ..intent };
                Record::Intent { decision, order, intent }
            }
            Record::Report(report) => {
                let instrument = self.instrument(report.instrument)?;
                Record::Report(Report { instrument, ..report })
            }
            Record::Resolution { book, payoff, cash } => {
                Record::Resolution { book: self.book(book)?, payoff, cash }
            }
            Record::Live(record) => Record::Live(self.live(record)?),
            Record::Decision(_)
            | Record::Veto { .. }
            | Record::Gap { .. }
            | Record::Life { .. } => entry.record,
        };
        Some(Entry { record, ..*entry })
    }

    fn live(&mut self, record: LiveRecord) -> Option<LiveRecord> {
        Some(match record {
            LiveRecord::Placed(placed) => {
                LiveRecord::Placed(Placed { venue: self.venue(placed.venue)?, ..placed })
            }
            LiveRecord::Fill(fill) => {
                let instrument = self.instrument(fill.instrument)?;
                LiveRecord::Fill(LiveFill { instrument, ..fill })
            }
            LiveRecord::Basket(BasketRecord::Leg {
                trade,
                leg_index,
                instrument,
                ratio_micro,
                lot,
            }) => {
                let instrument = self.instrument(instrument)?;
                let leg = BasketRecord::Leg { trade, leg_index, instrument, ratio_micro, lot };
                LiveRecord::Basket(leg)
            }
            LiveRecord::Account(account) => LiveRecord::Account(self.account(account)?),
            LiveRecord::Boot { .. }
            | LiveRecord::Sent { .. }
            | LiveRecord::Named { .. }
            | LiveRecord::Evidence { .. }
            | LiveRecord::Basket(BasketRecord::Open { .. } | BasketRecord::Step { .. }) => record,
        })
    }

    fn account(&mut self, record: AccountRecord) -> Option<AccountRecord> {
        Some(match record {
            AccountRecord::Transfer { venue, cash, origin } => {
                AccountRecord::Transfer { venue: self.venue(venue)?, cash, origin }
            }
            AccountRecord::Moved { instrument, qty, cost, origin } => {
                let instrument = self.instrument(instrument)?;
                AccountRecord::Moved { instrument, qty, cost, origin }
            }
            AccountRecord::Merged { book, qty } => {
                AccountRecord::Merged { book: self.book(book)?, qty }
            }
            AccountRecord::Reconciled { venue, cash, compared, different } => {
                let venue = self.venue(venue)?;
                AccountRecord::Reconciled { venue, cash, compared, different }
            }
        })
    }
}

/// Catalogs stay far below 2³² entries; one that did not would name nothing beyond.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::Face;

    fn names(books: &[(&str, &str)]) -> Names {
        let venues: Vec<String> = vec!["kalshi".to_owned(), "polymarket".to_owned()];
        let book = |(venue, market): &(&str, &str)| BookName {
            venue: number(venues.iter().position(|name| name == venue).unwrap()),
            market: (*market).to_owned(),
            name: format!("book {market}"),
            event: 0,
        };
        Names { books: books.iter().map(book).collect(), events: vec!["event".to_owned()], venues }
    }

    #[test]
    fn a_book_keeps_its_number_in_every_catalog() {
        let first = names(&[("kalshi", "A"), ("polymarket", "A"), ("kalshi", "B")]);
        let mut numbering = Numbering::beginning_with(&first);
        let second = names(&[("kalshi", "C"), ("kalshi", "B"), ("kalshi", "A")]);
        numbering.follow(&second);
        let lasting: Vec<_> = (0..4).map(|book| numbering.book(BookId(book))).collect();
        let number = |book| Some(BookId(book));
        assert_eq!(lasting, [number(3), number(2), number(0), None]);
        let markets: Vec<_> = numbering.books().iter().map(|book| book.market.as_str()).collect();
        assert_eq!(markets, ["A", "A", "B", "C"]);
        let no = BookId(2).instrument(Face::No);
        assert_eq!(numbering.instrument(no), Some(BookId(0).instrument(Face::No)));
    }
}
