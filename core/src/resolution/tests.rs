use super::*;

const YES: Verdict = Verdict::Pays(Face::Yes);
const NO: Verdict = Verdict::Pays(Face::No);

fn say(docket: &mut Docket, source: Source, says: Says, heard: u64) -> Result<Ruling, Refused> {
    let (trust, at) = (source.trust(), Nanos::ZERO);
    docket.take(&Statement { source, says, trust, at, heard: Nanos(heard) })
}

#[test]
fn a_result_is_provisional_until_it_is_settled_and_may_be_amended_until_then() {
    let mut docket = Docket::default();
    let first = say(&mut docket, Source::Venue, Says::Decided(YES), 1).unwrap();
    assert_eq!((first.verdict, first.trust), (Some(YES), Trust::Provisional));
    let amended = say(&mut docket, Source::Venue, Says::Decided(NO), 2).unwrap();
    assert_eq!((amended.verdict, amended.published), (Some(NO), Nanos(2)));
    let last = say(&mut docket, Source::Venue, Says::Settled, 9).unwrap();
    assert_eq!((last.verdict, last.trust, last.published), (Some(NO), Trust::Final, Nanos(2)));
    let own = Err(Refused::ContradictsItself(Source::Venue));
    assert_eq!(say(&mut docket, Source::Venue, Says::Final(YES), 10), own);
    assert!(docket.ruling().is_contested);
}

#[test]
fn two_last_words_that_differ_close_the_market() {
    let mut docket = Docket::default();
    say(&mut docket, Source::Venue, Says::Final(YES), 1).unwrap();
    say(&mut docket, Source::Chain, Says::Final(YES), 2).unwrap();
    let refused = say(&mut docket, Source::Oracle, Says::Final(NO), 3).unwrap_err();
    assert_eq!(refused, Refused::Contradicts { earlier: Source::Venue, later: Source::Oracle });
    assert!(refused.to_string().contains("oracle contradicts the last word of venue"));
    assert!(docket.ruling().is_contested);
    assert_eq!(docket.ruling().verdict, Some(YES), "what was struck stays struck");
    // Nothing that is said afterwards opens it again.
    say(&mut docket, Source::Chain, Says::Final(YES), 4).unwrap();
    assert!(docket.ruling().is_contested);
}

#[test]
fn a_dispute_closes_until_the_last_word_and_a_reset_forgets_the_proposal() {
    let mut docket = Docket::default();
    let proposed = say(&mut docket, Source::Oracle, Says::Proposed(YES), 1).unwrap();
    assert_eq!((proposed.trust, proposed.is_contested), (Trust::Provisional, false));
    assert!(say(&mut docket, Source::Oracle, Says::Disputed, 2).unwrap().is_contested);
    let reset = say(&mut docket, Source::Oracle, Says::Reset, 3).unwrap();
    assert_eq!((reset.verdict, reset.is_contested), (None, true));
    say(&mut docket, Source::Oracle, Says::Proposed(NO), 4).unwrap();
    let last = say(&mut docket, Source::Oracle, Says::Final(NO), 5).unwrap();
    assert_eq!((last.verdict, last.trust, last.is_contested), (Some(NO), Trust::Final, false));
    // A dispute of what is final is late news.
    assert!(!say(&mut docket, Source::Oracle, Says::Disputed, 6).unwrap().is_contested);
}

/// A word that is passed on with less trust than its source may have.
fn say_as(
    docket: &mut Docket,
    source: Source,
    trust: Trust,
    says: Says,
) -> Result<Ruling, Refused> {
    docket.take(&Statement { source, says, trust, at: Nanos::ZERO, heard: Nanos(1) })
}

#[test]
fn a_hint_decides_nothing_and_a_release_is_overruled_by_nobody_less_trusted() {
    let mut docket = Docket::default();
    let hint = say_as(&mut docket, Source::Score, Trust::Hint, Says::Final(YES)).unwrap();
    assert_eq!((hint.verdict, hint.trust), (Some(YES), Trust::Hint));
    let release = Trust::Provisional;
    let release = say_as(&mut docket, Source::Release, release, Says::Final(NO)).unwrap();
    assert_eq!((release.verdict, release.trust), (Some(NO), Trust::Provisional));
    let hint = say_as(&mut docket, Source::Reference, Trust::Hint, Says::Final(YES));
    assert_eq!(hint.unwrap().verdict, Some(NO));
    // Two that are trusted alike and differ: neither is believed.
    assert!(say(&mut docket, Source::Oracle, Says::Proposed(YES), 4).is_err());
    assert!(docket.ruling().is_contested);
}

#[test]
fn the_named_source_comes_before_whoever_pays_and_never_counts_as_it() {
    let mut docket = Docket::default();
    let named = say(&mut docket, Source::Score, Says::Final(YES), 1).unwrap();
    assert_eq!((named.trust, named.is_proposed), (Trust::Named, false));
    let backed = say(&mut docket, Source::Oracle, Says::Proposed(YES), 2).unwrap();
    assert_eq!((backed.trust, backed.is_proposed), (Trust::Named, true));
    // A settlement without a winner is not of what another source has said.
    let nothing = Err(Refused::NothingToSettle(Source::Venue));
    assert_eq!(say(&mut docket, Source::Venue, Says::Settled, 3), nothing);
    let paid = say(&mut docket, Source::Venue, Says::Final(YES), 4).unwrap();
    assert_eq!((paid.trust, paid.source), (Trust::Final, Some(Source::Venue)));
    assert_eq!(paid.published, Nanos(1), "known since the named source has spoken");
}

#[test]
fn whoever_pays_may_read_the_rules_otherwise_and_closes_the_market_with_it() {
    let mut docket = Docket::default();
    say(&mut docket, Source::Release, Says::Final(YES), 1).unwrap();
    let refused = say(&mut docket, Source::Chain, Says::Final(NO), 2).unwrap_err();
    assert_eq!(refused, Refused::Contradicts { earlier: Source::Release, later: Source::Chain });
    let ruling = docket.ruling();
    assert_eq!((ruling.verdict, ruling.trust), (Some(NO), Trust::Final), "it is what is paid");
    assert!(ruling.is_contested);
    // A proposal for the other side is a contradiction before anybody pays.
    let mut docket = Docket::default();
    say(&mut docket, Source::Release, Says::Final(YES), 1).unwrap();
    assert!(say(&mut docket, Source::Oracle, Says::Proposed(NO), 2).is_err());
    assert!(docket.ruling().is_contested);
    // A dispute of the proposal closes it, and what was published stays said.
    let mut docket = Docket::default();
    say(&mut docket, Source::Release, Says::Final(YES), 1).unwrap();
    say(&mut docket, Source::Oracle, Says::Proposed(YES), 2).unwrap();
    let reset = say(&mut docket, Source::Oracle, Says::Reset, 3).unwrap();
    assert_eq!((reset.trust, reset.is_proposed, reset.is_contested), (Trust::Named, false, true));
    assert!(!say(&mut docket, Source::Chain, Says::Final(YES), 4).unwrap().is_contested);
    // A chain that takes back its block takes back its word.
    let own = Err(Refused::ContradictsItself(Source::Chain));
    assert_eq!(say(&mut docket, Source::Chain, Says::Reset, 5), own);
}

#[test]
fn old_words_and_settlements_of_nothing_are_refused() {
    let mut docket = Docket::default();
    let nothing = Err(Refused::NothingToSettle(Source::Venue));
    assert_eq!(say(&mut docket, Source::Venue, Says::Settled, 1), nothing);
    let at = |at, says| Statement {
        source: Source::Oracle,
        says,
        trust: Trust::Final,
        at: Nanos(at),
        heard: Nanos(9),
    };
    docket.take(&at(5, Says::Proposed(YES))).unwrap();
    assert_eq!(docket.take(&at(4, Says::Reset)), Err(Refused::Older(Source::Oracle)));
    assert_eq!(docket.ruling().verdict, Some(YES));
}

#[test]
fn every_precondition_but_the_book_is_known_of_a_final_word() {
    let age = Nanos(100);
    let unmet = |docket: &Docket, now| {
        let mut known = Preconditions::default();
        docket.enter(&mut known, Nanos(now));
        known
            .set(Precondition::AcceptingOrders, Finding { holds: true, at: Nanos(now), source: 0 });
        known.unmet(Nanos(now), age)
    };
    let mut docket = Docket::default();
    assert_eq!(unmet(&docket, 1), Some(Precondition::Published));
    say(&mut docket, Source::Venue, Says::Decided(YES), 1).unwrap();
    assert_eq!(unmet(&docket, 2), Some(Precondition::Published), "it may be amended");
    say(&mut docket, Source::Venue, Says::Settled, 5).unwrap();
    assert_eq!(unmet(&docket, 6), None);
    assert_eq!(unmet(&docket, 200), Some(Precondition::Published), "too long ago");
    say(&mut docket, Source::Chain, Says::Final(NO), 7).unwrap_err();
    assert_eq!(unmet(&docket, 8), Some(Precondition::NoDispute));
    let mut split = Docket::default();
    say(&mut split, Source::Chain, Says::Final(Verdict::Split), 1).unwrap();
    assert_eq!(unmet(&split, 2), Some(Precondition::RulesMatch));
}
