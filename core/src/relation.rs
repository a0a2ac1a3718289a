//! Relations: which instruments bind each other, as state tables with the law that they obey.
//!
//! Every constructor takes instruments *that pay when their condition comes true*, so that an
//! inverted listing enters as its NO face and polarity is data of the relation, never a guess from
//! prices. What a law claims is what its table lists; rows for void, ties or disagreement of two
//! venues are added with [`Relation::with_state`] and lower the floors of everything compiled.
//!
//! A relation is a claim about rules texts. [`structural()`] derives only those that the venues' own
//! metadata state; the rest are approved by a person.

pub mod check;
pub mod file;
pub mod mixed;
pub mod register;
pub mod standing;
pub mod structural;
pub mod text;

use crate::eval::basket::{BasketKind, Leg};
use crate::eval::states::StateTable;
use dutchbook_book::catalog::{Catalog, EventLaw};
use dutchbook_book::{BookId, ConditionId, Face, InstrumentId, Price, Rate, RelationId};

/// Where a relation comes from, in falling order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// One event's own metadata: its outcomes, its thresholds.
    Structure,
    /// A person read both rule texts.
    Approved,
    /// A person read both rule texts, which still stand, but what trading the markets takes has changed
    /// since: watched and reported, never traded, and what is held of them still binds.
    Suspended,
    /// Nobody has read them: watched and reported, never traded.
    Nominated,
}

impl Source {
    /// Whether baskets of such a relation may be traded, or only watched.
    #[must_use]
    pub const fn is_tradable(self) -> bool {
        match self {
            Self::Structure | Self::Approved => true,
            Self::Suspended | Self::Nominated => false,
        }
    }

    /// Whether what is held is weighed by such a relation.
    #[must_use]
    pub const fn is_binding(self) -> bool {
        match self {
            Self::Structure | Self::Approved | Self::Suspended => true,
            Self::Nominated => false,
        }
    }

    /// All of them, with their names in captures.
    const NAMES: [(Self, &str); 4] = [
        (Self::Structure, "structure"),
        (Self::Approved, "approved"),
        (Self::Suspended, "suspended"),
        (Self::Nominated, "nominated"),
    ];
}

/// Instruments that show the same outcome, on one venue or on several: any of them will do.
pub type Shown = Vec<InstrumentId>;

/// Which closed form a relation has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Law {
    /// The two faces of one book.
    Complement {
        /// The YES face.
        yes: InstrumentId,
    },
    /// Exactly one outcome comes true.
    Partition {
        /// The outcomes.
        outcomes: Vec<Shown>,
    },
    /// At most one outcome comes true.
    Exclusive {
        /// The outcomes.
        outcomes: Vec<Shown>,
    },
    /// Two instruments pay in the same states.
    Same {
        /// The one.
        a: InstrumentId,
        /// The other.
        b: InstrumentId,
    },
    /// Where `a` pays, `b` pays.
    Implication {
        /// The stronger claim.
        a: InstrumentId,
        /// The weaker claim.
        b: InstrumentId,
    },
    /// "Above x" in ascending x: a later rung implies every earlier one.
    Ladder {
        /// The rungs.
        rungs: Vec<Shown>,
    },
    /// The whole pays where exactly one of its parts pays.
    Bundle {
        /// The union.
        whole: InstrumentId,
        /// Its disjoint parts.
        parts: Vec<InstrumentId>,
    },
    /// P(A) + P(B) = P(A and B) + P(A or B).
    Polytope {
        /// A.
        a: InstrumentId,
        /// B.
        b: InstrumentId,
        /// A and B.
        both: InstrumentId,
        /// A or B.
        either: InstrumentId,
    },
    /// One basket, given with its states.
    Given {
        /// What it is reported as.
        kind: BasketKind,
        /// Its legs.
        legs: Vec<Leg>,
    },
}

impl Law {
    /// The form in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Complement { .. } => "complement",
            Self::Partition { .. } => "partition",
            Self::Exclusive { .. } => "exclusive",
            Self::Same { .. } => "same",
            Self::Implication { .. } => "implication",
            Self::Ladder { .. } => "ladder",
            Self::Bundle { .. } => "bundle",
            Self::Polytope { .. } => "polytope",
            Self::Given { .. } => "given",
        }
    }
}

/// A law between instruments, with every way in which it can settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its index among the relations of the engine.
    pub id: RelationId,
    /// Its closed form.
    pub law: Law,
    /// Its states.
    pub states: StateTable,
    /// Where it comes from.
    pub source: Source,
    /// The share that turning NO contracts into YES of the other outcomes costs, where the venue
    /// can do that; sales out of conversions then replace sales out of split sets.
    pub conversion: Option<Rate>,
}

/// The instruments with their complements.
fn both_faces<'a>(ids: impl IntoIterator<Item = &'a InstrumentId>) -> Vec<InstrumentId> {
    ids.into_iter().flat_map(|id| [*id, id.complement()]).collect()
}

/// Whose outcome an instrument shows, and whether it pays when that comes true; ascending.
fn readings(outcomes: &[Shown]) -> Vec<(InstrumentId, (usize, bool))> {
    let of = |(index, shown): (usize, &Shown)| {
        let both = |id: &InstrumentId| [(*id, (index, true)), (id.complement(), (index, false))];
        shown.iter().flat_map(both).collect::<Vec<_>>()
    };
    let mut readings: Vec<_> = outcomes.iter().enumerate().flat_map(of).collect();
    readings.sort_unstable_by_key(|(id, _)| *id);
    readings
}

impl Relation {
    /// A relation of a law and the truth of each outcome in every state.
    fn of(law: Law, outcomes: &[Shown], states: &[Vec<bool>]) -> Self {
        let mut table = StateTable::new(&both_faces(outcomes.iter().flatten()));
        let readings = readings(outcomes);
        for state in states {
            table.push(|id| {
                let at = readings.binary_search_by_key(&id, |(id, _)| *id).ok();
                let reading = at.and_then(|at| readings.get(at)).map(|(_, reading)| *reading);
                let pays = reading.is_some_and(|(outcome, when)| state.get(outcome) == Some(&when));
                if pays { Price::ONE } else { Price::ZERO }
            });
        }
        let id = RelationId::default();
        Self { id, law, states: table, source: Source::Structure, conversion: None }
    }

    /// The two faces of one book.
    #[must_use]
    pub fn complement(book: BookId) -> Self {
        let yes = book.instrument(Face::Yes);
        Self::of(Law::Complement { yes }, &[vec![yes]], &[vec![true], vec![false]])
    }

    /// Exactly one of the outcomes comes true.
    #[must_use]
    pub fn partition(outcomes: &[Shown]) -> Self {
        let states = one_hot(outcomes.len());
        Self::of(Law::Partition { outcomes: outcomes.to_vec() }, outcomes, &states)
    }

    /// At most one of the outcomes comes true: an open-ended or augmented event.
    #[must_use]
    pub fn exclusive(outcomes: &[Shown]) -> Self {
        let mut states = one_hot(outcomes.len());
        states.push(vec![false; outcomes.len()]);
        Self::of(Law::Exclusive { outcomes: outcomes.to_vec() }, outcomes, &states)
    }

    /// Two instruments pay in the same states.
    #[must_use]
    pub fn same(a: InstrumentId, b: InstrumentId) -> Self {
        Self::of(Law::Same { a, b }, &[vec![a, b]], &[vec![true], vec![false]])
    }

    /// Where `a` pays, `b` pays.
    #[must_use]
    pub fn implication(a: InstrumentId, b: InstrumentId) -> Self {
        let states = [vec![false, false], vec![false, true], vec![true, true]];
        Self::of(Law::Implication { a, b }, &[vec![a], vec![b]], &states)
    }

    /// Thresholds in ascending order.
    #[must_use]
    pub fn ladder(rungs: &[Shown]) -> Self {
        let count = rungs.len();
        let states: Vec<Vec<bool>> =
            (0..=count).map(|passed| (0..count).map(|rung| rung < passed).collect()).collect();
        Self::of(Law::Ladder { rungs: rungs.to_vec() }, rungs, &states)
    }

    /// The whole is the disjoint union of its parts.
    #[must_use]
    pub fn bundle(whole: InstrumentId, parts: Vec<InstrumentId>) -> Self {
        let mut outcomes = vec![vec![whole]];
        outcomes.extend(parts.iter().map(|&part| vec![part]));
        let mut states = vec![vec![false; outcomes.len()]];
        states.extend(one_hot(parts.len()).into_iter().map(|mut state| {
            state.insert(0, true);
            state
        }));
        Self::of(Law::Bundle { whole, parts }, &outcomes, &states)
    }

    /// A, B, A and B, A or B.
    #[must_use]
    pub fn polytope(
        a: InstrumentId,
        b: InstrumentId,
        both: InstrumentId,
        either: InstrumentId,
    ) -> Self {
        let states: Vec<Vec<bool>> = [(false, false), (false, true), (true, false), (true, true)]
            .map(|(a, b)| vec![a, b, a && b, a || b])
            .to_vec();
        let law = Law::Polytope { a, b, both, either };
        Self::of(law, &[vec![a], vec![b], vec![both], vec![either]], &states)
    }

    /// One basket with its states.
    #[must_use]
    pub fn given(kind: BasketKind, legs: Vec<Leg>, states: StateTable) -> Self {
        let (id, law) = (RelationId::default(), Law::Given { kind, legs });
        Self { id, law, states, source: Source::Approved, conversion: None }
    }

    /// The same relation with one more state: void, a tie, a disagreement of two venues. What is
    /// not named pays nothing.
    #[must_use]
    pub fn with_state(mut self, payoffs: &[(InstrumentId, Price)]) -> Self {
        self.states.push(|id| {
            payoffs.iter().find(|(named, _)| *named == id).map_or(Price::ZERO, |(_, price)| *price)
        });
        self
    }

    /// The same relation from another source.
    #[must_use]
    pub fn from_source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// The same relation where the venue turns NO into YES of the other outcomes for `fee`.
    #[must_use]
    pub fn with_conversion(mut self, fee: Rate) -> Self {
        self.conversion = Some(fee);
        self
    }
}

/// The states in which exactly one of `count` outcomes comes true.
fn one_hot(count: usize) -> Vec<Vec<bool>> {
    (0..count).map(|winner| (0..count).map(|index| index == winner).collect()).collect()
}

/// Every relation that the catalog's own structure states: the law of each event, and each
/// condition that several venues list. One unified book breaks its own complement only while it is
/// crossed, which no gate lets through, so that [`Relation::complement`] is not among them.
#[must_use]
pub fn structural(catalog: &Catalog) -> Vec<Relation> {
    let by_condition = ByCondition::of(catalog);
    let mut relations = Vec::new();
    for event in &catalog.events {
        let outcomes: Vec<Shown> =
            event.conditions.iter().map(|&condition| by_condition.shown(condition)).collect();
        for venues in &outcomes {
            for (at, &a) in venues.iter().enumerate() {
                relations.extend(venues.iter().skip(at + 1).map(|&b| Relation::same(a, b)));
            }
        }
        let listed: Vec<Shown> = outcomes.iter().filter(|o| !o.is_empty()).cloned().collect();
        let is_complete = listed.len() == outcomes.len();
        if listed.len() < 2 {
            continue;
        }
        match event.law {
            EventLaw::Independent => {}
            EventLaw::Ladder => relations.push(Relation::ladder(&listed)),
            EventLaw::Partition if is_complete => relations.push(Relation::partition(&listed)),
            // Without every outcome the long basket does not exist; at most one still holds.
            EventLaw::Partition | EventLaw::Exclusive => {
                relations.push(Relation::exclusive(&listed));
            }
        }
    }
    for (index, relation) in relations.iter_mut().enumerate() {
        relation.id = RelationId(u32::try_from(index).unwrap_or(u32::MAX));
    }
    relations
}

/// The listings of every condition: one pass over the catalog instead of one per condition.
struct ByCondition(Vec<Shown>);

impl ByCondition {
    fn of(catalog: &Catalog) -> Self {
        let mut lists = vec![Shown::new(); catalog.conditions.len()];
        for listing in &catalog.listings {
            if let Some(list) = lists.get_mut(listing.condition.index()) {
                list.push(listing.book.instrument(catalog.true_face(listing.book)));
            }
        }
        Self(lists)
    }

    fn shown(&self, condition: ConditionId) -> Shown {
        self.0.get(condition.index()).cloned().unwrap_or_default()
    }
}
