//! Which markets of two venues bind each other: nominations for a person to approve.
//!
//! Titles are read into words, numbers, times and polarity (`reading`); an index proposes the few
//! that could be the same question (`block`); each of those is judged (`judge`). It never reads
//! prices, and what it says is a nomination: only an approved relation is traded.

mod block;
pub mod command;
mod dates;
mod judge;
mod lexicon;
pub mod listing;
pub mod progress;
pub mod proposal;
mod reading;
pub mod review;
pub mod score;
mod spans;
pub mod union;
mod words;

pub use judge::{Kind, Remark};

use block::{Index, Scratch};
use dates::Close;
use judge::{Verdict, judge};
use reading::{Reader, Reading};
use union::{Inside, Union};

/// Nominations that one market may have: a person reads them.
pub const NOMINATED_MAX: usize = 6;
/// Titles of the other list that are judged.
const JUDGED_MAX: usize = 24;
/// Likeness below which an unclear pair is not worth a person's time, in thousandths.
const LIKENESS_MIN: u32 = 250;
/// Likeness from which even a contradiction is shown.
const CONFLICT_LIKENESS_MIN: u32 = 550;

/// A market as the matcher sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Market {
    /// Its title, with the outcome where the venue keeps that apart.
    pub title: String,
    /// The day on which it closes, as year, month, day.
    pub close: Option<(i32, u8, u8)>,
}

/// Which of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// The first.
    First,
    /// The second.
    Second,
}

/// A pair worth a person's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nomination {
    /// Its place in the first list.
    pub first: usize,
    /// Its place in the second list.
    pub second: usize,
    /// What is claimed.
    pub kind: Kind,
    /// 0 to 100.
    pub confidence: u32,
    /// The share of telling words that both say, in thousandths.
    pub likeness: u32,
    /// What differs, and what had to be assumed.
    pub remarks: Vec<Remark>,
}

/// A judged pair before the better claims are sorted out.
struct Judged {
    nomination: Nomination,
    is_assumed: bool,
    /// Days between the closes, where both are known.
    apart: Option<u64>,
}

fn days_apart(a: Close, b: Close) -> Option<u64> {
    let day = |(year, month, day): (i32, u8, u8)| {
        i64::from(year) * 372 + i64::from(month) * 31 + i64::from(day)
    };
    Some(day(a?).abs_diff(day(b?)))
}

/// Matches two lists of markets by pairs; `progress` is told how many of the first list are done.
#[must_use]
pub fn nominate(
    first: &[Market],
    second: &[Market],
    progress: impl FnMut(usize),
) -> Vec<Nomination> {
    nominate_all(first, second, progress).0
}

/// The same, with the markets whose numbers several of the other list share out.
#[must_use]
pub fn nominate_all(
    first: &[Market],
    second: &[Market],
    mut progress: impl FnMut(usize),
) -> (Vec<Nomination>, Vec<Union>) {
    let mut reader = Reader::new();
    let mut read = |markets: &[Market]| -> Vec<Reading> {
        markets.iter().map(|market| reader.read(&market.title)).collect()
    };
    let (readings, others) = (read(first), read(second));
    let index = Index::new(
        reader.dictionary.len(),
        readings.iter().map(|reading| reading.keys.as_slice()),
        others.iter().map(|reading| reading.keys.as_slice()),
    );
    let mut scratch = Scratch::default();
    let (mut judged, mut inside) = (Vec::new(), Inside::default());
    for (at, reading) in readings.iter().enumerate() {
        progress(at);
        let close = first.get(at).and_then(|market| market.close);
        let mut found = Vec::new();
        for (other, likeness) in
            index.candidates(&reading.keys, &mut scratch).into_iter().take(JUDGED_MAX)
        {
            let place = usize::try_from(other).unwrap_or(usize::MAX);
            let Some(candidate) = others.get(place) else { continue };
            let other_close = second.get(place).and_then(|market| market.close);
            let verdict = judge((reading, close), (candidate, other_close), &reader.dictionary);
            found.extend(worth(at, place, likeness, verdict, days_apart(close, other_close)));
        }
        found.iter().for_each(|judged| inside.note(&judged.nomination));
        settle_claims(&mut found);
        found.sort_by_key(rank);
        found.truncate(NOMINATED_MAX);
        judged.append(&mut found);
    }
    judged.sort_by_key(|judged| (judged.nomination.second, judged.nomination.first));
    for claims in judged.chunk_by_mut(|a, b| a.nomination.second == b.nomination.second) {
        settle_claims(claims);
    }
    let mut found: Vec<Nomination> = judged.into_iter().map(|judged| judged.nomination).collect();
    found.sort_by_key(|n| (n.first, n.kind, core::cmp::Reverse(n.confidence), n.second));
    (found, inside.unions(&readings, &others))
}

/// Drops what is not worth a person's time.
fn worth(
    first: usize,
    second: usize,
    likeness: u32,
    verdict: Verdict,
    apart: Option<u64>,
) -> Option<Judged> {
    let floor = match (verdict.kind, verdict.is_conflict) {
        (Kind::Unclear, true) => CONFLICT_LIKENESS_MIN,
        (Kind::Unclear, false) => LIKENESS_MIN,
        _ => 0,
    };
    if likeness < floor {
        return None;
    }
    let Verdict { kind, confidence, remarks, is_assumed, .. } = verdict;
    let nomination = Nomination { first, second, kind, confidence, likeness, remarks };
    Some(Judged { nomination, is_assumed, apart })
}

/// The order in which the nominations of one market are kept.
fn rank(judged: &Judged) -> (Kind, core::cmp::Reverse<(u32, u32)>, usize) {
    let Nomination { kind, confidence, likeness, second, .. } = judged.nomination;
    (kind, core::cmp::Reverse((likeness, confidence)), second)
}

/// Of several claims to be the same question, those that rest on an assumption give way: to a claim
/// that needs none, else to the one that closes nearest, else all of them become unclear.
fn settle_claims(claims: &mut [Judged]) {
    let is_claim = |judged: &Judged| judged.nomination.kind.is_identity();
    let claimed = claims.iter().filter(|judged| is_claim(judged)).count();
    let assumed = claims.iter().filter(|judged| is_claim(judged) && judged.is_assumed).count();
    if claimed < 2 || assumed == 0 {
        return;
    }
    let has_plain = assumed < claimed;
    let nearest =
        claims.iter().filter(|judged| is_claim(judged)).filter_map(|judged| judged.apart).min();
    let ties = claims.iter().filter(|judged| is_claim(judged) && judged.apart == nearest).count();
    for judged in claims.iter_mut().filter(|judged| is_claim(judged) && judged.is_assumed) {
        let is_best = !has_plain && ties == 1 && nearest.is_some() && judged.apart == nearest;
        if !is_best {
            judged.nomination.kind = Kind::Unclear;
            judged.nomination.confidence = judged.nomination.confidence.min(40);
        }
    }
}
