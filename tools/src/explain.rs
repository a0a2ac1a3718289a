//! `dutchbook explain`: one opportunity of a recorded run, with the books, fees, states and arithmetic
//! that the engine had before it.
//!
//! The run is followed again exactly as it was; nothing is taken from notes. What is printed is what the
//! replayed engine read, and its own numbers are checked by walking the levels once more.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use dutchbook_book::catalog::Catalog;
use dutchbook_book::{Exact, Level, Qty, Side};
use dutchbook_core::engine::explain::{ExplainedLeg, Explanation};
use dutchbook_core::opportunity::OpportunityId;
use dutchbook_core::relation::Source;
use serde_json::{Value, json};

use crate::capture::error::CaptureError;
use crate::capture::follow::follow_explaining;
use crate::capture::reader::Capture;
use crate::demo::news::face_name;

/// States that a page shows; a report for machines has all of them.
const STATES_SHOWN_MAX: usize = 24;

/// Options of explain.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook demo --record run --headless\n  dutchbook explain 3 run\n\nThe number is \
                        that of the opportunity in the run's report. A capture holds what is needed; the journal alone does not."
)]
pub struct ExplainArgs {
    /// The opportunity's number.
    #[arg(value_name = "ID")]
    pub id: u64,
    /// The folder of a capture (`demo --record`).
    #[arg(value_name = "CAPTURE")]
    pub capture: PathBuf,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The capture cannot be followed.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The run had no such opportunity.
    #[error("the run had {born} opportunities, numbered from 1; none is {id}")]
    Unknown {
        /// What was asked for.
        id: u64,
        /// How many there were.
        born: u64,
    },
}

/// One leg walked again.
#[derive(Debug)]
struct Walked {
    /// Price and contracts taken at each level.
    fills: Vec<Level>,
    notional: Exact,
    fee: Exact,
    delivered: Qty,
}

/// What was found.
#[derive(Debug)]
pub struct Explained {
    id: u64,
    catalog: Catalog,
    /// The decision that was sent, or else the best evaluation.
    chosen: Explanation,
    /// How many evaluations there were of it, as far as they are kept.
    evaluations: usize,
    complete: bool,
}

/// Follows a capture and explains one opportunity of it.
///
/// # Errors
/// When the capture cannot be followed, or the run had no such opportunity.
pub fn run(args: &ExplainArgs) -> Result<Explained, ExplainError> {
    let capture = Capture::open(&args.capture)?;
    let followed = follow_explaining(&capture, OpportunityId(args.id))?;
    let seen = followed.engine.explained();
    let sent = seen.iter().find(|one| one.decision.is_some());
    let best = || seen.iter().max_by_key(|one| one.sighting.net_edge);
    let born = followed.engine.lives().born_count();
    let chosen = sent.or_else(best).ok_or(ExplainError::Unknown { id: args.id, born })?.clone();
    let (evaluations, complete) = (seen.len(), followed.is_complete());
    Ok(Explained { id: args.id, catalog: followed.catalog, chosen, evaluations, complete })
}

/// Walks a leg's levels for the contracts that it was to trade.
fn walk(leg: &ExplainedLeg) -> Option<Walked> {
    let mut fees = leg.fee.order();
    let mut left = leg.offered.qty;
    let (mut fills, mut notional) = (Vec::new(), Exact::ZERO);
    let (mut fee, mut delivered) = (Exact::ZERO, Qty::ZERO);
    for level in &leg.levels {
        let take = level.qty.min(left);
        if take.is_zero() {
            break;
        }
        let fill = fees.fill(leg.offered.side, level.price, take)?;
        fee = fee.checked_add(fill.fee)?;
        delivered = delivered.checked_add(fill.delivered)?;
        notional = notional.checked_add(Exact::product(level.price, take))?;
        fills.push(Level { price: level.price, qty: take });
        left = left.checked_sub(take)?;
    }
    left.is_zero().then_some(Walked { fills, notional, fee, delivered })
}

const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Structure => "the venues' own structure",
        Source::Approved => "a relation that a person approved",
        Source::Suspended => {
            "a relation that a person approved, suspended: a market trades on other terms"
        }
        Source::Nominated => "a nominated relation that nobody approved",
    }
}

impl Explained {
    fn name(&self, leg: &ExplainedLeg) -> (&'static str, &str) {
        let listing = self.catalog.listing(leg.leg.instrument.book());
        listing.map_or(("?", "?"), |listing| (listing.kind.name(), listing.name.as_str()))
    }

    fn leg_json(&self, leg: &ExplainedLeg) -> Value {
        let (venue, market) = self.name(leg);
        let stamp = leg.offered.view.stamp;
        let level = |level: &Level| json!([level.price.to_string(), level.qty.to_string()]);
        let walked = walk(leg).map(|walked| {
            json!({
                "fills": walked.fills.iter().map(level).collect::<Vec<_>>(),
                "notional": walked.notional.to_string(),
                "fee": walked.fee.to_string(),
                "delivered": walked.delivered.to_string(),
            })
        });
        json!({
            "venue": venue,
            "market": market,
            "face": face_name(leg.leg.instrument),
            "side": side(leg.offered.side),
            "ratio_micro": leg.leg.ratio_micro,
            "limit": leg.offered.limit.to_string(),
            "qty": leg.offered.qty.to_string(),
            "lot": leg.lot.to_string(),
            "min_qty": leg.min_qty.to_string(),
            "min_notional": leg.min_notional.to_string(),
            "fee_schedule": leg.fee.law.to_string(),
            "book": {
                "version": stamp.version,
                "epoch": stamp.epoch,
                "received_ns": stamp.ts_recv.0,
                "levels": leg.levels.iter().map(level).collect::<Vec<_>>(),
            },
            "walked": walked,
        })
    }

    /// What each instrument pays, state by state, as far as it was possible.
    fn states(&self) -> Vec<Vec<String>> {
        let table = &self.chosen.relation.states;
        let row = |state: usize| {
            let legs = self.chosen.legs.iter();
            let pays = legs.map(|leg| table.payoff(state, leg.leg.instrument));
            pays.map(|pays| pays.map_or_else(|| "?".to_owned(), |p| p.to_string())).collect()
        };
        table.possible().map(row).collect()
    }

    /// For machines.
    #[must_use]
    pub fn json(&self) -> Value {
        let Explanation { at, decision, outcome, concrete, pays, relation, legs, sighting, .. } =
            &self.chosen;
        json!({
            "opportunity": self.id,
            "at_ns": at.0,
            "decision": decision,
            "outcome": outcome.to_string(),
            "evaluations": self.evaluations,
            "followed_whole_run": self.complete,
            "kind": concrete.kind.name(),
            "relation": {
                "law": relation.law.name(),
                "source": source_name(relation.source),
                "states": self.states(),
            },
            "floor_1e14": concrete.floor,
            "edge_1e14": concrete.edge,
            "payoff_1e14": pays.payoff,
            "min_edge_1e14": pays.min_edge,
            "capital_max": pays.capital_max.to_string(),
            "legs": legs.iter().map(|leg| self.leg_json(leg)).collect::<Vec<_>>(),
            "size": sighting.size.to_string(),
            "gross": sighting.gross.to_string(),
            "fees": sighting.fees.to_string(),
            "net": sighting.net_edge.to_string(),
        })
    }

    /// For a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _infallible = self.write(&mut page);
        page
    }

    fn write(&self, page: &mut String) -> core::fmt::Result {
        let chosen = &self.chosen;
        let sent = match chosen.decision {
            Some(decision) => format!("sent as decision {decision}"),
            None => format!("not sent: {}", chosen.outcome),
        };
        writeln!(page, "opportunity {}: {}, {sent}", self.id, chosen.concrete.kind.name())?;
        writeln!(page, "at {} ns; {} evaluations of it", chosen.at.0, self.evaluations)?;
        let law = chosen.relation.law.name();
        writeln!(page, "it rests on {}: {law}", source_name(chosen.relation.source))?;
        writeln!(page, "\nlegs, with the books as they were read")?;
        for leg in &chosen.legs {
            self.write_leg(page, leg)?;
        }
        self.write_states(page)?;
        writeln!(page, "\narithmetic")?;
        writeln!(page, "  a basket pays {} at least", dollars(chosen.pays.payoff))?;
        writeln!(page, "  edge of the first basket {}", dollars(chosen.concrete.edge))?;
        writeln!(page, "  capital allowed {}", chosen.pays.capital_max)?;
        let sighting = &chosen.sighting;
        writeln!(page, "  {} baskets: gross {}", sighting.size, sighting.gross)?;
        writeln!(page, "  less fees and fixed costs {}", sighting.fees)?;
        writeln!(page, "  net {}", sighting.net_edge)?;
        if !self.complete {
            writeln!(
                page,
                "\nnote: the capture has holes; the run was followed as far as it goes"
            )?;
        }
        Ok(())
    }

    fn write_leg(&self, page: &mut String, leg: &ExplainedLeg) -> core::fmt::Result {
        let (venue, market) = self.name(leg);
        let offered = &leg.offered;
        writeln!(
            page,
            "  {} {} {} of {market} on {venue}, limit {}",
            side(offered.side),
            offered.qty,
            face_name(leg.leg.instrument),
            offered.limit
        )?;
        let stamp = offered.view.stamp;
        writeln!(page, "    view {} of epoch {}, {}", stamp.version, stamp.epoch, leg.fee.law)?;
        let shown: Vec<String> =
            leg.levels.iter().take(8).map(|l| format!("{} x {}", l.price, l.qty)).collect();
        writeln!(page, "    levels  {}", shown.join(", "))?;
        match walk(leg) {
            None => writeln!(page, "    the levels do not hold that much"),
            Some(walked) => writeln!(
                page,
                "    costs   {} and {} of fees over {} levels; {} arrive",
                walked.notional,
                walked.fee,
                walked.fills.len(),
                walked.delivered
            ),
        }
    }

    fn write_states(&self, page: &mut String) -> core::fmt::Result {
        let states = self.states();
        writeln!(page, "\nwhat each leg pays, state by state ({} possible)", states.len())?;
        for state in states.iter().take(STATES_SHOWN_MAX) {
            writeln!(page, "  {}", state.join("  "))?;
        }
        if states.len() > STATES_SHOWN_MAX {
            writeln!(page, "  and {} more", states.len() - STATES_SHOWN_MAX)?;
        }
        Ok(())
    }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// 1e-14 $ as dollars, every digit.
fn dollars(unit: i64) -> String {
    let (sign, unit) =
        if unit < 0 { ("-", unit.unsigned_abs()) } else { ("", unit.unsigned_abs()) };
    let (whole, rest) = (unit / 100_000_000_000_000, unit % 100_000_000_000_000);
    let text = format!("{sign}{whole}.{rest:014}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_of_a_unit_is_shown() {
        for (unit, text) in [
            (100_000_000_000_000, "1"),
            (45_232_000_000_000, "0.45232"),
            (-1, "-0.00000000000001"),
            (0, "0"),
        ] {
            assert_eq!(dollars(unit), text);
        }
    }
}
