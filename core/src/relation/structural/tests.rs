use super::*;
use crate::relation::Law;
use dutchbook_book::Price;
use proptest::prelude::*;

fn event(outcomes: Outcomes, claims: &[Claim]) -> Event {
    let market = |(index, claim): (usize, &Claim)| Market {
        book: BookId(u32::try_from(index).unwrap()),
        claim: *claim,
    };
    Event {
        outcomes,
        markets: claims.iter().enumerate().map(market).collect(),
        unlisted_count: 0,
        step: 0,
        conversion: None,
    }
}

fn names(relations: &[Relation]) -> Vec<&'static str> {
    let name = |relation: &Relation| match relation.law {
        Law::Partition { .. } => "partition",
        Law::Exclusive { .. } => "exclusive",
        Law::Ladder { .. } => "ladder",
        Law::Bundle { .. } => "bundle",
        Law::Complement { .. }
        | Law::Same { .. }
        | Law::Implication { .. }
        | Law::Polytope { .. }
        | Law::Given { .. } => "other",
    };
    relations.iter().map(name).collect()
}

#[test]
fn only_a_closed_list_of_outcomes_is_exhaustive() {
    let named = [Claim::Named; 3];
    assert_eq!(names(&relations(&event(Outcomes::ExactlyOne, &named))), ["partition"]);
    assert_eq!(names(&relations(&event(Outcomes::AtMostOne, &named))), ["exclusive"]);
    assert_eq!(names(&relations(&event(Outcomes::Free, &named))), [""; 0]);
    let mut open = event(Outcomes::ExactlyOne, &named);
    open.unlisted_count = 1;
    assert_eq!(names(&relations(&open)), ["exclusive"]);
}

#[test]
fn dates_climb_from_the_latest_to_the_earliest() {
    let by = [Claim::AtMost(100), Claim::AtMost(300), Claim::AtMost(200)];
    let found = relations(&event(Outcomes::Free, &by));
    assert_eq!(names(&found), ["ladder"]);
    let Law::Ladder { rungs } = &found[0].law else { panic!("no ladder") };
    // NO of "by 100" is "later than 100": the weakest of the three.
    let no = |book: u32| vec![BookId(book).instrument(Face::No)];
    assert_eq!(*rungs, [no(0), no(2), no(1)]);
}

#[test]
fn buckets_without_a_gap_are_exhaustive_and_add_up_to_the_cumulative_strike() {
    let claims = [
        Claim::Below(58),
        Claim::Between(58, 58),
        Claim::Between(59, 59),
        Claim::AtLeast(60),
        Claim::AtLeast(58),
    ];
    let mut whole = event(Outcomes::Free, &claims[..4]);
    assert_eq!(names(&relations(&whole)), ["exclusive", "ladder"], "58.5 lies in no bucket");
    whole.step = 1;
    assert_eq!(names(&relations(&whole)), ["partition", "ladder", "bundle"]);
    let mut both = event(Outcomes::Free, &claims);
    both.step = 1;
    let found = relations(&both);
    assert_eq!(names(&found), ["ladder", "bundle"]);
    let Law::Ladder { rungs } = &found[0].law else { panic!("no ladder") };
    assert_eq!(rungs[0], [BookId(0).instrument(Face::No), BookId(4).instrument(Face::Yes)]);
}

#[test]
fn a_strict_strike_is_the_next_published_value() {
    let mut event = event(Outcomes::Free, &[Claim::Above(85), Claim::AtLeast(86)]);
    assert_eq!(names(&relations(&event)), ["ladder"], "85.5 is above 85 and below 86");
    event.step = 1;
    assert_eq!(names(&relations(&event)), [""; 0], "one rung is no ladder");
}

fn claim() -> impl Strategy<Value = Claim> {
    (0_u8..6, -6_i128..6, 0_i128..4).prop_map(|(kind, x, width)| match kind {
        0 => Claim::Above(x),
        1 => Claim::AtLeast(x),
        2 => Claim::Below(x),
        3 => Claim::AtMost(x),
        4 => Claim::Named,
        _ => Claim::Between(x, x + width),
    })
}

/// Whether a claim is true of a quantity given in quarters.
fn holds(claim: Claim, quarters: i128) -> bool {
    match claim {
        Claim::Named => false,
        Claim::Above(x) => quarters > 4 * x,
        Claim::AtLeast(x) => quarters >= 4 * x,
        Claim::Below(x) => quarters < 4 * x,
        Claim::AtMost(x) => quarters <= 4 * x,
        Claim::Between(low, high) => (4 * low..=4 * high).contains(&quarters),
    }
}

proptest! {
    /// Whatever the quantity turns out to be, each relation has a state that pays just so.
    #[test]
    fn every_quantity_is_a_state_of_every_relation(
        claims in proptest::collection::vec(claim(), 2..7),
        step in 0_i128..3,
    ) {
        prop_assume!(!claims.contains(&Claim::Named));
        let mut event = event(Outcomes::Free, &claims);
        event.step = step;
        for relation in relations(&event) {
            for quarters in -40_i128..=40 {
                let is_published = step == 0 || quarters % (4 * step) == 0;
                let is_known = !is_published || (0..relation.states.len()).any(|state| {
                    relation.states.instruments().iter().all(|&id| {
                        let book = usize::try_from(id.book().0).unwrap();
                        let is_true = holds(claims[book], quarters) == (id.face() == Face::Yes);
                        let pays = if is_true { Price::ONE } else { Price::ZERO };
                        relation.states.payoff(state, id) == Some(pays)
                    })
                });
                prop_assert!(is_known, "{claims:?} step {step}: {quarters}/4 in {:?}", relation.law);
            }
        }
    }
}
