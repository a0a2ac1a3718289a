//! The matcher against pairs that people have labelled, and against large made-up lists.

#![expect(clippy::expect_used, reason = "a proof fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use dutchbook_tools::matching::{Kind, nominate, score};
use harness::{data, markets};
use serde_json::Value;

const LABELLED: &str = "cross_venue/matching/kalshi_polymarket_labeled_693.jsonl.zst";
const HARD: &str = "cross_venue/matching/kalshi_polymarket_precision_regression.jsonl";

fn scored(path: &Path) -> Value {
    score::run(path, |_, _| {}).expect("the file is scored")
}

/// A share in millionths, without floats.
fn micro(score: &Value, key: &str) -> u64 {
    let text = score.get(key).expect(key).to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{part:0<6}").parse().expect(key)
}

fn cell(score: &Value, row: &str, column: &str) -> u64 {
    score["confusion"][row][column].as_u64().expect(column)
}

#[test]
fn labelled_pairs_are_found_and_told_apart() {
    let path = data::root().join(LABELLED);
    if !path.exists() {
        println!("skipped: data {LABELLED} absent");
        return;
    }
    let score = scored(&path);
    println!("{score}");
    assert!(micro(&score, "recall_nominated") >= 950_000);
    assert!(micro(&score, "nominated_per_market") <= 10_000_000);
    assert!(micro(&score, "precision_same") >= 980_000);
    assert!(micro(&score, "recall_same") >= 700_000);
    assert_eq!(score["inverted_correct"], score["inverted_total"]);
}

#[test]
fn no_hard_pair_is_called_the_same() {
    let path = data::root().join(HARD);
    if !path.exists() {
        println!("skipped: data {HARD} absent");
        return;
    }
    let score = scored(&path);
    for column in ["same", "inverse"] {
        assert_eq!(cell(&score, "false_match", column), 0, "{score}");
    }
    assert!(micro(&score, "recall_nominated") >= 950_000);
}

/// Folds by the hash of the Kalshi title: each must hold the aims alone, so that no fold carries
/// the others.
#[test]
fn every_fifth_of_the_labelled_pairs_holds_alone() {
    let Some(text) = data::text(LABELLED) else { return };
    let mut folds: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row");
        let title = row["kalshi_title"].as_str().expect("a title");
        let hash = title.bytes().fold(17_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        folds.entry(hash % 5).or_default().push(line);
    }
    for (fold, lines) in folds {
        let name = format!("dutchbook_fold_{}_{fold}.jsonl", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, lines.join("\n")).expect("written");
        let score = scored(&path);
        std::fs::remove_file(&path).expect("removed");
        println!("fold {fold}: {} pairs, {score}", lines.len());
        assert!(micro(&score, "recall_nominated") >= 950_000);
        assert!(micro(&score, "precision_same") >= 980_000);
        assert!(micro(&score, "recall_same") >= 700_000);
    }
}

/// What the labels, notes, ids and sources say changes no verdict.
#[test]
fn labels_are_not_read_before_scoring() {
    let Some(text) = data::text(LABELLED) else { return };
    let path = std::env::temp_dir().join(format!("dutchbook_blind_{}.jsonl", std::process::id()));
    let blind = |line: &str| {
        let mut row: Value = serde_json::from_str(line).expect("a row");
        row["label"] = Value::from("true_match");
        row["polarity"] = Value::from("inverted");
        for key in ["notes", "source", "kalshi_id", "polymarket_id"] {
            row[key] = Value::from("x");
        }
        row.to_string()
    };
    let lines: Vec<String> = text.lines().map(blind).collect();
    std::fs::write(&path, lines.join("\n")).expect("written");
    let blind = scored(&path);
    std::fs::remove_file(&path).expect("removed");
    let score = scored(&data::root().join(LABELLED));
    assert_eq!(blind["nominated"], score["nominated"]);
    for kind in Kind::ALL {
        let all = |score: &Value| -> u64 {
            let rows = ["true_match", "true_match_inverted", "false_match"];
            rows.iter().map(|row| cell(score, row, kind.name())).sum()
        };
        assert_eq!(all(&blind), all(&score), "{}", kind.name());
    }
}

/// Large lists: the pairs that are there are found, and nothing else is called the same.
#[test]
fn large_lists_are_matched() {
    let listings = markets::listings(8_000, 4_000, 7);
    let found = nominate(&listings.first, &listings.second, |_| {});
    let same = |kind: Kind| kind == Kind::Same;
    let mut right = 0;
    for nomination in found.iter().filter(|nomination| same(nomination.kind)) {
        let truth = listings.truth.get(nomination.first).copied().flatten();
        let titles =
            (&listings.first[nomination.first].title, &listings.second[nomination.second].title);
        assert_eq!(truth, Some(nomination.second), "{titles:?}");
        right += 1;
    }
    let all = listings.truth.iter().flatten().count();
    let is_found = |(first, second): (usize, Option<usize>)| {
        found.iter().any(|n| n.first == first && Some(n.second) == second)
    };
    let shared = listings.truth.iter().copied().enumerate().filter(|(_, second)| second.is_some());
    let nominated = shared.filter(|pair| is_found(*pair)).count();
    println!("{all} pairs, {nominated} nominated, {right} called the same, {} in all", found.len());
    assert!(nominated * 100 >= all * 95);
    assert!(right * 100 >= all * 70);
    assert!(found.len() <= 10 * listings.first.len());
}
