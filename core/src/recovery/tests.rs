use super::script::{Scratch, Script, Truth, catalog};
use super::*;
use crate::journal::codec::RECORD_BYTES;

fn truth_of(recovered: &Recovered) -> Truth {
    let mut truth = Truth::default();
    for venue in [0, 1] {
        let cash = recovered.portfolio.money(VenueId(venue)).cash.pico();
        truth.cash.insert(venue, cash);
    }
    for id in 0..12 {
        let held = i64::try_from(recovered.portfolio.qty(InstrumentId(id)).micro()).unwrap();
        truth.held.insert(id, held);
    }
    truth
}

/// Recovered money and contracts are the true ones, to the last digit, and every order that may live
/// is known.
fn check(recovered: &Recovered, truth: &Truth, what: &str) {
    let found = truth_of(recovered);
    for (venue, cash) in &found.cash {
        assert_eq!(Some(cash), truth.cash.get(venue).or(Some(&0)), "cash of {venue} {what}");
    }
    for (id, held) in &found.held {
        assert_eq!(Some(held), truth.held.get(id).or(Some(&0)), "contracts of {id} {what}");
    }
    for open in &truth.open {
        let known = recovered.orders.iter().find(|known| known.order.id() == *open);
        assert!(known.is_some_and(|known| known.has_left), "{open:?} {what}");
    }
    for known in recovered.open_orders().filter(|known| known.has_left) {
        assert!(truth.open.contains(&known.order.id()), "{:?} {what}", known.order.id());
    }
    assert_eq!((recovered.refused, recovered.ending.lost), (0, 0), "{what}");
}

#[test]
fn a_history_is_read_back_to_the_last_digit_live_and_on_paper() {
    for (seed, is_live) in [(1, true), (2, true), (3, false), (4, true)] {
        let scratch = Scratch::new(&format!("history-{seed}"));
        let script = Script::new(seed, is_live, 60);
        script.write(&scratch.0);
        let folder = Folder::look(&scratch.0).unwrap();
        let recovered = recover(&folder, &catalog(), &Bonds::default()).unwrap();
        check(&recovered, script.truths.last().unwrap(), &format!("seed {seed}"));
        assert_eq!(recovered.ending.records, script.records.len() as u64);
        assert_eq!(recovered.ending.sequence, script.records.len() as u64);
        assert_eq!((recovered.boots, recovered.ending.torn), (1, 0));
        assert_eq!(recovered.numbers.trade, TradeId(60));
        assert!(recovered.unlisted.is_empty() && !recovered.is_fresh());
        assert!(recovered.orders.iter().all(|known| known.boot.0 == seed));
        let total = recovered.portfolio.total();
        assert_eq!(total.cash.pico(), script.truths.last().unwrap().cash.values().sum::<i128>());
    }
}

#[test]
fn a_journal_cut_at_any_byte_holds_what_was_whole_and_no_more() {
    let scratch = Scratch::new("cut");
    let script = Script::new(7, true, 5);
    script.write(&scratch.0);
    let folder = Folder::look(&scratch.0).unwrap();
    let segments = folder.segments().unwrap();
    assert!(segments.len() > 1, "the history is too short: {}", script.records.len());
    let (mut whole, mut cuts) = (script.records.len(), 0);
    for segment in segments.into_iter().rev() {
        let path = folder.segment_path(segment);
        let bytes = std::fs::read(&path).unwrap();
        let before = whole - bytes.len() / RECORD_BYTES;
        // Every byte of some records, and the borders of all.
        for len in (0..bytes.len()).rev() {
            let inside = len % RECORD_BYTES;
            if len / RECORD_BYTES % 40 != 3 && !matches!(inside, 0 | 1 | 119) {
                continue;
            }
            let kept = before + len / RECORD_BYTES;
            for is_mapped in [false, true] {
                let mut cut = bytes[..len].to_vec();
                // A mapped file has zeros behind what was written.
                cut.resize(if is_mapped { bytes.len() } else { len }, 0);
                std::fs::write(&path, &cut).unwrap();
                let recovered = recover(&folder, &catalog(), &Bonds::default()).unwrap();
                let what = format!("cut at {len} of segment {segment}, mapped {is_mapped}");
                assert_eq!(recovered.ending.records, kept as u64, "{what}");
                assert!(recovered.ending.torn <= 1, "{what}");
                match kept.checked_sub(1).and_then(|last| script.truths.get(last)) {
                    Some(truth) => check(&recovered, truth, &what),
                    None => assert!(recovered.is_fresh(), "{what}"),
                }
                cuts += 1;
            }
        }
        whole = before;
        std::fs::remove_file(&path).unwrap();
    }
    println!("{cuts} cuts of {} records", script.records.len());
}

#[test]
fn another_catalog_finds_its_books_again_and_names_what_it_does_not_list() {
    let scratch = Scratch::new("catalogs");
    let script = Script::new(11, true, 40);
    script.write(&scratch.0);
    let mut other = catalog();
    // Two books change places, and one is not listed any more.
    for (at, name) in [(0, "MARKET-4"), (4, "MARKET-0"), (5, "MARKET-NEW")] {
        other.listings[at].native_market = name.to_owned();
    }
    let folder = Folder::look(&scratch.0).unwrap();
    let (as_it_was, recovered) = (
        recover(&folder, &catalog(), &Bonds::default()).unwrap(),
        recover(&folder, &other, &Bonds::default()).unwrap(),
    );
    let held = |recovered: &Recovered, book: u32, face| {
        recovered.portfolio.qty(BookId(book).instrument(face))
    };
    let gone = recovered.unlisted.iter().find(|unlisted| unlisted.name.market == "MARKET-5");
    for face in [Face::Yes, Face::No] {
        assert_eq!(held(&recovered, 4, face), held(&as_it_was, 0, face));
        assert_eq!(held(&recovered, 0, face), held(&as_it_was, 4, face));
        assert_eq!(held(&recovered, 5, face), Qty::ZERO);
        let unlisted = gone.map_or(Qty::ZERO, |gone| gone.held[face as usize]);
        assert_eq!(unlisted, held(&as_it_was, 5, face));
    }
    assert!(gone.is_some(), "the history should hold something there");
    assert_eq!(recovered.portfolio.total().cash, as_it_was.portfolio.total().cash);
    assert_eq!(recovered.refused, 0);
}

#[test]
fn processes_go_on_behind_each_other() {
    let scratch = Scratch::new("runs");
    let mut records = 0;
    for run in 0..4 {
        let script = Script::new(run, true, 3);
        script.write(&scratch.0);
        records += script.records.len() as u64;
    }
    let folder = Folder::look(&scratch.0).unwrap();
    let recovered = recover(&folder, &catalog(), &Bonds::default()).unwrap();
    assert_eq!((recovered.boots, recovered.ending.records), (4, records));
    assert_eq!(recovered.ending.sequence, records);
}
