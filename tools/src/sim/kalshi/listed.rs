//! What Kalshi lists: series, events and markets with their texts, times and states.

use std::collections::BTreeMap;

use dutchbook_book::catalog::{EventLaw, Listing, VenueKind};
use dutchbook_book::fee::kalshi::{FeeType, Member};
use dutchbook_book::fee::{FeeLaw, FeeSchedule, Settlement};
use dutchbook_book::{BookId, Nanos};

use super::super::scenario::Scenario;

/// How long before the venue opens its markets were listed, and how long they trade at most.
const LISTED_BEFORE: Nanos = Nanos::from_secs(3 * 86_400);
const TRADES_FOR: Nanos = Nanos::from_secs(30 * 86_400);
/// When the result is expected, and the last moment for it, after the close.
const EXPIRES_AFTER: Nanos = Nanos::from_secs(86_400);
const EXPIRES_LATEST: Nanos = Nanos::from_secs(7 * 86_400);

/// Where a market is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Active,
    /// The result is known, money has not moved.
    Determined {
        yes: bool,
        at: Nanos,
    },
    /// Money has moved.
    Finalized {
        yes: bool,
        at: Nanos,
    },
}

impl Life {
    /// The field `status`.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Determined { .. } => "determined",
            Self::Finalized { .. } => "finalized",
        }
    }

    /// The filter `status`, which has words of its own.
    pub(super) const fn filter(self) -> &'static str {
        match self {
            Self::Active => "open",
            Self::Determined { .. } => "closed",
            Self::Finalized { .. } => "settled",
        }
    }

    /// The result, once it is known.
    pub(super) const fn result(self) -> Option<bool> {
        match self {
            Self::Active => None,
            Self::Determined { yes, .. } | Self::Finalized { yes, .. } => Some(yes),
        }
    }
}

/// What a market asks about a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// Above this one.
    Greater(String),
    /// Nothing about a number.
    Custom(String),
}

/// A market as it is listed.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) book: BookId,
    pub(super) ticker: String,
    pub(super) event: String,
    pub(super) series: String,
    pub(super) title: String,
    pub(super) strike: Strike,
    pub(super) opens: Nanos,
    pub(super) closes: Nanos,
    pub(super) life: Life,
    pub(super) updated: Nanos,
    /// As catalogs hold it: for direct members.
    pub(super) fee: FeeSchedule,
}

impl Market {
    /// What it takes to come true.
    pub(super) fn rules(&self) -> String {
        format!("If {}, then the market resolves to Yes.", self.title)
    }

    pub(super) const fn expires(&self) -> Nanos {
        self.closes.plus(EXPIRES_AFTER)
    }

    pub(super) const fn expires_latest(&self) -> Nanos {
        self.closes.plus(EXPIRES_LATEST)
    }

    /// What a member pays here.
    pub(super) const fn fee_of(&self, member: Member) -> FeeSchedule {
        self.fee.settled(Settlement::Accumulator { grid_pico: member.grid_pico() })
    }
}

/// An event: markets that one thing in the world decides.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) ticker: String,
    pub(super) series: String,
    pub(super) title: String,
    /// At most one of its markets comes true.
    pub(super) is_exclusive: bool,
    pub(super) books: Vec<BookId>,
    /// What overrides the multiplier of its series, in 1e-9.
    pub(super) fee_override: Option<u32>,
}

/// A fee that was overridden, or an override that was taken back.
#[derive(Clone, Debug)]
pub(super) struct FeeOverride {
    pub(super) event: String,
    pub(super) multiplier_nano: Option<u32>,
    pub(super) at: Nanos,
}

/// A series: events of one kind, and what they charge.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) ticker: String,
    pub(super) title: String,
    pub(super) fee_type: &'static str,
    /// In 1e-9.
    pub(super) fee_multiplier: u32,
}

/// Everything that is listed, in the order in which pages show it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    markets: BTreeMap<BookId, Market>,
    books: BTreeMap<String, BookId>,
    pub(super) events: Vec<Event>,
    pub(super) series: Vec<Series>,
    /// Overrides of fees, oldest first.
    pub(super) overrides: Vec<FeeOverride>,
    /// When the last series, event or market was added.
    pub(super) since: Nanos,
}

impl Listed {
    /// What a scenario lists on Kalshi, open at `start`.
    pub(super) fn new(scenario: &Scenario, start: Nanos) -> Self {
        let whole_day = Nanos(start.0 - start.0 % Nanos::from_secs(3_600).0);
        let since = Nanos(whole_day.0.saturating_sub(LISTED_BEFORE.0));
        let mut listed = Self {
            markets: BTreeMap::new(),
            books: BTreeMap::new(),
            events: Vec::new(),
            series: Vec::new(),
            overrides: Vec::new(),
            since,
        };
        let is_ours = |listing: &&Listing| {
            listing.kind == VenueKind::Kalshi && scenario.is_listed_at_start(listing.book)
        };
        for listing in scenario.catalog.listings.iter().filter(is_ours) {
            listed.add(scenario, listing, whole_day.plus(TRADES_FOR));
        }
        listed
    }

    /// Lists a market while the venue runs.
    pub(super) fn add_late(&mut self, scenario: &Scenario, listing: &Listing, now: Nanos) {
        self.since = self.since.max(now);
        let hour = Nanos(now.0 - now.0 % Nanos::from_secs(3_600).0);
        self.add(scenario, listing, hour.plus(TRADES_FOR));
    }

    fn add(&mut self, scenario: &Scenario, listing: &Listing, closes: Nanos) {
        let event = scenario.slugs.get(listing.book.index()).cloned().unwrap_or_default();
        let series = event.split('-').next().unwrap_or(&event).to_owned();
        self.add_series(&series, listing);
        self.add_event(scenario, &event, &series, listing);
        let ticker = listing.native_market.clone();
        let suffix = ticker.strip_prefix(&event).unwrap_or("").trim_start_matches('-');
        let number = suffix.strip_prefix('T').filter(|text| text.parse::<f64>().is_ok());
        let strike = match number {
            Some(text) => Strike::Greater(text.to_owned()),
            None => Strike::Custom(listing.name.clone()),
        };
        self.books.insert(ticker.clone(), listing.book);
        let market = Market {
            book: listing.book,
            ticker,
            event,
            series,
            title: listing.name.clone(),
            strike,
            opens: self.since,
            closes,
            life: Life::Active,
            updated: self.since,
            fee: listing.fee,
        };
        self.markets.insert(listing.book, market);
    }

    fn add_series(&mut self, ticker: &str, listing: &Listing) {
        if self.series.iter().any(|series| series.ticker == ticker) {
            return;
        }
        let (fee_type, fee_multiplier) = fee_fields(&listing.fee);
        let (ticker, title) = (ticker.to_owned(), listing.name.clone());
        self.series.push(Series { ticker, title, fee_type, fee_multiplier });
    }

    fn add_event(&mut self, scenario: &Scenario, ticker: &str, series: &str, listing: &Listing) {
        if let Some(event) = self.events.iter_mut().find(|event| event.ticker == ticker) {
            event.books.push(listing.book);
            return;
        }
        let condition = scenario.catalog.conditions.get(listing.condition.index());
        let event = condition.and_then(|c| scenario.catalog.events.get(c.event.index()));
        let law = event.map_or(EventLaw::Independent, |event| event.law);
        self.events.push(Event {
            ticker: ticker.to_owned(),
            series: series.to_owned(),
            title: event.map_or_else(|| listing.name.clone(), |event| event.name.clone()),
            is_exclusive: matches!(law, EventLaw::Exclusive | EventLaw::Partition),
            books: vec![listing.book],
            fee_override: None,
        });
    }

    /// A market by its ticker.
    pub(super) fn of_ticker(&self, ticker: &str) -> Option<&Market> {
        self.books.get(ticker).and_then(|book| self.markets.get(book))
    }

    /// A market by its book.
    pub(super) fn get(&self, book: BookId) -> Option<&Market> {
        self.markets.get(&book)
    }

    /// A market that changes.
    pub(super) fn get_mut(&mut self, book: BookId) -> Option<&mut Market> {
        self.markets.get_mut(&book)
    }

    /// The ticker of a book; empty for one that is not listed here.
    pub(super) fn ticker(&self, book: BookId) -> &str {
        self.markets.get(&book).map_or("", |market| market.ticker.as_str())
    }

    /// All markets, by book.
    pub(super) fn markets(&self) -> impl Iterator<Item = &Market> {
        self.markets.values()
    }

    /// An event by its ticker.
    pub(super) fn event(&self, ticker: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.ticker == ticker)
    }
}

/// The series fields that give a schedule's rates.
fn fee_fields(fee: &FeeSchedule) -> (&'static str, u32) {
    let FeeLaw::Quadratic { taker, maker, .. } = fee.law else { return ("quadratic", 0) };
    let one = u64::from(FeeType::TAKER.nano());
    let multiplier = u64::from(taker.nano()) * 1_000_000_000 / one;
    let fee_type = match maker.nano() {
        0 => "quadratic",
        rate if rate * 4 == taker.nano() => "quadratic_with_maker_fees",
        _ => "quadratic_with_combo_maker_fees",
    };
    (fee_type, u32::try_from(multiplier).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenario_is_listed_as_the_venue_groups_it() {
        let scenario = Scenario::demo(1, Nanos::from_secs(12)).unwrap();
        let listed = Listed::new(&scenario, Nanos::from_secs(1_790_000_000));
        let ladder = listed.event("KXCPIYOY-26NOV").unwrap();
        assert_eq!((ladder.books.len(), ladder.is_exclusive), (6, false));
        assert!(listed.event("KXALBUM-27").unwrap().is_exclusive);
        let rung = listed.of_ticker("KXCPIYOY-26NOV-T2.7").unwrap();
        assert_eq!(rung.strike, Strike::Greater("2.7".to_owned()));
        assert_eq!(rung.series, "KXCPIYOY");
        let of = |ticker: &str| {
            let series = listed.series.iter().find(|series| series.ticker == ticker).unwrap();
            (series.fee_type, series.fee_multiplier)
        };
        assert_eq!(of("KXCPIYOY"), ("quadratic", 500_000_000));
        assert_eq!(of("KXALBUM"), ("quadratic", 0));
        assert_eq!(of("KXFEDDECISION"), ("quadratic", 1_000_000_000));
    }
}
