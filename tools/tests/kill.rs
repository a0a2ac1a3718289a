//! The engine as a program, killed while it trades: what it has written down is what happened.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod programs;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dutchbook_book::catalog::Catalog;
use dutchbook_core::journal::folder::{Folder, Item};
use dutchbook_core::journal::record::Record;
use dutchbook_core::ledger::Ledger;
use dutchbook_core::recovery::Replay;
use dutchbook_exec::ReportKind;
use programs::{Venue, config, folder};
use serde_json::Value;

fn run(config: &Path, journal: &Path, seconds: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .args(["run", "--json", "--seconds", seconds])
        .args(["--config", config.to_str().unwrap(), "--journal", journal.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn report(journal: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .args(["report", "--json", journal.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Reads the whole journal: nothing is lost, no number is used twice, and the accounts fit.
fn read(journal: &Path) -> (u64, usize) {
    let mut replay = Replay::new(&Catalog::default());
    let (mut orders, mut decisions, mut fills) = (BTreeSet::new(), BTreeSet::new(), 0);
    let ending = Folder::open(journal)
        .unwrap()
        .read(|item| {
            if let Item::Entry(entry) = item {
                if let Record::Intent { order, .. } = &entry.record {
                    assert!(orders.insert(*order), "{order:?} twice");
                }
                if let Record::Decision(decision) = &entry.record {
                    assert!(decisions.insert(decision.decision), "{decision:?} twice");
                }
                if let Record::Report(report) = &entry.record {
                    assert!(orders.contains(&report.order), "news of no order: {report:?}");
                    fills += usize::from(matches!(report.kind, ReportKind::Filled(_)));
                }
            }
            let _taken = replay.take(item);
        })
        .unwrap();
    let recovered = replay.finish(ending);
    assert_eq!((ending.lost, recovered.refused), (0, 0));
    (recovered.boots, fills)
}

/// Cash of the ledger's accounts is what its rows of fills and transfers add up to.
fn check_sums(journal: &Path) {
    let (ledger, _) = Ledger::catch_up(&Folder::open(journal).unwrap()).unwrap();
    assert_eq!(ledger.difference().unwrap().to_string(), "0");
    let sql = "SELECT a.venue, a.cash_usd_e6 * 1000000 + a.cash_rest_e12, \
        (SELECT COALESCE(SUM(f.cash_usd_e6 * 1000000 + f.cash_rest_e12), 0) FROM fills f \
         JOIN books b USING (book) WHERE b.venue = a.venue) + \
        (SELECT COALESCE(SUM(t.cash_usd_e6 * 1000000 + t.cash_rest_e12), 0) FROM transfers t \
         WHERE t.venue = a.venue) FROM accounts a";
    let mut query = ledger.database().prepare(sql).unwrap();
    let mut rows = query.query([]).unwrap();
    let mut venues = 0;
    while let Some(row) = rows.next().unwrap() {
        let (venue, cash, sum): (i64, i64, i64) =
            (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        assert_eq!(cash, sum, "venue {venue}");
        venues += 1;
    }
    assert_eq!(venues, 2);
}

#[test]
fn a_run_on_paper_goes_on_where_it_was_killed() {
    let venues = ["polymarket", "kalshi"].map(|which| Venue::start(which, "busy", &[]));
    let path = config("kill-paper", &venues[0], &venues[1], "");
    let journal = folder("kill-paper").join("journal");
    let kills = std::env::var("DUTCHBOOK_KILLS").ok().and_then(|text| text.parse().ok());
    let kills: u64 = kills.unwrap_or(4);
    let mut seed = 0x00dd_ba11_u64;
    println!("seed {seed}, {kills} kills (DUTCHBOOK_KILLS for more)");
    let mut fills_before = 0;
    for kill in 1..=kills {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child = run(&path, &journal, "600");
        wait(Duration::from_millis(1_500 + (seed >> 33) % 2_500));
        child.kill().unwrap();
        child.wait().unwrap();
        let (boots, fills) = read(&journal);
        assert!(boots <= kill && fills >= fills_before, "kill {kill}");
        fills_before = fills;
        check_sums(&journal);
    }
    let child = run(&path, &journal, "4").wait_with_output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let (boots, fills) = read(&journal);
    assert!(boots > 1 && fills > 0, "{boots} boots, {fills} fills: nothing was tried");
    check_sums(&journal);
    let report = report(&journal);
    assert_eq!(report["journal_difference"], "0", "{report:#}");
    assert!(report["total"]["baskets"].as_u64().unwrap() > 0, "{report:#}");
    println!("{boots} boots, {fills} fills, profit {}", report["total"]["profit"]);
}

#[expect(clippy::disallowed_methods, reason = "the engine runs meanwhile")]
fn wait(span: Duration) {
    std::thread::sleep(span);
}
