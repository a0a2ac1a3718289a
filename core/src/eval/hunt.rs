//! The best basket of a cluster that no single relation has: found by the linear program over states
//! that are added as a portfolio fails in them, and proved over all of them before it becomes a
//! relation of its own.
//!
//! What is kept is a basket with ratios, not a portfolio: prices do not invalidate it, and the hot path
//! watches it like every other. Nothing here is trusted: its states are projected from the cluster, and
//! the floor is read off them in integers.

use dutchbook_book::catalog::Listing;
use dutchbook_book::fee::UnitCost;
use dutchbook_book::{BookId, Face, InstrumentId, Level, Price, Side};

use super::basket::{BasketKind, Leg, RATIO_ONE};
use super::cluster::{Cluster, State, Worst};
use super::portfolio::{Limits, Listed, Proved};
use super::search;
use crate::relation::{Relation, Source};

/// States that one hunt may add before it gives up.
const STATES_MAX: usize = 96;
/// Rows of the table of a found basket.
const ROWS_MAX: usize = 256;
/// Ratios are whole hundredths of a contract.
const RATIO_STEP: u64 = 10_000;

/// What one book shows, in YES terms.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
}

/// One book of the cluster: what it lists, and what it shows; nothing where it may not be traded on.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// Its rules.
    pub listing: &'a Listing,
    /// Its levels.
    pub shown: Shown,
}

/// Why a hunt came back with nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// No portfolio earns anything.
    Nothing,
    /// What earns has a closed form already.
    Known,
    /// It could not be proved over all states.
    Unproved,
}

/// One instrument as the solver sees it.
struct Offer {
    id: InstrumentId,
    asks: Vec<Level>,
    bids: Vec<Level>,
    payoffs: Vec<Price>,
}

struct Hunt<'a> {
    cluster: &'a Cluster,
    places: &'a [Place<'a>],
    limits: &'a Limits,
    offers: Vec<Offer>,
    states: Vec<State>,
}

/// Looks for a basket over several relations that pays at the books as they are now, and gives it as a
/// relation. `places` are the cluster's books in its order.
///
/// # Errors
/// The reason why there is none.
pub fn hunt(
    cluster: &Cluster,
    places: &[Place<'_>],
    limits: &Limits,
    source: Source,
) -> Result<Relation, Missed> {
    let mut hunt = Hunt { cluster, places, limits, offers: Vec::new(), states: Vec::new() };
    hunt.offer();
    hunt.begin();
    let proved = hunt.prove()?;
    let legs = hunt.basket(&proved).ok_or(Missed::Nothing)?;
    let mut books: Vec<BookId> = legs.iter().map(|leg| leg.instrument.book()).collect();
    books.sort_unstable();
    books.dedup();
    if cluster.is_of_one_relation(&books) {
        return Err(Missed::Known);
    }
    let table = cluster.table(&books, ROWS_MAX).ok_or(Missed::Unproved)?;
    Ok(Relation::given(BasketKind::Polytope, legs, table).from_source(source))
}

fn mirrored(levels: &[Level]) -> Vec<Level> {
    levels.iter().map(|level| level.mirrored()).collect()
}

impl Hunt<'_> {
    fn offer(&mut self) {
        for place in self.places {
            let (book, shown) = (place.listing.book, &place.shown);
            // What is sold comes out of a split set.
            let sold =
                |levels: Vec<Level>| if place.listing.can_split { levels } else { Vec::new() };
            self.offers.push(Offer {
                id: book.instrument(Face::Yes),
                asks: shown.asks.clone(),
                bids: sold(shown.bids.clone()),
                payoffs: Vec::new(),
            });
            self.offers.push(Offer {
                id: book.instrument(Face::No),
                asks: mirrored(&shown.bids),
                bids: sold(mirrored(&shown.asks)),
                payoffs: Vec::new(),
            });
        }
    }

    /// A first handful of states: each instrument failing once.
    fn begin(&mut self) {
        let count = self.cluster.books().len();
        for at in 0..count {
            for weight in [[1, 0], [0, 1]] {
                let mut held = vec![[0; 2]; count];
                if let Some(slot) = held.get_mut(at) {
                    *slot = weight;
                }
                if let Worst::Found(_, state) = self.cluster.worst(&held) {
                    self.add(state);
                }
            }
        }
    }

    /// Adds a state; whether it is new.
    fn add(&mut self, state: State) -> bool {
        if self.states.contains(&state) {
            return false;
        }
        for offer in &mut self.offers {
            offer.payoffs.push(self.cluster.payoff(&state, offer.id).unwrap_or(Price::ZERO));
        }
        self.states.push(state);
        true
    }

    /// The best portfolio that keeps its promise in every state of the cluster.
    fn prove(&mut self) -> Result<Proved, Missed> {
        while self.states.len() < STATES_MAX {
            let proved = self.solve().ok_or(Missed::Nothing)?;
            match self.cluster.worst(&self.held(&proved)) {
                // Contracts times payoffs are 1e-12 $, as the floor is.
                Worst::Found(value, _) if value >= proved.floor.pico() => return Ok(proved),
                Worst::Found(_, state) => {
                    if !self.add(state) {
                        return Err(Missed::Unproved);
                    }
                }
                Worst::Impossible | Worst::TooMany => return Err(Missed::Unproved),
            }
        }
        Err(Missed::Unproved)
    }

    /// What a portfolio holds of each book once its orders are filled.
    fn held(&self, proved: &Proved) -> Vec<[i128; 2]> {
        let mut held = vec![[0; 2]; self.cluster.books().len()];
        for (order, leg) in proved.orders.iter().zip(&proved.legs) {
            let faces: Option<&mut [i128; 2]> = held.get_mut(order.instrument / 2);
            let Some(slot) = faces.and_then(|faces| faces.get_mut(order.instrument % 2)) else {
                continue;
            };
            *slot += match order.side {
                Side::Buy => i128::from(leg.delivered.micro()),
                Side::Sell => -i128::from(order.qty.micro()),
            };
        }
        held
    }

    fn solve(&self) -> Option<Proved> {
        let listed: Vec<Listed<'_>> = self
            .offers
            .iter()
            .enumerate()
            .filter_map(|(at, offer)| {
                let listing = self.places.get(at / 2)?.listing;
                Some(Listed {
                    payoffs: &offer.payoffs,
                    asks: &offer.asks,
                    bids: &offer.bids,
                    schedule: listing.fee,
                    lot: listing.lot,
                    min_qty: listing.min_qty,
                    min_notional: listing.min_notional,
                })
            })
            .collect();
        search::best(&listed, self.limits).ok()
    }

    /// The orders of a portfolio as a basket: all alike, or in the proportions that were found,
    /// whichever earns more at the top of the books.
    fn basket(&self, proved: &Proved) -> Option<Vec<Leg>> {
        let most = proved.orders.iter().map(|order| order.qty.micro()).max()?;
        let leg = |at: usize, ratio_micro: u32| {
            let order = proved.orders.get(at)?;
            let instrument = self.offers.get(order.instrument)?.id;
            Some(Leg { instrument, side: order.side, ratio_micro })
        };
        let count = proved.orders.len();
        let alike: Option<Vec<Leg>> = (0..count).map(|at| leg(at, RATIO_ONE)).collect();
        let in_proportion: Option<Vec<Leg>> = (0..count)
            .map(|at| {
                let qty = u128::from(proved.orders.get(at)?.qty.micro());
                let ratio = qty * u128::from(RATIO_ONE) / u128::from(most);
                let ratio = u64::try_from(ratio).ok()?.next_multiple_of(RATIO_STEP);
                leg(at, u32::try_from(ratio).ok()?)
            })
            .collect();
        [alike, in_proportion]
            .into_iter()
            .flatten()
            .filter_map(|legs| Some((self.edge(&legs)?, legs)))
            .filter(|(edge, _)| *edge > 0)
            .max_by_key(|(edge, _)| *edge)
            .map(|(_, legs)| legs)
    }

    /// What a basket earns in its worst state at the best prices, in 1e-14 $.
    fn edge(&self, legs: &[Leg]) -> Option<i128> {
        let mut held = vec![[0; 2]; self.cluster.books().len()];
        let mut paid = 0_i128;
        for leg in legs {
            let at = self.offers.iter().position(|offer| offer.id == leg.instrument)?;
            let (offer, listing) = (self.offers.get(at)?, self.places.get(at / 2)?.listing);
            let slot = held.get_mut(at / 2)?.get_mut(at % 2)?;
            let ratio = i128::from(leg.ratio_micro);
            let unit: UnitCost = match leg.side {
                Side::Buy => {
                    *slot += ratio;
                    listing.fee.unit_cost(offer.asks.first()?.price)
                }
                Side::Sell => {
                    *slot -= ratio;
                    -listing.fee.unit_proceeds(offer.bids.first()?.price)
                }
            };
            paid =
                paid.checked_add(i128::from(unit).checked_mul(ratio)? / i128::from(RATIO_ONE))?;
        }
        match self.cluster.worst(&held) {
            // 1e-6 contracts × 1e-6 $ is 100 × 1e-14 $.
            Worst::Found(value, _) => value.checked_mul(100)?.checked_sub(paid),
            Worst::Impossible | Worst::TooMany => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::resolution::Odds;
    use dutchbook_book::catalog::VenueKind;
    use dutchbook_book::{Cash, ConditionId, Grid, Qty, VenueId};

    fn listing(book: u32) -> Listing {
        Listing {
            book: BookId(book),
            ..Listing::plain(
                VenueKind::Kalshi,
                VenueId(0),
                ConditionId(book),
                Grid::uniform(Price::from_pips(100).unwrap()).unwrap(),
            )
        }
    }

    fn levels(cents: u32, count: u64) -> Vec<Level> {
        let price = Price::from_pips(cents * 100).unwrap();
        vec![Level { price, qty: Qty::from_contracts(count).unwrap() }]
    }

    /// Books by their bid and ask in cents, a hundred contracts each, and the relations between them.
    fn hunted(relations: &[Relation], tops: &[(u32, u32)]) -> Result<Relation, Missed> {
        let cluster = Cluster::of(relations);
        let listings: Vec<Listing> = cluster.books().iter().map(|book| listing(book.0)).collect();
        let places: Vec<Place<'_>> = listings
            .iter()
            .map(|listing| {
                let (bid, ask) = tops[listing.book.index()];
                let shown = Shown { bids: levels(bid, 100), asks: levels(ask, 100) };
                Place { listing, shown }
            })
            .collect();
        let limits = Limits {
            lot: Qty::ONE,
            min_edge: 0,
            min_net_total: Cash::ZERO,
            max_capital: None,
            fixed_cost: Cash::ZERO,
            odds: Odds::default(),
            legs_max: 6,
        };
        hunt(&cluster, &places, &limits, Source::Approved)
    }

    fn yes(book: u32) -> InstrumentId {
        BookId(book).instrument(Face::Yes)
    }

    fn two_venues() -> [Relation; 3] {
        [
            Relation::exclusive(&[vec![yes(0)], vec![yes(1)]]),
            Relation::same(yes(0), yes(2)),
            Relation::same(yes(1), yes(3)),
        ]
    }

    #[test]
    fn what_excludes_on_one_venue_excludes_on_the_other() {
        // Nothing on either venue alone and nothing between the pairs; but 0.56 + 0.50 on the other.
        let tops = [(40, 60), (38, 60), (56, 61), (50, 61)];
        let found = hunted(&two_venues(), &tops).unwrap();
        let crate::relation::Law::Given { legs, .. } = &found.law else { panic!("no basket") };
        let mut ids: Vec<InstrumentId> = legs.iter().map(|leg| leg.instrument).collect();
        ids.sort_unstable();
        assert_eq!(ids, [yes(2).complement(), yes(3).complement()]);
        assert_eq!(found.states.floor(legs), Some(dutchbook_book::fee::UNIT_PAYOUT));
        assert_eq!(found.source, Source::Approved);
    }

    #[test]
    fn what_one_relation_has_is_left_to_its_closed_form() {
        let tops = [(56, 60), (50, 60), (20, 61), (20, 61)];
        assert_eq!(hunted(&two_venues(), &tops), Err(Missed::Known));
        let fair = [(40, 60), (38, 60), (40, 61), (38, 61)];
        assert_eq!(hunted(&two_venues(), &fair), Err(Missed::Nothing));
    }
}
