use super::*;
use crate::config::Config;
use crate::eval::watch::Watch;
use crate::position::bonds::Bonds;
use crate::relation::file::File;
use dutchbook_book::catalog::{EventLaw, Listing, Terms, VenueKind};
use dutchbook_book::{Face, Grid, Price, Stamp};

const SECOND: Nanos = Nanos::from_secs(1);

/// Four markets on two venues, every one of the same terms.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let venues =
        [VenueKind::Kalshi, VenueKind::Polymarket].map(|kind| (catalog.add_venue(kind), kind));
    let grid = Grid::uniform(Price::from_pips(100).unwrap()).unwrap();
    for (venue, kind) in venues {
        let event = catalog.add_event("e", EventLaw::Independent);
        for name in ["a", "b"] {
            let condition = catalog.add_condition(event, name);
            let book = catalog.add_listing(Listing {
                native_market: format!("{}-{name}", kind.name()),
                name: name.to_owned(),
                ..Listing::plain(kind, venue, condition, grid)
            });
            catalog.set_terms(book, Terms { rules_hash: [0xaa; 32], ..Terms::default() });
        }
    }
    catalog
}

/// An approved "same" of each market with its twin on the other venue.
fn file(names: &[&str]) -> File {
    let market = |key: &str, venue: &str, name: &str| {
        format!(
            "[[relation.market]]\nkey = \"{key}\"\nvenue = \"{venue}\"\nmarket = \"{venue}-{name}\"\n\
             rules_sha256 = \"{}\"\ntick = \"0.01\"\nfee = \"\"\ncloses = \"\"\n",
            "a".repeat(64)
        )
    };
    let state = |kind: &str, pays: [u8; 2], more: &str| {
        format!(
            "[[relation.state]]\nname = \"{kind}{pays:?}\"\nkind = \"{kind}\"\n\
             pays = {{ k = \"{}\", p = \"{}\" }}\n{more}",
            pays[0], pays[1]
        )
    };
    let mut text = "format = 1\n".to_owned();
    for name in names {
        text += &format!(
            "[[relation]]\nname = \"{name}\"\nkind = \"same\"\nclaim = \"read\"\n\
             approved_by = \"a trader\"\napproved_on = \"2026-11-01\"\n"
        );
        text += &(market("k", "kalshi", name) + &market("p", "polymarket", name));
        text += &(state("outcome", [1, 1], "") + &state("outcome", [0, 0], ""));
        for kind in ["void", "postponed", "disagreement"] {
            text += &state(kind, [1, 0], "excluded = \"one source\"\n");
        }
    }
    File::parse(&text).unwrap()
}

fn compiler(file: File, structural: Vec<Relation>) -> (Compiler, Watch, Catalog) {
    let catalog = catalog();
    let register = Register::of(&file, &catalog, &structural);
    let list = mixed::standing(&structural, &register.relations);
    let config = Config::parse("").unwrap();
    let watch = Watch::new(&catalog, list.clone()).unwrap();
    let compiler =
        Compiler::new(catalog.clone(), structural, file, &list, config.relations, config.evaluate);
    (compiler, watch, catalog)
}

fn no_books(_: BookId, _: &mut Depth) -> bool {
    false
}

fn fact(catalog: &Catalog, book: BookId) -> Fact {
    Fact::of(catalog.listing(book).unwrap(), catalog.terms(book).unwrap())
}

#[test]
fn changes_that_come_together_are_one_program_and_what_is_approved_again_comes_back() {
    let (mut compiler, mut watch, catalog) = compiler(file(&["a", "b"]), Vec::new());
    let live = |watch: &Watch| {
        (0..u32::try_from(watch.basket_count()).unwrap())
            .filter(|basket| !watch.is_retired(dutchbook_book::BasketId(*basket)))
            .count()
    };
    assert_eq!(live(&watch), 4);
    let mut at = SECOND;
    assert_eq!(compiler.poll(at, no_books), None);
    for book in [BookId(0), BookId(2)] {
        let mut fact = fact(&catalog, book);
        fact.rules = [0xbb; 32];
        compiler.tell(News::Market(book, Some(fact)), at);
        at = at.plus(Nanos::from_millis(100));
        assert_eq!(compiler.poll(at, no_books), None, "it waits for more");
    }
    at = at.plus(SECOND);
    let program = compiler.poll(at, no_books).unwrap();
    assert_eq!((program.withdraw.len(), program.add.len()), (1, 0));
    assert!(compiler.register.rows[0].standing.to_string().contains("another rules text"));
    watch.install(&catalog, program).unwrap();
    assert_eq!(live(&watch), 2);
    for book in [BookId(0), BookId(2)] {
        compiler.tell(News::Market(book, Some(fact(&catalog, book))), at);
    }
    at = at.plus(SECOND);
    let program = compiler.poll(at, no_books).unwrap();
    let bytes = program.to_bytes();
    let again = Program::from_bytes(&bytes, &mut catalog.clone());
    assert_eq!(again, Some(program.clone()), "a capture holds it");
    watch.install(&catalog, program.clone()).unwrap();
    assert_eq!(live(&watch), 4);
    assert!(watch.install(&catalog, program).is_err(), "made for what was watched before");
}

#[test]
fn a_new_file_adds_and_withdraws_and_a_market_that_is_gone_disables() {
    let (mut compiler, _, _) = compiler(file(&["a"]), Vec::new());
    compiler.tell(News::File(file(&["b"])), Nanos::ZERO);
    let program = compiler.poll(SECOND, no_books).unwrap();
    assert_eq!((program.withdraw.as_slice(), program.add.len()), (&[RelationId(0)][..], 1));
    assert_eq!(program.add[0].relation.id, RelationId(1));
    compiler.tell(News::Market(BookId(1), None), SECOND);
    let program = compiler.poll(SECOND.plus(SECOND), no_books).unwrap();
    assert_eq!(program.withdraw, [RelationId(1)]);
}

/// Another tick stops the trade and says nothing of what is paid: the relation goes on to bind what is
/// held, until the rules are others.
#[test]
fn a_tick_that_changes_stops_the_trade_and_leaves_what_is_held_bound() {
    let (mut compiler, mut watch, catalog) = compiler(file(&["a"]), Vec::new());
    let bonds = Bonds::of(watch.relations());
    assert_eq!(bonds.alike.len(), 1);
    let tradable = |watch: &Watch| {
        let stand = watch.relations().filter(|one| !one.states.is_empty());
        stand.filter(|one| one.source.is_tradable()).count()
    };
    let mut tell = |change: fn(&mut Fact), at: Nanos, watch: &mut Watch| {
        let mut fact = fact(&catalog, BookId(0));
        change(&mut fact);
        compiler.tell(News::Market(BookId(0), Some(fact)), at);
        let program = compiler.poll(at.plus(SECOND), no_books).unwrap();
        assert_eq!(program.withdraw.len(), 1);
        watch.install(&catalog, program).unwrap();
    };
    assert_eq!(tradable(&watch), 1);
    tell(
        |fact| fact.grid = Grid::uniform(Price::from_pips(10).unwrap()).unwrap(),
        SECOND,
        &mut watch,
    );
    assert_eq!(tradable(&watch), 0);
    assert_eq!(Bonds::of(watch.relations()), bonds);
    tell(|fact| fact.rules = [0xbb; 32], Nanos::from_secs(9), &mut watch);
    assert_eq!(Bonds::of(watch.relations()), Bonds::default());
}

/// Kalshi says that a and b exclude each other: one law over both venues, until one of the questions
/// is not known to be the same any more.
#[test]
fn a_law_holds_over_both_venues_while_its_outcomes_are_approved() {
    let shown = [0, 1].map(|book| vec![BookId(book).instrument(Face::Yes)]);
    let (mut compiler, watch, _) = compiler(file(&["a", "b"]), vec![Relation::exclusive(&shown)]);
    let books = |relation: &Relation| relation.states.instruments().len() / 2;
    assert_eq!(watch.relations().map(books).collect::<Vec<_>>(), [4, 2, 2]);
    compiler.tell(News::Market(BookId(3), None), SECOND);
    let program = compiler.poll(SECOND.plus(SECOND), no_books).unwrap();
    assert_eq!(program.withdraw, [RelationId(0), RelationId(2)]);
    assert_eq!(program.add.iter().map(|one| books(&one.relation)).collect::<Vec<_>>(), [3]);
    compiler.tell(News::Market(BookId(2), None), SECOND.plus(SECOND));
    let program = compiler.poll(SECOND.plus(SECOND).plus(SECOND), no_books).unwrap();
    let sources: Vec<_> = program.add.iter().map(|one| one.relation.source).collect();
    assert_eq!(sources, [crate::relation::Source::Structure]);
}

/// Kalshi says that a implies b; Polymarket's books alone would pay.
#[test]
fn a_search_finds_what_relations_say_together_once() {
    let [a, b] = [0, 1].map(|book| BookId(book).instrument(Face::Yes));
    let (mut compiler, mut watch, catalog) =
        compiler(file(&["a", "b"]), vec![Relation::implication(a, b)]);
    let depth = |book: BookId, depth: &mut Depth| {
        let (bid, ask) =
            [(4_000, 6_000), (3_800, 6_000), (5_600, 6_100), (4_500, 5_000)][book.index()];
        depth.reset(Stamp { status: BookStatus::Live, ..Stamp::default() });
        let qty = Qty::from_contracts(100).unwrap();
        for (side, pips) in [(Side::Buy, bid), (Side::Sell, ask)] {
            assert!(depth.push(side, Level { price: Price::from_pips(pips).unwrap(), qty }));
        }
        true
    };
    let mut at = SECOND.plus(SECOND);
    let program = compiler.poll(at, depth).unwrap();
    assert_eq!(program.add.len(), 1);
    assert_eq!(program.add[0].relation.source, crate::relation::Source::Approved);
    let new = watch.install(&catalog, program).unwrap();
    assert_eq!(new.len(), 1);
    for _ in 0..3 {
        at = at.plus(Nanos::from_secs(10));
        assert_eq!(compiler.poll(at, depth), None, "it is known now");
    }
    assert_eq!(compiler.counts().found, 1);
    // What it was built on goes: it goes as well.
    compiler.tell(News::Market(BookId(3), None), at);
    let program = compiler.poll(at.plus(SECOND), depth).unwrap();
    assert_eq!(program.withdraw.len(), 2);
}
