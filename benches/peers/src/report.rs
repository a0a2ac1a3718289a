//! What was measured, as JSON or to read.

use serde_json::{Map, Value, json};

use crate::orders::Percentiles;
use crate::rounds::Row;

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// The rows that have a peer, as one array.
pub(crate) fn json(rows: &[Row]) -> String {
    let rows = rows.iter().filter(|row| !row.ratios.is_empty()).map(|row| {
        let peers: Map<String, Value> =
            row.peers().map(|(name, ns, _)| (name.to_owned(), json!(rounded(ns, 1)))).collect();
        json!({
            "name": row.name,
            "ours_ns": rounded(row.ours_ns, 1),
            "peers": peers,
            "ratio_to_best_peer": rounded(row.to_best(), 2),
        })
    });
    format!("{:#}", Value::Array(rows.collect()))
}

fn time(ns: f64) -> String {
    match ns {
        0.0..1_000.0 => format!("{ns:.1} ns"),
        1_000.0..100_000.0 => format!("{:.2} µs", ns / 1_000.0),
        _ => format!("{:.1} µs", ns / 1_000.0),
    }
}

/// One line per row and peer; the fastest peer is marked.
pub(crate) fn print(rows: &[Row]) {
    println!("\n{:<34} {:>10}   {:<32} {:>10} {:>8}", "row", "ours", "peer", "peer's", "ratio");
    for row in rows {
        for (name, ns, ratio) in row.peers() {
            let mark = match ratio {
                ratio if ratio > row.to_best() => "",
                ratio if ratio < 1.0 => "  the fastest peer, ahead of us",
                _ => "  the fastest peer",
            };
            let (ours, theirs) = (time(row.ours_ns), time(ns));
            println!("{:<34} {ours:>10}   {name:<32} {theirs:>10} {ratio:>7.2}x{mark}", row.name);
        }
    }
}

/// Single orders, in nanoseconds.
pub(crate) fn print_percentiles(all: &[Percentiles]) {
    println!(
        "\n{:<36} {:>10} {:>10} {:>10} {:>10}   single orders, in turn",
        "way to a signed request", "p50", "p90", "p99", "p99.9"
    );
    for Percentiles { name, ns } in all {
        let [p50, p90, p99, p999] = ns.map(|ns| time(ns as f64));
        println!("{name:<36} {p50:>10} {p90:>10} {p99:>10} {p999:>10}");
    }
}
