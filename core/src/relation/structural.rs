//! Relations that one event's own metadata state, so that no person has to approve them: exclusive
//! and exhaustive outcomes, ladders of strikes and of dates, buckets against cumulative strikes.
//!
//! It never reads a title and never compares prices. What the metadata leave open is left open: an
//! event that may gain outcomes is exclusive only, a gap between two buckets belongs to neither.

use dutchbook_book::{BookId, Face, InstrumentId, Rate};

use super::{Relation, Shown};

/// How many outcomes of one event may come true, by the venue's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcomes {
    /// Nothing is said: markets of one series, a ladder.
    Free,
    /// At most one: Kalshi's `mutually_exclusive`, an augmented or open-ended neg-risk event.
    AtMostOne,
    /// Exactly one, and no outcome can be added: a plain neg-risk event.
    ExactlyOne,
}

/// What YES of a market claims about the quantity that its event measures, in the catalog's own
/// fixed point. A date is a quantity too: "by D" is [`Claim::AtMost`] in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// No number: a name, a winner.
    Named,
    /// The quantity is larger.
    Above(i128),
    /// The quantity is at least this.
    AtLeast(i128),
    /// The quantity is smaller.
    Below(i128),
    /// The quantity is at most this.
    AtMost(i128),
    /// The quantity lies between two values, both included.
    Between(i128, i128),
}

/// One market of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Market {
    /// Its book.
    pub book: BookId,
    /// What its YES face claims.
    pub claim: Claim,
}

/// One event as its venue describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// How many outcomes may come true.
    pub outcomes: Outcomes,
    /// Its markets. One that is closed or without a book still belongs here: without it the others
    /// are not exhaustive.
    pub markets: Vec<Market>,
    /// How many outcomes the event has that are not among the markets.
    pub unlisted_count: usize,
    /// The finest step in which the quantity is published, where the rules say so; zero where they
    /// do not. With a step of one, "above 5" and "at least 6" are the same claim.
    pub step: i128,
    /// The share that turning NO into YES of the other outcomes costs, where the venue can.
    pub conversion: Option<Rate>,
}

/// A place between two values: twice the value, and one more where the value itself lies below.
type Cut = i128;

/// The quantities for which a claim is true: from a cut to a cut, open where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: Option<Cut>,
    to: Option<Cut>,
}

/// The cut just below `value`, which lies above it.
fn below(value: i128, step: i128) -> Cut {
    if step <= 0 {
        return value.saturating_mul(2);
    }
    // The smallest published value that is not smaller.
    let up = value.saturating_add(step - 1).div_euclid(step);
    up.saturating_mul(step).saturating_mul(2)
}

/// The cut just above `value`, which lies below it.
fn above(value: i128, step: i128) -> Cut {
    if step <= 0 {
        return value.saturating_mul(2).saturating_add(1);
    }
    // The smallest published value that is larger.
    value.div_euclid(step).saturating_add(1).saturating_mul(step).saturating_mul(2)
}

impl Claim {
    fn span(self, step: i128) -> Option<Span> {
        let span = match self {
            Self::Named => return None,
            Self::Above(x) => Span { from: Some(above(x, step)), to: None },
            Self::AtLeast(x) => Span { from: Some(below(x, step)), to: None },
            Self::Below(x) => Span { from: None, to: Some(below(x, step)) },
            Self::AtMost(x) => Span { from: None, to: Some(above(x, step)) },
            Self::Between(low, high) => {
                Span { from: Some(below(low, step)), to: Some(above(high, step)) }
            }
        };
        let is_empty = matches!((span.from, span.to), (Some(from), Some(to)) if from >= to);
        (!is_empty).then_some(span)
    }
}

/// A threshold with the instruments that pay at and above it.
#[derive(Clone, Debug)]
struct Rung {
    cut: Cut,
    shown: Shown,
}

/// A bounded span with the instrument that pays inside it.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    from: Cut,
    to: Cut,
    instrument: InstrumentId,
}

/// Everything that an event's metadata state, in a fixed order: its outcomes, its ladder, its
/// buckets. Ids are given by whoever collects them.
#[must_use]
pub fn relations(event: &Event) -> Vec<Relation> {
    let spans: Vec<(BookId, Option<Span>)> =
        event.markets.iter().map(|market| (market.book, market.claim.span(event.step))).collect();
    let rungs = rungs(&spans);
    let mut buckets: Vec<Bucket> = spans.iter().filter_map(bucket).collect();
    buckets.sort_by_key(|bucket| (bucket.from, bucket.to));
    let mut relations: Vec<Relation> = outcomes(event, &spans).into_iter().collect();
    if rungs.len() > 1 {
        let shown: Vec<Shown> = rungs.iter().map(|rung| rung.shown.clone()).collect();
        relations.push(Relation::ladder(&shown));
    }
    relations.extend(bundles(&rungs, &buckets));
    relations
}

/// The law of the outcomes as a whole.
fn outcomes(event: &Event, spans: &[(BookId, Option<Span>)]) -> Option<Relation> {
    let shown: Vec<Shown> =
        spans.iter().map(|(book, _)| vec![book.instrument(Face::Yes)]).collect();
    if shown.len() < 2 {
        return None;
    }
    let covered: Option<Vec<Span>> = spans.iter().map(|(_, span)| *span).collect();
    let law = covered.map_or(Cover::Overlapping, cover);
    let relation = match (event.outcomes, law) {
        (Outcomes::ExactlyOne, _) if event.unlisted_count == 0 => Relation::partition(&shown),
        // Numbers that leave no gap prove what the venue's flag does not say.
        (_, Cover::Whole) => Relation::partition(&shown),
        (Outcomes::ExactlyOne | Outcomes::AtMostOne, _) | (Outcomes::Free, Cover::Disjoint) => {
            Relation::exclusive(&shown)
        }
        (Outcomes::Free, Cover::Overlapping) => return None,
    };
    Some(match event.conversion {
        Some(fee) => relation.with_conversion(fee),
        None => relation,
    })
}

/// How spans lie on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cover {
    Overlapping,
    Disjoint,
    /// Disjoint, and without a gap from end to end.
    Whole,
}

fn cover(mut spans: Vec<Span>) -> Cover {
    spans.sort_by_key(|span| span.from);
    let mut is_whole = spans.first().is_some_and(|span| span.from.is_none());
    for (span, next) in spans.iter().zip(spans.iter().skip(1)) {
        match (span.to, next.from) {
            (Some(to), Some(from)) if to <= from => is_whole &= to == from,
            _ => return Cover::Overlapping,
        }
    }
    is_whole &= spans.last().is_some_and(|span| span.to.is_none());
    if is_whole { Cover::Whole } else { Cover::Disjoint }
}

/// Thresholds in ascending order: "above x" by its YES face, "below x" by its NO face.
fn rungs(spans: &[(BookId, Option<Span>)]) -> Vec<Rung> {
    let mut found: Vec<(Cut, InstrumentId)> = spans
        .iter()
        .filter_map(|(book, span)| match (*span)? {
            Span { from: Some(cut), to: None } => Some((cut, book.instrument(Face::Yes))),
            Span { from: None, to: Some(cut) } => Some((cut, book.instrument(Face::No))),
            Span { .. } => None,
        })
        .collect();
    found.sort_unstable();
    let mut rungs: Vec<Rung> = Vec::with_capacity(found.len());
    for (cut, instrument) in found {
        match rungs.last_mut() {
            Some(rung) if rung.cut == cut => rung.shown.push(instrument),
            _ => rungs.push(Rung { cut, shown: vec![instrument] }),
        }
    }
    rungs
}

fn bucket((book, span): &(BookId, Option<Span>)) -> Option<Bucket> {
    let Span { from, to } = (*span)?;
    Some(Bucket { from: from?, to: to?, instrument: book.instrument(Face::Yes) })
}

/// "Above a" is the bucket from a to b together with "above b"; and, over a longer way, the chain of
/// buckets from a to the first rung that it meets. Every rung gives at most one of each.
fn bundles(rungs: &[Rung], buckets: &[Bucket]) -> Vec<Relation> {
    let rung_at = |cut: Cut| {
        let at = rungs.binary_search_by_key(&cut, |rung| rung.cut).ok()?;
        rungs.get(at)?.shown.first().copied()
    };
    let from = |cut: Cut| {
        let start = buckets.partition_point(|bucket| bucket.from < cut);
        buckets.get(start).filter(|bucket| bucket.from == cut)
    };
    let mut found = Vec::new();
    for rung in rungs {
        let Some(&whole) = rung.shown.first() else { continue };
        let (mut parts, mut cut) = (Vec::new(), rung.cut);
        while let Some(bucket) = from(cut) {
            parts.push(bucket.instrument);
            cut = bucket.to;
            if let Some(rest) = rung_at(cut) {
                parts.push(rest);
                found.push(Relation::bundle(whole, parts));
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
