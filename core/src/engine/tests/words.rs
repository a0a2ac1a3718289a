//! Words of sources that come before whoever pays has spoken.

use dutchbook_book::{BookId, Cash, Face, Nanos};

use super::{KALSHI, POLYMARKET, Rig};
use crate::control::Control;
use crate::resolution::{Says, Source, Trust, Verdict};

const YES: Verdict = Verdict::Pays(Face::Yes);
const NO: Verdict = Verdict::Pays(Face::No);

fn said(rig: &mut Rig, book: BookId, source: Source, trust: Trust, says: Says) {
    let control = Control::Said { book, source, says, trust, at: Nanos::ZERO };
    rig.engine.on_control(control, rig.now);
    rig.engine.evaluate(rig.now);
}

/// Both books at 93 to 95, a score that is over, and both books again at another price.
fn after_a_score(trust: Trust, ask: u32) -> Rig {
    let mut rig = Rig::new(|_| {});
    for book in [POLYMARKET, KALSHI] {
        let update = rig.show(book, 93, 95);
        rig.evaluate(&update);
    }
    said(&mut rig, POLYMARKET, Source::Score, trust, Says::Final(YES));
    rig.pass(10);
    for book in [POLYMARKET, KALSHI] {
        let update = rig.show(book, ask - 2, ask);
        rig.evaluate(&update);
    }
    rig.pass(1);
    rig
}

fn held(rig: &Rig) -> [u64; 2] {
    [POLYMARKET, KALSHI].map(|book| rig.held(book.instrument(Face::Yes)))
}

#[test]
fn the_named_source_is_traded_on_before_a_venue_speaks_and_a_hint_is_not() {
    assert_eq!(held(&after_a_score(Trust::Hint, 96)), [0, 0]);
    assert_eq!(held(&after_a_score(Trust::Provisional, 96)), [0, 0]);
    let mut rig = after_a_score(Trust::Named, 96);
    assert_eq!(held(&rig), [100, 100]);
    // Money is counted by the word of whoever pays: until then every contract may be worth nothing.
    assert_eq!(rig.engine.net_profit(), Cash::from_micro(-192_000_000));
    for book in [POLYMARKET, KALSHI] {
        let word = Control::Resolved { book, winner: Some(Face::Yes), is_final: true };
        rig.engine.on_control(word, rig.now);
    }
    assert_eq!(rig.engine.net_profit(), Cash::from_micro(8_000_000));
}

#[test]
fn the_more_is_behind_an_outcome_the_more_may_be_paid_for_it() {
    // Two cents are no edge at odds of two percent, one at those of a proposal, more after a last word.
    let mut rig = after_a_score(Trust::Named, 98);
    assert_eq!(held(&rig), [0, 0]);
    said(&mut rig, POLYMARKET, Source::Oracle, Trust::Final, Says::Proposed(YES));
    rig.pass(1);
    assert_eq!(held(&rig), [100, 100], "no book moved: the odds did");
    let mut rig = after_a_score(Trust::Named, 99);
    said(&mut rig, POLYMARKET, Source::Oracle, Trust::Final, Says::Proposed(YES));
    rig.pass(1);
    assert_eq!(held(&rig), [0, 0]);
    said(&mut rig, POLYMARKET, Source::Chain, Trust::Final, Says::Final(YES));
    rig.pass(1);
    assert_eq!(held(&rig)[1], 100, "the other venue still sells it");
}

#[test]
fn a_venue_that_rules_otherwise_is_paid_by_and_closes_what_is_left() {
    let mut rig = after_a_score(Trust::Named, 96);
    let word = Control::Resolved { book: KALSHI, winner: Some(Face::No), is_final: true };
    rig.engine.on_control(word, rig.now);
    let (market, why) = rig.engine.refused_words().next().unwrap();
    assert_eq!(market, "rain");
    assert_eq!(
        why.to_string(),
        "venue contradicts the last word of score: closed until a person looks"
    );
    // Between the two words nothing more is bought on either.
    rig.pass(10);
    let update = rig.show(POLYMARKET, 40, 42);
    rig.evaluate(&update);
    rig.pass(1);
    assert_eq!(rig.held(POLYMARKET.instrument(Face::Yes)), 100);
    said(&mut rig, POLYMARKET, Source::Chain, Trust::Final, Says::Final(NO));
    assert_eq!(rig.engine.refused_words().count(), 2);
    assert_eq!(rig.engine.net_profit(), Cash::from_micro(-192_000_000));
    assert!(rig.engine.portfolio().is_settled(POLYMARKET), "the chain has paid all the same");
    rig.pass(10);
    for book in [POLYMARKET, KALSHI] {
        let update = rig.show(book, 2, 3);
        rig.evaluate(&update);
    }
    rig.pass(1);
    assert_eq!(rig.engine.net_profit(), Cash::from_micro(-192_000_000), "nothing was traded");
}

#[test]
fn a_dispute_closes_every_basket_that_stands_on_the_word() {
    let mut rig = Rig::new(|_| {});
    for book in [POLYMARKET, KALSHI] {
        let update = rig.show(book, 93, 95);
        rig.evaluate(&update);
    }
    said(&mut rig, KALSHI, Source::Release, Trust::Named, Says::Final(YES));
    said(&mut rig, POLYMARKET, Source::Oracle, Trust::Final, Says::Disputed);
    rig.pass(10);
    for book in [POLYMARKET, KALSHI] {
        let update = rig.show(book, 94, 96);
        rig.evaluate(&update);
    }
    rig.pass(1);
    assert_eq!(held(&rig), [0, 0]);
}
