//! Kalshi's lists as drafts.

use dutchbook_book::catalog::{EventLaw, Listing, Terms, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::fee::kalshi::{FeeType, Member, Rule, schedule};
use dutchbook_book::{BookId, Cash, ConditionId, Qty, Rate, VenueId};
use dutchbook_feeds::listing::kalshi::{Event, FeeTerms, Market, Series, Stage, Strike};
use dutchbook_feeds::session::Trading;

use super::{Change, Directory, Draft, EventDraft, Refusal, hash_of};
use crate::relation::structural::Claim;

impl Directory {
    /// Takes one event with its series, as both are now.
    pub fn take_kalshi(
        &mut self,
        event: &Event,
        series: Option<&Series>,
        changes: &mut Vec<Change>,
    ) {
        let terms = event.fee_override.or_else(|| series.map(|series| series.fee));
        let fee_type = terms.and_then(|terms| terms.fee_type).map_or("", FeeType::native);
        let fee = fee(terms, self.member);
        let source = event.source.clone().or_else(|| series.and_then(|s| s.source.clone()));
        let law = law_of(event);
        let is_falling = matches!(first_strike(event), Some(Strike::Below { .. }));
        let markets = event.markets.iter().enumerate().map(|(at, market)| {
            let rung = match (law, market.strike) {
                // "Below 20" follows from "below 10": the rungs of a falling ladder descend.
                (EventLaw::Ladder, Strike::Below { cap_nano, .. }) if is_falling => {
                    cap_nano.saturating_neg()
                }
                (EventLaw::Ladder, Strike::Above { floor_nano, .. }) => floor_nano,
                _ => i128::try_from(at).unwrap_or(i128::MAX),
            };
            draft(rung, market, fee_type, fee, source.as_deref().unwrap_or_default())
        });
        let draft = EventDraft {
            native: event.ticker.clone(),
            name: event.title.clone(),
            law,
            markets: markets.collect(),
        };
        for _ in 0..event.refused {
            self.refuse(Refusal::Unreadable);
        }
        self.take(VenueKind::Kalshi, draft, changes);
    }
}

fn first_strike(event: &Event) -> Option<Strike> {
    event.markets.first().map(|market| market.strike)
}

/// At most one, where the venue says so; a ladder, where all strikes are of one comparison and no
/// two are equal. Nothing else is promised.
fn law_of(event: &Event) -> EventLaw {
    if event.is_exclusive {
        return EventLaw::Exclusive;
    }
    let rung = |market: &Market| match (market.strike, market.is_binary) {
        (Strike::Above { floor_nano, or_equal }, true) => Some((true, or_equal, floor_nano)),
        (Strike::Below { cap_nano, or_equal }, true) => Some((false, or_equal, cap_nano)),
        (
            Strike::Between { .. } | Strike::Other | Strike::Above { .. } | Strike::Below { .. },
            _,
        ) => None,
    };
    let Some(mut rungs) = event.markets.iter().map(rung).collect::<Option<Vec<_>>>() else {
        return EventLaw::Independent;
    };
    rungs.sort_unstable();
    let is_one_way = rungs.windows(2).all(|two| match two {
        [a, b] => (a.0, a.1) == (b.0, b.1) && a.2 < b.2,
        _ => true,
    });
    if rungs.len() > 1 && is_one_way { EventLaw::Ladder } else { EventLaw::Independent }
}

/// What YES of a market claims about the quantity of its event.
const fn claim(market: &Market) -> Claim {
    if !market.is_binary {
        return Claim::Named;
    }
    match market.strike {
        Strike::Above { floor_nano, or_equal: false } => Claim::Above(floor_nano),
        Strike::Above { floor_nano, or_equal: true } => Claim::AtLeast(floor_nano),
        Strike::Below { cap_nano, or_equal: false } => Claim::Below(cap_nano),
        Strike::Below { cap_nano, or_equal: true } => Claim::AtMost(cap_nano),
        Strike::Between { floor_nano, cap_nano } => Claim::Between(floor_nano, cap_nano),
        Strike::Other => Claim::Named,
    }
}

fn draft(
    rung: i128,
    market: &Market,
    fee_type: &str,
    fee: Result<FeeSchedule, Refusal>,
    source: &str,
) -> Draft {
    let trading = match market.stage {
        Stage::Active => Trading::Open,
        Stage::Initialized | Stage::Inactive => Trading::Halted,
        Stage::Closed | Stage::Finalized => Trading::Closed,
    };
    let is_final = market.stage == Stage::Finalized;
    Draft {
        native: market.ticker.clone(),
        name: match (&market.short_name, market.title.is_empty()) {
            (Some(short), _) => short.clone(),
            (None, false) => market.title.clone(),
            (None, true) => market.ticker.clone(),
        },
        rung,
        trading,
        winner: market.winner.map(|face| (face, is_final)),
        listing: listing(market, fee).map(Box::new),
        claim: claim(market),
        doubt: None,
        terms: Terms {
            closes: market.closes,
            settles_after: market.settles_after,
            shard: market.shard,
            source: source.to_owned(),
            fee_type: fee_type.to_owned(),
            rules_hash: hash_of(&market.rules),
            ..Terms::default()
        },
    }
}

fn listing(market: &Market, fee: Result<FeeSchedule, Refusal>) -> Result<Listing, Refusal> {
    if !market.is_binary {
        return Err(Refusal::NotBinary);
    }
    let lot = Qty::from_centi(1).unwrap_or(Qty::ONE);
    let name = if market.title.is_empty() { &market.ticker } else { &market.title };
    Ok(Listing {
        book: BookId(0),
        venue: VenueId(0),
        kind: VenueKind::Kalshi,
        condition: ConditionId(0),
        native_market: market.ticker.clone(),
        native_faces: None,
        name: name.clone(),
        grid: market.grid,
        lot,
        min_qty: lot,
        min_notional: Cash::ZERO,
        fee: fee?,
        can_split: false,
    })
}

/// The series' fee, or what overrides it. A waiver is not counted on: it may end while we trade.
fn fee(terms: Option<FeeTerms>, member: Member) -> Result<FeeSchedule, Refusal> {
    let terms = terms.ok_or(Refusal::Fee)?;
    let fee_type = terms.fee_type.ok_or(Refusal::Fee)?;
    if terms.multiplier == Rate::ZERO {
        return Ok(FeeSchedule::NONE);
    }
    schedule(fee_type, terms.multiplier, Rule::Current(member)).ok_or(Refusal::Fee)
}
