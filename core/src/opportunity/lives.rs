//! The lives of edges: born when an evaluation first sees one, ended with a cause.
//!
//! A [`LifeTracker`] has one slot per basket and follows one measure: the caller keeps one for
//! edges before fees ([`Measure::Gross`]) and one for edges after everything ([`Measure::Net`]).
//! It is told the outcome of *every* evaluation of a basket. Nothing is allocated after the start:
//! ended lives go to a list of fixed room that a slow thread or the end of the run takes away;
//! when it is full the life is shed and counted, and the summary by kind still counts it.

use dutchbook_book::{BasketId, Cash, Exact, Nanos, Qty};

use super::{Cause, Measure, OpportunityId, OpportunityLife, Sighting, VENUE_SETS, Venues};
use crate::eval::basket::BasketKind;

/// What one evaluation did to the life of its basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeEvent {
    /// No edge, as before.
    Absent,
    /// The edge is new.
    Born(OpportunityId),
    /// It is better than it ever was in this life.
    Grown(OpportunityId),
    /// It is there, and not better than it was.
    Held(OpportunityId),
    /// It is there, and much smaller than it was when that was last told.
    Shrunk(OpportunityId),
    /// It is gone.
    Died(OpportunityId, Cause),
}

/// All lives of one kind together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSummary {
    /// Lives begun.
    pub born: u64,
    /// Lives ended, by cause in the order of [`Cause::ALL`].
    pub died: [u64; Cause::ALL.len()],
    /// Evaluations that saw them.
    pub updates: u64,
    /// Sum of the ended lives' spans.
    pub span_ns_sum: u128,
    /// The longest ended life.
    pub span_ns_max: u64,
    /// Sum of the ended lives' best net edges.
    pub best_net_edge_sum: Exact,
    /// The largest net edge of an ended life.
    pub best_net_edge_max: Exact,
}

impl KindSummary {
    /// Both together.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.born = self.born.saturating_add(other.born);
        for (count, more) in self.died.iter_mut().zip(other.died) {
            *count = count.saturating_add(more);
        }
        self.updates = self.updates.saturating_add(other.updates);
        self.span_ns_sum = self.span_ns_sum.saturating_add(other.span_ns_sum);
        self.span_ns_max = self.span_ns_max.max(other.span_ns_max);
        let sum = self.best_net_edge_sum.pico().saturating_add(other.best_net_edge_sum.pico());
        self.best_net_edge_sum = Exact::from_pico(sum);
        self.best_net_edge_max = self.best_net_edge_max.max(other.best_net_edge_max);
        self
    }

    /// How long the ended ones lived on average, in nanoseconds.
    #[must_use]
    pub fn span_ns_mean(&self) -> u64 {
        let ended: u64 = self.died.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let mean = self.span_ns_sum.checked_div(u128::from(ended)).unwrap_or(0);
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    fn end(&mut self, life: &OpportunityLife) {
        if let Some(count) = self.died.get_mut(life.cause as usize) {
            *count = count.saturating_add(1);
        }
        let span = life.span().0;
        self.span_ns_sum = self.span_ns_sum.saturating_add(u128::from(span));
        self.span_ns_max = self.span_ns_max.max(span);
        let sum = self.best_net_edge_sum.pico().saturating_add(life.best_net_edge.pico());
        self.best_net_edge_sum = Exact::from_pico(sum);
        self.best_net_edge_max = self.best_net_edge_max.max(life.best_net_edge);
    }
}

/// Whether a number has lost more than an eighth of what it was.
fn is_much_less<T>(now: T, before: T) -> bool
where
    T: Copy + PartialOrd + core::ops::Sub<Output = T> + core::ops::Div<Output = T> + From<u8>,
{
    now < before && before - now > before / T::from(8)
}

/// Follows the life of every basket's edge under one measure.
#[derive(Debug)]
pub struct LifeTracker {
    measure: Measure,
    kinds: Vec<(BasketKind, Venues)>,
    open: Vec<Option<OpportunityLife>>,
    /// Size and net edge of each open life as they were last told.
    told: Vec<(Qty, Cash)>,
    open_count: usize,
    ended: Vec<OpportunityLife>,
    ended_max: usize,
    shed_count: u64,
    next_id: u64,
    summary: [[KindSummary; VENUE_SETS]; BasketKind::ALL.len()],
}

impl LifeTracker {
    /// A tracker for baskets of these kinds and venues, by [`BasketId`], with room for `ended_max` ended lives.
    #[must_use]
    pub fn new(measure: Measure, kinds: Vec<(BasketKind, Venues)>, ended_max: usize) -> Self {
        Self {
            measure,
            open: vec![None; kinds.len()],
            told: vec![(Qty::ZERO, Cash::ZERO); kinds.len()],
            kinds,
            open_count: 0,
            ended: Vec::with_capacity(ended_max),
            ended_max,
            shed_count: 0,
            next_id: 0,
            summary: [[KindSummary::default(); VENUE_SETS]; BasketKind::ALL.len()],
        }
    }

    /// Takes the outcome of one evaluation: what it saw, or why there was nothing. A sighting
    /// whose measured edge is not positive is an absence by price. A basket that the tracker does
    /// not know is absent.
    pub fn observe(
        &mut self,
        basket: BasketId,
        seen: Result<&Sighting, Cause>,
        now: Nanos,
    ) -> LifeEvent {
        match seen {
            Ok(sighting) if self.measure.edge(sighting) > Exact::ZERO => {
                self.see(basket, sighting, now)
            }
            Ok(_) => self.end(basket, Cause::PriceMoved, now),
            Err(cause) => self.end(basket, cause, now),
        }
    }

    /// Makes room for baskets that were compiled since, with the next ids. Allocates: not for the
    /// hot path.
    pub fn extend(&mut self, kinds: impl Iterator<Item = (BasketKind, Venues)>) {
        self.kinds.extend(kinds);
        self.open.resize(self.kinds.len(), None);
        self.told.resize(self.kinds.len(), (Qty::ZERO, Cash::ZERO));
    }

    /// Remembers that the legs of a basket were sent: if its edge then goes, it went by our hand.
    pub fn mark_traded(&mut self, basket: BasketId) {
        if let Some(Some(life)) = self.open.get_mut(basket.index()) {
            life.is_traded = true;
        }
    }

    /// Ends every open life because the run ends.
    pub fn finish(&mut self, now: Nanos) {
        let baskets = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        for basket in 0..baskets {
            self.end(BasketId(basket), Cause::EndOfRun, now);
        }
    }

    /// The open life of a basket.
    #[must_use]
    pub fn life(&self, basket: BasketId) -> Option<&OpportunityLife> {
        self.open.get(basket.index())?.as_ref()
    }

    /// Open lives.
    #[must_use]
    pub const fn open_count(&self) -> usize {
        self.open_count
    }

    /// Lives begun so far, of all kinds.
    #[must_use]
    pub const fn born_count(&self) -> u64 {
        self.next_id
    }

    /// Ended lives, in the order of their ends.
    #[must_use]
    pub fn ended(&self) -> &[OpportunityLife] {
        &self.ended
    }

    /// Ended lives that found no room in the list. The summary counts them all the same.
    #[must_use]
    pub const fn shed_count(&self) -> u64 {
        self.shed_count
    }

    /// All lives of one kind together.
    #[must_use]
    pub fn summary(&self, kind: BasketKind) -> KindSummary {
        let sets = self.summary.get(kind as usize).copied().unwrap_or_default();
        sets.into_iter().fold(KindSummary::default(), KindSummary::with)
    }

    /// All lives by kind and venues, those that have lived.
    pub fn summaries(&self) -> impl Iterator<Item = (BasketKind, Venues, KindSummary)> + '_ {
        BasketKind::ALL.into_iter().zip(&self.summary).flat_map(|(kind, sets)| {
            let sets = (0_u8..).map(Venues).zip(sets);
            let lived = sets.filter(|(_, summary)| summary.born > 0);
            lived.map(move |(venues, summary)| (kind, venues, *summary))
        })
    }

    fn see(&mut self, basket: BasketId, sighting: &Sighting, now: Nanos) -> LifeEvent {
        let slot = self.open.get_mut(basket.index());
        let (Some(slot), Some((kind, venues))) = (slot, self.kinds.get(basket.index()).copied())
        else {
            return LifeEvent::Absent;
        };
        let of_kind = self.summary.get_mut(kind as usize);
        let summary = of_kind.and_then(|sets| sets.get_mut(usize::from(venues.0)));
        let told = self.told.get_mut(basket.index());
        let (Some(summary), Some(told)) = (summary, told) else { return LifeEvent::Absent };
        let net_edge = sighting.net_edge.cash_floor().unwrap_or_default();
        let is_shrunk = is_much_less(sighting.size.micro(), told.0.micro())
            || is_much_less(net_edge.micro(), told.1.micro());
        summary.updates = summary.updates.saturating_add(1);
        if let Some(life) = slot {
            let is_better = life.see(sighting, self.measure, now);
            if !is_better && !is_shrunk {
                return LifeEvent::Held(life.id);
            }
            *told = (sighting.size, net_edge);
            return if is_better { LifeEvent::Grown(life.id) } else { LifeEvent::Shrunk(life.id) };
        }
        *told = (sighting.size, net_edge);
        summary.born = summary.born.saturating_add(1);
        self.next_id += 1;
        self.open_count += 1;
        let id = OpportunityId(self.next_id);
        *slot = Some(OpportunityLife {
            id,
            kind,
            basket,
            venues,
            born_ns: now,
            died_ns: now,
            size: sighting.size,
            net_edge,
            best_size: sighting.size,
            best_net_edge: sighting.net_edge,
            best_gross: sighting.gross,
            updates: 1,
            is_traded: false,
            cause: Cause::EndOfRun,
        });
        LifeEvent::Born(id)
    }

    fn end(&mut self, basket: BasketId, cause: Cause, now: Nanos) -> LifeEvent {
        let Some(mut life) = self.open.get_mut(basket.index()).and_then(Option::take) else {
            return LifeEvent::Absent;
        };
        self.open_count = self.open_count.saturating_sub(1);
        // Our own trade shows as the price moving or the size going.
        life.cause = match cause {
            Cause::PriceMoved | Cause::SizeTaken if life.is_traded => Cause::TradedByUs,
            Cause::TradedByUs
            | Cause::PriceMoved
            | Cause::SizeTaken
            | Cause::BookDoubtful
            | Cause::Resolved
            | Cause::EndOfRun
            | Cause::Withdrawn => cause,
        };
        life.died_ns = life.died_ns.max(now);
        let of_kind = self.summary.get_mut(life.kind as usize);
        if let Some(summary) = of_kind.and_then(|sets| sets.get_mut(usize::from(life.venues.0))) {
            summary.end(&life);
        }
        if self.ended.len() < self.ended_max {
            self.ended.push(life);
        } else {
            self.shed_count = self.shed_count.saturating_add(1);
        }
        LifeEvent::Died(life.id, life.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::catalog::VenueKind;
    use proptest::prelude::*;

    const BASKET: BasketId = BasketId(0);

    fn tracker(measure: Measure) -> LifeTracker {
        let one = Venues::of([VenueKind::Kalshi]);
        let two = Venues::of([VenueKind::Kalshi, VenueKind::Polymarket]);
        let kinds = vec![(BasketKind::SingleLong, one), (BasketKind::CrossVenue, two)];
        LifeTracker::new(measure, kinds, 2)
    }

    fn sighting(size: u64, gross: i128, net: i128) -> Sighting {
        Sighting {
            size: Qty::from_contracts(size).unwrap(),
            gross: Exact::from_pico(gross),
            fees: Exact::from_pico(gross - net),
            net_edge: Exact::from_pico(net),
        }
    }

    #[test]
    fn an_edge_is_born_grows_and_dies_with_its_best_numbers() {
        let (mut tracker, id) = (tracker(Measure::Net), OpportunityId(1));
        assert_eq!(tracker.observe(BASKET, Err(Cause::PriceMoved), Nanos(1)), LifeEvent::Absent);
        let script = [
            (sighting(5, 30, 10), LifeEvent::Born(id)),
            (sighting(9, 30, 10), LifeEvent::Held(id)),
            (sighting(2, 50, 25), LifeEvent::Grown(id)),
            (sighting(2, 40, 0), LifeEvent::Died(id, Cause::PriceMoved)),
        ];
        for (index, (seen, event)) in script.iter().enumerate() {
            let now = Nanos(10 * (index as u64 + 1));
            assert_eq!(tracker.observe(BASKET, Ok(seen), now), *event);
        }
        let life = tracker.ended()[0];
        assert_eq!((life.born_ns, life.died_ns, life.updates), (Nanos(10), Nanos(40), 3));
        assert_eq!(life.best_size, Qty::from_contracts(9).unwrap());
        assert_eq!(life.best_net_edge, Exact::from_pico(25));
        let summary = tracker.summary(BasketKind::SingleLong);
        assert_eq!((summary.born, summary.updates, summary.span_ns_max), (1, 3, 30));
        let all: Vec<_> = tracker.summaries().map(|(kind, on, _)| (kind, on.name())).collect();
        assert_eq!(all, [(BasketKind::SingleLong, "kalshi")]);
    }

    #[test]
    fn a_life_that_loses_more_than_an_eighth_is_told() {
        let (mut tracker, id) = (tracker(Measure::Net), OpportunityId(1));
        let million = 1_000_000_i128;
        let script = [
            (80, 80, LifeEvent::Born(id)),
            (80, 71, LifeEvent::Held(id)),
            (80, 69, LifeEvent::Shrunk(id)),
            (80, 61, LifeEvent::Held(id)),
            (40, 61, LifeEvent::Shrunk(id)),
            (40, 90, LifeEvent::Grown(id)),
        ];
        for (now, (size, cents, event)) in (1..).zip(script) {
            let net = cents * million * million / 100;
            let seen = sighting(size, net + 1, net);
            assert_eq!(tracker.observe(BASKET, Ok(&seen), Nanos(now)), event, "{size} {cents}");
        }
        let life = tracker.life(BASKET).unwrap();
        assert_eq!(life.size, Qty::from_contracts(40).unwrap());
        assert_eq!(life.net_edge, Cash::from_micro(900_000));
    }

    #[test]
    fn gross_lives_where_net_does_not() {
        let seen = sighting(5, 30, -1);
        assert_eq!(tracker(Measure::Net).observe(BASKET, Ok(&seen), Nanos(1)), LifeEvent::Absent);
        let born = LifeEvent::Born(OpportunityId(1));
        assert_eq!(tracker(Measure::Gross).observe(BASKET, Ok(&seen), Nanos(1)), born);
    }

    #[test]
    fn what_we_traded_went_by_our_hand_unless_the_book_became_doubtful() {
        for (absence, cause) in [
            (Cause::SizeTaken, Cause::TradedByUs),
            (Cause::PriceMoved, Cause::TradedByUs),
            (Cause::BookDoubtful, Cause::BookDoubtful),
            (Cause::Resolved, Cause::Resolved),
        ] {
            let mut tracker = tracker(Measure::Net);
            tracker.observe(BASKET, Ok(&sighting(5, 30, 10)), Nanos(1));
            tracker.mark_traded(BASKET);
            let died = LifeEvent::Died(OpportunityId(1), cause);
            assert_eq!(tracker.observe(BASKET, Err(absence), Nanos(2)), died);
        }
    }

    #[test]
    fn a_full_list_sheds_lives_and_the_summary_keeps_them() {
        let mut tracker = tracker(Measure::Net);
        for now in 0..5 {
            tracker.observe(BASKET, Ok(&sighting(1, 2, 1)), Nanos(2 * now));
            tracker.observe(BASKET, Err(Cause::SizeTaken), Nanos(2 * now + 1));
        }
        assert_eq!((tracker.ended().len(), tracker.shed_count()), (2, 3));
        assert_eq!(tracker.summary(BasketKind::SingleLong).died[Cause::SizeTaken as usize], 5);
        assert_eq!(
            tracker.observe(BasketId(9), Ok(&sighting(1, 2, 1)), Nanos(1)),
            LifeEvent::Absent
        );
    }

    proptest! {
        /// Every life that is born ends exactly once, with a span that is never negative even when
        /// the clock steps back.
        #[test]
        fn births_equal_deaths(
            steps in proptest::collection::vec((0_u32..2, -3_i128..5, 0_u64..100), 0..200),
        ) {
            let mut tracker = tracker(Measure::Net);
            let (mut born, mut died) = (0_u64, 0_u64);
            for (basket, edge, now) in steps {
                let seen = sighting(1, edge, edge);
                let seen = if edge < -1 { Err(Cause::BookDoubtful) } else { Ok(&seen) };
                match tracker.observe(BasketId(basket), seen, Nanos(now)) {
                    LifeEvent::Born(id) => {
                        born += 1;
                        prop_assert_eq!(id, OpportunityId(born));
                    }
                    LifeEvent::Died(..) => died += 1,
                    LifeEvent::Absent
                    | LifeEvent::Grown(_)
                    | LifeEvent::Held(_)
                    | LifeEvent::Shrunk(_) => {}
                }
                prop_assert_eq!(tracker.open_count() as u64, born - died);
            }
            tracker.finish(Nanos(1_000));
            prop_assert_eq!(tracker.open_count(), 0);
            let kinds = BasketKind::ALL.map(|kind| tracker.summary(kind));
            let ends: u64 = kinds.iter().flat_map(|summary| summary.died).sum();
            prop_assert_eq!((ends, tracker.born_count()), (born, born));
            prop_assert_eq!(tracker.ended().len() as u64 + tracker.shed_count(), born);
        }
    }
}
