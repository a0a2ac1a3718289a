//! What is listed as JSON: what a capture keeps so that the engine can be built again, beside its
//! relations ([`crate::relation::text`]), and what it keeps of markets that appear while it runs.
//!
//! Every number is written in the unit of its type (1e-6 for prices, quantities and cash, 1e-9 for
//! rates, 1e-12 for money grids): nothing is rounded on the way.

use dutchbook_book::catalog::{Catalog, Event, EventLaw, Listing, Terms, VenueKind};
use dutchbook_book::fee::{Collect, FeeLaw, FeeSchedule, FillRounding, Rounding, Settlement};
use dutchbook_book::grid::PriceRange;
use dutchbook_book::{BookId, Cash, ConditionId, EventId, Grid, Nanos, Price, Qty, Rate, VenueId};
use serde::{Deserialize, Serialize};

/// A catalog as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogText {
    venues: Vec<String>,
    events: Vec<EventText>,
    conditions: Vec<ConditionText>,
    listings: Vec<ListingText>,
    inverted: Vec<u32>,
    #[serde(default)]
    terms: Vec<TermsText>,
}

/// What else a venue states about a listing, as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermsText {
    closes_ns: Option<u64>,
    taker_delay_ns: u64,
    settles_after_ns: u64,
    is_neg_risk: bool,
    shard: u8,
    source: String,
    rules_hash: [u8; 32],
    #[serde(default)]
    fee_type: String,
}

/// An event as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventText {
    name: String,
    law: String,
    /// Its conditions in their order: the rungs of a ladder ascend.
    conditions: Vec<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionText {
    event: u32,
    name: String,
}

/// A listing as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListingText {
    venue: u32,
    condition: u32,
    market: String,
    faces: Option<[String; 2]>,
    name: String,
    /// Start, end and step of each range, in 1e-6.
    ranges: Vec<[u32; 3]>,
    lot_micro: u64,
    min_qty_micro: u64,
    min_notional_micro: i64,
    fee: FeeText,
    can_split: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeeText {
    law: FeeLawText,
    unit_pico: u64,
    direction: String,
    waive_below_unit: bool,
    settlement: String,
    settlement_pico: u64,
    in_contracts: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "is", rename_all = "snake_case")]
enum FeeLawText {
    None,
    Quadratic { taker_nano: u32, maker_nano: u32, exponent: u8 },
    Proportional { taker_nano: u32, maker_nano: u32 },
    Lesser { taker_nano: u32, maker_nano: u32 },
    SellNotional { taker_nano: u32, maker_nano: u32 },
    Winnings { rate_nano: u32 },
    Fixed { per_order_micro: i64 },
}

impl CatalogText {
    /// The text of a catalog.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let events = catalog.events.iter();
        let conditions = catalog.conditions.iter();
        Self {
            venues: catalog.venues.iter().map(|venue| venue.kind.name().to_owned()).collect(),
            events: events.map(EventText::of).collect(),
            conditions: conditions
                .map(|one| ConditionText { event: one.event.0, name: one.name.clone() })
                .collect(),
            listings: catalog.listings.iter().map(ListingText::of).collect(),
            inverted: catalog.inverted.iter().map(|book| book.0).collect(),
            terms: catalog.terms.iter().map(TermsText::of).collect(),
        }
    }

    /// The catalog of the text.
    ///
    /// # Errors
    /// When it names what is not there or holds a number that its type cannot.
    pub fn catalog(&self) -> Result<Catalog, String> {
        let mut catalog = Catalog::default();
        for name in &self.venues {
            let kind = kind_of(name).ok_or_else(|| format!("unknown venue {name}"))?;
            catalog.add_venue(kind);
        }
        for event in &self.events {
            let law = law_of(&event.law).ok_or_else(|| format!("unknown law {}", event.law))?;
            catalog.add_event(&event.name, law);
        }
        for condition in &self.conditions {
            let event = EventId(condition.event);
            if catalog.events.get(event.index()).is_none() {
                return Err(format!("condition {} is of no event", condition.name));
            }
            catalog.add_condition(event, &condition.name);
        }
        for (event, text) in catalog.events.iter_mut().zip(&self.events) {
            let order = |id: &ConditionId| text.conditions.iter().position(|own| *own == id.0);
            event.conditions.sort_by_key(order);
        }
        for listing in &self.listings {
            let bad = || format!("listing {} cannot be read", listing.market);
            catalog.conditions.get(ConditionId(listing.condition).index()).ok_or_else(bad)?;
            let kind = catalog.venues.get(VenueId(listing.venue).index()).map(|venue| venue.kind);
            let made = kind.and_then(|kind| listing.listing(BookId(0), kind)).ok_or_else(bad)?;
            catalog.add_listing(made);
        }
        for &book in &self.inverted {
            catalog.set_inverted(BookId(book));
        }
        catalog.terms = self.terms.iter().map(TermsText::terms).collect();
        Ok(catalog)
    }
}

impl EventText {
    /// The text of an event.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self {
            name: event.name.clone(),
            law: law_name(event.law).to_owned(),
            conditions: event.conditions.iter().map(|id| id.0).collect(),
        }
    }

    /// The event of the text under an id; `None` where its law has no such name.
    #[must_use]
    pub fn event(&self, id: EventId) -> Option<Event> {
        let conditions = self.conditions.iter().map(|id| ConditionId(*id)).collect();
        Some(Event { id, name: self.name.clone(), law: law_of(&self.law)?, conditions })
    }
}

impl TermsText {
    /// The text of terms.
    #[must_use]
    pub fn of(terms: &Terms) -> Self {
        Self {
            closes_ns: terms.closes.map(|closes| closes.0),
            taker_delay_ns: terms.taker_delay.0,
            settles_after_ns: terms.settles_after.0,
            is_neg_risk: terms.is_neg_risk,
            shard: terms.shard,
            source: terms.source.clone(),
            rules_hash: terms.rules_hash,
            fee_type: terms.fee_type.clone(),
        }
    }

    /// The terms of the text.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            closes: self.closes_ns.map(Nanos),
            taker_delay: Nanos(self.taker_delay_ns),
            settles_after: Nanos(self.settles_after_ns),
            is_neg_risk: self.is_neg_risk,
            shard: self.shard,
            source: self.source.clone(),
            rules_hash: self.rules_hash,
            fee_type: self.fee_type.clone(),
        }
    }
}

impl ListingText {
    /// The text of a listing, without its book.
    #[must_use]
    pub fn of(listing: &Listing) -> Self {
        let range =
            |range: &PriceRange| [range.start.micro(), range.end.micro(), range.step.micro()];
        Self {
            venue: listing.venue.0,
            condition: listing.condition.0,
            market: listing.native_market.clone(),
            faces: listing.native_faces.clone(),
            name: listing.name.clone(),
            ranges: listing.grid.ranges().iter().map(range).collect(),
            lot_micro: listing.lot.micro(),
            min_qty_micro: listing.min_qty.micro(),
            min_notional_micro: listing.min_notional.micro(),
            fee: FeeText::of(&listing.fee),
            can_split: listing.can_split,
        }
    }

    /// The listing of the text, of a book on a venue of that kind; `None` where a number cannot be.
    #[must_use]
    pub fn listing(&self, book: BookId, kind: VenueKind) -> Option<Listing> {
        let range = |[start, end, step]: &[u32; 3]| {
            Some(PriceRange {
                start: Price::from_micro(*start)?,
                end: Price::from_micro(*end)?,
                step: Price::from_micro(*step)?,
            })
        };
        let ranges: Vec<PriceRange> = self.ranges.iter().map(range).collect::<Option<_>>()?;
        Some(Listing {
            book,
            venue: VenueId(self.venue),
            kind,
            condition: ConditionId(self.condition),
            native_market: self.market.clone(),
            native_faces: self.faces.clone(),
            name: self.name.clone(),
            grid: Grid::from_ranges(&ranges).ok()?,
            lot: Qty::from_micro(self.lot_micro)?,
            min_qty: Qty::from_micro(self.min_qty_micro)?,
            min_notional: Cash::from_micro(self.min_notional_micro),
            fee: self.fee.schedule()?,
            can_split: self.can_split,
        })
    }
}

impl FeeText {
    fn of(fee: &FeeSchedule) -> Self {
        let (settlement, settlement_pico) = match fee.settlement {
            Settlement::PerFill => ("per_fill", 0),
            Settlement::Accumulator { grid_pico } => ("accumulator", grid_pico),
            Settlement::OrderCost { grid_pico } => ("order_cost", grid_pico),
            Settlement::OrderFee { unit_pico } => ("order_fee", unit_pico),
        };
        let direction = match fee.rounding.direction {
            Rounding::Up => "up",
            Rounding::Down => "down",
            Rounding::HalfUp => "half_up",
        };
        Self {
            law: FeeLawText::of(fee.law),
            unit_pico: fee.rounding.unit_pico,
            direction: direction.to_owned(),
            waive_below_unit: fee.rounding.waive_below_unit,
            settlement: settlement.to_owned(),
            settlement_pico,
            in_contracts: fee.collect == Collect::Contracts,
        }
    }

    fn schedule(&self) -> Option<FeeSchedule> {
        let pico = self.settlement_pico;
        Some(FeeSchedule {
            law: self.law.law()?,
            rounding: FillRounding {
                unit_pico: self.unit_pico,
                direction: match self.direction.as_str() {
                    "up" => Rounding::Up,
                    "down" => Rounding::Down,
                    "half_up" => Rounding::HalfUp,
                    _ => return None,
                },
                waive_below_unit: self.waive_below_unit,
            },
            settlement: match self.settlement.as_str() {
                "per_fill" => Settlement::PerFill,
                "accumulator" => Settlement::Accumulator { grid_pico: pico },
                "order_cost" => Settlement::OrderCost { grid_pico: pico },
                "order_fee" => Settlement::OrderFee { unit_pico: pico },
                _ => return None,
            },
            collect: if self.in_contracts { Collect::Contracts } else { Collect::Cash },
        })
    }
}

/// A rate, where the number is one.
fn rate(nano: u32) -> Option<Rate> {
    (nano <= Rate::ONE.nano()).then(|| Rate::from_nano(nano))
}

impl FeeLawText {
    const fn of(law: FeeLaw) -> Self {
        match law {
            FeeLaw::None => Self::None,
            FeeLaw::Quadratic { taker, maker, exponent } => {
                Self::Quadratic { taker_nano: taker.nano(), maker_nano: maker.nano(), exponent }
            }
            FeeLaw::Proportional { taker, maker } => {
                Self::Proportional { taker_nano: taker.nano(), maker_nano: maker.nano() }
            }
            FeeLaw::Lesser { taker, maker } => {
                Self::Lesser { taker_nano: taker.nano(), maker_nano: maker.nano() }
            }
            FeeLaw::SellNotional { taker, maker } => {
                Self::SellNotional { taker_nano: taker.nano(), maker_nano: maker.nano() }
            }
            FeeLaw::Winnings { rate } => Self::Winnings { rate_nano: rate.nano() },
            FeeLaw::Fixed { per_order } => Self::Fixed { per_order_micro: per_order.micro() },
        }
    }

    fn law(&self) -> Option<FeeLaw> {
        Some(match *self {
            Self::None => FeeLaw::None,
            Self::Quadratic { taker_nano, maker_nano, exponent } => {
                FeeLaw::Quadratic { taker: rate(taker_nano)?, maker: rate(maker_nano)?, exponent }
            }
            Self::Proportional { taker_nano, maker_nano } => {
                FeeLaw::Proportional { taker: rate(taker_nano)?, maker: rate(maker_nano)? }
            }
            Self::Lesser { taker_nano, maker_nano } => {
                FeeLaw::Lesser { taker: rate(taker_nano)?, maker: rate(maker_nano)? }
            }
            Self::SellNotional { taker_nano, maker_nano } => {
                FeeLaw::SellNotional { taker: rate(taker_nano)?, maker: rate(maker_nano)? }
            }
            Self::Winnings { rate_nano } => FeeLaw::Winnings { rate: rate(rate_nano)? },
            Self::Fixed { per_order_micro } => {
                FeeLaw::Fixed { per_order: Cash::from_micro(per_order_micro) }
            }
        })
    }
}

/// The venue of a name.
#[must_use]
pub fn kind_of(name: &str) -> Option<VenueKind> {
    [VenueKind::Polymarket, VenueKind::Kalshi].into_iter().find(|kind| kind.name() == name)
}

const fn law_name(law: EventLaw) -> &'static str {
    match law {
        EventLaw::Independent => "independent",
        EventLaw::Exclusive => "exclusive",
        EventLaw::Partition => "partition",
        EventLaw::Ladder => "ladder",
    }
}

fn law_of(name: &str) -> Option<EventLaw> {
    [EventLaw::Independent, EventLaw::Exclusive, EventLaw::Partition, EventLaw::Ladder]
        .into_iter()
        .find(|law| law_name(*law) == name)
}
