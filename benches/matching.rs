//! How long it takes to match every open market of two venues: 200 000 against 100 000 titles.
//!
//! `cargo bench -p dutchbook-benches --bench matching`; one thread.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench times and prints")]

use std::time::Instant;

use dutchbook_tools::matching::{Kind, nominate};
use harness::markets::listings;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    for (first, second) in [(20_000, 10_000), (200_000, 100_000)] {
        let listings = listings(first, second, 7);
        let started = Instant::now();
        let found = nominate(&listings.first, &listings.second, |_| {});
        let took = started.elapsed();
        let all = listings.truth.iter().flatten().count();
        let same: Vec<_> = found.iter().filter(|n| n.kind == Kind::Same).collect();
        let right = same.iter().filter(|n| listings.truth.get(n.first) == Some(&Some(n.second)));
        println!(
            "match_{first}x{second}: {} ms, {} nominated, {} of {all} pairs called the same, {} \
             wrongly",
            took.as_millis(),
            found.len(),
            right.clone().count(),
            same.len() - right.count(),
        );
    }
}
