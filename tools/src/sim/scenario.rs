//! The catalog that the simulated venues list, and what happens to its events.

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::grid::GridError;
use dutchbook_book::{BookId, Cash, ConditionId, EventId, Grid, Nanos, Price, Qty, VenueId};

mod fees;
mod ids;
mod late;

use super::rng::Rng;
use super::text::uuid;
pub use ids::Question;
pub use late::VenueChange;

/// Two listings, on two venues, that the truth binds to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// The listing on the first venue.
    pub left: BookId,
    /// The listing on the second venue.
    pub right: BookId,
    /// Whether YES on the left is NO on the right.
    pub inverted: bool,
}

/// A condition that cannot be true without another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Implication {
    /// When this one comes true,
    pub when: ConditionId,
    /// so does this one.
    pub then: ConditionId,
}

/// Something that happens to an event at a moment after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// News move a state's chance up to a target, in parts of a million.
    Pull {
        /// The state.
        state: usize,
        /// Its chance afterwards.
        target: u32,
    },
    /// The event is decided; venues learn and act later, each in its own time.
    Resolve {
        /// The state that came true.
        state: usize,
    },
}

/// The truth of one event as it begins and develops.
#[derive(Clone, Debug)]
pub struct EventSpec {
    /// Chances of the states in parts of a million; they sum to it.
    pub chances: Vec<u32>,
    /// Size of a small step, in parts of a million.
    pub volatility: u32,
    /// Whether chance moves between neighbours only (ladders).
    pub chain: bool,
    /// Mean time between two jumps.
    pub jump_mean: Nanos,
    /// Largest jump, in parts of a million.
    pub jump_max: u32,
    /// What happens, by time after the start.
    pub script: Vec<(Nanos, Happening)>,
}

/// What the simulated venues list.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// As the engine sees it.
    pub catalog: Catalog,
    /// Listings of both venues that are bound, same and inverted polarity.
    pub pairings: Vec<Pairing>,
    /// Conditions that imply others.
    pub implications: Vec<Implication>,
    /// Truths by event.
    pub events: Vec<EventSpec>,
    /// Which states of its event make a condition true (a bit per state), by condition.
    pub states: Vec<u64>,
    /// The id that Kalshi prints as `market_id`, and ours for Polymarket, by book.
    pub market_ids: Vec<String>,
    /// Kalshi's event ticker, or Polymarket's slug, by book.
    pub slugs: Vec<String>,
    /// What Polymarket's contracts are asked, by book; `None` for listings of Kalshi.
    pub questions: Vec<Option<Question>>,
    /// Events that are listed only while the venues run, in this order.
    pub late: Vec<EventId>,
    /// What venues change about their listings, by time after the start.
    pub changes: Vec<(Nanos, VenueChange)>,
}

/// Which tick a listing starts with.
#[derive(Clone, Copy, Debug)]
enum TickSize {
    Cent,
    Deci,
}

/// Builds the lists side by side.
struct Builder {
    scenario: Scenario,
    polymarket: VenueId,
    kalshi: VenueId,
    cent: Grid,
    deci: Grid,
    rng: Rng,
    seed: u64,
}

impl Scenario {
    /// The demo: five questions on both venues (one with inverted polarity, one that resolves at
    /// `resolve_after`, one whose tick size changes), a neg-risk event of eight outcomes, an
    /// exclusive event with an unlisted outcome, a ladder and an implication.
    ///
    /// # Errors
    /// Never with the grids used here; they are checked as any others.
    pub fn demo(seed: u64, resolve_after: Nanos) -> Result<Self, GridError> {
        let mut builder = Builder::new(seed)?;
        builder.binaries(resolve_after);
        builder.inverted();
        builder.partition();
        builder.exclusive();
        builder.ladder();
        builder.implication();
        builder.late();
        builder.pair_up();
        Ok(builder.scenario)
    }

    /// What a venue lists that runs for days: the demo's questions, none of which is scripted, with
    /// truths that move slowly. Without `resolve_after` the game is never decided.
    ///
    /// # Errors
    /// Never with the grids used here; they are checked as any others.
    pub fn lasting(seed: u64, resolve_after: Option<Nanos>) -> Result<Self, GridError> {
        let mut scenario = Self::demo(seed, resolve_after.unwrap_or(Nanos::ZERO))?;
        for event in &mut scenario.events {
            let is_end = |what: &Happening| matches!(what, Happening::Resolve { .. });
            event.script.retain(|(_, what)| resolve_after.is_some() && is_end(what));
            event.volatility /= 12;
            event.jump_mean = Nanos::from_secs(480);
            event.jump_max /= 3;
        }
        Ok(scenario)
    }

    /// The listing that a venue's own id of a market or of a face names.
    #[must_use]
    pub fn book_of_native(&self, native: &str) -> Option<(BookId, dutchbook_book::Face)> {
        use dutchbook_book::Face::{No, Yes};
        self.catalog.listings.iter().find_map(|listing| {
            let faces = listing.native_faces.as_ref();
            if faces.is_some_and(|[_, no]| no == native) {
                return Some((listing.book, No));
            }
            let is_yes = faces.is_some_and(|[yes, _]| yes == native);
            (is_yes || listing.native_market == native).then_some((listing.book, Yes))
        })
    }
}

const fn pull(state: usize, target: u32) -> Happening {
    Happening::Pull { state, target }
}

impl Builder {
    fn new(seed: u64) -> Result<Self, GridError> {
        let grid = |micro| Grid::uniform(Price::from_micro(micro).unwrap_or(Price::ZERO));
        let mut catalog = Catalog::default();
        let polymarket = catalog.add_venue(VenueKind::Polymarket);
        let kalshi = catalog.add_venue(VenueKind::Kalshi);
        let scenario = Scenario {
            catalog,
            pairings: Vec::new(),
            implications: Vec::new(),
            events: Vec::new(),
            states: Vec::new(),
            market_ids: Vec::new(),
            slugs: Vec::new(),
            questions: Vec::new(),
            late: Vec::new(),
            changes: Vec::new(),
        };
        let rng = Rng::new(seed, 0x6964_7321);
        Ok(Self {
            scenario,
            polymarket,
            kalshi,
            cent: grid(10_000)?,
            deci: grid(1_000)?,
            rng,
            seed,
        })
    }

    fn event(&mut self, name: &str, law: EventLaw, chances: &[u32], jump_max: u32) -> EventId {
        self.scenario.events.push(EventSpec {
            chances: chances.to_vec(),
            volatility: jump_max / 220,
            chain: law == EventLaw::Ladder,
            jump_mean: Nanos::from_secs(240),
            jump_max,
            script: Vec::new(),
        });
        self.scenario.catalog.add_event(name, law)
    }

    fn script(&mut self, event: EventId, at: Nanos, happening: Happening) {
        if let Some(spec) = self.scenario.events.get_mut(event.index()) {
            spec.script.push((at, happening));
        }
    }

    fn condition(&mut self, event: EventId, name: &str, states: u64) -> ConditionId {
        self.scenario.states.push(states);
        self.scenario.catalog.add_condition(event, name)
    }

    /// A listing as all of its venue's are; only the ids, the grid and the fee differ.
    fn listing(&self, condition: ConditionId, kind: VenueKind, tick: TickSize) -> Listing {
        let is_kalshi = kind == VenueKind::Kalshi;
        let name = self.scenario.catalog.conditions.get(condition.index());
        Listing {
            book: BookId(0),
            venue: if is_kalshi { self.kalshi } else { self.polymarket },
            kind,
            condition,
            native_market: String::new(),
            native_faces: None,
            name: name.map_or_else(String::new, |condition| condition.name.clone()),
            grid: match tick {
                TickSize::Cent => self.cent,
                TickSize::Deci => self.deci,
            },
            lot: Qty::from_centi(1).unwrap_or(Qty::ONE),
            min_qty: if is_kalshi { Qty::from_centi(1) } else { Qty::from_contracts(5) }
                .unwrap_or(Qty::ONE),
            min_notional: if is_kalshi { Cash::ZERO } else { Cash::ONE },
            fee: FeeSchedule::NONE,
            can_split: !is_kalshi,
        }
    }

    fn polymarket(&mut self, condition: ConditionId, tick: TickSize, fee: FeeSchedule) -> BookId {
        let next = u32::try_from(self.scenario.catalog.listings.len()).unwrap_or(u32::MAX);
        let question = Question::alone(self.seed, BookId(next));
        self.polymarket_asking(question, condition, tick, fee)
    }

    fn polymarket_asking(
        &mut self,
        question: Question,
        condition: ConditionId,
        tick: TickSize,
        fee: FeeSchedule,
    ) -> BookId {
        let mut listing = self.listing(condition, VenueKind::Polymarket, tick);
        listing.native_market = question.condition().to_string();
        listing.native_faces = Some(question.tokens());
        self.scenario.questions.push(Some(question));
        listing.fee = fee;
        let slug = listing.name.to_lowercase().replace([' ', '\''], "-");
        self.scenario.slugs.push(slug);
        self.scenario.market_ids.push(self.rng.between(500_000, 2_500_000).to_string());
        self.scenario.catalog.add_listing(listing)
    }

    fn kalshi(
        &mut self,
        condition: ConditionId,
        ticker: [&str; 2],
        tick: TickSize,
        fee: FeeSchedule,
    ) -> BookId {
        let [event, market] = ticker;
        let mut listing = self.listing(condition, VenueKind::Kalshi, tick);
        listing.native_market =
            if market.is_empty() { event.to_owned() } else { format!("{event}-{market}") };
        listing.fee = fee;
        self.scenario.slugs.push(event.to_owned());
        self.scenario.questions.push(None);
        self.scenario.market_ids.push(uuid(self.rng.next_u64()));
        self.scenario.catalog.add_listing(listing)
    }

    /// One question on both venues.
    fn both(
        &mut self,
        name: &str,
        chance: u32,
        ticker: &str,
        ticks: [TickSize; 2],
        fees: [FeeSchedule; 2],
    ) -> EventId {
        let jump_max = (chance.min(1_000_000 - chance) / 3).clamp(18_000, 50_000);
        let chances = [chance, 1_000_000 - chance];
        let event = self.event(name, EventLaw::Independent, &chances, jump_max);
        let condition = self.condition(event, name, 1);
        let [tick_left, tick_right] = ticks;
        let [fee_left, fee_right] = fees;
        self.polymarket(condition, tick_left, fee_left);
        self.kalshi(condition, [ticker, ""], tick_right, fee_right);
        event
    }

    fn binaries(&mut self, resolve_after: Nanos) {
        use TickSize::{Cent, Deci};
        let plain = [fees::politics(), fees::kalshi()];
        self.both(
            "Fed cuts rates in December",
            620_000,
            "KXFEDDECISION-26DEC-C25",
            [Cent; 2],
            plain,
        );
        let crypto = [fees::crypto(), fees::kalshi()];
        self.both(
            "Bitcoin above 150k at year end",
            115_000,
            "KXBTCY-26DEC31-T150000",
            [Deci; 2],
            crypto,
        );
        let free = [fees::none(), fees::kalshi_half()];
        let talks =
            self.both("Ceasefire signed by March", 300_000, "KXCEASEFIRE-27MAR01", [Deci; 2], free);
        // Early news, which one venue learns before the other: the shortest demo has something to see.
        self.script(talks, Nanos::from_millis(1_200), pull(0, 345_000));
        let sports = [fees::sports(), fees::kalshi()];
        let game = self.both(
            "Hawks beat Comets tonight",
            560_000,
            "KXNBAGAME-26NOV22HAWCOM-HAW",
            [Cent; 2],
            sports,
        );
        // The end of a game is seen coming: hardly anything stands against it when it is over.
        for twentieth in 5_u32..20 {
            let at = Nanos(resolve_after.0.saturating_mul(u64::from(twentieth)) / 20);
            self.script(game, at, pull(0, 590_000 + (twentieth - 5) * 28_000));
        }
        self.script(game, resolve_after, Happening::Resolve { state: 0 });
        let tick = self.both(
            "Shutdown ends this week",
            925_000,
            "KXGOVSHUTEND-26NOV28",
            [Cent, Deci],
            plain,
        );
        // Far enough beyond 0.96, and often enough, that the tick changes whatever the seed.
        for (second, chance) in [(3, 945_000), (5, 965_000), (7, 985_000), (9, 990_000)] {
            self.script(tick, Nanos::from_secs(second), pull(0, chance));
        }
    }

    /// The same match, asked from its two ends: YES on one venue is NO on the other.
    fn inverted(&mut self) {
        let chances = [440_000, 560_000];
        let event = self.event("Rovers against United", EventLaw::Partition, &chances, 45_000);
        let win = self.condition(event, "Rovers beat United", 0b01);
        let lose = self.condition(event, "United beat Rovers", 0b10);
        let left = self.polymarket(win, TickSize::Deci, fees::sports());
        let ticker = ["KXEPLGAME-26NOV22ROVUNI", "UNI"];
        let right = self.kalshi(lose, ticker, TickSize::Deci, fees::kalshi_half());
        self.scenario.pairings.push(Pairing { left, right, inverted: true });
    }

    fn partition(&mut self) {
        let chances = [310_000, 220_000, 150_000, 110_000, 80_000, 60_000, 40_000, 30_000];
        let event = self.event("Next host of the summit", EventLaw::Partition, &chances, 50_000);
        let names = ["Norway", "Chile", "Kenya", "Japan", "Italy", "Canada", "India", "Fiji"];
        for (state, name) in (0_u8..).zip(names) {
            let condition = self.condition(event, &format!("{name} hosts the summit"), 1 << state);
            let question = Question::in_event(self.seed, event, state);
            self.polymarket_asking(question, condition, TickSize::Deci, fees::none());
        }
    }

    /// Five outcomes are listed and a sixth is not: at most one of them comes true.
    fn exclusive(&mut self) {
        let chances = [360_000, 240_000, 180_000, 120_000, 85_000, 15_000];
        let event = self.event("Album of the year", EventLaw::Exclusive, &chances, 45_000);
        let names = ["Aurora", "Basalt", "Cinder", "Delta", "Ember"];
        for (state, name) in (0_u64..).zip(names) {
            let condition = self.condition(event, &format!("{name} wins album"), 1 << state);
            let market = name.get(..3).unwrap_or(name).to_uppercase();
            let ticker = ["KXALBUM-27", market.as_str()];
            self.kalshi(condition, ticker, TickSize::Deci, fees::kalshi_free());
        }
    }

    /// "Above x" in six rungs on Kalshi; Polymarket lists three of them.
    fn ladder(&mut self) {
        let chances = [120_000, 40_000, 50_000, 250_000, 60_000, 50_000, 430_000];
        let event = self.event("CPI above", EventLaw::Ladder, &chances, 60_000);
        let rungs = ["2.7", "2.8", "2.9", "3.0", "3.1", "3.2"];
        for (rung, strike) in (1_u32..).zip(rungs) {
            // States 0..=6 are the buckets between the strikes: above rung k are buckets k and up.
            let states = 0b111_1111 & !((1_u64 << rung) - 1);
            let condition = self.condition(event, &format!("CPI above {strike}%"), states);
            let market = format!("T{strike}");
            let ticker = ["KXCPIYOY-26NOV", market.as_str()];
            self.kalshi(condition, ticker, TickSize::Deci, fees::kalshi_half());
            if rung % 2 == 0 {
                self.polymarket(condition, TickSize::Deci, fees::none());
            }
        }
    }

    /// Winning the final takes reaching it.
    fn implication(&mut self) {
        let chances = [270_000, 90_000, 640_000];
        let event = self.event("Lions in the cup", EventLaw::Ladder, &chances, 45_000);
        let reach = self.condition(event, "Lions reach the final", 0b011);
        let win = self.condition(event, "Lions win the cup", 0b001);
        for (condition, market) in [(reach, "FINAL"), (win, "WIN")] {
            self.polymarket(condition, TickSize::Deci, fees::sports());
            self.kalshi(condition, ["KXCUP-27LIO", market], TickSize::Deci, fees::kalshi_half());
        }
        self.scenario.implications.push(Implication { when: win, then: reach });
    }

    /// Every condition that both venues list is a pairing of the same polarity.
    fn pair_up(&mut self) {
        let catalog = &self.scenario.catalog;
        for condition in &catalog.conditions {
            let find = |kind| {
                let mut listings = catalog.listings_of_condition(condition.id);
                listings.find(|listing| listing.kind == kind).map(|listing| listing.book)
            };
            if let (Some(left), Some(right)) =
                (find(VenueKind::Polymarket), find(VenueKind::Kalshi))
            {
                self.scenario.pairings.push(Pairing { left, right, inverted: false });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_complete_and_coherent() {
        let scenario = Scenario::demo(1, Nanos::from_secs(12)).unwrap();
        let catalog = &scenario.catalog;
        assert_eq!(scenario.events.len(), catalog.events.len());
        assert_eq!(scenario.states.len(), catalog.conditions.len());
        assert_eq!(scenario.market_ids.len(), catalog.listings.len());
        assert!(scenario.events.iter().all(|e| e.chances.iter().sum::<u32>() == 1_000_000));
        assert!(scenario.pairings.iter().any(|pairing| pairing.inverted));
        assert!(scenario.pairings.iter().filter(|pairing| !pairing.inverted).count() >= 5);
        for event in &catalog.events {
            let sets = event.conditions.iter().map(|c| scenario.states[c.index()]);
            match event.law {
                EventLaw::Partition => {
                    let all = (1 << scenario.events[event.id.index()].chances.len()) - 1;
                    assert_eq!(sets.reduce(|a, b| a | b), Some(all));
                }
                EventLaw::Ladder => {
                    let sets: Vec<u64> = sets.collect();
                    assert!(sets.windows(2).all(|w| w[0] & w[1] == w[1] && w[0] != w[1]));
                }
                EventLaw::Independent | EventLaw::Exclusive => {}
            }
        }
        for listing in &catalog.listings {
            let (book, _) = scenario.book_of_native(&listing.native_market).unwrap();
            assert_eq!(book, listing.book);
            if let Some([yes, no]) = &listing.native_faces {
                assert!(yes.len() > 70 && no.len() > 70 && listing.native_market.len() == 66);
            }
        }
    }
}
