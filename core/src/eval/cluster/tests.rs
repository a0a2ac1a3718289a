use super::*;
use crate::relation::Relation;
use proptest::prelude::*;

fn yes(book: u32) -> InstrumentId {
    BookId(book).instrument(Face::Yes)
}

fn weights(cluster: &Cluster, held: &[(InstrumentId, i128)]) -> Vec<[i128; 2]> {
    let of = |book: &BookId| {
        let on = |face| {
            let id = book.instrument(face);
            held.iter().filter(|(of, _)| *of == id).map(|(_, qty)| *qty).sum()
        };
        [on(Face::Yes), on(Face::No)]
    };
    cluster.books().iter().map(of).collect()
}

fn floor(cluster: &Cluster, held: &[(InstrumentId, i128)]) -> Option<i128> {
    match cluster.worst(&weights(cluster, held)) {
        Worst::Found(value, state) => {
            let again: i128 = held
                .iter()
                .map(|(id, qty)| qty * i128::from(cluster.payoff(&state, *id).unwrap().micro()))
                .sum();
            assert_eq!(value, again, "the state pays what is said of it");
            Some(value / 1_000_000)
        }
        Worst::Impossible | Worst::TooMany => None,
    }
}

#[test]
fn what_two_relations_say_together_is_more_than_each_says() {
    // A, B, C exclude each other on one venue; A is listed on another as D, B as E.
    let list = [
        Relation::exclusive(&[vec![yes(0)], vec![yes(1)], vec![yes(2)]]),
        Relation::same(yes(0), yes(3)),
        Relation::same(yes(1), yes(4)),
    ];
    let cluster = Cluster::of(&list);
    let [not_d, not_e] = [yes(3).complement(), yes(4).complement()];
    assert_eq!(floor(&cluster, &[(not_d, 1), (not_e, 1)]), Some(1));
    assert_eq!(floor(&cluster, &[(yes(3), 1), (yes(4), 1)]), Some(0));
    assert!(!cluster.is_of_one_relation(&[BookId(3), BookId(4)]));
    assert!(cluster.is_of_one_relation(&[BookId(0), BookId(2)]));
    let table = cluster.table(&[BookId(3), BookId(4)], 64).unwrap();
    assert_eq!(table.len(), 3, "not both");
}

#[test]
fn a_void_that_one_table_knows_frees_what_another_says() {
    let half = Price::from_micro(500_000).unwrap();
    let [a, b, c] = [yes(0), yes(1), yes(2)];
    // A and B are the same question, unless A is void; B excludes C by structure.
    let void = [(a, half), (a.complement(), half), (b.complement(), Price::ONE)];
    let list = [Relation::same(a, b).with_state(&void), Relation::exclusive(&[vec![a], vec![c]])];
    let cluster = Cluster::of(&list);
    // Without the void, NO A and NO C pay one at least; with it A pays half and C may win.
    assert_eq!(floor(&cluster, &[(a.complement(), 2), (c.complement(), 2)]), Some(1));
}

#[test]
fn relations_that_contradict_have_no_state() {
    let list = [Relation::same(yes(0), yes(1)), Relation::partition(&[vec![yes(0)], vec![yes(1)]])];
    assert_eq!(Cluster::of(&list).worst(&[[0; 2]; 2]), Worst::Impossible);
    let circle =
        [Relation::implication(yes(0), yes(1)), Relation::exclusive(&[vec![yes(0)], vec![yes(1)]])];
    let cluster = Cluster::of(&circle);
    let pays = [Price::ONE, Price::ZERO];
    let place = cluster.books().iter().position(|book| *book == BookId(0)).unwrap();
    let value = cluster.domain(place).iter().position(|known| *known == pays).unwrap();
    assert_eq!(cluster.can_be(&[(place, value)]), Some(false), "A could never pay");
}

fn relation() -> impl Strategy<Value = Relation> {
    let ids = proptest::sample::subsequence(vec![0_u32, 1, 2, 3, 4], 2..4);
    (ids, 0..5_u8).prop_map(|(ids, kind)| {
        let shown: Vec<Vec<InstrumentId>> = ids.iter().map(|id| vec![yes(*id)]).collect();
        let (a, b) = (yes(ids[0]), yes(ids[1]));
        match kind {
            0 => Relation::same(a, b),
            1 => Relation::implication(a, b),
            2 => Relation::partition(&shown),
            3 => Relation::ladder(&shown),
            _ => Relation::exclusive(&shown),
        }
    })
}

proptest! {
    /// The worst state equals that of all listed ones.
    #[test]
    fn the_worst_state_is_that_of_brute_force(
        list in proptest::collection::vec(relation(), 1..4),
        held in proptest::collection::vec(-3_i128..4, 10),
    ) {
        let cluster = Cluster::of(&list);
        let holdings: Vec<(InstrumentId, i128)> = cluster
            .books()
            .iter()
            .flat_map(|book| [Face::Yes, Face::No].map(|face| book.instrument(face)))
            .map(|id| (id, held[usize::try_from(id.0).unwrap()]))
            .collect();
        let mut least: Option<i128> = None;
        for bits in 0_u32..32 {
            let pays = |id: InstrumentId| {
                let is_true = bits >> id.book().0 & 1 == 1;
                if is_true == (id.face() == Face::Yes) { Price::ONE } else { Price::ZERO }
            };
            let is_state = list.iter().all(|relation| {
                (0..relation.states.len()).any(|state| {
                    let mut ids = relation.states.instruments().iter();
                    ids.all(|id| relation.states.payoff(state, *id) == Some(pays(*id)))
                })
            });
            if is_state {
                let value = holdings.iter().map(|(id, qty)| qty * i128::from(pays(*id).micro()));
                let value: i128 = value.sum();
                least = Some(least.map_or(value, |known| known.min(value)));
            }
        }
        let found = match cluster.worst(&weights(&cluster, &holdings)) {
            Worst::Found(value, _) => Some(value),
            Worst::Impossible => None,
            Worst::TooMany => panic!("five books are few"),
        };
        prop_assert_eq!(found, least);
    }
}
