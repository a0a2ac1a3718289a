//! One market that asks for a range of numbers, and the buckets of the other venue that make up that
//! range: a claim about more than two markets, put together from pairs that lie inside each other.

use std::collections::BTreeMap;

use super::judge::{Kind, Remark};
use super::reading::Reading;
use super::spans::{End, Span};
use super::words::Unit;
use super::{List, Nomination};

/// Parts of one whole: a person has to read all of their rules.
pub const PARTS_MAX: usize = 8;
/// One unit, in millionths: the widest step between two buckets that still touch.
const ONE: i128 = 1_000_000;

/// A market, and the markets of the other list that share its numbers out among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Union {
    /// The list of the whole; the parts are in the other.
    pub whole_in: List,
    /// Its place there.
    pub whole: usize,
    /// The places of the parts, from the lowest numbers to the highest.
    pub parts: Vec<usize>,
    /// A number at the edge of two parts may count for both of them, or for none.
    pub has_edges: bool,
    /// 0 to 100: that of the least sure of its pairs.
    pub confidence: u32,
}

/// Pairs whose numbers alone differ, one inside the other: by list and place of the larger.
#[derive(Debug, Default)]
pub(super) struct Inside(BTreeMap<(List, usize), Vec<(usize, u32)>>);

impl Inside {
    /// Notes a judged pair.
    pub(super) fn note(&mut self, nomination: &Nomination) {
        if nomination.remarks != [Remark::Numbers] {
            return;
        }
        let Nomination { first, second, confidence, .. } = *nomination;
        let (list, whole, part) = match nomination.kind {
            Kind::Implies => (List::Second, second, first),
            Kind::Implied => (List::First, first, second),
            Kind::Same | Kind::Inverse | Kind::Exclusive | Kind::Unclear => return,
        };
        self.0.entry((list, whole)).or_default().push((part, confidence));
    }

    /// The unions among them.
    pub(super) fn unions(self, first: &[Reading], second: &[Reading]) -> Vec<Union> {
        let found = self.0.into_iter().filter_map(|((whole_in, whole), inside)| {
            let (own, other) = match whole_in {
                List::First => (first, second),
                List::Second => (second, first),
            };
            let span = only_span(own, whole)?;
            let parts: Vec<(usize, Span)> =
                inside.iter().filter_map(|(at, _)| Some((*at, only_span(other, *at)?))).collect();
            let (parts, has_edges) = tiled(&span, &parts)?;
            let sure = |at: &usize| inside.iter().find(|(part, _)| part == at).map(|(_, c)| *c);
            let confidence = parts.iter().filter_map(sure).min()?;
            Some(Union { whole_in, whole, parts, has_edges, confidence })
        });
        found.collect()
    }
}

fn only_span(readings: &[Reading], at: usize) -> Option<Span> {
    match readings.get(at)?.spans.as_slice() {
        [span] => Some(*span),
        _ => None,
    }
}

/// How two ends that should meet do: exactly, with a number in doubt, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meet {
    Exactly,
    WithEdge,
    Apart,
}

/// How the upper end of one bucket meets the lower end of the next.
fn meet(high: Option<End>, low: Option<End>, unit: Unit) -> Meet {
    let (Some(high), Some(low)) = (high, low) else { return Meet::Apart };
    if high.micro == low.micro {
        return if high.is_in == low.is_in { Meet::WithEdge } else { Meet::Exactly };
    }
    let gap = low.micro - high.micro;
    if !(high.is_in && low.is_in) || gap != last_digit(high.micro, low.micro) {
        return Meet::Apart;
    }
    // Whole things have nothing between 4 and 5; dollars and per cents may.
    if unit == Unit::Count && gap == ONE { Meet::Exactly } else { Meet::WithEdge }
}

/// What one in the last digit that either of two numbers needs is worth, at most [`ONE`].
fn last_digit(a: i128, b: i128) -> i128 {
    let mut step = 1;
    while step < ONE && a % (step * 10) == 0 && b % (step * 10) == 0 {
        step *= 10;
    }
    step
}

/// Where the numbers end that are not in a span which begins or ends here.
fn other_side(end: Option<End>) -> Option<End> {
    end.map(|End { micro, is_in }| End { micro, is_in: !is_in })
}

/// Whether a bucket begins where the whole does.
fn begins(whole: &Span, part: &Span) -> Meet {
    match (whole.low, part.low) {
        (None, None) => Meet::Exactly,
        (low, part) => meet(other_side(low), part, whole.unit),
    }
}

/// Whether a bucket ends where the whole does.
fn ends(whole: &Span, part: &Span) -> Meet {
    match (whole.high, part.high) {
        (None, None) => Meet::Exactly,
        (high, part) => meet(part, other_side(high), whole.unit),
    }
}

/// The fewest parts that share out the whole, lowest first, and whether an edge of theirs is in doubt.
/// `None` where there are no two, more than [`PARTS_MAX`], or a number is left over.
fn tiled(whole: &Span, parts: &[(usize, Span)]) -> Option<(Vec<usize>, bool)> {
    // Ways from the lowest numbers up, one part longer in each round, one way to each last part.
    let first = parts.iter().filter(|(_, part)| begins(whole, part) != Meet::Apart);
    let mut ways: Vec<Vec<&(usize, Span)>> = first.map(|part| vec![part]).collect();
    for _ in 2..=PARTS_MAX {
        let mut longer: Vec<Vec<&(usize, Span)>> = Vec::new();
        for way in &ways {
            let Some((_, last)) = way.last() else { continue };
            for next in parts {
                let is_reached = longer.iter().any(|other| other.last() == Some(&next));
                if !is_reached && meet(last.high, next.1.low, whole.unit) != Meet::Apart {
                    longer.push(way.iter().copied().chain([next]).collect());
                }
            }
        }
        let is_whole = |way: &&Vec<&(usize, Span)>| {
            way.last().is_some_and(|(_, last)| ends(whole, last) != Meet::Apart)
        };
        if let Some(way) = longer.iter().find(is_whole) {
            return Some((way.iter().map(|(place, _)| *place).collect(), has_edges(whole, way)));
        }
        ways = longer;
    }
    None
}

fn has_edges(whole: &Span, way: &[&(usize, Span)]) -> bool {
    let between = way.windows(2).any(|pair| match pair {
        [(_, a), (_, b)] => meet(a.high, b.low, whole.unit) == Meet::WithEdge,
        _ => false,
    });
    let outer = |part: Option<&&(usize, Span)>, at: fn(&Span, &Span) -> Meet| {
        part.is_some_and(|(_, part)| at(whole, part) == Meet::WithEdge)
    };
    between || outer(way.first(), begins) || outer(way.last(), ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Market, nominate_all};

    fn markets(titles: &[&str]) -> Vec<Market> {
        let market = |title: &&str| Market { title: (*title).to_owned(), close: None };
        titles.iter().map(market).collect()
    }

    const ABOVE: &str = "Will core CPI inflation be above 3.0% in September 2026?";

    fn found(buckets: &[&str]) -> Vec<Union> {
        nominate_all(&markets(&[ABOVE]), &markets(buckets), |_| {}).1
    }

    #[test]
    fn buckets_that_share_out_a_range_are_its_parts() {
        let mut buckets = vec![
            "Will core CPI inflation be above 3.4% in September 2026?",
            "Will core CPI inflation be at most 3.0% in September 2026?",
            "Will core CPI inflation be between 3.1% and 3.2% in September 2026?",
            "Will core CPI inflation be between 3.3% and 3.4% in September 2026?",
            "Will core CPI inflation be between 3.3% and 3.4% in October 2026?",
        ];
        let union = Union {
            whole_in: List::First,
            whole: 0,
            parts: vec![2, 3, 0],
            has_edges: true,
            confidence: 83,
        };
        assert_eq!(found(&buckets), std::slice::from_ref(&union));
        let turned = nominate_all(&markets(&buckets), &markets(&[ABOVE]), |_| {}).1;
        assert_eq!(turned, [Union { whole_in: List::Second, ..union }]);
        buckets.remove(3);
        assert_eq!(found(&buckets), [], "3.3 to 3.4 is nobody's");
    }

    #[test]
    fn ends_meet_as_numbers_do() {
        let end = |micro, is_in| Some(End { micro, is_in });
        for (high, low, unit, expected) in [
            (end(3 * ONE, true), end(3 * ONE, false), Unit::Percent, Meet::Exactly),
            (end(3 * ONE, true), end(3 * ONE, true), Unit::Percent, Meet::WithEdge),
            (end(3 * ONE, false), end(3 * ONE, false), Unit::Count, Meet::WithEdge),
            (end(4 * ONE, true), end(5 * ONE, true), Unit::Count, Meet::Exactly),
            (end(4 * ONE, true), end(5 * ONE, true), Unit::Dollar, Meet::WithEdge),
            (end(3_200_000, true), end(3_300_000, true), Unit::Percent, Meet::WithEdge),
            (end(249_990_000, true), end(250_000_000, true), Unit::Dollar, Meet::WithEdge),
            (end(40 * ONE, true), end(50 * ONE, true), Unit::Count, Meet::Apart),
            (end(4 * ONE, true), end(6 * ONE, true), Unit::Count, Meet::Apart),
            (end(5 * ONE, true), end(4 * ONE, true), Unit::Count, Meet::Apart),
            (end(5 * ONE, true), None, Unit::Count, Meet::Apart),
        ] {
            assert_eq!(meet(high, low, unit), expected, "{high:?} {low:?}");
        }
    }

    #[test]
    fn the_fewest_parts_that_leave_nothing_over_are_taken() {
        let at_least = |low| Span::from(low * ONE, true, Unit::Count);
        let from_to = |low, high| Span::between(low * ONE, high * ONE, Unit::Count);
        let parts = [
            (7, from_to(1, 2)),
            (3, from_to(3, 4)),
            (5, at_least(5)),
            (9, from_to(1, 4)),
            (8, from_to(6, 9)),
        ];
        assert_eq!(tiled(&at_least(1), &parts), Some((vec![9, 5], false)));
        assert_eq!(tiled(&from_to(1, 4), &parts), Some((vec![7, 3], false)));
        assert_eq!(tiled(&at_least(3), &parts), Some((vec![3, 5], false)));
        assert_eq!(tiled(&at_least(6), &parts), None);
        assert_eq!(tiled(&from_to(1, 9), &parts), None, "5 is nobody's");
        assert_eq!(tiled(&from_to(1, 4), &parts[3..4]), None, "one is no union");
    }
}
