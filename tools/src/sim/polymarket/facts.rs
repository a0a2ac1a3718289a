//! What the venue says about its markets beside their books: names, ids, rules, dates.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use dutchbook_book::catalog::{EventLaw, VenueKind};
use dutchbook_book::fee::{FeeLaw, FeeSchedule};
use dutchbook_book::{BookId, Face, Nanos, Price, Qty, Rate};

use super::super::rng::mix;
use super::super::scenario::Scenario;
use super::super::text::{Rfc3339, hex};
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
            let here = catalog.listings.iter().filter(|l| l.kind == VenueKind::Polymarket);
            let markets: Vec<BookId> = here.map(|listing| listing.book).filter(of_event).collect();
            let bound = matches!(event.law, EventLaw::Exclusive | EventLaw::Partition);
            let neg_risk = bound && markets.len() > 1;
            let mut neg_risk_id = String::new();
            if neg_risk {
                neg_risk_id.push_str("0x");
                hex(&mut neg_risk_id, mix(u64::from(event.id.0) ^ 0x6e65_6772), 62);
                neg_risk_id.push_str("00");
            }
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
                    neg_risk_id,
                    markets,
                },
            );
        }
        facts
    }

    fn add_event(&mut self, scenario: &Scenario, event: EventFacts) {
        for (index, book) in event.markets.iter().enumerate() {
            let Some(listing) = scenario.catalog.listing(*book) else { continue };
            let Some(tokens) = listing.native_faces.clone() else { continue };
            let mut question_id = String::from("0x");
            if event.neg_risk {
                // The questions of one event count on from its id.
                question_id = event.neg_risk_id.get(..64).unwrap_or("0x").to_owned();
                question_id.push_str(&format!("{index:02x}"));
            } else {
                hex(&mut question_id, mix(u64::from(book.0) ^ 0x7175_6573), 64);
            }
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
