//! What the evaluator is told to watch from now on, and what no more.

use dutchbook_book::catalog::{Catalog, Event, Listing, Terms};
use dutchbook_book::{BookId, EventId, RelationId};
use serde::{Deserialize, Serialize};

use crate::discovery::text::{EventText, ListingText, TermsText};
use crate::eval::compile::{Template, compile};
use crate::relation::Relation;
use crate::relation::text::RelationText;

/// A relation with the baskets that it implies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The relation under the id that it gets.
    pub relation: Relation,
    /// Its baskets.
    pub templates: Vec<Template>,
}

/// Markets that appeared, with the events that they belong to: what relations may name from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appeared {
    /// Events as they are stated now; each had its id before, with or without conditions.
    pub events: Vec<Event>,
    /// Each market in its book, which was free.
    pub markets: Vec<(Listing, Terms)>,
}

impl Appeared {
    /// What is listed in `newer` and was not before, and the events that are stated otherwise.
    #[must_use]
    pub fn between(older: &Catalog, newer: &Catalog) -> Self {
        let events = newer.events.iter().zip(&older.events).filter(|(new, old)| new != old);
        let events = events.map(|(new, _)| new.clone()).collect();
        let was_free = |listing: &&Listing| {
            let before = older.listing(listing.book);
            !listing.is_free() && before.is_some_and(Listing::is_free)
        };
        let terms = |listing: &Listing| newer.terms(listing.book).cloned().unwrap_or_default();
        let markets = newer.listings.iter().filter(was_free);
        let markets = markets.map(|listing| (listing.clone(), terms(listing))).collect();
        Self { events, markets }
    }

    /// Enters everything into a catalog. A book that is taken already stays as it is.
    pub fn enter(&self, catalog: &mut Catalog) {
        for event in &self.events {
            catalog.restate_event(event);
        }
        for (listing, terms) in &self.markets {
            let slot = catalog.listings.get_mut(listing.book.index());
            let Some(slot) = slot.filter(|slot| slot.is_free()) else { continue };
            *slot = listing.clone();
            catalog.set_terms(listing.book, terms.clone());
            if let Some(condition) = catalog.conditions.get_mut(listing.condition.index()) {
                condition.name.clone_from(&listing.name);
            }
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.markets.is_empty()
    }
}

/// A difference between what is watched and what shall be. Ids go on where those of the program before
/// have ended, so that programs are installed in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Markets that appeared: entered before anything is watched.
    pub appeared: Appeared,
    /// Relations that do not stand any more.
    pub withdraw: Vec<RelationId>,
    /// Relations that do from now on, by ascending ids.
    pub add: Vec<Compiled>,
}

/// A program as a capture keeps it: what is compiled follows from what is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramText {
    #[serde(default)]
    events: Vec<(u32, EventText)>,
    #[serde(default)]
    markets: Vec<(u32, ListingText, TermsText)>,
    withdraw: Vec<u32>,
    add: Vec<RelationText>,
}

impl Program {
    /// Whether it changes anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.appeared.is_empty() && self.withdraw.is_empty() && self.add.is_empty()
    }

    /// The program as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Appeared { events, markets } = &self.appeared;
        let text = ProgramText {
            events: events.iter().map(|event| (event.id.0, EventText::of(event))).collect(),
            markets: markets
                .iter()
                .map(|(listing, terms)| {
                    (listing.book.0, ListingText::of(listing), TermsText::of(terms))
                })
                .collect(),
            withdraw: self.withdraw.iter().map(|id| id.0).collect(),
            add: self.add.iter().map(|one| RelationText::of(&one.relation)).collect(),
        };
        // Numbers and names have no value that JSON cannot hold.
        serde_json::to_vec(&text).unwrap_or_default()
    }

    /// The program of these bytes, compiled for a catalog, in which the markets that it brings are
    /// entered. `None` where the bytes are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], catalog: &mut Catalog) -> Option<Self> {
        let text: ProgramText = serde_json::from_slice(bytes).ok()?;
        let books = catalog.listings.len();
        let events = text.events.iter().map(|(id, text)| text.event(EventId(*id)));
        let markets = text.markets.iter().map(|(book, listing, terms)| {
            let book = BookId(*book);
            let kind = catalog.listing(book)?.kind;
            Some((listing.listing(book, kind)?, terms.terms()))
        });
        let appeared = Appeared {
            events: events.collect::<Option<_>>()?,
            markets: markets.collect::<Option<_>>()?,
        };
        appeared.enter(catalog);
        let add = text.add.iter().map(|text| {
            let relation = text.relation(books).ok()?;
            let templates = compile(&relation, catalog);
            Some(Compiled { relation, templates })
        });
        Some(Self {
            appeared,
            withdraw: text.withdraw.iter().map(|id| RelationId(*id)).collect(),
            add: add.collect::<Option<_>>()?,
        })
    }
}
