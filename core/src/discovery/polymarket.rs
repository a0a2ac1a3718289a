//! Polymarket's lists as drafts: Gamma says what is asked and what binds it, the CLOB on what terms.

use dutchbook_book::catalog::{EventLaw, Listing, Terms as CatalogTerms, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{BookId, Cash, ConditionId, Face, Grid, Qty, Rate, VenueId};
use dutchbook_feeds::listing::polymarket::{Event, FeeTerms, Market, Stage, Terms};
use dutchbook_feeds::session::Trading;

use super::{Change, Directory, Draft, EventDraft, Refusal, hash_of};
use crate::relation::structural::Claim;
use crate::resolution::Says;

/// A marketable buy below one dollar is refused by the venue.
const MIN_NOTIONAL: Cash = Cash::ONE;

impl Directory {
    /// Takes one event of Gamma with the CLOB's terms of its markets, as both are now. `terms` is
    /// asked for by condition id.
    pub fn take_polymarket<'a>(
        &mut self,
        event: &Event,
        terms: impl Fn(&str) -> Option<&'a Terms>,
        changes: &mut Vec<Change>,
    ) {
        if event.is_neg_risk && event.markets.iter().any(|m| m.winner == Some(Face::Yes)) {
            // One outcome came true: what is left is to be settled, not traded.
            let is_known = event.markets.iter().any(|market| self.is_open(&market.condition));
            if !is_known {
                self.refuse(Refusal::Decided);
                return;
            }
        }
        let drafts = event.markets.iter().enumerate();
        let markets = drafts.map(|(at, market)| draft(at, market, terms(&market.condition)));
        let draft = EventDraft {
            native: event.id.clone(),
            name: event.title.clone(),
            law: law_of(event),
            markets: markets.collect(),
        };
        for _ in 0..event.refused {
            self.refuse(Refusal::Unreadable);
        }
        self.take(VenueKind::Polymarket, draft, changes);
    }
}

/// What the metadata promise, before markets that are not followed weaken it.
fn law_of(event: &Event) -> EventLaw {
    let is_one_group = event.markets.iter().all(|market| {
        market.is_neg_risk && market.neg_risk_market.is_some() == event.neg_risk_market.is_some()
    });
    let is_same_group = event.markets.iter().all(|market| {
        market.neg_risk_market == event.neg_risk_market || event.neg_risk_market.is_none()
    });
    if !event.is_neg_risk || !is_one_group || !is_same_group {
        EventLaw::Independent
    } else if event.is_augmented || event.refused > 0 {
        EventLaw::Exclusive
    } else {
        EventLaw::Partition
    }
}

fn draft(at: usize, market: &Market, terms: Option<&Terms>) -> Draft {
    let trading = match (market.stage, terms.and_then(|terms| terms.accepts_orders)) {
        (Stage::Closed, _) => Trading::Closed,
        (Stage::Paused, _) | (Stage::Trading, Some(false)) => Trading::Halted,
        (Stage::Trading, _) => Trading::Open,
    };
    let delay = terms.map_or(market.taker_delay, |terms| terms.taker_delay.max(market.taker_delay));
    Draft {
        native: market.condition.clone(),
        name: market.short_name.clone().unwrap_or_else(|| market.question.clone()),
        rung: i128::try_from(at).unwrap_or(i128::MAX),
        trading,
        winner: market.winner.map(|face| (face, true)),
        listing: listing(market, terms).map(Box::new),
        // Gamma states no strikes: a threshold stands in a title alone.
        claim: Claim::Named,
        doubt: match market.uma_status.as_deref() {
            Some("disputed") => Some(Says::Disputed),
            // Asked again after a dispute; the first request is before any proposal and trade.
            Some("requested") => Some(Says::Reset),
            // A proposal's outcome is not in the list, and a settlement comes with the winner.
            Some(_) | None => None,
        },
        terms: CatalogTerms {
            closes: market.closes,
            taker_delay: delay,
            is_neg_risk: market.is_neg_risk,
            fee_type: market.fee_type.clone().unwrap_or_default(),
            source: market.source.clone().unwrap_or_default(),
            rules_hash: hash_of(&market.rules),
            ..CatalogTerms::default()
        },
    }
}

fn listing(market: &Market, terms: Option<&Terms>) -> Result<Listing, Refusal> {
    let tokens = market.tokens.clone().ok_or(Refusal::Tokens)?;
    if let Some(other) = terms.and_then(|terms| terms.tokens.as_ref())
        && *other != tokens
    {
        return Err(Refusal::Tokens);
    }
    if let Some(condition) = terms.and_then(|terms| terms.condition.as_ref())
        && *condition != market.condition
    {
        return Err(Refusal::Tokens);
    }
    let tick = terms.map(|terms| terms.tick).or(market.tick).ok_or(Refusal::Grid)?;
    let min_qty = terms.and_then(|terms| terms.min_qty).or(market.min_qty);
    Ok(Listing {
        book: BookId(0),
        venue: VenueId(0),
        kind: VenueKind::Polymarket,
        condition: ConditionId(0),
        native_market: market.condition.clone(),
        native_faces: Some(tokens),
        name: market.question.clone(),
        grid: Grid::uniform(tick).map_err(|_| Refusal::Grid)?,
        lot: Qty::from_centi(1).unwrap_or(Qty::ONE),
        min_qty: min_qty.ok_or(Refusal::MinSize)?,
        min_notional: MIN_NOTIONAL,
        fee: fee(market.fee, terms)?,
        can_split: true,
    })
}

/// The CLOB's terms are the newer word; without any word on fees there is no trade.
fn fee(gamma: Option<FeeTerms>, terms: Option<&Terms>) -> Result<FeeSchedule, Refusal> {
    let stated = match (terms, gamma) {
        (Some(Terms { fee: Some(fee), .. }), _) => Some(*fee),
        // The compact terms leave a free market's fee out; Gamma must not say otherwise.
        (_, gamma) => gamma,
    };
    let fee = stated.ok_or(Refusal::Fee)?;
    if fee.rate == Rate::ZERO {
        return Ok(FeeSchedule::NONE);
    }
    if !fee.taker_only {
        return Err(Refusal::Fee);
    }
    Ok(FeeSchedule::polymarket(fee.rate, fee.exponent))
}
