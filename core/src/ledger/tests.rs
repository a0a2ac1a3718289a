use super::follow::follow;
use super::report::report;
use super::*;
use crate::journal::encode;
use crate::journal::keeper::JournalConfig;
use crate::recovery::script::{SMALL, Scratch, Script, names};
use dutchbook_book::VenueId;

/// Writes a history while the ledger follows it.
fn write_live(folder: &Path, script: &Script) {
    let ledger = Ledger::catch_up(&Folder::look(folder).unwrap()).unwrap().0;
    let opened = script.begin(folder);
    let (follower, _namer) = follow(ledger, &opened.keeper, names()).unwrap();
    let (mut writer, mut sequence) = (opened.writer, opened.sequence);
    for (now, record) in script.records.iter().skip(1) {
        let bytes = encode(sequence, *now, record);
        while writer.push(&bytes).is_err() {
            std::thread::yield_now();
        }
        sequence += 1;
    }
    drop(writer);
    follower.finish().unwrap();
    opened.keeper.finish().unwrap();
}

fn dump(folder: &Path) -> (Vec<String>, bool) {
    let (ledger, is_new) = Ledger::catch_up(&Folder::look(folder).unwrap()).unwrap();
    (ledger.dump().unwrap(), is_new)
}

#[test]
fn a_ledger_made_again_equals_the_one_written_live_row_for_row() {
    for seed in [21, 22] {
        let scratch = Scratch::new(&format!("ledger-{seed}"));
        let mut script = Script::new(seed, seed == 21, 50);
        // A second process of the same orders would use their numbers again: it only begins.
        script.boot(99);
        write_live(&scratch.0, &script);
        let (live, is_new) = dump(&scratch.0);
        assert!(!is_new);
        assert!(live.iter().filter(|line| line.starts_with("fills ")).count() > 50);
        remove(&scratch.0.join(FILE)).unwrap();
        assert_eq!(dump(&scratch.0), (live.clone(), true));
        // Damaged: made again. Ahead of a journal that lost its end: made again.
        std::fs::write(scratch.0.join(FILE), "no database at all").unwrap();
        assert_eq!(dump(&scratch.0), (live.clone(), true));
        let folder = Folder::look(&scratch.0).unwrap();
        let last = folder.segments().unwrap().pop().unwrap();
        std::fs::remove_file(folder.segment_path(last)).unwrap();
        let (shorter, is_new) = dump(&scratch.0);
        assert!(is_new && shorter != live && !shorter.is_empty());
    }
}

#[test]
fn files_that_the_ledger_has_read_are_compressed_and_read_again() {
    let scratch = Scratch::new("ledger-archive");
    let script = Script::new(23, true, 30);
    script.write(&scratch.0);
    let folder = Folder::look(&scratch.0).unwrap();
    let old = folder.segments().unwrap();
    let ledger = Ledger::catch_up(&folder).unwrap().0;
    let opened = script.begin_with(&scratch.0, JournalConfig { archives: true, ..SMALL });
    let (follower, namer) = follow(ledger, &opened.keeper, names()).unwrap();
    drop(namer);
    let clock = crate::clock::Clock::new();
    let end = clock.now().plus(dutchbook_book::Nanos::from_secs(30));
    while old.iter().any(|segment| folder.segment_path(*segment).exists()) {
        assert!(clock.now() < end, "nobody compresses them");
        std::thread::yield_now();
    }
    drop(opened.writer);
    follower.finish().unwrap();
    assert_eq!(opened.keeper.complaints().count(), 0);
    opened.keeper.finish().unwrap();
    let (live, is_new) = dump(&scratch.0);
    assert!(!is_new && live.len() > 50);
    remove(&scratch.0.join(FILE)).unwrap();
    assert_eq!(dump(&scratch.0), (live, true));
}

#[test]
fn a_ledger_that_is_behind_catches_up_to_the_same_rows() {
    let (whole, partly) = (Scratch::new("whole"), Scratch::new("partly"));
    let script = Script::new(31, true, 30);
    script.write(&whole.0);
    let wanted = dump(&whole.0).0;
    // The ledger has seen a part, as far as any segment goes; the rest of the journal comes later.
    let folder = Folder::look(&whole.0).unwrap();
    std::fs::copy(whole.0.join("00000001.names.json"), partly.0.join("00000001.names.json"))
        .unwrap();
    let segments = folder.segments().unwrap();
    assert!(segments.len() > 3);
    for segment in segments {
        let path = folder.segment_path(segment);
        std::fs::copy(&path, partly.0.join(path.file_name().unwrap())).unwrap();
        let _seen = dump(&partly.0);
    }
    assert_eq!(dump(&partly.0), (wanted, false));
}

#[test]
fn the_ledger_has_the_true_sums_and_its_lists_add_up() {
    for is_live in [true, false] {
        let scratch = Scratch::new(&format!("sums-{is_live}"));
        let script = Script::new(41, is_live, 80);
        script.write(&scratch.0);
        let (ledger, _) = Ledger::catch_up(&Folder::look(&scratch.0).unwrap()).unwrap();
        let report = report(ledger.database()).unwrap();
        assert_eq!(ledger.replay.refused(), 0);
        assert_eq!(ledger.difference().unwrap(), dutchbook_book::Exact::ZERO);
        let truth = script.truths.last().unwrap();
        for (venue, cash) in &truth.cash {
            let name = &names().venues[*venue as usize];
            let account = report.accounts.iter().find(|account| account.venue == *name).unwrap();
            assert_eq!(account.cash.pico(), *cash, "{name}");
            let money = ledger.replay.portfolio().money(VenueId(
                u32::try_from(
                    ledger.replay.numbering().venues().iter().position(|v| v == name).unwrap(),
                )
                .unwrap(),
            ));
            assert_eq!((account.cash, account.realised), (money.cash, money.realised));
        }
        for (id, held) in &truth.held {
            let (market, face) =
                (format!("MARKET-{}", id / 2), if id % 2 == 0 { "yes" } else { "no" });
            let row = report.positions.iter().find(|row| row.market == market && row.face == face);
            assert_eq!(row.map_or(0, |row| row.qty_e6), *held, "{market} {face}");
        }
        let sum = |list: &mut dyn Iterator<Item = &report::Sums>| {
            list.fold((0, 0, 0), |sum: (i128, i128, i128), row| {
                (sum.0 + row.profit.pico(), sum.1 + row.fees.pico(), sum.2 + row.slippage.pico())
            })
        };
        let total = sum(&mut [report.total].iter());
        assert!(report.total.baskets > 40 && total.1 > 0 && total.2 != 0);
        assert_eq!(sum(&mut report.strategies.values()), total);
        assert_eq!(sum(&mut report.venues.values()), total);
        assert_eq!(sum(&mut report.events.values()), total);
        assert_eq!(sum(&mut report.days.values()), total);
        assert_eq!(report.orders.values().sum::<i64>(), i64::try_from(count(&script)).unwrap());
        assert_eq!(is_live, report.total.legged > 0);
        assert!(report.total.legged_loss >= dutchbook_book::Exact::ZERO);
    }
}

fn count(script: &Script) -> usize {
    let is_intent =
        |record: &crate::journal::Record| matches!(record, crate::journal::Record::Intent { .. });
    script.records.iter().filter(|(_, record)| is_intent(record)).count()
}

#[test]
fn a_newer_ledger_is_left_alone() {
    let scratch = Scratch::new("newer");
    Script::new(51, true, 2).write(&scratch.0);
    let _made = dump(&scratch.0);
    let db = Connection::open(scratch.0.join(FILE)).unwrap();
    db.pragma_update(None, "user_version", schema::newest() + 1).unwrap();
    drop(db);
    let refused = Ledger::catch_up(&Folder::look(&scratch.0).unwrap());
    assert!(matches!(refused, Err(LedgerError::Newer { .. })));
}
