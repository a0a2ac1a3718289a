//! What our own trades have taught: how often a leg on a venue is filled, and what a leg that was
//! filled alone has cost. It raises the edge that a basket must have (arbitrage.md 9.1):
//!
//! ```text
//! edge ≥ min_edge + ( Σ_k π_k·L_k ) / P(all fill)
//! ```
//!
//! with π_k the probability that leg k fills while another does not, and L_k the loss per contract
//! then. Counts are halved when they are large, so that what was long ago weighs less. A venue that
//! has not failed us yet adds nothing.

use dutchbook_book::VenueId;
use dutchbook_book::fee::UnitCost;

/// Orders that are counted before the counts are halved.
const COUNT_MAX: u32 = 512;
/// Fills that a venue is believed to owe us nothing for at the start.
const PRIOR: u32 = 16;
/// One, in millionths.
const WHOLE: i128 = 1_000_000;

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    tried: u32,
    filled: u32,
    legged: u32,
    /// Sum over the legged trades of the loss per contract, in 1e-14 $.
    losses: i128,
}

impl Record {
    /// In millionths: filled of tried, with the prior on both sides.
    fn fill_share(&self) -> i128 {
        let filled = i128::from(self.filled.saturating_add(PRIOR)).saturating_mul(WHOLE);
        filled.checked_div(i128::from(self.tried.saturating_add(PRIOR))).unwrap_or(WHOLE)
    }

    /// Loss per contract of a legged trade.
    fn loss(&self) -> i128 {
        self.losses.checked_div(i128::from(self.legged)).unwrap_or(0)
    }

    fn halve(&mut self) {
        self.tried /= 2;
        self.filled /= 2;
        self.legged /= 2;
        self.losses /= 2;
    }
}

/// What was learnt of every venue.
#[derive(Clone, Debug)]
pub struct Experience {
    venues: Vec<Record>,
}

impl Experience {
    /// Nothing is known of these venues.
    #[must_use]
    pub fn new(venues: usize) -> Self {
        Self { venues: vec![Record::default(); venues] }
    }

    /// An order of a basket is over: whether it got all that it wanted.
    pub fn on_order(&mut self, venue: VenueId, is_full: bool) {
        if let Some(record) = self.venues.get_mut(venue.index()) {
            record.tried = record.tried.saturating_add(1);
            record.filled = record.filled.saturating_add(u32::from(is_full));
            if record.tried >= COUNT_MAX {
                record.halve();
            }
        }
    }

    /// A legged trade is over; its excess was on this venue, and cost so much per contract.
    pub fn on_legged(&mut self, venue: VenueId, loss: UnitCost) {
        if let Some(record) = self.venues.get_mut(venue.index()) {
            record.legged = record.legged.saturating_add(1);
            record.losses = record.losses.saturating_add(i128::from(loss.max(0)));
        }
    }

    /// What a basket with legs on these venues must earn beside, in 1e-14 $ a basket.
    #[must_use]
    pub fn hurdle(&self, legs: impl Iterator<Item = VenueId> + Clone) -> UnitCost {
        let record = |venue: VenueId| self.venues.get(venue.index()).copied().unwrap_or_default();
        let all = legs.clone().map(record).fold(WHOLE, |all, leg| {
            all.saturating_mul(leg.fill_share()).checked_div(WHOLE).unwrap_or(0)
        });
        let mut sum = 0_i128;
        for leg in legs.map(record) {
            // It fills, and not all of the others do.
            let alone = leg.fill_share().saturating_sub(all).max(0);
            sum = sum.saturating_add(alone.saturating_mul(leg.loss()));
        }
        // Where all never fill, nothing is worth it.
        let hurdle = sum.checked_div(all).unwrap_or(if sum > 0 { i128::MAX } else { 0 });
        UnitCost::try_from(hurdle).unwrap_or(UnitCost::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: VenueId = VenueId(0);
    const B: VenueId = VenueId(1);

    fn hurdle(experience: &Experience) -> UnitCost {
        experience.hurdle([A, B].into_iter())
    }

    #[test]
    fn a_venue_that_never_failed_adds_nothing() {
        let mut experience = Experience::new(2);
        assert_eq!(hurdle(&experience), 0);
        for _ in 0..1_000 {
            experience.on_order(A, true);
            experience.on_order(B, true);
        }
        experience.on_legged(A, 3_000_000_000_000);
        assert_eq!(hurdle(&experience), 0, "both always fill");
    }

    #[test]
    fn the_hurdle_is_the_expected_loss_over_the_chance_of_all() {
        let mut experience = Experience::new(2);
        // 16 of 20 on A, 16 of 16 on B.
        (0..4).for_each(|_| experience.on_order(A, false));
        // B is filled alone, and loses three cents a contract.
        experience.on_legged(B, 3_000_000_000_000);
        // 0.2 x 0.03 / 0.8.
        assert_eq!(hurdle(&experience), 750_000_000_000);
        experience.on_legged(B, 1_000_000_000_000);
        assert_eq!(hurdle(&experience), 500_000_000_000, "two cents on average");
        assert_eq!(experience.hurdle([A].into_iter()), 0, "one leg is never alone");
        experience.on_legged(B, -1);
        assert!(hurdle(&experience) >= 0);
    }
}
