use super::*;
use crate::relation::file::File;
use crate::relation::register::Register;
use crate::relation::standing::{Changed, Fact, Standing, relation, source, standing};
use crate::relation::{Law, Source};
use dutchbook_book::catalog::{Catalog, EventLaw, Listing, Terms, VenueKind};
use dutchbook_book::{BookId, Face, Grid};
use dutchbook_feeds::listing::rfc3339;

/// A market of `venue`; its hash is made of its name.
fn market(key: &str, venue: &str) -> String {
    format!(
        "[[relation.market]]\nkey = \"{key}\"\nvenue = \"{venue}\"\nmarket = \"{key}-id\"\n\
         rules_sha256 = \"{}\"\ntick = \"0.01\"\nfee = \"quadratic\"\ncloses = \"2026-12-31\"\n",
        "a".repeat(64),
    )
}

fn state(name: &str, kind: &str, pays: &str) -> String {
    format!("[[relation.state]]\nname = \"{name}\"\nkind = \"{kind}\"\npays = {{ {pays} }}\n")
}

fn excluded(kind: &str, pays: &str) -> String {
    format!("{}excluded = \"one source\"\n", state(kind, kind, pays))
}

/// A relation of two markets on two venues, with every awkward row.
fn pair(name: &str, kind: &str, (a, b): (&str, &str), outcomes: &[(&str, &str)]) -> String {
    let mut text = format!(
        "[[relation]]\nname = \"{name}\"\nkind = \"{kind}\"\nclaim = \"titles\"\n\
         approved_by = \"a trader\"\napproved_on = \"2026-11-01\"\n"
    );
    text += &(market(a, "kalshi") + &market(b, "polymarket"));
    for (at, (of_a, of_b)) in outcomes.iter().enumerate() {
        text +=
            &state(&format!("o{at}"), "outcome", &format!("{a} = \"{of_a}\", {b} = \"{of_b}\""));
    }
    text += &state("void", "void", &format!("{a} = [\"0\", \"0\"], {b} = \"0.5\""));
    text += &excluded("postponed", &format!("{a} = \"0\", {b} = \"0\""));
    text += &excluded("disagreement", &format!("{a} = \"1\", {b} = \"0\""));
    text
}

const SAME: [(&str, &str); 2] = [("1", "1"), ("0", "0")];
const INVERSE: [(&str, &str); 2] = [("1", "0"), ("0", "1")];
const IMPLIES: [(&str, &str); 3] = [("1", "1"), ("0", "1"), ("0", "0")];

fn told(relations: &[String]) -> Vec<String> {
    let text = format!("format = 1\n{}", relations.join("\n"));
    let file = File::parse(&text).unwrap();
    assert_eq!(File::parse(&file.to_toml().unwrap()).unwrap(), file, "what is written is read");
    faults(&file).iter().map(ToString::to_string).collect()
}

fn check(relations: &[String], says: &str) {
    let told = told(relations);
    assert!(told.iter().any(|line| line.contains(says)), "expected \"{says}\" in {told:#?}");
}

#[test]
fn relations_that_hold_together_have_no_fault() {
    let good = [
        pair("ab", "same", ("a", "b"), &SAME),
        pair("cd", "inverse", ("c", "d"), &INVERSE),
        pair("ef", "implies", ("e", "f"), &IMPLIES),
    ];
    assert_eq!(told(&good), [""; 0]);
}

#[test]
fn an_impossible_table_is_refused() {
    check(
        &[pair("ab", "same", ("a", "b"), &[("1", "0"), ("0", "0")])],
        "contradicts the relation's kind",
    );
    check(&[pair("ab", "same", ("a", "b"), &[("1", "1")])], "never fails in its outcomes");
    check(&[pair("ab", "same", ("a", "b"), &[("1", "1"), ("0.5", "0.5")])], "must pay 1 or 0");
    check(
        &[pair("ab", "same", ("a", "b"), &[("1", "1"), ("1", "1"), ("0", "0")])],
        "repeats another",
    );
    check(
        &[pair("ab", "same", ("a", "b"), &[("2", "1"), ("0", "0")])],
        "needs a payoff from 0 to 1",
    );
    let both =
        pair("ab", "same", ("a", "b"), &SAME).replace("[\"0\", \"0\"]", "[\"0.6\", \"0.6\"]");
    check(&[both], "pays more than a dollar");
    let unpaid = pair("ab", "same", ("a", "b"), &SAME).replace(", b = \"0.5\"", "");
    check(&[unpaid], "the state `void` needs a payoff from 0 to 1 of `b`");
}

#[test]
fn a_missing_row_or_half_an_approval_is_refused() {
    let whole = pair("ab", "same", ("a", "b"), &SAME);
    check(&[whole.replace("kind = \"disagreement\"", "kind = \"tie\"")], "has no disagreement row");
    check(&[whole.replace("one source", " ")], "excluded without a reason");
    check(&[whole.replace("approved_by = \"a trader\"\n", "")], "an approval needs approved_by");
    check(&[whole.replace("2026-11-01", "yesterday")], "an approval needs approved_by");
    check(&[whole.replace(&"a".repeat(64), "abc")], "needs the SHA-256");
    check(&[whole.replace("key = \"b\"", "key = \"a\"")], "the key `a` is given twice");
}

#[test]
fn relations_that_contradict_each_other_are_refused_by_name() {
    let same = pair("first", "same", ("a", "b"), &SAME);
    let inverse = pair("second", "inverse", ("a", "b"), &INVERSE);
    check(&[same.clone(), inverse], "are approved for the same markets");
    // a = b, b's venue lists c as well: a = ¬c through the third.
    let chain = [
        same.clone(),
        pair("second", "same", ("c", "b"), &SAME),
        pair("third", "inverse", ("a", "d"), &INVERSE),
        pair("fourth", "same", ("c", "d"), &SAME),
    ];
    check(&chain, "first and second and third and fourth: together they contradict: kalshi:a-id");
    check(&[same.clone(), same], "this name is given twice");
}

#[test]
fn implications_in_a_circle_are_refused() {
    let to = pair("to", "implies", ("a", "b"), &IMPLIES);
    let fro = pair("fro", "implies", ("b", "a"), &IMPLIES)
        .replace("kalshi", "x")
        .replace("polymarket", "kalshi")
        .replace("\"x\"", "\"polymarket\"")
        .replace("approved_by = \"a trader\"\napproved_on = \"2026-11-01\"\n", "");
    check(&[to, fro], "imply each other in a circle");
}

fn uniform(step: u32) -> Grid {
    Grid::uniform(Price::from_micro(step).unwrap()).unwrap()
}

#[test]
fn a_tick_is_compared_by_its_prices_not_by_its_spelling() {
    let ranges = r#"[{\"start\":\"0.0000\",\"end\":\"1.0000\",\"step\":\"0.0100\"}]"#;
    for (tick, is_same) in [("0.010", true), (ranges, true), ("0.02", false), ("fine", false)] {
        let text = format!("format = 1\n{}", pair("ab", "same", ("a", "b"), &SAME));
        let text = text.replace("tick = \"0.01\"", &format!("tick = \"{tick}\""));
        let file = File::parse(&text).unwrap();
        let fact = |_: &crate::relation::file::Listed| {
            Some(Fact {
                rules: [0xaa; 32],
                grid: uniform(10_000),
                fee_type: "quadratic".to_owned(),
                closes: rfc3339("2026-12-31"),
            })
        };
        assert_eq!(standing(&file.relations[0], fact) == Standing::Live, is_same, "{tick}");
    }
}

/// Two markets of one catalog, as the file names them.
fn listed_catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (kind, native) in [(VenueKind::Kalshi, "a-id"), (VenueKind::Polymarket, "b-id")] {
        let venue = catalog.add_venue(kind);
        let event = catalog.add_event(native, EventLaw::Independent);
        let condition = catalog.add_condition(event, native);
        let book = catalog.add_listing(Listing {
            native_market: native.to_owned(),
            name: native.to_owned(),
            ..Listing::plain(kind, venue, condition, uniform(10_000))
        });
        let (fee_type, closes) = ("quadratic".to_owned(), rfc3339("2026-12-31"));
        let rules_hash = [0xaa; 32];
        catalog.set_terms(book, Terms { fee_type, closes, rules_hash, ..Terms::default() });
    }
    catalog
}

#[test]
fn a_register_says_of_each_relation_what_becomes_of_it() {
    let unapproved = |text: String| {
        text.replace("approved_by = \"a trader\"\napproved_on = \"2026-11-01\"\n", "")
    };
    let same = pair("good", "same", ("a", "b"), &SAME);
    let other = unapproved(pair("unread", "implies", ("a", "b"), &IMPLIES));
    let gone = pair("gone", "same", ("c", "b"), &SAME);
    let broken = pair("broken", "same", ("a", "d"), &[("1", "0"), ("0", "0")]);
    let text = format!("format = 1\n{}", [same, other, gone, broken].join("\n"));
    let file = File::parse(&text).unwrap();
    let register = Register::of(&file, &listed_catalog(), &[]);
    let says: Vec<(&str, String)> =
        register.rows.iter().map(|row| (row.name.as_str(), row.standing.to_string())).collect();
    assert_eq!(says[0].1, "live");
    assert_eq!(says[1].1, "watched, not approved");
    assert!(says[2].1.contains("c is not followed"), "{says:?}");
    assert!(says[3].1.contains("refused: broken: the outcome `o0` contradicts"), "{says:?}");
    assert_eq!(register.counts(), [1; 4]);
    let sources: Vec<Source> = register.relations.iter().map(|relation| relation.source).collect();
    assert_eq!(sources, [Source::Approved, Source::Nominated]);
    assert_eq!(register.rows[0].approved, "a trader, 2026-11-01");
}

#[test]
fn a_contradiction_takes_only_those_that_are_part_of_it() {
    let same = pair("one", "same", ("a", "b"), &SAME);
    let inverse = pair("two", "inverse", ("a", "b"), &INVERSE);
    let text = format!("format = 1\n{same}\n{inverse}");
    let register = Register::of(&File::parse(&text).unwrap(), &listed_catalog(), &[]);
    assert_eq!(register.counts(), [0, 0, 0, 2], "{:?}", register.rows);
    assert!(register.rows[1].standing.to_string().contains("for the same markets"));
}

#[test]
fn what_contradicts_the_venues_own_structure_is_refused() {
    let text = format!("format = 1\n{}", pair("ab", "same", ("a", "b"), &SAME));
    let file = File::parse(&text).unwrap();
    let shown = [0, 1].map(|book| vec![BookId(book).instrument(Face::Yes)]);
    let exclusive = crate::relation::Relation::exclusive(&shown);
    let register = Register::of(&file, &listed_catalog(), &[exclusive]);
    assert_eq!(register.counts(), [0, 0, 0, 1], "{:?}", register.rows);
    assert!(register.rows[0].standing.to_string().contains("could never pay or never fail"));
    assert!(register.relations.is_empty());
}

#[test]
fn a_change_disables_until_it_is_approved_again() {
    let text = format!("format = 1\n{}", pair("ab", "same", ("a", "b"), &SAME));
    let mut file = File::parse(&text).unwrap();
    let entry = &mut file.relations[0];
    let fact = |change: fn(&mut Fact)| {
        move |_: &crate::relation::file::Listed| {
            let mut fact = Fact {
                rules: [0xaa; 32],
                grid: uniform(10_000),
                fee_type: "quadratic".to_owned(),
                closes: rfc3339("2026-12-31T00:00:00Z"),
            };
            change(&mut fact);
            Some(fact)
        }
    };
    assert_eq!(standing(entry, fact(|_| {})), Standing::Live);
    type Change = (fn(&mut Fact), Changed);
    let changes: [Change; 4] = [
        (|fact| fact.rules = [0xbb; 32], Changed::Rules),
        (|fact| fact.grid = uniform(1_000), Changed::Tick),
        (|fact| fact.fee_type = "flat".to_owned(), Changed::Fee),
        (|fact| fact.closes = rfc3339("2027-01-31"), Changed::Close),
    ];
    for (change, changed) in changes {
        let disabled = Standing::Disabled { market: "a".to_owned(), changed };
        assert_eq!(standing(entry, fact(change)), disabled);
        assert!(disabled.to_string().contains("approve the relation again"));
        // What is held stays as it was approved unless something else may be asked now.
        let kept = (changed != Changed::Rules).then_some(Source::Suspended);
        assert_eq!(source(entry, &disabled), kept);
    }
    let both = |listed: &crate::relation::file::Listed| {
        let change: fn(&mut Fact) = if listed.key == "a" { changes[1].0 } else { changes[0].0 };
        fact(change)(listed)
    };
    let other = Standing::Disabled { market: "b".to_owned(), changed: Changed::Rules };
    assert_eq!(standing(entry, both), other, "the graver change is told");
    let gone = standing(entry, |_| None);
    assert_eq!(gone, Standing::Disabled { market: "a".to_owned(), changed: Changed::Gone });
    entry.approved_by = None;
    assert_eq!(standing(entry, fact(|_| {})), Standing::Watched);
    assert_eq!(source(entry, &standing(entry, fact(changes[1].0))), None, "nobody approved it");
}

#[test]
fn the_engine_gets_the_admitted_states_and_the_polarity() {
    let text = format!("format = 1\n{}", pair("ab", "inverse", ("a", "b"), &INVERSE));
    let file = File::parse(&text).unwrap();
    let book = |listed: &crate::relation::file::Listed| Some(BookId(u32::from(listed.key == "b")));
    let relation = relation(&file.relations[0], Source::Approved, book).unwrap();
    assert_eq!(relation.states.len(), 3, "two outcomes and the void; the rest is excluded");
    let Law::Same { a, b } = relation.law else { panic!("{:?}", relation.law) };
    assert_ne!(a.face(), b.face(), "inverted");
    let half = relation.states.payoff(2, BookId(1).instrument(Face::No));
    assert_eq!(half.map(|price| price.micro()), Some(500_000));
}

#[test]
fn what_is_no_file_is_one_line() {
    for (text, says) in [
        ("format = 2", "format 2 is not known"),
        ("format = 1\n[[relation]]\nname = 3", "line 3"),
        ("format = 1\nwhat = 2", "unknown field"),
        ("", "missing field"),
    ] {
        let error = File::parse(text).unwrap_err().to_string();
        assert!(error.contains(says) && error.lines().count() == 1, "{error}");
    }
}
