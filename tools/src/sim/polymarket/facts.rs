//! What the venue says about its markets beside their books: names, ids, rules, dates.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use dutchbook_book::catalog::{EventLaw, VenueKind};
use dutchbook_book::fee::{FeeLaw, FeeSchedule};
use dutchbook_book::{BookId, Face, Nanos, Price, Qty, Rate};

use super::super::scenario::Scenario;
use super::super::text::Rfc3339;
use super::eip712::Exchange;

/// How long after the start the markets are said to end.
const LIFE_DAYS: u64 = 30;
/// One day.
const DAY: Nanos = Nanos::from_secs(86_400);

/// One market.
#[derive(Clone, Debug)]
pub(super) struct MarketFacts {
    pub(super) book: BookId,
    /// The number under which the discovery service knows it.
    pub(super) number: String,
    pub(super) condition: String,
    pub(super) question_id: String,
    pub(super) tokens: [String; 2],
    token_numbers: [U256; 2],
    pub(super) question: String,
    pub(super) slug: String,
    pub(super) event: usize,
    pub(super) neg_risk: bool,
    pub(super) min_qty: Qty,
    pub(super) fee: FeeSchedule,
}

/// One event with its markets, in the order of listing.
#[derive(Clone, Debug)]
pub(super) struct EventFacts {
    pub(super) number: String,
    pub(super) title: String,
    pub(super) slug: String,
    pub(super) neg_risk: bool,
    /// Whether outcomes may be added: what is listed is then not all that can happen.
    pub(super) augmented: bool,
    /// The id that binds its markets; empty without neg-risk.
    pub(super) neg_risk_id: String,
    pub(super) markets: Vec<BookId>,
}

/// Everything that is listed.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// In the order of listing.
    pub(super) markets: Vec<MarketFacts>,
    pub(super) events: Vec<EventFacts>,
    by_token: BTreeMap<String, (BookId, Face)>,
    by_condition: BTreeMap<String, BookId>,
    by_book: BTreeMap<BookId, usize>,
}

/// A category with its tag and its series, as Gamma shows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Category {
    pub(super) tag: u32,
    pub(super) label: &'static str,
    pub(super) slug: &'static str,
    pub(super) series: u32,
    pub(super) recurrence: &'static str,
}

/// Every category: tags have the numbers that they have on the venue.
pub(super) const CATEGORIES: [Category; 3] = [
    Category { tag: 2, label: "Politics", slug: "politics", series: 10_525, recurrence: "annual" },
    Category { tag: 1, label: "Sports", slug: "sports", series: 10_345, recurrence: "daily" },
    Category { tag: 21, label: "Crypto", slug: "crypto", series: 10_191, recurrence: "daily" },
];

/// The name of an outcome.
pub(super) const fn outcome(face: Face) -> &'static str {
    match face {
        Face::Yes => "Yes",
        Face::No => "No",
    }
}

/// The two faces, YES first.
pub(super) const FACES: [Face; 2] = [Face::Yes, Face::No];

fn slug_of(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for letter in name.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

impl MarketFacts {
    pub(super) fn token(&self, face: Face) -> &str {
        let [yes, no] = &self.tokens;
        match face {
            Face::Yes => yes,
            Face::No => no,
        }
    }

    pub(super) const fn token_number(&self, face: Face) -> U256 {
        let [yes, no] = self.token_numbers;
        match face {
            Face::Yes => yes,
            Face::No => no,
        }
    }

    /// Which contract settles a token.
    pub(super) fn exchange(&self, face: Face) -> Exchange {
        Exchange::of(self.token_number(face), self.neg_risk)
    }

    /// Rate and exponent of the taker's fee; `None` where nothing is charged.
    pub(super) fn fee_rate(&self) -> Option<(Rate, u8)> {
        let FeeLaw::Quadratic { taker, exponent, .. } = self.fee.law else { return None };
        (taker != Rate::ZERO).then_some((taker, exponent))
    }

    /// What the venue calls its kind of fee, and which share of it makers get back.
    pub(super) fn fee_kind(&self) -> (&'static str, &'static str) {
        match self.fee_rate().map(|(rate, _)| rate.nano()) {
            Some(70_000_000) => ("crypto_fees", "0.2"),
            Some(50_000_000) => ("sports_fees", "0.15"),
            Some(40_000_000) => ("politics_fees", "0.25"),
            _ => ("general_fees", "0.25"),
        }
    }

    /// The category that its fee tells.
    pub(super) fn category(&self) -> &'static Category {
        let [politics, sports, crypto] = &CATEGORIES;
        match self.fee_kind().0 {
            "crypto_fees" => crypto,
            "sports_fees" => sports,
            _ => politics,
        }
    }

    pub(super) fn description(&self) -> String {
        format!(
            "This market will resolve to \"Yes\" if the following comes true: {}. Otherwise, this market will resolve to \"No\".",
            self.question
        )
    }
}

impl Facts {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut facts = Self::default();
        let catalog = &scenario.catalog;
        for event in &catalog.events {
            let of_event = |book: &BookId| {
                let condition = catalog.listing(*book).map(|listing| listing.condition);
                condition.is_some_and(|condition| event.conditions.contains(&condition))
            };
            let here = catalog.listings.iter().filter(|listing| {
                listing.kind == VenueKind::Polymarket && scenario.is_listed_at_start(listing.book)
            });
            let markets: Vec<BookId> = here.map(|listing| listing.book).filter(of_event).collect();
            let question = markets.first().and_then(|book| scenario.question(*book));
            let neg_risk_id = question.and_then(|question| question.neg_risk);
            let neg_risk = neg_risk_id.is_some();
            if markets.is_empty() {
                continue;
            }
            facts.add_event(
                scenario,
                EventFacts {
                    number: (20_000 + u64::from(event.id.0) * 7).to_string(),
                    title: event.name.clone(),
                    slug: slug_of(&event.name),
                    neg_risk,
                    augmented: neg_risk && event.law == EventLaw::Exclusive,
                    neg_risk_id: neg_risk_id.map_or_else(String::new, |id| id.to_string()),
                    markets,
                },
            );
        }
        facts
    }

    /// Lists a market while the venue runs, as an event of its own.
    pub(super) fn add_late(&mut self, scenario: &Scenario, book: BookId) {
        let catalog = &scenario.catalog;
        let condition = catalog.listing(book).map(|listing| listing.condition);
        let condition = condition.and_then(|id| catalog.conditions.get(id.index()));
        let Some(event) = condition.and_then(|one| catalog.events.get(one.event.index())) else {
            return;
        };
        self.add_event(
            scenario,
            EventFacts {
                number: (20_000 + u64::from(event.id.0) * 7).to_string(),
                title: event.name.clone(),
                slug: slug_of(&event.name),
                neg_risk: false,
                augmented: false,
                neg_risk_id: String::new(),
                markets: vec![book],
            },
        );
    }

    fn add_event(&mut self, scenario: &Scenario, event: EventFacts) {
        for book in &event.markets {
            let Some(listing) = scenario.catalog.listing(*book) else { continue };
            let Some(tokens) = listing.native_faces.clone() else { continue };
            let question = scenario.question(*book);
            let question_id = question.map_or_else(String::new, |one| one.id.to_string());
            let number = |text: &String| U256::from_str_radix(text, 10).unwrap_or(U256::ZERO);
            let token_numbers = [number(&tokens[0]), number(&tokens[1])];
            for (face, token) in FACES.into_iter().zip(&tokens) {
                self.by_token.insert(token.clone(), (*book, face));
            }
            self.by_condition.insert(listing.native_market.clone(), *book);
            self.by_book.insert(*book, self.markets.len());
            self.markets.push(MarketFacts {
                book: *book,
                number: scenario.market_ids.get(book.index()).cloned().unwrap_or_default(),
                condition: listing.native_market.clone(),
                question_id,
                tokens,
                token_numbers,
                question: listing.name.clone(),
                slug: slug_of(&listing.name),
                event: self.events.len(),
                neg_risk: event.neg_risk,
                min_qty: listing.min_qty,
                fee: listing.fee,
            });
        }
        self.events.push(event);
    }

    /// The market and face of a token, by its decimal id.
    pub(super) fn token(&self, id: &str) -> Option<(&MarketFacts, Face)> {
        let (book, face) = self.by_token.get(id)?;
        Some((self.market(*book)?, *face))
    }

    pub(super) fn market(&self, book: BookId) -> Option<&MarketFacts> {
        self.markets.get(*self.by_book.get(&book)?)
    }

    pub(super) fn by_condition(&self, condition: &str) -> Option<&MarketFacts> {
        self.market(*self.by_condition.get(condition)?)
    }

    pub(super) fn event_of(&self, market: &MarketFacts) -> Option<&EventFacts> {
        self.events.get(market.event)
    }
}

/// When the markets of a venue opened and end, as it prints them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    pub(super) start: Nanos,
}

impl Dates {
    pub(super) fn opened(self) -> String {
        Rfc3339(self.day()).to_string()
    }

    pub(super) fn opened_day(self) -> String {
        self.opened().get(..10).unwrap_or("").to_owned()
    }

    pub(super) fn end(self) -> String {
        let mut end = self.day();
        for _ in 0..LIFE_DAYS {
            end = end.plus(DAY);
        }
        Rfc3339(end).to_string()
    }

    pub(super) fn end_day(self) -> String {
        self.end().get(..10).unwrap_or("").to_owned()
    }

    const fn day(self) -> Nanos {
        Nanos(self.start.0 / DAY.0 * DAY.0)
    }
}

/// A tick as the venue prints it.
pub(super) fn tick_of(step: u32) -> Price {
    Price::from_micro(step).unwrap_or(Price::ZERO)
}
