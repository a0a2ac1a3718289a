//! The engine as a program, killed while it trades: what it has written down is what happened.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "programs/approved.rs"]
mod approved;
#[path = "programs/live.rs"]
mod live;
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
use live::{add_accounts, pair_up};
use programs::{Venue, config, folder};
use serde_json::Value;

fn run(config: &Path, journal: &Path, more: &[&str]) -> Child {
    let journal = ["--journal", journal.to_str().unwrap()];
    Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .args(live::arguments(config))
        .args(more)
        .args(journal)
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

/// The same, and what the venues say now.
fn reconciled(journal: &Path, config: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .args(["report", "--json", journal.to_str().unwrap()])
        .args(["--config", config.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
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

/// How often to kill, and the seed of when.
#[expect(clippy::print_stdout, reason = "a run that fails is repeated by its seed")]
fn kills() -> (u64, u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let kills = number("DUTCHBOOK_KILLS").unwrap_or(4);
    let seed = number("DUTCHBOOK_SEED").unwrap_or(0x00dd_ba11);
    println!("seed {seed}, {kills} kills (DUTCHBOOK_SEED, DUTCHBOOK_KILLS for others and more)");
    (kills, seed)
}

const fn next(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

#[test]
fn real_orders_are_accounted_for_to_the_last_digit_however_often_the_run_is_killed() {
    let opened = ["--print-test-account"];
    let [polymarket, kalshi] =
        ["polymarket", "kalshi"].map(|which| Venue::start(which, "busy", &opened));
    let path = config("kill-live", &polymarket, &kalshi, "");
    let folder = folder("kill-live");
    add_accounts(&path, &polymarket, &kalshi, &folder);
    pair_up(&path, &polymarket, &kalshi);
    let journal = folder.join("journal");
    let (kills, mut seed) = kills();
    for kill in 1..=kills {
        seed = next(seed);
        let mut child = run(&path, &journal, &["--live", "--seconds", "600"]);
        wait(Duration::from_millis(2_500 + (seed >> 33) % 6_000));
        child.kill().unwrap();
        let said = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(!said.contains("refused"), "kill {kill}: {said}");
        read(&journal);
    }
    let child = run(&path, &journal, &["--live", "--seconds", "12"]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&child.stderr).into_owned();
    assert!(child.status.success(), "{said}");
    let end: Value = serde_json::from_slice(&child.stdout).unwrap();
    assert_eq!(end["ledger_difference"], "0", "{end:#}\n{said}");
    let (boots, fills) = read(&journal);
    assert!(
        boots > kills / 2 && fills > 0,
        "{boots} boots, {fills} fills: nothing was tried\n{said}"
    );
    check_sums(&journal);
    assert_eq!(report(&journal)["journal_difference"], "0");
    let asked = reconciled(&journal, &path);
    for venue in asked["venues_now"].as_array().unwrap() {
        assert_eq!(venue["difference"], "0", "{asked:#}");
    }
    assert_eq!(asked["venues_now"].as_array().unwrap().len(), 2, "{asked:#}");
    println!("{boots} boots, {fills} fills\n{said}");
}

#[test]
fn a_run_on_paper_goes_on_where_it_was_killed() {
    let venues = ["polymarket", "kalshi"].map(|which| Venue::start(which, "busy", &[]));
    let path = config("kill-paper", &venues[0], &venues[1], "");
    pair_up(&path, &venues[0], &venues[1]);
    let journal = folder("kill-paper").join("journal");
    let (kills, mut seed) = kills();
    let mut fills_before = 0;
    for kill in 1..=kills {
        seed = next(seed);
        let mut child = run(&path, &journal, &["--seconds", "600"]);
        wait(Duration::from_millis(1_500 + (seed >> 33) % 2_500));
        child.kill().unwrap();
        child.wait().unwrap();
        let (boots, fills) = read(&journal);
        assert!(boots <= kill && fills >= fills_before, "kill {kill}");
        fills_before = fills;
        check_sums(&journal);
    }
    let child = run(&path, &journal, &["--seconds", "4"]).wait_with_output().unwrap();
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
