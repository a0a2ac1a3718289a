use super::*;
use crate::compiler::program::Appeared;
use crate::eval::basket::BasketKind;
use crate::journal::{JournalReader, decode, journal};
use crate::relation::structural;
use crate::risk::kill::KillSwitch;
use dutchbook_book::catalog::{EventLaw, Listing, Terms, VenueKind};
use dutchbook_book::grid::PriceRange;
use dutchbook_book::ring::Words as _;
use dutchbook_book::shelf::{Shelf, ShelfWriter};
use dutchbook_book::{Book, Exact, Face, InstrumentId, Price, Qty, Side, TopOfBook};

/// One question on two venues without fees, and everything that an engine needs.
struct Rig {
    engine: Engine,
    writer: ShelfWriter,
    books: [Book; 2],
    journal: JournalReader,
    now: Nanos,
}

mod words;

const POLYMARKET: BookId = BookId(0);
const KALSHI: BookId = BookId(1);

fn price(pips: u32) -> Price {
    Price::from_pips(pips).unwrap()
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let event = catalog.add_event("rain", EventLaw::Independent);
    let condition = catalog.add_condition(event, "it rains");
    for kind in [VenueKind::Polymarket, VenueKind::Kalshi] {
        let venue = catalog.add_venue(kind);
        catalog.add_listing(Listing {
            native_market: "rain".to_owned(),
            name: "it rains".to_owned(),
            lot: Qty::from_centi(1).unwrap(),
            ..Listing::plain(kind, venue, condition, Grid::uniform(price(100)).unwrap())
        });
    }
    catalog
}

impl Rig {
    fn new(change: impl FnOnce(&mut EngineConfig)) -> Self {
        Self::listed(change, |_| {})
    }

    fn listed(change: impl FnOnce(&mut EngineConfig), list: impl FnMut(&mut Listing)) -> Self {
        let mut catalog = catalog();
        catalog.listings.iter_mut().for_each(list);
        Self::over(catalog, change)
    }

    fn over(catalog: Catalog, change: impl FnOnce(&mut EngineConfig)) -> Self {
        let mut config = crate::config::Config::parse("").unwrap().engine();
        change(&mut config);
        let mut shelf = Shelf::new(2);
        let (writer, journal) = journal(8, 1_024);
        let kill = KillSwitch::default();
        let relations = structural(&catalog);
        let books = catalog.listings.iter().map(|listing| Book::new(listing.grid));
        let books: Vec<Book> = books.collect();
        let engine =
            Engine::new(catalog, relations, &config, shelf.reader(), writer, kill).unwrap();
        let writer = shelf.writer_of([POLYMARKET, KALSHI]).unwrap();
        let books = books.try_into().unwrap();
        Self { engine, writer, books, journal, now: Nanos::from_secs(1_000) }
    }

    /// Shows a book with one level a side (prices in cents) and a hundred contracts at each.
    fn show(&mut self, id: BookId, bid: u32, ask: u32) -> TopUpdate {
        let book = &mut self.books[id.index()];
        book.begin_snapshot();
        let qty = Qty::from_contracts(100).unwrap();
        book.set_level(Face::Yes, Side::Buy, price(bid * 100), qty).unwrap();
        book.set_level(Face::Yes, Side::Sell, price(ask * 100), qty).unwrap();
        book.commit(self.now, self.now);
        self.writer.publish(id, book)
    }

    fn evaluate(&mut self, update: &TopUpdate) {
        self.engine.on_top(update);
        self.engine.evaluate(self.now);
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now.plus(Nanos::from_millis(ms));
        self.engine.poll(self.now);
    }

    fn held(&self, instrument: InstrumentId) -> u64 {
        self.engine.portfolio().qty(instrument).micro() / 1_000_000
    }
}

#[test]
fn a_gap_between_two_venues_is_bought_on_both_and_locks_its_profit() {
    let mut rig = Rig::new(|_| {});
    let update = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&update);
    let update = rig.show(KALSHI, 47, 49);
    rig.evaluate(&update);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 100);
    assert_eq!(rig.held(KALSHI.instrument(Face::No)), 100);
    assert_eq!(rig.engine.net_profit(), Cash::from_micro(5_000_000));
}

#[test]
fn a_doubtful_book_closes_the_gate() {
    for status in BookStatus::ALL.into_iter().filter(|status| *status != BookStatus::Live) {
        let mut rig = Rig::new(|_| {});
        let update = rig.show(POLYMARKET, 40, 42);
        rig.evaluate(&update);
        rig.show(KALSHI, 47, 49);
        rig.books[1].set_status(status);
        let book = &rig.books[1];
        let update = rig.writer.publish(KALSHI, book);
        rig.evaluate(&update);
        rig.pass(1);
        assert_eq!(rig.engine.lives().born_count(), 0, "{status:?}");
    }
}

#[test]
fn an_older_state_behind_a_coalesced_one_changes_nothing() {
    let mut rig = Rig::new(|config| config.trades = false);
    let update = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&update);
    let older = rig.show(KALSHI, 47, 49);
    rig.show(KALSHI, 41, 43);
    rig.engine.on_dirty(KALSHI);
    rig.evaluate(&older);
    assert_eq!(rig.engine.lives().born_count(), 0);
    // The same state again is taken: nothing was lost.
    rig.engine.on_dirty(KALSHI);
    let update = rig.show(KALSHI, 47, 49);
    rig.evaluate(&update);
    assert_eq!(rig.engine.lives().born_count(), 1);
}

#[test]
fn a_young_edge_waits_until_it_has_persisted() {
    let mut rig = Rig::new(|config| config.persist = Nanos::from_millis(20));
    let update = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&update);
    let update = rig.show(KALSHI, 47, 49);
    rig.evaluate(&update);
    rig.pass(10);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 0);
    rig.pass(9);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 100, "no book moved: the clock did");
}

#[test]
fn an_edge_that_dies_young_is_never_traded() {
    let mut rig = Rig::new(|config| config.persist = Nanos::from_millis(20));
    let update = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&update);
    let update = rig.show(KALSHI, 47, 49);
    rig.evaluate(&update);
    rig.pass(10);
    let update = rig.show(KALSHI, 41, 43);
    rig.evaluate(&update);
    rig.pass(30);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 0);
}

#[test]
fn a_resolution_buys_the_winner_after_the_final_word_and_a_moved_book() {
    let mut rig = Rig::new(|_| {});
    let update = rig.show(POLYMARKET, 93, 95);
    rig.evaluate(&update);
    let update = rig.show(KALSHI, 93, 95);
    rig.evaluate(&update);
    let yes = POLYMARKET.instrument(Face::Yes);
    let word = |winner, is_final| Control::Resolved { book: KALSHI, winner, is_final };
    rig.engine.on_control(word(Some(Face::Yes), false), rig.now);
    rig.pass(10);
    let update = rig.show(POLYMARKET, 94, 96);
    rig.evaluate(&update);
    rig.pass(1);
    assert_eq!(rig.held(yes), 0, "a first word may be disputed");
    rig.engine.on_control(word(None, true), rig.now);
    rig.engine.evaluate(rig.now);
    rig.pass(1);
    assert_eq!(rig.held(yes), 100, "the book has moved since the publication");
    assert_eq!(rig.held(POLYMARKET.instrument(Face::No)), 0);
    assert_eq!(rig.engine.net_profit(), Cash::from_micro(4_000_000));
    let unpaid = rig.engine.portfolio().unpaid_winners();
    assert_eq!(unpaid, Cash::from_micro(100_000_000).exact(), "it stands on Kalshi's word");
    let own = Control::Resolved { book: POLYMARKET, winner: Some(Face::Yes), is_final: true };
    rig.engine.on_control(own, rig.now);
    assert_eq!(rig.engine.net_profit(), Cash::from_micro(4_000_000));
    assert_eq!(rig.engine.portfolio().unpaid_winners(), Exact::ZERO);
    let summary = rig.engine.lives().summary(BasketKind::Resolution);
    assert_eq!(summary.born, 1);
}

#[test]
fn a_settlement_whose_result_was_lost_waits_for_the_venues_list() {
    let mut rig = Rig::new(|_| {});
    let word = |winner| Control::Resolved { book: KALSHI, winner, is_final: true };
    rig.engine.on_control(word(None), rig.now);
    assert!(!rig.engine.portfolio().is_settled(KALSHI), "who won is not known");
    assert_eq!(rig.engine.counters().get(Counter::WordsRefused), 1);
    // The list says both at once.
    rig.engine.on_control(word(Some(Face::No)), rig.now);
    assert!(rig.engine.portfolio().is_settled(KALSHI));
}

#[test]
fn a_remnant_of_a_resolved_market_is_left_alone() {
    let mut rig = Rig::new(|_| {});
    let update = rig.show(POLYMARKET, 93, 95);
    rig.evaluate(&update);
    rig.pass(10);
    let word = Control::Resolved { book: KALSHI, winner: Some(Face::Yes), is_final: true };
    rig.engine.on_control(word, rig.now);
    rig.engine.evaluate(rig.now);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 0, "no event since the publication");
}

#[test]
fn every_decision_is_recorded_with_the_views_that_it_read() {
    let mut rig = Rig::new(|_| {});
    let first = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&first);
    let second = rig.show(KALSHI, 47, 49);
    rig.evaluate(&second);
    rig.pass(1);
    rig.engine.flush();
    let mut views = Vec::new();
    rig.journal.drain(|bytes| {
        if let Record::DecisionLeg(leg) = decode(bytes).unwrap().record {
            views.push((leg.instrument.book(), leg.view.top, leg.view.stamp.version));
        }
    });
    views.sort_by_key(|(book, ..)| *book);
    let seen = |update: &TopUpdate| (update.book, update.top, update.stamp.version);
    assert_eq!(views, [seen(&first), seen(&second)]);
}

#[test]
fn without_books_nothing_happens() {
    let mut rig = Rig::new(|_| {});
    let update = TopUpdate { book: BookId(77), top: TopOfBook::default(), ..TopUpdate::default() };
    rig.evaluate(&update);
    rig.pass(1);
    assert_eq!(rig.engine.net_profit(), Exact::ZERO.cash_floor().unwrap());
}

/// Both books quoted by Kalshi's rule, a cent of edge after its fees.
fn with_fees(rig: &mut Rig, quotes: [[u32; 2]; 2]) {
    for (id, [bid, ask]) in [POLYMARKET, KALSHI].into_iter().zip(quotes) {
        let update = rig.show(id, bid, ask);
        rig.evaluate(&update);
    }
    rig.pass(1);
}

#[test]
fn a_fee_that_rises_while_running_is_charged_from_its_message_on() {
    use dutchbook_book::fee::kalshi::{FeeType, Member, Rule, rates, schedule};
    let one = Rate::from_ppm(1_000_000).unwrap();
    let fee = schedule(FeeType::Quadratic, Rate::ZERO, Rule::Current(Member::Direct)).unwrap();
    let charge = |rig: &mut Rig, rates| {
        rig.engine.on_control(Control::FeeChanged { book: KALSHI, rates }, rig.now);
    };
    // Five cents of edge: free of fees a trade, at three and a half cents' fee as well, and with
    // the fee not known none.
    let profit = |change: Option<Option<Multiplier>>| {
        let mut rig = Rig::listed(|_| {}, |listing| listing.fee = fee);
        if let Some(multiplier) = change {
            let rates = multiplier.map(|times| {
                let multiplier = Rate::from_nano(one.nano() * times);
                rates(FeeType::Quadratic, multiplier).unwrap()
            });
            charge(&mut rig, rates);
        }
        with_fees(&mut rig, [[40, 42], [47, 49]]);
        rig.engine.net_profit()
    };
    type Multiplier = u32;
    let free = profit(None);
    assert_eq!(free, Cash::from_micro(5_000_000));
    // 0.07 x 100 x 0.47 x 0.53 is 1.7437 $.
    assert_eq!(profit(Some(Some(1))), Cash::from_micro(5_000_000 - 1_743_700));
    assert_eq!(profit(Some(Some(3))), Cash::ZERO);
    assert_eq!(profit(Some(None)), Cash::ZERO);
}

#[test]
fn an_unknown_fee_closes_the_gate_until_it_is_known() {
    let mut rig = Rig::new(|_| {});
    rig.engine.on_control(Control::FeeChanged { book: KALSHI, rates: None }, rig.now);
    with_fees(&mut rig, [[40, 42], [47, 49]]);
    assert_eq!(rig.engine.net_profit(), Cash::ZERO);
    assert!(rig.engine.risk.veto_count(Veto::FeeUnknown) > 0);
}

#[test]
fn an_open_dispute_closes_a_resolution_and_so_does_a_contradiction() {
    use crate::resolution::{Says, Source, Trust, Verdict};
    let traded = |says: Says| {
        let mut rig = Rig::new(|_| {});
        for book in [POLYMARKET, KALSHI] {
            let update = rig.show(book, 93, 95);
            rig.evaluate(&update);
        }
        let word = Control::Resolved { book: KALSHI, winner: Some(Face::Yes), is_final: true };
        rig.engine.on_control(word, rig.now);
        let said = Control::Said {
            book: POLYMARKET,
            source: Source::Oracle,
            says,
            trust: Trust::Final,
            at: Nanos::ZERO,
        };
        rig.engine.on_control(said, rig.now);
        rig.pass(10);
        let update = rig.show(POLYMARKET, 94, 96);
        rig.evaluate(&update);
        rig.pass(1);
        (rig.held(POLYMARKET.instrument(Face::Yes)), rig.engine.refused_words().count())
    };
    assert_eq!(traded(Says::Proposed(Verdict::Pays(Face::Yes))), (100, 0));
    assert_eq!(traded(Says::Disputed), (0, 0));
    assert_eq!(traded(Says::Reset), (0, 0));
    assert_eq!(traded(Says::Settled), (100, 1), "it settles what it has not decided");
}

/// The relation of a rig's two books as somebody has or has not approved it.
fn trades_of(source: crate::relation::Source) -> (u64, u64) {
    let mut rig = Rig::new(|_| {});
    let relation = structural(&catalog()).remove(0).from_source(source);
    let relation = crate::relation::Relation { id: dutchbook_book::RelationId(1), ..relation };
    let templates = crate::eval::compile::compile(&relation, &catalog());
    let program = Program {
        appeared: Appeared::default(),
        withdraw: vec![dutchbook_book::RelationId(0)],
        add: vec![crate::compiler::program::Compiled { relation, templates }],
    };
    let update = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&update);
    let now = rig.now;
    rig.engine.install(program, now);
    let update = rig.show(KALSHI, 47, 49);
    rig.evaluate(&update);
    rig.pass(1);
    (rig.engine.lives().born_count(), rig.held(POLYMARKET.instrument(Face::Yes)))
}

#[test]
fn a_nominated_relation_is_watched_and_never_traded() {
    use crate::relation::Source;
    assert_eq!(trades_of(Source::Approved), (1, 100), "the tops of before the program count");
    assert_eq!(trades_of(Source::Nominated), (1, 0));
    assert_eq!(trades_of(Source::Suspended), (1, 0));
}

#[test]
fn what_a_program_withdraws_ends_with_that_cause_and_stays_away() {
    let mut rig = Rig::new(|config| config.trades = false);
    for (book, bid, ask) in [(POLYMARKET, 40, 42), (KALSHI, 47, 49)] {
        let update = rig.show(book, bid, ask);
        rig.evaluate(&update);
    }
    assert_eq!(rig.engine.lives().open_count(), 1);
    let withdraw = vec![dutchbook_book::RelationId(0)];
    let now = rig.now;
    rig.engine.install(Program { withdraw, ..Program::default() }, now);
    assert_eq!(rig.engine.lives().ended()[0].cause, Cause::Withdrawn);
    let update = rig.show(KALSHI, 60, 62);
    rig.evaluate(&update);
    assert_eq!(rig.engine.lives().born_count(), 1);
}

#[test]
fn a_tapered_grid_arrives_with_all_of_its_steps() {
    let range = |[start, end, step]: [u32; 3]| PriceRange {
        start: price(start),
        end: price(end),
        step: price(step),
    };
    let ranges = [[0, 1_000, 10], [1_000, 9_000, 100], [9_000, 10_000, 10]].map(range);
    let tapered = Grid::from_ranges(&ranges).unwrap();
    let mut rig = Rig::new(|_| {});
    let control = Control::Regridded { book: KALSHI, grid: Some(tapered) };
    let now = rig.now;
    rig.engine.on_control(Control::from_words(control.to_words()), now);
    rig.books[KALSHI.index()].regrid(tapered);
    let update = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&update);
    // A level at 0.475 is on a tick of the finest step, but no order may name that price.
    let book = &mut rig.books[KALSHI.index()];
    book.begin_snapshot();
    let qty = Qty::from_contracts(100).unwrap();
    book.set_level(Face::Yes, Side::Buy, price(4_750), qty).unwrap();
    book.commit(rig.now, rig.now);
    let book = &rig.books[KALSHI.index()];
    let update = rig.writer.publish(KALSHI, book);
    rig.evaluate(&update);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 0);
    let update = rig.show(KALSHI, 47, 49);
    rig.evaluate(&update);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 100);
}

#[test]
fn a_market_that_appears_is_traded_by_the_relations_that_come_with_it() {
    let listed = catalog();
    let mut before = listed.clone();
    // What Kalshi lists later has a free book of an event of its own.
    let event = before.add_event("", EventLaw::Independent);
    let free = before.add_condition(event, "");
    let slot = &mut before.listings[KALSHI.index()];
    (slot.native_market, slot.condition) = (String::new(), free);
    let mut after = before.clone();
    after.move_condition(free, dutchbook_book::EventId(0));
    after.listings[KALSHI.index()] =
        Listing { condition: free, ..listed.listings[KALSHI.index()].clone() };
    let terms = Terms { source: "a gauge".to_owned(), ..Terms::default() };
    after.set_terms(KALSHI, terms.clone());
    let mut rig = Rig::over(before.clone(), |_| {});
    let update = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&update);
    // Its stream may be faster than its program.
    let update = rig.show(KALSHI, 47, 49);
    rig.evaluate(&update);
    let appeared = Appeared::between(&before, &after);
    assert_eq!(appeared.markets, [(after.listings[KALSHI.index()].clone(), terms)]);
    let relation = structural(&listed).remove(0);
    let relation = Relation { id: dutchbook_book::RelationId(0), ..relation };
    let templates = crate::eval::compile::compile(&relation, &after);
    let add = vec![crate::compiler::program::Compiled { relation, templates }];
    let program = Program { appeared, withdraw: Vec::new(), add };
    let mut replayed = before;
    let again = Program::from_bytes(&program.to_bytes(), &mut replayed).unwrap();
    assert_eq!(again, program, "a capture holds it");
    assert_eq!(replayed.listings, after.listings);
    let now = rig.now;
    rig.engine.install(again, now);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 100);
    assert_eq!(rig.held(KALSHI.instrument(Face::No)), 100);
    let portfolio = rig.engine.portfolio();
    let engine_catalog = &rig.engine.catalog;
    assert_eq!(engine_catalog.conditions[free.index()].event, dutchbook_book::EventId(0));
    let alone = portfolio.cost(KALSHI.instrument(Face::No));
    assert_eq!(portfolio.committed_with_oracle_of(KALSHI), alone, "its source is its own");
}
